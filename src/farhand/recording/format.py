"""The form of a recording's segment file (`.fhr`): records, chain, signatures. Version 1.

A session is recorded in segments; every incarnation of the relay starts a new one with fresh keys, so no nonce is
ever used twice. A segment file is a run of records, all numbers little endian:

    tag 4 bytes, length u32 (of the body), body

    FHRH  head       JSON `Head`: session, segment, start, certificate, wrapped data key. Exactly one, first.
    FHRC  chunk      `ChunkHead` (56 bytes), then AES-256-GCM of the zstd of the frames. At most about a second.
    FHRS  signature  u32 count of chunks so far, u32 end of the last one in ms, 64 bytes Ed25519.
    FHRZ  close      the same, then a reason in UTF-8 (at most 64 bytes). At most one, last.

Chain: the digest of the head is SHA-256 over its record; the digest of a chunk is SHA-256 over its record, which
states the digest before it. A signature covers the newest digest and therefore everything before it. Because every
chunk states the digest before it, damage stays local: what follows is still proven by the next signature.

All times inside are milliseconds since the segment's `started_ms`, so a wall clock that is set does not tear a
recording.
"""

import hashlib
import struct
from typing import Annotated, Final, NamedTuple

import msgspec

VERSION: Final = 1

HEAD: Final = b"FHRH"
CHUNK: Final = b"FHRC"
SIGNATURE: Final = b"FHRS"
CLOSE: Final = b"FHRZ"

RECORD: Final = struct.Struct("<4sI")
_CHUNK_HEAD: Final = struct.Struct("<IIIIII32s")
_SEAL: Final = struct.Struct("<II64s")
FRAME: Final = struct.Struct("<IHBI")
"""Head of one frame inside a chunk: u32 time in ms, u16 channel, u8 type, u32 length of the payload that follows."""

CHUNK_HEAD_SIZE: Final = _CHUNK_HEAD.size
SEAL_SIZE: Final = _SEAL.size
TAG_SIZE: Final = 16
CHUNK_MS: Final = 1000
"""Longest stretch of time in one chunk."""
CHUNK_PLAIN: Final = 256 * 1024
"""A chunk that has this many bytes of frames takes no further frame; a single larger frame stands alone."""
MAX_PAYLOAD: Final = 1 << 20
"""Longest payload of one frame, in bytes (that of the live protocol)."""
MAX_PLAIN: Final = CHUNK_PLAIN + FRAME.size + MAX_PAYLOAD
"""Most bytes of frames that any chunk can hold."""
MAX_REASON: Final = 64
LANDMARKS: Final = {2: frozenset({17, 18}), 4: frozenset({17, 19, 20})}
"""Frame types per channel kind that say where something begins, ends or changes size: screen STARTED and STOPPED, shell
OPENED, CLOSED and RESIZED. Chunks that hold some are marked, so a reader finds them without opening all others.
"""
NO_KEY: Final = 0xFFFF_FFFF
"""In `ChunkHead.key_ms`: no key frame in this chunk."""

LIMITS: Final = {
    HEAD: (2, 98_304),
    CHUNK: (CHUNK_HEAD_SIZE + TAG_SIZE, CHUNK_HEAD_SIZE + MAX_PLAIN + 65_536),
    SIGNATURE: (SEAL_SIZE, SEAL_SIZE),
    CLOSE: (SEAL_SIZE, SEAL_SIZE + MAX_REASON),
}
"""Shortest and longest body per tag, in bytes; anything else is damage."""

CERTIFICATE_KIND: Final = "recording"
"""Kind of the token (`farhand.kit.signing`) by which the issuer key certifies a segment's signing key."""
CHAIN_KIND: Final = "recording-chain"
"""Kind under which a segment's key signs its chain."""

SegmentNumber = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF_FFFF)]
Millis = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class FormatError(Exception):
    """The bytes are not what the format says; the message names the part in one sentence."""


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """Body of the certificate token: this Ed25519 key signs this segment of this session."""

    session_id: Annotated[str, msgspec.Meta(min_length=36, max_length=36)]
    segment: SegmentNumber
    key: Annotated[str, msgspec.Meta(min_length=64, max_length=64, pattern="^[0-9a-f]+$")]


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """First record of a segment."""

    version: int = VERSION
    session_id: Annotated[str, msgspec.Meta(min_length=36, max_length=36)]
    segment: SegmentNumber
    started_ms: Millis
    """Wall time (UTC, ms since 1970) that all other times count from."""
    certificate: Annotated[str, msgspec.Meta(max_length=16_384)]
    wrapped: Annotated[str, msgspec.Meta(max_length=65_536)]
    """The data key, wrapped for the site (`farhand.recording.keys`)."""


