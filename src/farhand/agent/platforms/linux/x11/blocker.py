"""A program beside the agent: takes mouse and keyboard away from whoever sits at an X display, and says so there.

Why a program of its own: a block must not outlive who asked for it. Every device of the person is grabbed over this
program's connection, and the X server gives it back when that connection is gone, however this program ends. It ends
when the agent does (its end of the socket is closed then, by `kill -9` too), when the agent is silent for `SILENCE_S`,
when the person presses Ctrl-Alt-Del, and when anything at all fails.

Rules: the window that explains it is there before the first device is taken. The thread that watches over the end
shares nothing with the window: a toolkit that hangs keeps nobody out. XTEST's own devices are left alone: they are the
representative's. What the person held down at that moment is let go of for them.

Run as `python -m MODULE DISPLAY FD`; FD is a socket of packets. To it: first `{"title": ..., "text": ...}` (shown),
then `{}` again and again. From it: `{"blocked": true}` once, then at most one of `{"person": true}` (Ctrl-Alt-Del) and
`{"failed": reason}`.
"""

import contextlib
import json
import os
import select
import socket
import sys
import threading
import time
import tkinter as tk
from collections.abc import Callable
from tkinter import font as tkfont
from typing import Any

import xcffib
import xcffib.xinput
import xcffib.xproto
import xcffib.xtest

from farhand.agent.core.desktop import DesktopError, Monitor
from farhand.agent.platforms.linux.x11.chord import Chord
from farhand.agent.platforms.linux.x11.display import close_display, open_display
from farhand.agent.platforms.linux.x11.monitors import read_monitors

SILENCE_S = 10.0
"""An agent that says nothing for so long hangs."""
MAX_MESSAGE = 65536
_ATTACHED = (3, 4)
"""Device types of XI2: slave pointer, slave keyboard."""
_ALL_DEVICES = 0
_ASYNC = 1
_KEYS = 1 << 2 | 1 << 3
"""Mask of XI_KeyPress and XI_KeyRelease: of other events nothing is told."""
_HIERARCHY = 1 << 11
_KEY_RELEASE, _BUTTON_RELEASE = 3, 5
_INK, _PAPER = "#ffffff", "#8c1d17"


class Devices:
    """The person's devices, grabbed. Used by one thread."""

    def __init__(self, display: str) -> None:
        self._connection, screen = open_display(display)
        self._root = screen.root
        self._input = self._connection(xcffib.xinput.key)
        self._input.XIQueryVersion(2, 2).reply()
        self._test = self._connection(xcffib.xtest.key)
        self._test.GetVersion(2, 2).reply()
        self._marked = self._atom("XTEST Device")
        self._chord = Chord(*self._read_map())

    def fileno(self) -> int:
        """Readable when something came."""
        number: int = self._connection.get_file_descriptor()
        return number

    def take(self) -> bool:
        """Grab all devices that move the pointer or type there; False when one is another program's."""
        mask = xcffib.xinput.EventMask.synthetic(_ALL_DEVICES, 1, [_HIERARCHY])  # type: ignore[no-untyped-call]
        self._input.XISelectEvents(self._root, 1, [mask])
        return self._grab()

    def let_go(self) -> None:
        """Release what is held down: the grabbed devices tell nobody any more when it is let go."""
        keymap = self._connection.core.QueryKeymap().reply().keys
        for key in range(256):
            if keymap[key >> 3] >> (key & 7) & 1:
                self._test.FakeInput(_KEY_RELEASE, key, 0, 0, 0, 0, 0)
        buttons = self._connection.core.QueryPointer(self._root).reply().mask >> 8 & 0x1F
        for button in range(1, 6):
            if buttons >> (button - 1) & 1:
                self._test.FakeInput(_BUTTON_RELEASE, button, 0, 0, 0, 0, 0)
        self._connection.core.GetInputFocus().reply()

    def read(self) -> str:
        """Look at what came: `person` (Ctrl-Alt-Del), `lost` (a new device is another program's), or nothing. To be
        called before every wait for `fileno`."""
        changed = False
        while (event := self._connection.poll_for_event()) is not None:
            if isinstance(event, xcffib.xinput.KeyPressEvent):
                if self._chord.pressed(event.deviceid, event.detail, event.mods.effective):
                    return "person"
            elif isinstance(event, xcffib.xinput.KeyReleaseEvent):
                self._chord.released(event.deviceid, event.detail)
            elif isinstance(event, xcffib.xinput.HierarchyEvent):
                changed = True
        # A device that was plugged in, or switched off and on again (as by a look at another console), is free.
        return "lost" if changed and not self._grab(some=False) else ""

    def _grab(self, *, some: bool = True) -> bool:
        found = False
        for info in self._input.XIQueryDevice(_ALL_DEVICES).reply().infos:
            if info.type in _ATTACHED and not self._is_test(info.deviceid):
                found = True
                grab = self._input.XIGrabDevice(self._root, 0, 0, info.deviceid, _ASYNC, _ASYNC, 0, 1, [_KEYS])
                if grab.reply().status:
                    return False
        return found or not some

    def _is_test(self, device: int) -> bool:
        marks = self._input.XIGetProperty(device, 0, self._marked, 0, 0, 1).reply()
        return bool(marks.num_items)

    def _atom(self, name: str) -> int:
        number: int = self._connection.core.InternAtom(False, len(name), name).reply().atom
        return number

    def _read_map(self) -> tuple[int, list[list[int]]]:
        setup = self._connection.get_setup()
        first, count = setup.min_keycode, setup.max_keycode - setup.min_keycode + 1
        reply = self._connection.core.GetKeyboardMapping(first, count).reply()
        width, symbols = reply.keysyms_per_keycode, list(reply.keysyms)
        return first, [symbols[at : at + width] for at in range(0, count * width, width)]


