"""Screen, end to end: a real agent on a 1080p display, the relay, and the console's page in Chromium; and its peer.

Keys: from the browser's time stamp of the key to the first canvas drawing after which a watched pixel has another
colour (a small terminal changes its background at each key). Pictures: each carries marks with its number; from the
drawing on the display until all its marks are on the canvas. Slow: between browser and appliance lies a slow link.
Both programs are measured in turns, so that what else the machine does falls on both. docs/bench.md says more.
"""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page
from tests.bench import desktop, paint, pictures, procs, rig, viewing, vnc
from tests.bench.marks import SPY
from tests.bench.screen_rows import Figures, rows
from tests.bench.slowlink import slow_link
from tests.bench.stage import Stage
from tests.bench.table import Row
from tests.bench.viewing import Program, ScrollingTerminal, Seen, Viewing
from tests.harness.appliance import Appliance

RUNS = 3
SLOW = ("--mbit", "2", "--delay", "20")
CANVAS = "canvas[aria-label^='Remote screen']"
OWN, PEER = "localhost", "peer.localhost"
"""Names under which the page finds each program, so that one browser can reach both over slow links."""


@dataclass
class Films:
    """Files with what is shown."""

    film: Path
    page: Path


def _films(stage: Stage) -> Films:
    """Make film and page; takes half a minute."""
    made = Films(stage.folder / "film.npy", stage.folder / "page.npy")
    pictures.save(made.film, pictures.film())
    with rig.engine() as engine:
        pictures.save(made.page, pictures.page(engine.new_page()))
    return made


class Farhand:
    """An appliance with a Jump Client on a display."""

    name = OWN

    def __init__(self, stage: Stage) -> None:
        self.screen = desktop.display(stage)
        self.running: Appliance = rig.appliance(stage)
        self.port = self.running.port
        self.agent = rig.jump_client(stage, self.running, self.screen)

    def open(self, engine: Browser) -> Viewing:
        """From the console's first page to a screen under control."""
        context = rig.representative(engine, self.running)
        context.set_default_timeout(60_000)
        context.add_init_script(SPY)
        page = context.new_page()
        _share(page)
        found = Viewing(page, CANVAS, self.screen, self.agent.pid, self.running.pid_of("relay"))
        found.canvas.focus()
        found.point()
        return found


def _share(page: Page) -> None:
    page.goto("/console")
    page.get_by_role("tab", name="Jump Items").click()
    page.get_by_role("button", name="Jump", exact=True).first.click()
    page.get_by_role("button", name="Start Screen Sharing").click()
    page.locator(CANVAS).wait_for()
    page.get_by_role("button", name="Request Control").click()
    page.get_by_role("button", name="Stop Control").wait_for()
    page.get_by_role("button", name="Virtual Keyboard", disabled=False).wait_for()  # asking is over: keys are heard
    page.wait_for_function("fhBench.drawn > 0")
    page.wait_for_timeout(2000)


Made = Farhand | vnc.Vnc
Run = Callable[[], list[float] | Seen]


@dataclass
class Side:
    """One program that is measured, and what came of it."""

    program: Made
    stage: Stage
    out: Figures = field(default_factory=lambda: Figures(defaultdict(list), defaultdict(list)))
    shown: Viewing | None = None

    @property
    def view(self) -> Viewing:
        """Its page."""
        assert self.shown is not None
        return self.shown


Setting = Callable[[Side, Films], AbstractContextManager[Run]]


@contextmanager
def _keys(side: Side, files: Films) -> Iterator[Run]:
    terminal = viewing.small_terminal(side.stage, side.view.screen)
    time.sleep(1.5)
    yield side.view.keys
    procs.stop(terminal)


@contextmanager
def _keys_beside(side: Side, files: Films) -> Iterator[Run]:
    film = Program(side.stage, side.view.screen, "film", files.film, viewing.FILM_AT)

    def run() -> list[float]:
        film.say("run")
        time.sleep(viewing.WARM_S)
        trips = side.view.keys()
        film.drawn()
        return trips

    with _keys(side, files):
        yield run
    film.stop()


@contextmanager
def _scroll(side: Side, files: Films) -> Iterator[Run]:
    terminal = ScrollingTerminal(side.stage, side.view.screen)
    yield lambda: side.view.watch(terminal.marks, terminal.begin, terminal.end)


@contextmanager
def _video(side: Side, files: Films) -> Iterator[Run]:
    film = Program(side.stage, side.view.screen, "film", files.film, viewing.FILM_AT)
    marks = paint.film_marks(*viewing.FILM_AT, *pictures.FILM)
    yield lambda: side.view.watch(marks, lambda: film.say("run"), film.drawn)
    film.stop()


@contextmanager
def _page(side: Side, files: Films) -> Iterator[Run]:
    page = Program(side.stage, side.view.screen, "page", files.page, (0, 0))
    yield lambda: side.view.watch(paint.page_marks(), lambda: page.say("run"), page.drawn)
    page.stop()


def _alternate(name: str, setting: Setting, sides: list[Side], files: Films, exact: bool = False) -> None:
    """Measure one thing on all sides, in turns."""
    with ExitStack() as stack:
        runs = [(side, stack.enter_context(setting(side, files))) for side in sides]
        for number in range(RUNS):
            for side, run in runs:
                side.out.load[name].append(os.getloadavg()[0])
                try:
                    side.out.runs[name].append(run())
                except RuntimeError as error:  # one run that shows nothing is not the end of all others
                    side.out.failed[name] = str(error)
                if exact and number == RUNS - 1:
                    side.out.differing[name] = side.view.differing()
                else:
                    side.view.settle()


def _fast(sides: list[Side], files: Films) -> None:
    for side in sides:
        side.out.load["idle"].append(os.getloadavg()[0])
        side.out.runs["idle"].append([side.view.idle_bytes()])
    _alternate("keys", _keys, sides, files)
    _alternate("beside", _keys_beside, sides, files)
    _alternate("scroll", _scroll, sides, files)
    _alternate("video", _video, sides, files, exact=True)
    _alternate("page", _page, sides, files, exact=True)


def _open(sides: list[Side], engine: Browser) -> list[Side]:
    """Open a page of each; one that does not open says why and is left out."""
    for side in sides:
        side.shown = None
        try:
            side.shown = side.program.open(engine)
        except Exception as error:
            side.out.problem = f"Its page did not open: {(str(error).splitlines() or [''])[0][:120]}"
    return [side for side in sides if side.shown is not None]


def measure() -> list[Row]:
    """On this machine's own link, then on slow ones."""
    with Stage() as stage:
        files = _films(stage)
        ours = Side(Farhand(stage), stage)
        sides, peer = [ours], Figures({}, {}, problem=f"Not installed: {vnc.missing()}")
        if not vnc.missing():
            other = Stage()
            sides.append(Side(vnc.Vnc(stage.enter(other)), other))
            peer = sides[1].out
        with rig.engine() as engine:
            _fast(_open(sides, engine), files)
        with ExitStack() as stack:
            links = {side.program.name: stack.enter_context(slow_link(side.program.port, *SLOW)) for side in sides}
            rules = ", ".join(f"MAP {name} 127.0.0.1:{port}" for name, port in links.items())
            engine = stack.enter_context(rig.engine(f"--host-resolver-rules={rules}"))
            there = _open(sides, engine)
            _alternate("slow_video", _video, there, files, exact=True)
            _alternate("slow_page", _page, there, files, exact=True)
        return rows(ours.out, peer)
