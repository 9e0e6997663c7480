"""Sessions of Mutter's remote desktop: what its screen cast and its input have in common."""

import time
from typing import Any

from farhand.agent.core.desktop import DesktopError
from farhand.agent.platforms.linux.dbus.bus import PATIENCE, Bus
from farhand.agent.texts import _

CAST, DESK = "org.gnome.Mutter.ScreenCast", "org.gnome.Mutter.RemoteDesktop"
CURSOR_APART = 2
"""The pointer is told beside the picture."""


def create(bus: Bus, service: str, *more: Any) -> str:
    """Create a session of a service and return its path. Raises DesktopError."""
    path = f"/{service.replace('.', '/')}"
    return str(bus.call(service, path, service, "CreateSession", *more))


def record(bus: Bus, cast: str, monitor: str) -> str:
    """Add a monitor to a screen cast and return the stream's path. Raises DesktopError."""
    wishes = {"cursor-mode": ("u", CURSOR_APART)}
    return str(bus.call(CAST, cast, f"{CAST}.Session", "RecordMonitor", "sa{sv}", monitor, wishes))


def start(bus: Bus, service: str, session: str, streams: list[str]) -> list[int]:
    """Start a session and return its streams' PipeWire nodes. Raises DesktopError."""
    told = [bus.listen(stream, f"{CAST}.Stream", "PipeWireStreamAdded") for stream in streams]
    bus.call(service, session, f"{service}.Session", "Start")
    deadline = time.monotonic() + PATIENCE
    while not all(told):
        if time.monotonic() > deadline:
            raise DesktopError("error", _("The desktop does not hand out its picture."))
        bus.pump(0.2)
    return [int(messages[0].body[0]) for messages in told]
