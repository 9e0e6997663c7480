"""Terminals and their keeper, with real processes: a clean start, keys, and an end that leaves nothing behind."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import termios
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from farhand.agent.tools.shell import terminal as terminal_module
from farhand.agent.tools.shell.keeping import Keeping
from farhand.agent.tools.shell.terminal import MAX_WAITING_INPUT, Terminal
from farhand.kit.process import leash

DETACHED = (
    "sleep {n}.1 & nohup sleep {n}.2 >/dev/null 2>&1 & setsid sleep {n}.3 & "
    "(trap '' HUP TERM; while :; do sleep {n}.4; done) & disown -a; setsid sh -c 'trap \"\" HUP; sleep {n}.5 & wait' &"
)
"""What a person may leave running: jobs, in sessions of their own, deaf to SIGHUP and SIGTERM."""


class Hearer:
    """Remembers what a terminal says."""

    def __init__(self) -> None:
        self.output = bytearray()
        self.said: list[object] = []
        self._changed = asyncio.Event()

    def on_started(self) -> None:
        self._say("started")

    def on_failed(self, reason: str) -> None:
        self._say(("failed", reason))

    def on_output(self, data: bytes) -> None:
        self.output += data
        self._changed.set()

    def on_exit(self, status: int | None) -> None:
        self._say(("exit", status))

    def _say(self, what: object) -> None:
        self.said.append(what)
        self._changed.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def prints(self, text: bytes) -> None:
        await self.until(lambda: text in self.output)


class Host:
    """A keeper and the terminals that were opened with it."""

    def __init__(self) -> None:
        self.lost: list[None] = []
        self.keeping = Keeping(lambda: self.lost.append(None))
        self._terminals: list[Terminal] = []

    async def open(self, first: str = "", number: int = 1) -> tuple[Terminal, Hearer]:
        """Open a terminal, wait for its shell, type a first line."""
        hearer = Hearer()
        terminal = Terminal(self.keeping, number, (80, 24), hearer)
        self._terminals.append(terminal)
        await hearer.until(lambda: hearer.said)
        if first:
            terminal.write(first.encode() + b"\n")
        return terminal, hearer

    def close(self) -> None:
        for terminal in self._terminals:
            terminal.let_go()
        self.keeping.close()


@pytest.fixture(autouse=True)
def plain_bash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Bash, without what this machine's user has it do at its start."""
    monkeypatch.setattr(terminal_module, "login_shell", lambda: "/bin/bash")
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    made = Host()
    yield made
    made.close()


def unique() -> int:
    """A number of seconds that no other process of this machine sleeps."""
    return random.randrange(100_000, 900_000)


def sleeping(number: int) -> list[int]:
    """The processes that sleep NUMBER.x seconds."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and f"sleep\0{number}.".encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


async def until(condition: Callable[[], object], within: float = 60) -> None:
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110  nothing tells it
            await asyncio.sleep(0.02)


async def test_everything_ends_with_the_session(host: Host) -> None:
    number = unique()
    terminal, _ = await host.open(DETACHED.format(n=number))
    await until(lambda: len(sleeping(number)) == 5)
    terminal.let_go()
    begin = time.monotonic()
    host.keeping.close()
    await until(lambda: not sleeping(number))
    assert time.monotonic() - begin >= 1.5, "what does not hear SIGHUP has its time before SIGKILL"


async def test_a_program_may_clean_up_when_the_session_ends(host: Host, tmp_path: Path) -> None:
    file = tmp_path / "cleaned"
    terminal, hearer = await host.open(
        f"setsid sh -c 'trap \"echo hung up > {file}; exit\" HUP; echo rea''dy; while :; do sleep 0.1; done'"
    )
    await hearer.prints(b"ready")
    terminal.let_go()
    host.keeping.close()
    await until(lambda: file.exists() and file.read_text() == "hung up\n")


AGENT = """
import asyncio, sys
sys.path.insert(0, {root!r})
from tests.unit.agent.tools.shell.test_terminal import Host
from farhand.agent.tools.shell import terminal as module
module.login_shell = lambda: "/bin/bash"
async def main():
    host = Host()
    await host.open({line!r})
    await asyncio.sleep(60)
