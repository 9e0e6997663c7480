"""Monitors of a real X server: which there are, one of them as a screen, and what is said when they change."""

import subprocess

import numpy as np
import pytest
from tests.unit.agent.screen.conftest import until, xvfb  # noqa: F401
from tests.unit.agent.screen.test_display import Painter

from farhand.agent.core.desktop import Changes, DesktopError, Monitor
from farhand.agent.platforms import here
from farhand.agent.platforms.linux.x11.desktop import X11Desktop
from farhand.agent.platforms.linux.x11.screen import X11Screen

pytestmark = pytest.mark.display


def xrandr(display: str, *words: str) -> None:
    subprocess.run(["xrandr", "--display", display, *words], check=True, timeout=60, capture_output=True)


@pytest.fixture
def display(xvfb) -> str:  # type: ignore[no-untyped-def]  # noqa: F811
    """An X server with two monitors side by side, the right one the primary."""
    name = xvfb("800x600")
    xrandr(name, "--setmonitor", "left", "300/80x600/160+0+0", "screen")
    xrandr(name, "--setmonitor", "*right", "500/130x400/105+300+100", "none")
    return str(name)


LEFT = Monitor("left", "left", 0, 0, 300, 600)
RIGHT = Monitor("right", "right", 300, 100, 500, 400, primary=True)


def test_a_server_has_one_monitor_at_least(xvfb) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    (only,) = X11Desktop(xvfb("640x480")).monitors()
    assert (only.x, only.y, only.width, only.height) == (0, 0, 640, 480)
    assert only.id
    assert only.scale == 1.0


def test_monitors_come_and_go(display: str) -> None:
    desktop = X11Desktop(display)
    assert desktop.monitors() == [RIGHT, LEFT]
    screen = X11Screen(display)

    def changed() -> bool:
        changes = screen.poll()
        assert not changes.resized
        return changes.monitors

    try:
        assert not changed()
        xrandr(display, "--delmonitor", "right")
        until(changed)
        assert [one.id for one in desktop.monitors()] == ["left"]
        xrandr(display, "--setmonitor", "*right", "500/130x400/105+300+100", "none")
        until(changed)
        assert desktop.monitors() == [RIGHT, LEFT]
    finally:
        screen.close()


def test_one_monitor_is_a_screen_of_its_own(display: str) -> None:
    painter = Painter(display, x=250, y=150, width=100, height=50)
    whole, right = X11Screen(display), X11Desktop(display).open_screen("right")
    try:
        assert (right.width, right.height) == (500, 400)
        right.take()
        painter.fill(0x123456, 0, 0, 100, 50)
        until(lambda: right.poll().damage)
        assert right.take() == [(0, 50, 50, 50)]
        part = right.grab((0, 0, 500, 400)).copy()
        assert np.array_equal(part, whole.grab((0, 0, 800, 600))[100:500, 300:800])
        assert part[60, 10] & 0xFFFFFF == 0x123456
    finally:
        painter.close()
        whole.close()
        right.close()


def test_a_monitor_that_moves_is_opened_again_and_one_that_went_says_so(display: str) -> None:
    desktop = X11Desktop(display)
    right = desktop.open_screen("right")
    seen = Changes()

    def look() -> bool:
        changes = right.poll()
        seen.resized |= changes.resized
        return changes.monitors

    xrandr(display, "--setmonitor", "other", "10/3x10/3+0+590", "none")
    until(look)
    assert not seen.resized
    xrandr(display, "--delmonitor", "right")
    until(look)
    assert seen.resized
    right.close()
    with pytest.raises(DesktopError, match="Choose another one"):
        desktop.open_screen("right")


async def test_a_desktop_is_opened_where_a_server_answers(display: str) -> None:
    desktop = await here().desktop(display)
    assert desktop is not None
    assert (desktop.kind, desktop.alive()) == ("x11", True)
    assert desktop.abilities() == here().abilities(display)
    assert await here().desktop(":981") is None
    assert here().abilities(":981") is None
    assert not X11Desktop(":981").alive()
