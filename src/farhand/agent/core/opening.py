"""Opening a desktop: once for a session, and in the event loop for the threads that wait for it.

Why it exists: some desktops ask the person who sits there, for as long as two minutes. All tools of a session wait for
the same answer, each in a thread of its own, and whoever waits no longer must be able to go at once.
"""

import asyncio
import concurrent.futures
from collections.abc import Callable, Coroutine
from typing import Generic, Protocol, TypeVar

from farhand.agent.core.desktop import Desktop, DesktopError, OpenDesktop
from farhand.agent.texts import _


class Closable(Protocol):
    """What can be shared; see the methods of the same names of `Desktop`."""

    def alive(self) -> bool:
        """Say whether it is still to be used."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


One = TypeVar("One", bound=Closable)


class Shared(Generic[One]):
    """Something that is opened for the first who asks and serves all, such as the desktop of a session. For the event
    loop only."""

    def __init__(self, open_one: Callable[[], Coroutine[None, None, One | None]]) -> None:
        self._open_one = open_one
        self._one: One | None = None
        self._opening: asyncio.Task[One | None] | None = None
        self._waiting = 0

    async def get(self) -> One | None:
        """Return the open one, or open it; None when there is none now. Raises DesktopError.

        Opening ends when the last who waits for it is cancelled.
        """
        if self._one is not None:
            if self._one.alive():
                return self._one
            self._one.close()
            self._one = None
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._open())
        opening = self._opening
        self._waiting += 1
        try:
            return await asyncio.shield(opening)
        finally:
            self._waiting -= 1
            if not self._waiting and not opening.done():
                opening.cancel()
                self._opening = None

    def close(self) -> None:
        """Let go of it, or of the wish for it."""
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None
        if self._one is not None:
            self._one.close()
            self._one = None

    async def _open(self) -> One | None:
        mine = asyncio.current_task()
        try:
            one = await self._open_one()
            if self._opening is not mine:  # nobody wants it any more
                if one is not None:
                    one.close()
                return None
            self._one = one
            return one
        finally:
            if self._opening is mine:
                self._opening = None


class Opening:
    """A desktop on its way to a tool's thread. Made and cancelled in the event loop, waited for in the thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wanted: OpenDesktop) -> None:
        self._result: concurrent.futures.Future[Desktop] = concurrent.futures.Future()
        self._task = loop.create_task(self._run(wanted))

    def wait(self) -> Desktop:
        """Return the desktop, as often as it is asked. Raises DesktopError; blocks until it is there or cancelled."""
        try:
            return self._result.result()
        except concurrent.futures.CancelledError:
            raise DesktopError("error", _("The desktop is no longer wanted.")) from None

    def cancel(self) -> None:
        """Whoever waits goes at once; a dialog that stands open is taken back."""
        self._task.cancel()
        self._result.cancel()

    async def _run(self, wanted: OpenDesktop) -> None:
        try:
            desktop = await wanted()
        except asyncio.CancelledError:
            self._result.cancel()
            raise
        except DesktopError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001  whoever waits must hear of it, whatever it was
            self._fail(
                DesktopError("error", _("The desktop could not be opened ({name}).").format(name=type(error).__name__))
            )
        else:
            if desktop is None:
                self._fail(DesktopError("no-display", _("The display is no longer there.")))
            elif not self._result.cancelled():
                self._result.set_result(desktop)

    def _fail(self, error: DesktopError) -> None:
        if not self._result.cancelled():
            self._result.set_exception(error)
