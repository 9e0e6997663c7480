"""The public port. The first bytes of each connection decide: `GET /live/` is handed to the WebSocket side, everything
else gets a connection of its own to `web` over the unix socket.

Answers are passed through as bytes, because both connections carry exactly the same sequence of requests and answers.
It is the front door: heads are bounded in size, number and time, sockets per address are counted, a body that stalls is
cut, memory is flat (each side pauses the other), and while `web` is away a short page says so. One sweeper serves all
time limits.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import httptools

from farhand.kit.log import get_log
from farhand.relay import heads

log = get_log("edge")

LIVE = b"GET /live/"
HEAD_S = 20.0
"""Time for a whole head, from the connection's or the request's first byte."""
BODY_S = 30.0
"""Longest silence within an announced body."""
IDLE_S = 75.0
"""Longest silence between requests."""
ANSWER_S = 600.0
"""Longest silence of `web` while an answer is due."""
WEB_WAITS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5)
"""Seconds between attempts to reach `web`: about three in all, then 503."""
DRAIN_S = 10.0

AWAY = "The appliance is starting or being updated. This page will work again in a few seconds; please load it again."
CUT = "The appliance restarted while it worked on this request. Please load the page again and check what was done."


class Doors:
    """Counts connections per address that have not signed in: all of HTTP, and live sockets until their WELCOME."""

    def __init__(self, per_address: int) -> None:
        self._limit = per_address
        self._open: Counter[str] = Counter()

    def enter(self, address: str) -> bool:
        """Count one in; False when this address has too many."""
        if self._open[address] >= self._limit:
            return False
        self._open[address] += 1
        return True

    def leave(self, address: str) -> None:
        """Count one out."""
        self._open[address] -= 1
        if self._open[address] <= 0:
            del self._open[address]


class Edge:
    """What all connections of the port share."""

    def __init__(
        self, web_socket: Path, to_live: Callable[[Any, bytes, str], None], *, tls: bool, sockets_per_address: int
    ) -> None:
        self.web_socket = str(web_socket)
        self.to_live = to_live
        """Called with (transport, first bytes, address) for `GET /live/`; owns the connection and its place in
        `doors`."""
        self.scheme = b"https" if tls else b"http"
        self.doors = Doors(sockets_per_address)
        self.fronts: set[Front] = set()
        self.draining = False
        self._complained = -math.inf

    def front(self) -> "Front":
        """Make the protocol of one accepted connection."""
        return Front(self)

    async def sweep(self) -> None:
        """Close what is late, once a second, for ever."""
        while True:
            await asyncio.sleep(1)
            now = time.monotonic()
            for front in [front for front in self.fronts if front.deadline <= now]:
                front.late()

    async def drain(self) -> None:
        """Let requests that are being answered finish, at most DRAIN_S seconds; idle connections close now."""
        self.draining = True
        until = time.monotonic() + DRAIN_S
        while self.fronts and time.monotonic() < until:
            for front in tuple(self.fronts):
                front.close_if_idle()
            await asyncio.sleep(0.05)
        for front in tuple(self.fronts):
            front.abort()

    def complain(self, event: str, **fields: object) -> None:
        """Log at most one line a second of what anybody on the net can cause at will."""
        now = time.monotonic()
        if now - self._complained >= 1:
            self._complained = now
            log.warning(event, **fields)


class Back(asyncio.Protocol):
    """The connection to `web` of one front."""

    def __init__(self, front: "Front") -> None:
        self._front = front
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop: an answer, or a part of one."""
        front = self._front
        front.silent = False
        front.transport.write(data)
        front.touched()

    def pause_writing(self) -> None:
        """Called by the event loop: `web` reads more slowly than the client sends."""
        self._front.pause_client()

    def resume_writing(self) -> None:
        """Called by the event loop."""
        self._front.resume_client()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._front.back_lost()


