"""Keyboard and pointer by a portal.

Why it exists: it fills `InputSink`. Rules: the session is shared, so what is held is let go of when this is closed.
Positions are told in logical units of a monitor's stream, as the interface says; GNOME's portal takes pixels.
"""

import contextlib

from farhand.agent.core.desktop import DesktopError
from farhand.agent.platforms.linux.dbus.input import NotifyInput
from farhand.agent.platforms.linux.portal.session import PortalSession
from farhand.agent.platforms.linux.wayland.layout import Placed
from farhand.agent.texts import _


class PortalInput(NotifyInput):
    """Open keyboard and pointer; see `InputSink`. Raises DesktopError."""

    def __init__(self, session: PortalSession, *, pixels: bool = False) -> None:
        super().__init__()
        if not session.agreed.controls:
            raise DesktopError(
                "refused", _("Whoever sits there let the desktop show its screen, but not hand out mouse and keyboard.")
            )
        self._session = session
        self._pixels = pixels
        session.hold()
        try:
            self.wake()
        except BaseException:
            session.drop()
            raise

    def placed(self) -> list[Placed]:
        """Return the monitors of the session."""
        return self._session.placed()

    def tell_key(self, keysym: int, down: bool) -> None:
        """Tell of a key."""
        self._session.notify("NotifyKeyboardKeysym", "iu", keysym, int(down))

    def tell_nudge(self) -> None:
        """Tell of a move by nothing."""
        self._session.notify("NotifyPointerMotion", "dd", 0.0, 0.0)

    def tell_place(self, one: Placed, x: float, y: float) -> None:
        """Tell of a place on a stream."""
        if not self._pixels:
            width, height = one.seen.logical
            x, y = x * width / one.monitor.width, y * height / one.monitor.height
        self._session.notify("NotifyPointerMotionAbsolute", "udd", one.output.node, x, y)

    def tell_button(self, button: int, down: bool) -> None:
        """Tell of a button."""
        self._session.notify("NotifyPointerButton", "iu", button, int(down))

    def tell_clicks(self, axis: int, clicks: int) -> None:
        """Tell of a wheel."""
        self._session.notify("NotifyPointerAxisDiscrete", "ui", axis, clicks)

    def rest(self) -> bool:
        """Nothing was lent."""
        self._session.check()
        return True

    def close(self) -> None:
        """Let go."""
        with contextlib.suppress(DesktopError):
            self.release()
        self._session.drop()
