"""Time as a dependency, so that rules and tests can hold it still.

Wall time is for people and for expiry (UTC, integer milliseconds since 1970); monotonic time is for timers.
"""

import time
from typing import Protocol


class Clock(Protocol):
    """What a program may ask of time."""

    def now_ms(self) -> int:
        """Wall time in milliseconds since 1970-01-01 UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now_ms(self) -> int:
        """Wall time in milliseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        return time.monotonic()


class FakeClock:
    """A clock that a test moves by hand; both readings advance together."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._now_ms = now_ms
        self._monotonic = 1000.0

    def now_ms(self) -> int:
        """The wall time that was set, in milliseconds."""
        return self._now_ms

    def monotonic(self) -> float:
        """The monotonic time that was set, in seconds."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Move both clocks forward by `seconds`."""
        self._now_ms += int(seconds * 1000)
        self._monotonic += seconds
