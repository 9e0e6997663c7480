"""What consoles know of team chat: collection `team_chat`, on the topic of the team's queue."""

from typing import Any

from farhand.web.chat.models import TeamMessage


def message_value(message: TeamMessage) -> dict[str, Any]:
    """The console's shape of a message."""
    topic = f"team:{message.team_id}"
    return {
        "id": message.id,
        "topic": topic,
        "queue": topic,
        "sender_id": message.sender_id,
        "sender_name": message.sender_name,
        "post": message.post,
        "text": message.text,
        "time_ms": message.time_ms,
    }
