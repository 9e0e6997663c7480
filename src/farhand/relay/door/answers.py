"""Where an answer of `web` ends: its head, its length, its chunks. Bytes only; `edge` has the sockets.

`web` is trusted to write proper HTTP/1.1; what is not raises `BrokenAnswer`, and the connection to it is given up.
Source of the framing: RFC 9112, sections 6 and 7.
"""

from typing import Final

MAX_HEAD: Final = 64 * 1024
MAX_LINE: Final = 4096


class BrokenAnswer(Exception):
    """`web` wrote what no answer looks like."""


class Answer:
    """Follows one answer. Feed it all bytes; it gives back those that the client gets."""

    def __init__(self, *, bodiless: bool) -> None:
        """`bodiless`: the answer to a HEAD request, which has a length but no body."""
        self.length: int | None = None
        """Bytes of the body, None while or when it is not known."""
        self.begun = False
        """The head is complete."""
        self.done = False
        self.closes = False
        """The connection ends with this answer."""
        self.passed = 0
        """Bytes of it so far."""
        self._bodiless = bodiless
        self._head = b""
        self._chunked = False
        self._left = 0
        self._line = b""
        self._in = "size"

    def feed(self, data: bytes) -> bytes:
        """Return what of this crosses to the client now: nothing before the head is whole. Raises BrokenAnswer."""
        if self.done:
            raise BrokenAnswer("bytes after the end of an answer")
        if self.begun:
            self._body(data)
            self.passed += len(data)
            return data
        data = self._head + data
        while not self.begun:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                if len(data) > MAX_HEAD:
                    raise BrokenAnswer("a head without end")
                self._head = data
                return b""
            if self._interim(data[:end]):
                data = data[end + 4 :]
            else:
                self.begun = True
                self._read_head(data[:end])
                self._body(data[end + 4 :])
        self._head = b""
        self.passed += len(data)
        return data

    def ended(self) -> None:
        """`web` closed its side: the end of an answer that has no other end."""
        if self.begun and self.length is None and not self._chunked:
            self.done = True

    @staticmethod
    def _status(head: bytes) -> int:
        code = head[9:12]
        if not head.startswith(b"HTTP/1.") or not code.isdigit():
            raise BrokenAnswer("no status line")
        return int(code)

    def _interim(self, head: bytes) -> bool:
        return 100 <= self._status(head) < 200

    def _read_head(self, head: bytes) -> None:
        status = self._status(head)
        self.closes = head.startswith(b"HTTP/1.0")
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            name, value = name.lower(), value.strip().lower()
            if name == b"content-length":
                if not value.isdigit():
                    raise BrokenAnswer("no length")
                self.length = int(value)
            elif name == b"transfer-encoding":
                self._chunked = value.endswith(b"chunked")
            elif name == b"connection" and b"close" in value:
                self.closes = True
        if self._bodiless or status in (204, 304):
            self.length, self._chunked = 0, False
        elif self._chunked:
            self.length = None
        elif self.length is None:
            self.closes = True
        self._left = self.length or 0
        self.done = self.length == 0

    def _body(self, data: bytes) -> None:
        if self._chunked:
            self._chunks(data)
        elif self.length is not None:
            self._left -= len(data)
            if self._left < 0:
                raise BrokenAnswer("a body longer than its length")
            self.done = self._left == 0

    def _chunks(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            if self.done:
                raise BrokenAnswer("bytes after the last chunk")
            if self._in == "data":
                step = min(self._left, len(data) - at)
                self._left -= step
                at += step
                if not self._left:
                    self._in = "size"
                continue
            end = data.find(b"\n", at)
            self._line += data[at:] if end < 0 else data[at:end]
            if len(self._line) > MAX_LINE:
                raise BrokenAnswer("a chunk's size without end")
            if end < 0:
                return
            at = end + 1
            line, self._line = self._line.rstrip(b"\r"), b""
            self._take_line(line)

    def _take_line(self, line: bytes) -> None:
        if self._in == "trailer":
            self.done = not line
            return
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError as error:
            raise BrokenAnswer("no chunk size") from error
        if size < 0:
            raise BrokenAnswer("no chunk size")
        self._left = size + 2  # and the line end behind it
        self._in = "data" if size else "trailer"
