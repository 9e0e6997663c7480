"""Plays one segment of a recording: opens chunks with the data key and yields frames.

A chunk whose encryption does not hold is never served. That is another question than `verifier` answers: the
encryption proves that a chunk was written with the segment's data key for this place, the signatures prove who wrote it
and that nothing is missing.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from farhand.recording import format as form
from farhand.recording.index import Buffer, Chunk, Index

EVERYTHING: Final = 0xFFFF_FFFF
"""Bits of all kinds and landmarks."""


class Damaged(Exception):
    """A chunk does not open; the message names its place in time."""


class PlayedFrame(NamedTuple):
    """One frame of a recording."""

    time_ms: int
    channel: int
    type: int
    payload: memoryview


class SegmentReader:
    """Opens a segment's chunks with its data key."""

    def __init__(self, data: Buffer, data_key: bytes, index: Index | None = None) -> None:
        """Raises FormatError when the head cannot be read."""
        self._data = data
        self._cipher = AESGCM(data_key)
        self._unpack = zstandard.ZstdDecompressor()
        self.index = index if index is not None else Index.build(data)

    def plain(self, place: int) -> bytes:
        """Return the frames of chunk `index[place]` as they were written (format.FRAME heads and payloads).

        Raises Damaged when the encryption does not hold or the content is not what the chunk's head says.
        """
        chunk = self.index[place]
        clear, sealed = _split(self._data, chunk)
        head = self.index.head
        bound = form.chunk_bound(head.session_id, head.segment, clear)
        second = f"second {chunk.start_ms // 1000} of this recording is damaged"
        try:
            packed = self._cipher.decrypt(form.nonce(chunk.number), sealed, bound)
            if zstandard.frame_content_size(packed) != chunk.plain_size:
                raise Damaged(second)
            return self._unpack.decompress(packed, max_output_size=form.MAX_PLAIN)
        except (InvalidTag, zstandard.ZstdError) as error:
            raise Damaged(second) from error

    def frames(
        self,
        from_ms: int = 0,
        kinds: int = EVERYTHING,
        damaged: list[tuple[int, int]] | None = None,
        *,
        first: int | None = None,
        last: int | None = None,
    ) -> Iterator[PlayedFrame]:
        """Yield frames from the chunk `index.at(from_ms)` on, those with one of the bits `kinds` (`format.kind_bits`);
        or of the chunks from place `first` to `last`.

        With a list for `damaged`, chunks that do not open are left out and their (start, end) ms appended to it;
        without one, Damaged is raised. Holds one chunk at a time.
        """
        for place in self.index.with_kinds(kinds, self.index.at(from_ms) if first is None else first, last):
            try:
                plain = self.plain(place)
            except Damaged:
                if damaged is None:
                    raise
                chunk = self.index[place]
                damaged.append((chunk.start_ms, chunk.end_ms))
                continue
            yield from (f for f in split_frames(plain) if form.kind_bits(f.channel, f.type) & kinds)


def split_frames(plain: bytes) -> Iterator[PlayedFrame]:
    """Yield the frames of one opened chunk. Raises Damaged when they do not fill it exactly."""
    view = memoryview(plain)
    offset = 0
    while offset < len(plain):
        if offset + form.FRAME.size > len(plain):
            raise Damaged("a chunk of this recording ends within a frame's head")
        time, channel, frame_type, length = form.FRAME.unpack_from(plain, offset)
        offset += form.FRAME.size
        if offset + length > len(plain):
            raise Damaged("a chunk of this recording ends within a frame")
        yield PlayedFrame(time, channel, frame_type, view[offset : offset + length])
        offset += length


def _split(data: Buffer, chunk: Chunk) -> tuple[bytes, bytes]:
    start = chunk.offset + form.RECORD.size
    middle = start + form.CHUNK_HEAD_SIZE
    return bytes(data[start:middle]), bytes(data[middle : chunk.offset + chunk.size])


def play(
    readers: Sequence[SegmentReader],
    kinds: int = EVERYTHING,
    damaged: list[tuple[int, int]] | None = None,
    from_ms: int = 0,
) -> Iterator[PlayedFrame]:
    """Yield the frames of all segments of a session in order, with wall times (ms since 1970), beginning with the
    chunk at `from_ms`. See `SegmentReader.frames`.
    """
    for reader in sorted(readers, key=lambda r: (r.index.head.started_ms, r.index.head.segment)):
        started = reader.index.head.started_ms
        if len(reader.index) and reader.index[-1].end_ms + started < from_ms:
            continue
        gaps: list[tuple[int, int]] | None = None if damaged is None else []
        for frame in reader.frames(max(from_ms - started, 0), kinds, gaps):
            yield frame._replace(time_ms=started + frame.time_ms)
        if damaged is not None and gaps:
            damaged.extend((started + start, started + end) for start, end in gaps)