asyncio.run(main())
"""


def start_agent(source: str) -> "subprocess.Popen[bytes]":
    """Run an agent that does nothing but open a shell."""
    return subprocess.Popen([sys.executable, "-c", source], preexec_fn=leash())


def parent_of(pid: int) -> int:
    """Process id of a process's parent."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_everything_ends_with_the_agent_however_it_ends(how: signal.Signals) -> None:
    number = unique()
    root = str(Path(__file__).parents[5])
    source = AGENT.format(root=root, line=DETACHED.format(n=number))
    agent = start_agent(source)
    try:
        await until(lambda: len(sleeping(number)) == 5)
    finally:
        agent.send_signal(how)
        agent.wait(60)
    await until(lambda: not sleeping(number))


async def test_closing_one_shell_ends_what_was_started_in_it_and_nothing_else(host: Host) -> None:
    one, other = unique(), unique()
    closed, hearer = await host.open(f"nohup sleep {one}.1 & sleep {one}.2 & sleep {one}.3", 1)
    kept, living = await host.open(f"sleep {other}.1 & sleep 0.1", 2)
    await until(lambda: len(sleeping(one)) == 3 and len(sleeping(other)) == 1)
    closed.hang_up()
    await hearer.until(lambda: len(hearer.said) == 2)
    await until(lambda: not sleeping(one))
    assert sleeping(other)
    kept.write(b"echo still-$((40+2))\n")
    await living.prints(b"still-42")


async def test_a_shell_that_is_gone_when_it_is_closed_takes_along_what_was_started_in_it(host: Host) -> None:
    number = unique()
    terminal, hearer = await host.open(f"nohup sleep {number}.1 & sleep {number}.2")
    await until(lambda: len(sleeping(number)) == 2)
    kill_now(terminal.pid)  # as the kernel does it when the terminal is closed, before anybody is told
    terminal.hang_up()
    await hearer.until(lambda: len(hearer.said) == 2)
    await until(lambda: not sleeping(number))


async def test_a_shell_that_ignores_the_hang_up_is_killed(host: Host) -> None:
    terminal, hearer = await host.open("trap '' HUP; echo trap-$((1+1)); while :; do sleep 1; done")
    await hearer.prints(b"trap-2")
    terminal.hang_up()
    await hearer.until(lambda: len(hearer.said) == 2)
    assert hearer.said[1] == ("exit", -signal.SIGKILL)


async def test_a_job_outlives_its_shell_until_the_session_ends(host: Host) -> None:
    number = unique()
    _, hearer = await host.open(f"nohup sleep {number}.1 >/dev/null 2>&1 & sleep 0.3; exit 5")
    await hearer.until(lambda: len(hearer.said) == 2)
    assert hearer.said[1] == ("exit", 5)
    assert sleeping(number)
    host.keeping.close()
    await until(lambda: not sleeping(number))


async def test_a_lost_keeper_is_told_and_replaced(host: Host) -> None:
    terminal, hearer = await host.open()
    os.kill(parent_of(terminal.pid), signal.SIGKILL)
    await hearer.until(lambda: len(hearer.said) == 2)
    assert hearer.said[1] == ("exit", None)
    assert host.lost
    _, again = await host.open("echo back-$((1+1))", 2)
    await again.prints(b"back-2")


async def test_a_shell_is_started_although_the_keeper_went_a_moment_ago(host: Host) -> None:
    terminal, hearer = await host.open()
    kill_now(parent_of(terminal.pid))
    _, again = await host.open("echo back-$((1+1))", 2)
    await again.prints(b"back-2")
    await hearer.until(lambda: len(hearer.said) == 2)
    assert hearer.said[1] == ("exit", None)


def kill_now(process: int) -> None:
    """Kill, and hold everything up until it is gone: the event loop must not hear of it before."""
    os.kill(process, signal.SIGKILL)
    while Path(f"/proc/{process}").exists():
        time.sleep(0.01)


