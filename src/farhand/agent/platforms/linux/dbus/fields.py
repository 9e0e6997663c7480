"""Password fields that programs show, as they tell assistive technologies (AT-SPI 2): for what must not be recorded.

Why it exists: a password field may show what is typed in it, at a press on its eye. Its program alone knows which field
is one. Sources: the D-Bus interfaces org.a11y.Bus and org.a11y.atspi.{Registry,Accessible,Event}; roles and states are
those of atspi-constants.h.

Rules: a field is found when its program or its window comes up, when it gets the keyboard, and when it becomes plain
text (GTK 3 takes the role of a password away from one that shows what is in it, so what was one once stays one). It
counts as long as its program shows it; a program that does not answer keeps it. Nothing that a field holds is ever
asked for. What programs send is bounded: how many fields, how much of a window is looked through, how long one is
waited for. All of it happens in a thread of its own.
"""

import contextlib
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from jeepney import HeaderFields, Message

from farhand.agent.core.desktop import DesktopError
from farhand.agent.core.masking import Mask
from farhand.agent.platforms.linux.dbus.bus import Bus

MOST: Final = 64
"""Fields that are followed; what comes after that hides everything."""
LOOK_S: Final = 0.25
"""How often it is asked whether known fields are still shown."""
_AGAIN_S: Final = 2.0
_PATIENCE: Final = 1.0
_WALK_S: Final = 3.0
_MOST_NODES, _MOST_CHILDREN = 1500, 200

_REGISTRY, _ROOT = "org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root"
_ACCESSIBLE, _APPLICATION = "org.a11y.atspi.Accessible", "org.a11y.atspi.Application"
_EVENT = "org.a11y.atspi.Event"
_WANTED = (
    ("object:state-changed:focused", "Object", "StateChanged", "focused"),
    ("object:property-change:accessible-role", "Object", "PropertyChange", "accessible-role"),
    ("window:activate", "Window", "Activate", ""),
    ("window:create", "Window", "Create", ""),
)
_SOON: Final = (0.0, 0.3, 1.0, 3.0)
"""When the windows of a program that has just come are looked through, in seconds: it tells of nothing at first."""
"""As the registry names an event; its interface, member and first argument."""
_PASSWORD_TEXT, _TEXT, _ENTRY = 40, 61, 79
_DEFUNCT, _FOCUSED, _SHOWING, _VISIBLE, _MANAGES_DESCENDANTS = 1 << 6, 1 << 12, 1 << 25, 1 << 30, 1 << 31

Ref = tuple[str, str]
"""Name of a program's connection, path of a thing in it."""
Place = Callable[[frozenset[int]], Mask]
"""Says what hides the windows of these processes; 0: of which one is not known."""


@dataclass(frozen=True, slots=True)
class _Field:
    process: int
    states: int
    """Those that say that it is shown."""


