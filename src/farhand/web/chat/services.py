"""Team chat: saying something to a team, and forgetting what is old.

Rules: only members of a team write and read there; a message is on disk before its sender hears that it was sent, and
is never changed; after a week it is removed.
"""

import unicodedata
from typing import Final

from django.utils.translation import gettext

from farhand.rules.access import Context, Object
from farhand.web.appliance.queries import web_console_allowed
from farhand.web.chat.events import message_value
from farhand.web.chat.models import TeamMessage
from farhand.web.chat.queries import SHOWN_MS
from farhand.web.events.services import next_history
from farhand.web.project.service import Change, Invalid, service

MAX_TEXT: Final = 4096
BATCH: Final = 1000


@service("chat.message.post")
def post_message(change: Change, *, team_id: str, text: str, post: str) -> TeamMessage:
    """Say something to a team. `post`: the sender's own id of it; a repetition gives the message that is there.

    Raises Refused, Invalid.
    """
    queue = f"team:{team_id}"
    change.allow(Object(kind="team", id=team_id, queue=queue), Context(web_console=web_console_allowed()))
    sender = change.actor.subject.id
    before = TeamMessage.objects.filter(sender_id=sender, post=post).first()
    if before is not None:
        change.nothing()
        return before
    origin, sequence = next_history()
    message = TeamMessage(
        origin=origin,
        sequence=sequence,
        team_id=team_id,
        sender_id=sender,
        sender_name=change.actor.name[:64],
        post=post,
        text=_clean(text),
        time_ms=change.now_ms,
    )
    message.save(force_insert=True)
    change.put(queue, "team_chat", message.id, message_value(message))
    change.audit(message=message.id, length=len(message.text))
    return message


@service("chat.message.expire", events="consoles leave out what is old when they start", audit="it removes, day by day")
def expire_messages(change: Change) -> int:
    """Remove messages that are older than consoles show; returns how many."""
    change.allow(Object(kind="team"))
    old = list(TeamMessage.objects.filter(time_ms__lte=change.now_ms - SHOWN_MS).values_list("id", flat=True)[:BATCH])
    TeamMessage.objects.filter(id__in=old).delete()
    if not old:
        change.nothing()
    return len(old)


def _clean(text: str) -> str:
    clean = "\n".join(text.splitlines()).strip()
    strange = any(unicodedata.category(sign) == "Cc" and sign not in "\n\t" for sign in clean)
    if not clean or len(clean) > MAX_TEXT or strange:
        raise Invalid("text", gettext("A message has 1 to 4096 characters that can be shown."))
    return clean
