"""A compositor with wlroots' protocols as a `Desktop`. It holds no connection: what is opened from it has its own."""

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
from farhand.agent.platforms.linux.wayland.find import Compositor, answers
from farhand.agent.platforms.linux.wayland.wire import Connection
from farhand.agent.platforms.linux.wlroots.clipboard import WlrootsClipboard
from farhand.agent.platforms.linux.wlroots.find import wlroots_abilities
from farhand.agent.platforms.linux.wlroots.input import WlrootsInput
from farhand.agent.platforms.linux.wlroots.outputs import Outputs
from farhand.agent.platforms.linux.wlroots.screen import WlrootsScreen
from farhand.protocol.messages import Abilities


class WlrootsDesktop:
    """The desktop of this compositor."""

    kind: DesktopKind = "wlroots"

    def __init__(self, compositor: Compositor) -> None:
        self._compositor = compositor

    def abilities(self) -> Abilities:
        """What the compositor lets its clients do."""
        return wlroots_abilities(self._compositor)

    def alive(self) -> bool:
        """Say whether the compositor still listens."""
        return answers(self._compositor.path)

    def monitors(self) -> list[Monitor]:
        """Return the monitors that are there now. Raises DesktopError."""
        wayland = Connection(self._compositor.path)
        try:
            return [one.monitor for one in Outputs(wayland).look()]
        finally:
            wayland.close()

    def open_screen(self, monitor: str | None = None) -> ScreenSource:
        """Open one monitor, or all. Raises DesktopError."""
        return WlrootsScreen(self._compositor.path, monitor)

    def open_input(self) -> InputSink:
        """Open a keyboard and a pointer of our own. Raises DesktopError."""
        return WlrootsInput(self._compositor.path)

    def open_clipboard(self) -> Clipboard:
        """Open the clipboard. Raises DesktopError."""
        return WlrootsClipboard(self._compositor.path)

    def watch_fields(self, told: Callable[[Mask], None]) -> Watch:
        """Follow password fields; where their windows are nobody is told, so each hides everything."""
        return PasswordFields(lambda processes: Mask(everything=bool(processes)), told)

    async def block_input(self, sign: Sign, ended: BlockEnded) -> InputBlock:
        """Raises UnsupportedError."""
        raise UnsupportedError(why("wayland-no-block"))

    def close(self) -> None:
        """Nothing is held."""
