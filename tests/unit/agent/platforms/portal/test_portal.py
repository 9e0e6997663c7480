"""A desktop behind its portal, whose monitors and devices are those of a real session (headless Mutter)."""

import asyncio
import select
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.harness.appliance import wait_for
from tests.harness.mutter import Mutter
from tests.harness.portal import FakePortal

from farhand.agent.core.desktop import Desktop, DesktopError, ScreenSource
from farhand.agent.platforms import Platform, here

pytestmark = pytest.mark.display
_BLUE = 0x2060A0


@pytest.fixture
def portal(session: Mutter, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePortal]:
    """That session's portal, by which alone it is to be shared."""
    monkeypatch.setenv("FARHAND_DESKTOP", "portal")
    running = FakePortal(session.environment["DBUS_SESSION_BUS_ADDRESS"], session.folder)
    yield running
    running.stop()


async def opened(platform: Platform, display: str) -> Desktop:
    desktop = await platform.desktop(display)
    assert desktop is not None
    assert desktop.kind == "portal"
    return desktop


def shows(screen: ScreenSource, color: int) -> None:
    """Wait until the screen has this colour alone; it is brought up to date by damage."""
    picture = np.zeros((screen.height, screen.width), np.uint32)

    def look() -> bool:
        if not screen.news():
            select.select([screen.fileno()], [], [], 0.2)
        screen.poll()
        for x, y, width, height in screen.take():
            picture[y : y + height, x : x + width] = screen.grab((x, y, width, height))
        return bool(((picture & 0xFFFFFF) == color).all())

    wait_for(look, 60, "the colour")


def typed_into(session: Mutter) -> Callable[[str], bool]:
    """A terminal that fills the monitor; says whether something has arrived there."""
    typed = session.folder / "typed"
    modes = r"printf '\033[?1003h\033[?1006h\033[?1016h'"
    session.terminal(f"{_BLUE:06x}", "sh", "-c", f"stty raw -echo; {modes}; touch {typed}; exec cat >> {typed}")
    return lambda text: typed.exists() and text.encode() in typed.read_bytes()


#
async def test_it_is_seen_typed_into_and_pointed_at_by_all_who_share_it(
    session: Mutter, portal: FakePortal, tmp_path: Path
) -> None:
    platform = here(tmp_path)
    facts = platform.facts(session.display)
    assert facts.display
    assert facts.desktop is not None
    assert (facts.desktop.kind, facts.desktop.see.can, facts.desktop.control.can) == ("portal", True, True)
    one, other = await asyncio.gather(opened(platform, session.display), opened(platform, session.display))
    screen, sink = one.open_screen(), other.open_input()
    assert (screen.width, screen.height) == (800, 600)
    [monitor] = one.monitors()
    assert (monitor.x, monitor.y, monitor.width, monitor.height) == (0, 0, 800, 600)
    arrived = typed_into(session)
    await asyncio.to_thread(shows, screen, _BLUE)

    def presses() -> bool:
        # Its window takes the keyboard some time after its program runs.
        sink.key(ord("!"), True)
        sink.key(ord("!"), False)
        return arrived("!")

    await asyncio.to_thread(wait_for, presses, 60, "the terminal's keyboard")
    for letter in "Hello, World! ~|{}":
        sink.key(ord(letter), True)
        sink.key(ord(letter), False)
    for x, y, buttons in ((300, 200, 0), (300, 200, 1), (300, 200, 0)):
        sink.pointer(x, y, buttons)
    sink.wheel(0, 1)
    for text in ("Hello, World! ~|{}", "\x1b[<0;301;201M", "\x1b[<0;301;201m", "\x1b[<65;301;201M"):
        await asyncio.to_thread(wait_for, lambda wanted=text: arrived(wanted) or None, 60, repr(text))
    assert portal.dialogs == ["control"], "one question for all who share it now"
    portal.end_sessions()

    def ended() -> bool:
        try:
            screen.poll()
        except DesktopError as error:
            return "ended the sharing" in str(error)
        select.select([screen.fileno()], [], [], 0.2)
        return False

    await asyncio.to_thread(wait_for, ended, 60, "the end")
    assert not one.alive()
    sink.close()
    screen.close()
    again = (await opened(platform, session.display)).open_screen()
    await asyncio.to_thread(shows, again, _BLUE)
    again.close()
    assert portal.dialogs == ["control"], "what was agreed to lasts"
