"""What one viewer has, lacks and may be sent.

Why it exists: every viewer has its own link, its own rate and its own picture. A slow one must not hold up a fast one,
and the recorder is a viewer like any other.

Rules: no input or output. The invariant everything rests on: after the pending copies are applied, the viewer's picture
is the frame in its mode's final form in every cell that is neither `dirty` nor `lossy`; a `lossy` cell shows a
likeness.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from farhand.agent.tools.screen import codec
from farhand.agent.tools.screen.exact import WIDEST
from farhand.agent.tools.screen.modes import RECIPES, How, Recipe
from farhand.agent.tools.screen.motion import Region
from farhand.agent.tools.screen.pace import Pace
from farhand.agent.tools.screen.saving import Saving, Step
from farhand.agent.tools.screen.tiles import CELL, Grid, Rect, Times, cells, merge_some, split
from farhand.agent.tools.screen.video import Frame
from farhand.protocol.screen import Colours, Encoding, Flag

STILL = 0.25
"""A cell that has not changed for so long is sent in its final form, in seconds."""
FILM_STILL = 1.5
"""The same for a cell of a video that goes on around it."""
BEAT = 1 / 32
"""Video frames come no faster than this, on average."""
Places = npt.NDArray[np.intp]
MAX_MESSAGE = 512 * 1024
"""Updates are split here; a frame's payload may be 1 MiB."""
_MAX_COPIES = 6
_PIECES = (8_192, 98_304)
"""Least and most pixels of one rectangle: small ones let a slow link stop in time, and any one fits a message."""
_REFINE = 256 * 1024
_PATIENCE = 0.1
"""A full update leaves out the video no longer than this, in seconds."""


@dataclass(frozen=True, slots=True)
class Mode:
    """What a viewer asked for."""

    max_fps: int = 60
    colours: Colours = Colours.VIDEO
    video: bool = False
    """It can draw VP8. Counts only where the colour mode has video."""
    monitor: str = ""
    """The monitor that it looks at; empty, or one that is not there: all of them."""
    pointer: bool = False
    """It is told where the pointer is."""

    @property
    def recipe(self) -> Recipe:
        """What the colour mode sends."""
        return RECIPES[self.colours]


class Source(Protocol):
    """What a viewer needs of the shared frame."""

    width: int
    height: int
    photo: Grid
    changed_at: Times

    @property
    def region(self) -> Region | None:
        """The rectangle that is sent as video to those who can draw it."""
        ...

    def encode(self, rect: Rect, how: How) -> codec.Coded:
        """Return the rectangle, encoded once per state of the frame for all viewers."""
        ...

    def film(self, viewer: "Viewer", anew: bool, now: float) -> list[Frame]:
        """Return the video frames that bring the viewer's stream of the region to the current frame; none: no video.

        `anew`: the viewer has lost what it had, the first one has to be a key frame.
        """
        ...


