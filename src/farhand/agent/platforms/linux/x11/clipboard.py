"""The clipboard of an X display: the selection CLIPBOARD, as ICCCM (chapter 2) has programs exchange it.

Why it exists: it fills `Clipboard` for X11. Text goes as UTF8_STRING (Latin-1 STRING where a program knows nothing
else), pictures as image/png, files as `copied` has them; what is longer than a request of ours goes in increments, both
ways.

Rules: what is put in is served for as long as this is open. Nothing is fetched before somebody reads; a program that
does not answer is waited for `ANSWER_S` seconds. MULTIPLE is refused. X11's selection PRIMARY is left alone.
"""

import select
import struct
import time
from dataclasses import dataclass
from typing import Any

import xcffib.xfixes as xf
import xcffib.xproto as xp

from farhand.agent.core.desktop import Content, DesktopError, NotThereError
from farhand.agent.platforms.linux import copied
from farhand.agent.platforms.linux.x11.display import close_display, guarded, open_display
from farhand.agent.texts import _
from farhand.protocol.clipboard import FILES, PNG, TEXT

ANSWER_S = 5.0
"""How long a program may take until it answers, or until its next increment comes, in seconds."""
_STEP = 60 * 1024
"""Bytes in one property; X servers take requests of 256 KiB at least."""
_MOST_REQUESTORS = 16
_ALL = 0x7FFF_FFFF
_NOTIFY = struct.Struct("=B3x5I8x")
"""A SelectionNotify event: its number, then time, requestor, selection, target, property."""
_TEXTS = ("UTF8_STRING", "text/plain;charset=utf-8", "STRING", "TEXT")
_NAMES = (
    *("CLIPBOARD", "TARGETS", "TIMESTAMP", "INCR", "ATOM", "INTEGER", "FARHAND_CLIPBOARD", "FARHAND_TIME"),
    *(*_TEXTS, "image/png", *copied.TYPES),
)
_TARGETS = {TEXT: _TEXTS, PNG: ("image/png",), FILES: (*copied.TYPES, *_TEXTS)}
"""As what each format is given."""


@dataclass(slots=True)
class _Increments:
    """Content on its way to a program that takes it piece by piece."""

    type: int
    data: bytes
    at: int = 0


