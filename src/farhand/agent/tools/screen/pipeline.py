"""One capture for all viewers: damage becomes the frame, the frame becomes each viewer's updates.

Why it exists: capturing and encoding are the costs; both are paid once, however many watch. Viewers that need the same
rectangle of the same frame get the same bytes.

Rules: no input or output, no clock. The caller captures what was damaged only while `wants_capture`, gives it to
`absorb`, then sends what `updates` returns. Damage that nobody can be sent yet stays with the display server: pictures
that nobody will see are never captured.
"""

import numpy as np

from farhand.agent.tools.screen.codec import Coded, Encoder
from farhand.agent.tools.screen.modes import How
from farhand.agent.tools.screen.motion import Motion, Region
from farhand.agent.tools.screen.scroll import Found, Scrolls, move
from farhand.agent.tools.screen.tiles import (
    CELL,
    Grid,
    Pixels,
    Rect,
    Times,
    bounds,
    cells,
    colour_counts,
    diff_grid,
)
from farhand.agent.tools.screen.video import Frame, MakeEncoder, Streams
from farhand.agent.tools.screen.viewer import Mode, Viewer
from farhand.agent.tools.screen.vpx import VideoError, Vp8Encoder

_SCROLL_AREA = 60_000
_SCROLL_HEIGHT = 96
_PHOTO_CELLS = 16


