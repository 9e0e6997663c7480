"""One capture for all viewers: damage becomes the frame, the frame becomes each viewer's updates.

Why it exists: capturing and encoding are the costs; both are paid once, however many watch. Viewers that need the same
rectangle of the same frame get the same bytes.

Rules: no input or output, no clock. The caller captures what was damaged only while `wants_capture`, gives it to
`absorb`, then sends what `updates` returns. Damage that nobody can be sent yet stays with the display server: pictures
that nobody will see are never captured.
"""

import numpy as np

from farhand.agent.tools.screen.codec import Encoder
from farhand.agent.tools.screen.tiles import (
    CELL,
    Grid,
    Pixels,
    Rect,
    Times,
    bounds,
    cells,
    diff_grid,
    find_scroll,
    photo_grid,
    row_hashes,
)
from farhand.agent.tools.screen.viewer import Mode, Viewer

_SCROLL_AREA = 60_000
_SCROLL_HEIGHT = 96
_PHOTO_CELLS = 16


class Pipeline:
    """The frame of one screen and everybody who watches it."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._frame: Pixels = np.zeros((cells(height) * CELL, cells(width) * CELL), np.uint32)
        self.photo: Grid = np.zeros((cells(height), cells(width)), np.bool_)
        self.changed_at: Times = np.zeros(self.photo.shape, np.float64)
        self.viewers: dict[int, Viewer] = {}
        self._encoder = Encoder()
        self._made: dict[tuple[Rect, bool], bytes] = {}

    @property
    def picture(self) -> Pixels:
        """The frame as it was captured last, height x width BGRX pixels. Not to be written to."""
        return self._frame[: self.height, : self.width]

    def join(self, leg: int, mode: Mode, now: float) -> None:
        """A viewer begins, or begins anew."""
        self.viewers[leg] = Viewer(mode, self.width, self.height, now)

    def leave(self, leg: int) -> None:
        """A viewer is gone."""
        self.viewers.pop(leg, None)

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
        grid = diff_grid(pixels, old)
        box = bounds(grid)
        if box is None:
            return
        self._made.clear()
        top, bottom, left, right = box
        x, y = x + left * CELL, y + top * CELL
        grid = grid[top:bottom, left:right]
        pixels = pixels[top * CELL : bottom * CELL, left * CELL : right * CELL]
        old = old[top * CELL : bottom * CELL, left * CELL : right * CELL]
        row, column = y // CELL, x // CELL
        area = (slice(row, row + grid.shape[0]), slice(column, column + grid.shape[1]))
        self.changed_at[area][grid] = now
        if pixels.size >= _SCROLL_AREA and pixels.shape[0] >= _SCROLL_HEIGHT and grid.mean() > 0.15:
            grid = self._scroll(x, y, pixels, old, grid)
        np.copyto(old, pixels)
        if grid.sum() >= _PHOTO_CELLS or self.photo[area].any():
            self._classify(area)
        for viewer in self.viewers.values():
            viewer.mark(row, column, grid)

    def wants_capture(self, now: float) -> bool:
        """Say whether a viewer could be sent a change at this moment."""
        return any(viewer.ready(now) for viewer in self.viewers.values())

    def updates(self, now: float) -> list[tuple[int, bytes]]:
        """Return (leg, UPDATE payload) for all that can be sent now."""
        return [(leg, payload) for leg, viewer in self.viewers.items() for payload in viewer.build(self, now)]

    def handed(self, now: float) -> None:
        """What `updates` returned goes to the link at this moment: the time that it took to make is not the link's."""
        for viewer in self.viewers.values():
            viewer.pace.handed(now)

    def wake_at(self, damage: bool, now: float) -> float | None:
        """When to call `updates` again if nothing happens; None = never. `damage`: changes wait to be captured."""
        times = [viewer.wake_at(self.changed_at, damage, now) for viewer in self.viewers.values()]
        return min((time for time in times if time is not None), default=None)

    def encode(self, rect: Rect, lossy: bool) -> bytes:
        """Return a rectangle's bytes from the current frame; asked again for the same, return the same."""
        known = self._made.get((rect, lossy))
        if known is None:
            known = self._encoder.lossy(self._frame, rect) if lossy else self._encoder.exact(self._frame, rect)
            self._made[rect, lossy] = known
        return known

    def _scroll(self, x: int, y: int, pixels: Pixels, old: Pixels, grid: Grid) -> Grid:
        """Move what scrolled, in the frame and for every viewer, and return the cells that still differ."""
        scroll = find_scroll(row_hashes(pixels), row_hashes(old))
        if scroll is None:
            return grid
        dy, top, bottom = scroll
        old[top:bottom] = old[top - dy : bottom - dy].copy()
        bottom = min(bottom, self.height - y)
        rect = (x, y + top, min(pixels.shape[1], self.width - x), bottom - top)
        left = diff_grid(pixels, old)
        for viewer in self.viewers.values():
            viewer.moved(rect, dy)
        return left

    def _classify(self, area: tuple[slice, slice]) -> None:
        # Whole blocks of 4 x 4 cells, so that a block's verdict does not depend on what changed in it.
        rows, columns = area
        top, left = rows.start // 4 * 4, columns.start // 4 * 4
        bottom, right = (
            min(-(-rows.stop // 4) * 4, self.photo.shape[0]),
            min(-(-columns.stop // 4) * 4, self.photo.shape[1]),
        )
        part = self._frame[top * CELL : bottom * CELL, left * CELL : right * CELL]
        self.photo[top:bottom, left:right] = photo_grid(part)