class X11Clipboard:
    """The open clipboard of an X display; see `Clipboard`. Raises DesktopError."""

    def __init__(self, display: str) -> None:
        self._connection, screen = open_display(display)
        self._core = self._connection.core
        self._content: Content | None = None
        self._since = 0
        self._news = False
        self._increments: dict[tuple[int, int], _Increments] = {}
        self._answer: xp.SelectionNotifyEvent | None = None
        self._told: set[int] = set()
        """Properties of our own window that were set since we last looked."""
        try:
            with guarded("opening its clipboard"):
                self._open(screen)
        except BaseException:
            self.close()
            raise

    def _open(self, screen: Any) -> None:
        asked = {name: self._core.InternAtom(False, len(name), name) for name in _NAMES}
        self._atom = {name: int(cookie.reply().atom) for name, cookie in asked.items()}
        self._name = {atom: name for name, atom in self._atom.items()}
        self._selection = self._atom["CLIPBOARD"]
        self._window = self._connection.generate_id()
        self._core.CreateWindowChecked(
            0, self._window, screen.root, 0, 0, 1, 1, 0, xp.WindowClass.InputOnly, 0,
            xp.CW.EventMask, [xp.EventMask.PropertyChange],
        ).check()  # fmt: skip
        fixes = self._connection(xf.key)
        fixes.QueryVersion(5, 0).reply()
        mask = xf.SelectionEventMask
        wanted = mask.SetSelectionOwner | mask.SelectionWindowDestroy | mask.SelectionClientClose
        fixes.SelectSelectionInputChecked(self._window, self._selection, wanted).check()
        # What lies there already is news to whoever opens it.
        self._news = bool(self._core.GetSelectionOwner(self._selection).reply().owner)

    def fileno(self) -> int:
        """Descriptor of the connection."""
        return int(self._connection.get_file_descriptor())

    def changed(self) -> bool:
        """Serve whoever asks for what we put in, and say whether somebody else has copied something."""
        with guarded("watching its clipboard"):
            self._drain()
        news, self._news = self._news, False
        return news

    def formats(self) -> list[str]:
        """Return in which formats it can be read."""
        with guarded("reading its clipboard"):
            if not self._core.GetSelectionOwner(self._selection).reply().owner:
                return []
            try:
                data = self._convert("TARGETS", 64 * 1024)
            except NotThereError:
                return []
            count = len(data) // 4
            targets = {self._name.get(atom, "") for atom in struct.unpack(f"={count}I", data[: count * 4])}
        found = [FILES] if targets & set(copied.TYPES) else []
        found += [TEXT] if targets & set(_TEXTS) else []
        return [*found, PNG] if "image/png" in targets else found

    def read(self, name: str, most: int) -> bytes:
        """Return the content in one format. Raises NotThereError when there is none, or more than `most` bytes."""
        with guarded("reading its clipboard"):
            if name == PNG:
                return self._convert("image/png", most)
            if name == FILES:
                return self._files(most)
            try:
                return self._convert("UTF8_STRING", most)
            except NotThereError as error:
                if error.too_long:
                    raise
                # An old program: Latin-1.
                return self._convert("STRING", most).decode("latin-1").encode()

    def _files(self, most: int) -> bytes:
        try:
            data = self._convert(copied.URIS, most)
        except NotThereError as error:
            if error.too_long:
                raise
            data = self._convert(copied.GNOME, most)
        return copied.content_of(data)

    def write(self, content: Content) -> None:
        """Put content in, in the place of what is there."""
        with guarded("filling its clipboard"):
            self._since = self._time()
            self._content = content
            self._core.SetSelectionOwner(self._window, self._selection, self._since)
            owner = self._core.GetSelectionOwner(self._selection).reply().owner
            if owner != self._window:
                self._content = None
                raise NotThereError(_("Another program holds the clipboard. Try again."))

    def close(self) -> None:
        """Disconnect; what was put in goes with it."""
        self._content = None
        close_display(self._connection)

    # --- what other programs say ---

    def _drain(self) -> None:
        while (event := self._connection.poll_for_event()) is not None:
            self._on_event(event)
        self._connection.flush()
        if self._connection.has_error():
            raise DesktopError("no-display", "The display's server has stopped.")

    def _on_event(self, event: Any) -> None:
        if isinstance(event, xf.SelectionNotifyEvent):
            if event.owner != self._window:
                self._content = None
                self._news = True
        elif isinstance(event, xp.SelectionRequestEvent):
            self._serve(event)
        elif isinstance(event, xp.SelectionNotifyEvent):
            self._answer = event
        elif isinstance(event, xp.PropertyNotifyEvent):
            if event.window == self._window:
                if event.state == xp.Property.NewValue:
                    self._told.add(event.atom)
            elif event.state == xp.Property.Delete:
                self._go_on(event.window, event.atom)

    def _wait(self, until: float) -> None:
        """Take what comes, until something came or the time is over. Raises NotThereError."""
        event = self._connection.poll_for_event()
        if event is None:
            self._connection.flush()
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.fileno()], [], [], left)[0]:
                raise NotThereError(_("The program that was copied from does not answer."))
        else:
            self._on_event(event)
        if self._connection.has_error():
            raise DesktopError("no-display", "The display's server has stopped.")

    # --- taking ---

    def _convert(self, target: str, most: int) -> bytes:
        place = self._atom["FARHAND_CLIPBOARD"]
        self._answer = None
        self._core.DeleteProperty(self._window, place)
        self._core.ConvertSelection(self._window, self._selection, self._atom[target], place, self._time())
        until = time.monotonic() + ANSWER_S
        while self._answer is None or self._answer.target != self._atom[target]:
            self._wait(until)
        if not self._answer.property:
            raise NotThereError(_("The clipboard does not hold that."))
        self._told.discard(place)
        kind, data = self._take(place, most)
        if kind != self._atom["INCR"]:
            return data
        # Its deletion, which `_take` was, asks for the first piece; an empty one is the end.
        parts = bytearray()
        while True:
            until = time.monotonic() + ANSWER_S
            while place not in self._told:
                self._wait(until)
            self._told.discard(place)
            _kind, data = self._take(place, most - len(parts))
            if not data:
                return bytes(parts)
            parts += data

    def _take(self, place: int, most: int) -> tuple[int, bytes]:
        """Read a property of our window and delete it."""
        size = self._core.GetProperty(False, self._window, place, 0, 0, 0).reply().bytes_after
        if size > most:
            self._core.DeleteProperty(self._window, place)
            raise NotThereError(_("What was copied is too long to be taken over."), too_long=True)
        reply = self._core.GetProperty(True, self._window, place, 0, 0, _ALL // 4).reply()
        return int(reply.type), bytes(reply.value.buf())

    # --- giving ---

    def _serve(self, event: Any) -> None:
        place = event.property or event.target
        target = self._name.get(event.target, "")
        if self._content is None or event.selection != self._selection or not self._put(event.requestor, place, target):
            place = 0
        words = (event.time, event.requestor, event.selection, event.target, place)
        self._core.SendEvent(False, event.requestor, 0, _NOTIFY.pack(xp.SelectionNotifyEvent.event_number, *words))

    def _put(self, window: int, place: int, target: str) -> bool:
        """Put what is asked for into a property of the program that asks; False when we do not have that."""
        assert self._content is not None
        own = _TARGETS[self._content.format]
        if target == "TARGETS":
            atoms = [self._atom[name] for name in ("TARGETS", "TIMESTAMP", *own)]
            self._change(window, place, self._atom["ATOM"], 32, struct.pack(f"={len(atoms)}I", *atoms))
            return True
        if target == "TIMESTAMP":
            self._change(window, place, self._atom["INTEGER"], 32, struct.pack("=I", self._since))
            return True
        if target not in own:
            return False
        data, kind = self._content.data, target
        if self._content.format == FILES:
            data = copied.render(data, target)
        if target == "STRING":
            data = data.decode().encode("latin-1", "replace")
        elif target == "TEXT":
            kind = "UTF8_STRING"
        if len(data) <= _STEP:
            self._change(window, place, self._atom[kind], 8, data)
        else:
            if len(self._increments) >= _MOST_REQUESTORS:
                del self._increments[next(iter(self._increments))]
            self._increments[window, place] = _Increments(self._atom[kind], data)
            mask = [xp.EventMask.PropertyChange]
            self._core.ChangeWindowAttributes(window, xp.CW.EventMask, mask)
            self._change(window, place, self._atom["INCR"], 32, struct.pack("=I", len(data)))
        return True

    def _go_on(self, window: int, place: int) -> None:
        """The program has taken a piece: the next one, an empty one at the end."""
        work = self._increments.get((window, place))
        if work is None:
            return
        piece = work.data[work.at : work.at + _STEP]
        work.at += len(piece)
        self._change(window, place, work.type, 8, piece)
        if not piece:
            del self._increments[window, place]

    def _change(self, window: int, place: int, kind: int, width: int, data: bytes) -> None:
        count = len(data) // (width // 8)
        self._core.ChangeProperty(xp.PropMode.Replace, window, place, kind, width, count, data)

    def _time(self) -> int:
        """The server's time now, as ICCCM wants it in place of `CurrentTime`: a change of our own window has one."""
        place = self._atom["FARHAND_TIME"]
        self._change(self._window, place, self._atom["INTEGER"], 32, b"\0\0\0\0")
        until = time.monotonic() + ANSWER_S
        while True:
            event = self._connection.poll_for_event()
            if isinstance(event, xp.PropertyNotifyEvent) and (event.window, event.atom) == (self._window, place):
                return int(event.time)
            if event is not None:
                self._on_event(event)
            else:
                self._wait_more(until)

    def _wait_more(self, until: float) -> None:
        self._connection.flush()
        left = until - time.monotonic()
        if self._connection.has_error() or left <= 0 or not select.select([self.fileno()], [], [], left)[0]:
            raise DesktopError("no-display", "The display's server has stopped.")
