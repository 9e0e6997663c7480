"""Verifies and plays one segment of a recording.

`verify` needs no data key: it checks the certificate, the chain and the signatures, and says exactly what holds and
what does not. `SegmentReader` opens chunks with the data key and yields frames; it never serves a chunk whose
encryption does not hold. The two answer different questions: the encryption proves that a chunk was written with
the segment's data key for this place, the signatures prove who wrote it and that nothing is missing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from farhand.kit.signing import BadToken, check_bytes, open_token
from farhand.recording import format as form
from farhand.recording.index import Buffer, Chunk, Index, Record, chunk_head, scan

EVERYTHING: Final = 0xFFFF_FFFF
"""Bits of all kinds and landmarks."""


class Damaged(Exception):
    """A chunk does not open; the message names its place in time."""


class Damage(NamedTuple):
    """One place where the recording is not what was written. Times in ms since the segment's start."""

    from_ms: int
    to_ms: int
    offset: int
    """Byte of the file where it was noticed."""
    what: Literal["head", "certificate", "altered", "missing", "broken", "signature", "after-close", "unsigned"]


@dataclass(slots=True)
class Findings:
    """What a verification found. `intact` is the one word; the rest says exactly what and where."""

    head: form.Head | None = None
    verified_ms: int = 0
    """Everything up to here, without interruption from the start, is proven."""
    end_ms: int = 0
    """Time of the last thing that can be played, proven or not."""
    closed: bool = False
    """A proven close record ends the file; else the writer was cut off."""
    reason: str = ""
    """Why it was closed."""
    unsigned_ms: int = 0
    """Length of the stretch at the end that follows the last signature: playable, not proven."""
    torn_bytes: int = 0
    """Bytes at the end of a record that was never finished."""
    damage: list[Damage] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        """All that the file holds is proven (it may still be cut off at its end)."""
        return self.head is not None and not self.damage

    @property
    def first_damaged_second(self) -> int | None:
        """The second (from 0) in which the first damage lies, or None."""
        return min(d.from_ms for d in self.damage) // 1000 if self.damage else None


class _Item(NamedTuple):
    """A head or chunk that waits for a signature."""

    number: int
    start_ms: int
    end_ms: int
    offset: int
    digest: bytes
    previous: bytes


def verify(data: Buffer, issuer_keys: Sequence[bytes], expect: tuple[str, int] | None = None) -> Findings:
    """Check a whole segment file. `issuer_keys` are the 32-byte public keys that certify recordings.

    `expect` names the session and segment that the file must be of. Raises nothing for bad files: it finds.
    """
    return _Verifier(data, issuer_keys, expect).run()


