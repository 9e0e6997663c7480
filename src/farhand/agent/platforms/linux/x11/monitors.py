"""The monitors of an X display, by RandR 1.5 (randrproto, GetMonitors); the whole root window where it is older.

Rules: a monitor's id is its name (an atom that the server keeps for the connector or for whoever defined it), so it is
the same after it was unplugged and plugged in again.
"""

from typing import Any

import xcffib
import xcffib.randr

from farhand.agent.core.desktop import Monitor

WHOLE = "screen"
"""Id and name of the only monitor of a server that knows of none."""
_ACTIVE_ONLY = 1
_NEWS = xcffib.randr.NotifyMask.ScreenChange | xcffib.randr.NotifyMask.CrtcChange | xcffib.randr.NotifyMask.OutputChange


def read_monitors(connection: Any, root: int) -> list[Monitor]:
    """Return the monitors, the primary one first, then from left to right. Raises xcffib's errors."""
    geometry = connection.core.GetGeometry(root)
    found: list[Monitor] = []
    randr = _randr(connection)
    if randr is not None:
        answer = randr.GetMonitors(root, _ACTIVE_ONLY).reply()
        names = [connection.core.GetAtomName(one.name) for one in answer.monitors]
        for one, name in zip(answer.monitors, names, strict=True):
            text = name.reply().name.to_string()[:64]
            if one.width and one.height:
                found.append(Monitor(text, text, one.x, one.y, one.width, one.height, primary=bool(one.primary)))
    if not found:
        size = geometry.reply()
        return [Monitor(WHOLE, WHOLE, 0, 0, size.width, size.height, primary=True)]
    return sorted(found, key=lambda one: (not one.primary, one.x, one.y, one.id))


def watch_monitors(connection: Any, root: int) -> None:
    """Have the server tell of monitors that come, go or change. Raises xcffib's errors."""
    randr = _randr(connection)
    if randr is not None:
        randr.SelectInputChecked(root, _NEWS).check()


def is_news(event: Any) -> bool:
    """Say whether an event tells of monitors. (A monitor that somebody defines is told by ConfigureNotify alone.)"""
    return isinstance(event, (xcffib.randr.ScreenChangeNotifyEvent, xcffib.randr.NotifyEvent))


def _randr(connection: Any) -> Any:
    try:
        randr = connection(xcffib.randr.key)
        version = randr.QueryVersion(1, 5).reply()
    except xcffib.XcffibException:
        return None  # the server has no such extension
    return randr if (version.major_version, version.minor_version) >= (1, 5) else None
