"""A real session of GNOME's compositor (headless Mutter): what is captured, typed and pointed at; and its monitors."""

import asyncio
import select
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from jeepney import HeaderFields, MessageType, message_bus, new_method_return
from jeepney.io.blocking import Proxy, open_dbus_connection
from tests.harness.appliance import wait_for
from tests.harness.mutter import Mutter
from tests.unit.agent.fakes import FakeDesktop, FakePort

from farhand.agent.core.desktop import DesktopError, ScreenSource
from farhand.agent.core.masking import Mask
from farhand.agent.platforms import here
from farhand.agent.platforms.linux import machine
from farhand.agent.platforms.linux.dbus.bus import Bus
from farhand.agent.platforms.linux.gnome.desktop import GnomeDesktop
from farhand.agent.platforms.linux.gnome.monitors import seen_from
from farhand.agent.platforms.linux.gnome.session import CAST, DESK
from farhand.agent.platforms.linux.people import own
from farhand.agent.platforms.linux.wayland.find import find_compositor
from farhand.agent.tools.input import make as make_input
from farhand.agent.tools.screen import make as make_screen
from farhand.protocol.channels import Input, Kind, Screen, channel

_BLUE = 0x2060A0


def desktop_of(session: Mutter) -> GnomeDesktop:
    found = find_compositor(session.display)
    assert found is not None
    return GnomeDesktop(found)


def follow(screen: ScreenSource, picture: np.ndarray[Any, Any], until: Callable[[], bool]) -> None:
    """Bring a picture up to date by damage alone, as the screen tool does."""
    deadline = time.monotonic() + 60
    while not until():
        assert time.monotonic() < deadline, "the picture did not come to what was expected"
        if not screen.news():
            select.select([screen.fileno()], [], [], 0.2)
        if screen.poll().damage:
            for x, y, width, height in screen.take():
                picture[y : y + height, x : x + width] = screen.grab((x, y, width, height))


#
@pytest.mark.display
def test_a_session_is_seen_typed_into_and_pointed_at(session: Mutter) -> None:
    desktop = desktop_of(session)
    facts = here().facts(session.display)
    assert facts.display
    assert facts.desktop is not None
    assert (facts.desktop.kind, facts.desktop.see.can, facts.desktop.control.can) == ("gnome", True, True)
    assert facts.desktop.clipboard.can
    assert all(one.reason for one in (facts.desktop.login_screen, facts.desktop.block_input))
    [monitor] = desktop.monitors()
    assert (monitor.x, monitor.y, monitor.width, monitor.height, monitor.primary) == (0, 0, 800, 600, True)
    screen, sink = desktop.open_screen(), desktop.open_input()
    assert (screen.width, screen.height) == (800, 600)
    assert screen.take() == [(0, 0, 800, 600)]
    picture = np.array(screen.grab((0, 0, 800, 600)))
    typed = session.folder / "typed"
    modes = r"printf '\033[?1003h\033[?1006h\033[?1016h'"
    session.terminal(f"{_BLUE:06x}", "sh", "-c", f"stty raw -echo; {modes}; touch {typed}; exec cat >> {typed}")
    follow(screen, picture, lambda: bool(((picture & 0xFFFFFF) == _BLUE).all()))

    def arrived(text: str) -> bool:
        return typed.exists() and text.encode() in typed.read_bytes()

    def presses() -> bool:
        # Its window takes the keyboard some time after its program runs.
        sink.key(ord("!"), True)
        sink.key(ord("!"), False)
        return arrived("!")

    wait_for(presses, 60, "the terminal's keyboard")
    for letter in "Hello, World! ~|{}\r":
        code = 0xFF0D if letter == "\r" else ord(letter)
        sink.key(code, True)
        sink.key(code, False)
    wait_for(lambda: arrived("Hello, World! ~|{}\r"), 60, "what was typed")
    for keysym in (0xFFE3, ord("c")):
        sink.key(keysym, True)
    sink.release()
    wait_for(lambda: arrived("\x03"), 60, "Ctrl+C")
    for x, y, buttons in ((300, 200, 0), (300, 200, 1), (300, 200, 0), (10, 20, 4)):
        sink.pointer(x, y, buttons)
    sink.release()
    sink.wheel(0, 1)
    # SGR mouse reports in pixels: button, column, row, from 1; M pressed, m let go.
    for sequence in ("\x1b[<0;301;201M", "\x1b[<0;301;201m", "\x1b[<2;11;21M", "\x1b[<2;11;21m", "\x1b[<65;11;21M"):
        wait_for(lambda wanted=sequence: arrived(wanted) or None, 60, f"{sequence!r} in {typed.read_bytes()!r}")
    assert sink.rest()
    screen.follow(True)
    told: list[bool] = []
    sink.pointer(123, 45, 0)

    def moved() -> bool:
        select.select([screen.fileno()], [], [], 0.2)
        told.append(screen.poll().pointer)
        # The middle of a pixel may be rounded up.
        return any(told) and screen.pointer() in {(123, 45), (124, 46)}

    wait_for(moved, 60, "the pointer's place")
    width, height, words = screen.cursor()[2:]
    assert len(words) == width * height * 4
    deadline, quiet = time.monotonic() + 60, False
    while not quiet:
        assert time.monotonic() < deadline, "it is told of changes while nothing changes"
        select.select([screen.fileno()], [], [], 1)
        quiet = not screen.poll().damage
    with pytest.raises(DesktopError, match="not there any more"):
        desktop.open_screen("HDMI-9")
    sink.close()
    screen.close()


