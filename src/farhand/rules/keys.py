"""Session keys and guessing: how long a key may live, how many may live, and how wrong guesses are slowed down.

The promise: the chance that guessing hits any live key over a key's life stays under `MAX_RISK`
(live keys x allowed failures / key space). Settings that break it are refused by `check_settings`; the throttle below
is what makes "allowed failures" a number. Everything here is pure; rows and clocks belong to the caller.
"""

import ipaddress
from typing import Final

import msgspec

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
    """What a site allows: digits of a key, keys alive at once, longest life, and wrong keys per minute from
    everybody.
    """

    digits: int = 12
    max_live: int = 500
    longest_life_s: int = LIFETIMES_S[-1]
    failures_per_minute: int = 60

    def allowed_failures(self) -> int:
        """Wrong keys that are answered during the longest life of one key (each started window counts whole)."""
        windows = -(-self.longest_life_s * 1000 // WINDOW_MS) + 1
        return windows * self.failures_per_minute

    def risk(self) -> float:
        """Chance that guessing hits a live key over a key's life."""
        return self.max_live * self.allowed_failures() / 10.0**self.digits


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
    try:
        parsed = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return "address:unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return f"address:{parsed.ipv4_mapped}"
        return f"address:{ipaddress.ip_network((parsed, 64), strict=False)}"
    return f"address:{parsed}"


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


def after_overall_failure(state: Throttle, now_ms: int, settings: KeySettings) -> Throttle:
    """Count a wrong key of anybody: once a window's budget is used up, everybody waits until the window ends.

    `last_ms` is the start of the window here.
    """
    if not 0 <= now_ms - state.last_ms < WINDOW_MS:
        state = Throttle(last_ms=now_ms)
    failures = state.failures + 1
    full = failures >= settings.failures_per_minute
    return Throttle(
        failures=failures, last_ms=state.last_ms, until_ms=state.last_ms + WINDOW_MS if full else state.until_ms
    )
