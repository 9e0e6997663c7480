"""The last output of a shell, addressed by its offset from the first byte ever written."""

RING_SIZE = 1 << 20
"""Bytes that are kept."""


class Ring:
    """Keeps the last `size` bytes. Offsets count from 0 at the shell's start and never wrap (u64 on the wire)."""

    def __init__(self, size: int = RING_SIZE) -> None:
        self._size = size
        self._data = bytearray()
        self._start = 0

    @property
    def start(self) -> int:
        """Offset of the oldest byte that is still here."""
        return self._start

    @property
    def end(self) -> int:
        """Offset behind the newest byte."""
        return self._start + len(self._data)

    def append(self, data: bytes) -> None:
        """Add output."""
        self._data += data
        # Cut rarely and much: deleting the head of a bytearray for every read would be felt.
        if len(self._data) > self._size + self._size // 4:
            drop = len(self._data) - self._size
            del self._data[:drop]
            self._start += drop

    def read(self, offset: int, limit: int) -> tuple[int, bytes]:
        """Return up to `limit` bytes from `offset` on, and the offset at which they really begin (later if cut)."""
        offset = min(max(offset, self._start), self.end)
        first = offset - self._start
        return offset, bytes(self._data[first : first + limit])
