"""One public connection: hands its requests to `web` one after the other, passes the answers on.

`reader` makes whole requests of what comes in. What comes after the one that runs waits here, in order, and so does a
refusal. Who reads nothing, takes too long or asks for too much is ended here.
"""

import asyncio
import math
import time
from collections import deque
from typing import TYPE_CHECKING, Literal, cast

from farhand.relay.door import backend, heads
from farhand.relay.door.backend import Back
from farhand.relay.door.reader import BUSY, Request, RequestReader
from farhand.relay.door.shares import Place, Turn

if TYPE_CHECKING:
    from farhand.relay.door.edge import Edge

LIVE = b"GET /live/"
TURN_S = 5.0
"""Longest wait of a request for its turn."""
ANSWER_S = 600.0
"""Longest silence of `web` while an answer is due."""
READ_S = 60.0
"""Longest time in which a reader of an answer takes nothing."""
LINGER_S = 3.0
"""Time for which the rest of a refused request is read and dropped, so that its sender gets to read the answer."""
LINGER = 4 << 20
"""Bytes of it."""
QUEUE_MAX = 256
"""The same for one read, which may bring many at once."""
QUEUE = 16
"""Whole requests that may wait behind the one that runs; the client is read no further meanwhile."""

AWAY = "The appliance is starting or being updated. This page will work again in a few seconds; please load it again."
CUT = "The appliance restarted while it worked on this request. Please load the page again and check what was done."
TRANSFERS = "Many downloads are running now. Please try again in a minute."
SLOW = "The appliance did not answer in time. Please try again later and check what was done."


