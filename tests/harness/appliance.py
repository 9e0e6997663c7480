"""An appliance of its own: `farhand serve` on a free port with a fresh data folder, and what a test does to it."""

import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.harness.visitor import Visitor

from farhand.kit.process import leash

READY_WITHIN = 120.0
LINK = re.compile(r"Claim this appliance: (https://\S+)")

ADMIN = {"username": "admin", "display_name": "Administrator", "password": "correct horse battery staple"}
BOX_ADMIN = {"username": "box", "password": "another good battery staple"}


def free_port() -> int:
    """A TCP port that nobody uses, below the range from which outgoing connections take theirs."""
    for _ in range(200):
        port = random.randrange(20_000, 32_000)
        with socket.socket(socket.AF_INET6) as probe, contextlib.suppress(OSError):
            probe.bind(("::", port))
            return port
    raise AssertionError("no free port was found")


def wait_for(condition, within: float = 60.0, what: str = "the condition"):  # type: ignore[no-untyped-def]
    """Poll until `condition()` is truthy and return it; fail with the last value after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {within} s; last: {value!r}")
        time.sleep(0.05)


def run_farhand(*words: str, stdin: str = "", within: float = 60.0, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the `farhand` command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "farhand.cli", *words],
        env={**os.environ, "FARHAND_DEMO": "0", **more},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=within,
        preexec_fn=leash(),
    )


class Appliance:
    """Start, claim, kill parts of, restart and stop one appliance."""

    def __init__(self, data: Path, *, demo: bool = False, port: int | None = None) -> None:
        self.data = data
        self.port = port or free_port()
        self.demo = demo
        self.lines: list[str] = []
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"https://localhost:{self.port}"

    def start(self) -> "Appliance":
        """Start it and wait until it says that it is ready."""
        before = len(self.lines)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "farhand.cli", "serve", "--data", str(self.data), "--port", str(self.port)],
            env={**os.environ, "FARHAND_DEMO": "1" if self.demo else "0", "FARHAND_LOG": "json"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=leash(),
        )
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()
        wait_for(lambda: self._said("Farhand is ready", before), READY_WITHIN, "the appliance")
        return self

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        for line in process.stdout:
            self.lines.append(line.rstrip())

    def _said(self, text: str, since: int = 0) -> bool:
        if (
            self._process is not None
            and self._process.poll() is not None
            and not any(text in x for x in self.lines[since:])
        ):
            raise AssertionError("the appliance ended:\n" + "\n".join(self.lines[-30:]))
        return any(text in line for line in self.lines[since:])

    @property
    def claim_link(self) -> str:
        """The claim link that was printed at the start, a moment after the line that says ready."""
        found: list[str] = wait_for(
            lambda: [match.group(1) for line in self.lines if (match := LINK.search(line))], what="the claim link"
        )
        return found[-1]

    @property
    def claim_path(self) -> str:
        """The claim link without scheme and host."""
        return "/" + self.claim_link.split("/", 3)[3]

    def visitor(self) -> Visitor:
        """Somebody new with an empty browser."""
        return Visitor(self.port)

    @property
    def pid(self) -> int:
        """Process id of the supervisor."""
        assert self._process
        return self._process.pid

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of the three programs."""
        return {program: self.pid_of(program) for program in ("relay", "web", "worker")}

    def logged(self, event: str, since: int = 0, **fields: object) -> list[dict[str, Any]]:
        """Log lines of one event, from line number `since` on, with these fields."""
        found = []
        for line in self.lines[since:]:
            if f'"{event}"' in line and line.startswith("{"):
                value = json.loads(line)
                if value.get("event") == event and all(value.get(k) == v for k, v in fields.items()):
                    found.append(value)
        return found

    def command(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run `farhand WORDS --data ...` as the machine's owner does."""
        return run_farhand(*words, "--data", str(self.data), stdin=stdin, FARHAND_PORT=str(self.port))

    def pid_of(self, program: str) -> int:
        """Process id of `relay`, `web` or `worker`."""
        return int((self.data / "run" / f"{program}.pid").read_text())

    def kill(self, program: str) -> None:
        """`kill -9` one program and wait until another one has taken its place."""
        old = self.pid_of(program)
        os.kill(old, signal.SIGKILL)
        wait_for(lambda: self.pid_of(program) != old, 60, f"a new {program}")

    def stop(self, how: int = signal.SIGINT) -> int:
        """Stop it as Ctrl-C does; return its exit status."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(how)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
                raise AssertionError("the appliance did not stop within 20 s") from None
        status = self._process.returncode
        self._process = None
        return status

    def __enter__(self) -> "Appliance":
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()
