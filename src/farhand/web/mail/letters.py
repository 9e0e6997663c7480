"""What a message is before it is sent, and as the bytes of RFC 5322 that go to the mail server.

Rules: an address is plain ASCII of the form name@domain; no header takes a line break or another control character, so
that nobody writes a header of their own into a message (header injection); the text goes out as text, in lines that
every server takes.
"""

import re
from datetime import UTC, datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

import msgspec
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

MAX_ADDRESS: Final = 254
MAX_NAME: Final = 128
MAX_SUBJECT: Final = 200
MAX_TEXT: Final = 16_000
ADDRESS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,253}")
"""What `validate_email` takes beyond this (quoted names, other alphabets) not every mail server does."""
_POLICY: Final = policy.SMTP.clone(cte_type="7bit")


class BadLetter(ValueError):
    """This must not become a message."""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one address."""

    sender: str
    """Address that it is from."""
    sender_name: str = ""
    to: str
    reply_to: str = ""
    subject: str
    text: str


def is_address(text: str) -> bool:
    """Say whether this is a mail address as Farhand takes them."""
    if len(text) > MAX_ADDRESS or not ADDRESS.fullmatch(text):
        return False
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def is_header(text: str, most: int) -> bool:
    """Say whether this text may stand in a header: up to `most` characters, none of which controls anything."""
    return len(text) <= most and text.isprintable()


def check(letter: Letter) -> None:
    """Raise BadLetter unless the letter keeps the rules of this module."""
    for address in filter(None, (letter.sender, letter.to, letter.reply_to)):
        if not is_address(address):
            raise BadLetter("not a mail address")
    if not letter.sender or not letter.to:
        raise BadLetter("an address is missing")
    if not is_header(letter.subject, MAX_SUBJECT) or not is_header(letter.sender_name, MAX_NAME):
        raise BadLetter("a header with control characters, or too long")
    if len(letter.text) > MAX_TEXT or "\0" in letter.text:
        raise BadLetter("too long, or not a text")


def as_bytes(letter: Letter, *, ident: str, domain: str, now_ms: int) -> bytes:
    """Write the message; `ident` and `domain` name it, so that a second try is known as the same one. Raises
    BadLetter."""
    check(letter)
    message = EmailMessage(policy=_POLICY)
    message["From"] = Address(display_name=letter.sender_name, addr_spec=letter.sender)
    message["To"] = Address(addr_spec=letter.to)
    if letter.reply_to:
        message["Reply-To"] = Address(addr_spec=letter.reply_to)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(datetime.fromtimestamp(now_ms / 1000, UTC))
    message["Message-ID"] = f"<{ident}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    return message.as_bytes()