class Front(asyncio.Protocol):
    """One public connection. It begins at the accept; `connection_made` comes after the handshake."""

    def __init__(self, edge: "Edge", address: str, place: Place) -> None:
        self.edge = edge
        self.address = address
        self.block = place.block
        self.transport: asyncio.Transport
        self.choked = False
        """The client reads more slowly than the answer comes."""
        self._place = place
        self._first = bytearray()
        self._reader = RequestReader(edge, address, place.block, self._take, self._say_continue)
        self._ending: Literal["", "closed", "linger"] = ""
        """No request is read any more: what is sent on is left alone, or read and dropped for a while."""
        self._lingered = 0
        self._is_http = False
        self._queue: deque[Request] = deque()
        self._running: Request | None = None
        self._turn: Turn | None = None
        self._back: Back | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._answer_until = math.inf
        self._paused = False
        self._passed = False
        self._dead = False
        self._full: Place | None = None
        self._written = 0
        self._drained = 0
        self._drain_until = math.inf

    # --- the public side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop when TLS stands."""
        self.transport = cast("asyncio.Transport", transport)
        self.edge.fronts.add(self)
        self._reader.begin()

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        if self._ending == "linger":
            self._lingered += len(data)
            if self._lingered > LINGER:
                self.abort()
            return
        if self._dead or self._ending:
            return
        if not self._is_http:
            self._first += data
            if len(self._first) < len(LIVE) and LIVE.startswith(self._first):
                return
            data = bytes(self._first)
            self._first.clear()
            if data.startswith(LIVE):
                self._leave_to_live(data)
                return
            self._is_http = True
        try:
            self._reader.feed(data)
        except heads.Refused as refused:
            self._refuse(refused)

    def _take(self, request: Request) -> None:
        """A whole request: it waits for its turn. Raises heads.Refused."""
        if len(self._queue) >= QUEUE_MAX:
            request.place.give_back()
            raise heads.Refused(503, "So many requests at once are not served on one connection.", retry_after_s=5)
        self._queue.append(request)
        if len(self._queue) > QUEUE:
            self._pause()
        self._next()

    def _say_continue(self) -> None:
        """Ask for the body, unless older answers are still to come: they would be taken for the answer to it."""
        request = self._reader.incoming
        if request is not None and request.expects and self._running is None and not self._queue:
            request.expects = False
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def pause_writing(self) -> None:
        """Called by the event loop: the client reads more slowly than `web` answers."""
        if self.choked:
            return
        self.choked = True
        self._note_drain(time.monotonic())
        if self._dead:
            return
        if self._back is not None and self._back.is_transfer:
            self._back.pause()
            return
        self._full = self.edge.full.take(self.block)
        if self._full is None:
            self.edge.complain("slow_reader_cut", address=self.address)
            self._dead = True
            # Not inside the write that led here.
            asyncio.get_running_loop().call_soon(self.abort)

    def resume_writing(self) -> None:
        """Called by the event loop."""
        self.choked = False
        self._drain_until = math.inf
        self._give_full_back()
        if self._running is not None and self._turn is None:
            self._answer_until = time.monotonic() + ANSWER_S
        if self._back is not None:
            self._back.resume()
        self._next()

    def _give_full_back(self) -> None:
        if self._full is not None:
            self._full.give_back()
            self._full = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop. What `web` works on it finishes by itself."""
        self._forget()
        self.edge.fronts.discard(self)
        self._give_full_back()
        self._place.give_back()

    # --- to web

    def _next(self) -> None:
        """Begin the next request, or say the no that stands in its place, once the one before is answered and read."""
        if self._running is not None or self._dead or self.choked or not self._queue:
            return
        request = self._queue.popleft()
        if self._paused and len(self._queue) <= QUEUE // 2:
            self._resume()
        if request.refusal is not None:
            self._end_with(request.refusal)
            return
        self._running, self._passed = request, False
        self._answer_until = time.monotonic() + TURN_S
        self._turn = self.edge.turns.ask(self.block, self._begin)
        if self._turn.place is not None:
            self._begin()

    def _begin(self) -> None:
        """It is this request's turn."""
        self._answer_until = time.monotonic() + ANSWER_S
        if self._back is not None:
            self._send()
        else:
            self._connecting = asyncio.get_running_loop().create_task(self._connect())

    def _send(self) -> None:
        request, turn, back = self._running, self._turn, self._back
        assert request is not None
        assert turn is not None
        assert back is not None
        self._turn = None
        back.run(turn, [request.head, *request.body], bodiless=request.bodiless)
        request.body.clear()
        request.place.give_back()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        for wait in (*backend.WEB_WAITS, None):
            try:
                _, back = await loop.create_unix_connection(lambda: Back(self), self.edge.web_socket)
            except OSError as error:
                if wait is None:
                    self.edge.complain("web_not_there", reason=str(error))
                    self._end_with(heads.Refused(503, AWAY, retry_after_s=3))
                    return
                await asyncio.sleep(wait)
            else:
                self._connecting = None
                if self._dead:
                    back.abort()
                    return
                self._back = back
                self._send()
                return

    def pass_on(self, data: bytes) -> None:
        """A part of the answer for the client."""
        self._passed = True
        self._answer_until = time.monotonic() + ANSWER_S
        self._write(data)

    def _write(self, data: bytes) -> None:
        self._written += len(data)
        self.transport.write(data)

    def answered(self, *, closes: bool) -> None:
        """`web` has answered in full."""
        request, self._running = self._running, None
        self._answer_until = math.inf
        if self._dead:
            return
        if closes or request is None or not request.keep_alive or (self.edge.draining and not self._queue):
            self._close()
            return
        if not self._ending and self._reader.reads == "idle":
            self._reader.go_on()
        if self._back is not None and (self._back.gone or len(self.edge.backs) > self.edge.idle_backs):
            self._back.leave()
            self._back = None
        self._say_continue()
        self._next()

    def no_transfer(self) -> None:
        """The answer is large and there are too many of them now."""
        self._back = None
        self.edge.complain("transfer_refused", address=self.address)
        self._end_with(heads.Refused(503, TRANSFERS, retry_after_s=30))

    def back_lost(self, back: Back) -> None:
        """`web` closed its side: what it wrote is flushed first; a cut answer stays visibly cut."""
        if back is not self._back:
            return
        self._back = None
        if self._running is not None and not self._dead:
            self.edge.complain("web_cut_request", address=self.address)
            self._end_with(heads.Refused(502, CUT, retry_after_s=3))

    # --- limits and ends

    def _pause(self) -> None:
        """Read no more from the client for now; its time limit stands still."""
        if not self._paused and not self._dead:
            self._paused = True
            self._reader.rest()
            self.transport.pause_reading()

    def _resume(self) -> None:
        """Read from the client again."""
        if self._paused and not self._dead:
            self._paused = False
            if not self._ending:
                self._reader.go_on()
            self.transport.resume_reading()

    def look(self, now: float) -> None:
        """Called every second: end what is late."""
        if self._drain_until <= now:
            self._look_at_drain(now)
        elif self._answer_until <= now:
            if self._turn is not None:
                self._end_with(heads.Refused(503, BUSY, retry_after_s=5))
            elif not self.choked:  # otherwise it is the client who is slow
                self._end_with(heads.Refused(503, SLOW, retry_after_s=30))
        elif self._reader.until <= now and not self._dead:
            self._input_late()

    def _input_late(self) -> None:
        if self._reader.reads == "head" or self._first:
            self._refuse(heads.Refused(408, "The request took too long to arrive."))
        elif self._reader.reads == "body":
            self.edge.complain("body_stalled", address=self.address)
            self._refuse(heads.Refused(408, "The request's body took too long to arrive."))
        elif self._running is None and not self._queue:
            self._close()

    def _note_drain(self, now: float) -> None:
        self._drained = self._written - self.transport.get_write_buffer_size()
        self._drain_until = now + READ_S

    def _look_at_drain(self, now: float) -> None:
        """The client must have taken something since the last look."""
        if self._written - self.transport.get_write_buffer_size() > self._drained:
            self._note_drain(now)
        else:
            self.edge.complain("reader_stalled", address=self.address)
            self.abort()

    @property
    def finished(self) -> bool:
        """Nothing is left to do for this client but to see it go."""
        return self._dead and not self.transport.get_write_buffer_size()

    def close_if_idle(self) -> None:
        """For the drain: close unless a request is on its way or being answered."""
        between = not self._ending and self._reader.reads == "idle" and not self._first
        if between and self._running is None and not self._queue and not self.transport.get_write_buffer_size():
            self._close()

    def abort(self) -> None:
        """Cut the connection now."""
        self._forget()
        self.transport.abort()

    def _refuse(self, refused: heads.Refused) -> None:
        """This request is not passed on, and nothing behind it is read; older ones are answered first."""
        if self._dead or self._ending:
            return
        self._reader.drop()
        self._ending = "closed"
        last = Request(b"", self.edge.request_bytes.place(self.block), bodiless=False, keep_alive=False, expects=False)
        last.refusal = refused
        self._queue.append(last)
        self._next()

    def _end_with(self, refused: heads.Refused) -> None:
        """Say no, if no other answer has begun, and close."""
        if self._dead:
            return
        if self._running is None or not self._passed:
            self._write(heads.page(refused.status, refused.text, refused.retry_after_s))
        if refused.lingers and self._running is None:
            self._forget()
            self._ending = "linger"
            asyncio.get_running_loop().call_later(LINGER_S, self._close)
        else:
            self._close()

    def _close(self) -> None:
        """Close once the client has read what is left; one that reads nothing is cut."""
        self._forget()
        if self.transport.is_closing():
            return
        if self.transport.get_write_buffer_size():
            self._note_drain(time.monotonic())
        self.transport.close()

    def _leave_to_live(self, data: bytes) -> None:
        self._dead = True
        self._reader.rest()
        self.edge.fronts.discard(self)
        # Outside this callback: the transport is about to get another protocol.
        asyncio.get_running_loop().call_soon(self.edge.to_live, self.transport, data, self.address, self._place)

    def _forget(self) -> None:
        """Nothing more is done for this client. The connection itself is watched until it is lost."""
        self._dead = True
        self._answer_until = math.inf
        self._reader.drop()
        for request in (self._running, *self._queue):
            if request is not None:
                request.place.give_back()
        self._queue.clear()
        turn, self._turn = self._turn, None
        if turn is not None:
            self.edge.turns.end(turn)
        connecting, self._connecting = self._connecting, None
        if connecting is not None and connecting is not asyncio.current_task():
            connecting.cancel()
        back, self._back = self._back, None
        if back is not None:
            back.leave()