class Viewer:
    """State of one viewer."""

    def __init__(self, mode: Mode, width: int, height: int, now: float) -> None:
        self.mode = mode
        self.pace = Pace()
        self.seen: Grid = np.ones((cells(height), cells(width)), np.bool_)
        """Cells that it looks at: others are never sent, so nothing may be copied from there."""
        self.dirty: Grid = self.seen.copy()
        self.lossy: Grid = np.zeros_like(self.dirty)
        self.video = mode.video and mode.recipe.video
        self._moved: Grid = np.zeros_like(self.dirty)
        self._copies: list[tuple[Rect, int]] = []
        self._saving = Saving()
        self._film_lost = True
        self._film_at = self._film_due = now
        self._seq = 0
        self._key = True
        self._started = now
        self._due = now
        self._next_row = 0

    def begin(self, mode: Mode) -> None:
        """Start anew in another mode. Numbers go on, so that late acknowledgements are not taken for new ones."""
        self.mode = mode
        self.video = mode.video and mode.recipe.video
        self.resume()

    def look(self, area: Rect | None) -> None:
        """It looks at this rectangle only, or at everything."""
        self.seen[:] = area is None
        if area is not None:
            self.seen[_cells_of(area)] = True
        self.refresh()

    def refresh(self) -> None:
        """Send everything again, as a full picture."""
        self.dirty[:] = self.seen
        self.lossy[:] = False
        self._moved[:] = False
        self._copies.clear()
        self._film_lost = True
        self._key = True

    def resume(self) -> None:
        """Updates under way are lost: start anew."""
        self.pace.forget()
        self.refresh()

    def mark(self, top: int, left: int, grid: Grid) -> None:
        """Cells changed; `grid` lies at this cell position."""
        area = (slice(top, top + grid.shape[0]), slice(left, left + grid.shape[1]))
        self.dirty[area] |= grid & self.seen[area]
        self.lossy[area] &= ~grid

    def moved(self, rect: Rect, dy: int, photo: Grid) -> None:
        """The frame's `rect` now holds what was `dy` pixels above it. Lack and likeness move along.

        x and width are on cell edges (or at the frame's edge). When a copy is not worth while, the rectangle is dirty.
        `photo`: where pictures were before; what is dithered is a likeness once it has moved.
        """
        x, y, width, height = rect
        columns = slice(x // CELL, cells(x + width))
        first, last = y // CELL, cells(y + height)
        before = slice((y - dy) // CELL, cells(y - dy + height))
        seen = bool(self.seen[before, columns].all() and self.seen[first:last, columns].all())
        full = len(self._copies) >= _MAX_COPIES
        if self._key or full or not seen or self.dirty[before, columns].mean() > 0.9:
            self.dirty[first:last, columns] = self.seen[first:last, columns]
            self.lossy[first:last, columns] = False
            return
        self._copies.append((rect, dy))
        inner = slice(cells(y), max(cells(y), (y + height) // CELL))
        dithered = photo.copy() if self.mode.recipe.plain.encoding is Encoding.INDEXED else np.zeros_like(photo)
        targets = list(_targets(before, dy, y, y + height))
        for grid in (self.dirty, self.lossy, dithered):
            old = grid[:, columns].copy()
            if not old.any():
                continue
            grid[inner, columns] = False
            for sources, places in targets:
                grid[places, columns] |= old[sources]
        self.lossy[first:last, columns] &= ~self.dirty[first:last, columns]
        self._moved[first:last, columns] = True
        self.lossy[first:last, columns] |= dithered[first:last, columns] & ~self.dirty[first:last, columns]

    @property
    def behind(self) -> bool:
        """Something is to be sent as soon as there is room."""
        return bool(self._copies) or bool(self.dirty.any())

    def wake_at(self, source: Source, damage: bool, now: float) -> float | None:
        """When to look at this viewer again; None = only an acknowledgement or a change can matter.

        `damage`: the screen has changes that were not captured yet.
        """
        opens_at = self.pace.opens_at(now)
        if opens_at is None:
            return None
        film = self._film(source)
        if damage or self._copies or (self.dirty & ~film).any():
            return max(self._due, opens_at)
        if self.dirty.any():
            return max(self._due, opens_at, self._film_due)
        if self.lossy.any():
            final_at = (source.changed_at + np.where(film, FILM_STILL, STILL))[self.lossy]
            return max(self._due, opens_at, float(final_at.min()))
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
        self._unsettle(source)
        changed = bool(self.dirty.any())
        if changed:
            rects += self._changed(source, budget, now)
        if self._film_at == now or not changed:
            budget -= sum(map(len, rects))
            rects += self._final(source, min(budget, _REFINE), now)
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

    def _film(self, source: Source) -> Grid | np.bool_:
        """Return the cells that go to this viewer as video."""
        region = source.region if self.video else None
        return np.False_ if region is None else region.film

    def _unsettle(self, source: Source) -> None:
        """What was copied and depends on its place is a likeness now."""
        recipe = self.mode.recipe
        if recipe.plain.encoding is Encoding.INDEXED and self._moved.any():
            depends = self._moved if recipe.placed else self._moved & source.photo
            self.lossy |= depends & ~self.dirty
            self._moved[:] = False

    def _changed(self, source: Source, budget: int, now: float) -> list[bytes]:
        recipe, film = self.mode.recipe, self._film(source)
        dirty = self.dirty & ~film
        photo = dirty & source.photo
        if photo.sum() < 16:
            photo[:] = False
        text, moving = self._saving.plan(recipe, int((dirty & ~photo).sum()), int(photo.sum()), self.pace, now)
        saving = self._saving
        todo = [(rect, text) for rect in self._text(dirty & ~photo, source, saving.text.pixels(budget, text))]
        todo += [(rect, moving) for rect in self._pieces(photo, source, saving.pictures.pixels(budget, moving))]
        # Round robin by rows: on a slow link the lower half gets its turn too.
        start = self._next_row
        todo.sort(key=lambda item: ((item[0][1] < start), item[0][1], item[0][0]))
        out: list[bytes] = []
        total = 0
        for rect, step in todo:
            made = source.encode(rect, step.how)
            if out and total + made.size > budget:
                self._next_row = rect[1]
                break
            out += made.rects
            total += made.size
            area = _cells_of(rect)
            if step is moving:
                saving.pictures.learn(made.size, self.dirty[area].size, step)
            else:
                known = Step(step.how) if made.exact else step
                saving.text_sent(made.size, self.dirty[area].size, known, now)
            self.dirty[area] = False
            self.lossy[area] = not (made.exact or step.how in (recipe.plain, recipe.still))
            if total >= budget:
                self._next_row = rect[1] + rect[3]
                break
        else:
            self._next_row = 0
        # Text first: it may be an answer. But the video goes on beside a large repaint.
        if not out or total < budget or now - self._film_at >= _PATIENCE:
            out += self._filmed(source, now)
        return out

    def _filmed(self, source: Source, now: float) -> list[bytes]:
        """Return the next video frames, if there is a video and its time has come."""
        region = source.region if self.video else None
        if region is None or now < self._film_due:
            return []
        stale = self.dirty & region.film
        frames = source.film(self, self._film_lost, now) if stale.any() else []
        if not frames:
            return []
        self._film_lost = False
        self._film_at = now
        self._film_due = max(self._film_due, now - BEAT) + BEAT
        self.dirty &= ~stale
        self.lossy |= stale
        shown = stale[region.area]
        return [
            codec.video(region.rect, frame.data, frame.key, shown if frame is frames[-1] else shown & False)
            for frame in frames
        ]

    def _final(self, source: Source, budget: int, now: float) -> list[bytes]:
        still = self.lossy & (source.changed_at + np.where(self._film(source), FILM_STILL, STILL) <= now)
        if budget <= 0 or not still.any():
            return []
        recipe, costs = self.mode.recipe, (self._saving.text, self._saving.stills)
        photo = still & source.photo
        # Text first: it needs little, and it is what a person reads.
        plain, picture = Step(recipe.plain), Step(recipe.still)
        todo = [(rect, plain, costs[0]) for rect in self._text(still & ~photo, source, costs[0].pixels(budget, plain))]
        todo += [(rect, picture, costs[1]) for rect in self._text(photo, source, costs[1].pixels(budget, picture))]
        out: list[bytes] = []
        total = 0
        for rect, step, cost in todo:
            made = source.encode(rect, step.how)
            if out and total + made.size > budget:
                break
            out += made.rects
            total += made.size
            area = _cells_of(rect)
            cost.learn(made.size, self.lossy[area].size, step)
            self.lossy[area] = False
        return out

    def _text(self, grid: Grid, source: Source, pixels: int) -> list[Rect]:
        """As `_pieces`, for what is packed without loss."""
        return self._pieces(grid, source, pixels, WIDEST)

    def _pieces(self, grid: Grid, source: Source, pixels: int, widest: int | None = None) -> list[Rect]:
        if not grid.any():
            return []
        area = min(max(pixels, _PIECES[0]), _PIECES[1])
        whole = merge_some(grid, source.width, source.height)
        return [piece for rect in whole for piece in split(rect, area, widest)]

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


def _targets(rows: slice, dy: int, top: int, bottom: int) -> Iterator[tuple[Places, Places]]:
    """Which rows of cells lie on which ones after a move by `dy` pixels, between two edges: pairs of equal length.

    A row comes to lie on two others when it moves by no whole cell.
    """
    sources = np.arange(rows.start, rows.stop)
    for step in {dy // CELL, -(-dy // CELL)}:
        places = sources + step
        first = np.maximum(np.maximum(sources * CELL + dy, places * CELL), top)
        end = np.minimum(np.minimum(sources * CELL + dy, places * CELL) + CELL, bottom)
        lies = first < end
        yield sources[lies], places[lies]
