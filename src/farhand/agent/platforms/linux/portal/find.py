"""What may be done by a desktop's portal: asked often, so it asks nobody and loads no library.

Before a portal was asked, what is installed tells: each backend names the interfaces that it fills in a file
(portals.conf(5), `*.portal` in xdg-desktop-portal/portals of the data folders). Once it was asked, its own word counts.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from farhand.agent.core.abilities import cannot, noted
from farhand.agent.core.files import read_bounded
from farhand.agent.platforms.linux.dbus.find import fields_ability, session_bus
from farhand.agent.platforms.linux.gnome.find import is_gnome
from farhand.agent.platforms.linux.pipewire.find import has_pipewire
from farhand.agent.platforms.linux.wayland.find import Compositor
from farhand.agent.platforms.linux.wlroots.find import CLIPBOARD
from farhand.protocol.messages import Abilities, Ability

VARIABLE = "FARHAND_DESKTOP"
_BACKEND = "org.freedesktop.impl.portal"
_DATA = "/usr/local/share:/usr/share"
_MOST_FILES, _LARGEST = 64, 65_536


@dataclass(frozen=True)
class Said:
    """What a portal can do, beside showing the screen."""

    control: bool
    lasts: bool = True
    """Its answer may last. Before it was asked that is assumed."""


_said: dict[str, Said] = {}
"""By address of the D-Bus: what the portal there said itself."""


def portal_wanted() -> bool:
    """Say whether this client was told (FARHAND_DESKTOP=portal) to take the portal also where there is another way."""
    return os.environ.get(VARIABLE) == "portal"


def remember(said: Said | None) -> None:
    """The portal of this session has said what it can do; None: it is not there, or not yet."""
    bus = session_bus() or ""
    if said is None:
        _said.pop(bus, None)
    else:
        _said[bus] = said


def portal_abilities(compositor: Compositor) -> Abilities:
    """Return what this client can do by the portal of this compositor's desktop."""
    bus = session_bus()
    clipboard = compositor.has(CLIPBOARD, "wl_seat")
    see, control = _judge(bus, verified=is_gnome(compositor))
    return Abilities(
        kind="portal" if see.can else "wayland",
        see=see,
        control=control,
        login_screen=cannot("own-desktop-only"),
        block_input=cannot("wayland-no-block"),
        privacy_screen=cannot("wayland-no-privacy"),
        clipboard=Ability(can=True) if clipboard else cannot("wayland-no-clipboard"),
        hide_passwords=fields_ability(),
    )


def _judge(bus: str | None, *, verified: bool) -> tuple[Ability, Ability]:
    if bus is None:
        nothing = cannot("no-session-bus")
        return nothing, nothing
    said = _said.get(bus) or _installed()
    if said is None:
        nothing = cannot("no-portal")
        return nothing, nothing
    if not has_pipewire():
        nothing = cannot("no-pipewire")
        return nothing, nothing
    if verified:
        can = noted("portal-once") if said.lasts and said.control else noted("portal-always")
    else:
        can = noted("portal-once-unverified") if said.lasts and said.control else noted("portal-always-unverified")
    return can, can if said.control else cannot("portal-no-control")


def _installed() -> Said | None:
    """What the backends that are installed can do together: which of them a desktop takes is its own choice. None: they
    show no screen."""
    filled: set[str] = set()
    folders = [os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local/share")]
    folders += (os.environ.get("XDG_DATA_DIRS") or _DATA).split(":")
    for folder in folders:
        try:
            files = sorted((Path(folder) / "xdg-desktop-portal/portals").glob("*.portal"))[:_MOST_FILES]
        except OSError:
            continue
        for file in files:
            filled.update(_interfaces(file))
    return Said(f"{_BACKEND}.RemoteDesktop" in filled) if f"{_BACKEND}.ScreenCast" in filled else None


def _interfaces(file: Path) -> list[str]:
    try:
        lines = read_bounded(file, _LARGEST).decode().splitlines()
    except (OSError, ValueError):
        return []
    found = [value for name, _is, value in (line.partition("=") for line in lines) if name.strip() == "Interfaces"]
    return [name.strip() for value in found for name in value.split(";")]
