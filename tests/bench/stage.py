"""What a run shares: a folder of its own, things to be stopped at the end, and the usual pair of legs."""

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tests.bench.load import Load
from tests.bench.relay import BenchRelay, HostedSession

T = TypeVar("T")


class Stage:
    """One measurement's folder and processes; everything is stopped when the block ends."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "Stage":
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="farhand-bench-")))
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    def later(self, stop: Callable[[], Any]) -> None:
        """Call `stop` at the end, last come first."""
        self._stack.callback(stop)

    def enter(self, block: contextlib.AbstractContextManager[T]) -> T:
        """Enter a context manager that is left at the end."""
        return self._stack.enter_context(block)

    def relay(self, name: str = "data", **options: Any) -> BenchRelay:
        """Start a relay."""
        relay = BenchRelay(self.folder / name, **options)
        self.later(relay.stop)
        return relay.start()

    def load(self, role: str, **spec: Any) -> Load:
        """Start a load client and wait until it is ready."""
        client = self.start_load(role, **spec)
        client.read()
        return client

    def start_load(self, role: str, **spec: Any) -> Load:
        """Start a load client; its first word is for the caller to read."""
        client = Load(role, **spec)
        self.later(client.stop)
        return client

    def endpoint(self, relay: BenchRelay, session: HostedSession) -> Load:
        """Join the session's endpoint."""
        return self.load("endpoint", url=live(relay), ticket=session.ticket(1))

    def console(self, relay: BenchRelay, session: HostedSession, **options: Any) -> Load:
        """Join the session's console."""
        ticket = session.ticket(2)
        return self.load("console", url=live(relay), ticket=ticket, origin=relay.url, leg=2, **options)


def live(relay: BenchRelay) -> str:
    """Where legs connect."""
    return f"wss://127.0.0.1:{relay.port}/live/leg"
