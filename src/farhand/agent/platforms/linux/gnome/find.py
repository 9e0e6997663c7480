"""What may be done on GNOME: asked often, so it loads no library and asks nobody."""

import os
import stat
from pathlib import Path

from farhand.agent.core.abilities import cannot
from farhand.agent.platforms.linux.pipewire.find import has_pipewire
from farhand.agent.platforms.linux.wayland.find import Compositor
from farhand.protocol.messages import Abilities, Ability

_SHELL = "gtk_shell1"
"""Mutter alone offers it."""


def is_gnome(compositor: Compositor) -> bool:
    """Say whether it is Mutter, GNOME's compositor."""
    return compositor.has(_SHELL)


def gnome_abilities() -> Abilities:
    """Return what this client can do there."""
    if session_bus() is None:
        seen = cannot("no-session-bus")
    else:
        seen = Ability(can=True) if has_pipewire() else cannot("no-pipewire")
    return Abilities(
        kind="gnome",
        see=seen,
        control=seen,
        login_screen=cannot("own-desktop-only"),
        block_input=cannot("wayland-no-block"),
        privacy_screen=cannot("wayland-no-privacy"),
        clipboard=cannot("no-clipboard"),
    )


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