class Watch:
    """The thread that takes the devices, and ends this program."""

    def __init__(self, display: str, agent: socket.socket, done: Callable[[], None] = lambda: os._exit(0)) -> None:
        self._display = display
        self._agent = agent
        self._done = done

    def run(self) -> None:
        """Until it ends. Never raises."""
        try:
            self._watch()
        except (xcffib.ConnectionException, xcffib.XcffibException, DesktopError, OSError) as error:
            self._tell({"failed": str(error) or type(error).__name__})
        finally:
            self._done()

    def _watch(self) -> None:
        devices = Devices(self._display)
        if not devices.take():
            self._tell({"failed": "busy"})
            return
        devices.let_go()
        self._tell({"blocked": True})
        until = time.monotonic() + SILENCE_S
        while True:
            said = devices.read()
            if said:
                self._tell({"person": True} if said == "person" else {"failed": "busy"})
                return
            rest = until - time.monotonic()
            if rest <= 0:
                return
            ready, _w, _x = select.select([self._agent.fileno(), devices.fileno()], [], [], rest)
            if self._agent.fileno() in ready:
                if not self._agent.recv(MAX_MESSAGE):
                    return
                until = time.monotonic() + SILENCE_S

    def _tell(self, message: dict[str, object]) -> None:
        with contextlib.suppress(OSError):  # the agent is gone
            self._agent.send(json.dumps(message).encode())


class Sign:
    """A window at the top of each monitor that says what is going on. In the main thread."""

    def __init__(self, display: str, title: str, text: str) -> None:
        self.root = tk.Tk(screenName=display, className="Farhand")
        self.root.withdraw()
        for monitor in _monitors(display):
            self._show(monitor, title, text)
        self.root.update()

    def _show(self, monitor: Monitor, title: str, text: str) -> None:
        x, y, width = monitor.x, monitor.y, monitor.width
        window = tk.Toplevel(self.root, background=_PAPER, highlightthickness=0)
        window.withdraw()
        window.overrideredirect(True)
        window.title(title)
        family = tkfont.nametofont("TkDefaultFont").actual("family")
        for words, size, pads in ((title, 15, (14, 2)), (text, 12, (2, 14))):
            font = tkfont.Font(window, family=family, size=size, weight="bold")
            label = tk.Label(window, text=words, font=font, foreground=_INK, background=_PAPER)
            label.configure(wraplength=max(200, width - 80), justify="center")
            label.pack(padx=28, pady=pads)
        window.update_idletasks()
        wide = min(window.winfo_reqwidth(), width)
        window.geometry(f"{wide}x{window.winfo_reqheight()}+{x + (width - wide) // 2}+{y}")
        window.bind("<Visibility>", lambda event: self._covered(window, event))
        window.deiconify()
        window.lift()

    def _covered(self, window: tk.Toplevel, event: Any) -> None:
        """Something lies over it: come back to the front, not more often than once a second."""
        if event.widget is window and str(event.state) != "VisibilityUnobscured":
            window.after(1000, window.lift)


def _monitors(display: str) -> list[Monitor]:
    connection, screen = open_display(display)
    try:
        return read_monitors(connection, screen.root)
    finally:
        close_display(connection)


def main(arguments: list[str]) -> None:
    """Show it, take the devices, and stay until it ends."""
    display, number = arguments
    agent = socket.socket(fileno=int(number))
    said = agent.recv(MAX_MESSAGE)
    if not said:
        return
    words = json.loads(said)
    watch = Watch(display, agent)
    try:
        sign = Sign(display, words["title"], words["text"])
    except (tk.TclError, DesktopError) as error:
        watch._tell({"failed": str(error)})
        return
    threading.Thread(target=watch.run, name="watch", daemon=True).start()
    sign.root.mainloop()


if __name__ == "__main__":
    main(sys.argv[1:])
