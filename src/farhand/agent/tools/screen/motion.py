"""Where pictures move: which cells keep changing, and the rectangle that is worth a video encoder.

Why it exists: a video on the screen costs ten times less as a video. But text must never go through 4:2:0, and an
encoder's start costs a key frame, so a rectangle has to earn it, and keeps it only while it moves.

How: a cell is in a run as long as its changes follow one another within GAP. It is hot once its run lasted HOT seconds
with STEPS changes, if it looked like a picture in this run. The region is the bounding box of hot cells that are close
together. In it, cells that look like pictures are the video's; all others go their usual way. Pictures are told from
text in blocks of cells; along the edges of a film, where blocks hold little of it, single hot cells are looked at.

Rules: no input or output, no clock. Shifts by scrolling are no changes: what is told here are the cells that differ
after them.
"""

from dataclasses import dataclass

import numpy as np

from farhand.agent.tools.screen.tiles import (
    CELL,
    PHOTO_COLOURS,
    Counts,
    Grid,
    Pixels,
    Rect,
    Times,
    bounds,
)

GAP = 0.4
"""Longest time between two changes of a run, in seconds."""
HOT = 0.5
STEPS = 5
COOL = 0.25
"""A region in which nothing changed for so long is over, in seconds: exact pixels are due."""
REVIEW = 0.25
"""How often regions are judged, in seconds."""
_KEPT_COLOURS = 12
"""A cell of a run that was a picture stays one down to so many colours: dark scenes are still film."""
_CELL_COLOURS = 48
"""So many colours among the 256 pixels of a hot cell beside a picture are a picture."""
_MOST_LOOKS = 256
_LEAST_CELLS = 64
_FILLED = 0.5
_STEADY = 1.0
"""A region grows by little no sooner than this after it began, in seconds: each time costs a key frame."""
_ALIVE = 0.2
"""Least share of a region's cells that changed within GAP."""

Box = tuple[int, int, int, int]
"""Top, bottom, left, right in cells, ends exclusive."""


@dataclass(slots=True)
class Region:
    """A rectangle that is hot."""

    rect: Rect
    area: tuple[slice, slice]
    film: Grid
    """The video's cells, on the grid of the whole screen."""
    began: float
    ends_at: float


