"""Rectangles as bytes: pictures become the payloads of UPDATE and CURSOR.

Why it exists: compressing and packing in one place. The layout itself is `farhand.protocol.screen`.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import simplejpeg

from farhand.agent.tools.screen import palette
from farhand.agent.tools.screen.exact import WIDEST, Packed, Packer
from farhand.agent.tools.screen.modes import How
from farhand.agent.tools.screen.tiles import CELL, Grid, Pixels, Rect, narrow
from farhand.protocol.screen import (
    COPY_DATA,
    CURSOR_HEAD,
    MASK_CELL,
    RECT_HEAD,
    UPDATE_HEAD,
    Encoding,
    VideoFlag,
)

MAX_CURSOR = 256
"""Longest side of a cursor that is sent, in pixels."""

assert CELL == MASK_CELL


class Coded(NamedTuple):
    """A rectangle of the picture as one of an update, or as several that cover it where these take less."""

    rects: list[bytes]
    exact: bool = False
    """It shows every pixel as it is."""

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return sum(map(len, self.rects))


class Encoder:
    """Turns rectangles of a picture into bytes. Holds the compressors, whose memory is worth keeping."""

    def __init__(self) -> None:
        self._exact = Packer()

    def encode(self, picture: Pixels, rect: Rect, how: How) -> Coded:
        """Encode a rectangle that begins on cell edges. One colour becomes SOLID, unless it is to be JPEG."""
        x, y, width, height = rect
        part = picture[y : y + height, x : x + width]
        if how.encoding is Encoding.JPEG:
            image = np.ascontiguousarray(part).view(np.uint8).reshape(height, width, 4)
            subsampling = "444" if how.fine else "420"
            data: bytes = simplejpeg.encode_jpeg(image, how.amount, "BGRX", subsampling, fastdct=True)
            return Coded([pack(rect, Encoding.JPEG, data)])
        if how.encoding is Encoding.INDEXED:
            return Coded([self._indexed(rect, part, how)])
        if _flat(part):
            return Coded([solid(rect, int(part[0, 0]))], exact=True)
        if how.encoding is Encoding.PALETTE:
            few = self._exact.few(part, how.amount)
            return Coded([_packed(rect, few)], exact=True) if few else Coded([self._indexed(rect, part, how)])
        packed = self._exact.pack(part)
        if packed is None:
            columns = [self.encode(picture, column, how) for column in narrow(rect, WIDEST)]
            return Coded([one for column in columns for one in column.rects], exact=True)
        return Coded([_packed(rect, packed)], exact=True)

    def _indexed(self, rect: Rect, part: Pixels, how: How) -> bytes:
        indices = palette.indexed(part, how.amount, how.fine)
        if _flat(indices):
            return solid(rect, int(palette.colours(how.amount)[indices[0, 0]]))
        return _packed(rect, self._exact.indexed(indices, how.amount))


def _flat(part: npt.NDArray[np.generic]) -> bool:
    first = part[0, 0]
    return bool(part[0, -1] == first and part[-1, 0] == first and (part == first).all())


def pack(rect: Rect, encoding: Encoding, data: bytes, argument: int = 0) -> bytes:
    """Return one rectangle of an update."""
    return RECT_HEAD.pack(*rect, encoding, argument, 0, len(data)) + data


def _packed(rect: Rect, packed: Packed) -> bytes:
    return pack(rect, packed.encoding, packed.data, packed.argument)


def solid(rect: Rect, colour: int) -> bytes:
    """Return a rectangle of one colour, 0xRRGGBB."""
    return pack(rect, Encoding.SOLID, (colour & 0xFFFFFF).to_bytes(4, "little"))


def video(rect: Rect, frame: bytes, key: bool, shown: Grid) -> bytes:
    """Return a rectangle that draws the cells `shown` (those of the rectangle) of the next frame of a stream."""
    flags = VideoFlag.KEY if key else VideoFlag(0)
    if shown.all():
        return pack(rect, Encoding.VIDEO, frame, flags)
    return pack(rect, Encoding.VIDEO, np.packbits(shown).tobytes() + frame, flags | VideoFlag.MASKED)


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
