"""Children end with their parent, whenever it is killed: before they asked for it, and with the parent's handlers."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from farhand.kit.process import leash

BEGIN = """
import os, signal, subprocess, sys, time
from functools import partial
from farhand.kit.process import die_with, leash
def say(*words):
    os.write(1, " ".join(map(str, words)).encode() + b"\\n")
def sleep():
    while True:
        time.sleep(0.01)  # short, so that handlers written in Python run
"""


def alive(pid: int) -> bool:
    """Whether a process runs and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Parent:
    """A program that starts a child, says its number, and may be killed."""

    def __init__(self) -> None:
        self.children: list[int] = []
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, code: str) -> int:
        """Start it and return its child's number."""
        self.process = subprocess.Popen(
            [sys.executable, "-c", BEGIN + code], stdout=subprocess.PIPE, preexec_fn=leash(signal.SIGKILL)
        )
        word, number = self.hear().split()
        assert word == "child"
        self.children.append(int(number))
        return int(number)

    def hear(self) -> str:
        """The next line."""
        assert self.process is not None
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode().strip()

    def kill(self) -> None:
        """`kill -9`."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(60)


@pytest.fixture
def parent() -> Iterator[Parent]:
    """A parent; it and its children end with the test."""
    made = Parent()
    yield made
    if made.process is not None:
        made.kill()
        assert made.process.stdout
        made.process.stdout.close()
    for pid in made.children:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


def gone(pid: int, within: float = 60.0) -> bool:
    """Wait for the end of a process."""
    return until(lambda: not alive(pid), within)


def until(condition: Callable[[], bool], within: float = 60.0) -> bool:
    """Wait for a condition."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def test_a_program_ends_with_the_one_that_started_it(parent: Parent) -> None:
    child = parent.run(
        "child = subprocess.Popen(['sleep', '1000'], preexec_fn=leash())\nsay('child', child.pid)\nsleep()"
    )
    assert until(lambda: Path(f"/proc/{child}/comm").read_text().strip() == "sleep")
    parent.kill()
    assert gone(child)


@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
def test_a_child_that_asks_too_late_ends_too(parent: Parent, how: str) -> None:
    """The parent has ended between the fork and the child's request."""
    child = parent.run(
        "parent = os.getpid()\n"
        "if (child := os.fork()):\n"
        "    say('child', child)\n"
        "    sleep()\n"
        "while os.getppid() == parent:\n"
        "    time.sleep(0.001)\n"
        f"die_with(parent, signal.{how})\n"
        "sleep()"
    )
    parent.kill()
    assert gone(child)


def test_a_parents_handler_does_not_swallow_the_word_of_its_end(parent: Parent) -> None:
    """A fork takes handlers along; the parent's would set a flag that nobody in the child looks at."""
    child = parent.run(
        "signal.signal(signal.SIGTERM, lambda *_: None)\n"
        "parent = os.getpid()\n"
        "hear, tell = os.pipe()  # the lines must come in this order\n"
        "if (child := os.fork()):\n"
        "    say('child', child)\n"
        "    os.write(tell, b'x')\n"
        "    sleep()\n"
        "die_with(parent)\n"
        "os.read(hear, 1)\n"
        "say('ready')\n"
        "sleep()"
    )
    assert parent.hear() == "ready"
    parent.kill()
    assert gone(child)


def test_a_child_whose_end_must_be_sure_cannot_put_it_off(parent: Parent) -> None:
    child = parent.run(
        "parent = os.getpid()\n"
        "hear, tell = os.pipe()  # the lines must come in this order\n"
        "if (child := os.fork()):\n"
        "    say('child', child)\n"
        "    os.write(tell, b'x')\n"
        "    sleep()\n"
        "die_with(parent, signal.SIGKILL)\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "os.read(hear, 1)\n"
        "say('ready')\n"
        "sleep()"
    )
    assert parent.hear() == "ready"
    os.kill(child, signal.SIGTERM)
    parent.kill()
    assert gone(child)


def test_a_living_parent_costs_its_child_nothing(parent: Parent) -> None:
    child = parent.run(
        "child = subprocess.Popen(['sleep', '1000'], preexec_fn=leash(signal.SIGKILL))\n"
        "say('child', child.pid)\n"
        "child.terminate()\n"
        "say('ended', child.wait())\n"
        "sleep()"
    )
    assert parent.hear() == f"ended {-signal.SIGTERM}"
    assert not alive(child)
