"""What one viewer has, lacks and may be sent.

Why it exists: every viewer has its own link, its own rate and its own picture. A slow one must not hold up a fast one,
and the recorder is a viewer like any other.

Rules: no input or output. The invariant everything rests on: after the pending copies are applied, the viewer's picture
equals the frame in every cell that is neither `dirty` nor `lossy`; a `lossy` cell shows a good likeness.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from farhand.agent.tools.screen import codec
from farhand.agent.tools.screen.pace import Pace
from farhand.agent.tools.screen.tiles import CELL, Grid, Rect, Times, cells, merge_some, split
from farhand.protocol.screen import Flag

STILL = 0.25
"""A cell that has not changed for so long is sent exactly, in seconds."""
MAX_MESSAGE = 512 * 1024
"""Updates are split here; a frame's payload may be 1 MiB."""
_MAX_COPIES = 6
_PIECES = (8_192, 98_304)
"""Least and most pixels of one rectangle: small ones let a slow link stop in time, and any one fits a message."""
_REFINE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Mode:
    """What a viewer asked for."""

    max_fps: int = 60
    lossless: bool = False
    """Never send it a lossy rectangle."""


class Source(Protocol):
    """What a viewer needs of the shared frame."""

    width: int
    height: int
    photo: Grid
    changed_at: Times

    def encode(self, rect: Rect, lossy: bool) -> bytes:
        """Return the rectangle's bytes, made once per state of the frame for all viewers."""
        ...


