"""Passwords: how they are stored, and which are taken.

Argon2id with 64 MiB, three passes, one lane; at most two are computed at once, so that a burst of sign-ins cannot
take all memory, and some more wait, so that it cannot take all threads: further ones are told to come again. A password
has at least 12 characters, is not among the common ones, and is not the account's own name.
"""

import contextlib
import functools
import re
import threading
import unicodedata
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.utils.translation import gettext, ngettext

from farhand.web.project.errors import Invalid, ServiceError

MINIMUM = 12
MAXIMUM = 256
WAITING = 16
"""Passwords that may wait for their turn: about two seconds' work."""
_two_at_once = threading.BoundedSemaphore(2)
_places = threading.BoundedSemaphore(2 + WAITING)


class Busy(ServiceError):
    """So many passwords are being checked that this one is not."""

    code = "busy"
    status = 503


@contextlib.contextmanager
def _turn() -> Iterator[None]:
    """Wait while two passwords are being computed; raises Busy when too many wait."""
    if not _places.acquire(blocking=False):
        seconds = 5
        raise Busy(
            ngettext(
                "Too many attempts. Wait %(seconds)d second, then try again.",
                "Too many attempts. Wait %(seconds)d seconds, then try again.",
                seconds,
            )
            % {"seconds": seconds}
        )
    try:
        with _two_at_once:
            yield
    finally:
        _places.release()


class Argon2id(Argon2PasswordHasher):
    """Django's Argon2 hasher with this appliance's cost."""

    time_cost = 3
    memory_cost = 65_536
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        """Hash a password; waits while two others are being computed."""
        with _turn():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        """Check a password; waits while two others are being computed."""
        with _turn():
            return bool(super().verify(password, encoded))


@functools.cache
def common_passwords() -> frozenset[str]:
    """The 20,000 most common passwords, lower case, as Django brings them."""
    return frozenset(CommonPasswordValidator().passwords)


def is_guessable(password: str) -> bool:
    """Say whether attackers try this early: a common password, one with something before or behind it, one repeated."""
    plain = password.casefold()
    core = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", plain)
    if plain in common_passwords() or len(set(plain)) < 5 or (plain.isdigit() and len(plain) < 20):
        return True
    if (plain + plain).find(plain, 1) < len(plain):
        return True  # one text several times
    return core in common_passwords() and len(plain) - len(core) <= 6


def clean(password: str) -> str:
    """Return the form of a password that is stored and compared: Unicode NFC, nothing else changed."""
    return unicodedata.normalize("NFC", password)


def check_new(password: str, *names: str, field: str = "password") -> str:
    """Return the cleaned password, or raise Invalid with the sentence for the person. `names`: the account's own
    names.
    """
    text = clean(password)
    plain = text.casefold()
    if len(text) < MINIMUM:
        raise Invalid(field, gettext("Choose a password of at least 12 characters."))
    if len(text) > MAXIMUM:
        raise Invalid(field, gettext("Choose a password of at most 256 characters."))
    if is_guessable(text):
        raise Invalid(field, gettext("This password is among the first that attackers try. Choose another one."))
    if any(
        len(name) >= 4 and plain.replace(name.casefold(), "") != plain and len(plain) - len(name) < 8 for name in names
    ):
        raise Invalid(field, gettext("The password must not be made of the account's own name."))
    return text


def dummy_hash(password: str) -> None:
    """Spend the time of one password check, so that an unknown name answers no faster than a known one."""
    hasher: Any = Argon2id()
    hasher.encode(password[:MAXIMUM], hasher.salt())
