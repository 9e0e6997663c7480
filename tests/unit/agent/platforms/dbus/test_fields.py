"""Password fields of a program that misbehaves: it shows what is in them, hangs, or says more than anybody can read."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jeepney import (
    DBusAddress,
    HeaderFields,
    Message,
    MessageType,
    message_bus,
    new_error,
    new_method_return,
    new_signal,
)
from jeepney.io.blocking import DBusConnection, Proxy, open_dbus_connection
from tests.harness.appliance import wait_for

from farhand.agent.core.abilities import cannot
from farhand.agent.core.masking import Mask
from farhand.agent.platforms.linux.dbus import fields
from farhand.agent.platforms.linux.dbus.bus import MOST_BYTES
from farhand.agent.platforms.linux.dbus.fields import MOST, PasswordFields
from farhand.agent.platforms.linux.dbus.find import fields_ability
from farhand.kit.process import leash

SHOWN = 1 << 30 | 1 << 25
ROOT, WINDOW, FIELD = "/org/a11y/atspi/accessible/root", "/window", "/field"
PASSWORD_TEXT, TEXT, FRAME = 40, 61, 23


class Program:
    """A bus, its accessibility and one program on it, on one connection. `roles`, `states` and `children` by path."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.roles = {WINDOW: FRAME}
        self.states = {WINDOW: SHOWN}
        self.children: dict[str, list[str]] = {ROOT: [WINDOW]}
        self.toolkit = "gtk", "3.24"
        self.hangs = self.talks = False
        self.asked: list[str] = []
        self._bus: DBusConnection = open_dbus_connection(address)
        for name in ("org.a11y.Bus", "org.a11y.atspi.Registry"):
            Proxy(message_bus, self._bus).RequestName(name)
        self._over = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def field(self, path: str = FIELD, role: int = PASSWORD_TEXT, states: int = SHOWN) -> None:
        """It shows a field."""
        self.roles[path], self.states[path] = role, states
        self.children[WINDOW] = [*self.children.get(WINDOW, []), path]

    def tell(self, path: str, interface: str, member: str, detail: str, one: int = 0) -> None:
        """It sends an event."""
        emitter = DBusAddress(path, interface=f"org.a11y.atspi.Event.{interface}")
        self._bus.send(new_signal(emitter, member, "siiv(so)", (detail, one, 0, ("i", 0), ("", ROOT))))

    def close(self) -> None:
        """It ends."""
        self._over = True
        self._thread.join(10)
        self._bus.close()

    def _serve(self) -> None:
        while not self._over:
            try:
                message = self._bus.receive(timeout=0.05)
            except TimeoutError:
                continue
            if message.header.message_type is MessageType.method_call:
                self._answer(message)

    def _answer(self, message: Message) -> None:
        head = message.header.fields
        path, member = head[HeaderFields.path], head[HeaderFields.member]
        self.asked.append(member)
        if self.hangs and path not in (ROOT, "/org/a11y/bus", "/org/a11y/atspi/registry"):
            return
        found = self._say(path, member, message.body)
        if found is None:
            self._bus.send(new_error(message, "org.freedesktop.DBus.Error.UnknownObject"))
        else:
            self._bus.send(new_method_return(message, *found))

    def _say(self, path: str, member: str, body: Any) -> tuple[str, tuple[Any, ...]] | None:
        if member == "GetAddress":
            return "s", (self.address,)
        if member == "RegisterEvent":
            return "", ()
        if self.talks:
            return "s", ("x" * (MOST_BYTES + 1),)
        if member == "Get" and body[1] in ("ToolkitName", "Version"):
            return "v", (("s", self.toolkit[body[1] == "Version"]),)
        children = [(str(self._bus.unique_name), one) for one in self.children.get(path, [])]
        if member == "Get":
            return "v", (("i", len(children)),)
        if member == "GetChildren":
            return "a(so)", (children,)
        if member == "GetRole" and path in self.roles:
            return "u", (self.roles[path],)
        if member == "GetState" and path in self.states:
            return "au", ([self.states[path], 0],)
        return None


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address"],
        env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=leash(),
    )
    assert daemon.stdout
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", daemon.stdout.readline().strip())
    made = Program(os.environ["DBUS_SESSION_BUS_ADDRESS"])
    yield made
    made.close()
    daemon.terminate()
    daemon.wait(60)
    daemon.stdout.close()


