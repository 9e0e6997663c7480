"""Exact pixels in few bytes: what a rectangle holds decides how it is packed.

Why it exists: whatever moved is sent again exactly once it stands still, and text always is. On a slow line that is
what a person waits for. Three kinds of pixels, three encodings:

- PALETTE: up to 256 colours. Text and windows: an eighth to a half of the bytes that BGRX pixels take.
- PLANES: pictures, in which hardly a pixel repeats. Differences from the neighbours are small, so their bytes pack well
  one by one, where zstd finds nothing that came before: 1 to 1.4 bytes a pixel instead of 3.
- ZSTD: text in more colours, smoothed ones on several backgrounds for instance.

How it is told: by the number of runs of equal pixels in rows, and of colours in them. Pure functions but for the
compressors' memory; the bytes are described in `farhand.protocol.screen`.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import zstandard

from farhand.agent.tools.screen import palette
from farhand.agent.tools.screen.tiles import Pixels
from farhand.protocol.screen import MOST_COLOURS, Encoding

WIDEST = 320
"""Pieces of text that have to be cut are no wider, in pixels: the same letters stand in them below each other, and they
have few colours each."""
_NOISE = 0.6
"""A place with more runs for each pixel holds a picture, whatever its number of colours (grain; a grey one)..."""
_FEW = 16
"""... unless it has so few colours."""
_MOST_OF = {1: 0, 4: 4, 8: 16}
"""So many colours of a palette of so many bits need fewer bits."""
_REPEATED = 0.2
"""More colours for each run are those of a picture: text repeats its own."""
_LEVEL = 3
"""Of zstd, for what repeats. Level 1 takes as long for these few bytes, and leaves more."""
_LONG_MATCH = 7
"""Among differences shorter matches are chance, and cost more than what they replace."""


class Packed(NamedTuple):
    """The data of a rectangle."""

    encoding: Encoding
    argument: int
    data: bytes


class _Runs(NamedTuple):
    """Runs of equal pixels, row after row without regard to where rows end."""

    starts: npt.NDArray[np.intp]
    heads: Pixels
    """The colour of each, 0xRRGGBB."""


class Packer:
    """Packs pixels exactly. Holds the compressors, whose memory is worth keeping."""

    def __init__(self) -> None:
        parameters = zstandard.ZstdCompressionParameters.from_level(1, min_match=_LONG_MATCH)
        self._repeats = zstandard.ZstdCompressor(level=_LEVEL, write_content_size=True)
        self._differences = zstandard.ZstdCompressor(compression_params=parameters)

    def pack(self, part: Pixels) -> Packed | None:
        """Return a rectangle's data in the encoding that fits it; None: columns of WIDEST take less than the whole."""
        pixels = np.ascontiguousarray(part)
        runs = _runs(pixels)
        if runs.heads.size > _NOISE * pixels.size and _colours(runs.heads[:512]).size > _FEW:
            return self._planes(pixels)
        colours = _colours(runs.heads)
        if colours.size <= MOST_COLOURS:
            return self._palette(pixels, runs, colours)
        if colours.size > _REPEATED * runs.heads.size:
            return self._planes(pixels)
        if pixels.shape[1] > WIDEST:
            return None
        return Packed(Encoding.ZSTD, 0, self._repeats.compress(pixels.data))

    def few(self, part: Pixels, bits: int) -> Packed | None:
        """Return a rectangle's data in a palette of its own, if it has so few colours that indices of so many bits into
        another one would save next to nothing."""
        pixels = np.ascontiguousarray(part)
        runs = _runs(pixels)
        colours = _colours(runs.heads)
        return self._palette(pixels, runs, colours) if colours.size <= min(_FEW, 1 << bits) else None

    def indexed(self, indices: palette.Indices, bits: int) -> Packed:
        """Return the data of indices into a palette of the protocol; what uses few of its colours lists them."""
        used = np.flatnonzero(np.bincount(indices.ravel(), minlength=1 << bits))
        if used.size > _MOST_OF[bits]:
            return Packed(Encoding.INDEXED, bits, self._repeats.compress(palette.pack(indices, bits)))
        place = np.zeros(1 << bits, np.uint8)
        place[used] = np.arange(used.size, dtype=np.uint8)
        return self._listed(place[indices], palette.colours(bits)[used])

    def _palette(self, pixels: Pixels, runs: _Runs, colours: Pixels) -> Packed:
        places = np.searchsorted(colours, runs.heads).astype(np.uint8)
        lengths = np.diff(runs.starts, append=pixels.size)
        return self._listed(np.repeat(places, lengths).reshape(pixels.shape), colours)

    def _listed(self, indices: palette.Indices, colours: Pixels) -> Packed:
        bits = next(bits for bits in (1, 2, 4, 8) if colours.size <= 1 << bits)
        listed = colours.astype("<u4").view(np.uint8).reshape(-1, 4)[:, :3]
        packed = self._repeats.compress(palette.pack(indices, bits))
        return Packed(Encoding.PALETTE, bits, bytes([colours.size - 1]) + listed.tobytes() + packed)

    def _planes(self, pixels: Pixels) -> Packed:
        parts = pixels.view(np.uint8).reshape(*pixels.shape, 4)
        out = np.empty((3, *pixels.shape), np.uint8)
        green, blue, red = out
        for plane, place in ((blue, 0), (green, 1), (red, 2)):
            _differences(np.ascontiguousarray(parts[..., place]), plane)
        blue -= green
        red -= green
        return Packed(Encoding.PLANES, 0, self._differences.compress(out.data))


def _runs(pixels: Pixels) -> _Runs:
    flat = (pixels & np.uint32(0xFFFFFF)).ravel()
    starts = np.flatnonzero(flat[1:] != flat[:-1])
    starts += 1
    starts = np.concatenate((np.zeros(1, np.intp), starts))
    return _Runs(starts, flat[starts])


def _colours(heads: Pixels) -> Pixels:
    """Return the colours in rising order."""
    ordered = np.sort(heads)
    first = np.ones(ordered.size, np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    found: Pixels = ordered[first]
    return found


def _differences(plane: npt.NDArray[np.uint8], out: npt.NDArray[np.uint8]) -> None:
    """Write what each byte has more than the mean of its neighbours on the left and above (modulo 256)."""
    out[0, 0] = plane[0, 0]
    np.subtract(plane[0, 1:], plane[0, :-1], out=out[0, 1:])
    np.subtract(plane[1:, 0], plane[:-1, 0], out=out[1:, 0])
    left, above = plane[1:, :-1], plane[:-1, 1:]
    mean = left ^ above
    mean >>= 1
    mean += left & above
    np.subtract(plane[1:, 1:], mean, out=out[1:, 1:])