class PasswordFields:
    """Looks until it is closed. `told` hears, in the thread, what hides all fields: at first, and when that changes."""

    def __init__(self, place: Place, told: Callable[[Mask], None]) -> None:
        self._place = place
        self._told = told
        self._last: Mask | None = None
        self._closing = False
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._run, name="fields", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more. Does not wait."""
        self._closing = True
        with contextlib.suppress(OSError):
            os.write(self._wake_write, b"w")

    def _run(self) -> None:
        while not self._closing:
            watch: _Watch | None = None
            with contextlib.suppress(DesktopError):
                watch = _Watch()
                watch.begin()
                self._follow(watch)
            if watch is not None:
                watch.close()
            # What was hidden when the bus went stays hidden until it is known again.
            self._tell(self._last or Mask())
            self._sleep([], _AGAIN_S)
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _follow(self, watch: "_Watch") -> None:
        while not self._closing:
            watch.take()
            processes = watch.shown()
            self._tell(self._place(processes) if processes else Mask())
            waits = [watch.due, LOOK_S if watch.fields else None]
            self._sleep([watch.fileno()], min((one for one in waits if one is not None), default=None))

    def _tell(self, mask: Mask) -> None:
        if mask != self._last:
            self._last = mask
            self._told(mask)

    def _sleep(self, files: list[int], wait: float | None) -> None:
        if not self._closing:
            select.select([self._wake_read, *files], [], [], wait)


class _Watch:
    """One connection to the accessibility bus. Raises DesktopError everywhere when that is gone."""

    def __init__(self) -> None:
        session = Bus()
        try:
            address = session.call("org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress")
        finally:
            session.close()
        self._bus = Bus(str(address), patience=_PATIENCE)
        self._events: list[deque[Message]] = []
        self.fields: dict[Ref, _Field] = {}
        self._too_many = False
        self._new: list[tuple[float, Ref]] = []
        """Programs that are to be looked at, and when."""

    def fileno(self) -> int:
        """Readable when a program told something."""
        return self._bus.fileno()

    def close(self) -> None:
        """Disconnect."""
        self._bus.close()

    def begin(self) -> None:
        """Hear of events, then look through what is there."""
        for name, interface, member, first in _WANTED:
            registry = f"{_REGISTRY.rpartition('.')[0]}.Registry"
            self._bus.ask(_REGISTRY, "/org/a11y/atspi/registry", registry, "RegisterEvent", "sass", name, [], "")
            self._events.append(self._bus.listen(None, f"{_EVENT}.{interface}", member, first))
        self._events.append(self._bus.listen(_ROOT, f"{_EVENT}.Object", "ChildrenChanged", "add"))
        for program in self._children((_REGISTRY, _ROOT)):
            self._look_at_soon(program)
        self._look_at_new()

    @property
    def due(self) -> float | None:
        """In how many seconds something is to be looked at; None: nothing is."""
        return max(0.0, min(at for at, _ in self._new) - time.monotonic()) if self._new else None

    def take(self) -> None:
        """Take what programs told."""
        self._bus.pump()
        for queue in self._events:
            while queue:
                self._take(queue.popleft())
        self._look_at_new()

    def _look_at_soon(self, program: Ref) -> None:
        if len(self._new) < MOST * len(_SOON):
            self._new += [(time.monotonic() + wait, program) for wait in _SOON]

    def _look_at_new(self) -> None:
        now = time.monotonic()
        due = {program for at, program in self._new if at <= now}
        self._new = [(at, program) for at, program in self._new if at > now]
        for program in due:
            for window in self._children(program):
                self._look_through(window)

    def _take(self, event: Message) -> None:
        fields, body = event.header.fields, event.body
        ref: Ref = (str(fields.get(HeaderFields.sender, "")), str(fields.get(HeaderFields.path, "")))
        if fields.get(HeaderFields.member) == "ChildrenChanged":
            child = body[3][1] if len(body) > 3 else None
            if isinstance(child, tuple) and len(child) == 2 and child[1] == _ROOT:
                self._look_at_soon((str(child[0]), _ROOT))
        elif fields.get(HeaderFields.member) == "StateChanged":
            if len(body) > 1 and body[1] == 1 and self._role(ref) == _PASSWORD_TEXT:
                self._add(ref)
        elif fields.get(HeaderFields.member) == "PropertyChange":
            if self._role(ref) in (_PASSWORD_TEXT, _TEXT, _ENTRY):
                self._add(ref)
        else:
            self._look_through(ref)

    def shown(self) -> frozenset[int]:
        """Return the processes that show a password field now."""
        found = {0} if self._too_many else set()
        for ref, field in list(self.fields.items()):
            states = self._states(ref)
            if states is None or states & _DEFUNCT:
                del self.fields[ref]
            elif states & field.states == field.states:
                found.add(field.process)
        return frozenset(found)

    def _look_through(self, window: Ref) -> None:
        """Find the fields of a window, as far as it is not very large."""
        left, until = deque([window]), time.monotonic() + _WALK_S
        for _ in range(_MOST_NODES):
            if not left or time.monotonic() > until:
                return
            ref = left.popleft()
            states = self._states(ref) or 0
            if not states & _VISIBLE:
                continue
            if self._role(ref) == _PASSWORD_TEXT:
                self._add(ref, states)
            elif not states & _MANAGES_DESCENDANTS:  # tables of millions of cells
                left.extend(self._children(ref))

    def _add(self, ref: Ref, states: int = _FOCUSED) -> None:
        if ref in self.fields:
            return
        wanted = _VISIBLE | _SHOWING
        if self._is_gtk4(ref[0]):
            # It does not say what shows; its fields count from when they first have the keyboard.
            wanted = _VISIBLE
            if not states & _FOCUSED:
                return
        if len(self.fields) >= MOST:
            self._too_many = True
            return
        process = self._ask("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetConnectionUnixProcessID", ref[0])
        self.fields[ref] = _Field(process if isinstance(process, int) else 0, wanted)

    # --- questions; None: the program does not have that, or does not answer

    def _is_gtk4(self, name: str) -> bool:
        toolkit, version = (self._property((name, _ROOT), _APPLICATION, one) for one in ("ToolkitName", "Version"))
        return toolkit == "GTK" and str(version).startswith("4.")

    def _role(self, ref: Ref) -> int:
        role = self._ask(*ref, _ACCESSIBLE, "GetRole")
        return role if isinstance(role, int) else 0

    def _states(self, ref: Ref) -> int | None:
        """The first 32 states; None when there is no such thing any more."""
        try:
            states = self._bus.ask(*ref, _ACCESSIBLE, "GetState")
        except DesktopError as error:
            if error.reason == "no-display":
                raise
            return _VISIBLE | _SHOWING  # its program does not answer
        return states[0] if isinstance(states, list) and states and isinstance(states[0], int) else None

    def _children(self, ref: Ref) -> list[Ref]:
        count = self._property(ref, _ACCESSIBLE, "ChildCount")
        if not isinstance(count, int) or not 0 < count <= _MOST_CHILDREN:
            return []
        found = self._ask(*ref, _ACCESSIBLE, "GetChildren")
        return [(str(name), str(path)) for name, path in found] if isinstance(found, list) else []

    def _property(self, ref: Ref, interface: str, name: str) -> Any:
        found = self._ask(*ref, "org.freedesktop.DBus.Properties", "Get", interface, name)
        return found[1] if isinstance(found, tuple) and len(found) == 2 else None

    def _ask(self, service: str, path: str, interface: str, member: str, *words: str) -> Any:
        try:
            return self._bus.ask(service, path, interface, member, "s" * len(words), *words)
        except DesktopError as error:
            if error.reason == "no-display":
                raise
            return None
