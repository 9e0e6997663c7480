"""What a producer tells beside a picture (spa/buffer/meta.h): when it was made, what changed, the pointer.

Rules: no library. What is read is bounded by what was given, and what is strange counts as not told.
"""

import ctypes as c
import struct
from typing import TYPE_CHECKING

import numpy as np

from farhand.agent.core.desktop import Rect
from farhand.agent.platforms.linux.wayland.picture import colours

if TYPE_CHECKING:
    from farhand.agent.platforms.linux.pipewire.library import Buffer

HEADER, DAMAGE, CURSOR = 1, 3, 5
HEADER_SIZE, RECT_SIZE = 32, 16
RGBX, BGRX, RGBA, BGRA = 7, 8, 11, 12
_TIME = struct.Struct("=8xq")
_CURSOR_HEAD, _BITMAP_HEAD = struct.Struct("=IIiiiiI"), struct.Struct("=IIIiI")
LARGEST_CURSOR = 256
CURSOR_SIZE = _CURSOR_HEAD.size + _BITMAP_HEAD.size
"""Bytes before a shape's pixels."""


def told(buffer: "Buffer", kind: int) -> memoryview | bytes:
    """Return what a buffer tells of one kind, in shared memory; nothing where it does not."""
    for meta in buffer.metas[: buffer.metas_count]:
        if meta.kind == kind and meta.data:
            return memoryview((c.c_uint8 * meta.size).from_address(meta.data))
    return b""


def time_of(buffer: "Buffer") -> int:
    """Return when its producer last filled a buffer, in nanoseconds; 0 where that is not told."""
    data = told(buffer, HEADER)
    return int(_TIME.unpack_from(data)[0]) if len(data) >= HEADER_SIZE else 0


def damage_of(buffer: "Buffer") -> list[Rect] | None:
    """Return what changed since the picture before; None where that is not told."""
    data = told(buffer, DAMAGE)
    data = data[: len(data) // RECT_SIZE * RECT_SIZE]
    return [rect for rect in struct.iter_unpack("=iiII", data) if rect[2] and rect[3]] or None


def read_place(data: memoryview | bytes) -> tuple[int, int] | None:
    """Return where the pointer is, in pixels of the picture; None where it is not in it."""
    if len(data) < _CURSOR_HEAD.size:
        return None
    number, _flags, x, y, *_shape = _CURSOR_HEAD.unpack_from(data)
    return (x, y) if number else None


def read_cursor(data: memoryview | bytes) -> tuple[int, int, int, int, bytes] | None:
    """Return the pointer's shape from its metadata (spa_meta_cursor); None where none, or no new one, is told."""
    if len(data) < _CURSOR_HEAD.size:
        return None
    number, _flags, _x, _y, hot_x, hot_y, at = _CURSOR_HEAD.unpack_from(data)
    if not number or at < _CURSOR_HEAD.size or at + _BITMAP_HEAD.size > len(data):
        return None
    kind, width, height, stride, offset = _BITMAP_HEAD.unpack_from(data, at)
    if kind not in (RGBA, BGRA) or not 0 < width <= LARGEST_CURSOR or not 0 < height <= LARGEST_CURSOR:
        return None
    begin = at + offset
    if stride < width * 4 or offset < _BITMAP_HEAD.size or begin + stride * height > len(data):
        return None
    rows = np.frombuffer(data, np.uint8, stride * height, begin).reshape(height, stride)[:, : width * 4]
    words = colours(np.ascontiguousarray(rows).view(np.uint32), kind == RGBA)
    return max(0, min(hot_x, width - 1)), max(0, min(hot_y, height - 1)), width, height, words.tobytes()
