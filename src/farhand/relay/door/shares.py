"""Fair shares of what strangers can take: connections, buffered bytes, threads of `web`.

Each is counted per address block (an IPv4 address, an IPv6 /64) and overall. Whoever takes gets a `Place` and gives it
back as often as it likes: the second time changes nothing, so every end of a connection may do it. No sockets here.
"""

from collections import Counter, deque
from collections.abc import Callable


class Place:
    """What one holder has of a share."""

    __slots__ = ("_amount", "_shares", "block")

    def __init__(self, shares: "Shares", block: str) -> None:
        self._shares = shares
        self.block = block
        self._amount = 0

    def grow(self, amount: int = 1) -> bool:
        """Take more; False, and nothing is taken, when the block or all together would have too much."""
        if not self._shares.enter(self.block, amount):
            return False
        self._amount += amount
        return True

    def give_back(self) -> None:
        """Give all of it back; again and again changes nothing."""
        amount, self._amount = self._amount, 0
        if amount:
            self._shares.leave(self.block, amount)


class Shares:
    """A resource of `overall` units of which one address block may have `per_block`."""

    def __init__(self, per_block: int, overall: int) -> None:
        self.per_block = per_block
        self.overall = overall
        self.taken = 0
        self._open: Counter[str] = Counter()

    def place(self, block: str) -> Place:
        """Return an empty place for `block`; it grows."""
        return Place(self, block)

    def take(self, block: str) -> Place | None:
        """Return a place of one unit, or None when there is none."""
        place = Place(self, block)
        return place if place.grow() else None

    def enter(self, block: str, amount: int) -> bool:
        """Count `amount` units in; False when that is too much. For `Place`."""
        if self.taken + amount > self.overall or self._open[block] + amount > self.per_block:
            if not self._open[block]:
                del self._open[block]
            return False
        self.taken += amount
        self._open[block] += amount
        return True

    def leave(self, block: str, amount: int) -> None:
        """Count `amount` units out. For `Place`."""
        self.taken -= amount
        self._open[block] -= amount
        if self._open[block] <= 0:
            del self._open[block]


class Turn:
    """One request's wait for its turn; `place` is there once it is its turn."""

    __slots__ = ("block", "call", "place")

    def __init__(self, block: str, call: Callable[[], None]) -> None:
        self.block = block
        self.call: Callable[[], None] | None = call
        self.place: Place | None = None


class Turns:
    """A share with a queue. Blocks take turns, so a block that asks a lot waits for itself and not for others."""

    def __init__(self, per_block: int, overall: int) -> None:
        self._shares = Shares(per_block, overall)
        self._waiting: dict[str, deque[Turn]] = {}

    @property
    def taken(self) -> int:
        """Units that are taken now."""
        return self._shares.taken

    def ask(self, block: str, call: Callable[[], None]) -> Turn:
        """Ask for a unit: `turn.place` is set at once, or later, just before `call()`."""
        turn = Turn(block, call)
        if block not in self._waiting:
            turn.place = self._shares.take(block)
        if turn.place is None:
            self._waiting.setdefault(block, deque()).append(turn)
        return turn

    def end(self, turn: Turn) -> None:
        """Give a turn up, or back; again changes nothing."""
        turn.call = None
        if turn.place is not None:
            turn.place.give_back()
            turn.place = None
            self._serve()

    def _serve(self) -> None:
        """Let in who fits, one of each block after the other."""
        for block in list(self._waiting):
            if self._shares.taken >= self._shares.overall:
                return
            queue = self._waiting.get(block)
            if queue is None:  # a call of this very loop emptied it
                continue
            while queue and queue[0].call is None:
                queue.popleft()
            call = None
            if queue:
                place = self._shares.take(block)
                if place is None:
                    continue
                turn = queue.popleft()
                turn.place, call = place, turn.call
            # To the end of the line, or out of it.
            del self._waiting[block]
            if queue:
                self._waiting[block] = queue
            if call is not None:
                call()
