"""A script on Linux: its interpreter, its output, and that nothing of it stays behind, however it ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.harness.appliance import wait_for
from tests.harness.client import alive

from farhand.agent.core.machine import MachineError
from farhand.agent.platforms.linux import machine as machine_module
from farhand.agent.platforms.linux.machine import LinuxMachine
from farhand.agent.platforms.linux.people import own
from farhand.agent.platforms.linux.scripts import LinuxScript, interpreter

Start = Callable[..., LinuxScript]
HOLDER = """import sys, time
from farhand.agent.platforms.linux.people import own
from farhand.agent.platforms.linux.scripts import LinuxScript
script = LinuxScript(sys.argv[1], own(), {})
print("started", script._guard.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where scripts lie while they run."""
    place = tmp_path / "scripts"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    return place


@pytest.fixture
def start(folder: Path) -> Start:
    """Starts a script as this account."""

    def run(text: str, **environment: str) -> LinuxScript:
        return LinuxScript(text, own(), environment)

    return run


def all_of(script: LinuxScript) -> tuple[bytes, int | None]:
    """Read it to its end; gives output and status."""
    out = bytearray()
    while data := script.read(4096):
        out += data
    return bytes(out), script.close()


def pids_in(file: Path, count: int) -> list[int]:
    """Wait until the script has written so many process numbers."""
    wait_for(lambda: file.exists() and len(file.read_text().split()) == count, 60, "the processes")
    return [int(pid) for pid in file.read_text().split()]


def ignores(pid: int, which: signal.Signals) -> bool:
    """Say whether the process ignores this signal (proc(5), SigIgn)."""
    (mask,) = [line.split()[1] for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "SigIgn" in line]
    return bool(int(mask, 16) >> (which - 1) & 1)


def wait_gone(pids: list[int]) -> None:
    wait_for(lambda: not any(alive(pid) for pid in pids), 60, "the end of all of it")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("echo", ["/bin/sh"]),
        ("#!/usr/bin/env python3\n", ["/usr/bin/env", "python3"]),
        ("#! /usr/bin/awk -f -v a=b \nx", ["/usr/bin/awk", "-f -v a=b"]),
        ("#!\nx", ["/bin/sh"]),
        ("", ["/bin/sh"]),
    ],
)
def test_the_first_line_names_the_program(text: str, words: list[str]) -> None:
    assert interpreter(text) == words


def test_it_runs_with_its_values_and_without_an_input(start: Start, folder: Path) -> None:
    output, status = all_of(start('cat; echo "$PARAM_A"; echo e >&2; exit 7', PARAM_A="$(id) `id` ;'\""))
    assert (output, status) == (b"$(id) `id` ;'\"\ne\n", 7)
    output, status = all_of(start(f"#!{sys.executable}\nimport os; print(os.getpgrp() == os.getpid())"))
    assert (output, status) == (b"True\n", 0)
    assert not list(folder.iterdir())


def test_its_text_is_its_accounts_alone(start: Start, folder: Path) -> None:
    script = start("sleep 600")
    (place,) = folder.iterdir()
    assert (place.stat().st_mode & 0o777, (place / "script").stat().st_mode & 0o777) == (0o700, 0o500)
    script.kill()
    assert all_of(script) == (b"", -9)
    assert not list(folder.iterdir())


def test_a_program_that_is_not_there_is_a_sentence(start: Start, folder: Path) -> None:
    with pytest.raises(MachineError, match="could not be started"):
        start("#!/nowhere/at/all\n")
    assert not list(folder.iterdir())


def test_what_it_left_in_the_background_ends_with_it(start: Start, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = start(f"yes & echo $! >> {pids}; sleep 600 & echo $! >> {pids}; exit 4")
    output, status = all_of(script)  # `yes` alone would write for ever
    assert status == 4
    assert set(output) <= set(b"y\n")
    wait_gone(pids_in(pids, 2))


def test_what_has_left_its_group_does_not_hold_up_its_end(start: Start, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = start(f"setsid sh -c 'echo $$ >> {pids}; exec yes' & while ! test -s {pids}; do sleep 0.05; done; exit 5")
    _output, status = all_of(script)
    assert status == 5
    (pid,) = pids_in(pids, 1)
    wait_gone([pid])  # nobody reads what it writes any more


def test_it_may_close_its_output_and_go_on(start: Start) -> None:
    assert all_of(start("exec >/dev/null 2>&1; sleep 0.3; exit 6")) == (b"", 6)


def test_what_does_not_heed_the_end_is_killed(start: Start, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = start(f"trap '' TERM; sleep 600 & echo $$ $! >> {pids}; echo on; while :; do sleep 1; done")
    found = pids_in(pids, 2)
    assert script.read(100) == b"on\n"
    script.end()
    assert all_of(script)[1] == -9
    wait_gone(found)
    script.kill()  # too late, and nobody else is hit
    script.end()


@pytest.mark.parametrize("to_the_guard", [None, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_ends_with_a_client_that_is_killed(
    to_the_guard: signal.Signals | None, folder: Path, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    text = f"trap '' HUP TERM; sleep 600 & echo $$ $! >> {pids}; sleep 600"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, text], stdout=subprocess.PIPE, env=os.environ | {"TMPDIR": str(folder)}
    )
    assert holder.stdout
    guard = int(holder.stdout.readline().removeprefix(b"started "))
    found = pids_in(pids, 2)
    assert all(alive(pid) for pid in found)
    if to_the_guard is not None:  # as a service that is stopped sends it to every process
        wait_for(lambda: ignores(guard, to_the_guard), 60, "the guard")
        os.kill(guard, to_the_guard)
    holder.kill()
    holder.wait()
    holder.stdout.close()
    wait_gone(found)
    wait_for(lambda: not list(folder.iterdir()), 60, "the end of its folder")


def test_a_hundred_megabytes_are_read_to_the_end(start: Start) -> None:
    script = start("head -c 100000000 /dev/zero")
    size = 0
    while data := script.read(8192):
        size += len(data)
    assert (size, script.close()) == (100_000_000, 0)


def test_a_machine_runs_it_as_the_person_or_as_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = LinuxMachine(lambda: {"DISPLAY": ":7"})
    monkeypatch.setattr(machine_module, "signed_in", own)
    assert all_of(machine.start_script("echo $DISPLAY", "user", {"PARAM_X": "1"})) == (b":7\n", 0)
    assert all_of(LinuxMachine(lambda: None).start_script("echo ${DISPLAY-none}", "user", {})) == (b"none\n", 0)
    monkeypatch.setattr(machine_module, "signed_in", lambda: None)
    with pytest.raises(MachineError, match="Nobody is signed in"):
        machine.start_script("true", "user", {})
    if os.geteuid() == 0:
        assert all_of(machine.start_script("echo $PARAM_X", "system", {"PARAM_X": "1"})) == (b"1\n", 0)
    else:
        with pytest.raises(MachineError, match="administrator rights"):
            machine.start_script("true", "system", {})
