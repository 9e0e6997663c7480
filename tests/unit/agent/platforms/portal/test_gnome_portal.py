"""GNOME's real portal in a headless session: its dialog is answered by its own keys, and what it hands out is used."""

import asyncio
import contextlib
import select
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.harness.appliance import wait_for
from tests.harness.mutter import Mutter

from farhand.agent.core.desktop import Desktop, DesktopError
from farhand.agent.platforms import here
from farhand.agent.platforms.linux.dbus.bus import Bus
from farhand.agent.platforms.linux.gnome.input import GnomeInput
from farhand.agent.platforms.linux.gnome.screen import GnomeScreen
from farhand.agent.platforms.linux.gnome.session import DESK

Pixels = np.ndarray[Any, Any]
_TAB, _SPACE, _ALT = 0xFF09, 0x20, 0xFFE9
_SWITCH = (_TAB,), (_SPACE,)
"""To `Allow remote interaction`, and press it."""
_SHARE, _CANCEL = (_ALT, ord("s")), (_ALT, ord("c"))


@pytest.fixture
def gnome(session: Mutter, monkeypatch: pytest.MonkeyPatch) -> Mutter:
    """That session, which is to be shared by its portal; the D-Bus starts it."""
    if not Path("/usr/libexec/xdg-desktop-portal-gnome").exists():
        pytest.fail("xdg-desktop-portal-gnome is not installed; run `tools/bootstrap.sh test`.")
    session.environment |= {"XDG_CURRENT_DESKTOP": "GNOME", "GSK_RENDERER": "cairo", "GDK_BACKEND": "wayland"}
    bus, name = Bus(), "org.freedesktop.DBus"
    where = name, f"/{name.replace('.', '/')}", name
    bus.call(*where, "UpdateActivationEnvironment", "a{ss}", session.environment)
    bus.close()
    monkeypatch.setenv("FARHAND_DESKTOP", "portal")
    return session


class Seat:
    """Whoever sits there: sees whether a dialog stands open, and presses its keys."""

    def __init__(self) -> None:
        self._screen = GnomeScreen()
        self._screen.take()
        self._empty = self._picture()
        self._keyboard = GnomeInput()
        """From the beginning: a window that comes before the first keyboard would miss its first keys."""

    def close(self) -> None:
        """Nobody sits there any more."""
        self._keyboard.close()
        self._screen.close()

    def _picture(self) -> Pixels:
        return np.array(self._screen.grab((0, 0, self._screen.width, self._screen.height)))

    def _rests(self, before: Pixels, *, other: bool = True) -> bool:
        """Say whether what is shown has come to rest and is another picture than before, or the same."""
        if select.select([self._screen.fileno()], [], [], 0.5)[0]:
            self._screen.poll()
            self._screen.take()
            return False
        return bool((self._picture() != before).any()) is other

    def _press(self, chord: tuple[int, ...], done: Callable[[], bool]) -> None:
        """Press keys together until something has come of it: a window that is not quite there loses them."""
        for _ in range(5):
            for key in chord:
                self._keyboard.key(key, True)
            self._keyboard.release()
            with contextlib.suppress(AssertionError):
                wait_for(done, 12, "what comes of a key")
                return
        raise AssertionError(f"nothing comes of {chord}")

    async def answer(self, display: str, *chords: tuple[int, ...]) -> Desktop:
        """Open the desktop; these keys are pressed when the dialog has come. The last ones answer it."""
        await asyncio.to_thread(wait_for, lambda: self._rests(self._empty, other=False), 60, "the empty desktop")
        opening = asyncio.ensure_future(here().desktop(display))
        await asyncio.to_thread(wait_for, lambda: self._rests(self._empty), 60, "the portal's dialog")
        for chord in chords[:-1]:
            await asyncio.to_thread(self._press, chord, partial(self._rests, self._picture()))
        await asyncio.to_thread(self._press, chords[-1], opening.done)
        desktop = await opening
        assert desktop is not None
        return desktop


@pytest.fixture
def seat(gnome: Mutter) -> Iterator[Seat]:
    """Somebody sits there."""
    somebody = Seat()
    yield somebody
    somebody.close()


def _sessions() -> int:
    """How many sessions Mutter has."""
    bus = Bus()
    told = bus.call(DESK, f"/{DESK.replace('.', '/')}/Session", "org.freedesktop.DBus.Introspectable", "Introspect")
    bus.close()
    return str(told).count("<node name=")


#
@pytest.mark.display
async def test_gnomes_own_portal_is_asked_and_used(gnome: Mutter, seat: Seat, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DesktopError, match="said no"):
        await seat.answer(gnome.display, _CANCEL)
    before = _sessions()  # this portal forgets to end the session that was not agreed to
    desktop = await seat.answer(gnome.display, *_SWITCH, _SHARE)
    abilities = desktop.abilities()
    assert (abilities.see.code, abilities.control.code) == ("portal-always", "portal-always")
    [monitor] = desktop.monitors()
    assert (monitor.x, monitor.y, monitor.width, monitor.height, monitor.primary) == (0, 0, 800, 600, True)
    with closing(desktop.open_screen()) as screen, closing(desktop.open_input()) as sink:
        assert (screen.width, screen.height) == (800, 600)
        screen.follow(True)

        def moved() -> bool:
            sink.pointer(123, 45, 0)
            select.select([screen.fileno()], [], [], 0.2)
            screen.poll()
            # The middle of a pixel may be rounded up.
            return screen.pointer() in {(123, 45), (124, 46)}

        await asyncio.to_thread(wait_for, moved, 60, "the pointer's place")
        gnome.terminal("2060a0", "cat")

        def blue() -> bool:
            screen.poll()
            screen.take()
            return bool(((screen.grab((0, 0, 800, 600)) & 0xFFFFFF) == 0x2060A0).all())

        await asyncio.to_thread(wait_for, blue, 60, "the terminal's colour")
        monkeypatch.setattr("farhand.agent.platforms.linux.portal.session.LINGER_S", 0.1)
    # GNOME's sign that it is shared goes with the last of them.
    await asyncio.to_thread(wait_for, lambda: _sessions() == before, 60, "the end of the session")
