"""Keyboard and pointer of an X display, by XTEST.

Why it exists: it fills `InputSink` for X11. Characters that the keyboard map lacks get a spare key for a while; it is
given back when input rests, not at once, because programs look the key up only when they read its event.

Rules: key and button state of ours is let go on `release` and `close`, whatever happened before.
"""

import contextlib
import time

import xcffib
import xcffib.xproto as xp
import xcffib.xtest

from farhand.agent.core.desktop import DesktopError
from farhand.agent.core.masking import Windows
from farhand.agent.platforms.linux.x11.display import close_display, guarded, open_display
from farhand.agent.platforms.linux.x11.keys import Do, Keyboard, KeyMap, Step
from farhand.agent.platforms.linux.x11.windows import focused

_KEY_PRESS, _KEY_RELEASE, _BUTTON_PRESS, _BUTTON_RELEASE, _MOTION = 2, 3, 4, 5, 6
_BUTTONS = (1, 2, 3, 8, 9)
_UP, _DOWN, _LEFT, _RIGHT = 4, 5, 6, 7
_CATCH_UP = 0.06
"""Time for programs to read a key before it changes its meaning, in seconds."""
_BETWEEN_MAPS = 0.1
"""Time between two changes of the keyboard's map, in seconds. Xlib, which most programs use, forgets a change that it
hears of while it is fetching the one before, and the character is lost there."""
_MOST_CLICKS = 16


class X11Input:
    """Open keyboard and pointer of an X display; see `InputSink`."""

    def __init__(self, display: str) -> None:
        with guarded("connecting input"):
            self._connection, screen = open_display(display)
            try:
                self._root = screen.root
                self._test = self._connection(xcffib.xtest.key)
                self._test.GetVersion(2, 2).reply()
                self._keyboard = Keyboard(self._read_map())
            except BaseException:
                self._connection.disconnect()
                raise
        self._buttons = 0
        self._typed_at = 0.0
        self._mapped_at = 0.0

    def key(self, keysym: int, down: bool) -> None:
        """Press or release; a pressed character may take a spare key and borrow modifiers."""
        with guarded("typing"):
            self._news()
            if down:
                state = self._connection.core.QueryPointer(self._root).reply().mask
                self._perform(self._keyboard.press(keysym, state))
            else:
                self._perform(self._keyboard.release(keysym))
            self._typed_at = time.monotonic()

    def pointer(self, x: int, y: int, buttons: int) -> None:
        """Move first, then let go and press: a click lands where the pointer is."""
        with guarded("moving the pointer"):
            self._fake(_MOTION, 0, x, y)
            self._hold(buttons)

    def wheel(self, dx: int, dy: int) -> None:
        """Each click is a press and a release of a wheel button."""
        with guarded("turning the wheel"):
            for amount, back, forth in ((dy, _UP, _DOWN), (dx, _LEFT, _RIGHT)):
                for _ in range(min(abs(amount), _MOST_CLICKS)):
                    button = forth if amount > 0 else back
                    self._fake(_BUTTON_PRESS, button)
                    self._fake(_BUTTON_RELEASE, button)
            self._connection.flush()

    def focus(self) -> Windows:
        """Ask the server, which has done by then what was sent to it before."""
        with guarded("looking at its windows"):
            return focused(self._connection, self._root)

    def release(self) -> None:
        """Let go of every key and button of ours."""
        with guarded("letting go"):
            self._perform(self._keyboard.release_all())
            self._hold(0)

    def rest(self) -> bool:
        """Give the spare keys back."""
        with guarded("giving keys back"):
            self._perform(self._keyboard.give_back())
            return not self._keyboard.lent

    def close(self) -> None:
        """Let go, give back, disconnect; a display that is gone needs none of it."""
        with contextlib.suppress(DesktopError):
            self.release()
            if self._keyboard.lent:
                time.sleep(max(0.0, self._typed_at + _CATCH_UP - time.monotonic()))
                self.rest()
            with guarded("finishing"):
                self._connection.core.GetInputFocus().reply()
        close_display(self._connection)

    def _read_map(self) -> KeyMap:
        setup = self._connection.get_setup()
        first, count = setup.min_keycode, setup.max_keycode - setup.min_keycode + 1
        reply = self._connection.core.GetKeyboardMapping(first, count).reply()
        width, symbols = reply.keysyms_per_keycode, list(reply.keysyms)
        rows = [symbols[at : at + width] for at in range(0, count * width, width)]
        reply = self._connection.core.GetModifierMapping().reply()
        width, codes = reply.keycodes_per_modifier, list(reply.keycodes)
        return KeyMap(
            first, rows, [[code for code in codes[at : at + width] if code] for at in range(0, 8 * width, width)]
        )

    def _news(self) -> None:
        """Read the map again when somebody else has changed it."""
        changed = False
        while (event := self._connection.poll_for_event()) is not None:
            if isinstance(event, xp.MappingNotifyEvent) and event.request != xp.Mapping.Pointer:
                changed |= event.count != 1 or event.first_keycode not in self._keyboard.lent_keys
        if changed:
            self._keyboard.learn(self._read_map())

    def _perform(self, steps: list[Step]) -> None:
        for do, key, keysym in steps:
            if do is Do.WAIT:
                self._connection.flush()
                time.sleep(_CATCH_UP)
            elif do is Do.MAP:
                if keysym:
                    self._connection.flush()
                    time.sleep(max(0.0, self._mapped_at + _BETWEEN_MAPS - time.monotonic()))
                    self._mapped_at = time.monotonic()
                self._connection.core.ChangeKeyboardMapping(1, key, 2, [keysym, keysym])
            else:
                self._fake(_KEY_PRESS if do is Do.DOWN else _KEY_RELEASE, key)
        self._connection.flush()

    def _hold(self, buttons: int) -> None:
        for bit, button in enumerate(_BUTTONS):
            now, before = buttons >> bit & 1, self._buttons >> bit & 1
            if now != before:
                self._fake(_BUTTON_PRESS if now else _BUTTON_RELEASE, button)
        self._buttons = buttons
        self._connection.flush()

    def _fake(self, kind: int, detail: int, x: int = 0, y: int = 0) -> None:
        self._test.FakeInput(kind, detail, 0, self._root, x, y, 0)
