"""Finds the records of a segment file without opening the encryption: what stands where, for verifying and for seeking.

`scan` walks the records of any buffer (bytes or a memory map, also of a file that still grows). Where the bytes
stop making sense it says so and goes on at the next plausible record, so damage in one place does not hide what
follows. `Index` is the table of chunks: times, key frames, byte ranges; in columns, so that eight hours are a megabyte
and are found by bisection. It can be kept beside the file (`dump`, `load`): it is worth nothing as evidence and is made
again from the file whenever it does not fit.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from mmap import mmap
from struct import Struct
from typing import Final, Literal, NamedTuple, overload

import zstandard

from farhand.recording import format as form

Buffer = bytes | mmap
"""A whole segment file. A memory map keeps long recordings out of the process's memory."""

_PREFIX = form.HEAD[:3]
_DUMP: Final = Struct("<4sIIIQ")
"""Tag, length of the head's body, number of chunks, end in ms, bytes of the file that were read."""
_TAG: Final = b"FHI1"
_MOST_CHUNKS: Final = 1 << 22
_COLUMNS: Final = ("Q", "I", "I", "I", "I", "I", "I", "I")
"""Types of the columns in the order of `Chunk`, of 8 and 4 bytes."""


class Record(NamedTuple):
    """A stretch of the file: a whole record, `broken` bytes that are none, or a `torn` record at the end."""

    what: Literal["head", "chunk", "signature", "close", "broken", "torn"]
    offset: int
    size: int
    """Bytes with the record's own 8-byte head."""


class Chunk(NamedTuple):
    """One line of the index: where a chunk stands, and what it says of itself (`format.ChunkHead`)."""

    offset: int
    size: int
    number: int
    start_ms: int
    end_ms: int
    plain_size: int
    key_ms: int
    kinds: int


class Stretch(NamedTuple):
    """From one key frame to the next: what a player needs to show any moment in between."""

    first: int
    """Place of the chunk in which the key frame stands."""
    last: int
    """Place of the chunk that holds the last frames before the next key frame: the next stretch's first, or the end."""
    key_ms: int
    size: int
    """Bytes of frames of all its chunks."""


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


