"""A session of the desktop's portal: what a person agreed to, used by all that this client shares now.

Why it exists: a portal asks for each session anew, so all sessions of a client share one, and it stays for a moment
when the last who used it has gone: who comes back at once is not asked about again.

Rules: the D-Bus connection is the session's life (a portal ends what belongs to a connection with it) and is used under
a lock, for a screen and an input are each used by a thread of their own. Strokes wait for no answer. It lets go by
itself `LINGER_S` after the last `drop`; the desktop's sign that the screen is shared goes then too.
"""

import asyncio
import contextlib
import threading
import time
from collections import deque
from typing import Any

from farhand.agent.core.desktop import DesktopError
from farhand.agent.platforms.linux.dbus.bus import Bus
from farhand.agent.platforms.linux.portal.dialogue import CAST, DESK, Agreed
from farhand.agent.platforms.linux.wayland.layout import Placed, Seen, arrange
from farhand.agent.texts import _

PORTAL, PATH = "org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop"
SESSION = "org.freedesktop.portal.Session"
LINGER_S = 10.0


class PortalSession:
    """One that was agreed to. It takes over the connection; `over` gets what the portal tells of the session's end.
    Made in any thread."""

    def __init__(self, bus: Bus, over: "deque[Any]", agreed: Agreed, loop: asyncio.AbstractEventLoop) -> None:
        self.agreed = agreed
        self._bus = bus
        self._over = over
        self._loop = loop
        self._lock = threading.Lock()
        self._ended = False
        self._users = 0
        self._sizes: dict[int, tuple[int, int]] = {}
        """Pixels of each node, once they are known."""
        self._idle_since = 0.0
        self._idle()

    def alive(self) -> bool:
        """Say whether it can be used; nobody else's use lets go of it in the next moments."""
        if not self._lock.acquire(blocking=False):
            return not self._ended  # somebody uses it just now
        try:
            if not self._users:
                self._idle()
            with contextlib.suppress(DesktopError):
                self._check()
        finally:
            self._lock.release()
        return not self._ended

    def hold(self) -> None:
        """Something of it is open from now on. Raises DesktopError."""
        with self._lock:
            self._check()
            self._users += 1

    def drop(self) -> None:
        """It is no more."""
        with self._lock:
            self._users -= 1
            if not self._users:
                self._idle()

    def spoil(self) -> None:
        """A part of it has ended: the next who comes needs another one."""
        self._ended = True

    def fileno(self) -> int:
        """Descriptor that becomes readable when the portal tells something."""
        return self._bus.fileno()

    def check(self) -> None:
        """Raise DesktopError where it has ended."""
        with self._lock:
            self._check()

    def remote(self) -> int:
        """Return a connection to the PipeWire that has its nodes. Raises DesktopError."""
        with self._lock:
            self._check()
            where = PORTAL, PATH, CAST
            return self._bus.call_for_file(*where, "OpenPipeWireRemote", "oa{sv}", self.agreed.session, {})

    def notify(self, member: str, signature: str, *body: object) -> None:
        """Tell of a stroke; no answer is waited for. Raises DesktopError."""
        with self._lock:
            self._check()
            told = self.agreed.session, {}, *body
            self._bus.tell(PORTAL, PATH, DESK, member, f"oa{{sv}}{signature}", *told)

    def measured(self, sizes: dict[int, tuple[int, int]]) -> None:
        """The pictures of these nodes have so many pixels."""
        self._sizes |= sizes

    def placed(self) -> list[Placed]:
        """Return its monitors, as one picture, each with its `Stream`. As long as their pixels are not known, a logical
        unit counts as one."""
        seen: list[Seen] = []
        for number, one in enumerate(self.agreed.streams):
            size = self._sizes.get(one.node, one.size)
            seen.append(Seen(number, one.name, size, one.position, one.size if all(one.size) else size))
        placed = arrange(seen)
        for one_placed in placed:
            one_placed.output = self.agreed.streams[one_placed.seen.number]
        return placed

    def close(self) -> None:
        """End it. Does not wait: a thread that just uses it is waited for by another one."""
        self._ended = True
        threading.Thread(target=self._close, name="portal-close", daemon=True).start()

    def _close(self) -> None:
        with self._lock:
            self._bus.tell(PORTAL, self.agreed.session, SESSION, "Close")
            self._bus.close()

    def _check(self) -> None:
        try:
            if not self._ended:
                self._bus.pump()
        except DesktopError:
            self._ended = True
            raise
        self._ended |= bool(self._over)
        if self._ended:
            raise DesktopError("no-display", _("The desktop has ended the sharing of its screen."))

    def _idle(self) -> None:
        self._idle_since = time.monotonic()
        with contextlib.suppress(RuntimeError):  # the loop is closed: the program ends, and the connection with it
            self._loop.call_soon_threadsafe(self._loop.call_later, LINGER_S, self._look)

    def _look(self) -> None:
        if not self._ended and not self._users and time.monotonic() - self._idle_since >= LINGER_S:
            self.close()
