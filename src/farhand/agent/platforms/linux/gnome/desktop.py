"""GNOME on Wayland as a `Desktop`. It holds nothing: what is opened from it has a session of its own."""

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
from farhand.agent.platforms.linux.dbus.bus import Bus
from farhand.agent.platforms.linux.dbus.fields import PasswordFields
from farhand.agent.platforms.linux.gnome.clipboard import GnomeClipboard
from farhand.agent.platforms.linux.gnome.find import gnome_abilities
from farhand.agent.platforms.linux.gnome.input import GnomeInput
from farhand.agent.platforms.linux.gnome.monitors import read_monitors
from farhand.agent.platforms.linux.gnome.screen import GnomeScreen
from farhand.agent.platforms.linux.wayland.find import Compositor, answers
from farhand.protocol.messages import Abilities


class GnomeDesktop:
    """The desktop of this session."""

    kind: DesktopKind = "gnome"

    def __init__(self, compositor: Compositor) -> None:
        self._compositor = compositor

    def abilities(self) -> Abilities:
        """What Mutter lets programs of its session do."""
        return gnome_abilities()

    def alive(self) -> bool:
        """Say whether the compositor still listens."""
        return answers(self._compositor.path)

    def monitors(self) -> list[Monitor]:
        """Return the monitors that are there now, the primary one first. Raises DesktopError."""
        bus = Bus()
        try:
            return [one.monitor for one in read_monitors(bus)]
        finally:
            bus.close()

    def open_screen(self, monitor: str | None = None) -> ScreenSource:
        """Open one monitor, or all. Raises DesktopError."""
        return GnomeScreen(monitor)

    def open_input(self) -> InputSink:
        """Open keyboard and pointer. Raises DesktopError."""
        return GnomeInput()

    def open_clipboard(self) -> Clipboard:
        """Open the clipboard. Raises DesktopError."""
        return GnomeClipboard()

    def watch_fields(self, told: Callable[[Mask], None]) -> Watch:
        """Follow password fields; where their windows are nobody is told, so each hides everything."""
        return PasswordFields(lambda processes: Mask(everything=bool(processes)), told)

    async def block_input(self, sign: Sign, ended: BlockEnded) -> InputBlock:
        """Raises UnsupportedError."""
        raise UnsupportedError(why("wayland-no-block"))

    def close(self) -> None:
        """Nothing is held."""
