"""The thread that captures and encodes: it sleeps until the display, an acknowledgement or a deadline wakes it.

Why it exists: capturing and encoding take milliseconds, which the event loop's thread must not lose. One thread per
session serves all viewers, because they share one capture.

Rules: the thread owns source and views; others only post commands to it and get frames back through `emit`. While
nothing changes it blocks without a deadline.
"""

import contextlib
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable

import msgspec

from farhand.agent.core.desktop import DesktopError, Monitor, Rect, ScreenSource
from farhand.agent.core.masking import Mask
from farhand.agent.tools.screen.pointer import Pointer
from farhand.agent.tools.screen.tiles import cluster
from farhand.agent.tools.screen.viewer import Mode
from farhand.agent.tools.screen.views import Views
from farhand.protocol.channels import Screen
from farhand.protocol.messages import MOST_MONITORS, ScreenMonitor, ScreenStarted
from farhand.protocol.screen import is_key

Out = tuple[int, int, bytes]
"""Frame type, leg, payload."""

SETTLE = 0.001
"""Programs draw in several requests: while things move, wait this long after the first change, in seconds."""
PAUSE = 0.04
"""The first change after so long a pause is captured at once, in seconds: it may be the answer to a key."""
BACKLOG = 256 * 1024
"""Nothing is captured while so many bytes wait in the leg's own socket."""
_BACKLOG_WAIT = 0.01
NOTHING = Mask()


