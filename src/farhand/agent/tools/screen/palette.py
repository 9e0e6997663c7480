"""Pictures in few colours: every pixel becomes an index into one of the protocol's palettes; indices are packed.

Why it exists: with fewer colours a changing screen costs less. The palettes are fixed, so that a pixel's index depends
on that pixel alone: what scrolls may be copied by the viewer, and equal pixels stay equal.

Two kinds of places, two ways: text and windows take the nearest colour (one bit: lighter or darker than the middle
between the extremes of its own cell, so that text of any two colours stays legible); pictures are dithered with an
ordered pattern, which still compresses. Pure functions; rectangles begin on cell edges.
"""

import functools

import numpy as np
import numpy.typing as npt

from farhand.agent.tools.screen.tiles import CELL, Pixels, cells
from farhand.protocol.screen import palette

Indices = npt.NDArray[np.uint8]

_CONTRAST = 192
"""Least difference of brightness (0 to 1020) in a cell that is worth showing in black and white."""
_MIDDLE = 510
_BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.uint32)


def indexed(pixels: Pixels, bits: int, dither: bool) -> Indices:
    """Return for each pixel its index in the palette of 1, 4 or 8 bits."""
    if bits == 1:
        return _black_white(pixels, dither)
    if dither:
        pixels = _dithered(pixels, bits)
    # 5 bits of each colour find the nearest one in a table.
    place = (pixels >> 9) & 0x7C00
    place |= (pixels >> 6) & 0x3E0
    place |= (pixels >> 3) & 0x1F
    found: Indices = _nearest(bits)[place]
    return found


def pack(indices: Indices, bits: int) -> bytes:
    """Pack indices row by row, each row filled up to a whole byte, the leftmost pixel in the highest bits."""
    if bits == 8:
        return indices.tobytes()
    if bits == 1:
        return np.packbits(indices, axis=1).tobytes()
    each = 8 // bits
    if indices.shape[1] % each:
        indices = np.pad(indices, ((0, 0), (0, -indices.shape[1] % each)))
    out = indices[:, ::each] << (8 - bits)
    for place in range(1, each):
        out |= indices[:, place::each] << (8 - bits - place * bits)
    return out.tobytes()


def unpack(data: bytes, width: int, height: int, bits: int) -> Indices:
    """Undo `pack`. Raises ValueError when `data` has another length than this size needs."""
    stride = (width * bits + 7) // 8
    rows = np.frombuffer(data, np.uint8).reshape(height, stride)
    if bits == 8:
        return rows
    if bits == 1:
        return np.unpackbits(rows, axis=1)[:, :width]
    each = 8 // bits
    out = np.empty((height, stride * each), np.uint8)
    for place in range(each):
        out[:, place::each] = rows >> (8 - bits - place * bits) & ((1 << bits) - 1)
    return out[:, :width]


@functools.cache
def colours(bits: int) -> Pixels:
    """Return the palette as BGRX pixels."""
    return np.array(palette(bits), np.uint32)


@functools.cache
def _nearest(bits: int) -> Indices:
    """Return for each colour of 15 bits the nearest one of the palette; green weighs most, as the eye does it."""
    level = np.arange(32) * 255 / 31
    red, green, blue = (part.reshape(-1, 1) for part in np.meshgrid(level, level, level, indexing="ij"))
    known = colours(bits)
    far = 3.0 * (red - (known >> 16 & 255)) ** 2
    far += 4.0 * (green - (known >> 8 & 255)) ** 2
    far += 2.0 * (blue - (known & 255)) ** 2
    found: Indices = far.argmin(axis=1).astype(np.uint8)
    return found


@functools.cache
def _pattern(height: int, width: int) -> Pixels:
    tall, wide = -(-height // 4), -(-width // 4)
    return np.tile(_BAYER, (tall, wide))[:height, :width]


def _dithered(pixels: Pixels, bits: int) -> Pixels:
    """Take a part of each colour away and give it back by the pattern: no colour leaves its range."""
    shift, mask, step = (2, 0x3F3F3F, 4) if bits == 4 else (3, 0x1F1F1F, 2)
    height, width = pixels.shape
    given = _pattern(height, width) * np.uint32(step * 0x010101)
    out: Pixels = pixels - ((pixels >> shift) & np.uint32(mask)) + given
    return out


def _black_white(pixels: Pixels, dither: bool) -> Indices:
    both = pixels & 0xFF00FF
    light = (both >> 16) + (both & 0xFFFF)
    light += (pixels >> 7) & 0x1FE
    height, width = pixels.shape
    if dither:
        limit = _pattern(height, width) * 64 + 30
        return (light >= limit).view(np.uint8)
    tall, wide = cells(height), cells(width)
    if (height, width) != (tall * CELL, wide * CELL):
        light = np.pad(light, ((0, tall * CELL - height), (0, wide * CELL - width)), mode="edge")
    blocks = light.reshape(tall, CELL, wide, CELL)
    low, high = blocks.min(axis=1).min(axis=2), blocks.max(axis=1).max(axis=2)
    limit = np.where(high - low >= _CONTRAST, (low + high) >> 1, _MIDDLE)
    lit = (blocks > limit[:, None, :, None]).reshape(light.shape)
    return np.ascontiguousarray(lit[:height, :width]).view(np.uint8)
