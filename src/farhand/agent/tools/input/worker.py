"""The thread that feeds keyboard and pointer.

Why it exists: a display server that hangs must not hang the session, so strokes are made in a thread of their own.
Rules: a sink is used by that thread alone. Strokes that had to wait until the desktop was open are dropped when that
took long (a person was asked): they were meant for what was there then.
"""

import queue
import threading
import time
from collections.abc import Callable

from farhand.agent.core.desktop import DesktopError, InputSink

IDLE = 20.0
"""After so many seconds without a stroke `InputSink.rest` is called."""
SILENT = 3
"""After so many idle times on end everything is let go: whoever holds a key so long has lost it, not pressed it."""
STALE = 2.0
"""Opening took so many seconds: strokes of that time are not made any more."""
MOST = 2000
"""Strokes that may wait; more are dropped: they would come too late to be meant."""


Stroke = Callable[[InputSink], None]


class InputWorker:
    """Runs until `stop`, or until the display fails; then `ended(text)` is called once, in its thread, as `opened()` is
    when the display takes strokes."""

    def __init__(
        self, open_sink: Callable[[], InputSink], opened: Callable[[], None], ended: Callable[[str], None]
    ) -> None:
        self._open_sink = open_sink
        self._opened = opened
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
            began = time.monotonic()
            sink = self._open_sink()
            try:
                if time.monotonic() - began > STALE:
                    self._forget()
                self._opened()
                self._serve(sink)
            finally:
                sink.close()
        except DesktopError as error:
            text = str(error)
        except Exception as error:  # noqa: BLE001  whatever it is, whoever has control must hear that it has ended
            text = f"Control failed ({type(error).__name__}). Request it again."
        self._ended(text)

    def _forget(self) -> None:
        """Drop the strokes that wait; nothing is pressed yet that had to be let go."""
        stop = False
        while not self._strokes.empty():
            stop |= self._strokes.get() is None
        if stop:
            self._strokes.put(None)

    def _serve(self, sink: InputSink) -> None:
        silent = SILENT
        rested = True
        while True:
            try:
                stroke = self._strokes.get(timeout=None if rested and silent >= SILENT else IDLE)
            except queue.Empty:
                silent += 1
                if silent == SILENT:
                    sink.release()
                rested = sink.rest()
                continue
            if stroke is None:
                return
            silent, rested = 0, False
            stroke(sink)
