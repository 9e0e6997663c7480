"""Rectangles as bytes: pictures become the payloads of UPDATE and CURSOR.

Why it exists: compressing and packing in one place. The layout itself is `farhand.protocol.screen`.
"""

import numpy as np
import simplejpeg
import zstandard

from farhand.agent.tools.screen.tiles import Pixels, Rect
from farhand.protocol.screen import COPY_DATA, CURSOR_HEAD, RECT_HEAD, UPDATE_HEAD, Encoding

MAX_CURSOR = 256
"""Longest side of a cursor that is sent, in pixels."""

JPEG_QUALITY = 78


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
