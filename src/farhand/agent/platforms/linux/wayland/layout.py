"""Monitors laid out as one picture.

Why it exists: compositors place monitors by logical units, of which one may be more than a pixel, differently on each
monitor; tools know pixels only. Where all monitors have the same scale the picture is what a person sees; where they
differ the monitors stand side by side, from left to right.

Rules: no input or output. The primary monitor comes first; where there is none it is the first in the picture.
"""

from dataclasses import dataclass, field
from typing import Any

from farhand.agent.core.desktop import Monitor, Rect


@dataclass
class Seen:
    """What a compositor tells of one output."""

    number: int
    name: str = ""
    size: tuple[int, int] = (0, 0)
    """In pixels of the monitor itself, before it is turned."""
    position: tuple[int, int] = (0, 0)
    """Logical."""
    logical: tuple[int, int] = (0, 0)
    scale: float = 1.0
    primary: bool = False
    transform: int = 0
    """wl_output.transform: quarter turns, and 4 for mirrored."""


@dataclass
class Placed:
    """A monitor in the picture."""

    monitor: Monitor
    seen: Seen
    output: Any = field(default=None, compare=False)
    """What its platform captures it by."""


def arrange(outputs: list[Seen]) -> list[Placed]:
    """Lay monitors out as one picture that begins at 0, 0."""
    placed: list[Placed] = []
    outputs = sorted(outputs, key=lambda seen: (seen.position, seen.number))
    scales = {round(_scale(seen), 3) for seen in outputs}
    left = min((seen.position[0] for seen in outputs), default=0)
    top = min((seen.position[1] for seen in outputs), default=0)
    across = 0
    for seen in outputs:
        width, height = turned(seen)
        scale = _scale(seen)
        if len(scales) == 1:
            x, y = round((seen.position[0] - left) * scale), round((seen.position[1] - top) * scale)
        else:
            x, y, across = across, 0, across + width
        name = seen.name or f"output-{seen.number}"
        primary = seen.primary or (not placed and not any(other.primary for other in outputs))
        placed.append(Placed(Monitor(name, name, x, y, width, height, scale, primary), seen))
    return sorted(placed, key=lambda one: not one.monitor.primary)


def turned(seen: Seen) -> tuple[int, int]:
    """Return width and height as they are seen."""
    width, height = seen.size
    return (height, width) if seen.transform & 1 else (width, height)


def _scale(seen: Seen) -> float:
    return turned(seen)[0] / seen.logical[0] if seen.logical[0] > 0 else seen.scale


def bounds(placed: list[Placed]) -> Rect:
    """Return the rectangle of the picture that holds all of these; there is at least one."""
    left, top = min(one.monitor.x for one in placed), min(one.monitor.y for one in placed)
    right = max(one.monitor.x + one.monitor.width for one in placed)
    bottom = max(one.monitor.y + one.monitor.height for one in placed)
    return left, top, right - left, bottom - top


def nearest(placed: list[Placed], x: int, y: int) -> tuple[Placed, float, float]:
    """Return the monitor at a pixel of the picture (the nearest one), and the pixel's middle on that monitor."""

    def distance(one: Placed) -> int:
        beside = max(one.monitor.x - x, x - one.monitor.x - one.monitor.width + 1, 0)
        return beside + max(one.monitor.y - y, y - one.monitor.y - one.monitor.height + 1, 0)

    one = min(placed, key=distance)
    inside_x = min(max(x - one.monitor.x, 0), one.monitor.width - 1) + 0.5
    inside_y = min(max(y - one.monitor.y, 0), one.monitor.height - 1) + 0.5
    return one, inside_x, inside_y
