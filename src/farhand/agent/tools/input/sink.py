"""What the input tool needs of a platform, and the thread that feeds it.

Why it exists: a display server that hangs must not hang the session, so strokes are made in a thread of their own.
Rules: a sink is used by that thread alone. Every failure of the display surfaces as SinkError.
"""

import queue
import threading
from collections.abc import Callable
from typing import Protocol

IDLE = 20.0
"""After so many seconds without a stroke `InputSink.rest` is called."""
MOST = 2000
"""Strokes that may wait; more are dropped: they would come too late to be meant."""


class SinkError(Exception):
    """The display cannot be opened, or is gone; the message is for people."""


class InputSink(Protocol):
    """An open keyboard and pointer."""

    def key(self, keysym: int, down: bool) -> None:
        """Press or release a key or character."""
        ...

    def pointer(self, x: int, y: int, buttons: int) -> None:
        """Move, and make the held buttons those of the mask (bits: left, middle, right, back, forward)."""
        ...

    def wheel(self, dx: int, dy: int) -> None:
        """Turn by clicks; positive is right and down."""
        ...

    def release(self) -> None:
        """Let go of every key and button."""
        ...

    def rest(self) -> bool:
        """Undo what was lent from the keyboard, as far as nobody needs it now; True when nothing is left to undo."""
        ...

    def close(self) -> None:
        """Let go of everything and of the display."""
        ...


Stroke = Callable[[InputSink], None]


class InputWorker:
    """Runs until `stop`, or until the display fails; then `ended(text)` is called once, in its thread."""

    def __init__(self, open_sink: Callable[[], InputSink], ended: Callable[[str], None]) -> None:
        self._open_sink = open_sink
        self._ended = ended
        self._strokes: queue.SimpleQueue[Stroke | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="input", daemon=True)
        self._thread.start()

    def do(self, stroke: Stroke, *, must: bool = False) -> None:
        """Perform a stroke after those that wait; `must` is for letting go, which is never dropped."""
        if must or self._strokes.qsize() < MOST:
            self._strokes.put(stroke)

    def stop(self, wait: float = 0.5) -> None:
        """Let go of everything and end; wait at most so many seconds for it."""
        self._strokes.put(None)
        if threading.current_thread() is not self._thread:
            self._thread.join(wait)

    def _run(self) -> None:
        text = ""
        try:
            sink = self._open_sink()
            try:
                self._serve(sink)
            finally:
                sink.close()
        except SinkError as error:
            text = str(error)
        self._ended(text)

    def _serve(self, sink: InputSink) -> None:
        rested = True
        while True:
            try:
                stroke = self._strokes.get(timeout=None if rested else IDLE)
            except queue.Empty:
                rested = sink.rest()
                continue
            if stroke is None:
                return
            rested = False
            stroke(sink)
