"""A remote screen in a page, as the bench looks at it: keys, and pictures with marks.

Why it exists: Farhand and its peer are measured by the same code, in the same browser, with the same programs on the
display.

Rules: `marks.SPY` is an init script of the page's context. A picture counts when all its marks are on the canvas.
"""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page
from tests.bench import desktop, procs
from tests.bench.marks import NUMBERS, Mark
from tests.bench.stage import Stage
from tests.bench.table import percentile
from tests.harness.browser import canvas_pixels
from tests.harness.xdisplay import screen_pixels

KEYS = 40
KEY_GAP_MS = 110
KEY_WAITS = 30
WARM_S = 1.5
RUN_S = 4.0
STILL_S = 3.0
PIXEL = (900, 500)
SMALL = "40x10+800+450"
"""Around the watched pixel."""
FULL = "320x83+0+0"
FILM_AT = (96, 96)
CELL = 6, 13
"""Of xterm's `fixed` font."""

TOGGLE = """
import os, tty
tty.setraw(0)
colour = 1
while os.read(0, 1):
    colour = 5 - colour
    os.write(1, b"\\x1b[4%dm\\x1b[2J\\x1b[H" % colour)
"""
SCROLL = """
import random, sys, time
from tests.bench.marks import code
words = "error info open close session screen relay agent queue frame channel ticket grant link".split()
random.seed(1)
with open(sys.argv[1], "w", buffering=1) as log:
    due = time.monotonic()
    for number in range(1 << 20):
        mark = "".join("\\x1b[107m  " if white else "\\x1b[40m  " for white in code(number)) + "\\x1b[0m "
        text = " ".join(random.choice(words) for _ in range(random.randint(8, 30)))
        sys.stdout.write("\\r\\n" + mark + text)
        sys.stdout.flush()
        print(number, time.time(), file=log)
        due += 1 / 40
        time.sleep(max(0, due - time.monotonic()))
"""


@dataclass
class Seen:
    """What one run showed."""

    fps: float
    p50: float
    """Milliseconds from the drawing on the display to the pixels on the canvas."""
    p95: float
    kbs: float
    """kB a second that the page's sockets received."""
    cpu: float
    """Per cent of a core that the program at the display used."""
    carrier: float
    """The same of the program between it and the page."""
    task: float
    """Milliseconds of the page's longest task; 0 = none of 50 ms and more."""


class Program:
    """A painter on the display; see `tests.bench.paint`."""

    def __init__(self, stage: Stage, screen: str, kind: str, file: Path, at: tuple[int, int]) -> None:
        self._process = procs.start(
            [sys.executable, "-m", "tests.bench.paint", kind, str(file), *map(str, at)],
            env={**os.environ, "DISPLAY": screen}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        stage.later(self.stop)
        self._line(60)

    def _line(self, within_s: float) -> Any:
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], within_s)[0]:
            raise RuntimeError("the painter does not answer")
        return json.loads(self._process.stdout.readline())

    def say(self, word: str) -> None:
        """Tell it something."""
        assert self._process.stdin is not None
        self._process.stdin.write(word.encode() + b"\n")
        self._process.stdin.flush()

    def drawn(self) -> dict[int, float]:
        """Stop it; return number and time of each picture of this run."""
        self.say("stop")
        return {int(number): float(when) for number, when in self._line(20)}

    def stop(self) -> None:
        """End it."""
        procs.stop(self._process)


