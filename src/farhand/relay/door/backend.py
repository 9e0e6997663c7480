"""The connection of one front to `web`, and the request that runs on it.

A request comes here whole and has a turn (see `shares.Turns`), so its thread in `web` waits for nobody: a small answer
is taken from `web` as fast as it comes, and only a large one, of which there are few at once, waits for its reader. A
turn ends when `web` has finished, not when the client leaves: a request whose client left is an orphan until then.
"""

import asyncio
import time
from typing import TYPE_CHECKING, cast

from farhand.relay.door.answers import Answer, BrokenAnswer
from farhand.relay.door.shares import Place, Turn

if TYPE_CHECKING:
    from farhand.relay.door.front import Front

SMALL = 256 * 1024
"""Answers up to this many bytes are taken from `web` whatever the client does."""
WEB_WAITS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5)
"""Seconds between attempts to reach `web`: about three in all, then 503."""
ORPHAN_S = 600.0
"""Longest time for which an orphan keeps its turn."""


class Orphans:
    """Requests whose client left while `web` works on them."""

    def __init__(self) -> None:
        self._backs: dict[Back, float] = {}

    def add(self, back: "Back") -> None:
        """Wait for its end."""
        self._backs[back] = time.monotonic() + ORPHAN_S

    def discard(self, back: "Back") -> None:
        """It ended."""
        self._backs.pop(back, None)

    def look(self, now: float) -> None:
        """Give up those that take too long."""
        for back in [back for back, until in self._backs.items() if until <= now]:
            back.abort()

    def end(self) -> None:
        """Give up all."""
        for back in tuple(self._backs):
            back.abort()


class Back(asyncio.Protocol):
    """A connection to `web`, owned by one front until that leaves."""

    def __init__(self, front: "Front") -> None:
        self._front: Front | None = front
        self._edge = front.edge
        self._block = front.block
        self.transport: asyncio.Transport
        self.answer: Answer | None = None
        """Of the request that runs; None between requests."""
        self.gone = False
        self._turn: Turn | None = None
        self._transfer: Place | None = None

    @property
    def silent(self) -> bool:
        """Nothing of the answer has crossed yet."""
        return self.answer is None or not self.answer.passed

    @property
    def is_transfer(self) -> bool:
        """The answer is so large that `web` waits for the reader."""
        return self._transfer is not None

    def run(self, turn: Turn, request: list[bytes], *, bodiless: bool) -> None:
        """Send a whole request. `turn` is given back when `web` has finished with it."""
        self._turn = turn
        self.answer = Answer(bodiless=bodiless)
        self.transport.writelines(request)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self.transport = cast("asyncio.Transport", transport)
        self._edge.backs.add(self)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop: an answer, or a part of one."""
        try:
            if self.answer is None:
                raise BrokenAnswer("an answer without a question")
            data = self.answer.feed(data)
        except BrokenAnswer as error:
            self._edge.complain("web_broke_answer", reason=str(error))
            self._lost()
            self.abort()
            return
        if not self.answer.begun:
            return
        if self._transfer is None and max(self.answer.length or 0, self.answer.passed) > SMALL and not self._grow():
            return
        front = self._front
        if front is not None and data:
            front.pass_on(data)
        if self.answer.done:
            self._finish()

    def _grow(self) -> bool:
        """The answer is large: a place for it, or none and the end."""
        front = self._front
        if front is None:
            self.abort()  # nobody waits for it, and `web` notices
            return False
        self._transfer = self._edge.transfers.take(self._block)
        if self._transfer is None:
            self._front = None
            front.no_transfer()
            self.abort()
            return False
        if front.choked:
            self.transport.pause_reading()
        return True

    def _finish(self) -> None:
        """`web` has answered in full."""
        answer, self.answer = self.answer, None
        self._end_turn()
        closes = answer is not None and answer.closes
        front = self._front
        if front is None:
            self.abort()
        else:
            front.answered(closes=closes)

    def _end_turn(self) -> None:
        turn, self._turn = self._turn, None
        transfer, self._transfer = self._transfer, None
        if transfer is not None:
            transfer.give_back()
        if turn is not None:
            self._edge.turns.end(turn)

    def pause(self) -> None:
        """The reader of a large answer is slow."""
        if self._transfer is not None and not self.gone:
            self.transport.pause_reading()

    def resume(self) -> None:
        """The reader has caught up."""
        if not self.gone:
            self.transport.resume_reading()

    def leave(self) -> None:
        """The client is gone: nothing goes to it any more; a request that runs is finished, unless it is a transfer."""
        self._front = None
        if self.answer is None or self._transfer is not None:
            self.abort()
        elif not self.gone:
            self._edge.orphans.add(self)

    def abort(self) -> None:
        """Cut the connection."""
        if not self.gone:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop: `web` closed its side, or this side did."""
        self.gone = True
        self._edge.backs.discard(self)
        self._edge.orphans.discard(self)
        if self.answer is not None:
            self.answer.ended()
            if self.answer.done:
                self._finish()
                return
        self._end_turn()
        self._lost()

    def _lost(self) -> None:
        front, self._front = self._front, None
        if front is not None:
            front.back_lost(self)
