"""What may be done on a compositor with wlroots' protocols: asked often, so it loads no library."""

from farhand.agent.platforms.linux.wayland.find import Compositor
from farhand.agent.texts import _
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
        control=Ability(can=True) if compositor.has(POINTER, KEYBOARD, "wl_seat") else Ability(reason=no_control()),
        login_screen=Ability(
            reason=_("This client shares the desktop that it was started for; the login screen is another one.")
        ),
        block_input=Ability(reason=_("This client cannot keep the mouse and keyboard there from being used.")),
        clipboard=Ability(can=True) if compositor.has(CLIPBOARD, "wl_seat") else Ability(reason=no_clipboard()),
    )


def no_control() -> str:
    """Return why keyboard and pointer cannot be moved."""
    return _("This desktop's compositor does not let programs move the pointer and press keys.")


def no_clipboard() -> str:
    """Return why the clipboard cannot be opened."""
    return _("This desktop's compositor does not let programs exchange the clipboard.")