class Front(asyncio.Protocol):
    """One public connection."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self.transport: asyncio.Transport
        self.deadline = math.inf
        self.silent = False
        """A request went to `web` and nothing came back since."""
        self._first = bytearray()
        self._parser: httptools.HttpRequestParser | None = None
        self._back: Back | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._pending: list[bytes] = []
        self._state = "head"
        self._open_requests = False
        self._paused = False
        self._dead = False
        self._counted = False

    # --- the public side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop when TLS stands."""
        self.transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else "unknown"
        self._counted = self._edge.doors.enter(self.address)
        if not self._counted:
            self._edge.complain("connection_refused", address=self.address, reason="too many connections")
            self._dead = True
            self.transport.abort()
            return
        self._edge.fronts.add(self)
        self._arm(HEAD_S)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        if self._dead:
            return
        if self._parser is None:
            self._first += data
            if len(self._first) < len(LIVE) and LIVE.startswith(self._first):
                return
            data = bytes(self._first)
            self._first.clear()
            if data.startswith(LIVE):
                self._leave_to_live(data)
                return
            self._parser = httptools.HttpRequestParser(self)
        self._feed(data)

    def _feed(self, data: bytes) -> None:
        assert self._parser is not None
        try:
            if self._state != "body":
                self._head_size += len(data)
                # One read may hold a whole head and the start of its body: the exact cap is in on_header.
                if self._head_size > heads.MAX_HEAD + (1 << 18):
                    raise heads.Refused(431, "The request's head is too long.")
            self._parser.feed_data(data)
        except heads.Refused as refused:
            self._refuse(refused.status, refused.text)
        except httptools.HttpParserUpgrade:
            self._refuse(400, "This address does not speak that protocol.")
        except httptools.HttpParserError as error:
            # llhttp reports an exception of a callback as an error of its own, with ours as its cause.
            cause = error.__context__
            if isinstance(cause, heads.Refused):
                self._refuse(cause.status, cause.text)
            else:
                self._refuse(400, "This is not a request that HTTP/1.1 knows.")

    _head_size = 0
    _head_bytes = 0
    _target = b""

    def on_message_begin(self) -> None:
        """Called by the parser."""
        self._state, self._head_size, self._head_bytes = "head", 0, 0
        self._target = b""
        self._headers: list[heads.Header] = []
        self._arm(HEAD_S)

    def on_url(self, url: bytes) -> None:
        """Called by the parser."""
        self._target += url
        self._grow(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser. Trailers are dropped."""
        if self._state == "head":
            self._grow(len(name) + len(value))
            self._headers.append((name.lower(), value))
            if len(self._headers) > heads.MAX_HEADERS:
                raise heads.Refused(431, f"A request may have {heads.MAX_HEADERS} headers.")

    def _grow(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > heads.MAX_HEAD:
            raise heads.Refused(431, f"A request's head may have {heads.MAX_HEAD} bytes.")

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        assert self._parser is not None
        method = self._parser.get_method()
        heads.check(method, self._target, self._headers)
        self._state = "body"
        self._open_requests = self.silent = True
        self._arm(BODY_S)
        self._push(
            heads.rewrite(
                method,
                self._target,
                self._headers,
                self.address.encode(),
                self._edge.scheme,
                keep_alive=self._parser.should_keep_alive() and not self._edge.draining,
            )
        )

    def on_body(self, data: bytes) -> None:
        """Called by the parser."""
        self._arm(BODY_S)
        self._push(data)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._state = "answer"
        self._head_size = 0
        self._arm(ANSWER_S)

    def pause_writing(self) -> None:
        """Called by the event loop: the client reads more slowly than `web` answers."""
        if self._back is not None:
            self._back.transport.pause_reading()

    def resume_writing(self) -> None:
        """Called by the event loop."""
        if self._back is not None:
            self._back.transport.resume_reading()
            self.touched()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop. The client left: `web` sees a reset at its next read or write."""
        self._forget()
        if self._connecting is not None:
            self._connecting.cancel()
        if self._back is not None:
            self._back.transport.abort()

    # --- to web

    def _push(self, data: bytes) -> None:
        if self._back is not None:
            self._back.transport.write(data)
            return
        self._pending.append(data)
        if self._connecting is None:
            self.pause_client()
            self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        back: Back | None = None
        for wait in (*WEB_WAITS, None):
            try:
                _, back = await loop.create_unix_connection(lambda: Back(self), self._edge.web_socket)
                break
            except OSError as error:
                if wait is None:
                    self._edge.complain("web_not_there", reason=str(error))
                    self._refuse(503, AWAY, retry_after_s=3)
                    return
                await asyncio.sleep(wait)
        assert back is not None
        if self._dead:
            back.transport.abort()
            return
        self._back = back
        back.transport.writelines(self._pending)
        self._pending.clear()
        self.resume_client()

    def pause_client(self) -> None:
        """Read no more from the client until `resume_client`; its time limit stands still."""
        if not self._paused and not self._dead:
            self._paused = True
            self.transport.pause_reading()
            self.deadline = math.inf

    def resume_client(self) -> None:
        """Read from the client again."""
        if self._paused and not self._dead:
            self._paused = False
            self.transport.resume_reading()
            self._arm(BODY_S if self._state == "body" else ANSWER_S)

    def back_lost(self) -> None:
        """`web` closed its side: what it wrote is flushed first; a cut answer stays visibly cut."""
        if self._dead:
            return
        if self.silent and self._open_requests:
            self._edge.complain("web_cut_request", address=self.address)
            self._refuse(502, CUT, retry_after_s=3)
        else:
            self._close()

    def touched(self) -> None:
        """An answer is on its way: the connection is not idle."""
        if self._state == "answer" and not self._paused:
            self._arm(IDLE_S)

    # --- limits and ends

    def _arm(self, seconds: float) -> None:
        if not self._paused:
            self.deadline = time.monotonic() + seconds

    def late(self) -> None:
        """The time limit passed."""
        if self._state == "head" and (self._head_bytes or self._first):
            self._refuse(408, "The request took too long to arrive.")
        elif self._state == "body":
            self._edge.complain("body_stalled", address=self.address)
            self._refuse(408, "The request's body stopped arriving.")
        elif self.transport.get_write_buffer_size() > 0:
            self.abort()
        else:
            self._close()

    def close_if_idle(self) -> None:
        """For the drain: close unless a request is on its way or being answered."""
        between = self._state == "head" and not self._head_bytes and not self._first
        quiet = self._state == "answer" and not self.silent and self.deadline - time.monotonic() < IDLE_S - 1
        if between or (quiet and not self.transport.get_write_buffer_size()):
            self._close()

    def abort(self) -> None:
        """Cut the connection now."""
        self._forget()
        self.transport.abort()

    def _refuse(self, status: int, text: str, retry_after_s: int | None = None) -> None:
        if self._dead:
            return
        if not self._open_requests or self.silent:
            self.transport.write(heads.page(status, text, retry_after_s))
        self._close()

    def _close(self) -> None:
        self._forget()
        self.transport.close()
        if self.transport.get_write_buffer_size():
            # Closing waits until the client has read what is left; one that never reads is cut.
            asyncio.get_running_loop().call_later(BODY_S, self.transport.abort)
        if self._back is not None:
            self._back.transport.abort()

    def _leave_to_live(self, data: bytes) -> None:
        self._dead = True
        self._counted = False  # the live side gives the place back
        self._edge.fronts.discard(self)
        self.deadline = math.inf
        # Outside this callback: the transport is about to get another protocol.
        asyncio.get_running_loop().call_soon(self._edge.to_live, self.transport, data, self.address)

    def _forget(self) -> None:
        self._dead = True
        self.deadline = math.inf
        self._edge.fronts.discard(self)
        if self._counted:
            self._counted = False
            self._edge.doors.leave(self.address)
