"""The screen of an X display: capture by MIT-SHM, changes by DAMAGE, the pointer by XFIXES (shape) and XINPUT (moves).

Why it exists: it fills `ScreenSource` for X11. A still screen costs nothing: the server reports the first change after
each `take` and no more, and nothing is captured before somebody asks.

Rules: 24-bit TrueColor in 32 bits per pixel, least significant byte first, which every X server of today has; others
are refused with a sentence. Where shared memory cannot be attached (another machine, another user's server) pictures
travel over the connection: slower, the same pixels.
"""

import contextlib
import ctypes
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import xcffib
import xcffib.damage
import xcffib.shm
import xcffib.xfixes
import xcffib.xinput
import xcffib.xproto as xp

from farhand.agent.core.desktop import Changes, DesktopError, Monitor, Rect
from farhand.agent.core.masking import Windows
from farhand.agent.platforms.linux.x11.display import close_display, guarded, open_display
from farhand.agent.platforms.linux.x11.monitors import is_news, read_monitors, watch_monitors
from farhand.agent.platforms.linux.x11.windows import places
from farhand.agent.texts import _

if TYPE_CHECKING:
    from farhand.agent.core.desktop import Pixels

_libc = ctypes.CDLL(None, use_errno=True)
_libc.shmat.restype = ctypes.c_void_p
_libc.shmat.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
_libc.shmdt.argtypes = [ctypes.c_void_p]
_libc.shmget.argtypes = [ctypes.c_int, ctypes.c_size_t, ctypes.c_int]
_libc.shmctl.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p]
_IPC_CREAT, _IPC_RMID, _OWNER_ONLY = 0o1000, 0, 0o600


