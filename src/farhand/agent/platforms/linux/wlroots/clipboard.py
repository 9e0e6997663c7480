"""The clipboard of a compositor with wlroots' data-control protocol, as text.

Why it exists: it fills `Clipboard`. Rules: what others put in is read at most `MOST` bytes long and for at most
`PATIENCE` seconds; whoever pastes what we put in is served by a thread of its own, so that one who does not read
stops nobody.
"""

import contextlib
import os
import select
import threading
import time

from farhand.agent.core.desktop import DesktopError, UnsupportedError
from farhand.agent.platforms.linux.wayland.wire import Connection, Thing
from farhand.agent.platforms.linux.wlroots.find import CLIPBOARD, no_clipboard
from farhand.agent.texts import _

MOST = 1 << 20
PATIENCE = 5.0
_TYPES = ("text/plain;charset=utf-8", "UTF8_STRING", "text/plain", "STRING", "TEXT")
_MOST_TYPES = 64


class WlrootsClipboard:
    """The open clipboard of the compositor at `path`; see `Clipboard`. Raises DesktopError."""

    def __init__(self, path: str) -> None:
        wayland = self._wayland = Connection(path)
        self._offer: Thing | None = None
        self._types: dict[int, list[str]] = {}
        self._source: Thing | None = None
        self._text = ""
        self._news = False
        try:
            if not wayland.offers(CLIPBOARD) or not wayland.offers("wl_seat"):
                raise UnsupportedError(no_clipboard())
            self._manager = wayland.bind(CLIPBOARD, 1)
            self._device = self._manager.make("get_data_device", wayland.bind("wl_seat", 1))
            self._device.on = {"data_offer": self._offered, "selection": self._selected, "finished": self._finished}
            wayland.roundtrip()
        except BaseException:
            wayland.close()
            raise
        self._news = False

    def fileno(self) -> int:
        """Descriptor of the connection."""
        return self._wayland.fileno()

    def changed(self) -> bool:
        """Serve those who paste, and say whether somebody else has put something in."""
        self._wayland.pump()
        news, self._news = self._news, False
        return news

    def read(self) -> str:
        """Return what is in it; "" when that is no text. Raises DesktopError when whoever holds it does not answer."""
        self._wayland.pump()
        if self._source is not None:
            return self._text
        types = self._types.get(self._offer.number, []) if self._offer is not None else []
        wanted = next((kind for kind in _TYPES if kind in types), None)
        if self._offer is None or wanted is None:
            return ""
        ours, theirs = os.pipe()
        try:
            try:
                self._offer.send("receive", wanted, theirs)
                self._wayland.flush()
            finally:
                os.close(theirs)
            return _read(ours).decode(errors="replace")
        finally:
            os.close(ours)

    def write(self, text: str) -> None:
        """Offer text; it is there as long as this clipboard is open and nobody puts something else in."""
        if self._source is not None:
            self._source.destroy()
        source = self._source = self._manager.make("create_data_source")
        self._text = text
        for kind in _TYPES:
            source.send("offer", kind)
        source.on = {"send": self._serve, "cancelled": lambda: self._lost(source)}
        self._device.send("set_selection", source)
        self._wayland.roundtrip()

    def close(self) -> None:
        """Disconnect; what was written goes."""
        self._wayland.close()

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
            self._source = None
            self._news = True

    def _finished(self) -> None:
        raise DesktopError("no-display", _("The desktop's compositor has taken the clipboard away."))

    def _serve(self, _kind: str, fd: int) -> None:
        threading.Thread(target=_write, args=(fd, self._text.encode()), name="paste", daemon=True).start()


def _read(fd: int) -> bytes:
    """Read until whoever writes has finished. Raises DesktopError."""
    data, deadline = bytearray(), time.monotonic() + PATIENCE
    while len(data) < MOST:
        ready, _write, _error = select.select([fd], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise DesktopError("error", _("The program that holds the clipboard does not answer."))
        part = os.read(fd, 1 << 16)
        if not part:
            break
        data += part
    return bytes(data[:MOST])


def _write(fd: int, data: bytes) -> None:
    with contextlib.suppress(OSError):
        os.set_blocking(fd, False)
        while data:
            if not select.select([], [fd], [], PATIENCE)[1]:
                break
            data = data[os.write(fd, data[: 1 << 16]) :]
    os.close(fd)