async def test_the_shell_starts_clean(host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FARHAND_SECRET", "canary")
    monkeypatch.setenv("VIRTUAL_ENV", "canary")
    monkeypatch.setenv("LD_PRELOAD", "")
    held = os.open(tmp_path / "held", os.O_CREAT | os.O_RDWR)
    os.set_inheritable(held, True)
    try:
        terminal, hearer = await host.open(
            "env -0 | tr '\\0' '\\n' | sed 's/^/E:/'; echo fds: $(ls /proc/self/fd); "
            "ps -o pid=,ppid=,pgid=,sid=,tpgid= -p $$; pwd; echo do''ne"
        )
        await hearer.prints(b"done")
    finally:
        os.close(held)
    text = hearer.output.decode()
    names = {line[2:].partition("=")[0] for line in text.splitlines() if line.startswith("E:")}
    assert {"TERM", "HOME", "USER", "SHELL", "PATH", "LANG"} <= names
    assert not names & {"FARHAND_SECRET", "LD_PRELOAD", "PYTHONPATH", "VIRTUAL_ENV"}
    assert "fds: 0 1 2 3\r\n" in text, "no descriptor of the agent or the keeper (3 is the folder that ls reads)"
    assert "canary" not in text
    ids = next(line.split() for line in text.splitlines() if line.split()[:1] == [str(terminal.pid)])
    assert ids[2] == ids[3] == str(terminal.pid), "a session and a process group of its own"


async def test_a_shell_program_that_is_missing_says_so(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal_module, "login_shell", lambda: "/nonexistent/shell")
    _, hearer = await host.open()
    await hearer.until(lambda: len(hearer.said) == 2)
    assert hearer.said[1] == ("exit", 127)
    assert b"/nonexistent/shell" in hearer.output


async def test_without_a_terminal_there_is_an_error(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "ttyname", lambda _fd: "/dev/null/nowhere")
    _, hearer = await host.open()
    assert hearer.said == [("failed", os.strerror(20))]


async def test_an_interrupt_passes_what_nobody_reads(host: Host) -> None:
    number = unique()
    terminal, hearer = await host.open(f"sleep {number}.1")
    await until(lambda: sleeping(number))
    assert terminal.write(b"x" * 500_000)
    assert terminal._input, "more than the kernel takes"
    terminal.write(b"\x03")
    await hearer.prints(b"^C")
    terminal.write(b"echo status-$?\n")
    await hearer.prints(b"status-130")
    assert b"xxxx: " not in hearer.output, "what was typed before is not run"


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), termios.error(25, "Not a typewriter")])
async def test_an_interrupt_that_cannot_clear_what_waits_hurts_nobody(
    host: Host, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    number = unique()
    terminal, hearer = await host.open(f"sleep {number}.1")
    await until(lambda: sleeping(number))

    def refuse(*_arguments: object) -> None:
        raise error

    assert terminal.write(b"x" * 500_000)
    for name in ("tcflush", "tcsetwinsize"):
        monkeypatch.setattr(termios, name, refuse)
    terminal.write(b"\x03")
    terminal.resize(90, 30)
    await hearer.prints(b"^C")
    monkeypatch.undo()
    monkeypatch.setattr(terminal_module.termios, "tcgetattr", refuse)
    assert terminal.write(b"x" * 500_000)
    assert terminal.write(b"\x03")


async def test_a_program_that_reads_raw_gets_the_key_and_what_was_typed_before(host: Host) -> None:
    terminal, hearer = await host.open("stty raw -echo; echo re''ady; head -c 200001 | tail -c 3 | od -c; stty sane")
    await hearer.prints(b"ready")
    assert terminal.write(b"x" * 200_000)
    terminal.write(b"\x03")
    await hearer.prints(b"x   x 003")


async def test_input_beyond_all_measure_is_refused(host: Host) -> None:
    number = unique()
    terminal, _ = await host.open(f"stty raw; sleep {number}.1")
    await until(lambda: sleeping(number))
    while terminal.write(b"y" * 16_384):
        assert len(terminal._input) <= MAX_WAITING_INPUT


async def test_bytes_that_are_no_text_come_and_go_as_they_are(host: Host) -> None:
    terminal, hearer = await host.open(
        "stty raw -echo; echo re''ady; head -c 6 | od -An -tx1; printf '\\377\\300\\376'"
    )
    await hearer.prints(b"ready")
    terminal.write(b"\xff\xfe\xc0\x80\xed\xa0")
    await hearer.prints(b"ff fe c0 80 ed a0")
    await hearer.prints(b"\xff\xc0\xfe")
