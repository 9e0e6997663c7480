"""All changes of mail: the server's settings, messages that are given to be sent, and what came of them.

Rules: the password is stored sealed and never shown; it goes with the server that it was entered for, and is forgotten
when host or user become others; one person sends so many messages in an hour and no more.
"""

import ssl
from typing import Any, Final, get_args

import msgspec
from django.utils.translation import gettext

from farhand.kit.address import is_host
from farhand.rules.access import Object
from farhand.rules.text import gettext_noop as _
from farhand.web.appliance.queries import MAIL
from farhand.web.appliance.services import put_setting
from farhand.web.jobs.services import add
from farhand.web.mail import queries
from farhand.web.mail.letters import BadLetter, Letter, check, is_address
from farhand.web.mail.models import WAITING, Message
from farhand.web.mail.smtp import Security, context_for
from farhand.web.project.sealing import seal
from farhand.web.project.service import Change, Conflict, Invalid, ServiceError, service

HOUR_MS: Final = 3_600_000
MAX_PER_HOUR: Final = {"test": 20, "session-key": 60, queries.INVITATION: 60}
"""Messages of each purpose that one person may send in an hour."""
KEEP_MS: Final = 24 * HOUR_MS
"""Messages are remembered for a day."""
MAX_AUTHORITY: Final = 65_536
GONE: Final = _("The message was not sent in time.")


class TooManyMails(ServiceError):
    """This person has sent enough for now."""

    code = "too-many"
    status = 429


class Fields(msgspec.Struct, frozen=True, kw_only=True):
    """The mail server as an administrator writes it."""

    host: str
    port: int
    security: Security
    user: str = ""
    password: str = ""
    """Empty: the one that is stored stays, unless it is for another server or user."""
    authority: str = ""
    sender: str = ""


@service("mail.settings.edit", events="the mail server shows in /login alone")
def edit_settings(change: Change, *, fields: Fields) -> None:
    """Set the mail server; with an empty host mail is off. Raises Refused, Invalid."""
    change.allow(Object(kind="site"))
    before = queries.current()
    _check(fields)
    kept = before.sealed_password if (fields.host, fields.user) == (before.host, before.user) else ""
    after = queries.Settings(
        host=fields.host,
        port=fields.port,
        security=fields.security,
        user=fields.user,
        sealed_password=seal(queries.FOR_SERVER, fields.password) if fields.password else kept,
        authority=fields.authority,
        sender=fields.sender,
    )
    if after.user and not after.sealed_password:
        raise Invalid("password", gettext("Enter the password of this user."))
    if not after.user:
        after = msgspec.structs.replace(after, sealed_password="")
    change.audit(old=_told(before), new=_told(after), password=bool(fields.password))
    put_setting(MAIL, msgspec.to_builtins(after))


@service("mail.test.send")
def send_test(change: Change, *, to: str) -> str:
    """Send a test message to this address, once. Returns the message's id. Raises Refused, Invalid, Conflict."""
    change.allow(Object(kind="site"))
    site = queries.domain()
    return post(
        change,
        purpose=queries.TEST,
        kind="mail-test",
        letter=Letter(
            sender=queries.current().sender,
            to=to.strip(),
            subject=gettext("Test message of Farhand"),
            text=gettext("This message says that %(site)s can send mail.") % {"site": site} + "\n",
        ),
    )


