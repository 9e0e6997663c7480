"""Endpoints for tests: the built client file as a Jump Client and as a customer's client, in a folder of its own.

The file runs with a Python that has no package of this repository: what it needs it must bring. Home folder, state and
unpacked libraries lie below the test's folder, so nothing else of the machine is touched.
"""

import contextlib
import fcntl
import html
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.harness.appliance import Appliance, wait_for
from tests.harness.console import Console, LiveSession
from tests.harness.visitor import Visitor

from farhand.kit.process import leash

ROOT = Path(__file__).parents[2]
FILE = ROOT / "src/farhand/web/downloads/farhand-client-linux.pyz"
SOURCES = ("src/farhand/agent", "src/farhand/protocol", "src/farhand/kit", "src/farhand/locale", "requirements")
MADE_BY = [ROOT / name for name in ("src/farhand/__init__.py", "tools/build_client.py", "tools/client_bootstrap.py")]
OWN_HOME = """import os, pwd
_real = pwd.getpwuid
def _own(uid):
    return pwd.struct_passwd((*_real(uid)[:5], os.environ["HOME"], "/bin/bash"))
pwd.getpwuid = _own
"""
"""What the machine's Python does at its start: the account's home folder is $HOME, its shell is bash."""
COMMAND = re.compile(r'<code id="command">([^<]+)</code>')


