"""What a portal is asked, in which order, and what its answers mean. Sources: the interfaces org.freedesktop.portal.
RemoteDesktop (versions 1 and 2) and ScreenCast (1 to 5), as their XML documents them.

Why it exists: a session is made by four requests, of which each needs what the one before has brought; the last one may
show a dialog. As a generator of requests it is tested without a D-Bus.

Rules: no input or output. What comes is typed and bounded; nothing of it is shown to people.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from farhand.agent.core.desktop import DesktopError
from farhand.agent.texts import _

DESK, CAST = "org.freedesktop.portal.RemoteDesktop", "org.freedesktop.portal.ScreenCast"
KEYBOARD, POINTER = 1, 2
_MONITORS = 1
_HIDDEN, _EMBEDDED, _APART = 1, 2, 4
_LASTS_FROM = 2
"""Version of RemoteDesktop from which on an answer may last."""
_THIS_PROGRAM, _UNTIL_REVOKED = 1, 2
DIALOG_S = 120.0
"""How long a dialog may stand open, in seconds."""
_AT_ONCE_S = 30.0
MOST_MONITORS = 16
_LONGEST_TOKEN = 256

Results = Mapping[str, tuple[str, Any]]
"""Values with their D-Bus types."""


@dataclass(frozen=True)
class Offer:
    """What a portal says that it can do; 0 where it says nothing."""

    version: int = 0
    """Of RemoteDesktop."""
    devices: int = 0
    """KEYBOARD | POINTER, as far as it can."""
    cursors: int = 0
    """Ways to tell the pointer."""

    @property
    def controls(self) -> bool:
        """Keyboard and pointer can be had."""
        return self.version > 0 and self.devices & (KEYBOARD | POINTER) == KEYBOARD | POINTER

    @property
    def lasts(self) -> bool:
        """It can remember the answer."""
        return self.controls and self.version >= _LASTS_FROM


@dataclass(frozen=True)
class Ask:
    """A request. Its answer is a signal, which comes within `patience` seconds: so long a dialog may take."""

    interface: str
    member: str
    signature: str
    arguments: tuple[Any, ...]
    options: Results
    patience: float = _AT_ONCE_S


@dataclass(frozen=True)
class Stream:
    """A monitor that may be seen: its PipeWire node, and its place and size in the desktop's logical units."""

    node: int
    name: str
    position: tuple[int, int]
    size: tuple[int, int]


@dataclass(frozen=True)
class Agreed:
    """What came of it."""

    session: str
    """Path of its D-Bus object."""
    streams: tuple[Stream, ...]
    controls: bool
    """Keyboard and pointer may be used."""
    token: str = field(default="", repr=False)
    """Brings it back the next time; "" where the answer does not last."""


def agree(offer: Offer, token: str = "", *, keep: bool = True) -> Generator[Ask, Results, Agreed]:
    """Ask for a session: yields what is to be asked, takes each one's results, returns what was agreed to.

    `token` is that of the last time; the answer is to last until it is revoked where `keep`, else as long as this
    program runs. Raises DesktopError where an answer is not to be used.
    """
    controls = offer.controls
    service = DESK if controls else CAST
    made = yield Ask(service, "CreateSession", "", (), {})
    session = _value(made, "session_handle", str, "")
    if not session.startswith("/"):
        raise _strange()
    if controls:
        devices: dict[str, tuple[str, Any]] = {"types": ("u", KEYBOARD | POINTER)}
        if offer.lasts:
            devices["persist_mode"] = ("u", _UNTIL_REVOKED if keep else _THIS_PROGRAM)
            if token:
                devices["restore_token"] = ("s", token)
        yield Ask(DESK, "SelectDevices", "o", (session,), devices)
    cursor = next((way for way in (_APART, _EMBEDDED) if offer.cursors & way), _HIDDEN)
    sources = {"types": ("u", _MONITORS), "multiple": ("b", True)}
    if offer.cursors:
        sources["cursor_mode"] = ("u", cursor)
    yield Ask(CAST, "SelectSources", "o", (session,), sources)
    started = yield Ask(service, "Start", "os", (session, ""), {}, DIALOG_S)
    streams = tuple(_streams(started))
    if not streams:
        raise DesktopError("refused", _("Whoever sits there chose no monitor to be shown."))
    both = KEYBOARD | POINTER
    token = _value(started, "restore_token", str, "")
    return Agreed(
        session,
        streams,
        controls and _value(started, "devices", int, 0) & both == both,
        token if len(token) <= _LONGEST_TOKEN else "",
    )


def _streams(results: Results) -> list[Stream]:
    found: list[Stream] = []
    told = _value(results, "streams", list, [])
    for number, one in enumerate(told[:MOST_MONITORS], 1):
        match one:
            case (int(node), dict(about)):
                # Of the names that portals give, none is one for people.
                found.append(Stream(node, f"monitor-{number}", _pair(about, "position"), _pair(about, "size")))
            case _:
                raise _strange()
    return found


def _value(results: Results, name: str, kind: type, otherwise: Any) -> Any:
    found: Any = results.get(name, ("", otherwise))
    if not isinstance(found, tuple) or len(found) != 2 or not isinstance(found[1], kind):
        raise _strange()
    return found[1]


def _pair(results: Results, name: str) -> tuple[int, int]:
    match _value(results, name, tuple, (0, 0)):
        case (int(one), int(two)) if max(abs(one), abs(two)) < 1 << 20:
            return one, two
    raise _strange()


def _strange() -> DesktopError:
    return DesktopError("error", _("The desktop's portal answers in an unknown way."))
