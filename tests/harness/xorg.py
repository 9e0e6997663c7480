"""A real Xorg on the dummy driver, with real devices for the person who sits there; and hands for that person.

Xorg's `inputtest` driver (inputtestdrv(4)) makes keyboards and mice without hardware. What the person does comes as
events of those devices, by XTEST for extension devices (XTestFakeDeviceKeyEvent), which works on Xvfb's own devices
just as well.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xcffib
import xcffib.xinput
import xcffib.xtest

from farhand.kit.process import leash

XORG = Path("/usr/lib/xorg/Xorg")
"""The server itself: /usr/bin/X is a wrapper that asks who is at the console."""
NEEDS = (XORG, Path("/usr/lib/xorg/modules/drivers/dummy_drv.so"), Path("/usr/lib/xorg/modules/input/inputtest_drv.so"))
_DEVICES = (("keyboard", "Keyboard", "CoreKeyboard"), ("second-keyboard", "Keyboard", "SendCoreEvents"),
            ("mouse", "Pointer", "CorePointer"), ("touchscreen", "Touch", "SendCoreEvents"))  # fmt: skip
_CONFIG = """
Section "ServerFlags"
  Option "AutoAddDevices" "false"
  Option "AutoAddGPU" "false"
EndSection
Section "Device"
  Identifier "card"
  Driver "dummy"
EndSection
Section "Monitor"
  Identifier "monitor"
  HorizSync 5-1000
  VertRefresh 5-200
EndSection
Section "Screen"
  Identifier "screen"
  Device "card"
  Monitor "monitor"
  DefaultDepth 24
  SubSection "Display"
    Depth 24
    Modes "1024x768"
  EndSubSection
EndSection
"""
CONTROL_KEY, ALT_KEY, DELETE_KEY = 37, 64, 119
"""Key codes of a PC's keyboard."""
_POINTERS, _KEYBOARDS = (1, 3), (2, 4)


def _config(folder: Path) -> str:
    devices = "".join(
        f'Section "InputDevice"\n Identifier "{name}"\n Driver "inputtest"\n'
        f' Option "SocketPath" "{folder / name}"\n Option "DeviceType" "{kind}"\nEndSection\n'
        for name, kind, _role in _DEVICES
    )
    used = "".join(f' InputDevice "{name}" "{role}"\n' for name, _kind, role in _DEVICES)
    return f'{_CONFIG}{devices}Section "ServerLayout"\n Identifier "layout"\n Screen "screen"\n{used}EndSection\n'


@contextmanager
def x_server(program: str, folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server of its own: `xorg`, or the name of a program such as `Xvfb`. Yields its display and its process."""
    command = [program, "-nolisten", "tcp"]
    if program == "xorg":
        (folder / "xorg.conf").write_text(_config(folder))
        command = [
            str(XORG), "-config", str(folder / "xorg.conf"), "-logfile", str(folder / "xorg.log"), "-noreset",
            "-novtswitch", "-sharevts", "-nolisten", "tcp",
        ]  # fmt: skip
    read, write = os.pipe()
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "-displayfd", str(write)],
            pass_fds=[write], stdout=log, stderr=log, preexec_fn=leash(),
        )  # fmt: skip
    os.close(write)
    try:
        with os.fdopen(read) as answer:
            number = answer.readline().strip()
        assert number, (folder / "server.log").read_text()
        yield f":{number}", server
    finally:
        server.terminate()
        server.wait()


class Person:
    """Somebody who sits at a display: their keyboard and mouse, and what of it arrives in a window."""

    def __init__(self, display: str) -> None:
        self._connection = xcffib.connect(display=display)
        self._core = self._connection.core
        screen = self._connection.get_setup().roots[0]
        self.root = screen.root
        self._test = self._connection(xcffib.xtest.key)
        self._test.GetVersion(2, 2).reply()
        name = "XInputExtension"
        self._first = self._core.QueryExtension(len(name), name).reply().first_event
        mice, keyboards = devices_of(self._connection)
        self.mouse, self.keyboard = mice[0], keyboards[0]
        self._window = self._connection.generate_id()
        events = xcffib.xproto.EventMask
        mask = events.KeyPress | events.KeyRelease | events.ButtonPress | events.ButtonRelease
        values = xcffib.xproto.CW.OverrideRedirect | xcffib.xproto.CW.EventMask
        size = (screen.width_in_pixels, screen.height_in_pixels)
        self._core.CreateWindow(24, self._window, self.root, 0, 0, *size, 0, 1, screen.root_visual, values, [1, mask])
        self._core.MapWindow(self._window)
        self._core.SetInputFocus(1, self._window, 0)
        self.arrived()

    def key(self, key: int, down: bool) -> None:
        """The person presses or lets go of a key (key code)."""
        self._do(1 if down else 2, key, self.keyboard)

    def button(self, button: int, down: bool) -> None:
        """A button of the mouse."""
        self._do(3 if down else 4, button, self.mouse)

    def ctrl_alt_del(self) -> None:
        """What gives them their machine back."""
        for key in (CONTROL_KEY, ALT_KEY, DELETE_KEY):
            self.key(key, True)
        for key in (DELETE_KEY, ALT_KEY, CONTROL_KEY):
            self.key(key, False)

    def acts(self) -> list[tuple[str, int]]:
        """Type and click, and return what arrives of it: nothing when it is blocked."""
        self.arrived()
        for down in (True, False):
            self.key(38, down)
        for down in (True, False):
            self.button(3, down)
        return self.arrived()

    def helper_acts(self) -> list[tuple[str, int]]:
        """The same by XTEST's own devices: what a representative does."""
        self.arrived()
        for kind in (2, 3):
            self._test.FakeInput(kind, 39, 0, 0, 0, 0, 0)
        return self.arrived()

    def held(self) -> list[int]:
        """Keys that programs think are down."""
        keys = self._core.QueryKeymap().reply().keys
        return [key for key in range(256) if keys[key >> 3] >> (key & 7) & 1]

    def arrived(self) -> list[tuple[str, int]]:
        """What came to the window since the last look."""
        self._core.GetInputFocus().reply()
        found = []
        while (event := self._connection.poll_for_event()) is not None:
            if hasattr(event, "detail"):
                found.append((type(event).__name__.removesuffix("Event"), event.detail))
        return found

    def close(self) -> None:
        """Go away."""
        self._connection.disconnect()

    def _do(self, kind: int, detail: int, device: int) -> None:
        self._test.FakeInput(self._first + kind, detail, 0, 0, 0, 0, device)
        self._core.GetInputFocus().reply()


ACTED = [("KeyPress", 38), ("KeyRelease", 38), ("ButtonPress", 3), ("ButtonRelease", 3)]
"""All of `Person.acts`."""


def devices_of(connection: Any) -> tuple[list[int], list[int]]:
    """Numbers of the person's mice and keyboards: slave devices that are not XTEST's."""
    extension = connection(xcffib.xinput.key)
    extension.XIQueryVersion(2, 2).reply()
    infos = extension.XIQueryDevice(0).reply().infos
    real = [(info.deviceid, info.type) for info in infos if info.deviceid > 5]
    return [number for number, kind in real if kind == 3], [number for number, kind in real if kind == 4]
