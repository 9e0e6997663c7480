"""`kill -9` of a program that has children, at random moments of its start and life: none of them stays behind.

The processes of a test are told by a variable of their environment, which children keep however they were started. The
moments are random within kinds of moments that each had a hole once, or could have one: before there is a child, while
the child has not yet asked the kernel to end with its parent, while it answers a request that never ends, and while it
is a replacement of one that crashed.
"""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.harness.appliance import Appliance, free_port, run_farhand, wait_for
from tests.harness.claimed import claim
from tests.harness.client import JumpClient, alive, children_of, item_named
from tests.harness.console import Console
from tests.harness.xdisplay import display_below

from farhand.cli.supervisor import STOP_WITHIN
from farhand.kit.ids import new_id
from farhand.kit.process import leash
from farhand.protocol.channels import Kind, Shell, channel
from farhand.web.project.serve import STOP_SECONDS

MARK = "FARHAND_TEST_MARK"
WEB_ROUNDS, WEB_ROUNDS_LONG = 10, 500
SERVE_ROUNDS, SERVE_ROUNDS_LONG = 3, 100
DEMO_ROUNDS, DEMO_ROUNDS_LONG = 1, 30
AGENT_ROUNDS, AGENT_ROUNDS_LONG = 2, 100
NAME = "with shells"
WORKER_WITHIN = 2.0
"""The end of `web`'s worker process is by SIGKILL: at once, but for a machine that is busy."""
PROGRAMS_WITHIN = 12.0
"""The other programs end in order, by SIGTERM; the relay lets answers finish."""


class Marked:
    """Programs with a mark in their environment, and every process that came of them."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = free_port()
        self.mark = new_id()

    @property
    def environment(self) -> dict[str, str]:
        """What a program of this kind is started with."""
        place = {"FARHAND_DATA": str(self.data), "FARHAND_PORT": str(self.port), "FARHAND_DEMO": "0"}
        return {**os.environ, **place, MARK: self.mark}

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start `farhand WORDS`."""
        quiet = subprocess.DEVNULL
        return subprocess.Popen(
            [sys.executable, "-m", "farhand.cli", *words],
            env=self.environment,
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
            start_new_session=True,
            preexec_fn=leash(signal.SIGKILL),
        )

    def processes(self) -> list[int]:
        """Those that run. A process that has ended has no environment, also while nobody has waited for it."""
        word = f"{MARK}={self.mark}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if word in (entry / "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
        return found

    def kill_all(self) -> None:
        """Leave nothing behind, also after a failure."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def said(pid: int) -> str:
    """How a process was called."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return ""


def check_gone(programs: Marked, moment: str, within: float) -> None:
    """Fail when a process is left after `within` seconds."""
    deadline = time.monotonic() + within
    while left := programs.processes():
        if time.monotonic() > deadline:
            lines = [f"{pid}: {said(pid)}" for pid in left]
            raise AssertionError(f"left {within:.0f} s after a kill {moment}: " + "; ".join(lines))
        time.sleep(0.01)


# --- web and its worker process


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Marked]:
    """A prepared data folder and the programs on it."""
    programs = Marked(tmp_path / "data")
    for part in ("run", "tls", "keys", "relay"):
        (programs.data / part).mkdir(mode=0o700, parents=True)
    done = run_farhand("prepare", FARHAND_DATA=str(programs.data), FARHAND_PORT=str(programs.port))
    assert done.returncode == 0, done.stderr
    yield programs
    programs.kill_all()


def worker_of(program: subprocess.Popen[bytes], *but: int, within: float = 60.0) -> int:
    """Wait for the child of `web`, other than `but`; without a pause, for its youth is short."""
    deadline = time.monotonic() + within
    while True:
        children = Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split()
        if found := [child for child in map(int, children) if child not in but]:
            return found[0]
        assert time.monotonic() < deadline, "web made no worker process"


def ask(web: Marked, question: bytes) -> socket.socket:
    """Wait until `web` serves, and begin a request."""
    asking = socket.socket(socket.AF_UNIX)
    asking.settimeout(60)

    def connect() -> bool:
        try:
            asking.connect(str(web.data / "run" / "web.sock"))
        except OSError:
            return False
        return True

    wait_for(connect, 60, "the socket of web")
    asking.sendall(question)
    return asking


def before_it_has_a_child(web: Marked, program: subprocess.Popen[bytes], chance: random.Random) -> None:
    time.sleep(chance.uniform(0.0, 1.0))


def as_its_child_begins(web: Marked, program: subprocess.Popen[bytes], chance: random.Random) -> None:
    worker_of(program)
    time.sleep(chance.uniform(0.0, 0.06))


def before_its_child_did_anything(web: Marked, program: subprocess.Popen[bytes], chance: random.Random) -> None:
    worker = worker_of(program)
    os.kill(worker, signal.SIGSTOP)
    program.kill()
    program.wait(60)
    os.kill(worker, signal.SIGCONT)


def during_a_request(web: Marked, program: subprocess.Popen[bytes], chance: random.Random) -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    asking = ask(web, head + b"Content-Length: 1000\r\n\r\nthe rest never comes")
    time.sleep(chance.uniform(0.0, 0.3))
    program.kill()
    program.wait(60)
    # The connection stays open until the end is seen: its own end would free the worker.
    check_gone(web, during_a_request.__name__, WORKER_WITHIN)
    asking.close()


def as_a_crashed_child_is_replaced(web: Marked, program: subprocess.Popen[bytes], chance: random.Random) -> None:
    ask(web, b"GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n").close()
    first = worker_of(program)
    os.kill(first, signal.SIGKILL)
    worker_of(program, first)
    time.sleep(chance.uniform(0.0, 0.06))


