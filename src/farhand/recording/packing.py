"""What a chunk's frames become before they are encrypted: always one zstd frame that states its content size.

Screens come compressed already (JPEG, zstd, VP8), and so does much of what shells print in bulk: compressing that again
costs as much as encrypting it and saves nothing. Samples tell; what does not shrink is put into raw blocks, which every
zstd reads as it reads any other (RFC 8878, 3.1.1). So readers need to know nothing of it.
"""

import struct
from collections.abc import Sequence
from typing import Final

import zstandard

SMALL: Final = 16 * 1024
"""Less than this is compressed without asking: there is nothing to be saved."""
SAMPLES: Final = 8
SAMPLE: Final = 256
"""At least so many parts give a sample of so many bytes, from their middle."""
WORTH: Final = 0.95
"""What samples do not shrink below this share is not compressed."""
LEVEL: Final = 1

_FRAME: Final = struct.Struct("<IBI")
_MAGIC: Final = 0xFD2FB528
_FORM: Final = 0b1010_0000
"""Four bytes of content size, one segment, no checksum (the chunk is sealed), no dictionary."""
_BLOCK: Final = 128 * 1024
"""Longest block of a zstd frame."""
_LAST: Final = 1


class Packer:
    """Packs the chunks of one recording."""

    def __init__(self) -> None:
        self._squeeze = zstandard.ZstdCompressor(level=LEVEL)

    def pack(self, parts: Sequence[bytes], size: int) -> bytes:
        """Return what the parts are together, `size` bytes, as one zstd frame."""
        if size >= SMALL and not self._shrinks(parts):
            return stored(parts, size)
        return self._squeeze.compress(b"".join(parts))

    def _shrinks(self, parts: Sequence[bytes]) -> bool:
        samples = []
        for part in parts[1 :: max(2, len(parts) // SAMPLES & ~1)]:  # each second one is the head of a frame
            middle = len(part) >> 1
            samples.append(part[middle : middle + SAMPLE])
        joined = b"".join(samples)
        return len(self._squeeze.compress(joined)) < WORTH * len(joined)


def stored(parts: Sequence[bytes], size: int) -> bytes:
    """Return what the parts are together, `size` bytes, as a zstd frame that holds it as it is."""
    found: list[bytes | memoryview] = [_FRAME.pack(_MAGIC, _FORM, size), b""]
    place, block = 1, 0
    for part in parts:
        if block + len(part) <= _BLOCK:
            found.append(part)
            block += len(part)
            continue
        rest: bytes | memoryview = part
        while rest:
            if block == _BLOCK:
                found[place] = _head(block, 0)
                place, block = len(found), 0
                found.append(b"")
            found.append(memoryview(rest)[: _BLOCK - block])
            rest = memoryview(rest)[_BLOCK - block :]
            block += len(found[-1])
    found[place] = _head(block, _LAST)
    return b"".join(found)


def _head(size: int, last: int) -> bytes:
    """The head of a raw block."""
    return (size << 3 | last).to_bytes(3, "little")
