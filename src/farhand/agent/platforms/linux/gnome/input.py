"""Keyboard and pointer of GNOME: a remote desktop session of Mutter's.

Why it exists: it fills `InputSink`.

Rules: the session is this object's own and ends with it, and Mutter lets go of what it held. Positions are told in the
pixels of a monitor's stream: the session has a stream of each monitor, which nobody receives.
"""

import contextlib

from farhand.agent.core.desktop import DesktopError
from farhand.agent.platforms.linux.dbus.bus import Bus
from farhand.agent.platforms.linux.dbus.input import NotifyInput
from farhand.agent.platforms.linux.gnome.monitors import CHANGED, PATH, SERVICE, read_monitors
from farhand.agent.platforms.linux.gnome.session import CAST, DESK, create, record, start
from farhand.agent.platforms.linux.wayland.layout import Placed


class GnomeInput(NotifyInput):
    """Open keyboard and pointer; see `InputSink`. Raises DesktopError."""

    def __init__(self) -> None:
        super().__init__()
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
        self.wake()

    def placed(self) -> list[Placed]:
        """Return the monitors; where they are others now, streams are made anew, and with them the session."""
        self._bus.pump()
        if self._news:
            self._news.clear()
            self.release()
            self._do("Stop")
            self._begin()
        return self._placed

    def tell_key(self, keysym: int, down: bool) -> None:
        """Tell of a key."""
        self._do("NotifyKeyboardKeysym", "ub", keysym, down)

    def tell_nudge(self) -> None:
        """Tell of a move by nothing."""
        self._do("NotifyPointerMotionRelative", "dd", 0.0, 0.0)

    def tell_place(self, one: Placed, x: float, y: float) -> None:
        """Tell of a place in the pixels of a stream."""
        self._do("NotifyPointerMotionAbsolute", "sdd", one.output, x, y)

    def tell_button(self, button: int, down: bool) -> None:
        """Tell of a button."""
        self._do("NotifyPointerButton", "ib", button, down)

    def tell_clicks(self, axis: int, clicks: int) -> None:
        """Tell of a wheel."""
        self._do("NotifyPointerAxisDiscrete", "ui", axis, clicks)

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

    def _do(self, member: str, signature: str = "", *body: object) -> None:
        self._bus.call(DESK, self._desk, f"{DESK}.Session", member, signature, *body)
