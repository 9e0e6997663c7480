"""Draws on an X display, thirty pictures a second, and remembers when: a film in a window, or a page that is scrolled.

Why it exists: the bench's source of changing pictures. They wait in the X server, so drawing costs nothing here, and
each picture appears in one request, marks included: nothing can capture half of one.

Rules: `python -m tests.bench.paint film|page FILE X Y`, DISPLAY set; then one word a line on standard input: `run`
draws, `stop` stops and prints the list of [number, time] as JSON (seconds since 1970). Numbers go on over all runs.
"""

import json
import select
import sys
import time
from typing import Any

import numpy as np
import xcffib
import xcffib.xproto as xp
from tests.bench import desktop
from tests.bench.marks import BITS, Mark, code

INTERVAL = 1 / 30
STEP = 30
"""Pixels by which the page moves for each picture."""
CELL = 16
BAND = 32


def film_marks(x: int, y: int, width: int, height: int) -> list[Mark]:
    """Where the marks of a film at (x, y) are: two corners."""
    return [Mark(x, y + CELL // 2), Mark(x + width - BITS * CELL, y + height - CELL // 2)]


def page_marks() -> list[Mark]:
    """Where the marks of a page are: at the top, in the middle, and at the lower edge, where it comes in."""
    return [
        Mark(0, CELL // 2),
        Mark(1600, desktop.HEIGHT // 2 // CELL * CELL + CELL // 2),
        Mark(800, desktop.HEIGHT - CELL // 2),
    ]


class Painter:
    """A window, its pictures in the server, and where the next one comes from."""

    def __init__(self, kind: str, pictures: Any, x: int, y: int) -> None:
        self._x = self._connection = xcffib.connect()
        self._core = self._connection.core
        screen = self._connection.get_setup().roots[0]
        frames = pictures if pictures.ndim == 4 else pictures[None]
        self._kind = kind
        self._count, self._tall, self._wide = frames.shape[:3]
        self._height = self._tall if kind == "film" else desktop.HEIGHT
        self._pictures = self._pixmap(screen, self._wide, self._tall * self._count)
        self._back = self._pixmap(screen, self._wide, self._height)
        self._window = self._connection.generate_id()
        self._core.CreateWindow(
            screen.root_depth, self._window, screen.root, x, y, self._wide, self._height, 0,
            xp.WindowClass.InputOutput, screen.root_visual, xp.CW.BackPixmap | xp.CW.OverrideRedirect, [0, 1],
        )  # fmt: skip
        self._inks = []
        for colour in (0x000000, 0xFFFFFF):
            ink = self._connection.generate_id()
            values = [colour, 0]
            self._core.CreateGC(ink, self._window, xp.GC.Foreground | xp.GC.GraphicsExposures, values)
            self._inks.append(ink)
        self._upload(frames.reshape(-1, self._wide, 4))
        marks = film_marks(0, 0, self._wide, self._tall) if kind == "film" else page_marks()
        self._marks = [(mark.x, mark.y - CELL // 2) for mark in marks]
        self._number = 0
        self.draw()
        self._core.MapWindow(self._window)
        self._core.GetInputFocus().reply()

    def _pixmap(self, screen: Any, width: int, height: int) -> int:
        made: int = self._connection.generate_id()
        self._core.CreatePixmap(screen.root_depth, made, screen.root, width, height)
        return made

    def _upload(self, rows: Any) -> None:
        for top in range(0, len(rows), BAND):
            band = np.ascontiguousarray(rows[top : top + BAND])
            self._core.PutImage(
                xp.ImageFormat.ZPixmap, self._pictures, self._inks[0], self._wide, len(band), 0, top, 0, 24,
                band.nbytes, band.tobytes(),
            )  # fmt: skip
            self._core.GetInputFocus().reply()

    def _source(self) -> int:
        """Row of the stored pictures at which the next one begins."""
        if self._kind == "film":
            return self._number % self._count * self._tall
        room = self._tall - self._height
        at = self._number * STEP % (2 * room)
        return min(at, 2 * room - at)

    def draw(self) -> tuple[int, float]:
        """Show the next picture; return its number and the time."""
        size = self._wide, self._height
        self._core.CopyArea(self._pictures, self._back, self._inks[0], 0, self._source(), 0, 0, *size)
        cells: list[list[xp.RECTANGLE]] = [[], []]
        for x, y in self._marks:
            for bit, white in enumerate(code(self._number)):
                cells[white].append(xp.RECTANGLE.synthetic(x + bit * CELL, y, CELL, CELL))
        for ink, those in zip(self._inks, cells, strict=True):
            self._core.PolyFillRectangle(self._back, ink, len(those), those)
        self._core.CopyArea(self._back, self._window, self._inks[0], 0, 0, 0, 0, *size)
        self._connection.flush()
        drawn = self._number, time.time()
        self._number += 1
        return drawn


def main() -> int:
    """Draw when told to."""
    kind, file, x, y = sys.argv[1:5]
    painter = Painter(kind, np.load(file), int(x), int(y))
    print(json.dumps("ready"), flush=True)
    drawn: list[tuple[int, float]] = []
    due: float | None = None
    while True:
        wait = None if due is None else max(0.0, due - time.monotonic())
        if select.select([sys.stdin], [], [], wait)[0]:
            word = sys.stdin.readline().strip()
            if not word:
                return 0
            if word == "run":
                drawn, due = [], time.monotonic()
            else:
                print(json.dumps(drawn), flush=True)
                due = None
        elif due is not None:
            drawn.append(painter.draw())
            due += INTERVAL


if __name__ == "__main__":
    sys.exit(main())