class Index(Sequence[Chunk]):
    """The chunks of one segment in order of time; 36 bytes for each."""

    def __init__(self, head: form.Head, read_to: int = 0) -> None:
        self.head = head
        self.end_ms = 0
        """Time of the last frame, or of the close record."""
        self.read_to = read_to
        """Bytes of the file that are in here; the next record begins there."""
        self._columns = [array(kind) for kind in _COLUMNS]
        self._offsets, self._sizes, self._numbers, self._starts, self._ends = self._columns[:5]
        self._plains, self._keys, self._kinds = self._columns[5:]
        self._key_times: array[int] = array("I")
        self._key_places: array[int] = array("I")

    @classmethod
    def build(cls, data: Buffer) -> "Index":
        """Read a file's records. Raises FormatError when the head cannot be read; damage behind it is left out."""
        first = next(scan(data), None)
        if first is None or first.what != "head":
            raise form.FormatError("the head of this recording is missing or damaged")
        head = form.unpack_head(data[first.offset + form.RECORD.size : first.offset + first.size])
        index = cls(head, first.offset + first.size)
        index.grow(data)
        return index

    def grow(self, data: Buffer) -> None:
        """Read on in a file that has grown. What is not whole at its end is read the next time."""
        for record in scan(data, self.read_to):
            if record.what == "torn" or (record.what == "broken" and record.offset + record.size == len(data)):
                return
            self.take(data, record, chunk_head(data, record) if record.what == "chunk" else None)

    def take(self, data: Buffer, record: Record, clear: form.ChunkHead | None) -> None:
        """Take the file's next record; `clear` is a chunk's own head, None when it has none that can be read."""
        self.read_to = record.offset + record.size
        if record.what == "close":
            start = record.offset + form.RECORD.size
            seal = form.unpack_seal(data[start : start + form.SEAL_SIZE])[0]
            self.end_ms = max(self.end_ms, seal.end_ms)
        # Order is what seeking relies on; a chunk that claims an earlier place is damaged or moved.
        elif clear is not None and clear.start_ms >= self.end_ms and (not self or clear.number > self._numbers[-1]):
            key = clear.key_ms if clear.start_ms <= clear.key_ms <= clear.end_ms else form.NO_KEY
            self._add(Chunk(record.offset, record.size, *clear[:4], key, clear.kinds))

    def _add(self, chunk: Chunk) -> None:
        if chunk.key_ms != form.NO_KEY:
            self._key_times.append(chunk.key_ms)
            self._key_places.append(len(self))
        for column, value in zip(self._columns, chunk, strict=True):
            column.append(value)
        self.end_ms = chunk.end_ms

    def __len__(self) -> int:
        return len(self._offsets)

    @overload
    def __getitem__(self, place: int) -> Chunk: ...
    @overload
    def __getitem__(self, place: slice) -> list[Chunk]: ...
    def __getitem__(self, place: int | slice) -> Chunk | list[Chunk]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        return Chunk._make(column[place] for column in self._columns)

    def at(self, time_ms: int) -> int:
        """Return the place of the chunk where playing from `time_ms` begins: the first that ends then or later, else
        the last.
        """
        return min(bisect_left(self._ends, time_ms), max(len(self) - 1, 0))

    def key_before(self, time_ms: int) -> int:
        """Return the place of the newest chunk with a key frame by `time_ms`; 0 when there is none."""
        place = bisect_right(self._key_times, time_ms) - 1
        return self._key_places[place] if place >= 0 else 0

    def with_kinds(self, kinds: int, first: int = 0, last: int | None = None) -> Iterator[int]:
        """Yield the places from `first` to `last` (included) of the chunks that hold something of `kinds` (bits of
        `format.kind_bits`).
        """
        column = self._kinds
        for place in range(first, len(self) if last is None else min(last + 1, len(self))):
            if column[place] & kinds:
                yield place

    def holds(self, kinds: int) -> bool:
        """Say whether some chunk holds something of `kinds`."""
        return next(self.with_kinds(kinds), None) is not None

    def stretches(self) -> list[Stretch]:
        """The segment from key frame to key frame; what stands before the first one cannot be shown."""
        found: list[Stretch] = []
        ends = [*self._key_places[1:], len(self) - 1]
        for first, last, key_ms in zip(self._key_places, ends, self._key_times, strict=False):
            found.append(Stretch(first, last, key_ms, sum(self._plains[first : last + 1])))
        return found

    def dump(self) -> bytes:
        """Return the index as bytes, to be kept beside the file."""
        head = form.pack_head(self.head)[form.RECORD.size :]
        parts = [_DUMP.pack(_TAG, len(head), len(self), self.end_ms, self.read_to), head]
        parts += [column.tobytes() for column in self._columns]
        return zstandard.ZstdCompressor(level=1, write_checksum=True).compress(b"".join(parts))

    @classmethod
    def load(cls, kept: bytes) -> "Index":
        """Read what `dump` gave. Raises FormatError when it is something else."""
        try:
            most = _DUMP.size + form.LIMITS[form.HEAD][1] + _MOST_CHUNKS * 36
            if not 0 <= zstandard.frame_content_size(kept) <= most:
                raise form.FormatError("this is not an index of a recording")
            plain = zstandard.ZstdDecompressor().decompress(kept, allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise form.FormatError("this index of a recording is damaged") from error
        if len(plain) < _DUMP.size:
            raise form.FormatError("this index of a recording is damaged")
        tag, head_size, count, end_ms, read_to = _DUMP.unpack_from(plain)
        sizes = [count * array(kind).itemsize for kind in _COLUMNS]
        if tag != _TAG or len(plain) != _DUMP.size + head_size + sum(sizes):
            raise form.FormatError("this index of a recording has another form")
        at = _DUMP.size + head_size
        index = cls(form.unpack_head(plain[_DUMP.size : at]), read_to)
        for column, size in zip(index._columns, sizes, strict=True):
            column.frombytes(plain[at : at + size])
            at += size
        index.end_ms = end_ms
        for place, key_ms in enumerate(index._keys):
            if key_ms != form.NO_KEY:
                index._key_times.append(key_ms)
                index._key_places.append(place)
        return index


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