class Viewer:
    """State of one viewer."""

    def __init__(self, mode: Mode, width: int, height: int, now: float) -> None:
        self.mode = mode
        self.pace = Pace()
        self.dirty: Grid = np.ones((cells(height), cells(width)), np.bool_)
        self.lossy: Grid = np.zeros_like(self.dirty)
        self._copies: list[tuple[Rect, int]] = []
        self._seq = 0
        self._key = True
        self._started = now
        self._due = now
        self._next_row = 0

    def refresh(self) -> None:
        """Send everything again, as a full picture."""
        self.dirty[:] = True
        self.lossy[:] = False
        self._copies.clear()
        self._key = True

    def resume(self) -> None:
        """Updates under way are lost: start anew."""
        self.pace.forget()
        self.refresh()

    def mark(self, top: int, left: int, grid: Grid) -> None:
        """Cells changed; `grid` lies at this cell position."""
        area = (slice(top, top + grid.shape[0]), slice(left, left + grid.shape[1]))
        self.dirty[area] |= grid
        self.lossy[area] &= ~grid

    def moved(self, rect: Rect, dy: int) -> None:
        """The frame's `rect` now holds what was `dy` pixels above it. Lack and likeness move along.

        x and width are on cell edges (or at the frame's edge). When a copy is not worth while, the rectangle is dirty.
        """
        x, y, width, height = rect
        columns = slice(x // CELL, cells(x + width))
        first, last = y // CELL, cells(y + height)
        source = self.dirty[(y - dy) // CELL : cells(y - dy + height), columns]
        if self._key or len(self._copies) >= _MAX_COPIES or source.mean() > 0.5:
            self.dirty[first:last, columns] = True
            self.lossy[first:last, columns] = False
            return
        self._copies.append((rect, dy))
        inner = slice(cells(y), max(cells(y), (y + height) // CELL))
        for grid in (self.dirty, self.lossy):
            before = grid[:, columns].copy()
            grid[inner, columns] = False
            for row in range((y - dy) // CELL, cells(y - dy + height)):
                if before[row].any():
                    top, bottom = max(row * CELL + dy, y), min(row * CELL + CELL + dy, y + height)
                    if top < bottom:
                        grid[top // CELL : cells(bottom), columns] |= before[row]
        self.lossy[first:last, columns] &= ~self.dirty[first:last, columns]

    @property
    def behind(self) -> bool:
        """Something is to be sent as soon as there is room."""
        return self._key or bool(self._copies) or bool(self.dirty.any())

    def wake_at(self, changed_at: Times, damage: bool, now: float) -> float | None:
        """When to look at this viewer again; None = only an acknowledgement or a change can matter.

        `damage`: the screen has changes that were not captured yet.
        """
        opens_at = self.pace.opens_at(now)
        if opens_at is None:
            return None
        if damage or self.behind:
            return max(self._due, opens_at)
        if self.lossy.any():
            return max(self._due, opens_at, float(changed_at[self.lossy].min()) + STILL)
        return None

    def ready(self, now: float) -> bool:
        """There is room, and its rate allows an update now."""
        return now >= self._due and self.pace.room(now) > 0

    def build(self, source: Source, now: float) -> list[bytes]:
        """Return the payloads of the updates to send now (often none), and count them as sent."""
        if not self.ready(now):
            return []
        probe = [self._probe(now)] if self.behind and self.pace.probe() else []
        budget = self.pace.room(now)
        if not budget:
            return probe
        rects = [codec.copy(rect, 0, dy) for rect, dy in self._copies]
        self._copies.clear()
        if self.dirty.any():
            rects += self._changed(source, budget)
        elif self.lossy.any():
            rects += self._exact(source, min(budget, _REFINE), now)
        if not rects:
            return probe
        if not self.dirty.any():
            # The beat is of pictures; the parts of one follow each other as the line takes them. One may come early
            # after a pause, so that an answer to a key does not wait.
            interval = 1 / self.mode.max_fps
            self._due = max(self._due, now - interval) + interval
        return probe + self._messages(rects, now)

    def _probe(self, now: float) -> bytes:
        """An update without content."""
        return self._message(Flag(0), [], now)

    def _changed(self, source: Source, budget: int) -> list[bytes]:
        photo = self.dirty & source.photo
        if self.mode.lossless or photo.sum() < 16:
            photo[:] = False
        plain = self.dirty & ~photo
        todo = [(rect, False) for rect in self._pieces(plain, source, budget)]
        todo += [(rect, True) for rect in self._pieces(photo, source, budget)]
        # Round robin by rows: on a slow link the lower half gets its turn too.
        start = self._next_row
        todo.sort(key=lambda item: ((item[0][1] < start), item[0][1], item[0][0]))
        out: list[bytes] = []
        total = 0
        for rect, lossy in todo:
            data = source.encode(rect, lossy)
            if out and total + len(data) > budget:
                self._next_row = rect[1]
                break
            out.append(data)
            total += len(data)
            area = _cells_of(rect)
            self.dirty[area] = False
            self.lossy[area] = lossy
            if total >= budget:
                self._next_row = rect[1] + rect[3]
                break
        else:
            self._next_row = 0
        return out

    def _exact(self, source: Source, budget: int, now: float) -> list[bytes]:
        still = self.lossy & (source.changed_at <= now - STILL)
        out: list[bytes] = []
        total = 0
        for rect in self._pieces(still, source, budget) if still.any() else []:
            data = source.encode(rect, False)
            if out and total + len(data) > budget:
                break
            out.append(data)
            total += len(data)
            self.lossy[_cells_of(rect)] = False
        return out

    def _pieces(self, grid: Grid, source: Source, budget: int) -> list[Rect]:
        if not grid.any():
            return []
        area = min(max(budget * 2, _PIECES[0]), _PIECES[1])
        return [piece for rect in merge_some(grid, source.width, source.height) for piece in split(rect, area)]

    def _messages(self, rects: list[bytes], now: float) -> list[bytes]:
        groups: list[list[bytes]] = [[]]
        size = 0
        for data in rects:
            if groups[-1] and size + len(data) > MAX_MESSAGE:
                groups.append([])
                size = 0
            groups[-1].append(data)
            size += len(data)
        complete = not self.dirty.any()
        out = []
        for number, group in enumerate(groups):
            flags = Flag.COMPLETE if complete and number == len(groups) - 1 else Flag(0)
            out.append(self._message(flags, group, now))
        return out

    def _message(self, flags: Flag, rects: list[bytes], now: float) -> bytes:
        self._seq += 1
        # A probe begins nothing: who seeks to a full picture finds the picture there.
        if self._key and rects:
            flags |= Flag.KEY
            self._key = False
        payload = codec.update(self._seq, int((now - self._started) * 1000), flags, rects)
        self.pace.sent(self._seq, len(payload), now)
        return payload


def _cells_of(rect: Rect) -> tuple[slice, slice]:
    x, y, width, height = rect
    return slice(y // CELL, cells(y + height)), slice(x // CELL, cells(x + width))
