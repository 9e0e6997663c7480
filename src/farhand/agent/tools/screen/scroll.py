"""Finds what scrolled: in the box in which it was found last, before anything else is compared.

Why it exists: comparing a whole screen costs more than all else that is done for a picture of a page that is scrolled.
Rows have hashes; those of the last picture are kept, so one hash of each new row tells what moved and what did not
change, and only what is left is compared.

Rules: no input or output, no clock. Pictures and rectangles are as in `tiles`. Whoever changes the frame says so
(`changed`), or hashes would be those of another picture.
"""

from typing import NamedTuple

import numpy as np

from farhand.agent.tools.screen.tiles import (
    CELL,
    Grid,
    Hashes,
    Pixels,
    Rect,
    Scroll,
    cells,
    diff_grid,
    find_scroll,
    row_hashes,
)

_EDGE = 64
"""So many rows beside those that moved are looked at cell by cell."""


class Found(NamedTuple):
    """Rows of `box` that moved."""

    box: Rect
    scroll: Scroll
    bands: Grid | None
    """Bands of cells of the captured rectangle that have to be compared after the move; None = all."""


class Scrolls:
    """Where on one screen something scrolled last."""

    def __init__(self) -> None:
        self._boxes: list[Rect] = []
        """Where to look, the first one first: all that was captured may be compared row by row, if it all moves."""
        self._rows: Hashes | None = None

    def changed(self, rect: Rect) -> None:
        """The frame's pixels changed in this rectangle, in another way than was found here."""
        if self._boxes and _meet(self._boxes[0], rect):
            self._rows = None

    def again(self, rect: Rect, pixels: Pixels, old: Pixels) -> Found | None:
        """Look where something scrolled last. `pixels` and `old` are the new and the last picture of `rect`."""
        if not self._boxes or not _inside(self._boxes[0], rect):
            return None
        box = self._boxes[0]
        area = _part(box, rect)
        new, before = row_hashes(pixels[area]), self._rows
        if before is None:
            before = row_hashes(old[area])
        self._rows = new
        scroll = find_scroll(new, before)
        if scroll is None:
            if (new != before).any():
                self._boxes.pop(0)
                self._rows = None
            return None
        scroll = _stretched(scroll, pixels[area], old[area])
        dy, top, bottom = scroll
        before[top:bottom] = before[top - dy : bottom - dy].copy()
        whole = box[0] == rect[0] and pixels[area].shape == pixels.shape
        return Found(box, scroll, _bands(new, before) if whole else None)

    def search(self, rect: Rect, box: Rect, pixels: Pixels, old: Pixels) -> Found | None:
        """Look in a box of the captured `rect` in which much has changed; `pixels` and `old` are those of the box."""
        scroll = find_scroll(row_hashes(pixels), row_hashes(old))
        if scroll is None:
            return None
        if not self._boxes:
            # Captured rectangles end at the screen's edge; pictures are compared in whole cells.
            whole = (rect[0], rect[1], cells(rect[2]) * CELL, rect[3])
            self._boxes, self._rows = [whole, box], None
        return Found(box, _stretched(scroll, pixels, old), None)


def move(part: Pixels, scroll: Scroll) -> None:
    """Move rows of a picture in place. In pieces that do not overlap: that takes half the time of a copy between."""
    dy, top, bottom = scroll
    starts = range(top, bottom, abs(dy))
    for start in starts if dy < 0 else reversed(starts):
        end = min(start + abs(dy), bottom)
        part[start:end] = part[start - dy : end - dy]


def _stretched(scroll: Scroll, new: Pixels, old: Pixels) -> Scroll:
    """Take rows at both ends along of which only some cells do not fit: something stands still on them."""
    dy, top, bottom = scroll
    first, end = max(0, dy), min(len(new), len(new) + dy)
    if top - first <= _EDGE and _fits(new, old, first, top, dy):
        top = first
    if end - bottom <= _EDGE and _fits(new, old, bottom, end, dy):
        bottom = end
    return Scroll(dy, top, bottom)


def _fits(new: Pixels, old: Pixels, top: int, bottom: int, dy: int) -> bool:
    if top >= bottom:
        return False
    moved = diff_grid(new[top:bottom], old[top - dy : bottom - dy])
    return bool(moved.sum() < diff_grid(new[top:bottom], old[top:bottom]).sum())


def _bands(new: Hashes, old: Hashes) -> Grid:
    differ = np.zeros(cells(len(new)) * CELL, np.bool_)
    differ[: len(new)] = new != old
    bands: Grid = np.bitwise_or.reduce(differ.reshape(-1, CELL), axis=1)
    return bands


def _part(box: Rect, rect: Rect) -> tuple[slice, slice]:
    x, y = box[0] - rect[0], box[1] - rect[1]
    return slice(y, y + box[3]), slice(x, x + box[2])


def _inside(box: Rect, rect: Rect) -> bool:
    x, y, width, height = box
    return (
        rect[0] <= x
        and rect[1] <= y
        and x + width <= cells(rect[0] + rect[2]) * CELL
        and y + height <= rect[1] + rect[3]
    )


def _meet(one: Rect, other: Rect) -> bool:
    return (
        one[0] < other[0] + other[2]
        and other[0] < one[0] + one[2]
        and one[1] < other[1] + other[3]
        and other[1] < one[1] + one[3]
    )
