"""A virtual X display as a test sees it: which one an appliance's demonstration endpoint has, and what it shows."""

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import xcffib
import xcffib.xproto
from tests.harness.client import children_of


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
