"""Keyboard and pointer by calls on the D-Bus: what GNOME's own interface and the portal's have in common.

Why it exists: both take X keysyms (and find the key, and what must be held with it, in the layout that is chosen
there), buttons by their number in Linux, and positions on a monitor's stream.

Rules: what is held is let go by `release`, the latest first. How it is told is the subclass's.
"""

from farhand.agent.core.desktop import InputSink
from farhand.agent.core.masking import Windows
from farhand.agent.platforms.linux.keysyms import MAX_KEYSYM
from farhand.agent.platforms.linux.wayland.layout import Placed, nearest

_BUTTONS = (0x110, 0x112, 0x111, 0x113, 0x114)
"""BTN_LEFT, BTN_MIDDLE, BTN_RIGHT, BTN_SIDE (back), BTN_EXTRA (forward) of Linux's input-event-codes."""
_VERTICAL, _HORIZONTAL = 0, 1
_MOST_CLICKS = 16
_SHIFT = 0xFFE1


class NotifyInput(InputSink):
    """See `InputSink`. A subclass fills what raises NotImplementedError here; all of it may raise DesktopError."""

    def __init__(self) -> None:
        self._held: dict[int, None] = {}
        self._buttons = 0

    def wake(self) -> None:
        """Have the desktop's devices come: they do with their first event. Where none is plugged in, programs learn
        only then that there is a keyboard, and would miss what follows at once: the first events mean nothing."""
        for down in (True, False):
            self.tell_key(_SHIFT, down)
        self.tell_nudge()

    def key(self, keysym: int, down: bool) -> None:
        """Press or release."""
        if (keysym in self._held) == down or not 0 < keysym <= MAX_KEYSYM:
            return
        if down:
            self._held[keysym] = None
        else:
            del self._held[keysym]
        self.tell_key(keysym, down)

    def pointer(self, x: int, y: int, buttons: int) -> None:
        """Move first, then let go and press: a click lands where the pointer is."""
        self.tell_place(*nearest(self.placed(), x, y))
        self._hold(buttons)

    def wheel(self, dx: int, dy: int) -> None:
        """Each click of a wheel is told as one."""
        for amount, axis in ((dy, _VERTICAL), (dx, _HORIZONTAL)):
            clicks = max(-_MOST_CLICKS, min(amount, _MOST_CLICKS))
            if clicks:
                self.tell_clicks(axis, clicks)

    def focus(self) -> Windows | None:
        """Such desktops tell no program which window has the keyboard."""
        return None

    def release(self) -> None:
        """Let go of every key and button of ours, the latest first."""
        for keysym in reversed(list(self._held)):
            self.key(keysym, False)
        self._hold(0)

    def _hold(self, buttons: int) -> None:
        for bit, button in enumerate(_BUTTONS):
            now, before = buttons >> bit & 1, self._buttons >> bit & 1
            if now != before:
                self.tell_button(button, bool(now))
        self._buttons = buttons

    def placed(self) -> list[Placed]:
        """Return the monitors as they are now."""
        raise NotImplementedError

    def tell_key(self, keysym: int, down: bool) -> None:
        """Tell of a key."""
        raise NotImplementedError

    def tell_nudge(self) -> None:
        """Tell that the pointer was moved by nothing at all."""
        raise NotImplementedError

    def tell_place(self, one: Placed, x: float, y: float) -> None:
        """Tell where the pointer is, in pixels of a monitor."""
        raise NotImplementedError

    def tell_button(self, button: int, down: bool) -> None:
        """Tell of a button."""
        raise NotImplementedError

    def tell_clicks(self, axis: int, clicks: int) -> None:
        """Tell of clicks of a wheel, vertical (0) or horizontal (1)."""
        raise NotImplementedError
