"""The monitors of a compositor with wlroots' protocols, and news of them.

Rules: a monitor's id is its name (wl_output version 4, or xdg-output), which is that of the connector and so the same
after it was unplugged and plugged in again. Wayland knows no primary monitor: it is the first in the picture.
"""

from collections.abc import Callable

from farhand.agent.core.desktop import DesktopError
from farhand.agent.platforms.linux.wayland.layout import Placed, Seen, arrange
from farhand.agent.platforms.linux.wayland.wire import Connection, Thing
from farhand.agent.texts import _

_CURRENT = 1


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
