"""Which X display answers, and what may be done on one: asked often, so neither connects to it nor loads a library."""

import os
import socket
from pathlib import Path

from farhand.agent.core.abilities import cannot
from farhand.protocol.messages import Abilities, Ability

_SOCKETS = Path("/tmp/.X11-unix")  # noqa: S108  the X Window System's own place, since ever
_FIRST_PORT = 6000


def find_display(wanted: str | None) -> str | None:
    """Return `wanted`, or the environment's display, when an X server listens there; else None."""
    name = wanted or os.environ.get("DISPLAY", "")
    return name if name and answers(name) else None


def answers(display: str) -> bool:
    """Say whether an X server listens for `display` (`:1`, `:1.0`, `host:1`)."""
    host, _colon, rest = display.rpartition(":")
    number = rest.split(".")[0]
    if not number.isdigit():
        return False
    try:
        if host in {"", "unix"}:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                probe.settimeout(1.0)
                probe.connect(str(_SOCKETS / f"X{number}"))
        else:
            with socket.create_connection((host, _FIRST_PORT + int(number)), timeout=1.0):
                pass
    except (OSError, OverflowError, UnicodeError):
        return False
    return True


def x11_abilities() -> Abilities:
    """Return what this client can do on an X display."""
    return Abilities(
        kind="x11",
        see=Ability(can=True),
        control=Ability(can=True),
        login_screen=cannot("own-desktop-only"),
        block_input=cannot("no-block"),
        privacy_screen=cannot("x11-no-privacy"),
        clipboard=Ability(can=True),
    )
