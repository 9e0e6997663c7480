"""How much a peer may bring: a rate with a burst, counted without a clock of its own.

Used for posts (session machine) and for what is recorded (tap). Times are seconds on any clock that the caller keeps
to; one that goes back only means that nothing is added.
"""

MAX_POST = 32 * 1024
"""Longest payload of a POST, in bytes."""
MAX_WAITING = 1000
"""Posts that may wait for the disk."""
MAX_ENTRIES = 100_000
"""Entries of one session from its legs; what the relay itself writes is not counted."""
MAX_JOURNAL = 16 << 20
"""Bytes of one session's journal that its legs may fill."""
POSTS_PER_SECOND = 20
"""Posts that one leg may go on sending."""
POSTS_AT_ONCE = 100
"""Posts that one leg may send in a burst. Others are refused `busy` and sent again."""


class Budget:
    """Fills at `rate` per second up to `burst`."""

    __slots__ = ("_at", "burst", "left", "rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = burst
        self.left = burst
        """What may be taken now; below 0 after `spend` took more than there was."""
        self._at = now

    def take(self, amount: float, now: float) -> bool:
        """Take `amount` if it is there; say whether it was."""
        if self.refilled(now) < amount:
            return False
        self.left -= amount
        return True

    def spend(self, amount: float, now: float) -> float:
        """Take `amount` in any case and return what is left."""
        self.left = self.refilled(now) - amount
        return self.left

    def refilled(self, now: float) -> float:
        """Return what may be taken at `now`."""
        if now > self._at:
            self.left = min(self.burst, self.left + (now - self._at) * self.rate)
        self._at = now
        return self.left