def post(
    change: Change,
    *,
    purpose: str,
    letter: Letter,
    kind: str = "mail",
    about: str = "",
    useful_until_ms: int | None = None,
) -> str:
    """Give a message of the calling user to be sent, inside a service that has asked its rules; returns its id.

    Raises Invalid (field `to`) for what is no address, Conflict while there is no mail server, TooManyMails.
    """
    if not queries.is_ready():
        raise Conflict(
            gettext("No mail server is set up. An administrator can do that under Management > Email Configuration.")
        )
    if not is_address(letter.to):
        raise Invalid("to", gettext("This is not a mail address. Write it like name@example.com."))
    try:
        check(letter)
    except BadLetter as error:
        raise Invalid("", gettext("This cannot be sent as a message: a subject has one line of text.")) from error
    user = change.actor.subject.id if change.actor.subject.kind == "user" else None
    if user and queries.sent_since(user, purpose, change.now_ms - HOUR_MS) >= MAX_PER_HOUR[purpose]:
        raise TooManyMails(gettext("You have sent very many messages in the last hour. Try again later."))
    message = Message.objects.create(
        purpose=purpose,
        sender_id=user,
        to=letter.to,
        about=about,
        sealed=seal(queries.FOR_LETTER, msgspec.json.encode(letter).decode()),
        useful_until_ms=useful_until_ms,
        created_ms=change.now_ms,
    )
    add(change, kind=kind, subject=f"mail:{message.id}", params={"message": message.id})
    change.audit(to=letter.to, mail=message.id)
    _tell(change, message)
    return message.id


@service("mail.message.note")
def note(change: Change, *, message_id: str, state: str, error: str = "", answer: str = "") -> None:
    """What came of a try to send a message. `state`: `waiting` (it is tried again), `sent` or `failed`."""
    change.allow(Object(kind="mail", id=message_id))
    message = Message.objects.select_for_update().filter(id=message_id, state=WAITING).first()
    if message is None:
        change.nothing()
        return
    message.state, message.error, message.answer = state, error[:255], answer[:255]
    message.tries += 1
    if state != WAITING:
        message.sealed, message.ended_ms = "", change.now_ms
    message.save()
    change.audit(to=message.to, purpose=message.purpose, state=state, error=error, answer=answer, tries=message.tries)
    _tell(change, message)


@service("mail.message.forget", audit="what was sent has rows of its own")
def forget(change: Change) -> int:
    """Forget messages of more than a day ago; returns how many."""
    change.allow(Object(kind="mail"))
    old = list(Message.objects.filter(created_ms__lt=change.now_ms - KEEP_MS)[:500])
    for message in old:
        if message.sender_id:
            value = queries.mail_value(message)
            change.remove(value["topic"], queries.COLLECTION, message.id)
    Message.objects.filter(id__in=[one.id for one in old]).delete()
    if not old:
        change.nothing()
    return len(old)


def _tell(change: Change, message: Message) -> None:
    if message.sender_id:
        value = queries.mail_value(message)
        change.put(value["topic"], queries.COLLECTION, message.id, value)


def _check(fields: Fields) -> None:
    if fields.host and not is_host(fields.host):
        raise Invalid("host", gettext("This is no host name. Write a name like mail.example.com, or an address."))
    if not 1 <= fields.port <= 65_535:
        raise Invalid("port", gettext("A port is a number from 1 to 65535."))
    if fields.security not in get_args(Security):
        raise Invalid("security", gettext("Choose one of the offered kinds of security."))
    if fields.user and fields.security == "none":
        raise Invalid(
            "security", gettext("A password is sent over an encrypted connection only. Choose STARTTLS or TLS.")
        )
    if (fields.host or fields.sender) and not is_address(fields.sender):
        raise Invalid("sender", gettext("This is not a mail address. Write it like name@example.com."))
    for name in ("user", "password"):
        text = getattr(fields, name)
        if len(text) > 255 or not (text.isprintable() and text.isascii()):
            raise Invalid(name, gettext("At most 255 characters of ASCII are possible here."))
    if len(fields.authority) > MAX_AUTHORITY:
        raise Invalid("authority", gettext("These are too many certificates."))
    try:
        context_for(fields.authority)
    except (ssl.SSLError, ValueError) as error:
        raise Invalid("authority", gettext("These are no certificates in the PEM format.")) from error


def _told(settings: queries.Settings) -> dict[str, Any]:
    """What audit rows say of the mail server: never its password."""
    told = msgspec.to_builtins(settings)
    del told["sealed_password"]
    told["authority"] = bool(told["authority"])
    return dict(told)
