"""A slow link: a TCP proxy that carries bytes at a rate, after a delay, through a queue of a certain length.

Why it exists: the bench shows what Farhand and its peers do on links that the machine does not have.

How: each direction is one line that all connections share. What is read waits its turn on the line (bytes / rate), then
travels (delay, jitter) and is written. While the queue in front of the line is full nothing is read, so that the
sender's own socket fills, as it does in front of a real line. One thread; right to about a millisecond.

Rules: `python -m tests.bench.slowlink PORT` with options below prints `listening on N` and ends when its standard input
does. Receive buffers of a line with a rate are small, so that the queue is where it is said to be. A line without a
rate takes what comes, as long as who is behind it takes it too.
"""

import argparse
import contextlib
import heapq
import itertools
import random
import select
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TextIO

from tests.bench import procs

PACKET = 1448
BUFFER = 16 * 1024
"""Receive buffer of a socket in bytes; the kernel takes twice as much."""
AT_ONCE = 1 << 18
"""Bytes that are read at once where there is no rate."""
BEHIND = 1 << 20
"""Bytes that have arrived and were not taken, at which nothing more is read."""


class Line:
    """One direction, without sockets: tells when bytes come out at the other end.

    `rate` in bytes per second (0 = no limit), `delay` and `jitter` in seconds, `queue` in bytes.
    """

    def __init__(self, rate: float, delay: float, queue: int, jitter: float = 0.0, seed: int = 1) -> None:
        self.rate = rate
        self.delay = delay
        self.queue = queue
        self.jitter = jitter
        self._chance = random.Random(seed)
        self._free_at = 0.0
        self._last_at = 0.0
        self._waiting: deque[tuple[float, int]] = deque()
        self._backlog = 0

    def room(self, now: float) -> int:
        """Bytes that may be taken now; the queue in front of the line is full at 0."""
        while self._waiting and self._waiting[0][0] <= now:
            self._backlog -= self._waiting.popleft()[1]
        return max(0, self.queue - self._backlog) if self.rate else self.queue

    def opens_at(self) -> float:
        """When the queue is shorter by a packet."""
        return self._waiting[0][0] if self._waiting else 0.0

    def take(self, size: int, now: float) -> float:
        """Return when `size` bytes that came now arrive at the other end."""
        if self.rate:
            self._free_at = max(self._free_at, now) + size / self.rate
            self._waiting.append((self._free_at, size))
            self._backlog += size
        else:
            self._free_at = now
        arrival = self._free_at + self.delay + self._chance.random() * self.jitter
        self._last_at = max(self._last_at, arrival)
        return self._last_at


@dataclass(eq=False)
class End:
    """One socket of a pair."""

    socket: socket.socket
    line: Line
    """What carries the bytes that are read here."""
    peer: "End | None" = None
    out: deque[memoryview] = field(default_factory=deque)
    """What has arrived and was not taken."""
    behind: int = 0
    """Bytes of it."""
    reading: bool = True
    finishing: bool = False
    """Nothing follows after `out`."""


