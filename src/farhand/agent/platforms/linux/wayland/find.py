"""Which Wayland compositor answers, and what kind it is: asked often, so it asks each compositor only once.

Rules: what somebody named wins, then WAYLAND_DISPLAY, then the first socket in the session's runtime folder, which
is where a service that was started outside of the session finds it. A session of X's has no Wayland: a nested
compositor in it is not what stands on the screen.
"""

import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from farhand.agent.core.desktop import DesktopError
from farhand.agent.platforms.linux.wayland.wire import Connection

_PROBE = 2.0
_NAME = "wayland-[0-9]*"


@dataclass(frozen=True)
class Compositor:
    """A compositor that answers."""

    path: str
    """Of its socket."""
    interfaces: frozenset[str]
    """What it offers."""

    def has(self, *names: str) -> bool:
        """Say whether it offers all of these."""
        return self.interfaces.issuperset(names)

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to find it: a name in the person's runtime folder, or a whole path (wayland(7))."""
        folder, name = os.path.split(self.path)
        if folder == os.environ.get("XDG_RUNTIME_DIR") or folder.startswith("/run/user/"):
            return {"WAYLAND_DISPLAY": name, "XDG_RUNTIME_DIR": folder, "XDG_SESSION_TYPE": "wayland"}
        return {"WAYLAND_DISPLAY": self.path, "XDG_SESSION_TYPE": "wayland"}


_known: dict[str, tuple[tuple[int, int], Compositor]] = {}
"""What was learned, by path, and of which socket."""


def is_wayland(name: str) -> bool:
    """Say whether a display's name is one of Wayland's: `wayland-1` or a path; those of X have a colon and a number."""
    return bool(name) and (name.startswith("/") or ":" not in name)


def find_compositor(wanted: str | None) -> Compositor | None:
    """Return the compositor of the display `wanted`, or of this session; None when none answers."""
    for path in _candidates(wanted):
        found = _ask(path)
        if found is not None:
            return found
    return None


def answers(path: str) -> bool:
    """Say whether a compositor listens at `path`."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1.0)
            probe.connect(path)
    except (OSError, ValueError):
        return False
    return True


def _candidates(wanted: str | None) -> list[str]:
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    if wanted:
        return [str(folder / wanted)] if is_wayland(wanted) else []
    if os.environ.get("XDG_SESSION_TYPE") == "x11":
        return []
    named = os.environ.get("WAYLAND_DISPLAY")
    if named:
        return [str(folder / named)]
    if os.environ.get("DISPLAY"):
        return []
    try:
        return sorted(str(path) for path in folder.glob(_NAME) if stat.S_ISSOCK(path.stat().st_mode))[:4]
    except OSError:
        return []


def _ask(path: str) -> Compositor | None:
    try:
        info = Path(path).stat()
    except (OSError, ValueError):
        return None
    which = (info.st_ino, info.st_ctime_ns)
    known = _known.get(path)
    if known is not None and known[0] == which:
        return known[1] if answers(path) else None
    try:
        connection = Connection(path, _PROBE)
    except DesktopError:
        return None
    connection.close()
    found = Compositor(path, frozenset(name for name, _version in connection.globals.values()))
    _known[path] = (which, found)
    return found