@pytest.fixture
def follow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[frozenset[int]]]]:
    """Begin to look; gives the processes that were heard of, `()` at the end of a list when none shows a field."""
    monkeypatch.setattr(fields, "LOOK_S", 0.02)
    monkeypatch.setattr(fields, "_PATIENCE", 0.3)
    running: list[PasswordFields] = []

    def begin() -> list[frozenset[int]]:
        heard: list[frozenset[int]] = []

        def place(processes: frozenset[int]) -> Mask:
            return Mask(windows=frozenset((one,) for one in processes))

        def told(mask: Mask) -> None:
            heard.append(frozenset(one[0] for one in mask.windows))

        running.append(PasswordFields(place, told))
        wait_for(lambda: heard, what="the first word")
        return heard

    yield begin
    for one in running:
        one.close()


def test_a_field_that_shows_what_is_in_it_stays_one(program: Program, follow: Any) -> None:
    program.field()
    heard = follow()
    assert heard == [{os.getpid()}]
    program.roles[FIELD] = TEXT  # as GTK 3 says it when the eye is pressed
    program.tell(FIELD, "Object", "PropertyChange", "accessible-role")
    time.sleep(0.3)
    assert heard == [{os.getpid()}]
    program.states[FIELD] = 1 << 30  # another page of its window is shown
    wait_for(lambda: heard[-1] == frozenset(), what="nothing to hide")
    program.states[FIELD] = SHOWN
    wait_for(lambda: heard[-1] == {os.getpid()}, what="the field again")
    del program.states[FIELD]
    wait_for(lambda: heard[-1] == frozenset(), what="the end of the field")
    assert not {"GetText", "GetCharacterAtOffset"} & set(program.asked)


@pytest.mark.parametrize(
    ("role", "interface", "member", "detail"),
    [
        (PASSWORD_TEXT, "Object", "StateChanged", "focused"),
        (TEXT, "Object", "PropertyChange", "accessible-role"),
        (PASSWORD_TEXT, "Window", "Activate", ""),
    ],
)
def test_a_field_is_found_by_what_its_program_tells(
    program: Program, follow: Any, role: int, interface: str, member: str, detail: str
) -> None:
    heard = follow()
    assert heard == [frozenset()]
    program.field(role=role)
    path = WINDOW if interface == "Window" else FIELD
    program.tell(path, interface, member, detail, one=1)
    wait_for(lambda: heard[-1], what="the field")


def test_a_program_that_hangs_keeps_what_it_showed(program: Program, follow: Any) -> None:
    program.field()
    heard = follow()
    assert heard[-1]
    program.hangs = True
    time.sleep(0.8)
    assert len(heard) == 1
    program.hangs = False
    program.states[FIELD] = 0
    wait_for(lambda: heard[-1] == frozenset(), what="nothing to hide")


def test_a_toolkit_that_does_not_say_what_shows_counts_from_the_keyboard_on(program: Program, follow: Any) -> None:
    program.toolkit = "GTK", "4.8.3"
    program.field(states=1 << 30)
    heard = follow()
    assert heard == [frozenset()]
    program.tell(FIELD, "Object", "StateChanged", "focused", one=1)
    wait_for(lambda: heard[-1], what="the field")


def test_more_than_can_be_followed_hides_everything(program: Program, follow: Any) -> None:
    for number in range(MOST + 1):
        program.field(f"/field{number}")
    heard = follow()
    assert 0 in heard[-1]


def test_a_message_that_is_too_long_is_not_read(program: Program, follow: Any) -> None:
    program.talks = True
    heard = follow()
    assert heard == [frozenset()]
    program.talks = False
    program.field()
    wait_for(lambda: heard[-1], what="another try")


def test_it_is_told_why_it_cannot_be_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/none")
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path))
    assert fields_ability() == cannot("no-accessibility")
    service = tmp_path / "dbus-1/services/org.a11y.Bus.service"
    service.parent.mkdir(parents=True)
    service.touch()
    assert fields_ability().can
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert fields_ability() == cannot("no-session-bus")
