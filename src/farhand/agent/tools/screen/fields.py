"""Password fields while the screen is recorded: the recorder sees nothing before it is known where they are.

Why it exists: live viewers see the screen as it is; what a field shows of a password must not be in the recording.

Rules: followed only while the recorder watches, and only where the desktop can tell. What is not known in KNOWN_S is
not waited for longer: then everything is hidden from the recorder until it is. Runs in the event loop's thread.
"""

import asyncio
import contextlib
from collections.abc import Callable

from farhand.agent.core.desktop import DesktopError, Watch
from farhand.agent.core.masking import Mask
from farhand.agent.core.tools import ToolPort

KNOWN_S = 5.0


class RecordedFields:
    """Tells the session's masking where password fields are. `begin` and `end` may follow each other."""

    def __init__(self, port: ToolPort) -> None:
        self._port = port
        self._task: asyncio.Task[None] | None = None
        self._ready: Callable[[], None] | None = None
        """Waits until it is known where they are."""

    def begin(self, ready: Callable[[], None]) -> None:
        """Follow them. `ready` is called, at once or soon, when the recorder may see what is not hidden."""
        abilities = self._port.abilities()
        waiting, self._ready = self._ready, ready
        if self._task is None and abilities is not None and abilities.hide_passwords.can:
            self._task = self._port.loop.create_task(self._follow())
        elif self._task is None or waiting is None:
            self._let()

    def _let(self) -> None:
        ready, self._ready = self._ready, None
        if ready is not None:
            ready()

    def end(self) -> None:
        """Follow them no more."""
        if self._task is not None:
            self._task.cancel()  # its own end takes the watch along
            self._task = None
        self._ready = None

    async def _follow(self) -> None:
        loop, masking = self._port.loop, self._port.masking
        known = asyncio.Event()
        watch: Watch | None = None
        over = False

        def take(mask: Mask) -> None:
            if not over:
                masking.watched(known, mask)
                known.set()

        def told(mask: Mask) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the program ends
                loop.call_soon_threadsafe(take, mask)

        try:
            with contextlib.suppress(DesktopError):  # then there is no picture either, and who watches is told why
                desktop = await self._port.desktop()
                watch = desktop.watch_fields(told) if desktop is not None else None
            if watch is not None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(KNOWN_S):
                        await known.wait()
                if not known.is_set():
                    self._port.log("password_fields_unknown")
                    masking.watched(known, Mask(everything=True))
            self._let()
            await loop.create_future()  # until it is cancelled
        finally:
            over = True
            masking.watched(known, None)
            if watch is not None:
                watch.close()
