"""Rectangles as bytes: the encodings of UPDATE, and the layout of its head.

Why it exists: the layout is written down once for the agent (`docs/protocol/screen.md` says the same for others).
Rules: little endian. A new encoding gets a new number; a number never changes its meaning, because recordings keep it.
"""

import struct
from enum import IntEnum, IntFlag

import numpy as np
import simplejpeg
import zstandard

from farhand.agent.tools.screen.tiles import Pixels, Rect

UPDATE_HEAD = struct.Struct("<IIBBH")
"""seq, milliseconds, flags, reserved, number of rectangles."""
RECT_HEAD = struct.Struct("<HHHHBBHI")
"""x, y, width, height, encoding, argument, reserved, length of the data that follows."""
COPY_DATA = struct.Struct("<hh")
ACK = struct.Struct("<IH")
"""seq, time to decode and draw in 0.1 ms."""
CURSOR_HEAD = struct.Struct("<HHHH")
"""Hot spot x and y, width, height; then RGBA, straight alpha."""
MAX_CURSOR = 256
"""Longest side of a cursor that is sent, in pixels."""

JPEG_QUALITY = 78


class Encoding(IntEnum):
    """How the data of a rectangle becomes pixels."""

    COPY = 0
    """i16 dx, dy: the rectangle at (x - dx, y - dy), as it was before this rectangle, moves here."""
    SOLID = 1
    """Four bytes B, G, R, 0."""
    ZSTD = 2
    """One zstd frame of width * height BGRX pixels, row by row; the fourth byte means nothing."""
    JPEG = 3
    """A JFIF picture of exactly this size. Lossy: the same place follows exactly once it is still."""


class Flag(IntFlag):
    """Flags of an update."""

    KEY = 1
    """A full picture begins here: forget what was drawn; this update and the next ones cover everything."""
    COMPLETE = 2
    """With this update the viewer has every cell as it is on the screen now (lossy ones included)."""


class Encoder:
    """Turns rectangles of a picture into bytes. Holds the compressor, whose memory is worth keeping."""

    def __init__(self) -> None:
        self._zstd = zstandard.ZstdCompressor(level=1, write_content_size=True)

    def exact(self, picture: Pixels, rect: Rect) -> bytes:
        """Encode without loss: one colour as SOLID, all else as ZSTD."""
        x, y, width, height = rect
        part = picture[y : y + height, x : x + width]
        first = part[0, 0]
        if part[0, -1] == first and part[-1, 0] == first and bool((part == first).all()):
            return pack(rect, Encoding.SOLID, int(first & 0xFFFFFF).to_bytes(4, "little"))
        return pack(rect, Encoding.ZSTD, self._zstd.compress(np.ascontiguousarray(part).data))

    def lossy(self, picture: Pixels, rect: Rect) -> bytes:
        """Encode as JPEG (4:2:0)."""
        x, y, width, height = rect
        part = np.ascontiguousarray(picture[y : y + height, x : x + width])
        image = part.view(np.uint8).reshape(height, width, 4)
        data: bytes = simplejpeg.encode_jpeg(image, JPEG_QUALITY, "BGRX", "420", fastdct=True)
        return pack(rect, Encoding.JPEG, data)


def pack(rect: Rect, encoding: Encoding, data: bytes) -> bytes:
    """Return one rectangle of an update."""
    return RECT_HEAD.pack(*rect, encoding, 0, 0, len(data)) + data


def copy(rect: Rect, dx: int, dy: int) -> bytes:
    """Return a rectangle whose pixels are those at (x - dx, y - dy)."""
    return pack(rect, Encoding.COPY, COPY_DATA.pack(dx, dy))


def update(seq: int, time_ms: int, flags: int, rects: list[bytes]) -> bytes:
    """Return the payload of an UPDATE frame."""
    head = UPDATE_HEAD.pack(seq & 0xFFFFFFFF, time_ms & 0xFFFFFFFF, flags, 0, len(rects))
    return b"".join([head, *rects])


def cursor(hot_x: int, hot_y: int, width: int, height: int, argb: bytes) -> bytes:
    """Return the payload of a CURSOR frame from 32-bit premultiplied ARGB words (as XFixes gives them).

    A cursor with a side over MAX_CURSOR becomes an empty one (width and height 0: the viewer shows its own arrow).
    """
    if not (0 < width <= MAX_CURSOR and 0 < height <= MAX_CURSOR) or len(argb) != width * height * 4:
        return CURSOR_HEAD.pack(0, 0, 0, 0)
    words = np.frombuffer(argb, np.uint32)
    alpha = words >> 24
    out = np.empty((words.size, 4), np.uint8)
    divisor = np.maximum(alpha, 1)
    for place, shift in ((0, 16), (1, 8), (2, 0)):
        out[:, place] = np.minimum((((words >> shift) & 0xFF) * 255 + divisor // 2) // divisor, 255)
    out[:, 3] = alpha
    return CURSOR_HEAD.pack(min(hot_x, width), min(hot_y, height), width, height) + out.tobytes()