class Pipeline:
    """The frame of one screen and everybody who watches it."""

    def __init__(self, width: int, height: int, make_video: MakeEncoder | None = Vp8Encoder) -> None:
        self.width = width
        self.height = height
        self._frame: Pixels = np.zeros((cells(height) * CELL, cells(width) * CELL), np.uint32)
        self.photo: Grid = np.zeros((cells(height), cells(width)), np.bool_)
        self.changed_at: Times = np.zeros(self.photo.shape, np.float64)
        self.viewers: dict[int, Viewer] = {}
        self._encoder = Encoder()
        self._made: dict[tuple[Rect, How], Coded] = {}
        self._motion = Motion(width, height, self.photo.shape)
        self._make_video = make_video
        self._streams: tuple[Region, Streams] | None = None
        self._version = 0
        self._scrolls = Scrolls()

    @property
    def picture(self) -> Pixels:
        """The frame as it was captured last, height x width BGRX pixels. Not to be written to."""
        return self._frame[: self.height, : self.width]

    def join(self, leg: int, mode: Mode, now: float) -> None:
        """A viewer begins, or begins anew."""
        if leg in self.viewers:
            self.viewers[leg].begin(mode)
        else:
            self.viewers[leg] = Viewer(mode, self.width, self.height, now)

    def leave(self, leg: int) -> None:
        """A viewer is gone."""
        gone = self.viewers.pop(leg, None)
        if gone is not None and self._streams is not None:
            self._streams[1].leave(gone)

    def aligned(self, rect: Rect) -> Rect:
        """Return the rectangle of whole cells around `rect`, clipped to the screen."""
        left, top = max(0, rect[0]) // CELL * CELL, max(0, rect[1]) // CELL * CELL
        right = min(self.width, cells(rect[0] + rect[2]) * CELL)
        bottom = min(self.height, cells(rect[1] + rect[3]) * CELL)
        return left, top, max(0, right - left), max(0, bottom - top)

    def absorb(self, rect: Rect, pixels: Pixels, now: float) -> None:
        """Take freshly captured pixels of an `aligned` rectangle. `pixels` is not kept."""
        x, y, width, height = rect
        if pixels.shape != (height, width) or rect != self.aligned(rect) or not width or not height:
            raise ValueError(f"captured pixels {pixels.shape} do not fit the rectangle {rect}")
        old = self._frame[y : y + height, x : cells(x + width) * CELL]
        if old.shape[1] != width:
            # The last column of cells hangs over the screen's edge: complete it with what the frame has there.
            whole = old.copy()
            whole[:, :width] = pixels
            pixels = whole
        # What scrolls goes on scrolling: it is looked for first, and what it explains is not compared.
        large = pixels.size >= _SCROLL_AREA and height >= _SCROLL_HEIGHT
        found = self._scrolls.again(rect, pixels, old) if large else None
        if found is not None:
            self._move(found, now)
        grid = diff_grid(pixels, old, found.bands if found is not None else None)
        box = bounds(grid)
        if box is None:
            return
        self._made.clear()
        self._version += 1
        top, bottom, left, right = box
        x, y = x + left * CELL, y + top * CELL
        grid = grid[top:bottom, left:right]
        pixels = pixels[top * CELL : bottom * CELL, left * CELL : right * CELL]
        old = old[top * CELL : bottom * CELL, left * CELL : right * CELL]
        row, column = y // CELL, x // CELL
        area = (slice(row, row + grid.shape[0]), slice(column, column + grid.shape[1]))
        self.changed_at[area][grid] = now
        if found is None:
            where = (x, y, pixels.shape[1], pixels.shape[0])
            self._scrolls.changed(where)
            if self._may_scroll(pixels, area, grid):
                grid = self._scroll(rect, where, pixels, old, grid, now)
        for band in np.flatnonzero(grid.any(axis=1)).tolist():
            np.copyto(old[band * CELL : band * CELL + CELL], pixels[band * CELL : band * CELL + CELL])
        self._motion.changed(area, grid, now)
        if grid.sum() >= _PHOTO_CELLS or self.photo[area].any():
            self._classify(area)
        for viewer in self.viewers.values():
            viewer.mark(row, column, grid)

    def wants_capture(self, now: float) -> bool:
        """Say whether a viewer could be sent a change at this moment."""
        return any(viewer.ready(now) for viewer in self.viewers.values())

    def updates(self, now: float) -> list[tuple[int, bytes]]:
        """Return (leg, UPDATE payload) for all that can be sent now."""
        self._review(now)
        return [(leg, payload) for leg, viewer in self.viewers.items() for payload in viewer.build(self, now)]

    def handed(self, now: float) -> None:
        """What `updates` returned goes to the link at this moment: the time that it took to make is not the link's."""
        for viewer in self.viewers.values():
            viewer.pace.handed(now)

    def wake_at(self, damage: bool, now: float) -> float | None:
        """When to call `updates` again if nothing happens; None = never. `damage`: changes wait to be captured."""
        times = [viewer.wake_at(self, damage, now) for viewer in self.viewers.values()]
        if self.region is not None:
            times.append(self.region.ends_at)
        return min((time for time in times if time is not None), default=None)

    def encode(self, rect: Rect, how: How) -> Coded:
        """Return a rectangle of the current frame, encoded; asked again for the same, return the same."""
        known = self._made.get((rect, how))
        if known is None:
            known = self._made[rect, how] = self._encoder.encode(self._frame, rect, how)
        return known

    @property
    def region(self) -> Region | None:
        """The rectangle that is sent as video to those who can draw it."""
        return self._motion.region if self._make_video is not None else None

    def film(self, viewer: Viewer, anew: bool, now: float) -> list[Frame]:
        """Return the video frames that bring this viewer's stream to the current frame; none: no video."""
        region = self.region
        if region is None or self._make_video is None:
            return []
        x, y, width, height = region.rect
        if self._streams is None or self._streams[0] is not region:
            self._streams = region, Streams(width, height, self._make_video)
        if anew:
            self._streams[1].leave(viewer)
        part = self._frame[y : y + height, x : x + width]
        try:
            return self._streams[1].take(viewer, viewer.pace.rate, part, self._version, now)
        except VideoError:
            self._make_video = None
            return []

    def _review(self, now: float) -> None:
        # Without a viewer who can draw it no region is of use.
        if any(viewer.video for viewer in self.viewers.values()):
            self._motion.review(now)
        else:
            self._motion.region = None
        if self._motion.region is None:
            self._streams = None

    def _may_scroll(self, pixels: Pixels, area: tuple[slice, slice], grid: Grid) -> bool:
        """Say whether it is worth while to look for a scroll: not in a film, whose every picture would be searched."""
        if self._motion.region is not None:
            grid = grid & ~self._motion.region.film[area]
        return pixels.size >= _SCROLL_AREA and pixels.shape[0] >= _SCROLL_HEIGHT and bool(grid.mean() > 0.15)

    def _scroll(self, rect: Rect, where: Rect, pixels: Pixels, old: Pixels, grid: Grid, now: float) -> Grid:
        """Look for something that has begun to scroll in `where`, and return the cells that differ after it."""
        found = self._scrolls.search(rect, where, pixels, old)
        if found is None:
            return grid
        self._move(found, now)
        return diff_grid(pixels, old)

    def _move(self, found: Found, now: float) -> None:
        """Move what scrolled, in the frame and for every viewer."""
        (x, y, width, height), (dy, top, bottom), _ = found
        move(self._frame[y : y + height, x : x + width], found.scroll)
        bottom = min(bottom, self.height - y)
        rect = (x, y + top, min(width, self.width - x), bottom - top)
        self.changed_at[rect[1] // CELL : cells(y + bottom), x // CELL : cells(x + width)] = now
        self._made.clear()
        self._version += 1
        for viewer in self.viewers.values():
            viewer.moved(rect, dy, self.photo)

    def _classify(self, area: tuple[slice, slice]) -> None:
        # Whole blocks of 4 x 4 cells, so that a block's verdict does not depend on what changed in it.
        rows, columns = area
        top, left = rows.start // 4 * 4, columns.start // 4 * 4
        bottom, right = (
            min(-(-rows.stop // 4) * 4, self.photo.shape[0]),
            min(-(-columns.stop // 4) * 4, self.photo.shape[1]),
        )
        part = self._frame[top * CELL : bottom * CELL, left * CELL : right * CELL]
        area = (slice(top, bottom), slice(left, right))
        self.photo[area] = self._motion.looks(area, colour_counts(part), self._frame)