class Motion:
    """Runs of changes on a screen of this size in pixels, and the region that they make."""

    def __init__(self, width: int, height: int, shape: tuple[int, ...]) -> None:
        # Whole cells, and sides that halve twice: what hangs over the screen's edge is no part of a region.
        self._limit = tuple(side if side % 4 == 0 else side // CELL * CELL for side in (width, height))
        self.region: Region | None = None
        self._last: Times = np.full(shape, -np.inf)
        self._began: Times = np.zeros(shape)
        self._steps = np.zeros(shape, np.int32)
        self._picture: Grid = np.zeros(shape, np.bool_)
        self._edge: Grid = np.zeros(shape, np.bool_)
        self._review_at = -np.inf

    def changed(self, area: tuple[slice, slice], grid: Grid, now: float) -> None:
        """These cells have just changed."""
        fresh = grid & (now - self._last[area] > GAP)
        self._began[area][fresh] = now
        self._steps[area][fresh] = 0
        self._picture[area][fresh] = False
        self._edge[area][fresh] = False
        self._steps[area][grid] += 1
        self._last[area][grid] = now
        if self.region is not None and grid.any():
            inside = self._last[self.region.area]
            self.region.ends_at = float(inside.max()) + COOL

    def looks(self, area: tuple[slice, slice], colours: Counts, frame: Pixels) -> Grid:
        """So many colours were found in the samples of these cells. Return the cells that look like pictures now.

        `frame`: the whole screen, in whole cells.
        """
        block = colours >= PHOTO_COLOURS
        picture = self._picture[area]
        picture &= colours >= _KEPT_COLOURS
        picture |= block
        beside = _spread(self._picture | self._edge)[area]
        hot = (self._steps[area] >= STEPS) & (self._last[area] - self._began[area] >= HOT)
        rows, columns = np.nonzero(hot & beside & ~picture)
        edge = self._edge[area]
        edge[:] = False
        if rows.size:
            rows, columns = rows[:_MOST_LOOKS], columns[:_MOST_LOOKS]
            top, left = area[0].start, area[1].start
            grid = frame.reshape(frame.shape[0] // CELL, CELL, -1, CELL)
            looked = grid[rows + top, :, columns + left].reshape(rows.size, -1)
            ordered = np.sort(looked, axis=1)
            edge[rows, columns] = (ordered[:, 1:] != ordered[:, :-1]).sum(axis=1) >= _CELL_COLOURS
        if self.region is not None:
            self._set_film(self.region)
        out: Grid = block | edge
        return out

    def review(self, now: float) -> None:
        """Begin, replace and end the region."""
        region = self.region
        if region is not None and now >= region.ends_at:
            self.region = region = None
        if now < self._review_at:
            return
        self._review_at = now + REVIEW
        if region is not None and (now - self._last[region.area] <= GAP).mean() < _ALIVE:
            self.region = region = None
        hot = (
            (self._picture | self._edge)
            & (now - self._last <= GAP)
            & (now - self._began >= HOT)
            & (self._steps >= STEPS)
        )
        if hot.sum() < _LEAST_CELLS:
            return
        box = _densest(hot)
        if box is None:
            return
        if region is None:
            self._begin(box, now)
        elif _outgrown(region.area, box, 2) or (now >= region.began + _STEADY and _outgrown(region.area, box, 0)):
            both = _around(region.area, box)
            filled = hot[both[0] : both[1], both[2] : both[3]].mean() >= _FILLED
            self._begin(both if filled else box, now)

    def _begin(self, box: Box, now: float) -> None:
        top, bottom, left, right = box
        width = min(right * CELL, self._limit[0]) - left * CELL
        height = min(bottom * CELL, self._limit[1]) - top * CELL
        if width < 4 * CELL or height < 4 * CELL:
            return
        area = (slice(top, -(-(top * CELL + height) // CELL)), slice(left, -(-(left * CELL + width) // CELL)))
        film = np.zeros_like(self._picture)
        self.region = Region((left * CELL, top * CELL, width, height), area, film, now, now + COOL)
        self.region.ends_at = float(self._last[area].max()) + COOL
        self._set_film(self.region)

    def _set_film(self, region: Region) -> None:
        region.film[region.area] = self._picture[region.area] | self._edge[region.area]


def _spread(grid: Grid) -> Grid:
    """Set the neighbours of set cells too."""
    wide = grid.copy()
    wide[1:] |= grid[:-1]
    wide[:-1] |= grid[1:]
    out = wide.copy()
    out[:, 1:] |= wide[:, :-1]
    out[:, :-1] |= wide[:, 1:]
    return out


def _densest(grid: Grid) -> Box | None:
    """Return the box with the most set cells of which half are set, cutting along empty rows and columns."""
    box = bounds(grid)
    if box is None:
        return None
    top, bottom, left, right = box
    part = grid[top:bottom, left:right]
    count = int(part.sum())
    if count < _LEAST_CELLS:
        return None
    if count >= _FILLED * part.size:
        return box
    cut = max((_widest_gap(part, axis) for axis in (0, 1)), key=lambda found: found[0])
    if not cut[0]:
        return None
    _, axis, at = cut
    halves = (part[:at], part[at:]) if axis == 0 else (part[:, :at], part[:, at:])
    shifts = ((0, 0), (at, 0)) if axis == 0 else ((0, 0), (0, at))
    found = []
    for half, (down, along) in zip(halves, shifts, strict=True):
        inner = _densest(half)
        if inner is not None:
            placed = (inner[0] + top + down, inner[1] + top + down, inner[2] + left + along, inner[3] + left + along)
            found.append((int(half[inner[0] : inner[1], inner[2] : inner[3]].sum()), placed))
    return max(found)[1] if found else None


def _widest_gap(part: Grid, axis: int) -> tuple[int, int, int]:
    """Return (width, axis, middle) of the widest run of empty rows (0) or columns (1); width 0 = none."""
    used = np.flatnonzero(part.any(axis=1 - axis))
    gaps = np.diff(used) - 1
    if not gaps.size or not gaps.max():
        return 0, axis, 0
    place = int(gaps.argmax())
    return int(gaps[place]), axis, int(used[place]) + 1


def _outgrown(area: tuple[slice, slice], box: Box, by: int) -> bool:
    """Say whether a box is far from what the region covers: more than so many cells outside, or much smaller."""
    rows, columns = area
    top, bottom, left, right = box
    outside = max(rows.start - top, bottom - rows.stop, columns.start - left, right - columns.stop)
    size = (rows.stop - rows.start) * (columns.stop - columns.start)
    return bool(outside > by or (bottom - top) * (right - left) < size * 0.4)


def _around(area: tuple[slice, slice], box: Box) -> Box:
    rows, columns = area
    top, bottom, left, right = box
    return min(rows.start, top), max(rows.stop, bottom), min(columns.start, left), max(columns.stop, right)
