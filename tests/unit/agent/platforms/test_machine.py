"""The Linux machine: what its table offers, and the commands at the end, which only take notes here."""

import os
from pathlib import Path

import pytest
from tests.harness.appliance import wait_for
from tests.harness.outside import programs_of

from farhand.agent.core.machine import MachineError
from farhand.agent.platforms.linux import machine as module
from farhand.agent.platforms.linux.machine import LinuxMachine
from farhand.agent.platforms.linux.people import own
from farhand.agent.platforms.linux.wayland.find import Compositor
from farhand.protocol.messages import Ability


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    programs_of(tmp_path)
    for needed in ("sh", "env"):
        (tmp_path / "bin" / needed).symlink_to(f"/bin/{needed}")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(module, "signed_in", own)
    return tmp_path / "did"


def said(notes: Path) -> list[str]:
    return notes.read_text().splitlines() if notes.exists() else []


def test_each_action_can_be_done_or_says_why_not(notes: Path) -> None:
    offer = LinuxMachine(lambda: {"DISPLAY": ":7"}).offer()
    assert len({one.id for one in offer.actions}) == len(offer.actions)
    for one in offer.actions:
        assert one.name
        assert one.ability.can != bool(one.ability.reason)
    able = {one.id: one for one in offer.actions if one.ability.can}
    assert able.keys() == {"terminal", "task-manager", "file-manager"}
    elevated = {name for name, one in able.items() if "system" in one.contexts}
    assert elevated == ({"terminal", "task-manager"} if os.geteuid() == 0 else set())


def test_without_a_desktop_nothing_opens(notes: Path) -> None:
    machine = LinuxMachine(lambda: None)
    assert {one.ability.reason for one in machine.offer().actions} == {"There is no desktop now."}
    with pytest.raises(MachineError):
        machine.run("terminal", "user")


def test_a_program_is_opened_on_the_display(notes: Path) -> None:
    machine = LinuxMachine(lambda: {"DISPLAY": ":7"})
    machine.run("file-manager", "user")
    wait_for(lambda: said(notes) == ["nautilus on :7"], what="the program")
    with pytest.raises(MachineError):
        machine.run("nautilus", "user")


def test_a_program_finds_the_compositor(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (notes.parent / "bin" / "nautilus").write_text(
        f'#!/bin/sh\necho "$WAYLAND_DISPLAY in $XDG_RUNTIME_DIR, $DISPLAY" >> {notes}\n'
    )
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/elsewhere")
    with_xwayland = Compositor("/run/user/7/wayland-1", frozenset()).environment | {"DISPLAY": ":3"}
    LinuxMachine(lambda: with_xwayland).run("file-manager", "user")
    wait_for(lambda: said(notes) == ["wayland-1 in /run/user/7, :3"], what="the program")
    monkeypatch.setenv("DISPLAY", ":9")  # of the agent itself: not the desktop that answers
    LinuxMachine(lambda: Compositor("/tmp/x/wayland-0", frozenset()).environment).run("file-manager", "user")
    wait_for(lambda: said(notes)[1:] == ["/tmp/x/wayland-0 in /elsewhere, "], what="the program")


def put(notes: Path, *names: str) -> None:
    for name in names:
        program = notes.parent / "bin" / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> {notes}\n')
        program.chmod(0o755)


@pytest.mark.parametrize("kind", ["x11", "wlroots", "gnome", "wayland"])
def test_each_kind_of_desktop_has_its_locker(notes: Path, kind: str) -> None:
    machine = LinuxMachine(lambda: {"WAYLAND_DISPLAY": "wayland-0"}, lambda: kind)

    def lock() -> Ability:
        return next(one.ability for one in machine.offer().actions if one.id == "lock-screen")

    assert lock().code == ("no-locker" if kind == "wlroots" else "no-program")
    put(notes, "loginctl", "swaylock", "dbus-send")
    assert lock().can
    machine.run("lock-screen", "user")
    wait_for(lambda: said(notes), what="the locker")
    command = {"wlroots": "swaylock -f", "gnome": "dbus-send --session --type=method_call --dest=org.gnome.ScreenSaver"}
    assert said(notes)[0].startswith(command.get(kind, "loginctl lock-session"))


def test_what_knows_x_alone_is_not_opened_where_there_is_none(notes: Path) -> None:
    bin_folder = notes.parent / "bin"
    (bin_folder / "x-terminal-emulator").unlink()
    put(notes, "xterm")
    (bin_folder / "x-terminal-emulator").symlink_to(bin_folder / "xterm")
    found = {"WAYLAND_DISPLAY": "wayland-0"}
    machine = LinuxMachine(lambda: found, lambda: "wlroots")
    offered = {one.id: one.ability.code for one in machine.offer().actions}
    assert (offered["terminal"], offered["task-manager"], offered["file-manager"]) == ("needs-x11", "needs-x11", "")
    with pytest.raises(MachineError, match="X server"):
        machine.run("terminal", "user")
    put(notes, "foot")
    machine.run("task-manager", "user")
    wait_for(lambda: said(notes) == ["foot top"], what="the terminal")
    found["DISPLAY"] = ":3"  # Xwayland
    machine.run("terminal", "user")
    wait_for(lambda: len(said(notes)) == 2, what="the old terminal")


@pytest.mark.parametrize("systemd", [True, False])
def test_the_system_is_told_to_restart_or_switch_off(
    notes: Path, monkeypatch: pytest.MonkeyPatch, systemd: bool
) -> None:
    monkeypatch.setattr(module, "systemd_runs", lambda: systemd)
    machine = LinuxMachine(lambda: None)
    machine.power("reboot")
    machine.power("shutdown")
    assert said(notes) == ["told to reboot", "told to shutdown"]


def test_a_no_of_the_system_is_passed_on(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "systemd_runs", lambda: False)
    (notes.parent / "bin" / "shutdown").write_text("#!/bin/sh\necho first >&2; echo 'Access denied' >&2; exit 1\n")
    with pytest.raises(MachineError, match="Access denied"):
        LinuxMachine(lambda: None).power("reboot")
    (notes.parent / "bin" / "shutdown").unlink()
    assert "no program" in LinuxMachine(lambda: None).offer().reboot.reason
    with pytest.raises(MachineError):
        LinuxMachine(lambda: None).power("reboot")
