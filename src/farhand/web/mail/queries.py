"""Reading the mail server of the site and messages on their way."""

from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from django.conf import settings
from django.utils.translation import gettext

from farhand.rules.queues import personal
from farhand.web.appliance.queries import MAIL, get
from farhand.web.mail.letters import Letter
from farhand.web.mail.models import SENT, WAITING, Message
from farhand.web.mail.smtp import Security, Server
from farhand.web.project.sealing import NotOpened, unseal

COLLECTION: Final = "mails"
FOR_SERVER: Final = "farhand-smtp"
FOR_LETTER: Final = "farhand-letter"
"""Purposes of `sealing`."""
TEST: Final = "test"
INVITATION: Final = "invitation"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Management > Email Configuration, as stored."""

    host: str = ""
    port: int = 587
    security: Security = "starttls"
    user: str = ""
    sealed_password: str = ""
    authority: str = ""
    sender: str = ""
    """The address that messages are from."""


def current() -> Settings:
    """The settings now."""
    return msgspec.convert(get(MAIL), Settings)


def is_ready() -> bool:
    """Say whether mail can be sent at all."""
    now = current()
    return bool(now.host and now.sender)


def server() -> Server:
    """The mail server with its password. For the job that sends alone. Raises NotOpened."""
    now = current()
    return Server(
        host=now.host,
        port=now.port,
        security=now.security,
        user=now.user,
        password=unseal(FOR_SERVER, now.sealed_password) if now.sealed_password else "",
        authority=now.authority,
        name=domain(),
    )


def domain() -> str:
    """The appliance's name, as mail servers are told."""
    return urlsplit(settings.FARHAND_PUBLIC_URL).hostname or "localhost"


def message_by_id(ident: str) -> Message | None:
    """Return a message."""
    return Message.objects.filter(id=ident).first()


def letter_of(message: Message) -> Letter | None:
    """What the message says; None once it is over, or when the site's key is another one now."""
    try:
        return msgspec.json.decode(unseal(FOR_LETTER, message.sealed), type=Letter) if message.sealed else None
    except NotOpened:
        return None


def last_test(user_id: str) -> Message | None:
    """The newest test message of this user."""
    return Message.objects.filter(sender_id=user_id, purpose=TEST).order_by("-created_ms", "-id").first()


def sent_since(user_id: str, purpose: str, since_ms: int) -> int:
    """How many messages this user has given to be sent since then."""
    return Message.objects.filter(sender_id=user_id, purpose=purpose, created_ms__gt=since_ms).count()


def count_about(about: str) -> int:
    """How many messages about this were given to be sent."""
    return Message.objects.filter(about=about).count()


def told(message: Message) -> str:
    """How a message stands, as a sentence with what the mail server said."""
    if message.state == SENT:
        text = gettext("The mail server has taken the message to %(to)s.") % {"to": message.to}
    elif message.state == WAITING and not message.tries:
        return gettext("The message to %(to)s is being sent …") % {"to": message.to}
    else:
        text = gettext(message.error)
    if not message.answer:
        return text
    return text + " " + gettext("It said: %(answer)s") % {"answer": message.answer}


def mail_value(message: Message) -> dict[str, Any]:
    """The console's shape of a message: in the topic of who sent it."""
    return {
        "id": message.id,
        "topic": personal(message.sender_id or ""),
        "purpose": message.purpose,
        "about": message.about,
        "to": message.to,
        "state": message.state,
        "answer": message.answer,
        "created_ms": message.created_ms,
    }


def mails_of(user_id: str) -> list[dict[str, Any]]:
    """The messages of this user that are remembered, oldest first. Collection `mails`."""
    return [mail_value(one) for one in Message.objects.filter(sender_id=user_id).order_by("created_ms", "id")]
