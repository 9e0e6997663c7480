"""Keyboard and pointer of a compositor with wlroots' protocols: a virtual one of each.

Why it exists: it fills `InputSink`. Rules: key and button state of ours is let go on `release` and `close`, whatever
happened before; when the connection breaks the compositor lets go itself.
"""

import contextlib
import os
import time

from farhand.agent.core.abilities import why
from farhand.agent.core.desktop import DesktopError, UnsupportedError
from farhand.agent.core.masking import Windows
from farhand.agent.platforms.linux.wayland.layout import Placed, nearest
from farhand.agent.platforms.linux.wayland.wire import Connection
from farhand.agent.platforms.linux.wlroots.find import KEYBOARD, POINTER
from farhand.agent.platforms.linux.wlroots.keymap import Keyboard, Stroke
from farhand.agent.platforms.linux.wlroots.outputs import Outputs

_BUTTONS = (0x110, 0x112, 0x111, 0x113, 0x114)
"""BTN_LEFT, BTN_MIDDLE, BTN_RIGHT, BTN_SIDE (back), BTN_EXTRA (forward) of Linux's input-event-codes."""
_VERTICAL, _HORIZONTAL = 0, 1
_WHEEL = 0
_CLICK = 15.0
"""Length of one click of a wheel, as libinput has it."""
_MOST_CLICKS = 16
_XKB_TEXT = 1
_FINE = 16
"""Parts of a logical unit to which positions are told."""


class WlrootsInput:
    """Open keyboard and pointer of the compositor at `path`; see `InputSink`. Raises DesktopError."""

    def __init__(self, path: str) -> None:
        self._mask = self._buttons = 0
        self._stale = False
        """The monitors may have moved."""
        wayland = self._wayland = Connection(path)
        try:
            if not all(wayland.offers(name) for name in (KEYBOARD, POINTER, "wl_seat")):
                raise UnsupportedError(why("wayland-no-control"))
            seat = wayland.bind("wl_seat", 1)
            self._keys = wayland.bind(KEYBOARD, 1).make("create_virtual_keyboard", seat)
            self._keyboard = Keyboard()
            self._tell_map()
            self._pointer = wayland.bind(POINTER, 1).make("create_virtual_pointer", seat)
            self._outputs = Outputs(wayland, self._moved)
            self._placed = self._outputs.look()
            wayland.roundtrip()
        except BaseException:
            wayland.close()
            raise

    def key(self, keysym: int, down: bool) -> None:
        """Press or release."""
        self._perform(self._keyboard.press(keysym) if down else self._keyboard.release(keysym))

    def pointer(self, x: int, y: int, buttons: int) -> None:
        """Move first, then let go and press: a click lands where the pointer is."""
        self._wayland.pump()
        if self._stale:
            self._placed, self._stale = self._outputs.look(), False
        self._pointer.send("motion_absolute", _now(), *position(self._placed, x, y))
        self._pointer.send("frame")
        self._hold(buttons)

    def wheel(self, dx: int, dy: int) -> None:
        """Each click of a wheel is told as one."""
        for amount, axis in ((dy, _VERTICAL), (dx, _HORIZONTAL)):
            clicks = max(-_MOST_CLICKS, min(amount, _MOST_CLICKS))
            if clicks:
                self._pointer.send("axis_source", _WHEEL)
                self._pointer.send("axis_discrete", _now(), axis, clicks * _CLICK, clicks)
                self._pointer.send("frame")
        self._wayland.pump()

    def focus(self) -> Windows | None:
        """No protocol tells which window has the keyboard."""
        return None

    def release(self) -> None:
        """Let go of every key and button of ours."""
        self._perform(self._keyboard.release_all())
        self._tell_modifiers(0)
        self._hold(0)

    def rest(self) -> bool:
        """The keyboard is ours alone: nothing was lent."""
        self._wayland.pump()
        return True

    def close(self) -> None:
        """Let go and disconnect."""
        with contextlib.suppress(DesktopError):
            self.release()
            self._wayland.roundtrip()
        self._wayland.close()

    def _perform(self, strokes: list[Stroke]) -> None:
        for stroke in strokes:
            if stroke.keymap:
                self._tell_map()
            if stroke.down:
                self._tell_modifiers(stroke.mask)
            self._keys.send("key", _now(), stroke.key, int(stroke.down))
            if not stroke.down:
                self._tell_modifiers(stroke.mask)
        self._wayland.pump()

    def _tell_modifiers(self, mask: int) -> None:
        if mask != self._mask:
            self._mask = mask
            self._keys.send("modifiers", mask, 0, 0, 0)

    def _tell_map(self) -> None:
        data = self._keyboard.text().encode() + b"\0"
        fd = os.memfd_create("keymap", os.MFD_CLOEXEC)
        try:
            os.write(fd, data)
            self._keys.send("keymap", _XKB_TEXT, fd, len(data))
        finally:
            os.close(fd)

    def _hold(self, buttons: int) -> None:
        for bit, button in enumerate(_BUTTONS):
            now, before = buttons >> bit & 1, self._buttons >> bit & 1
            if now != before:
                self._pointer.send("button", _now(), button, now)
                self._pointer.send("frame")
        self._buttons = buttons
        self._wayland.pump()

    def _moved(self) -> None:
        self._stale = True


def position(placed: list[Placed], x: int, y: int) -> tuple[int, int, int, int]:
    """Return where a pixel of the picture is on the desktop, as `motion_absolute` takes it: x, y and their ranges."""

    def logical(one: Placed) -> tuple[float, float]:
        width, height = one.seen.logical
        known = width > 0 and height > 0
        return (width, height) if known else (one.monitor.width / one.seen.scale, one.monitor.height / one.seen.scale)

    one, inside_x, inside_y = nearest(placed, x, y)
    left, top = (min(each.seen.position[axis] for each in placed) for axis in (0, 1))
    right, bottom = (max(each.seen.position[axis] + logical(each)[axis] for each in placed) for axis in (0, 1))
    there_x = one.seen.position[0] - left + inside_x * logical(one)[0] / one.monitor.width
    there_y = one.seen.position[1] - top + inside_y * logical(one)[1] / one.monitor.height
    return int(there_x * _FINE), int(there_y * _FINE), round((right - left) * _FINE), round((bottom - top) * _FINE)


def _now() -> int:
    return int(time.monotonic() * 1000) & 0xFFFFFFFF
