"""The clipboard of GNOME, by a remote desktop session of Mutter's: text, pictures and files.

Why it exists: it fills `Clipboard`. Mutter tells as what content can be had, and hands out a pipe for each hand-over:
one to read from the program that was copied from, one to write to each that pastes what we put in.

Rules: the session is this object's own; it needs no start, sees nothing and presses nothing. Each that pastes is
served by a thread, so that one who does not read stops nobody; calls are made by the clipboard's own thread alone.
Mutter keeps what was copied last, so text stays when the session ends.
"""

import contextlib
import os
import select
import threading
from collections import deque
from typing import Any

from farhand.agent.core.desktop import Content, DesktopError, NotThereError
from farhand.agent.platforms.linux.dbus.bus import Bus
from farhand.agent.platforms.linux.gnome.session import DESK, create
from farhand.agent.platforms.linux.wayland.content import (
    MOST_KINDS,
    OFFERED,
    as_kind,
    formats_of,
    kind_for,
    read_content,
    write_content,
)
from farhand.agent.texts import _

_SESSION = f"{DESK}.Session"


class GnomeClipboard:
    """The open clipboard; see `Clipboard`. Raises DesktopError."""

    def __init__(self) -> None:
        self._kinds: list[str] = []
        self._given: Content | None = None
        """What we have put in last."""
        self._ours = False
        """That is what lies in it."""
        self._news = False
        self._served: deque[tuple[int, bool]] = deque()
        """Hand-overs that have ended, and whether they went well."""
        self._poll = select.epoll(flags=select.EPOLL_CLOEXEC)
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._waking = threading.Lock()
        self._bus: Bus | None = None
        try:
            self._poll.register(self._wake, select.EPOLLIN)
            self._begin()
            self._pump()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        """Make a session; the one before ends with its connection: what was not started cannot be stopped."""
        if self._bus is not None:
            self._poll.unregister(self._bus.fileno())
            self._bus.close()
        bus = self._bus = Bus(files=True)
        self._poll.register(bus.fileno(), select.EPOLLIN)
        self._desk = create(bus, DESK)
        self._owners = bus.listen(self._desk, _SESSION, "SelectionOwnerChanged")
        self._pastes = bus.listen(self._desk, _SESSION, "SelectionTransfer")
        self._over = bus.listen(self._desk, _SESSION, "Closed")
        bus.call(DESK, self._desk, _SESSION, "EnableClipboard", "a{sv}", {})

    def fileno(self) -> int:
        """Descriptor of the bus, and of those that were served."""
        return self._poll.fileno()

    def changed(self) -> bool:
        """Serve those who paste, and say whether somebody else has put something in."""
        self._pump()
        news, self._news = self._news, False
        return news

    def formats(self) -> list[str]:
        """Return in which formats it can be read, the preferred one first."""
        self._pump()
        content = self._content
        return [content.format] if content is not None else formats_of(self._kinds)

    def read(self, name: str, most: int) -> bytes:
        """Return its content in one format. Raises NotThereError when it has none, more than `most` bytes, or when
        the program that holds it does not answer."""
        self._pump()
        content = self._content
        if content is not None:
            if content.format != name or len(content.data) > most:
                raise NotThereError(_("The clipboard does not hold that."))
            return content.data
        wanted = kind_for(name, self._kinds)
        if wanted is None:
            raise NotThereError(_("The clipboard does not hold that."))
        fd = self._ask_for_pipe("SelectionRead", "s", wanted)
        try:
            return read_content(fd, name, most)
        except NotThereError:
            # A session reads one thing at a time, and this one still does until the program there has ended.
            self._begin()
            raise
        finally:
            os.close(fd)

    def write(self, content: Content) -> None:
        """Offer content, until somebody puts something else in."""
        kinds = {"mime-types": ("as", list(OFFERED[content.format]))}
        self._given, self._ours = content, True
        self._do("SetSelection", "a{sv}", kinds)
        self._pump()

    def close(self) -> None:
        """End the session."""
        if self._bus is not None:
            self._bus.close()
            self._bus = None
        self._poll.close()
        with self._waking:  # a thread that still serves tells of its end
            wake, self._wake = self._wake, -1
        if wake >= 0:
            os.close(wake)

    @property
    def _content(self) -> Content | None:
        return self._given if self._ours else None

    def _do(self, member: str, signature: str = "", *body: Any) -> Any:
        assert self._bus is not None
        return self._bus.call(DESK, self._desk, _SESSION, member, signature, *body)

    def _ask_for_pipe(self, member: str, signature: str, *body: Any) -> int:
        """Return a pipe's end. Raises NotThereError where Mutter refuses: the clipboard is another's by now."""
        assert self._bus is not None
        try:
            return self._bus.call_for_file(DESK, self._desk, _SESSION, member, signature, *body)
        except DesktopError as error:
            if error.reason != "error":
                raise
            raise NotThereError(_("The clipboard does not hold that.")) from error

    def _pump(self) -> None:
        assert self._bus is not None
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        self._bus.pump()
        if self._over:
            raise DesktopError("no-display", _("The desktop has ended the sharing of its clipboard."))
        # Calls may bring more of either.
        while self._owners or self._pastes or self._served:
            while self._owners:
                self._owned(*self._owners.popleft().body)
            while self._served:
                self._do("SelectionWriteDone", "ub", *self._served.popleft())
            if self._pastes:
                self._serve(*self._pastes.popleft().body)

    def _owned(self, told: Any) -> None:
        self._ours = bool(told.get("session-is-owner", ("b", False))[1]) and self._given is not None
        if self._ours:
            return
        kinds: Any = told.get("mime-types", ("(as)", ([],)))[1]
        kinds = kinds[0] if isinstance(kinds, tuple) and kinds else kinds
        self._kinds = [kind for kind in kinds if isinstance(kind, str)][:MOST_KINDS]
        self._news = True

    def _serve(self, kind: str, number: int) -> None:
        content = self._content
        try:
            fd = self._ask_for_pipe("SelectionWrite", "u", number)
        except NotThereError:
            return  # who wanted it has gone
        if content is None or kind not in OFFERED[content.format]:
            os.close(fd)
            self._served.append((number, False))
        else:
            threading.Thread(
                target=self._write, args=(fd, as_kind(content, kind), number), name="paste", daemon=True
            ).start()

    def _write(self, fd: int, data: bytes, number: int) -> None:
        self._served.append((number, write_content(fd, data)))
        with self._waking:
            if self._wake >= 0:
                os.eventfd_write(self._wake, 1)