#
@pytest.mark.display
def test_a_picture_that_was_lost_is_brought(session: Mutter) -> None:
    screen = desktop_of(session).open_screen()
    screen.take()
    [stream] = screen._streams
    before = np.array(screen.grab((0, 0, 800, 600)))
    # The buffer that is held was, as it were, filled again, and did not come: that is how PipeWire loses one.
    with stream._locked():
        came, stream._buffers[stream._held] = stream.came, 1
        stream._timer.set(0.001)

    def same() -> bool:
        assert (screen.grab((0, 0, 800, 600)) == before).all(), "the picture stays until there is a newer one"
        return screen.poll().damage and stream.anew > 0 and stream.came > came

    wait_for(same, 60, "a fresh picture")
    session.terminal(f"{_BLUE:06x}", "cat")
    follow(screen, before, lambda: bool(((before & 0xFFFFFF) == _BLUE).all()))
    screen.close()


#
@pytest.mark.display
async def test_gnome_is_not_asked_before_the_person_is(session: Mutter) -> None:
    bus = Bus()

    def sessions(service: str) -> int:
        path = f"/{service.replace('.', '/')}/Session"
        told = bus.call(service, path, "org.freedesktop.DBus.Introspectable", "Introspect")
        return str(told).count("<node name=")

    port = FakePort(attended=True, allow=False, home=cast("FakeDesktop", desktop_of(session)))
    screen, control = make_screen(port), make_input(port)
    first = (screen, Kind.SCREEN, Screen.START), (control, Kind.INPUT, Input.REQUEST)

    def ask() -> None:
        for tool, kind, frame in first:
            tool.on_frame(2, frame, channel(kind), memoryview(b"{}"))

    ask()
    await port.until(lambda: len(port.questions) == 2)
    for _ in range(20):
        await asyncio.sleep(0)
    assert (sessions(CAST), sessions(DESK)) == (0, 0), "who says no has opened nothing"
    port.allow = True
    ask()
    await port.until(lambda: {"screen-started", "control-granted"} <= {kind for kind, _ in port.posts})
    await port.until(lambda: sessions(CAST) == 2 and sessions(DESK) == 1)
    for tool, *_ in first:
        tool.close()
    bus.close()


@pytest.mark.display
def test_a_session_that_ends_is_said_so(session: Mutter) -> None:
    desktop = desktop_of(session)
    screen = desktop.open_screen()
    session.stop()
    with pytest.raises(DesktopError, match="ended"):
        follow(screen, np.zeros((600, 800), np.uint32), lambda: False)
    screen.close()
    assert not desktop.alive()
    with pytest.raises(DesktopError, match="ended"):
        desktop.open_screen()


def state(**properties: Any) -> tuple[Any, ...]:
    def monitor(name: str, width: int, height: int) -> tuple[Any, ...]:
        modes = [("x", 1, 1, 60.0, 1.0, [1.0], {}), ("y", width, height, 60.0, 1.0, [1.0], {"is-current": ("b", True)})]
        return ((name, "vendor", "product", "serial"), modes, {})

    logical = [
        (1280, 0, 2.0, 0, False, [("DP-2", "", "", "")], {}),
        (0, 0, 1.0, 1, True, [("DP-1", "", "", ""), ("DP-3", "", "", "")], {}),
    ]
    monitors = [monitor("DP-1", 800, 600), monitor("DP-2", 1920, 1080), monitor("DP-3", 800, 600)]
    return 1, monitors, logical, properties


def test_monitors_are_read_from_the_configuration() -> None:
    two, one = seen_from(state(**{"layout-mode": ("u", 1)}))
    assert (one.name, one.size, one.logical, one.transform, one.primary) == ("DP-1", (800, 600), (600, 800), 1, True)
    assert (two.name, two.size, two.logical, two.position) == ("DP-2", (1920, 1080), (960, 540), (1280, 0))
    assert seen_from(state(**{"layout-mode": ("u", 2)}))[0].logical == (1920, 1080)
    for strange in (None, (), (1, 2, 3, 4), (1, [], [(0, 0, 0.0, 0, True, [], {})], {})):
        with pytest.raises(DesktopError, match="unknown way"):
            seen_from(strange)


def test_without_a_bus_it_is_said_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from farhand.agent.platforms.linux.gnome.find import gnome_abilities

    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    abilities = gnome_abilities()
    assert not abilities.see.can
    assert "D-Bus" in abilities.see.reason


@pytest.mark.display
def test_its_shell_is_asked_to_lock_it(session: Mutter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "signed_in", own)
    shell = open_dbus_connection(session.environment["DBUS_SESSION_BUS_ADDRESS"])
    try:
        Proxy(message_bus, shell).RequestName("org.gnome.ScreenSaver")
        here().machine(session.display).run("lock-screen", "user")
        asked = shell.receive(timeout=60)
        while asked.header.message_type is not MessageType.method_call:
            asked = shell.receive(timeout=60)
        fields = asked.header.fields
        assert (fields[HeaderFields.interface], fields[HeaderFields.member]) == ("org.gnome.ScreenSaver", "Lock")
        shell.send(new_method_return(asked))
    finally:
        shell.close()


# What a password field may show is in no recording: where it is nobody knows here, so nothing is.
@pytest.mark.display
def test_a_password_field_hides_everything(session: Mutter) -> None:
    desktop = desktop_of(session)
    assert desktop.abilities().hide_passwords.can
    told: list[Mask] = []
    watch = desktop.watch_fields(told.append)
    try:
        wait_for(lambda: told == [Mask()], what="the accessibility bus")
        dialog = session.run("zenity", "--password")
        wait_for(lambda: told[-1] == Mask(everything=True), what="the dialog")
        dialog.terminate()
        wait_for(lambda: told[-1] == Mask(), what="its end")
    finally:
        watch.close()