class _Verifier:
    """One pass over the file. Items wait in `pending` until a signature proves the newest one and, by it, those
    before.
    """

    def __init__(self, data: Buffer, issuer_keys: Sequence[bytes], expect: tuple[str, int] | None) -> None:
        self._data = data
        self._issuers = issuer_keys
        self._expect = expect
        self._found = Findings()
        self._key = b""
        self._pending: list[_Item] = []
        self._proven = _Item(-2, 0, 0, 0, b"", b"")

    def run(self) -> Findings:
        records = scan(self._data)
        first = next(records, None)
        if first is None or not self._open_head(first):
            return self._found
        for record in records:
            if self._found.closed:
                self._add(self._found.end_ms, self._found.end_ms, record.offset, "after-close")
                break
            self._take(record)
        self._finish()
        return self._found

    def _open_head(self, record: Record) -> bool:
        body = self._data[record.offset + form.RECORD.size : record.offset + record.size]
        if record.what == "torn":
            self._found.torn_bytes = record.size
            return False
        try:
            if record.what != "head":
                raise form.FormatError("the file does not begin with a head")
            head = form.unpack_head(body)
        except form.FormatError:
            self._add(0, 0, record.offset, "head")
            return False
        self._found.head = head
        named = self._certified(head)
        if named is None or (self._expect is not None and self._expect != (head.session_id, head.segment)):
            self._add(0, 0, record.offset, "certificate")
            return False
        self._key = named
        digest = form.digest(self._data[record.offset : record.offset + record.size])
        self._pending.append(_Item(-1, 0, 0, record.offset, digest, b""))
        return True

    def _certified(self, head: form.Head) -> bytes | None:
        for issuer in self._issuers:
            try:
                body = open_token(issuer, form.CERTIFICATE_KIND, head.certificate, form.Certificate)
            except BadToken:
                continue
            if (body.session_id, body.segment) == (head.session_id, head.segment):
                return bytes.fromhex(body.key)
        return None

    def _take(self, record: Record) -> None:
        if record.what == "chunk":
            self._chunk(record)
        elif record.what in ("signature", "close"):
            self._seal(record)
        elif record.what == "torn":
            self._found.torn_bytes = record.size
        else:
            self._add(self._last_end(), self._last_end(), record.offset, "broken")

    def _chunk(self, record: Record) -> None:
        clear = chunk_head(self._data, record)
        if clear is None:
            self._add(self._last_end(), self._last_end(), record.offset, "broken")
            return
        digest = form.digest(self._data[record.offset : record.offset + record.size])
        item = _Item(clear.number, clear.start_ms, clear.end_ms, record.offset, digest, clear.previous)
        self._pending.append(item)

    def _seal(self, record: Record) -> None:
        start = record.offset + form.RECORD.size
        seal, reason = form.unpack_seal(self._data[start : record.offset + record.size])
        closing = record.what == "close"
        newest = self._pending[-1] if self._pending else self._proven
        if not self._holds(seal, newest, reason if closing else None):
            self._add(self._last_end(), self._last_end(), record.offset, "signature")
            return
        self._prove()
        if closing:
            self._found.closed = True
            self._found.reason = reason.decode(errors="replace")
            self._found.end_ms = max(self._found.end_ms, seal.end_ms)
            if not self._found.damage:
                self._found.verified_ms = self._found.end_ms

    def _holds(self, seal: form.Seal, newest: _Item, reason: bytes | None) -> bool:
        head = self._found.head
        if head is None or seal.chunks != newest.number + 1 or (reason is None and seal.end_ms != newest.end_ms):
            return False
        body = form.chain_body(head.session_id, head.segment, seal.chunks, seal.end_ms, newest.digest, reason)
        try:
            check_bytes(self._key, form.CHAIN_KIND, body, seal.signature)
        except BadToken:
            return False
        return True

    def _prove(self) -> None:
        """The newest pending item is proven: walk back along the digests that the proven ones state."""
        proven = 0
        for place in range(len(self._pending) - 1, -1, -1):
            later = self._pending[place + 1] if place + 1 < len(self._pending) else None
            if later is not None and (later.previous != self._pending[place].digest):
                break
            proven += 1
        lost, good = self._pending[: len(self._pending) - proven], self._pending[len(self._pending) - proven :]
        if good:
            self._join(lost, good[0])
            self._proven = good[-1]
            self._found.end_ms = max(self._found.end_ms, good[-1].end_ms)
            if not self._found.damage:
                self._found.verified_ms = good[-1].end_ms
        self._pending = []

    def _join(self, lost: list[_Item], good: _Item) -> None:
        """Name what lies between the last proven item and `good`, the first one proven after it."""
        before = self._proven.end_ms
        if lost:
            start = lost[0].start_ms if before <= lost[0].start_ms <= good.start_ms else before
            self._add(start, max(good.start_ms, start), lost[0].offset, "head" if lost[0].number == -1 else "altered")
        elif good.previous != self._proven.digest:
            self._add(before, max(good.start_ms, before), good.offset, "missing")

    def _finish(self) -> None:
        found, pending = self._found, self._pending
        if pending:
            links = [self._proven.digest, *(item.digest for item in pending)]
            whole = all(item.previous == link for item, link in zip(pending, links, strict=False))
            if whole and not any(d.what == "signature" for d in found.damage):
                found.unsigned_ms = max(0, pending[-1].end_ms - self._proven.end_ms)
            else:
                before = self._proven.end_ms
                start = pending[0].start_ms if pending[0].start_ms >= before else before
                self._add(start, max(pending[-1].end_ms, start), pending[0].offset, "unsigned")
            found.end_ms = max(found.end_ms, pending[-1].end_ms)
        found.damage.sort(key=lambda d: (d.from_ms, d.offset))

    def _last_end(self) -> int:
        return self._pending[-1].end_ms if self._pending else self._proven.end_ms

    def _add(self, from_ms: int, to_ms: int, offset: int, what: str) -> None:
        self._found.damage.append(Damage(from_ms, to_ms, offset, what))  # type: ignore[arg-type]


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
        self.index = index or Index.build(data)

    def plain(self, place: int) -> bytes:
        """Return the frames of chunk `index.chunks[place]` as they were written (format.FRAME heads and payloads).

        Raises Damaged when the encryption does not hold or the content is not what the chunk's head says.
        """
        chunk = self.index.chunks[place]
        clear, sealed = _split(self._data, chunk)
        head = self.index.head
        bound = form.chunk_bound(head.session_id, head.segment, clear)
        second = f"second {chunk.head.start_ms // 1000} of this recording is damaged"
        try:
            packed = self._cipher.decrypt(form.nonce(chunk.head.number), sealed, bound)
            if zstandard.frame_content_size(packed) != chunk.head.plain_size:
                raise Damaged(second)
            return zstandard.ZstdDecompressor().decompress(packed, max_output_size=form.MAX_PLAIN)
        except (InvalidTag, zstandard.ZstdError) as error:
            raise Damaged(second) from error

    def frames(
        self, from_ms: int = 0, kinds: int = EVERYTHING, damaged: list[tuple[int, int]] | None = None
    ) -> Iterator[PlayedFrame]:
        """Yield frames from the chunk `index.at(from_ms)` on, those with one of the bits `kinds` (`format.kind_bits`).

        With a list for `damaged`, chunks that do not open are left out and their (start, end) ms appended to it;
        without one, Damaged is raised. Holds one chunk at a time.
        """
        for place in range(self.index.at(from_ms), len(self.index.chunks)):
            head = self.index.chunks[place].head
            if not head.kinds & kinds:
                continue
            try:
                plain = self.plain(place)
            except Damaged:
                if damaged is None:
                    raise
                damaged.append((head.start_ms, head.end_ms))
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
    readers: Sequence[SegmentReader], kinds: int = EVERYTHING, damaged: list[tuple[int, int]] | None = None
) -> Iterator[PlayedFrame]:
    """Yield the frames of all segments of a session in order, with wall times (ms since 1970). See
    `SegmentReader.frames`.
    """
    for reader in sorted(readers, key=lambda r: (r.index.head.started_ms, r.index.head.segment)):
        started = reader.index.head.started_ms
        gaps: list[tuple[int, int]] | None = None if damaged is None else []
        for frame in reader.frames(0, kinds, gaps):
            yield frame._replace(time_ms=started + frame.time_ms)
        if damaged is not None and gaps:
            damaged.extend((started + start, started + end) for start, end in gaps)
