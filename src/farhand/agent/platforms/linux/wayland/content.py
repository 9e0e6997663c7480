"""What a clipboard holds, as programs of Wayland desktops hand it over: kinds of content, each through a pipe.

Rules: what others give is read no longer than was asked for and for at most `PATIENCE` seconds. What is written goes
without waiting for whoever does not read.
"""

import contextlib
import os
import select
import time
from collections.abc import Iterable

from farhand.agent.core.desktop import Content, NotThereError
from farhand.agent.platforms.linux import copied
from farhand.agent.texts import _
from farhand.protocol.clipboard import FILES, PNG, TEXT

PATIENCE = 5.0
_TEXTS = ("text/plain;charset=utf-8", "UTF8_STRING", "text/plain", "STRING", "TEXT")
KINDS = {
    FILES: copied.TYPES,
    TEXT: _TEXTS,
    PNG: ("image/png",),
}
"""As what each format is asked for, the best one first."""
OFFERED = {**KINDS, FILES: (*copied.TYPES, *_TEXTS)}
"""As what each format is offered: files also as the text of their paths."""
MOST_KINDS = 64


def kind_for(name: str, offered: Iterable[str]) -> str | None:
    """Return as what content can be had in a format, None when it cannot."""
    kinds = set(offered)
    return next((kind for kind in KINDS.get(name, ()) if kind in kinds), None)


def formats_of(offered: Iterable[str]) -> list[str]:
    """Return the formats in which content can be had, the preferred one first."""
    kinds = set(offered)
    return [name for name in KINDS if kind_for(name, kinds) is not None]


def read_content(fd: int, name: str, most: int) -> bytes:
    """Read until whoever writes has finished; the descriptor stays open. Raises NotThereError."""
    data, deadline = bytearray(), time.monotonic() + PATIENCE
    while True:
        ready, _write, _error = select.select([fd], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise NotThereError(_("The program that was copied from does not answer."))
        part = os.read(fd, 1 << 16)
        if not part:
            break
        data += part
        if len(data) > most:
            raise NotThereError(_("What was copied is too long to be taken over."), too_long=True)
    if name == FILES:
        return copied.content_of(bytes(data))
    return bytes(data).decode(errors="replace").encode() if name == TEXT else bytes(data)


def as_kind(content: Content, kind: str) -> bytes:
    """Return what is handed over to who asks for content as one of `OFFERED`."""
    return copied.render(content.data, kind) if content.format == FILES else content.data


def write_content(fd: int, data: bytes) -> bool:
    """Write to whoever pastes, and close the descriptor; say whether all of it went."""
    try:
        with contextlib.suppress(OSError):
            os.set_blocking(fd, False)
            while data:
                if not select.select([], [fd], [], PATIENCE)[1]:
                    break
                data = data[os.write(fd, data[: 1 << 16]) :]
    finally:
        os.close(fd)
    return not data
