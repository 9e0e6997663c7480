"""Finds the records of a segment file without opening the encryption: what stands where, for verifying and for seeking.

`scan` walks the records of any buffer (bytes or a memory map, also of a file that still grows). Where the bytes
stop making sense it says so and goes on at the next plausible record, so damage in one place does not hide what
follows. `Index` is the table of chunks: times, key frames, byte ranges.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from mmap import mmap
from typing import Literal, NamedTuple

from farhand.recording import format as form

Buffer = bytes | mmap
"""A whole segment file. A memory map keeps long recordings out of the process's memory."""

_PREFIX = form.HEAD[:3]


class Record(NamedTuple):
    """A stretch of the file: a whole record, `broken` bytes that are none, or a `torn` record at the end."""

    what: Literal["head", "chunk", "signature", "close", "broken", "torn"]
    offset: int
    size: int
    """Bytes with the record's own 8-byte head."""


class Chunk(NamedTuple):
    """One line of the index."""

    head: form.ChunkHead
    offset: int
    size: int


_NAMES: dict[bytes, Literal["head", "chunk", "signature", "close"]] = {
    form.HEAD: "head",
    form.CHUNK: "chunk",
    form.SIGNATURE: "signature",
    form.CLOSE: "close",
}


def scan(data: Buffer, offset: int = 0) -> Iterator[Record]:
    """Yield the stretches of the file from `offset` on, in order and without holes. Holds no more than one record."""
    size = len(data)
    while offset < size:
        whole = _record_at(data, offset, size)
        if whole is not None:
            yield whole
            offset += whole.size
            continue
        following = _next_record(data, offset + 1, size)
        if following is None:
            yield Record("torn" if _begins_record(data, offset, size) else "broken", offset, size - offset)
            return
        yield Record("broken", offset, following - offset)
        offset = following


def chunk_head(data: Buffer, record: Record) -> form.ChunkHead | None:
    """Return the clear part of a chunk record, or None when it contradicts itself."""
    start = record.offset + form.RECORD.size
    try:
        return form.unpack_chunk_head(data[start : start + form.CHUNK_HEAD_SIZE])
    except form.FormatError:
        return None


class Index:
    """The chunks of one segment in order of time; about 200 bytes of memory for each second of recording."""

    def __init__(self, head: form.Head, chunks: list[Chunk], end_ms: int) -> None:
        self.head = head
        self.chunks = chunks
        self.end_ms = end_ms
        """Time of the last frame, or of the close record."""
        self._ends = [chunk.head.end_ms for chunk in chunks]
        self._keys = [chunk.head.key_ms for chunk in chunks if chunk.head.key_ms != form.NO_KEY]
        self._key_chunks = [i for i, chunk in enumerate(chunks) if chunk.head.key_ms != form.NO_KEY]

    @classmethod
    def build(cls, data: Buffer) -> "Index":
        """Read a file's records. Raises FormatError when the head cannot be read; damage behind it is left out."""
        records = scan(data)
        first = next(records, None)
        if first is None or first.what != "head":
            raise form.FormatError("the head of this recording is missing or damaged")
        head = form.unpack_head(data[first.offset + form.RECORD.size : first.offset + first.size])
        chunks: list[Chunk] = []
        end = 0
        for record in records:
            if record.what == "chunk":
                clear = chunk_head(data, record)
                # Order is what seeking relies on; a chunk that claims an earlier place is damaged or moved.
                if (
                    clear is not None
                    and clear.start_ms >= end
                    and (not chunks or clear.number > chunks[-1].head.number)
                ):
                    chunks.append(Chunk(clear, record.offset, record.size))
                    end = clear.end_ms
            elif record.what == "close":
                start = record.offset + form.RECORD.size
                end = max(end, form.unpack_seal(data[start : start + form.SEAL_SIZE])[0].end_ms)
        return cls(head, chunks, end)

    def at(self, time_ms: int) -> int:
        """Return the place in `chunks` where playing from `time_ms` begins: the first that ends then or later, else
        the last.
        """
        return min(bisect_left(self._ends, time_ms), max(len(self.chunks) - 1, 0))

    def key_before(self, time_ms: int) -> int:
        """Return the place in `chunks` of the newest one with a key frame by `time_ms`; 0 when there is none."""
        place = bisect_right(self._keys, time_ms) - 1
        return self._key_chunks[place] if place >= 0 else 0


def _record_at(data: Buffer, offset: int, size: int) -> Record | None:
    if offset + form.RECORD.size > size:
        return None
    tag, length = form.RECORD.unpack_from(data, offset)
    limits = form.LIMITS.get(tag)
    if limits is None or not limits[0] <= length <= limits[1] or offset + form.RECORD.size + length > size:
        return None
    return Record(_NAMES[tag], offset, form.RECORD.size + length)


def _next_record(data: Buffer, offset: int, size: int) -> int | None:
    while True:
        offset = data.find(_PREFIX, offset)
        if offset < 0:
            return None
        if _record_at(data, offset, size) is not None:
            return offset
        offset += 1


def _begins_record(data: Buffer, offset: int, size: int) -> bool:
    """Say whether the last bytes look like a record that was being written when the writer stopped."""
    rest = data[offset : offset + form.RECORD.size]
    if len(rest) < form.RECORD.size:
        return any(tag.startswith(rest[:4]) for tag in form.LIMITS)
    tag, length = form.RECORD.unpack(rest)
    limits = form.LIMITS.get(tag)
    return limits is not None and limits[0] <= length <= limits[1] and offset + form.RECORD.size + length > size