class Viewing:
    """A page that shows the display `screen`, captured by the process `source`, brought by `carrier`."""

    def __init__(self, page: Page, canvas: str, screen: str, source: int, carrier: int) -> None:
        self.page = page
        self.canvas = page.locator(canvas).first
        self.screen = screen
        self.source = source
        self.carrier = carrier

    def point(self) -> None:
        """Put the remote pointer over the watched pixel: keys go to the window under it."""
        box = self.canvas.bounding_box()
        assert box is not None
        scale = box["width"] / desktop.WIDTH
        for step in (3, 0):
            self.page.mouse.move(box["x"] + PIXEL[0] * scale - step, box["y"] + PIXEL[1] * scale)

    def keys(self) -> list[float]:
        """Press keys; return the milliseconds until each was seen. One that shows nothing for seconds is left out."""
        self.page.evaluate("at => { fhBench.trips = []; fhBench.pixel = at; fhBench.pressed = 0; }", list(PIXEL))
        for _ in range(KEYS):
            self.page.keyboard.press("a")
            for _ in range(KEY_WAITS):
                self.page.wait_for_timeout(KEY_GAP_MS)
                if not self.page.evaluate("fhBench.pressed"):
                    break
        trips: list[float] = self.page.evaluate("(fhBench.pixel = null, fhBench.trips)")
        if len(trips) < KEYS // 2:
            raise RuntimeError(f"only {len(trips)} of {KEYS} keys changed the picture")
        return trips

    def watch(self, marks: list[Mark], begin: Callable[[], None], end: Callable[[], dict[int, float]]) -> Seen:
        """Let something draw for a while and look at its marks."""
        begin()
        self.page.wait_for_timeout(WARM_S * 1000)
        state = "({ bytes: fhBench.bytes, at: performance.timeOrigin + performance.now() })"
        before = self.page.evaluate(
            f"marks => {{ Object.assign(fhBench, {{ marks, seen: [], last: -1, task: 0 }}); return {state}; }}",
            [mark.as_json() for mark in marks],
        )
        busy = self._busy()
        self.page.wait_for_timeout(RUN_S * 1000)
        after = self.page.evaluate(state)
        used = [later - sooner for sooner, later in zip(busy, self._busy(), strict=True)]
        seen = self.page.evaluate("(fhBench.marks = [], fhBench.seen)")
        task = self.page.evaluate("fhBench.task")
        drawn = end()
        seconds = (after["at"] - before["at"]) / 1000
        late = delays(seen, drawn)
        return Seen(
            fps=len(late) / seconds,
            p50=percentile(late, 0.5) if late else float("inf"),
            p95=percentile(late, 0.95) if late else float("inf"),
            kbs=(after["bytes"] - before["bytes"]) / 1000 / seconds,
            cpu=used[0] / seconds * 100,
            carrier=used[1] / seconds * 100,
            task=task,
        )

    def _busy(self) -> list[float]:
        """CPU seconds of source and carrier, with what they have started."""
        return [procs.cpu_s(pid, *procs.children(pid)) for pid in (self.source, self.carrier)]

    def settle(self) -> None:
        """Wait until no bytes come any more, so that one run is not paid for in the next."""
        before = -1
        for _ in range(30):
            now = self.page.evaluate("fhBench.bytes")
            if now == before:
                return
            before = now
            self.page.wait_for_timeout(700)

    def idle_bytes(self, seconds: float = 5.0) -> float:
        """Bytes that come while nothing changes."""
        before = self.page.evaluate("fhBench.bytes")
        self.page.wait_for_timeout(seconds * 1000)
        count: int = self.page.evaluate("fhBench.bytes")
        return float(count - before)

    def differing(self) -> float:
        """Pixels of the canvas that are not those of the display, some seconds after the last change."""
        self.page.wait_for_timeout(STILL_S * 1000)
        shown = canvas_pixels(self.canvas, 1)
        real = screen_pixels(self.screen, 1)
        if shown.shape != real.shape:
            raise RuntimeError(f"the canvas has {shown.shape}, the display {real.shape}")
        return float(np.any(shown != real, axis=2).sum())


def delays(seen: list[tuple[int, float]], drawn: dict[int, float]) -> list[float]:
    """Milliseconds from the drawing of each picture until it was seen. Marks carry numbers modulo NUMBERS."""
    numbers = {number % NUMBERS: number for number in drawn}
    found = [(numbers.get(int(mark)), float(when)) for mark, when in seen]
    return [when - drawn[number] * 1000 for number, when in found if number is not None]


def small_terminal(stage: Stage, screen: str) -> subprocess.Popen[bytes]:
    """A terminal that changes its colour at each key."""
    return _terminal(stage, screen, SMALL, TOGGLE)


class ScrollingTerminal:
    """A full-screen terminal that prints forty lines a second, each with a mark."""

    marks = [
        Mark(0, row * CELL[1] + CELL[1] // 2, 2 * CELL[0], 82 - row) for row in (0, 41, 82)
    ]  # the newest line is the lowest

    def __init__(self, stage: Stage, screen: str) -> None:
        self._stage, self._screen = stage, screen
        self._log = stage.folder / "lines"
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Start it."""
        self._process = _terminal(self._stage, self._screen, FULL, SCROLL, str(self._log))
        time.sleep(3)  # until the screen is full of lines

    def end(self) -> dict[int, float]:
        """End it; return number and time of each line."""
        procs.stop(self._process)
        lines = (line.split() for line in self._log.read_text().splitlines())
        return {int(line[0]): float(line[1]) for line in lines if len(line) == 2}


def _terminal(stage: Stage, screen: str, geometry: str, script: str, *words: str) -> subprocess.Popen[bytes]:
    look = ["-geometry", geometry, "-bw", "0", "-b", "0", "+sb", "-fn", "fixed"]
    return desktop.program(stage, screen, "xterm", *look, "-e", sys.executable, "-c", script, *words)
