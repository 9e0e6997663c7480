"""The flag by which a signal tells a program to end.

`threading.Event` will not do: its `set()` takes a lock that the main thread may hold just then, inside its own
`wait()`; a signal handler runs in that very thread, which then waits for itself for ever. Here the handler writes to a
pipe.
"""

import os
import select
import signal
import threading
import weakref
from collections.abc import Iterable
from typing import Final

ENDINGS: Final = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """Set once, waited for by any number of threads."""

    def __init__(self) -> None:
        self._set = False
        self._read, self._write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        weakref.finalize(self, _close, (self._read, self._write))

    def set(self) -> None:
        """Tell everybody; safe in a signal handler."""
        if not self._set:
            self._set = True
            os.write(self._write, b"x")

    def is_set(self) -> bool:
        """Whether it was set."""
        return self._set

    def wait(self, timeout: float) -> bool:
        """Wait until it is set, at most `timeout` seconds; return whether it is."""
        if not self._set:
            waiting = select.poll()  # not select(), which knows descriptors below 1024 only
            waiting.register(self._read, select.POLLIN)
            waiting.poll(max(0.0, timeout) * 1000)
        return self._set

    def on_signals(self, signals: Iterable[signal.Signals] = ENDINGS) -> None:
        """Set it when one of `signals` comes. Does nothing outside of the main thread, which alone gets them."""
        if threading.current_thread() is threading.main_thread():
            for one in signals:
                signal.signal(one, lambda *_: self.set())


def _close(descriptors: Iterable[int]) -> None:
    for one in descriptors:
        os.close(one)
