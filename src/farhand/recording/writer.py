"""Writes one segment of a recording: frames in, file bytes out. The relay owns the file and the timer.

Use: write `head()` first; `add()` every recorded frame; whenever `add()` or `due()` says True, append `cut()` to the
file; `close()` at the end. `add()` only collects; packing, encrypting and signing happen in `cut()`. What these return
are parts to be written one after the other: whatever is long is joined once, before it is encrypted, and not again. One
thread at a time may use a writer.

A chunk that is full is written at once. A signature follows it unless there was one less than SIGN_MS ago (in a fast
stream there would be hundreds a second), and no frame waits longer than a second for one. So what a killed process
leaves is proven up to about its last second, and playable up to its last whole chunk.
"""

from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from farhand.kit.signing import sign_bytes
from farhand.recording import format as form
from farhand.recording.packing import Packer

MAX_WAITING: Final = 16 * 1024 * 1024
"""Most bytes of frames that wait for `cut()`; a relay that does not cut has a fault that must show."""

SIGN_MS: Final = form.CHUNK_MS // 2
"""Between two signatures lies at least this time, in ms."""

_LATEST: Final = 0xFFFF_FFFE
_NEVER: Final = 1 << 33
_CHUNK_MS: Final = form.CHUNK_MS
_CHUNK_PLAIN: Final = form.CHUNK_PLAIN
_FRAME_SIZE: Final = form.FRAME.size
_pack_frame = form.FRAME.pack


class WriterError(Exception):
    """The writer was used against its rules; the message says which."""


@dataclass(slots=True)
class _Pending:
    """Frames of one chunk to be."""

    start_ms: int
    end_ms: int
    key_ms: int = form.NO_KEY
    kinds: int = 0
    sort: int = -1
    """Channel and type of the newest frame: its bits are among `kinds`."""
    size: int = 0
    parts: list[bytes] = field(default_factory=list)


