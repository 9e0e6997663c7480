"""A desktop behind its portal as a `Desktop`.

Rules: it holds nothing. The portal's session, which it shares with the others of this client, stays as long as
something of it is open, and a moment longer.
"""

from collections.abc import Callable

from farhand.agent.core.abilities import why
from farhand.agent.core.desktop import (
    BlockEnded,
    Clipboard,
    DesktopKind,
    InputBlock,
    InputSink,
    Monitor,
    ScreenSource,
    Sign,
    UnsupportedError,
    Watch,
)
from farhand.agent.core.masking import Mask
from farhand.agent.platforms.linux.dbus.fields import PasswordFields
from farhand.agent.platforms.linux.gnome.find import is_gnome
from farhand.agent.platforms.linux.portal.find import portal_abilities
from farhand.agent.platforms.linux.portal.input import PortalInput
from farhand.agent.platforms.linux.portal.screen import PortalScreen
from farhand.agent.platforms.linux.portal.session import PortalSession
from farhand.agent.platforms.linux.wayland.find import Compositor
from farhand.agent.platforms.linux.wlroots.clipboard import WlrootsClipboard
from farhand.protocol.messages import Abilities


class PortalDesktop:
    """The desktop of this session."""

    kind: DesktopKind = "portal"

    def __init__(self, compositor: Compositor, session: PortalSession) -> None:
        self._compositor = compositor
        self._session = session

    def abilities(self) -> Abilities:
        """What the portal lets programs do."""
        return portal_abilities(self._compositor)

    def alive(self) -> bool:
        """Say whether the portal's session is still there."""
        return self._session.alive()

    def monitors(self) -> list[Monitor]:
        """Return the monitors that may be seen, the primary one first."""
        return [one.monitor for one in self._session.placed()]

    def open_screen(self, monitor: str | None = None) -> ScreenSource:
        """Open one monitor, or all. Raises DesktopError."""
        return PortalScreen(self._session, monitor)

    def open_input(self) -> InputSink:
        """Open keyboard and pointer. Raises DesktopError."""
        return PortalInput(self._session, pixels=is_gnome(self._compositor))

    def open_clipboard(self) -> Clipboard:
        """Open the clipboard, which is the compositor's. Raises DesktopError."""
        return WlrootsClipboard(self._compositor.path)

    def watch_fields(self, told: Callable[[Mask], None]) -> Watch:
        """Follow password fields; where their windows are nobody is told, so each hides everything."""
        return PasswordFields(lambda processes: Mask(everything=bool(processes)), told)

    async def block_input(self, sign: Sign, ended: BlockEnded) -> InputBlock:
        """Raises UnsupportedError."""
        raise UnsupportedError(why("wayland-no-block"))

    def close(self) -> None:
        """Nothing is held."""
