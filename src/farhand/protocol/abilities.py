"""What an endpoint's desktop lets be done, and why not: the one table of names and reasons, with their words.

Why it exists: an endpoint says in its own language why something cannot be done, or what is to be known of what can be,
and who reads it may speak another one. So a reason has a code beside its sentence; whoever shows it says this table's
sentence in the reader's language, and the endpoint's own for a code that it does not know.

Rules: a reason is added here first; a code keeps its meaning for ever. A sentence says why, and what would help where
something does. The texts are marked for the catalogs of the client and of the web; this module translates nothing.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final


def _(text: str) -> str:
    """Mark a text for the catalogs and return it unchanged."""
    return text


ABILITIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "see": _("See the screen"),
        "control": _("Control mouse and keyboard"),
        "login_screen": _("Reach the log-in screen"),
        "block_input": _("Disable Mouse and Keyboard"),
        "privacy_screen": _("Privacy Screen"),
        "clipboard": _("Clipboard Sharing"),
        "hide_passwords": _("Hide password fields in recordings"),
    }
)
"""Fields of `messages.Abilities`, in the order in which they are shown, with their names for people."""

REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "no-desktop": _("There is no desktop now."),
        "not-told": _("This computer does not say it; its client is older."),
        "own-desktop-only": _(
            "This client shares the desktop that it was started for; the login screen is another one."
        ),
        "x11-server-no-block": _(
            "This kind of X server may fail when it gives mouse and keyboard back, so they are not taken away."
        ),
        "wayland-no-block": _(
            "This desktop's compositor does not let programs take mouse and keyboard away from whoever sits there."
        ),
        "no-tkinter": _("The person there could not be told on the screen: install Python's tkinter there."),
        "x11-no-privacy": _(
            "An X11 desktop has no way to hide its monitors that would not hide the shared picture too."
        ),
        "wayland-no-privacy": _("This desktop's compositor does not let programs hide what its monitors show."),
        "no-portal": _(
            "This kind of Wayland desktop is shared by its portal, which is not there: install the xdg-desktop-portal "
            "that is made for it, or sign in there to a session of X11 (Xorg)."
        ),
        "portal-once": _("The desktop asks whoever sits there, the first time."),
        "portal-always": _("The desktop asks whoever sits there, each time."),
        "portal-once-unverified": _(
            "The desktop asks whoever sits there, the first time. Not verified on this kind of desktop."
        ),
        "portal-always-unverified": _(
            "The desktop asks whoever sits there, each time. Not verified on this kind of desktop."
        ),
        "portal-no-control": _("This desktop's portal shows the screen, but hands out no mouse and keyboard."),
        "wayland-no-control": _("This desktop's compositor does not let programs move the pointer and press keys."),
        "wayland-no-clipboard": _("This desktop's compositor does not let programs exchange the clipboard."),
        "no-session-bus": _("This client was started outside of the desktop's session and cannot reach its D-Bus."),
        "no-accessibility": _(
            "Programs there cannot tell which of their fields are for passwords: install at-spi2-core there."
        ),
        "no-pipewire": _("The library of PipeWire is missing there: install libpipewire."),
        "no-program": _("No program for this is installed on this computer."),
        "needs-x11": _("The programs for this that are installed there need an X server, and this desktop has none."),
        "no-locker": _("No program that locks this kind of desktop is installed there: install swaylock or gtklock."),
        "nobody-signed-in": _("Nobody is signed in at this computer."),
        "no-power-program": _("This computer has no program that restarts it."),
        "needs-rights": _("The client needs administrator rights on this computer for that."),
        "no-client-file": _("This client does not run from a client file, so nothing would start it again."),
        "no-deploying": _("This client cannot install anything that stays."),
        "pinned-already": _("This computer has a Jump Client already."),
        "no-service": _("The client does not run as a service here, so somebody has to start it after a reboot."),
        "root-no-desktop": _("The client runs as root and not in a person's desktop, so nothing would start it again."),
        "no-return": _("This client does not come back by itself."),
    }
)
"""Code -> why something cannot be done; `portal-once` and its like: what is to be known where it can."""