def build_client() -> Path:
    """Return the client file; build it when it is missing or older than what it is made of."""
    lock = ROOT / ".cache" / "client-build.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # another run of tests may be building it
        newest = max(
            place.stat().st_mtime
            for folder in SOURCES
            for place in [*MADE_BY, *(ROOT / folder).rglob("*")]
            if place.suffix in {".py", ".txt", ".mo"} and "__pycache__" not in place.parts
        )
        if not FILE.exists() or FILE.stat().st_mtime < newest:
            tool = [sys.executable, str(ROOT / "tools/build_client.py")]
            done = subprocess.run(tool, capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, done.stderr
    return FILE


class Machine:
    """A machine of its own: home folder, programs found by PATH; the client's libraries are unpacked once a module."""

    def __init__(self, folder: Path, words: Sequence[str] = ()) -> None:
        """`words` stand before every command, as of `network.Cable`."""
        self.folder = folder
        self.words = list(words)
        self.home = folder / "home"
        self.home.mkdir(parents=True, exist_ok=True)
        self.temporary = folder / "tmp"
        self.temporary.mkdir(exist_ok=True)
        programs = folder / "bin"
        programs.mkdir(exist_ok=True)
        python = programs / "python3"
        if not python.exists():
            # The base interpreter: it does not see the virtual environment.
            python.symlink_to(
                Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
            )
        # Its user's home folder is here too: a login shell reads and writes nothing of the person who runs the tests.
        (programs / "sitecustomize.py").write_text(OWN_HOME)
        cache = folder.parent / "client-cache"
        cache.mkdir(mode=0o700, exist_ok=True)
        self.environment = {
            "HOME": str(self.home),
            "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(programs),
            "TMPDIR": str(self.temporary),
            "FARHAND_CLIENT_CACHE": str(cache),
        }

    @property
    def python(self) -> str:
        """The machine's own Python."""
        return str(self.folder / "bin" / "python3")

    @property
    def client(self) -> Path:
        """The client file that the newest command has downloaded, into a folder of its own."""
        found = self.temporary.glob("*/farhand-client.pyz")
        return max(found, key=lambda place: place.stat().st_mtime_ns)

    def did(self) -> list[str]:
        """What the programs of `outside` wrote down."""
        notes = self.folder / "did"
        return notes.read_text().splitlines() if notes.exists() else []

    def run(self, command: list[str], within: float = 60.0, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run a command on this machine and return how it ended."""
        return subprocess.run(
            [*self.words, *command],
            env=self.environment | more,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=within,
            preexec_fn=leash(),
        )


def enrolment_command(admin: Visitor, group_id: str = "", name: str = "") -> str:
    """Make an enrolment on /login > Jump > Jump Clients and return the command that the page shows."""
    if not group_id:
        page = admin.get("/login/jump/clients/enrol").text
        found = re.search(r'<option value="([^"]+)"[^>]*>General</option>', page)
        assert found, page[-2000:]
        group_id = found.group(1)
    fields = {"group_id": group_id, "name": name, "comments": "", "expires_s": "3600"}
    answer = admin.submit("/login/jump/clients/enrol", fields)
    shown = COMMAND.search(answer.body.decode())
    assert shown, answer.text[-2000:]
    return html.unescape(shown.group(1))


class JumpClient:
    """An enrolled machine whose client runs in the foreground as a child of the test."""

    def __init__(self, machine: Machine, display: str = "") -> None:
        self.machine = machine
        self.state = machine.folder / "state"
        self.display = display
        self.lines: list[str] = []
        self.process: subprocess.Popen[str] | None = None

    def install(self, command: str, *, start: bool = False) -> subprocess.CompletedProcess[str]:
        """Run the enrolment command as a person does, but into this machine's state folder."""
        words = "" if start else " --no-start"
        done = self.machine.run(["bash", "-c", f"{command} --state {shlex.quote(str(self.state))}{words}"])
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def start(self) -> "JumpClient":
        """Run the installed client."""
        arguments = ["run", "--state", str(self.state), *(["--display", self.display] if self.display else [])]
        self.process = subprocess.Popen(
            [*self.machine.words, self.machine.python, str(self.machine.client), *arguments],
            env=self.machine.environment | {"DISPLAY": self.display},
            cwd=self.machine.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=leash(),
        )
        threading.Thread(target=_read, args=(self.process, self.lines), daemon=True).start()
        return self

    def said(self, event: str) -> list[dict[str, Any]]:
        """Log lines of one event."""
        return [line for line in map(_json, self.lines) if line.get("event") == event]

    def wait_linked(self, times: int = 1, within: float = 60.0) -> float:
        """Wait until the client has linked so often; return the seconds that it took."""
        begin = time.monotonic()
        wait_for(lambda: len(self.said("linked")) >= times, within, f"link {times}; {self.lines[-5:]}")
        return time.monotonic() - begin

    def kill(self) -> None:
        """`kill -9`."""
        assert self.process
        self.process.kill()
        self.process.wait(60)

    def stop(self) -> None:
        """End the client as a service manager does."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()


class Customer:
    """A customer's client on its terminal face: what is typed goes in by a pipe, what is shown comes out."""

    def __init__(
        self, machine: Machine, file: Path, *arguments: str, display: str = "", words: Sequence[str] = ()
    ) -> None:
        """`words`: another command than `help` on a terminal."""
        self.file = file
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [*machine.words, machine.python, str(file), *(words or ("help", "--terminal")), *arguments],
            env=machine.environment | ({"DISPLAY": display} if display else {}),
            cwd=machine.home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=leash(),
        )
        threading.Thread(target=_read, args=(self.process, self.lines), daemon=True).start()

    def wait_shown(self, text: str, since: int = 0, within: float = 60.0) -> str:
        """Wait until a line with `text` was shown and return it."""
        deadline = time.monotonic() + within
        while True:
            over = self.process.poll() is not None or time.monotonic() > deadline
            found = next((line for line in self.lines[since:] if text in line), None)
            if found is not None:
                return found
            assert not over, f"{text!r} was not shown; the client's status: {self.process.poll()}; shown: {self.lines}"
            time.sleep(0.05)

    def type(self, line: str) -> None:
        """Type a line."""
        assert self.process.stdin
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def wait_ended(self, within: float = 60.0) -> int:
        """Wait for the end and return the exit status."""
        return self.process.wait(within)

    def stop(self) -> None:
        """End the process if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(60)
        if self.process.stdin:
            self.process.stdin.close()


def new_jump_client(appliance: Appliance, admin: Visitor, folder: Path, name: str, display: str = "") -> JumpClient:
    """Enrol a machine by the command of the page, start its client and wait for the link."""
    client = JumpClient(Machine(folder / name), display)
    client.install(enrolment_command(admin, name=name))
    client.start().wait_linked()
    return client


def item_named(console: Console, name: str, status: str = "active", within: float = 60.0) -> dict[str, Any]:
    """Wait until the Jump Item has this status and return it."""

    def look() -> Any:
        return next((i for i in console.items("jump_items") if i["name"] == name and i["status"] == status), None)

    found: dict[str, Any] = wait_for(look, within, f"Jump Item {name} {status}")
    return found


@contextlib.contextmanager
def joined(console: Console, name: str) -> Iterator[LiveSession]:
    """A session with a Jump Client that has joined it; it is ended with the block, and the Jump Item free again."""
    live = console.jump(item_named(console, name)["id"])
    live.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
    yield live
    if not live.socket.closed:
        live.end()
    item_named(console, name)


def use_key(customer: Visitor, key: str) -> Any:
    """Enter a session key on the portal's page."""
    return customer.submit("/", {"key": key}, to="/start")


def download_client(customer: Visitor, folder: Path) -> Path:
    """Press the download button of the help page and return the file."""
    answer = customer.submit("/help", {}, to="/help/download")
    assert answer.status == 200, answer.text[:2000]
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / "farhand-client-linux.pyz"
    place.write_bytes(answer.body)
    return place


def comment_of(file: Path) -> dict[str, Any]:
    """The way in that a customer's client file carries."""
    with zipfile.ZipFile(file) as archive:
        return dict(json.loads(archive.comment))


def alive(pid: int) -> bool:
    """Say whether a process runs (and is not a zombie)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children_of(pid: int) -> list[int]:
    """All processes below one."""
    found: list[int] = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parent = int(Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == pid:
                found += [int(entry), *children_of(int(entry))]
    return found


def _read(process: subprocess.Popen[str], lines: list[str]) -> None:
    assert process.stdout
    for line in process.stdout:
        lines.append(line.rstrip())  # noqa: PERF401  each line must be there as soon as it came


def _json(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
