"""Connections to an X server: opening one, and turning its failures into one error.

Why it exists: capture and input each hold an own connection (they live in different threads) and share these manners.
Rules: nothing here keeps state. Protocol names are those of the X11 specification and of its extensions.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import xcffib
import xcffib.xproto

from farhand.agent.core.desktop import DesktopError


def open_display(display: str) -> tuple[Any, Any]:
    """Connect and return (connection, default screen). Raises DesktopError."""
    try:
        connection = xcffib.connect(display)  # type: ignore[no-untyped-call]
        setup = connection.get_setup()
        return connection, setup.roots[connection.pref_screen]
    except (xcffib.ConnectionException, xcffib.XcffibException, OSError, IndexError) as error:
        raise DesktopError(
            "no-display", f"The display {display} cannot be opened. Check that somebody's desktop is running there."
        ) from error


@contextlib.contextmanager
def guarded(doing: str) -> Iterator[None]:
    """Turn every failure of an X request into DesktopError. `doing` completes "The display failed while ..."."""
    try:
        yield
    except (xcffib.ConnectionException, xcffib.XcffibException, OSError) as error:
        raise DesktopError("no-display", f"The display failed while {doing}; its server may have stopped.") from error


def close_display(connection: Any) -> None:
    """Disconnect; a connection that is broken already is fine."""
    with contextlib.suppress(xcffib.ConnectionException, xcffib.XcffibException, OSError):
        connection.disconnect()
