"""The screen that a portal hands out, through PipeWire.

Why it exists: it fills `ScreenSource`. Rules: the session is shared; what is this object's own are its connections to
PipeWire, one for each monitor.
"""

from farhand.agent.core.desktop import DesktopError
from farhand.agent.platforms.linux.pipewire.screen import CastScreen
from farhand.agent.platforms.linux.portal.session import PortalSession
from farhand.agent.platforms.linux.wayland.layout import Placed
from farhand.agent.texts import _


class PortalScreen(CastScreen):
    """The screen, or one monitor of it; see `ScreenSource`. Raises DesktopError."""

    def __init__(self, session: PortalSession, monitor: str | None = None) -> None:
        super().__init__()
        self._session = session
        self._wanted = monitor
        self._held = False
        try:
            session.hold()
            self._held = True
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        nodes = [one.output.node for one in self._look()]
        if not nodes:
            raise DesktopError("no-display", _("This monitor is not there any more. Choose another one."))
        try:
            self._receive((node, self._session.remote()) for node in nodes)
        except DesktopError:
            self._session.spoil()
            raise
        self._session.measured(dict(zip(nodes, (stream.size for stream in self._streams), strict=True)))
        # Their order is another one where their places follow from their pixels.
        placed = {one.output.node: one for one in self._look()}
        self._place([placed[node] for node in nodes], self._session.fileno())

    def _look(self) -> list[Placed]:
        return [one for one in self._session.placed() if self._wanted in (None, one.monitor.id)]

    def _hear(self) -> bool:
        self._session.check()
        if any(stream.ended for stream in self._streams):
            self._session.spoil()  # a monitor is gone: what is there now has to be asked for anew
        return False

    def close(self) -> None:
        """Receive nothing more."""
        super().close()
        if self._held:
            self._held = False
            self._session.drop()
