"""What comes in on one public connection, as whole requests: bounded in size, time and memory.

llhttp parses; each head is written anew from what was understood (`heads`); a body is collected until it is whole, out
of the memory that its address may have. What is wrong is a `heads.Refused`. `front` has the connection and the order of
requests and answers.
"""

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import httptools

from farhand.relay.door import heads
from farhand.relay.door.shares import Place

if TYPE_CHECKING:
    from farhand.relay.door.edge import Edge

HEAD_S = 20.0
"""Time for a whole head, from the connection's or the request's first byte."""
BODY_S = 30.0
"""Time for a whole body, besides that for its size."""
BODY_RATE = 16 * 1024
"""Bytes a second that a body needs at least."""
IDLE_S = 75.0
"""Longest silence between requests."""

BUSY = "The appliance has many requests to answer now. Please try again in a few seconds."


class Request:
    """A request on its way in, or a refusal in its place."""

    __slots__ = ("bodiless", "body", "expects", "head", "keep_alive", "place", "refusal")

    def __init__(self, head: bytes, place: Place, *, bodiless: bool, keep_alive: bool, expects: bool) -> None:
        self.head = head
        self.body: list[bytes] = []
        self.place = place
        self.bodiless = bodiless
        self.keep_alive = keep_alive
        self.expects = expects
        """The client waits for a word before it sends the body."""
        self.refusal: heads.Refused | None = None


class RequestReader:
    """Reads one connection. `take` gets each whole request (it may raise `heads.Refused`); `expected` is called when a
    head is whole and its body may be waited for."""

    def __init__(
        self,
        edge: "Edge",
        address: str,
        block: str,
        take: Callable[[Request], None],
        expected: Callable[[], None],
    ) -> None:
        self.reads: Literal["idle", "head", "body"] = "idle"
        """What is read now; idle between requests."""
        self.until = math.inf
        """When (monotonic) it must have come."""
        self.incoming: Request | None = None
        """The request whose body comes."""
        self._edge = edge
        self._address = address
        self._block = block
        self._take = take
        self._expected = expected
        self._parser: httptools.HttpRequestParser | None = None  # live connections never need one
        self._read = 0
        """Bytes read for the head that is not whole yet."""
        self._head_bytes = 0
        self._target = b""
        self._headers: list[heads.Header] = []

    def feed(self, data: bytes) -> None:
        """Read this. Raises heads.Refused; nothing may be fed afterwards."""
        if self._parser is None:
            self._parser = httptools.HttpRequestParser(self)
        try:
            if self.reads != "body":
                self._read += len(data)
                # One read may hold a whole head and the start of its body: the exact cap is in on_header.
                if self._read > heads.MAX_HEAD + (1 << 18):
                    raise heads.Refused(431, "The request's head is too long.")
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            raise heads.Refused(400, "This address does not speak that protocol.") from upgrade
        except httptools.HttpParserError as error:
            # llhttp reports an exception of a callback as an error of its own, with ours as its cause.
            cause = error.__context__
            if not isinstance(cause, heads.Refused):
                cause = heads.Refused(400, "This is not a request that HTTP/1.1 knows.")
            raise cause from error

    def begin(self) -> None:
        """The connection stands: a first head must come in time."""
        self.until = time.monotonic() + HEAD_S

    def rest(self) -> None:
        """Nothing is read for now: no time limit runs."""
        self.until = math.inf

    def go_on(self) -> None:
        """It is read again: the time limit of what comes begins anew."""
        self.until = time.monotonic() + {"idle": IDLE_S, "head": HEAD_S, "body": BODY_S}[self.reads]

    def drop(self) -> None:
        """Nothing more is read: what has come of a request is forgotten."""
        self.rest()
        request, self.incoming = self.incoming, None
        if request is not None:
            request.place.give_back()

    # --- called by the parser

    def on_message_begin(self) -> None:
        """Called by the parser."""
        self.reads, self._read, self._head_bytes = "head", 0, 0
        self._target = b""
        self._headers = []
        self.go_on()

    def on_url(self, url: bytes) -> None:
        """Called by the parser."""
        self._target += url
        self._grow(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser. Trailers are dropped."""
        if self.reads == "head":
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
        edge = self._edge
        method = self._parser.get_method()
        heads.check(method, self._target, self._headers)
        heads.check_host(self._headers, edge.hosts())
        if self._parser.should_upgrade():
            raise heads.Refused(400, "This address does not speak that protocol.")
        size = heads.body_size(self._headers)
        keep_alive = self._parser.should_keep_alive() and not edge.draining
        head = heads.rewrite(
            method, self._target, self._headers, self._address.encode(), edge.scheme, keep_alive=keep_alive
        )
        self.incoming = Request(
            head,
            edge.request_bytes.place(self._block),
            bodiless=method == b"HEAD",
            keep_alive=keep_alive,
            expects=size > 0 and heads.expects_continue(self._headers),
        )
        if not self.incoming.place.grow(len(head)):
            raise heads.Refused(503, BUSY, retry_after_s=5, lingers=size > 0)
        self.reads = "body"
        self.until = time.monotonic() + BODY_S + size / BODY_RATE
        self._expected()

    def on_body(self, data: bytes) -> None:
        """Called by the parser."""
        request = self.incoming
        assert request is not None
        request.expects = False
        if not request.place.grow(len(data)):
            raise heads.Refused(503, BUSY, retry_after_s=5, lingers=True)
        request.body.append(data)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self.reads = "idle"
        self._read = self._head_bytes = 0
        self.go_on()
        request, self.incoming = self.incoming, None
        assert request is not None
        self._take(request)
