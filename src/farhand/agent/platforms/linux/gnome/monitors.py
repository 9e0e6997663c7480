"""The monitors of GNOME, from Mutter's display configuration (org.gnome.Mutter.DisplayConfig, GetCurrentState)."""

from typing import Any

from farhand.agent.core.desktop import DesktopError
from farhand.agent.platforms.linux.dbus.bus import Bus
from farhand.agent.platforms.linux.wayland.layout import Placed, Seen, arrange
from farhand.agent.texts import _

SERVICE, PATH = "org.gnome.Mutter.DisplayConfig", "/org/gnome/Mutter/DisplayConfig"
CHANGED = "MonitorsChanged"
_LOGICAL = 1


def read_monitors(bus: Bus) -> list[Placed]:
    """Return the monitors as one picture, the primary one first. Raises DesktopError."""
    placed = arrange(seen_from(bus.call(SERVICE, PATH, SERVICE, "GetCurrentState")))
    if not placed:
        raise DesktopError("no-display", _("This desktop has no monitor now."))
    return placed


def seen_from(state: Any) -> list[Seen]:
    """Return what the configuration tells of each monitor that is in use. Raises DesktopError when it is strange."""
    try:
        _serial, monitors, logicals, properties = state
        sizes: dict[str, tuple[int, int]] = {}
        for (connector, *_about), modes, _more in monitors:
            for _id, width, height, _rate, _preferred, _scales, flags in modes:
                if "is-current" in flags and flags["is-current"][1]:
                    sizes[connector] = (width, height)
        scaled = properties.get("layout-mode", ("u", _LOGICAL))[1] == _LOGICAL
        found: list[Seen] = []
        for x, y, scale, transform, primary, connected, _more in logicals:
            connector = connected[0][0]  # several that show the same are one
            width, height = sizes.get(connector, (0, 0))
            seen = Seen(
                len(found), connector[:64], (width, height), (x, y), (0, 0), float(scale), primary, transform & 7
            )
            if transform & 1:
                width, height = height, width
            by = scale if scaled else 1
            seen.logical = (round(width / by), round(height / by))
            if all(seen.size):
                found.append(seen)
    except (TypeError, ValueError, LookupError, ZeroDivisionError) as error:
        raise DesktopError("error", _("The desktop tells of its monitors in an unknown way.")) from error
    return found
