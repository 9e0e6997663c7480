"""Session keys and guessing: how long a key may live, how many may live, and how wrong guesses are slowed down.

The promise: the chance that guessing hits any live key over a key's life stays under `MAX_RISK`
(live keys x allowed failures / key space). Settings that break it are refused by `check_settings`; the throttle below
is what makes "allowed failures" a number. It counts chances: a wrong key costs as many as there are live keys to hit,
and a window's budget of them follows from the longest life among the keys that live. So it is small only when many do.
Everything here is pure; rows and clocks belong to the caller.
"""

from typing import Final

import msgspec

from farhand.kit.address import address_block
from farhand.rules.text import gettext_noop as _

MAX_RISK: Final = 1e-5
LIFETIMES_S: Final = (300, 600, 1800, 3600, 14_400)
"""Choices of the dialog, in seconds: 5, 10 and 30 minutes, 1 and 4 hours."""
DEFAULT_LIFETIME_S: Final = 600
JOIN_LIFETIME_S: Final = 3600
"""How long a used key's customer may take to download and run the client, in seconds."""

FREE_FAILURES: Final = 5
"""Wrong keys that one address may send before it has to wait."""
MAX_DELAY_MS: Final = 300_000
"""Longest wait of one address: every delay ends."""
FORGET_MS: Final = 900_000
"""An address that was quiet for so long starts anew."""
WINDOW_MS: Final = 60_000
"""Length of the window in which wrong keys of all addresses together are counted."""


class KeySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a site allows: digits of a key, keys alive at once, longest life, and how many wrong keys per minute from
    everybody are answered at least, even when `max_live` keys live that long.
    """

    digits: int = 12
    max_live: int = 500
    longest_life_s: int = LIFETIMES_S[-1]
    failures_per_minute: int = 60

    def allowed_failures(self) -> int:
        """Wrong keys that are answered during the longest life of one key (each started window counts whole)."""
        return _windows(self.longest_life_s) * self.failures_per_minute

    def risk(self) -> float:
        """Chance that guessing hits a live key over a key's life."""
        return self.max_live * self.allowed_failures() / 10.0**self.digits


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    """The keys that live now: how many, and the longest life (seconds, from its making) among them."""

    count: int = 0
    longest_life_s: int = 0


def _windows(life_s: int) -> int:
    """Windows that a life touches; each started one counts whole."""
    return -(-life_s * 1000 // WINDOW_MS) + 1


class Unsafe(ValueError):
    """These settings would make guessing a key too easy."""


def check_settings(settings: KeySettings) -> None:
    """Raise Unsafe when the settings break the promise, with a sentence that says what to change."""
    if min(settings.digits, settings.max_live, settings.longest_life_s, settings.failures_per_minute) < 1:
        raise Unsafe(_("Every session key setting must be at least 1."))
    if settings.risk() > MAX_RISK:
        raise Unsafe(
            _("These settings make session keys too easy to guess: use more digits, a shorter lifetime or fewer keys.")
        )


def lifetime_allowed(lifetime_s: int, settings: KeySettings) -> bool:
    """Say whether the dialog may offer this lifetime."""
    return lifetime_s in LIFETIMES_S and lifetime_s <= settings.longest_life_s


def normalise_key(text: str, digits: int = 12) -> str | None:
    """Return the digits of a key as typed (`1234-5678-9012`, with spaces, or plain), or None when it cannot be one.

    Only ASCII digits count: other scripts' digits never match a key and would make two spellings of one.
    """
    if len(text) > 64:
        return None
    plain = "".join(c for c in text if c not in " -\u00a0\u2010\u2011\u2013\t\r\n")
    return plain if len(plain) == digits and plain.isascii() and plain.isdigit() else None


def shown_key(key: str) -> str:
    """Write a key in groups of four: `1234-5678-9012`."""
    return "-".join(key[i : i + 4] for i in range(0, len(key), 4))


def address_bucket(address: str) -> str:
    """Return the bucket that an address is counted in: one IPv4 address, one IPv6 /64, or `unknown`."""
    return f"address:{address_block(address)}"


class Throttle(msgspec.Struct, frozen=True, kw_only=True):
    """Wrong keys of one bucket: how many, when the last one came, and until when it must wait (milliseconds)."""

    failures: int = 0
    last_ms: int = 0
    until_ms: int = 0

    def wait_ms(self, now_ms: int) -> int:
        """Milliseconds until this bucket may try again; 0 = now. A clock that went back never lengthens the wait."""
        return max(0, min(self.until_ms - now_ms, MAX_DELAY_MS))


def after_address_failure(state: Throttle, now_ms: int) -> Throttle:
    """Count a wrong key of one address: after `FREE_FAILURES` the wait doubles from 1 s up to `MAX_DELAY_MS`."""
    failures = 1 if now_ms - state.last_ms > FORGET_MS else state.failures + 1
    over = failures - FREE_FAILURES
    delay = min(1000 * 2 ** min(over, 20), MAX_DELAY_MS) if over > 0 else 0
    return Throttle(failures=failures, last_ms=now_ms, until_ms=now_ms + delay)


def budget(alive: Alive, settings: KeySettings) -> int:
    """Return the chances that guessing may have in one window: over the longest life among the live keys they stay
    under `MAX_RISK`.
    """
    return int(MAX_RISK * 10**settings.digits / _windows(alive.longest_life_s))


def overall_wait_ms(state: Throttle, now_ms: int, alive: Alive, settings: KeySettings) -> int:
    """Milliseconds until anybody may send a wrong key again: to the window's end once its budget is used up.

    `last_ms` is the start of the window, `failures` the chances that were had in it.
    """
    into = now_ms - state.last_ms
    if not 0 <= into < WINDOW_MS or state.failures + alive.count <= budget(alive, settings):
        return 0
    return WINDOW_MS - into


def after_overall_failure(state: Throttle, now_ms: int, alive: Alive) -> Throttle:
    """Count a wrong key of anybody: it had as many chances as there are live keys."""
    if not 0 <= now_ms - state.last_ms < WINDOW_MS:
        state = Throttle(last_ms=now_ms)
    return Throttle(failures=state.failures + alive.count, last_ms=state.last_ms)
