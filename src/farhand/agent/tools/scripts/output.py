"""The output of one run: passed on while it comes, up to a bound, and its end kept.

Why it exists: a script may write without an end. Reading never stops, so that it is not held up; what is passed on is
bounded and gathered a little, so that a line each millisecond is no frame each millisecond. Runs in a thread of its
own.
"""

import codecs
import time
from collections.abc import Callable

from farhand.agent.core.machine import RunningScript
from farhand.protocol.scripts import MAX_OUTPUT

GATHER_S = 0.02
READ_SIZE = 8192
"""So much is at most one frame's text."""
_TAIL = 4096
_TAIL_BYTES = 4 * _TAIL + 4
"""A character has four bytes at most, and the first may be cut."""


class Output:
    """Reads a running script to its end."""

    def __init__(self, script: RunningScript, tell: Callable[[int, str], None]) -> None:
        """`tell(offset, text)` is called in the reading thread; offsets count characters."""
        self._script = script
        self._tell = tell
        self._decode = codecs.getincrementaldecoder("utf-8")("replace")
        self._end = bytearray()
        self._told = 0
        self.size = 0
        """Bytes that it has written."""

    def read(self) -> None:
        """Read until it ends."""
        while data := self._script.read(READ_SIZE):
            before, self.size = self.size, self.size + len(data)
            self._end += data
            del self._end[:-_TAIL_BYTES]
            if before < MAX_OUTPUT:
                self._pass_on(self._decode.decode(data))
                time.sleep(GATHER_S)
        if self.size <= MAX_OUTPUT:
            self._pass_on(self._decode.decode(b"", final=True))

    def _pass_on(self, text: str) -> None:
        if text:
            self._tell(self._told, text)
        self._told += len(text)

    @property
    def tail(self) -> str:
        """The end of it, at most 4096 characters."""
        return bytes(self._end).decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")[-_TAIL:]