class ChunkHead(NamedTuple):
    """What a chunk says of itself in the clear; sealed against change by the encryption's associated data."""

    number: int
    """Counts from 0 without gaps; also the nonce."""
    start_ms: int
    end_ms: int
    plain_size: int
    key_ms: int
    """Time of the first key frame inside, or NO_KEY."""
    kinds: int
    """Bit n: a frame of channel kind n is inside, so a reader of shells can leave out the screen's chunks. Bit 16 +
    n: one of its LANDMARKS is.
    """
    previous: bytes
    """Digest of the record before: of the head for chunk 0, else of chunk `number - 1`."""


class Seal(NamedTuple):
    """A signature over everything so far."""

    chunks: int
    end_ms: int
    signature: bytes


def pack_record(tag: bytes, body: bytes) -> bytes:
    """Return one whole record."""
    return RECORD.pack(tag, len(body)) + body


def pack_head(head: Head) -> bytes:
    """Return the head's record."""
    return pack_record(HEAD, msgspec.json.encode(head))


def unpack_head(body: bytes) -> Head:
    """Read a head's body. Raises FormatError."""
    try:
        head = msgspec.json.decode(body, type=Head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError("the head of this recording cannot be read") from error
    if head.version != VERSION:
        raise FormatError(f"this recording has format {head.version}; a newer release of Farhand reads it")
    return head


def pack_chunk_head(head: ChunkHead) -> bytes:
    """Return the clear part of a chunk's body."""
    return _CHUNK_HEAD.pack(*head)


def unpack_chunk_head(body: bytes) -> ChunkHead:
    """Read the clear part of a chunk (at least CHUNK_HEAD_SIZE bytes). Raises FormatError when it contradicts
    itself.
    """
    head = ChunkHead._make(_CHUNK_HEAD.unpack_from(body))
    if head.end_ms < head.start_ms or head.plain_size > MAX_PLAIN:
        raise FormatError(f"the head of chunk {head.number} contradicts itself")
    return head


def pack_seal(seal: Seal, reason: bytes = b"") -> bytes:
    """Return the body of a signature or, with a reason, of a close record."""
    return _SEAL.pack(*seal) + reason


def unpack_seal(body: bytes) -> tuple[Seal, bytes]:
    """Read the body of a signature or close record (at least SEAL_SIZE bytes) and the reason behind it."""
    return Seal._make(_SEAL.unpack_from(body)), body[SEAL_SIZE:]


def digest(*record: bytes | memoryview) -> bytes:
    """Return the SHA-256 of a whole head or chunk record, given in one or more parts."""
    made = hashlib.sha256()
    for part in record:
        made.update(part)
    return made.digest()


def chain_body(session_id: str, segment: int, count: int, end_ms: int, newest: bytes, reason: bytes | None) -> bytes:
    """What a signature signs: where in which recording, and the newest digest. `reason` is None except in a close
    record.
    """
    close = b"open" if reason is None else b"close\0" + reason
    return struct.pack("<III", segment, count, end_ms) + newest + session_id.encode() + b"\0" + close


def chunk_bound(session_id: str, segment: int, clear: bytes) -> bytes:
    """Associated data of a chunk's encryption: session, segment, and its clear part (number, times, previous
    digest).
    """
    return b"farhand recording chunk\0" + session_id.encode() + struct.pack("<I", segment) + clear


def kind_bits(channel: int, frame_type: int) -> int:
    """Bits that a frame sets in `ChunkHead.kinds`."""
    kind = channel >> 8 & 15
    return 1 << kind | (1 << 16 + kind if frame_type in LANDMARKS.get(kind, ()) else 0)


def nonce(number: int) -> bytes:
    """The 12-byte nonce of chunk `number`; the data key serves one segment only, so it is never used twice."""
    return number.to_bytes(12, "little")
