"""The monitors of a compositor, laid out as one picture.

Why it exists: compositors place monitors by logical units, of which one may be more than a pixel, differently on each
monitor; tools know pixels only. Where all monitors have the same scale the picture is what a person sees; where they
differ the monitors stand side by side, from left to right.

Rules: a monitor's id is its name (wl_output version 4, or xdg-output), which is that of the connector and so the same
after it was unplugged and plugged in again. Wayland knows no primary monitor: it is the first in the picture.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from farhand.agent.core.desktop import DesktopError, Monitor
from farhand.agent.platforms.linux.wayland.wire import Connection, Thing
from farhand.agent.texts import _

_CURRENT = 1


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
    transform: int = 0
    """wl_output.transform: quarter turns, and 4 for mirrored."""


@dataclass
class Placed:
    """A monitor in the picture."""

    monitor: Monitor
    seen: Seen
    output: Thing | None = field(default=None, compare=False)


class Outputs:
    """The outputs of a connection, as they are at each look; `changed` is called when a look would show others."""

    def __init__(self, wayland: Connection, changed: Callable[[], None] = lambda: None) -> None:
        """Raises DesktopError."""
        self._changed = changed
        self._looking = False
        wayland.on_globals = self._news
        self._wayland = wayland
        self._manager = wayland.bind("zxdg_output_manager_v1", 3) if wayland.offers("zxdg_output_manager_v1") else None
        self._things: dict[int, Thing] = {}
        self._seen: dict[int, Seen] = {}

    def look(self) -> list[Placed]:
        """Return the monitors that are there now, in the order of the picture; at least one. Raises DesktopError."""
        now = self._wayland.offers("wl_output")
        for number in self._things.keys() - set(now):
            del self._things[number], self._seen[number]
        for number in now:
            if number not in self._things:
                self._add(number)
        self._looking = True
        try:
            self._wayland.roundtrip()
        finally:
            self._looking = False
        placed = arrange([seen for seen in self._seen.values() if all(seen.size)])
        if not placed:
            raise DesktopError("no-display", _("This desktop has no monitor now."))
        for one in placed:
            one.output = self._things.get(one.seen.number)
        return placed

    def _add(self, number: int) -> None:
        seen = self._seen[number] = Seen(number)
        thing = self._things[number] = self._wayland.bind("wl_output", 4, number)

        def mode(flags: int, width: int, height: int, _refresh: int) -> None:
            if flags & _CURRENT:
                seen.size = (width, height)
                self._news()

        def geometry(x: int, y: int, *rest: int) -> None:
            seen.transform = rest[-1] & 7
            if self._manager is None:
                seen.position = (x, y)
            self._news()

        def put(name: str, value: object) -> None:
            setattr(seen, name, value)
            self._news()

        thing.on = {
            "mode": mode,
            "geometry": geometry,
            "scale": lambda scale: put("scale", float(max(1, scale))),
            "name": lambda name: put("name", name[:64]),
        }
        if self._manager is not None:
            self._manager.make("get_xdg_output", thing).on = {
                "logical_position": lambda x, y: put("position", (x, y)),
                "logical_size": lambda width, height: put("logical", (width, height)),
                "name": lambda name: put("name", name[:64]),
            }

    def _news(self) -> None:
        if not self._looking:
            self._changed()


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
        monitor = Monitor(name, name, x, y, width, height, scale, primary=not placed)
        placed.append(Placed(monitor, seen))
    return placed


def turned(seen: Seen) -> tuple[int, int]:
    """Return width and height as they are seen."""
    width, height = seen.size
    return (height, width) if seen.transform & 1 else (width, height)


def _scale(seen: Seen) -> float:
    return turned(seen)[0] / seen.logical[0] if seen.logical[0] > 0 else seen.scale
