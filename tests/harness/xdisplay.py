"""A virtual X display as a test sees it: which one an appliance's demonstration endpoint has, and what it shows."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xcffib
import xcffib.xproto
from tests.harness.client import children_of

from farhand.cli.display import VirtualDisplay


def display_below(pid: int, program: str = "xterm") -> str:
    """The DISPLAY of the first `program` that runs below `pid`; "" while there is none."""
    for child in children_of(pid):
        with contextlib.suppress(OSError):
            if (Path("/proc") / str(child) / "comm").read_text().strip() == program:
                environment = (Path("/proc") / str(child) / "environ").read_bytes().split(b"\0")
                return next((line[8:].decode() for line in environment if line.startswith(b"DISPLAY=")), "")
    return ""


def screen_pixels(display: str, step: int = 4) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Every `step`-th pixel of a display's root window, as rows x columns x (red, green, blue); depth 24 or 32."""
    connection = xcffib.connect(display=display)
    try:
        screen = connection.get_setup().roots[0]
        width, height = screen.width_in_pixels, screen.height_in_pixels
        plain = xcffib.xproto.ImageFormat.ZPixmap
        image = connection.core.GetImage(plain, screen.root, 0, 0, width, height, 0xFFFFFFFF).reply()
        pixels = np.frombuffer(image.data.buf(), np.uint8).reshape(height, width, 4)
        return pixels[::step, ::step, 2::-1].copy()
    finally:
        connection.disconnect()


class Board:
    """A window on a display that shows what it is given."""

    def __init__(self, display: str, width: int, height: int, x: int = 0, y: int = 0) -> None:
        self._connection = xcffib.connect(display=display)
        self._core = self._connection.core
        screen = self._connection.get_setup().roots[0]
        self._window, self._context = self._connection.generate_id(), self._connection.generate_id()
        values = [screen.black_pixel, 1]
        self._core.CreateWindow(
            24, self._window, screen.root, x, y, width, height, 0, xcffib.xproto.WindowClass.InputOutput,
            screen.root_visual, xcffib.xproto.CW.BackPixel | xcffib.xproto.CW.OverrideRedirect, values,
        )  # fmt: skip
        self._core.CreateGC(self._context, self._window, 0, [])
        # Pictures are prepared out of sight and appear in one piece.
        self._back = self._connection.generate_id()
        self._core.CreatePixmap(24, self._back, screen.root, width, height)
        self._core.MapWindow(self._window)
        self._core.GetInputFocus().reply()

    def show(self, picture: npt.NDArray[np.uint32], x: int = 0, y: int = 0) -> None:
        """Draw a picture (BGRX); it is there when this returns."""
        height, width = picture.shape
        for top in range(0, height, 32):
            part = np.ascontiguousarray(picture[top : top + 32])
            self._core.PutImage(
                xcffib.xproto.ImageFormat.ZPixmap, self._back, self._context, width, part.shape[0], 0, top, 0, 24,
                part.nbytes, part.tobytes(),
            )  # fmt: skip
        self._core.CopyArea(self._back, self._window, self._context, 0, 0, x, y, width, height)
        self._core.GetInputFocus().reply()

    def close(self) -> None:
        """Take the window away."""
        self._connection.disconnect()


@contextlib.contextmanager
def virtual_display(size: str = "800x600x24") -> Iterator[str]:
    """An X display of its own for as long as the block lasts."""
    display = VirtualDisplay(size)
    try:
        yield display.start()
    finally:
        display.stop()
