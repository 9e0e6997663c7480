"""Wayland desktops (headless sway, headless Mutter of GNOME, a desktop behind its portal): seen, still, typed into by
the real client."""

import base64
import contextlib
import json
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.harness.appliance import Appliance, wait_for
from tests.harness.client import JumpClient, Machine, enrolment_command, item_named
from tests.harness.console import Console, LiveSession
from tests.harness.mutter import Mutter
from tests.harness.portal import FakePortal
from tests.harness.sharing import Shared
from tests.harness.sway import Sway
from tests.unit.agent.screen.conftest import Reference

from farhand.protocol.channels import Clip, Input, Kind, Screen, channel
from farhand.protocol.clipboard import PNG, PNG_HEAD, TEXT
from farhand.protocol.frames import Frame
from farhand.protocol.input import KEY, POINTER
from farhand.protocol.screen import ACK

SCREEN, INPUT = channel(Kind.SCREEN), channel(Kind.INPUT)
COLOR = 0x2060A0
_F9 = 0xFFC6


@pytest.fixture(scope="module", params=[Sway, Mutter], ids=["wlroots", "gnome"])
def place(request: pytest.FixtureRequest) -> Iterator[Sway | Mutter]:
    """A compositor in a folder that its user may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="wayland-", ignore_cleanup_errors=True) as folder:
        running = request.param(Path(folder))
        yield running
        running.stop()


@pytest.fixture(scope="module")
def client(appliance: Appliance, console: Console, machines: Path, place: Sway | Mutter) -> Iterator[JumpClient]:
    """A Jump Client that shares it, started in its session."""
    name = type(place).__name__.lower()
    running = JumpClient(Machine(machines / name), place.display)
    session = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
    running.machine.environment |= {key: place.environment[key] for key in session if key in place.environment}
    running.install(enrolment_command(console.visitor, name=name))
    running.start().wait_linked()
    yield running
    running.stop()


@contextlib.contextmanager
def terminal(place: Sway | Mutter, color: str, *command: str) -> Iterator[None]:
    """A terminal of one colour that is gone afterwards: the next one has the desktop alone."""
    process = place.terminal(color, *command)
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


class Watcher:
    """Draws what comes and acknowledges it, as a console does."""

    def __init__(self, live: LiveSession) -> None:
        self.live = live
        self.reference = Reference(800, 600)
        self._read = 0

    def look(self) -> None:
        """Draw what came since the last look."""
        frames = self.live.socket.frames
        while self._read < len(frames):
            frame = frames[self._read]
            self._read += 1
            if (frame.channel, frame.type) == (SCREEN, Screen.UPDATE):
                seq = self.reference.apply(bytes(frame.payload))
                self.live.socket.send(Screen.ACK, SCREEN, ACK.pack(seq, 10), self.live.leg)

    def shows(self, color: int) -> bool:
        """Say whether the picture is this colour alone."""
        self.look()
        return bool(((self.reference.picture & 0xFFFFFF) == color).all())


#
def test_a_wayland_desktop_is_shared_and_controlled(client: JumpClient, console: Console, place: Sway | Mutter) -> None:
    # GNOME types what the keyboard layout there has.
    line, monitor = ("ls 10€ ü", "HEADLESS-1") if isinstance(place, Sway) else ("ls 10$ \\", "Meta-0")
    live = console.jump(item_named(console, type(place).__name__.lower())["id"])
    live.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
    live.socket.send(Screen.START, SCREEN, json.dumps({"max_fps": 30}).encode(), live.leg)

    def started(frame: Frame) -> object:
        return json.loads(frame.payload) if (frame.channel, frame.type) == (SCREEN, Screen.STARTED) else None

    told = live.socket.wait(started, within=60, what="STARTED")
    assert (told["width"], told["height"], told["monitor"]) == (800, 600, "")
    assert [(one["id"], one["primary"]) for one in told["monitors"]] == [(monitor, True)]
    watcher = Watcher(live)
    typed = place.folder / "typed"
    with terminal(place, f"{COLOR:06x}", "sh", "-c", f"stty -echo; touch {typed}; exec cat >> {typed}"):
        wait_for(lambda: watcher.shows(COLOR) or None, 60, "the terminal's colour")

        take_control(live)
        live.socket.send(Input.POINTER, INPUT, POINTER.pack(400, 300, 0), live.leg)
        wait_for_keyboard(live, typed)
        for letter in f"{line}\n":
            stroke(live, 0xFF0D if letter == "\n" else ord(letter) if ord(letter) < 256 else 0x1000000 + ord(letter))
        wait_for(lambda: typed.read_text().strip("\n") == line or None, 60, "what was typed")

        quiet = _quiet(watcher)
        assert quiet == 0, f"{quiet} bytes came while nothing changed"
    live.end()


def take_control(live: LiveSession) -> None:
    """Have keyboard and pointer there."""
    live.socket.send(Input.REQUEST, INPUT, b"", live.leg)

    def granted(frame: Frame) -> object:
        if (frame.channel, frame.type) != (INPUT, Input.STATE):
            return None
        return json.loads(frame.payload)["leg"] == live.leg or None

    live.socket.wait(granted, within=60, what="control")


def stroke(live: LiveSession, keysym: int) -> None:
    """Press a key and let it go."""
    for down in (1, 0):
        live.socket.send(Input.KEY, INPUT, KEY.pack(down, keysym), live.leg)


def wait_for_keyboard(live: LiveSession, typed: Path) -> None:
    """Press Return until the terminal whose input goes into this file has it: its window takes the keyboard some time
    after it is seen."""

    def begins() -> bool:
        stroke(live, 0xFF0D)
        return typed.exists() and bool(typed.read_text())

    wait_for(begins, 60, "the terminal's keyboard")


#
def test_what_is_copied_on_a_wayland_desktop_goes_both_ways(
    client: JumpClient, console: Console, place: Sway | Mutter
) -> None:
    live = console.jump(item_named(console, type(place).__name__.lower())["id"])
    live.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
    shared = Shared(live)
    take_control(live)
    typed, go, copied = place.folder / "pasted", place.folder / "go", "copied there: ü € 😀"
    # The terminal copies what a program tells it to (OSC 52), and pastes by its own key.
    osc = f"\\033]52;c;{base64.b64encode(copied.encode()).decode()}\\a"
    program = f"cat < /dev/tty >> {typed} & while [ ! -e {go} ]; do sleep 0.1; done; printf '{osc}'; wait"
    keys = ("-o", "key-bindings.clipboard-paste=F9")
    with terminal(place, "102030", *keys, "sh", "-c", f"stty -echo; {program}"):
        wait_for_keyboard(live, typed)
        since = len(live.socket.frames)
        go.touch()
        shared.wait_offered(TEXT, since)
        assert shared.take(TEXT) == (copied.encode(), "")
        given = "given from afar: ñ 日本語"
        assert shared.give(TEXT, given.encode()) == ""
        stroke(live, _F9)
        stroke(live, 0xFF0D)
        wait_for(lambda: typed.read_text().strip("\n") == given or None, 60, "what was pasted")
        picture = PNG_HEAD + bytes(range(256)) * 2_000
        assert shared.give(PNG, picture) == ""
        assert shared.take(PNG) == (picture, "")
        shared.send(Clip.STOP)
    live.end()


@pytest.fixture
def portal() -> Iterator[tuple[Mutter, FakePortal]]:
    """A desktop, and its portal."""
    with tempfile.TemporaryDirectory(prefix="portal-", ignore_cleanup_errors=True) as folder:
        place = Mutter(Path(folder))
        asked = FakePortal(place.environment["DBUS_SESSION_BUS_ADDRESS"], place.folder)
        yield place, asked
        asked.stop()
        place.stop()


#
def test_a_desktop_behind_its_portal_is_asked_for_once(
    console: Console, machines: Path, portal: tuple[Mutter, FakePortal]
) -> None:
    place, asked = portal
    client = JumpClient(Machine(machines / "portal"), place.display)
    session = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
    client.machine.environment |= {key: place.environment[key] for key in session} | {"FARHAND_DESKTOP": "portal"}
    client.install(enrolment_command(console.visitor, name="portal"))
    client.start().wait_linked()
    desktop = item_named(console, "portal")["desktop"]
    assert (desktop["kind"], desktop["see"]["can"], desktop["see"]["code"]) == ("portal", True, "portal-once")

    def share(live: LiveSession, answer: Screen) -> Any:
        since = len(live.socket.frames)
        live.socket.send(Screen.START, SCREEN, json.dumps({"max_fps": 30}).encode(), live.leg)

        def answered(frame: Frame) -> object:
            known = (frame.channel, frame.type) == (SCREEN, answer)
            return json.loads(frame.payload) if known else None

        return live.socket.wait(answered, within=60, what=answer.name, since=since)

    live = jumped(console)
    asked.person = "says no"
    told = share(live, Screen.STOPPED)
    assert (told["reason"], "said no" in told["text"]) == ("refused", True)
    asked.person = "agrees"
    assert share(live, Screen.STARTED)["width"] == 800
    live.end()
    client.stop()
    assert len(asked.dialogs) == 2
    assert stat.S_IMODE((client.state / "portal.json").stat().st_mode) == 0o600

    # Nobody is there to be asked any more.
    asked.person = "is away"
    client.lines.clear()
    client.start().wait_linked()
    live = jumped(console)
    share(live, Screen.STARTED)
    watcher, typed = Watcher(live), place.folder / "typed"
    with terminal(place, f"{COLOR:06x}", "sh", "-c", f"stty -echo; touch {typed}; exec cat >> {typed}"):
        wait_for(lambda: watcher.shows(COLOR) or None, 60, "the terminal's colour")
        take_control(live)
        live.socket.send(Input.POINTER, INPUT, POINTER.pack(400, 300, 0), live.leg)
        wait_for_keyboard(live, typed)
    live.end()
    client.stop()
    assert len(asked.dialogs) == 2


def jumped(console: Console) -> LiveSession:
    """A session with the desktop behind its portal."""
    live = console.jump(item_named(console, "portal")["id"])
    live.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
    return live


def _quiet(watcher: Watcher) -> int:
    """How many bytes of screen come in two seconds, once what moved has settled."""
    least = 1 << 30
    for _ in range(5):
        watcher.look()
        before = watcher.reference.bytes
        time.sleep(2)
        watcher.look()
        least = min(least, watcher.reference.bytes - before)
        if not least:
            break
    return least
