"""The clipboard of a compositor with wlroots' data-control protocol: text, pictures and files.

Why it exists: it fills `Clipboard`. Rules: what others put in is read no longer than was asked for and for at most
`PATIENCE` seconds; whoever pastes what we put in is served by a thread of its own, so that one who does not read
stops nobody.
"""

import contextlib
import os
import select
import threading
import time

from farhand.agent.core.abilities import why
from farhand.agent.core.desktop import Content, DesktopError, NotThereError, UnsupportedError
from farhand.agent.platforms.linux import copied
from farhand.agent.platforms.linux.wayland.wire import Connection, Thing
from farhand.agent.platforms.linux.wlroots.find import CLIPBOARD
from farhand.agent.texts import _
from farhand.protocol.clipboard import FILES, PNG, TEXT

PATIENCE = 5.0
_TEXTS = ("text/plain;charset=utf-8", "UTF8_STRING", "text/plain", "STRING", "TEXT")
_TYPES = {
    FILES: copied.TYPES,
    TEXT: _TEXTS,
    PNG: ("image/png",),
}
"""As what each format is offered and asked for, the best one first."""
_MOST_TYPES = 64


class WlrootsClipboard:
    """The open clipboard of the compositor at `path`; see `Clipboard`. Raises DesktopError."""

    def __init__(self, path: str) -> None:
        wayland = self._wayland = Connection(path)
        self._offer: Thing | None = None
        self._types: dict[int, list[str]] = {}
        self._source: Thing | None = None
        self._content: Content | None = None
        self._news = False
        try:
            if not wayland.offers(CLIPBOARD) or not wayland.offers("wl_seat"):
                raise UnsupportedError(why("wayland-no-clipboard"))
            self._manager = wayland.bind(CLIPBOARD, 1)
            self._device = self._manager.make("get_data_device", wayland.bind("wl_seat", 1))
            self._device.on = {"data_offer": self._offered, "selection": self._selected, "finished": self._finished}
            wayland.roundtrip()
        except BaseException:
            wayland.close()
            raise
        # What lies in it already is news to who has just come.
        self._news = self._offer is not None

    def fileno(self) -> int:
        """Descriptor of the connection."""
        return self._wayland.fileno()

    def changed(self) -> bool:
        """Serve those who paste, and say whether somebody else has put something in."""
        self._wayland.pump()
        news, self._news = self._news, False
        return news

    def formats(self) -> list[str]:
        """Return in which formats it can be read, the preferred one first."""
        self._wayland.pump()
        if self._source is not None and self._content is not None:
            return [self._content.format]
        return [name for name in _TYPES if self._type_of(name) is not None]

    def read(self, name: str, most: int) -> bytes:
        """Return its content in one format. Raises NotThereError when it has none, more than `most` bytes, or when
        the program that holds it does not answer."""
        self._wayland.pump()
        if self._source is not None and self._content is not None:
            if self._content.format != name or len(self._content.data) > most:
                raise NotThereError(_("The clipboard does not hold that."))
            return self._content.data
        wanted = self._type_of(name)
        if self._offer is None or wanted is None:
            raise NotThereError(_("The clipboard does not hold that."))
        ours, theirs = os.pipe()
        try:
            try:
                self._offer.send("receive", wanted, theirs)
                self._wayland.flush()
            finally:
                os.close(theirs)
            data = _read(ours, most)
        finally:
            os.close(ours)
        if name == FILES:
            return copied.content_of(data)
        return data.decode(errors="replace").encode() if name == TEXT else data

    def write(self, content: Content) -> None:
        """Offer content; it is there as long as this clipboard is open and nobody puts something else in."""
        if self._source is not None:
            self._source.destroy()
        source = self._source = self._manager.make("create_data_source")
        self._content = content
        for kind in (*_TYPES[content.format], *(_TEXTS if content.format == FILES else ())):
            source.send("offer", kind)
        source.on = {"send": self._serve, "cancelled": lambda: self._lost(source)}
        self._device.send("set_selection", source)
        self._wayland.roundtrip()

    def close(self) -> None:
        """Disconnect; what was written goes."""
        self._wayland.close()

    def _type_of(self, name: str) -> str | None:
        """As what the others' content can be had in a format."""
        types = self._types.get(self._offer.number, []) if self._offer is not None else []
        return next((kind for kind in _TYPES.get(name, ()) if kind in types), None)

    def _offered(self, offer: Thing) -> None:
        types = self._types[offer.number] = []

        def add(kind: str) -> None:
            if len(types) < _MOST_TYPES:
                types.append(kind)

        offer.on["offer"] = add

    def _selected(self, offer: Thing | None) -> None:
        if self._offer is not None and self._offer is not offer:
            self._types.pop(self._offer.number, None)
            self._offer.destroy()
        self._offer = offer
        self._news |= self._source is None

    def _lost(self, source: Thing) -> None:
        source.destroy()
        if self._source is source:
            self._source = self._content = None
            self._news = True

    def _finished(self) -> None:
        raise DesktopError("no-display", _("The desktop's compositor has taken the clipboard away."))

    def _serve(self, kind: str, fd: int) -> None:
        data = b"" if self._content is None else self._content.data
        if self._content is not None and self._content.format == FILES:
            data = copied.render(data, kind)
        threading.Thread(target=_write, args=(fd, data), name="paste", daemon=True).start()


def _read(fd: int, most: int) -> bytes:
    """Read until whoever writes has finished. Raises NotThereError."""
    data, deadline = bytearray(), time.monotonic() + PATIENCE
    while True:
        ready, _write, _error = select.select([fd], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise NotThereError(_("The program that was copied from does not answer."))
        part = os.read(fd, 1 << 16)
        if not part:
            return bytes(data)
        data += part
        if len(data) > most:
            raise NotThereError(_("What was copied is too long to be taken over."), too_long=True)


def _write(fd: int, data: bytes) -> None:
    with contextlib.suppress(OSError):
        os.set_blocking(fd, False)
        while data:
            if not select.select([], [fd], [], PATIENCE)[1]:
                break
            data = data[os.write(fd, data[: 1 << 16]) :]
    os.close(fd)
