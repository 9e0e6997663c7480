"""Where the session's D-Bus is, and what is on it: asked often, so it connects to nothing and loads no library."""

import os
import stat
from pathlib import Path

from farhand.agent.core.abilities import cannot
from farhand.protocol.messages import Ability

_ACCESSIBILITY = "dbus-1/services/org.a11y.Bus.service"


def session_bus() -> str | None:
    """Return the address of the session's D-Bus, None when there is none."""
    address = os.environ.get("DBUS_SESSION_BUS_ADDRESS")
    if address:
        return address
    path = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}") / "bus"
    try:
        return f"unix:path={path}" if stat.S_ISSOCK(path.stat().st_mode) else None
    except OSError:
        return None


def fields_ability() -> Ability:
    """Say whether programs there can tell which of their fields are for passwords (`fields`)."""
    if session_bus() is None:
        return cannot("no-session-bus")
    folders = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    there = any(os.path.exists(os.path.join(folder, _ACCESSIBILITY)) for folder in folders.split(":"))
    return Ability(can=True) if there else cannot("no-accessibility")
