"""What may be done on GNOME: asked often, so it loads no library and asks nobody."""

from farhand.agent.core.abilities import cannot
from farhand.agent.platforms.linux.dbus.find import fields_ability, session_bus
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
        seen = by_bus = cannot("no-session-bus")
    else:
        by_bus = Ability(can=True)
        seen = by_bus if has_pipewire() else cannot("no-pipewire")
    return Abilities(
        kind="gnome",
        see=seen,
        control=seen,
        login_screen=cannot("own-desktop-only"),
        block_input=cannot("wayland-no-block"),
        privacy_screen=cannot("wayland-no-privacy"),
        clipboard=by_bus,
        hide_passwords=fields_ability(),
    )