class ScreenWorker:
    """Runs from construction until `stop`, or until the display fails; then `ended(reason, text)` is called once.

    `emit`, `ended`, `backlog` and `read_monitors` are called in the worker's thread.
    """

    def __init__(
        self,
        open_source: Callable[[], ScreenSource],
        emit: Callable[[list[Out]], None],
        ended: Callable[[str, str], None],
        backlog: Callable[[], int] = lambda: 0,
        read_monitors: Callable[[], list[Monitor]] = list,
        mask: Mask = NOTHING,
    ) -> None:
        self._open_source = open_source
        self._emit = emit
        self._ended = ended
        self._backlog = backlog
        self._read_monitors = read_monitors
        self._monitors: list[Monitor] = []
        self._mask = mask
        self._commands: deque[Callable[[Views, float], None]] = deque()
        self._stopping = False
        self._modes: dict[int, Mode] = {}
        self._fresh: list[int] = []
        self.turns = 0
        """How often the loop has turned: it stands still with the screen."""
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._thread = threading.Thread(target=self._run, name="screen", daemon=True)
        self._thread.start()

    # --- commands, from any thread ---

    def join(self, leg: int, mode: Mode) -> None:
        """Serve a viewer (from the beginning, if it is served already). It hears STARTED first."""
        self._do(lambda views, now: self._join(leg, mode, views, now))

    def leave(self, leg: int) -> None:
        """Serve a viewer no longer."""
        self._do(lambda views, now: self._leave(leg, views))

    def acked(self, leg: int, seq: int, decode: float) -> None:
        """A viewer has drawn an update, in `decode` seconds."""
        came = time.monotonic()  # the thread may be busy until it hears of it

        def do(views: Views, now: float) -> None:
            if leg in views.viewers:
                views.viewers[leg].pace.acked(seq, decode, came)

        self._do(do)

    def refresh(self, leg: int) -> None:
        """Send a viewer the full picture again."""

        def do(views: Views, now: float) -> None:
            if leg in views.viewers:
                views.viewers[leg].refresh()

        self._do(do)

    def hide(self, mask: Mask, done: Callable[[], None]) -> None:
        """The recorder sees nothing of this from now on. `done` is called, in the thread, when that is so."""

        def do(views: Views, now: float) -> None:
            self._mask = mask
            views.hide(mask, now)
            done()

        self._do(do)

    def resume(self) -> None:
        """What was under way to all viewers is lost: begin anew with each."""

        def do(views: Views, now: float) -> None:
            for viewer in views.viewers.values():
                viewer.resume()
            self._fresh = list(views.viewers)

        self._do(do)

    def stop(self, wait: float = 0.5) -> None:
        """End the thread; wait at most so many seconds for it."""
        self._stopping = True
        self._wake()
        if threading.current_thread() is not self._thread:
            self._thread.join(wait)

    def _do(self, command: Callable[[Views, float], None]) -> None:
        self._commands.append(command)
        self._wake()

    def _wake(self) -> None:
        # A full pipe wakes too; a closed one belongs to a thread that has ended.
        with contextlib.suppress(OSError):
            os.write(self._wake_write, b"w")

    # --- the thread ---

    def _run(self) -> None:
        reason, text = "stopped", ""
        try:
            while not self._stopping:
                source = self._open_source()
                try:
                    self._serve(source)
                finally:
                    source.close()
        except DesktopError as error:
            reason, text = error.reason, str(error)
        except Exception as error:  # noqa: BLE001  whatever it is, viewers must hear that their picture has stopped
            reason, text = "error", f"Screen sharing failed ({type(error).__name__}). Start it again."
        read, write = self._wake_read, self._wake_write
        self._wake_read = self._wake_write = -1
        os.close(write)
        os.close(read)
        self._ended(reason, text)

    def _serve(self, source: ScreenSource) -> None:
        """Serve all viewers until the screen changes its size or its monitors, or the worker is stopped."""
        self._monitors = self._read_monitors()
        now = time.monotonic()
        views = Views(source, self._mask, now)
        self._fresh = []
        for leg, mode in self._modes.items():
            self._join(leg, mode, views, now)
        pointer = Pointer(source)
        damage: list[Rect] | None = [(0, 0, source.width, source.height)]
        settled_at, captured_at = now, now
        while not self._stopping:
            self.turns += 1
            now = time.monotonic()
            while self._commands:
                self._commands.popleft()(views, now)
            changes = source.poll()
            if changes.resized or (changes.monitors and self._read_monitors() != self._monitors):
                return
            if damage is None and views.due is not None and now >= views.due:
                damage, settled_at = [], now
            if changes.damage and damage is None:
                damage, settled_at = [], now + SETTLE if now < captured_at + PAUSE else now
            out: list[Out] = []
            if self._fresh:
                out += self._welcome(views, pointer)
            if changes.cursor:
                out += [(Screen.CURSOR, leg, pointer.shaped()) for leg in views.viewers]
            followers = [leg for leg, mode in self._modes.items() if mode.pointer and leg in views.viewers]
            out += [
                (Screen.POINTER, leg, place) for place in pointer.moved(changes, followers, now) for leg in followers
            ]
            held = self._backlog() > BACKLOG
            if not held:
                if damage is not None and now >= settled_at and views.wants_capture(now):
                    views.capture(cluster([*damage, *source.take()]), now)
                    damage, captured_at = None, now
                for leg, payload in views.updates(now):
                    out.append((Screen.UPDATE, leg, payload))
                    if leg in followers and is_key(payload):
                        out += [(kind, leg, told) for kind, told in pointer.all()]
            now = time.monotonic()
            if out:
                views.handed(now)
                self._emit(out)
            wake_at = views.wake_at(damage is not None, now)
            if wake_at is not None and damage is not None:
                wake_at = max(wake_at, settled_at)
            wake_at = min((at for at in (wake_at, pointer.due) if at is not None), default=None)
            self._sleep(source, now + _BACKLOG_WAIT if held and wake_at is not None else wake_at)

    def _sleep(self, source: ScreenSource, until: float | None) -> None:
        if self._commands or source.news():
            return
        wait = None if until is None else max(0.0, until - time.monotonic())
        ready, _, _ = select.select([source.fileno(), self._wake_read], [], [], wait)
        if self._wake_read in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_read, 4096)

    def _welcome(self, views: Views, pointer: Pointer) -> list[Out]:
        legs, self._fresh = self._fresh, []
        return [
            frame
            for leg in legs
            if leg in views.viewers
            for frame in (
                (int(Screen.STARTED), leg, self._started(leg, views)),
                (int(Screen.CURSOR), leg, pointer.shape),
            )
        ]

    def _join(self, leg: int, mode: Mode, views: Views, now: float) -> None:
        self._modes[leg] = mode
        views.join(leg, mode, now)
        monitor = self._monitor_of(leg)
        area = (monitor.x, monitor.y, monitor.width, monitor.height) if monitor is not None else None
        views.viewers[leg].look(area)
        self._fresh.append(leg)

    def _monitor_of(self, leg: int) -> Monitor | None:
        """The monitor that a viewer looks at; None: all of them."""
        wanted = self._modes[leg].monitor
        return next((one for one in self._monitors if one.id == wanted), None)

    def _started(self, leg: int, views: Views) -> bytes:
        shown = self._monitor_of(leg)
        monitors = [
            ScreenMonitor(
                id=one.id, name=one.name, x=one.x, y=one.y, width=one.width, height=one.height, primary=one.primary
            )
            for one in self._monitors[:MOST_MONITORS]
        ]
        started = ScreenStarted(
            width=views.width, height=views.height, monitors=monitors, monitor=shown.id if shown else ""
        )
        return msgspec.json.encode(started)

    def _leave(self, leg: int, views: Views) -> None:
        self._modes.pop(leg, None)
        views.leave(leg)
