"""What was done with files, on its way into the session's journal.

Why it exists: a folder of 100,000 small files would fill a journal that is kept for ever. Single files have an entry
each. What comes faster than a journal takes is gathered and noted together: how many, how many bytes, and the SHA-256
of the list that `sha256sum` would print for them, of which the entry's text holds as much as there is room for.
"""

import asyncio
import hashlib
import os
from dataclasses import dataclass, field

from farhand.agent.core.tools import ToolPort
from farhand.protocol.budgets import Budget

PER_SECOND, AT_ONCE = 5, 40
"""Entries of files; less than the relay takes, so that other tools have room."""
GATHER_S = 5.0
_TEXT = 3800
_PATH = 2048


@dataclass
class _Group:
    by: str
    folder: bytes
    count: int = 0
    size: int = 0
    code: str = ""
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    lines: list[str] = field(default_factory=list)
    room: int = _TEXT


def shown(path: bytes) -> str:
    """Return a path as one line of text: what is no text, or moves the line, is escaped."""
    text = path.decode("utf-8", "backslashreplace")
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= _PATH else f"{text[: _PATH // 2]}…{text[-_PATH // 2 + 1 :]}"


class Ledger:
    """Notes operations (see `protocol.entries`)."""

    def __init__(self, port: ToolPort) -> None:
        self._port = port
        self._budget = Budget(PER_SECOND, AT_ONCE, port.loop.time())
        self._groups: dict[tuple[str, int], _Group] = {}
        self._timer: asyncio.TimerHandle | None = None

    def note(self, kind: str, leg: int, path: bytes, **data: str | int | bool) -> None:
        """Note one operation that is rare."""
        self._port.post(kind, "", by=self._port.name_of(leg), leg=leg, path=shown(path), **data)

    def file(self, kind: str, leg: int, path: bytes, size: int, *, sha256: str = "", code: str = "") -> None:
        """Note a transfer, or an operation that may come by the thousand."""
        by = self._port.name_of(leg)
        group = self._groups.get((kind, leg))
        if group is None and self._budget.take(1, self._port.loop.time()):
            self._post(kind, "", _Group(by, path, 1, size, code), leg, sha256)
            return
        if group is None:
            group = self._groups[kind, leg] = _Group(by, os.path.dirname(path))
        self._add(group, path, size, sha256, code)
        if self._timer is None:
            self._timer = self._port.loop.call_later(GATHER_S, self.flush)

    @staticmethod
    def _add(group: _Group, path: bytes, size: int, sha256: str, code: str) -> None:
        group.count += 1
        group.size += size
        group.code = group.code or code
        if not path.startswith(group.folder.rstrip(b"/") + b"/"):
            group.folder = os.path.commonpath([group.folder, path])
        group.digest.update(f"{sha256}  ".encode() + path + b"\n")
        line = f"{sha256 or code}  {shown(path)}"
        if len(line) < group.room:
            group.lines.append(line)
            group.room -= len(line) + 1

    def flush(self) -> None:
        """Note what was gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        groups, self._groups = self._groups, {}
        for (kind, leg), group in groups.items():
            self._post(kind, "\n".join(group.lines), group, leg, group.digest.hexdigest())

    def _post(self, kind: str, text: str, group: _Group, leg: int, sha256: str) -> None:
        data: dict[str, str | int | bool] = {"by": group.by, "leg": leg, "path": shown(group.folder)}
        data |= {"count": group.count, "size": group.size}
        data |= {"code": group.code} if group.code else {"sha256": sha256}
        self._port.post(kind, text, **data)
