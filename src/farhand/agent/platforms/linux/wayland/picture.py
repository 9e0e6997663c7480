"""Pixels of monitors made into the picture that tools see: their colours, how they are turned, and several as one."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from farhand.agent.core.desktop import Monitor, Rect

if TYPE_CHECKING:
    from farhand.agent.core.desktop import Pixels

    Read = Callable[[int, int, int, int], Pixels]
    """Returns the part of a monitor at x, y with this width and height, all inside it."""


def colours(pixels: "Pixels", reverse: bool) -> "Pixels":
    """Return pixels as BGRX, from RGBX where `reverse`."""
    if not reverse:
        return np.ascontiguousarray(pixels)
    green = pixels & 0xFF00FF00
    return np.asarray(green | (pixels & 0xFF) << 16 | (pixels >> 16) & 0xFF, np.uint32)


def seen_as(pixels: "Pixels", transform: int) -> "Pixels":
    """Return the monitor's own picture as a person sees it (wl_output.transform: how the picture was turned for it)."""
    turned = np.rot90(pixels, -(transform & 3))
    return turned[:, ::-1] if transform & 4 else turned


def compose(rect: Rect, parts: "Iterable[tuple[Monitor, Read]]") -> "Pixels":
    """Return a rectangle of the picture (in its coordinates) from the monitors in it; black where there is none."""
    x, y, width, height = rect
    whole: Pixels | None = None
    for monitor, read in parts:
        left, top = max(x, monitor.x), max(y, monitor.y)
        right = min(x + width, monitor.x + monitor.width)
        bottom = min(y + height, monitor.y + monitor.height)
        if left >= right or top >= bottom:
            continue
        part = read(left - monitor.x, top - monitor.y, right - left, bottom - top)
        if part.shape == (height, width):
            return part
        if whole is None:
            whole = np.zeros((height, width), np.uint32)
        whole[top - y : bottom - y, left - x : right - x] = part
    return np.zeros((height, width), np.uint32) if whole is None else whole
