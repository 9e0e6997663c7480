"""A network of a test's own: a namespace for an endpoint, joined to this machine by a cable that can be cut.

Needs the right to make network namespaces and interfaces (root). Nothing has a name that could stay behind: a process
holds the namespace, ends with the test even by `kill -9`, and takes namespace and cable with it. The addresses are of
198.18.0.0/15, which is kept for tests of networks (RFC 2544).
"""

import contextlib
import os
import secrets
import signal
import subprocess
import time
from enum import Enum
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from farhand.kit.process import leash

HINT = "this test needs the right to make network namespaces: run it as root, in a container with CAP_NET_ADMIN and "
HINT += "CAP_SYS_ADMIN"

NOBODY = "02:00:00:00:00:01"
"""A hardware address that neither end has: what is sent to it vanishes."""


class Cut(Enum):
    """How a network may be lost."""

    DOWN = "down"
    """The endpoint's own interface is down: new connections fail at once."""
    SILENT = "silent"
    """Both ends look well, and nothing arrives: somewhere between them something is dead."""


class Cable:
    """One namespace and the two ends of a veth pair: `near` is this machine's address, `far` the namespace's."""

    def __init__(self) -> None:
        self._holder: subprocess.Popen[bytes] | None = None
        self._name = f"fh{secrets.token_hex(4)}"
        # Not `random`: its seed may be that of another run of tests on this machine.
        first = int(IPv4Address("198.18.0.0")) + 4 * secrets.randbelow(1 << 15)
        self.near, self.far = str(IPv4Address(first + 1)), str(IPv4Address(first + 2))

    @property
    def words(self) -> list[str]:
        """What stands before a command that runs in the namespace; the process is the command's own."""
        assert self._holder
        return ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", "--"]

    def __enter__(self) -> "Cable":
        try:
            self._hold()
            assert self._holder
            far = str(self._holder.pid)
            _ip("link", "add", self._name, "type", "veth", "peer", "name", "eth0", "netns", far)
            _ip("address", "add", f"{self.near}/30", "dev", self._name)
            _ip("link", "set", self._name, "up")
            _ip("link", "set", "lo", "up", within=self.words)
            _ip("address", "add", f"{self.far}/30", "dev", "eth0", within=self.words)
            _ip("link", "set", "eth0", "up", within=self.words)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        with contextlib.suppress(OSError):  # the namespace's end would take it along, but only some time later
            subprocess.run(["ip", "link", "delete", self._name], capture_output=True, check=False, timeout=60)
        if self._holder is not None:
            self._holder.kill()
            self._holder.wait(60)
            if self._holder.stderr:
                self._holder.stderr.close()
            self._holder = None

    def _hold(self) -> None:
        """Start the process that holds the namespace, and wait until it does."""
        own = os.readlink("/proc/self/ns/net")
        try:
            self._holder = subprocess.Popen(
                ["unshare", "--net", "sleep", "infinity"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                preexec_fn=leash(signal.SIGKILL),
            )
        except FileNotFoundError:
            pytest.fail("this test needs `unshare` and `nsenter`: install the package util-linux")
        deadline = time.monotonic() + 20
        # The program's name too: until the exec of `sleep` all is not done.
        place = Path(f"/proc/{self._holder.pid}")
        while (place / "comm").read_text() != "sleep\n" or os.readlink(place / "ns" / "net") == own:
            if self._holder.poll() is not None:
                assert self._holder.stderr
                pytest.fail(f"{HINT} ({self._holder.stderr.read().decode().strip()})")
            assert time.monotonic() < deadline, "no network namespace"
            time.sleep(0.01)

    def cut(self, how: Cut) -> None:
        """Let nothing through any more."""
        if how is Cut.DOWN:
            _ip("link", "set", "eth0", "down", within=self.words)
        else:
            for words in self._neighbours("replace", "lladdr", NOBODY, "nud", "permanent"):
                _ip(*words[0], within=words[1])

    def mend(self, how: Cut) -> None:
        """Undo `cut`; return when both ends are up."""
        if how is Cut.DOWN:
            _ip("link", "set", "eth0", "up", within=self.words)
        else:
            for words in self._neighbours("delete"):
                _ip(*words[0], within=words[1])
        deadline = time.monotonic() + 20
        while Path(f"/sys/class/net/{self._name}/operstate").read_text().strip() != "up":
            assert time.monotonic() < deadline, "the cable does not come up"
            time.sleep(0.01)

    def _neighbours(self, order: str, *more: str) -> list[tuple[list[str], list[str]]]:
        """Commands about what each end knows of the other: arguments of `ip`, and what stands before them."""
        here = ["neighbour", order, self.far, *more, "dev", self._name]
        there = ["neighbour", order, self.near, *more, "dev", "eth0"]
        return [(here, []), (there, self.words)]


def _ip(*words: str, within: list[str] | None = None) -> None:
    """Run ip(8); fail the test with what it said."""
    try:
        done = subprocess.run([*(within or []), "ip", *words], capture_output=True, text=True, check=False, timeout=60)
    except FileNotFoundError:
        pytest.fail("this test needs `ip`: install the package iproute2")
    if done.returncode:
        pytest.fail(f"{HINT} (ip {' '.join(words)}: {done.stderr.strip()})")
