"""Where two pictures differ: cell grids, rectangles from grids, scroll detection, and which cells hold photographs.

Why it exists: everything that is sent starts from "these cells changed". Pure functions over numpy arrays, no state.

Rules: a picture is a C-contiguous-by-row `uint32` array (height, width), one BGRX pixel per element, whose width is a
multiple of CELL, so that it can be read as 64-bit words. A grid is a `bool` array, one element per CELL x CELL pixels.
A rectangle is (x, y, width, height).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xxhash

CELL = 16
"""Side of a cell in pixels: also the block of 4:2:0 JPEG, so that lossy rectangles never bleed over a cell's edge."""

Pixels = npt.NDArray[np.uint32]
Grid = npt.NDArray[np.bool_]
Times = npt.NDArray[np.float64]
Counts = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]
Rect = tuple[int, int, int, int]

PHOTO_COLOURS = 22
"""So many colours in a block's sample are a picture."""
_PHOTO_BLOCK = 4


class Scroll(NamedTuple):
    """Rows [top, bottom) of the new picture are rows [top - dy, bottom - dy) of the old one (but for a few)."""

    dy: int
    top: int
    bottom: int


def cells(pixels: int) -> int:
    """Return how many cells cover this many pixels."""
    return -(-pixels // CELL)


def diff_grid(new: Pixels, old: Pixels, among: Grid | None = None) -> Grid:
    """Return the cells in which two pictures of the same size differ.

    `among`: one element for each row of cells; where it is False the pictures are known to be equal.
    64-bit xor and an or-reduction, one band of cells at a time, so that the scratch stays in the cache.
    """
    height, width = new.shape
    bands = cells(height)
    folded = np.zeros((bands, width // 2), np.uint64)
    scratch = np.empty((CELL, width // 2), np.uint64)
    for band in range(bands) if among is None else np.flatnonzero(among).tolist():
        top, bottom = band * CELL, min(height, band * CELL + CELL)
        part = scratch[: bottom - top]
        np.bitwise_xor(new[top:bottom].view(np.uint64), old[top:bottom].view(np.uint64), out=part)
        np.bitwise_or.reduce(part, axis=0, out=folded[band])
    grouped = folded.reshape(bands, width // CELL, CELL // 2)
    changed: Grid = np.bitwise_or.reduce(grouped, axis=2) != 0
    return changed


def bounds(grid: Grid) -> tuple[int, int, int, int] | None:
    """Return (top, bottom, left, right) of the set cells, ends exclusive, or None when none is set."""
    rows = np.flatnonzero(grid.any(axis=1))
    if not rows.size:
        return None
    columns = np.flatnonzero(grid.any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def coarser(grid: Grid, factor: int) -> Grid:
    """Set every cell of each factor x factor block in which one cell is set."""
    rows, columns = grid.shape
    padded = np.zeros((-(-rows // factor) * factor, -(-columns // factor) * factor), np.bool_)
    padded[:rows, :columns] = grid
    blocks = padded.reshape(padded.shape[0] // factor, factor, padded.shape[1] // factor, factor).any(axis=(1, 3))
    spread: Grid = np.repeat(np.repeat(blocks, factor, axis=0), factor, axis=1)[:rows, :columns]
    return spread


def merge(grid: Grid, width: int, height: int) -> list[Rect]:
    """Cover the set cells exactly with pixel rectangles: runs within a row, then equal runs of following rows.

    `width` and `height` clip the last cells of a picture whose sides are no multiples of CELL.
    """
    box = bounds(grid)
    if box is None:
        return []
    first, end = box[:2]
    done: list[tuple[int, int, int, int]] = []
    running: dict[tuple[int, int], int] = {}
    edges = np.zeros((end - first, grid.shape[1] + 2), np.int8)
    edges[:, 1:-1] = grid[first:end]
    steps = np.diff(edges, axis=1)
    runs: list[list[tuple[int, int]]] = [[] for _ in range(first, end)]
    # A run begins and ends in the same row, so the lists fit each other; all rows are searched at once.
    rows, starts = np.nonzero(steps == 1)
    for row, start, stop in zip(rows.tolist(), starts.tolist(), np.nonzero(steps == -1)[1].tolist(), strict=True):
        runs[row].append((start, stop))
    for row, here in enumerate(runs, first):
        now = {run: running.pop(run, row) for run in here}
        done += [(left, top, right, row) for (left, right), top in running.items()]
        running = now
    done += [(left, top, right, end) for (left, right), top in running.items()]
    return [
        (
            left * CELL,
            top * CELL,
            min(right * CELL, width) - left * CELL,
            min(bottom * CELL, height) - top * CELL,
        )
        for left, top, right, bottom in done
    ]


def merge_some(grid: Grid, width: int, height: int, most: int = 48) -> list[Rect]:
    """Like `merge`, but rather cover unset cells too than return many more than `most` rectangles."""
    rects = merge(grid, width, height)
    for factor in (2, 4, 8):
        if len(rects) <= most:
            break
        rects = merge(coarser(grid, factor), width, height)
    return rects


def split(rect: Rect, area: int, widest: int | None = None) -> list[Rect]:
    """Cut a rectangle that has more than `area` pixels along cell edges into even pieces of about so many at most.

    They are as wide as they can be, or at most `widest` columns.
    """
    x, y, width, height = rect
    if width * height <= area:
        return [rect]
    wide = min(width, widest or width)
    tall = max(CELL, area // wide // CELL * CELL)
    if tall * wide > area:
        wide = max(CELL, area // tall // CELL * CELL)
    wide, tall = _even(width, wide), _even(height, tall)
    return [
        (left, top, min(wide, x + width - left), min(tall, y + height - top))
        for top in range(y, y + height, tall)
        for left in range(x, x + width, wide)
    ]


def narrow(rect: Rect, widest: int) -> list[Rect]:
    """Cut a rectangle along cell edges into columns of about the same width, at most `widest`."""
    x, y, width, height = rect
    wide = _even(width, widest)
    return [(left, y, min(wide, x + width - left), height) for left in range(x, x + width, wide)]


def _even(side: int, most: int) -> int:
    """Return the side of equal parts, in whole cells, none longer than `most` (or a cell)."""
    parts = -(-side // most)
    return cells(-(-side // parts)) * CELL


def row_hashes(pixels: Pixels) -> Hashes:
    """Return one 64-bit hash for each row."""
    digest = xxhash.xxh3_64_intdigest
    return np.array([digest(row) for row in pixels], np.uint64)


def find_scroll(new: Hashes, old: Hashes, least: int = 32) -> Scroll | None:
    """Find the vertical shift that explains most changed rows, or None when fewer than `least` rows moved together.

    Every row whose hash stands once in the old picture votes for the distance to its place in the new one. The result
    may span rows that do not fit: who uses it compares again after the copy.
    """
    height = len(new)
    known, place, seen = np.unique(old, return_index=True, return_counts=True)
    known, place = known[seen == 1], place[seen == 1]
    changed = np.flatnonzero(new != old)
    if not known.size or not changed.size:
        return None
    at = np.minimum(np.searchsorted(known, new[changed]), known.size - 1)
    met = known[at] == new[changed]
    votes = np.bincount(changed[met] - place[at[met]] + height, minlength=1)
    dy, count = int(votes.argmax()) - height, int(votes.max())
    if count < least // 3 or not count:
        return None
    first, end = max(0, dy), min(height, height + dy)
    fits = np.flatnonzero(new[first:end] == old[first - dy : end - dy])
    if fits.size < least:
        return None
    top, bottom = int(fits[0]) + first, int(fits[-1]) + 1 + first
    if fits.size < 0.6 * (bottom - top):
        return None
    return Scroll(dy, top, bottom)


def colour_counts(pixels: Pixels) -> Counts:
    """Return for each cell the number of colours in a sparse sample of its block of 4 x 4 cells.

    Text, windows and patterns repeat a few colours and pack well without loss; pictures (PHOTO_COLOURS and more) do
    not. One pixel in 64 is read. Blocks cut off by the edge are sampled where they exist.
    """
    height, width = pixels.shape
    step = CELL // 2
    sample = pixels[step // 2 :: step, step // 2 :: step]
    side = _PHOTO_BLOCK * CELL // step
    rows, columns = -(-sample.shape[0] // side) * side, -(-sample.shape[1] // side) * side
    padded = np.pad(sample, ((0, rows - sample.shape[0]), (0, columns - sample.shape[1])), mode="edge")
    blocks = padded.reshape(rows // side, side, columns // side, side).swapaxes(1, 2).reshape(-1, side * side)
    ordered = np.sort(blocks, axis=1)
    counts = (ordered[:, 1:] != ordered[:, :-1]).sum(axis=1, dtype=np.uint8) + np.uint8(1)
    counts = counts.reshape(rows // side, columns // side)
    spread: Counts = np.repeat(np.repeat(counts, _PHOTO_BLOCK, axis=0), _PHOTO_BLOCK, axis=1)
    return spread[: cells(height), : cells(width)]


def cluster(rects: list[Rect], most: int = 12) -> list[Rect]:
    """Join damage rectangles that touch or nearly do, so that a window is captured in one piece.

    Two are joined when their common bounds waste less than a third. More than `most` left over become one.
    """
    todo = sorted(rects, key=lambda r: (r[1], r[0]))[:256]
    if len(rects) > len(todo):
        return [_around(rects)]
    out: list[Rect] = []
    for rect in todo:
        joined = rect
        again = True
        while again:
            again = False
            for other in out:
                both = _around([joined, other])
                if both[2] * both[3] <= 1.33 * (joined[2] * joined[3] + other[2] * other[3]):
                    out.remove(other)
                    joined, again = both, True
                    break
        out.append(joined)
    return out if len(out) <= most else [_around(out)]


def _around(rects: list[Rect]) -> Rect:
    left, top = min(r[0] for r in rects), min(r[1] for r in rects)
    return left, top, max(r[0] + r[2] for r in rects) - left, max(r[1] + r[3] for r in rects) - top
