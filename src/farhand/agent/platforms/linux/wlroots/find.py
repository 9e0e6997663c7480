"""What may be done on a compositor with wlroots' protocols: asked often, so it loads no library."""

from farhand.agent.core.abilities import cannot
from farhand.agent.platforms.linux.dbus.find import fields_ability
from farhand.agent.platforms.linux.wayland.find import Compositor
from farhand.protocol.messages import Abilities, Ability

CAPTURE = "zwlr_screencopy_manager_v1"
POINTER = "zwlr_virtual_pointer_manager_v1"
KEYBOARD = "zwp_virtual_keyboard_manager_v1"
CLIPBOARD = "zwlr_data_control_manager_v1"


def is_wlroots(compositor: Compositor) -> bool:
    """Say whether it lets its screen be captured by wlroots' protocol."""
    return compositor.has(CAPTURE, "wl_shm")


def wlroots_abilities(compositor: Compositor) -> Abilities:
    """Return what this client can do there."""
    return Abilities(
        kind="wlroots",
        see=Ability(can=True),
        control=Ability(can=True) if compositor.has(POINTER, KEYBOARD, "wl_seat") else cannot("wayland-no-control"),
        login_screen=cannot("own-desktop-only"),
        block_input=cannot("wayland-no-block"),
        privacy_screen=cannot("wayland-no-privacy"),
        clipboard=Ability(can=True) if compositor.has(CLIPBOARD, "wl_seat") else cannot("wayland-no-clipboard"),
        hide_passwords=fields_ability(),
    )
