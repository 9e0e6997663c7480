"""Load clients in processes of their own, seen from the bench: start one, tell it something, read what it says.

`tests.bench.client` is the other side. Both speak one JSON object a line.
"""

import json
import select
import subprocess
import sys
import time
from typing import Any

from tests.bench import procs


class Load:
    """One load process."""

    def __init__(self, role: str, **spec: Any) -> None:
        self.role = role
        self._process = procs.start(
            [sys.executable, "-m", "tests.bench.client", role],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._buffer = b""
        self.tell(**spec)

    def tell(self, **message: Any) -> None:
        """Send it one message."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def read(self, within_s: float = 30.0) -> dict[str, Any]:
        """Wait for the next message. Raises RuntimeError when the process ended, failed, or is silent."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + within_s
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, left))
            if not ready:
                raise RuntimeError(f"the load client {self.role!r} said nothing within {within_s:.0f} s")
            data = self._process.stdout.read1(1 << 16)  # type: ignore[attr-defined]
            if not data:
                raise RuntimeError(f"the load client {self.role!r} ended")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        if "error" in message:
            raise RuntimeError(f"the load client {self.role!r} failed: {message['error']}")
        return message

    def ask(self, within_s: float = 30.0, **message: Any) -> dict[str, Any]:
        """Send a message and wait for the answer."""
        self.tell(**message)
        return self.read(within_s)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def stop(self) -> None:
        """End it."""
        procs.stop(self._process, within_s=3)
