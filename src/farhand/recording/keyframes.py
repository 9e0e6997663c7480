"""When the recorder asks for a full picture: often enough to find any moment at once, seldom enough to stay small.

Showing a moment takes the full picture before it and everything since. So both the time and the bytes between two full
pictures are bounded; and because a full picture of a desktop weighs as much as minutes of a blinking cursor, a screen
on which little happens gets fewer of them. While nothing happens, none is asked for.

Rules: no clock; times are seconds of a monotonic clock, sizes are bytes.
"""

from typing import Final

ACTIVE_S: Final = 10.0
"""Longest time between full pictures while what changes weighs as much as they do."""
QUIET_S: Final = 30.0
"""Longest time between them while anything changes at all."""
BUSY_S: Final = 2.0
"""Shortest time between them."""
BUSY_BYTES: Final = 2 << 20
"""So much may come between two of them, or twice the weight of one: more is a reason to ask sooner."""


class KeyFrames:
    """The full pictures of one recording."""

    def __init__(self, now: float) -> None:
        self._asked_at = now
        self._weight = 0
        """Bytes of the newest full picture."""
        self._since = 0
        """Bytes since it was complete."""
        self._whole = True
        """It is; otherwise what comes still belongs to it."""

    def asked(self, now: float) -> None:
        """A full picture was asked for."""
        self._asked_at = now

    def took(self, size: int, key: bool, complete: bool, now: float) -> bool:
        """An update of `size` bytes came; `key`: a full picture begins with it, `complete`: the viewer has everything.
        Say whether to ask for a full picture now.
        """
        if key:
            self._weight, self._since, self._whole = 0, 0, False
        if self._whole:
            self._since += size
        else:
            self._weight += size
            self._whole = complete
        passed = now - self._asked_at
        if passed >= QUIET_S:
            return True
        if passed >= ACTIVE_S and self._since >= self._weight:
            return True
        return passed >= BUSY_S and self._since >= max(BUSY_BYTES, 2 * self._weight)