class Proxy:
    """All connections of one listening socket."""

    def __init__(self, listener: socket.socket, target: tuple[str, int], there: Line, back: Line) -> None:
        self._listener = listener
        self._target = target
        self._there, self._back = there, back
        self._ends: list[End] = []
        self._arriving: list[tuple[float, int, End, bytes]] = []
        self._order = itertools.count()

    def turn(self, wake: list[TextIO]) -> list[TextIO]:
        """Wait for something and do it. Returns which of the files in `wake` are readable."""
        now = time.monotonic()
        open_ends = [end for end in self._ends if end.reading and end.line.room(now) and _peer(end).behind < BEHIND]
        reads: list[Any] = [self._listener, *wake, *(end.socket for end in open_ends)]
        writes = [end.socket for end in self._ends if end.out]
        wait = self._arriving[0][0] - now if self._arriving else 60.0
        for end in self._ends:
            if end.reading and end not in open_ends and not end.line.room(now):
                wait = min(wait, end.line.opens_at() - now)
        readable, writable, _ = select.select(reads, writes, [], max(0.0, wait))
        ready = set(readable)
        if self._listener in ready:
            self._accept()
        for end in open_ends:
            if end.socket in ready:
                self._read(end)
        self._deliver(time.monotonic())
        done = set(writable)
        for end in [end for end in self._ends if end.socket in done]:
            self._flush(end)
        return [one for one in wake if one in ready]

    def _accept(self) -> None:
        mine, _ = self._listener.accept()
        try:
            other = socket.socket()
            if self._back.rate:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            other.connect(self._target)
        except OSError:
            mine.close()
            return
        one, two = End(mine, self._there), End(other, self._back)
        one.peer, two.peer = two, one
        for end in (one, two):
            end.socket.setblocking(False)
            end.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._ends += [one, two]

    def _read(self, end: End) -> None:
        now = time.monotonic()
        size = min(end.line.room(now), max(PACKET, int(end.line.rate * 0.001))) if end.line.rate else AT_ONCE
        try:
            data = end.socket.recv(max(size, 1))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            end.reading = False
        when = end.line.take(len(data), now)
        heapq.heappush(self._arriving, (when, next(self._order), _peer(end), data))

    def _deliver(self, now: float) -> None:
        while self._arriving and self._arriving[0][0] <= now:
            _, _, end, data = heapq.heappop(self._arriving)
            if data:
                end.out.append(memoryview(data))
                end.behind += len(data)
            end.finishing |= not data
            self._flush(end)

    def _flush(self, end: End) -> None:
        try:
            while end.out:
                sent = end.socket.send(end.out[0])
                end.behind -= sent
                end.out[0] = end.out[0][sent:]
                if not end.out[0]:
                    end.out.popleft()
        except BlockingIOError:
            return
        except OSError:
            end.out.clear()
            end.behind = 0
            end.finishing = True
            end.reading = False
        if end.finishing and not end.out:
            with contextlib.suppress(OSError):
                end.socket.shutdown(socket.SHUT_WR)
            self._forget(end)

    def _forget(self, end: End) -> None:
        """Close a pair in which neither side has anything more to say."""
        if _peer(end).finishing and not _peer(end).out:
            for one in (end, _peer(end)):
                one.socket.close()
                if one in self._ends:
                    self._ends.remove(one)


def _peer(end: End) -> End:
    assert end.peer is not None
    return end.peer


@contextlib.contextmanager
def slow_link(port: int, *options: str) -> Iterator[int]:
    """A slow link, in a process of its own, that leads to a port; yields the port on this side."""
    process = procs.start(
        [sys.executable, "-m", "tests.bench.slowlink", str(port), *options],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield int(str(process.stdout.readline()).split()[-1])
    finally:
        procs.stop(process)


def main() -> int:
    """Parse, listen, carry until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.slowlink", description="Be a slow link.")
    parser.add_argument("port", type=int, help="port on 127.0.0.1 to which the link leads")
    parser.add_argument("--mbit", type=float, default=0.0, help="rate of each direction in Mbit/s; 0 = no limit")
    parser.add_argument("--delay", type=float, default=0.0, help="ms each way")
    parser.add_argument("--jitter", type=float, default=0.0, help="up to so many ms more, each way")
    parser.add_argument("--queue", type=int, default=64 * 1024, help="bytes that may wait in front of each line")
    options = parser.parse_args()
    rate, delay, jitter = options.mbit * 1e6 / 8, options.delay / 1000, options.jitter / 1000
    there, back = (Line(rate, delay, options.queue, jitter, seed) for seed in (1, 2))
    with socket.socket() as listener:
        if rate:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        print(f"listening on {listener.getsockname()[1]}", flush=True)
        proxy = Proxy(listener, ("127.0.0.1", options.port), there, back)
        while not proxy.turn([sys.stdin]):
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
