"""The screen of a compositor with wlroots' protocols: whole pictures of each monitor in shared memory, with damage.

Why it exists: it fills `ScreenSource`. A still screen costs nothing: the compositor answers a request for a picture
when something has changed, and is asked again only after a picture was taken.

Rules: each monitor has two buffers: one is read here while the compositor fills the other. A picture that has waited
longer than `FRESH` is asked for anew before it is taken, because what matters is what the screen shows now. The
pointer is left out; this protocol tells no shape, so it is an arrow. 24-bit colours in 32 bits, in either order.
"""

import contextlib
import mmap
import os
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import numpy as np

from farhand.agent.core.desktop import Changes, DesktopError, Rect
from farhand.agent.core.masking import Windows
from farhand.agent.platforms.linux.wayland.layout import Placed, bounds
from farhand.agent.platforms.linux.wayland.picture import colours, compose, seen_as
from farhand.agent.platforms.linux.wayland.pointer import ARROW
from farhand.agent.platforms.linux.wayland.wire import Connection, Thing
from farhand.agent.platforms.linux.wlroots.find import CAPTURE
from farhand.agent.platforms.linux.wlroots.outputs import Outputs
from farhand.agent.texts import _

if TYPE_CHECKING:
    from farhand.agent.core.desktop import Pixels

FRESH = 0.03
"""A picture is as good as new for so many seconds."""
_NEXT = 0.02
"""Where something has changed since, the compositor shows it, and answers, within so many seconds."""
_MOST_PIXELS = 1 << 26
_MOST_DAMAGE = 64
_BGRX, _RGBX = (0, 1), (0x34324258, 0x34324241)
"""wl_shm.format: ARGB8888 and XRGB8888; XBGR8888 and ABGR8888."""
_Y_INVERT = 1