MOMENTS: list[Callable[[Marked, subprocess.Popen[bytes], random.Random], None]] = [
    before_it_has_a_child,
    as_its_child_begins,
    before_its_child_did_anything,
    during_a_request,
    as_a_crashed_child_is_replaced,
]


def kill_web(web: Marked, rounds: int) -> None:
    """Start and kill `web` so often."""
    chance = random.Random(8443)
    for number in range(rounds):
        moment = MOMENTS[number % len(MOMENTS)]
        program = web.start("run-web")
        moment(web, program, chance)
        program.kill()
        program.wait(60)
        check_gone(web, moment.__name__, WORKER_WITHIN)


def test_no_worker_process_outlives_web(web: Marked) -> None:
    kill_web(web, WEB_ROUNDS)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_no_worker_process_outlives_web_killed_many_times(web: Marked) -> None:
    kill_web(web, WEB_ROUNDS_LONG)


def test_a_request_that_never_ends_does_not_keep_web_from_stopping(web: Marked) -> None:
    """`web` ends its worker process before the supervisor loses its patience and kills `web` itself."""
    program = web.start("run-web")
    asking = ask(web, b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nthe rest never comes")
    time.sleep(0.3)
    program.terminate()
    assert program.wait(60) == 0
    assert STOP_SECONDS < STOP_WITHIN
    assert not web.processes()
    assert not (web.data / "run" / "web.sock").exists()
    asking.close()


# --- the supervisor and its programs


def kill_serve(programs: Marked, rounds: int) -> None:
    """Start `farhand serve` on a fresh data folder, then again and again on the same; kill it so often."""
    chance = random.Random(8444)
    for number in range(rounds):
        program = programs.start("serve")
        # The first round is a fresh start: the kill falls into `prepare`, or into the first moments of the programs.
        after = chance.uniform(0.3, 3.0 if number % 2 == 0 else 7.0)
        time.sleep(after)
        program.kill()
        program.wait(60)
        check_gone(programs, f"{after:.2f} s after the start of serve", PROGRAMS_WITHIN)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Marked]:
    """An appliance that was never started."""
    programs = Marked(tmp_path / "data")
    yield programs
    programs.kill_all()


def test_no_program_outlives_the_supervisor(fresh: Marked) -> None:
    kill_serve(fresh, SERVE_ROUNDS)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_no_program_outlives_the_supervisor_killed_many_times(fresh: Marked) -> None:
    kill_serve(fresh, SERVE_ROUNDS_LONG)


# --- the demonstration endpoint with its display, windows and client


def kill_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rounds: int) -> None:
    """Kill the demonstration endpoint so often; at last kill the supervisor above it."""
    programs = Marked(tmp_path / "data")
    monkeypatch.setenv(MARK, programs.mark)
    chance = random.Random(8445)
    appliance = Appliance(programs.data, demo=True)
    try:
        appliance.start()
        claim(appliance)
        for _ in range(rounds):
            wait_for(lambda: display_below(appliance.pid), 60, "the demonstration display")
            time.sleep(chance.uniform(0.0, 1.5))
            appliance.kill("demo")
            check_no_orphans(programs, appliance.pid)
        wait_for(lambda: display_below(appliance.pid), 60, "the demonstration display")
        appliance.stop(signal.SIGKILL)
        check_gone(programs, "of the supervisor above a demonstration endpoint", PROGRAMS_WITHIN)
    finally:
        programs.kill_all()


def check_no_orphans(programs: Marked, supervisor: int) -> None:
    """Fail when a process stays that no longer stands below the supervisor."""

    def none() -> bool:
        marked = programs.processes()  # first: what is born after this look stands below the supervisor
        left[:] = set(marked) - {supervisor, *children_of(supervisor)}
        return not left

    left: list[int] = []
    try:
        wait_for(none, PROGRAMS_WITHIN)
    except AssertionError:
        raise AssertionError("left: " + "; ".join(f"{pid}: {said(pid)}" for pid in left)) from None


def test_nothing_outlives_the_demonstration_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kill_demo(tmp_path, monkeypatch, DEMO_ROUNDS)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_nothing_outlives_the_demonstration_endpoint_killed_many_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_demo(tmp_path, monkeypatch, DEMO_ROUNDS_LONG)


# --- the agent and its shells


def kill_agent(appliance: Appliance, console: Console, client: JumpClient, rounds: int) -> None:
    """Kill a Jump Client so often while shells begin and run in it."""
    chance = random.Random(8446)
    for _ in range(rounds):
        live = console.jump(item_named(console, NAME, within=60)["id"])
        live.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
        shell = live.open_shell()
        live.type(shell, "sleep 1000\r")
        wait_for(lambda: "sleep 1000" in map(said, children_of(client.process.pid)), what="the program in the shell")
        body = json.dumps({"cols": 80, "rows": 24}).encode()
        live.socket.send(Shell.OPEN, channel(Kind.SHELL), body, live.leg)
        time.sleep(chance.uniform(0.0, 0.1))
        os.kill(client.process.pid, signal.SIGSTOP)  # nothing is born between the look and the kill
        below = {pid: said(pid) for pid in children_of(client.process.pid)}
        client.kill()
        wait_for(lambda b=below: not any(map(alive, b)), 60, f"the end of {below}")  # type: ignore[misc]
        live.end()
        client.start()


def test_no_shell_outlives_the_agent(appliance: Appliance, console: Console, client: JumpClient) -> None:
    kill_agent(appliance, console, client, AGENT_ROUNDS)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_no_shell_outlives_the_agent_killed_many_times(
    appliance: Appliance, console: Console, client: JumpClient
) -> None:
    kill_agent(appliance, console, client, AGENT_ROUNDS_LONG)
