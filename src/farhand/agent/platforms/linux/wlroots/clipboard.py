"""The clipboard of a compositor with wlroots' data-control protocol: text, pictures and files.

Why it exists: it fills `Clipboard`. Rules: whoever pastes what we put in is served by a thread of its own, so that one
who does not read stops nobody.
"""

import os
import threading

from farhand.agent.core.abilities import why
from farhand.agent.core.desktop import Content, DesktopError, NotThereError, UnsupportedError
from farhand.agent.platforms.linux.wayland.content import (
    MOST_KINDS,
    OFFERED,
    as_kind,
    formats_of,
    kind_for,
    read_content,
    write_content,
)
from farhand.agent.platforms.linux.wayland.wire import Connection, Thing
from farhand.agent.platforms.linux.wlroots.find import CLIPBOARD
from farhand.agent.texts import _


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
        return formats_of(self._kinds())

    def read(self, name: str, most: int) -> bytes:
        """Return its content in one format. Raises NotThereError when it has none, more than `most` bytes, or when
        the program that holds it does not answer."""
        self._wayland.pump()
        if self._source is not None and self._content is not None:
            if self._content.format != name or len(self._content.data) > most:
                raise NotThereError(_("The clipboard does not hold that."))
            return self._content.data
        wanted = kind_for(name, self._kinds())
        if self._offer is None or wanted is None:
            raise NotThereError(_("The clipboard does not hold that."))
        ours, theirs = os.pipe()
        try:
            try:
                self._offer.send("receive", wanted, theirs)
                self._wayland.flush()
            finally:
                os.close(theirs)
            return read_content(ours, name, most)
        finally:
            os.close(ours)

    def write(self, content: Content) -> None:
        """Offer content; it is there as long as this clipboard is open and nobody puts something else in."""
        if self._source is not None:
            self._source.destroy()
        source = self._source = self._manager.make("create_data_source")
        self._content = content
        for kind in OFFERED[content.format]:
            source.send("offer", kind)
        source.on = {"send": self._serve, "cancelled": lambda: self._lost(source)}
        self._device.send("set_selection", source)
        self._wayland.roundtrip()

    def close(self) -> None:
        """Disconnect; what was written goes."""
        self._wayland.close()

    def _kinds(self) -> list[str]:
        """As what the others' content can be had."""
        return self._types.get(self._offer.number, []) if self._offer is not None else []

    def _offered(self, offer: Thing) -> None:
        types = self._types[offer.number] = []

        def add(kind: str) -> None:
            if len(types) < MOST_KINDS:
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
        data = b"" if self._content is None else as_kind(self._content, kind)
        threading.Thread(target=write_content, args=(fd, data), name="paste", daemon=True).start()