class _SharedMemory:
    """A System V segment that disappears with its last user."""

    def __init__(self, size: int) -> None:
        self.id = _libc.shmget(0, size, _IPC_CREAT | _OWNER_ONLY)
        if self.id < 0:
            raise OSError(ctypes.get_errno(), "shmget")
        self._address = _libc.shmat(self.id, None, 0)
        if self._address in (None, ctypes.c_void_p(-1).value):
            self.forget()
            raise OSError(ctypes.get_errno(), "shmat")
        self.words: Pixels = np.ctypeslib.as_array((ctypes.c_uint32 * (size // 4)).from_address(self._address))

    def forget(self) -> None:
        """Free it as soon as nobody is attached any more."""
        _libc.shmctl(self.id, _IPC_RMID, None)

    def close(self) -> None:
        """Detach. Arrays that were handed out must not be used afterwards."""
        self.words = np.zeros(0, np.uint32)
        _libc.shmdt(self._address)


class X11Screen:
    """An open X screen, or one monitor of it; see `ScreenSource`. Raises DesktopError."""

    def __init__(self, display: str, monitor: str | None = None) -> None:
        self._memory: _SharedMemory | None = None
        self._changes = Changes()
        self._connection, screen = open_display(display)
        try:
            with guarded("setting up capture"):
                self._open(screen, monitor)
        except BaseException:
            self.close()
            raise

    def _open(self, screen: Any, monitor: str | None) -> None:
        connection = self._connection
        self._root = screen.root
        geometry = connection.core.GetGeometry(self._root).reply()
        self._whole = int(geometry.width), int(geometry.height)
        formats = {f.depth: f.bits_per_pixel for f in connection.get_setup().pixmap_formats}
        visual = next(v for d in screen.allowed_depths for v in d.visuals if v.visual_id == screen.root_visual)
        if formats.get(geometry.depth) != 32 or visual.red_mask != 0xFF0000 or visual.blue_mask != 0xFF:
            raise DesktopError("no-display", "This display does not use 24-bit colours; set its depth to 24.")
        self._fixes = connection(xcffib.xfixes.key)
        self._fixes.QueryVersion(5, 0).reply()
        self._damage_extension = connection(xcffib.damage.key)
        self._damage_extension.QueryVersion(1, 1).reply()
        mask = [xp.EventMask.StructureNotify]
        connection.core.ChangeWindowAttributesChecked(self._root, xp.CW.EventMask, mask).check()
        watch_monitors(connection, self._root)
        self._monitor = self._find(monitor)  # after the watch: no change may fall between the two
        self._left, self._top, self.width, self.height = self._area()
        self._fixes.SelectCursorInputChecked(self._root, xcffib.xfixes.CursorNotifyMask.DisplayCursor).check()
        self._damage = connection.generate_id()
        level = xcffib.damage.ReportLevel.NonEmpty
        self._damage_extension.CreateChecked(self._damage, self._root, level).check()
        self._region = connection.generate_id()
        self._fixes.CreateRegionChecked(self._region, 0, []).check()
        self._attach()

    def _find(self, monitor: str | None) -> Monitor | None:
        if monitor is None:
            return None
        found = next((one for one in read_monitors(self._connection, self._root) if one.id == monitor), None)
        if found is None:
            raise DesktopError("no-display", _("This monitor is not there any more. Choose another one."))
        return found

    def _area(self) -> Rect:
        """The part of the root window that is captured: a monitor may be defined over its edge."""
        if self._monitor is None:
            return 0, 0, *self._whole
        one = self._monitor
        part = _overlap((one.x, one.y, one.width, one.height), (0, 0, *self._whole))
        if part is None:
            raise DesktopError("no-display", _("This monitor shows nothing. Choose another one."))
        return part

    def _attach(self) -> None:
        try:
            memory = _SharedMemory(self.width * self.height * 4)
        except OSError:
            return
        try:
            self._shm = self._connection(xcffib.shm.key)
            self._shm.QueryVersion().reply()
            self._segment = self._connection.generate_id()
            self._shm.AttachChecked(self._segment, memory.id, False).check()
        except xcffib.XcffibException:
            memory.forget()
            memory.close()
        else:
            memory.forget()
            self._memory = memory

    def fileno(self) -> int:
        """Descriptor of the connection."""
        return int(self._connection.get_file_descriptor())

    def poll(self) -> Changes:
        """Return what happened since the last call."""
        self._drain()
        changes, self._changes = self._changes, Changes()
        if changes.monitors and self._monitor is not None and not changes.resized:
            with guarded("reading its monitors"):
                changes.resized = self._monitor not in read_monitors(self._connection, self._root)
        return changes

    def news(self) -> bool:
        """Say whether `poll` has something to tell."""
        self._drain()
        return self._changes != Changes()

    def _drain(self) -> None:
        """Take the events that came: those in the socket, and those that the library read along with an answer."""
        changes = self._changes
        with guarded("watching it"):
            while (event := self._connection.poll_for_event()) is not None:
                if isinstance(event, xcffib.damage.NotifyEvent):
                    changes.damage = True
                elif isinstance(event, xcffib.xfixes.CursorNotifyEvent):
                    changes.cursor = True
                elif isinstance(event, xcffib.xinput.RawMotionEvent):
                    changes.pointer = True
                elif isinstance(event, xp.ConfigureNotifyEvent) and event.window == self._root:
                    changes.resized |= (event.width, event.height) != self._whole
                    changes.monitors = True
                elif is_news(event):
                    changes.monitors = True
            if self._connection.has_error():
                raise DesktopError("no-display", "The display's server has stopped.")

    def take(self) -> list[Rect]:
        """Move the damage into a region of ours and read it."""
        with guarded("reading what changed"):
            self._damage_extension.Subtract(self._damage, 0, self._region)
            rectangles = self._fixes.FetchRegion(self._region).reply().rectangles
            if self._monitor is None:
                return [(r.x, r.y, r.width, r.height) for r in rectangles]
            area = (self._left, self._top, self.width, self.height)
            parts = [_overlap((r.x, r.y, r.width, r.height), area) for r in rectangles]
            return [(x - self._left, y - self._top, w, h) for x, y, w, h in filter(None, parts)]

    def grab(self, rect: Rect) -> "Pixels":
        """Capture from the root window, windows on it included."""
        x, y, width, height = rect[0] + self._left, rect[1] + self._top, rect[2], rect[3]
        count = width * height
        with guarded("capturing it"):
            if self._memory is not None:
                planes, pixmap = 0xFFFFFFFF, xp.ImageFormat.ZPixmap
                self._shm.GetImage(self._root, x, y, width, height, planes, pixmap, self._segment, 0).reply()
                return self._memory.words[:count].reshape(height, width)
            reply = self._connection.core.GetImage(
                xp.ImageFormat.ZPixmap, self._root, x, y, width, height, 0xFFFFFFFF
            ).reply()
            return np.frombuffer(reply.data.buf(), np.uint32, count).reshape(height, width)

    def cursor(self) -> tuple[int, int, int, int, bytes]:
        """Return the pointer's shape."""
        with guarded("reading the pointer"):
            image = self._fixes.GetCursorImage().reply()
            words = np.array(image.cursor_image, np.uint32)
            return image.xhot, image.yhot, image.width, image.height, words.tobytes()

    def follow(self, on: bool) -> None:
        """Ask for raw motion of all pointers: it comes whichever window they are over, and whoever grabbed them."""
        with guarded("watching the pointer"):
            # Asked first: a request of an extension that is not there ends the connection.
            name = "XInputExtension"
            if not self._connection.core.QueryExtension(len(name), name).reply().present:
                return
            xinput = self._connection(xcffib.xinput.key)
            xinput.XIQueryVersion(2, 2).reply()
            wanted = xcffib.xinput.XIEventMask.RawMotion if on else 0
            masters = xcffib.xinput.EventMask.synthetic(  # type: ignore[no-untyped-call]
                xcffib.xinput.Device.AllMaster, 1, [wanted]
            )
            xinput.XISelectEventsChecked(self._root, 1, [masters]).check()

    def pointer(self) -> tuple[int, int] | None:
        """Ask the server."""
        with guarded("reading the pointer"):
            reply = self._connection.core.QueryPointer(self._root).reply()
        x, y = reply.root_x - self._left, reply.root_y - self._top
        inside = reply.same_screen and 0 <= x < self.width and 0 <= y < self.height
        return (x, y) if inside else None

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Grab the server: no other client is served inside."""
        with guarded("holding it"):
            self._connection.core.GrabServer()
            try:
                yield
            finally:
                self._connection.core.UngrabServer()
                self._connection.flush()

    def places(self, windows: Iterable[Windows]) -> list[Rect] | None:
        """Look through the windows on the root."""
        with guarded("looking at its windows"):
            found = places(self._connection, self._root, windows)
        area = (self._left, self._top, self.width, self.height)
        parts = None if found is None else filter(None, (_overlap(one, area) for one in found))
        return None if parts is None else [(x - self._left, y - self._top, w, h) for x, y, w, h in parts]

    def close(self) -> None:
        """Disconnect and free the shared memory."""
        close_display(self._connection)
        if self._memory is not None:
            self._memory.close()
            self._memory = None


def _overlap(one: Rect, other: Rect) -> Rect | None:
    left, top = max(one[0], other[0]), max(one[1], other[1])
    right, bottom = min(one[0] + one[2], other[0] + other[2]), min(one[1] + one[3], other[1] + other[3])
    return (left, top, right - left, bottom - top) if left < right and top < bottom else None
