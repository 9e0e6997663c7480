"""An X display as a `Desktop`. It holds no connection: what is opened from it, and each look at it, has its own."""

import time
from collections.abc import Callable

from farhand.agent.core.desktop import (
    BlockEnded,
    Clipboard,
    DesktopError,
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
from farhand.agent.platforms.linux.x11.block import X11Block
from farhand.agent.platforms.linux.x11.clipboard import X11Clipboard
from farhand.agent.platforms.linux.x11.display import close_display, guarded, open_display
from farhand.agent.platforms.linux.x11.find import answers, x11_abilities
from farhand.agent.platforms.linux.x11.input import X11Input
from farhand.agent.platforms.linux.x11.monitors import read_monitors
from farhand.agent.platforms.linux.x11.screen import X11Screen
from farhand.agent.platforms.linux.x11.windows import of_processes
from farhand.protocol.messages import Abilities

_AGAIN_S = 2.0


class X11Desktop:
    """The display of this name, for instance `:0`."""

    kind: DesktopKind = "x11"

    def __init__(self, display: str) -> None:
        self.display = display

    def abilities(self) -> Abilities:
        """What an X server lets its clients do."""
        return x11_abilities(self.display)

    def alive(self) -> bool:
        """Say whether its server still listens."""
        return answers(self.display)

    def monitors(self) -> list[Monitor]:
        """Return the monitors that are there now, the primary one first. Raises DesktopError."""
        connection, screen = open_display(self.display)
        try:
            with guarded("reading its monitors"):
                return read_monitors(connection, screen.root)
        finally:
            close_display(connection)

    def open_screen(self, monitor: str | None = None) -> ScreenSource:
        """Open one monitor, or the root window. Raises DesktopError."""
        return X11Screen(self.display, monitor)

    def open_input(self) -> InputSink:
        """Open keyboard and pointer. Raises DesktopError."""
        return X11Input(self.display)

    def open_clipboard(self) -> Clipboard:
        """Open the clipboard. Raises DesktopError."""
        return X11Clipboard(self.display)

    def watch_fields(self, told: Callable[[Mask], None]) -> Watch:
        """Follow password fields; the windows of their programs hide them."""
        return PasswordFields(FieldMask(self.display), told)

    async def block_input(self, sign: Sign, ended: BlockEnded) -> InputBlock:
        """Grab the devices of whoever sits there. Raises DesktopError."""
        able = self.abilities().block_input
        if not able.can:
            raise UnsupportedError(able.reason)
        block = X11Block(self.display, sign, ended)
        await block.taken()
        return block

    def close(self) -> None:
        """Nothing is held."""


class FieldMask:
    """What hides all windows of processes; everything when one of them has none that can be told. Looking through the
    windows takes a while on a full desktop, so what is known is not asked for each time."""

    def __init__(self, display: str) -> None:
        self._display = display
        self._processes: frozenset[int] = frozenset()
        self._mask = Mask()
        self._until = 0.0

    def __call__(self, processes: frozenset[int]) -> Mask:
        """Return it for these processes."""
        now = time.monotonic()
        if processes != self._processes or now >= self._until:
            found = self._look(processes)
            # What comes beside it (a menu) is hidden along with it; another mask makes everything black for a second.
            same = processes == self._processes and bool(self._mask.windows) and self._mask.windows <= found.windows
            self._processes, self._mask = processes, self._mask if same else found
            self._until = now + (_AGAIN_S / 4 if self._mask.everything else _AGAIN_S)
        return self._mask

    def _look(self, processes: frozenset[int]) -> Mask:
        try:
            connection, screen = open_display(self._display)
        except DesktopError:
            return Mask(everything=True)
        try:
            with guarded("looking for windows"):
                found = of_processes(connection, screen.root, processes)
        except DesktopError:
            return Mask(everything=True)
        finally:
            close_display(connection)
        return Mask(everything=True) if found is None else Mask(windows=found)
