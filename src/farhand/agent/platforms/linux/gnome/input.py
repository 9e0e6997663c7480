"""Keyboard and pointer of GNOME: a remote desktop session of Mutter's.

Why it exists: it fills `InputSink`. Mutter finds the key, and what must be held with it, for each keysym in the
keyboard layout that is chosen there.

Rules: the session is this object's own and ends with it, and Mutter lets go of what it held. Positions are told in the
pixels of a monitor's stream: the session has a stream of each monitor, which nobody receives.
"""

import contextlib

from farhand.agent.core.desktop import DesktopError
from farhand.agent.core.masking import Windows
from farhand.agent.platforms.linux.gnome.bus import Bus
from farhand.agent.platforms.linux.gnome.monitors import CHANGED, PATH, SERVICE, read_monitors
from farhand.agent.platforms.linux.gnome.session import CAST, DESK, create, record, start
from farhand.agent.platforms.linux.keysyms import MAX_KEYSYM
from farhand.agent.platforms.linux.wayland.layout import nearest

_BUTTONS = (0x110, 0x112, 0x111, 0x113, 0x114)
"""BTN_LEFT, BTN_MIDDLE, BTN_RIGHT, BTN_SIDE (back), BTN_EXTRA (forward) of Linux's input-event-codes."""
_VERTICAL, _HORIZONTAL = 0, 1
_MOST_CLICKS = 16
_SHIFT = 0xFFE1


class GnomeInput:
    """Open keyboard and pointer; see `InputSink`. Raises DesktopError."""

    def __init__(self) -> None:
        self._held: dict[int, None] = {}
        self._buttons = 0
        self._bus = Bus()
        try:
            self._news = self._bus.listen(PATH, SERVICE, CHANGED)
            self._begin()
        except BaseException:
            self._bus.close()
            raise

    def _begin(self) -> None:
        bus = self._bus
        self._placed = read_monitors(bus)
        self._desk = create(bus, DESK)
        number = bus.get(DESK, self._desk, f"{DESK}.Session", "SessionId")
        cast = create(bus, CAST, "a{sv}", {"remote-desktop-session-id": ("s", number)})
        for one in self._placed:
            one.output = record(bus, cast, one.seen.name)
        start(bus, DESK, self._desk, [one.output for one in self._placed])
        # Devices come with their first event. Where none is plugged in, programs learn only then that there is a
        # keyboard, and would miss what follows at once: so the first events are such as mean nothing.
        for down in (True, False):
            self._do("NotifyKeyboardKeysym", "ub", _SHIFT, down)
        self._do("NotifyPointerMotionRelative", "dd", 0.0, 0.0)

    def key(self, keysym: int, down: bool) -> None:
        """Press or release."""
        if (keysym in self._held) == down or not 0 < keysym <= MAX_KEYSYM:
            return
        if down:
            self._held[keysym] = None
        else:
            del self._held[keysym]
        self._do("NotifyKeyboardKeysym", "ub", keysym, down)

    def pointer(self, x: int, y: int, buttons: int) -> None:
        """Move first, then let go and press: a click lands where the pointer is."""
        self._bus.pump()
        if self._news:
            self._again()
        one, inside_x, inside_y = nearest(self._placed, x, y)
        self._do("NotifyPointerMotionAbsolute", "sdd", one.output, inside_x, inside_y)
        self._hold(buttons)

    def wheel(self, dx: int, dy: int) -> None:
        """Each click of a wheel is told as one."""
        for amount, axis in ((dy, _VERTICAL), (dx, _HORIZONTAL)):
            clicks = max(-_MOST_CLICKS, min(amount, _MOST_CLICKS))
            if clicks:
                self._do("NotifyPointerAxisDiscrete", "ui", axis, clicks)

    def focus(self) -> Windows | None:
        """Mutter tells no program which window has the keyboard."""
        return None

    def release(self) -> None:
        """Let go of every key and button of ours, the latest first."""
        for keysym in reversed(list(self._held)):
            self.key(keysym, False)
        self._hold(0)

    def rest(self) -> bool:
        """Nothing was lent."""
        self._bus.pump()
        return True

    def close(self) -> None:
        """Let go and end the session."""
        with contextlib.suppress(DesktopError):
            self.release()
            self._do("Stop")
        self._bus.close()

    def _again(self) -> None:
        """The monitors are others now: streams are made anew, and with them the session."""
        self._news.clear()
        self.release()
        self._do("Stop")
        self._begin()

    def _hold(self, buttons: int) -> None:
        for bit, button in enumerate(_BUTTONS):
            now, before = buttons >> bit & 1, self._buttons >> bit & 1
            if now != before:
                self._do("NotifyPointerButton", "ib", button, bool(now))
        self._buttons = buttons

    def _do(self, member: str, signature: str = "", *body: object) -> None:
        self._bus.call(DESK, self._desk, f"{DESK}.Session", member, signature, *body)
