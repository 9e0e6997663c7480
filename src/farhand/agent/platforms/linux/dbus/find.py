"""Where the session's D-Bus is: asked often, so it connects to nothing and loads no library."""

import os
import stat
from pathlib import Path


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
