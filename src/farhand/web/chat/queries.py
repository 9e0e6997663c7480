"""Reading team chat: the history of the last days."""

from typing import Any, Final

from farhand.rules.access import Subject
from farhand.web.chat.events import message_value
from farhand.web.chat.models import TeamMessage

SHOWN_MS: Final = 7 * 86_400_000
MOST: Final = 200
"""So many messages of a team are shown, the newest."""


def visible_messages(subject: Subject, now_ms: int) -> list[dict[str, Any]]:
    """The messages of the subject's teams, the oldest first. Collection `team_chat`."""
    found: list[TeamMessage] = []
    for team in sorted(subject.teams):
        found += TeamMessage.objects.filter(team_id=team, time_ms__gt=now_ms - SHOWN_MS).order_by("-id")[:MOST]
    return [message_value(message) for message in sorted(found, key=lambda message: message.id)]