class _Buffer:
    """Shared memory that the compositor writes and we read."""

    def __init__(self, wayland: Connection, shm: Thing, offer: tuple[int, int, int, int]) -> None:
        self.offer = offer
        code, width, height, stride = offer
        if stride < width * 4 or stride % 4 or not 0 < stride // 4 * height <= _MOST_PIXELS:
            raise DesktopError("unsupported", _("This desktop's compositor offers a picture of an unusable size."))
        size = stride * height
        fd = os.memfd_create("picture", os.MFD_CLOEXEC)
        try:
            os.ftruncate(fd, size)
            self._memory = mmap.mmap(fd, size)
            pool = shm.make("create_pool", fd, size)
        finally:
            os.close(fd)
        self.thing = pool.make("create_buffer", 0, width, height, stride, code)
        pool.destroy()
        self.pixels: Pixels = np.frombuffer(self._memory, np.uint32).reshape(height, stride // 4)[:, :width]


class _Feed:
    """The pictures of one monitor: the newest whole one, and the request for the next."""

    def __init__(self, wayland: Connection, manager: Thing, shm: Thing, placed: Placed) -> None:
        self.placed = placed
        self.waiting = False
        """A picture came that was not taken yet."""
        self.changed = False
        """It shows something else than this monitor now, or nothing."""
        self.came_at = 0.0
        self.picture: Pixels | None = None
        """The newest, turned as it is seen; its colours are those of the buffer."""
        self._wayland, self._manager, self._shm = wayland, manager, shm
        self._frame: Thing | None = None
        self._front: _Buffer | None = None
        self._back: _Buffer | None = None
        self._offer: tuple[int, int, int, int] | None = None
        self._flipped = False
        self._damage: list[Rect] = []

    def ask(self) -> None:
        """Ask for the next picture, unless that is done already."""
        if self._frame is not None or self.changed:
            return
        self._offer, self._flipped = None, False
        self._frame = self._manager.make("capture_output", 0, self.placed.output)
        self._frame.on = {
            "buffer": self._offered,
            "buffer_done": self._copy,
            "damage": lambda x, y, width, height: self._damage.append((x, y, width, height)),
            "flags": lambda flags: setattr(self, "_flipped", bool(flags & _Y_INVERT)),
            "ready": self._ready,
            "failed": self._failed,
        }

    def take(self) -> list[Rect]:
        """Return what has changed, in the whole picture's pixels, and count it as taken."""
        one = self.placed.monitor
        damage, self._damage, self.waiting = self._damage, [], False
        if not damage:
            return []
        if self.placed.seen.transform or self._flipped or len(damage) > _MOST_DAMAGE:
            return [(one.x, one.y, one.width, one.height)]
        right, bottom = one.width, one.height
        return [
            (one.x + x, one.y + y, min(width, right - x), min(height, bottom - y))
            for x, y, width, height in damage
            if x < right and y < bottom
        ]

    def read(self, x: int, y: int, width: int, height: int) -> "Pixels":
        """Return a part of the newest picture, in this monitor's own pixels."""
        assert self.picture is not None
        reverse = self._front is not None and self._front.offer[0] in _RGBX
        return colours(self.picture[y : y + height, x : x + width], reverse)

    def _offered(self, code: int, width: int, height: int, stride: int) -> None:
        if self._offer is None and code in _BGRX + _RGBX:
            self._offer = (code, width, height, stride)

    def _copy(self) -> None:
        if self._offer is None:
            raise DesktopError("unsupported", _("This desktop's compositor offers no 24-bit colours."))
        if self._offer[1:3] != self.placed.seen.size:
            self._failed()
            return
        if self._back is None or self._back.offer != self._offer:
            if self._back is not None:
                self._back.thing.destroy()
            self._back = _Buffer(self._wayland, self._shm, self._offer)
        if self._frame is not None:
            self._frame.send("copy_with_damage", self._back.thing)

    def _ready(self, _high: int, _low: int, _nanoseconds: int) -> None:
        self._end()
        self._front, self._back = self._back, self._front
        assert self._front is not None
        pixels = self._front.pixels[::-1] if self._flipped else self._front.pixels
        self.picture = seen_as(pixels, self.placed.seen.transform)
        self.waiting = True
        self.came_at = time.monotonic()

    def _failed(self) -> None:
        self._end()
        self.changed = True

    def _end(self) -> None:
        if self._frame is not None:
            self._frame.destroy()
            self._frame = None


class WlrootsScreen:
    """The screen of the compositor at `path`, or one monitor of it; see `ScreenSource`. Raises DesktopError."""

    def __init__(self, path: str, monitor: str | None = None) -> None:
        self._changes = Changes()
        self._wayland = Connection(path)
        try:
            self._open(monitor)
        except BaseException:
            self.close()
            raise

    def _open(self, monitor: str | None) -> None:
        wayland = self._wayland
        self._outputs = Outputs(wayland, self._hotplug)
        self._whole = monitor is None
        placed = [one for one in self._outputs.look() if monitor in (None, one.monitor.id)]
        if not placed:
            raise DesktopError("no-display", _("This monitor is not there any more. Choose another one."))
        self._placed = placed
        self._left, self._top, self.width, self.height = bounds(placed)
        manager, shm = wayland.bind(CAPTURE, 3), wayland.bind("wl_shm", 1)
        if manager.version < 3:
            raise DesktopError("unsupported", _("This desktop's compositor is too old to tell what changes."))
        self._feeds = [_Feed(wayland, manager, shm, one) for one in placed]
        for feed in self._feeds:
            feed.ask()
        wayland.until(lambda: all(feed.waiting or feed.changed for feed in self._feeds))
        if not all(feed.waiting for feed in self._feeds):
            raise DesktopError("no-display", _("This monitor shows nothing now: it may be switched off."))

    def fileno(self) -> int:
        """Descriptor of the connection."""
        return self._wayland.fileno()

    def poll(self) -> Changes:
        """Return what happened since the last call."""
        self._drain()
        changes, self._changes = self._changes, Changes()
        if changes.monitors and not changes.resized:
            now = self._outputs.look()
            wanted = now if self._whole else [one for one in now if one.monitor.id == self._placed[0].monitor.id]
            changes.resized = wanted != self._placed
        return changes

    def news(self) -> bool:
        """Say whether `poll` has something to tell."""
        self._drain()
        return self._changes != Changes()

    def _drain(self) -> None:
        before = [feed.came_at for feed in self._feeds]
        self._wayland.pump()
        self._changes.damage |= before != [feed.came_at for feed in self._feeds]
        if any(feed.changed for feed in self._feeds):
            self._changes.resized = self._changes.monitors = True

    def _hotplug(self) -> None:
        self._changes.monitors = True

    def take(self) -> list[Rect]:
        """Count the newest pictures as taken, and ask for the next ones."""
        old = [feed for feed in self._feeds if feed.waiting and time.monotonic() - feed.came_at > FRESH]
        if old:
            before = {id(feed): feed.came_at for feed in old}
            for feed in old:
                feed.ask()
            # One that has not changed since gives no answer: what is here is what the screen shows.
            self._wayland.until(lambda: all(feed.came_at > before[id(feed)] for feed in old), _NEXT)
        damage = [rect for feed in self._feeds for rect in feed.take()]
        for feed in self._feeds:
            feed.ask()
        self._wayland.flush()
        return [(x - self._left, y - self._top, width, height) for x, y, width, height in damage]

    def grab(self, rect: Rect) -> "Pixels":
        """Read the part from the newest pictures."""
        x, y, width, height = rect
        x, y = x + self._left, y + self._top
        return compose((x, y, width, height), [(feed.placed.monitor, feed.read) for feed in self._feeds])

    def cursor(self) -> tuple[int, int, int, int, bytes]:
        """Return an arrow."""
        return ARROW

    def follow(self, on: bool) -> None:
        """No protocol tells where the pointer is."""

    def pointer(self) -> tuple[int, int] | None:
        """No protocol tells where the pointer is."""
        return None

    def frozen(self) -> AbstractContextManager[None]:
        """No protocol stops others."""
        return contextlib.nullcontext()

    def places(self, windows: Iterable[Windows]) -> list[Rect] | None:
        """No protocol tells where windows are: everywhere."""
        return [(0, 0, self.width, self.height)]

    def close(self) -> None:
        """Disconnect; the memory goes with the last picture of it."""
        self._wayland.close()
