"""Which X display answers, and what may be done on one: asked often, so neither signs in to it nor loads a library."""

import importlib.util
import os
import socket
import struct
from pathlib import Path

from farhand.agent.core.abilities import cannot
from farhand.agent.platforms.linux.dbus.find import fields_ability
from farhand.protocol.messages import Abilities, Ability

_SOCKETS = Path("/tmp/.X11-unix")  # noqa: S108  the X Window System's own place, since ever
_FIRST_PORT = 6000
_CREDENTIALS = struct.Struct("iII")
"""ucred of unix(7): process, user, group."""
BLOCKABLE = frozenset(("Xorg", "X", "Xvfb", "Xtigervnc"))
"""Servers that were seen to give devices back after a grab, again and again. Xephyr 21.1 fails at it and takes the
whole desktop along (a device of its own has no screen then), so whatever was not tried is left alone."""


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


def server_of(display: str) -> str:
    """Return the name of the program that serves a display on this machine, "" when it is not known."""
    host, _colon, rest = display.rpartition(":")
    if host not in {"", "unix"}:
        return ""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1.0)
            probe.connect(str(_SOCKETS / f"X{rest.split('.')[0]}"))
            found = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid, _user, _group = _CREDENTIALS.unpack(found)
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (OSError, UnicodeError):
        return ""


def _block_ability(display: str) -> Ability:
    if server_of(display) not in BLOCKABLE:
        return cannot("x11-server-no-block")
    # The person must be told, on the screen, what is going on.
    return Ability(can=True) if importlib.util.find_spec("_tkinter") is not None else cannot("no-tkinter")


def x11_abilities(display: str) -> Abilities:
    """Return what this client can do on an X display."""
    return Abilities(
        kind="x11",
        see=Ability(can=True),
        control=Ability(can=True),
        login_screen=cannot("own-desktop-only"),
        block_input=_block_ability(display),
        privacy_screen=cannot("x11-no-privacy"),
        clipboard=Ability(can=True),
        hide_passwords=fields_ability(),
    )
