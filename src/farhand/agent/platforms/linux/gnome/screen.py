"""The screen of GNOME: a screen cast of Mutter's, through PipeWire.

Why it exists: it fills `ScreenSource`. Rules: the cast is this object's own and ends with it.
"""

from farhand.agent.core.desktop import DesktopError
from farhand.agent.platforms.linux.dbus.bus import Bus
from farhand.agent.platforms.linux.gnome.monitors import CHANGED, PATH, SERVICE, read_monitors
from farhand.agent.platforms.linux.gnome.session import CAST, create, record, start
from farhand.agent.platforms.linux.pipewire.screen import CastScreen
from farhand.agent.platforms.linux.wayland.layout import Placed
from farhand.agent.texts import _


class GnomeScreen(CastScreen):
    """The screen, or one monitor of it; see `ScreenSource`. Raises DesktopError."""

    def __init__(self, monitor: str | None = None) -> None:
        super().__init__()
        self._wanted = monitor
        self._bus: Bus | None = None
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        bus = self._bus = Bus()
        self._news = bus.listen(PATH, SERVICE, CHANGED)
        placed = self._look()
        if not placed:
            raise DesktopError("no-display", _("This monitor is not there any more. Choose another one."))
        cast = create(bus, CAST, "a{sv}", {})
        self._closed = bus.listen(cast, f"{CAST}.Session", "Closed")
        paths = [record(bus, cast, one.seen.name) for one in placed]
        self._receive((node, None) for node in start(bus, CAST, cast, paths))
        self._place(placed, bus.fileno())

    def _look(self) -> list[Placed]:
        assert self._bus is not None
        return [one for one in read_monitors(self._bus) if self._wanted in (None, one.monitor.id)]

    def _hear(self) -> bool:
        assert self._bus is not None
        self._bus.pump()
        if self._closed:
            raise DesktopError("no-display", _("The desktop has ended the sharing of its screen."))
        news = bool(self._news)
        self._news.clear()
        return news

    def close(self) -> None:
        """End the cast."""
        super().close()
        if self._bus is not None:
            self._bus.close()
