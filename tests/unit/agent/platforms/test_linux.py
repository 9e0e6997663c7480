"""Linux: facts, displays, the service unit."""

import socket
import stat
from pathlib import Path

import msgspec
import pytest

from farhand.agent.core.errors import ClientError
from farhand.agent.platforms import here
from farhand.agent.platforms.linux import service
from farhand.agent.platforms.linux.x11 import find
from farhand.agent.platforms.linux.x11.find import find_display
from farhand.protocol.messages import Facts


def test_facts_are_there_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "h" * 300)
    monkeypatch.setattr(find, "answers", lambda display: display == ":0")
    monkeypatch.setattr(find, "_SOCKETS", tmp_path)  # others may serve a display of that name
    monkeypatch.setenv("DISPLAY", ":7")
    facts = here().facts(":0")
    assert facts.hostname == "h" * 128
    assert facts.platform == "linux"
    assert facts.os_name
    assert facts.user
    assert facts.display
    assert facts.uptime_s > 0
    assert set(facts.tools) == {"screen", "input", "shell", "actions", "files", "clipboard", "scripts", "deploy"}
    assert facts.desktop is not None
    assert (facts.desktop.kind, facts.desktop.see.can, facts.desktop.control.can) == ("x11", True, True)
    assert facts.desktop.clipboard.can
    cannot = [facts.desktop.login_screen, facts.desktop.block_input]
    assert all(one.reason and not one.can for one in cannot)
    assert msgspec.json.decode(msgspec.json.encode(facts), type=Facts) == facts
    nothing = here().facts()
    assert not nothing.display
    assert nothing.desktop is None


def test_a_display_is_one_that_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "_SOCKETS", tmp_path)
    monkeypatch.setenv("DISPLAY", ":7")
    assert find_display(None) is None
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "X7"))
        server.listen()
        assert find_display(None) == ":7"
        assert find_display(":7.0") == ":7.0"
        assert find_display(":8") is None
    for wrong in ("", "x", ":", ":-1", ":9" * 40):
        assert find_display(wrong or None) in (None, ":7")
    assert find_display(":" + "9" * 40) is None


def test_the_unit_is_written_enabled_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[tuple[str, ...]] = []
    unit = service.SystemdService()
    monkeypatch.setattr(unit, "_folder", lambda: tmp_path / "units")
    monkeypatch.setattr(unit, "_systemctl", lambda *words: commands.append(words))
    said = unit.start(tmp_path / "c.pyz", tmp_path / "state")
    text = (tmp_path / "units" / service.UNIT).read_text()
    assert f'"{tmp_path}/c.pyz" run --state "{tmp_path}/state"' in text
    assert "starts" in said
    unit.stop(tmp_path / "state")
    unit.stop(tmp_path / "state")
    assert commands == [
        ("daemon-reload",),
        ("enable", "--now", service.UNIT),
        ("disable", "--now", service.UNIT),
        ("daemon-reload",),
    ]
    assert not (tmp_path / "units" / service.UNIT).exists()
    with pytest.raises(ClientError, match="cannot hold"):
        unit.start(tmp_path / 'a"b', tmp_path)


def test_systemctl_errors_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "systemctl"
    fake.write_text("#!/bin/sh\necho first >&2; echo 'Access denied' >&2; exit 4\n")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(ClientError, match=r"^systemctl refused: Access denied$"):
        service.SystemdService()._systemctl("daemon-reload")


def test_a_recycled_process_number_is_left_alone(tmp_path: Path) -> None:
    import os

    (tmp_path / service.PID_FILE).write_text(f"{os.getpid()} 1\n")  # this test, but not its start time
    service.BackgroundService().stop(tmp_path)
    assert not (tmp_path / service.PID_FILE).exists()
