"""The thread that works on the clipboard.

Why it exists: a program that was copied from may take seconds to answer, or never do; the session must not wait.
Rules: a clipboard is used by that thread alone; while nothing happens it blocks without a deadline. Commands are done
in order, and the calls that they are given come from that thread.
"""

import contextlib
import os
import select
import threading
from collections import deque
from collections.abc import Callable

from farhand.agent.core.desktop import Clipboard, DesktopError

Command = Callable[[Clipboard], None]


class ClipboardWorker:
    """Runs until `stop`, or until the display fails; then `ended(reason, text)` is called once.

    `offered(formats)` is called whenever somebody there has copied something. Both are called in the worker's thread.
    """

    def __init__(
        self,
        open_clipboard: Callable[[], Clipboard],
        offered: Callable[[list[str]], None],
        ended: Callable[[str, str], None],
    ) -> None:
        self._open_clipboard = open_clipboard
        self._offered = offered
        self._ended = ended
        self._commands: deque[Command] = deque()
        self._stopping = False
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._thread = threading.Thread(target=self._run, name="clipboard", daemon=True)
        self._thread.start()

    def do(self, command: Command) -> None:
        """Perform a command after those that wait."""
        self._commands.append(command)
        self._wake()

    def stop(self, wait: float = 0.5) -> None:
        """End the thread; wait at most so many seconds for it."""
        self._stopping = True
        self._wake()
        if threading.current_thread() is not self._thread:
            self._thread.join(wait)

    def _wake(self) -> None:
        # A full pipe wakes too; a closed one belongs to a thread that has ended.
        with contextlib.suppress(OSError):
            os.write(self._wake_write, b"w")

    def _run(self) -> None:
        reason, text = "stopped", ""
        try:
            clipboard = self._open_clipboard()
            try:
                self._serve(clipboard)
            finally:
                clipboard.close()
        except DesktopError as error:
            reason, text = error.reason, str(error)
        except Exception as error:  # noqa: BLE001  whatever it is, viewers must hear that it is over
            reason, text = "error", f"Clipboard sharing failed ({type(error).__name__}). Start it again."
        read, write = self._wake_read, self._wake_write
        self._wake_read = self._wake_write = -1
        os.close(write)
        os.close(read)
        self._ended(reason, text)

    def _serve(self, clipboard: Clipboard) -> None:
        while not self._stopping:
            while self._commands and not self._stopping:
                self._commands.popleft()(clipboard)
            if clipboard.changed():
                self._offered(clipboard.formats())
                continue  # asking may have brought more
            if self._commands:
                continue
            ready, _, _ = select.select([clipboard.fileno(), self._wake_read], [], [])
            if self._wake_read in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, 4096)