class SegmentWriter:
    """One segment. All times given to it are wall time in ms; it never lets them run backwards."""

    def __init__(
        self,
        session_id: str,
        segment: int,
        data_key: bytes,
        sign_key: Ed25519PrivateKey,
        certificate: str,
        wrapped: str,
        started_ms: int,
    ) -> None:
        """`data_key` has 32 bytes and serves this segment only; `certificate` names the public half of `sign_key`."""
        self._session = session_id
        self._segment = segment
        self._cipher = AESGCM(data_key)
        self._sign_key = sign_key
        self._started = started_ms
        self._packer = Packer()
        self._head = form.pack_head(
            form.Head(
                session_id=session_id, segment=segment, started_ms=started_ms, certificate=certificate, wrapped=wrapped
            )
        )
        self._newest = form.digest(self._head)
        self._number = 0
        self._end_ms = 0
        self._latest = 0
        self._waiting: list[_Pending] = []
        self._waiting_size = 0
        self._last: _Pending | None = None
        """The newest of what waits."""
        self._due = _NEVER
        """When (ms) something has waited a second to be written or signed."""
        self._signed_ms = 0
        self._unsigned_ms: int | None = None
        """Time of the oldest frame that was cut and not signed yet."""
        self._headed = False
        self._closed = False

    def head(self) -> bytes:
        """Return the first bytes of the file: the head and a signature over it."""
        if self._headed:
            raise WriterError("the head of a segment is written once")
        self._headed = True
        return self._head + self._signature(None)

    def add(self, time_ms: int, channel: int, frame_type: int, payload: bytes | memoryview, key: bool = False) -> bool:
        """Collect one frame that came at `time_ms`; `key` marks a screen key frame. Return True when it is time to cut.

        Raises WriterError for a closed writer, a payload over the protocol's limit, or when nobody cuts.
        """
        length = len(payload)
        if self._closed or length > form.MAX_PAYLOAD or self._waiting_size > MAX_WAITING:
            raise self._misuse(length)
        time = time_ms - self._started
        if time < self._latest or time > _LATEST:
            time = self._relative(time_ms)
        self._latest = time
        last = self._last
        if last is None or time - last.start_ms > _CHUNK_MS or last.size >= _CHUNK_PLAIN:
            last = self._begin(time)
        last.parts += (_pack_frame(time, channel, frame_type, length), bytes(payload))
        last.size += _FRAME_SIZE + length
        last.end_ms = time
        sort = channel << 8 | frame_type
        if sort != last.sort:
            last.sort = sort
            last.kinds |= form.kind_bits(channel, frame_type)
        if key and last.key_ms == form.NO_KEY:
            last.key_ms = time
        self._waiting_size += _FRAME_SIZE + length
        return last.size >= _CHUNK_PLAIN or time >= self._due or len(self._waiting) > 1

    def _begin(self, time: int) -> _Pending:
        """Begin another chunk."""
        self._last = last = _Pending(time, time)
        self._waiting.append(last)
        self._due = min(self._due, time + _CHUNK_MS)
        return last

    def _misuse(self, length: int) -> WriterError:
        if self._closed:
            return WriterError("this segment is closed")
        if length > form.MAX_PAYLOAD:
            return WriterError(f"a payload of {length} bytes is over the limit of {form.MAX_PAYLOAD}")
        return WriterError("frames are added without cut() being called")

    @property
    def settled(self) -> bool:
        """Every frame is written and signed: there is nothing to cut until another one comes."""
        return not self._waiting and self._unsigned_ms is None

    def due(self, now_ms: int) -> bool:
        """Say whether to cut now: a chunk is full, or a frame has waited a second to be written or signed."""
        if len(self._waiting) > 1 or (self._last is not None and self._last.size >= _CHUNK_PLAIN):
            return True
        return now_ms - self._started >= self._due

    def cut(self, now_ms: int) -> list[bytes]:
        """Return the chunks of all waiting frames, and a signature if the last is SIGN_MS old; empty when nothing
        waits. Append it to the file whole.
        """
        parts = self._chunks(now_ms)
        if self._unsigned_ms is not None and self._latest - self._signed_ms >= SIGN_MS:
            parts.append(self._signature(None))
        return parts

    def close(self, now_ms: int, reason: str) -> list[bytes]:
        """Return the last bytes of the file: what waits, then the close record. `reason` is cut to 64 bytes."""
        parts = self._chunks(now_ms)
        self._end_ms = max(self._end_ms, self._latest)
        short = reason.encode()[: form.MAX_REASON].decode(errors="ignore").encode()
        parts.append(self._signature(short))
        self._closed = True
        return parts

    def _relative(self, time_ms: int) -> int:
        self._latest = min(max(time_ms - self._started, self._latest), _LATEST)
        return self._latest

    def _chunks(self, now_ms: int) -> list[bytes]:
        """Make records of all waiting frames, in parts."""
        if not self._headed or self._closed:
            raise WriterError("write head() first" if not self._headed else "this segment is closed")
        self._relative(now_ms)
        waiting, self._waiting, self._waiting_size, self._last = self._waiting, [], 0, None
        if waiting and self._unsigned_ms is None:
            self._unsigned_ms = waiting[0].start_ms
            self._due = self._unsigned_ms + _CHUNK_MS
        return [part for pending in waiting for part in self._chunk(pending)]

    def _chunk(self, pending: _Pending) -> tuple[bytes, bytes]:
        """Return a record in two parts."""
        head = form.ChunkHead(
            number=self._number,
            start_ms=pending.start_ms,
            end_ms=pending.end_ms,
            plain_size=pending.size,
            key_ms=pending.key_ms,
            kinds=pending.kinds,
            previous=self._newest,
        )
        clear = form.pack_chunk_head(head)
        bound = form.chunk_bound(self._session, self._segment, clear)
        sealed = self._cipher.encrypt(form.nonce(self._number), self._packer.pack(pending.parts, pending.size), bound)
        head_part = form.RECORD.pack(form.CHUNK, len(clear) + len(sealed)) + clear
        self._newest = form.digest(head_part, sealed)
        self._number += 1
        self._end_ms = pending.end_ms
        return head_part, sealed

    def _signature(self, reason: bytes | None) -> bytes:
        self._signed_ms, self._unsigned_ms, self._due = self._latest, None, _NEVER
        body = form.chain_body(self._session, self._segment, self._number, self._end_ms, self._newest, reason)
        signature = sign_bytes(self._sign_key, form.CHAIN_KIND, body)
        seal = form.pack_seal(form.Seal(self._number, self._end_ms, signature), reason or b"")
        return form.pack_record(form.SIGNATURE if reason is None else form.CLOSE, seal)
