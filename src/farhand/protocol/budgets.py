"""How much a peer may bring: a rate with a burst, counted without a clock of its own.

Used for posts (session machine) and for what is recorded (tap). Times are seconds on any clock that the caller keeps
to; one that goes back only means that nothing is added.
"""


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
