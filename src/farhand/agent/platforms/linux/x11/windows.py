"""Which windows of an X display have the keyboard, or are of a process, and where they are: for what must not be
recorded.

Why it exists: X says which window gets keys (GetInputFocus), not which field in it: the whole window is hidden, with
all others of its program, since those (a list of suggestions, a second view) may show the same text.

Rules: asked anew each time; whoever needs places that fit a picture asks for both while the server is grabbed. Windows
of one client of the server have the same bits outside of the setup's resource mask (X11 protocol, section 8).
"""

from collections.abc import Iterable, Iterator
from typing import Any

import xcffib.xproto as xp

from farhand.agent.core.desktop import Rect
from farhand.agent.core.masking import Windows

_DEEPEST = 4
"""A window manager's frame holds its program's window this deep at most."""
_MOST_PARENTS = 32
_MOST_WINDOWS, _A_FEW = 2000, 8


def focused(connection: Any, root: int) -> Windows:
    """Return the window that keys go to and those that it lies in, without the root; empty when none gets them."""
    focus = connection.core.GetInputFocus().reply().focus
    if focus in (xp.InputFocus.PointerRoot, root):
        focus = _under_pointer(connection, root)
    return tuple(_upwards(connection, root, focus)) if focus else ()


def places(connection: Any, root: int, windows: Iterable[Windows]) -> list[Rect] | None:
    """Return the rectangles of the screen where programs that had the keyboard show something; None when all those
    windows are gone."""
    mask = connection.get_setup().resource_id_mask
    left = [chain for chain in windows if _exists(connection, [one for one in chain if not (one ^ chain[0]) & ~mask])]
    if not left:
        return None
    programs = {chain[0] & ~mask for chain in left}
    living = [one for chain in left for one in chain if _exists(connection, [one])]
    above = {list(_upwards(connection, root, one))[-1] for one in living}
    found = []
    for top in _tree(connection, root)[1]:
        if not _visible(connection, top):
            continue
        if top in above or _holds(connection, top, programs, ~mask, _DEEPEST):
            place = _place(connection, top)
            if place is not None:
                found.append(place)
    return sorted(found)


def of_processes(connection: Any, root: int, processes: frozenset[int]) -> frozenset[Windows] | None:
    """Return windows of each of these processes, with those that they lie in; None when one of them has none.

    Which process a window is of its program says (_NET_WM_PID, Extended Window Manager Hints). Of each process a few:
    `places` finds all windows of a program as long as one of them is there.
    """
    atom = connection.core.InternAtom(False, len("_NET_WM_PID"), "_NET_WM_PID").reply().atom
    found: dict[int, list[Windows]] = {}
    level, looked = [root], 0
    for _ in range(_DEEPEST):
        level = [child for one in level for child in _tree(connection, one)[1]]
        for window in level[: _MOST_WINDOWS - looked]:
            process = _process(connection, window, atom)
            if process and process in processes and len(found.setdefault(process, [])) < _A_FEW:
                found[process].append(tuple(_upwards(connection, root, window)))
        looked += len(level)
        if found.keys() == processes or looked >= _MOST_WINDOWS:
            break
    return frozenset(one for few in found.values() for one in few) if found.keys() == processes else None


def _process(connection: Any, window: int, atom: int) -> int:
    try:
        reply = connection.core.GetProperty(False, window, atom, xp.Atom.CARDINAL, 0, 1).reply()
    except xp.WindowError:
        return 0
    return int(reply.value.to_atoms()[0]) if reply.format == 32 and reply.value_len else 0


def _under_pointer(connection: Any, root: int) -> int:
    window, found = root, 0
    for _ in range(_MOST_PARENTS):
        try:
            window = connection.core.QueryPointer(window).reply().child
        except xp.WindowError:
            break
        if not window:
            break
        found = window
    return found


def _upwards(connection: Any, root: int, window: int) -> Iterator[int]:
    for _ in range(_MOST_PARENTS):
        if not window or window == root:
            return
        yield window
        window = _tree(connection, window)[0]


def _tree(connection: Any, window: int) -> tuple[int, list[int]]:
    """Parent (0: none, or the window is gone) and children, the lowest first."""
    try:
        reply = connection.core.QueryTree(window).reply()
    except xp.WindowError:
        return 0, []
    return reply.parent, list(reply.children)


def _exists(connection: Any, windows: Iterable[int]) -> bool:
    for window in windows:
        try:
            connection.core.GetWindowAttributes(window).reply()
        except xp.WindowError:
            continue
        return True
    return False


def _visible(connection: Any, window: int) -> bool:
    try:
        return bool(connection.core.GetWindowAttributes(window).reply().map_state == xp.MapState.Viewable)
    except xp.WindowError:
        return False


def _holds(connection: Any, window: int, programs: set[int], bits: int, deep: int) -> bool:
    """Say whether a window is of one of these programs, or holds one that is."""
    if window & bits in programs:
        return True
    if deep == 1:
        return False
    # A window manager's frame is followed as far as it is the window manager's own.
    inside = [one for one in _tree(connection, window)[1] if one & bits in programs or not (one ^ window) & bits]
    return any(_holds(connection, one, programs, bits, deep - 1) for one in inside)


def _place(connection: Any, window: int) -> Rect | None:
    try:
        one = connection.core.GetGeometry(window).reply()
    except (xp.DrawableError, xp.WindowError):
        return None
    border = 2 * one.border_width
    return one.x, one.y, one.width + border, one.height + border
