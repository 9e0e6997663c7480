"""Channels of a leg: their kinds, the frame types on each, and who needs which grant to send or receive them.

A channel number is `kind << 8 | instance`; instances exist where several of a kind run side by side (shell/1, shell/2).
The tables below are the whole truth about access to frames: the relay looks up every inbound and every fanned-out frame
here, the agent checks its own copy again. A pair that is not in the table is refused: no rule, no access.
"""

from enum import IntEnum, IntFlag
from typing import Final


class Kind(IntEnum):
    """What a channel is for."""

    CONTROL = 0
    CHAT = 1
    SCREEN = 2
    INPUT = 3
    SHELL = 4
    FILES = 5
    CLIPBOARD = 6
    SYSTEM = 7


class Party(IntEnum):
    """Who is at the other end of a leg."""

    ENDPOINT = 1
    """The machine that is helped: a Jump Client or a customer client."""
    CONSOLE = 2
    """A representative's console."""
    PORTAL = 3
    """A customer who only chats in the portal's page."""
    RECORDER = 4
    """The recorder in the relay: a viewer like any other."""


class Grant(IntFlag):
    """What a leg may do. Grants are data: `rules` decides them, a policy epoch numbers them."""

    NONE = 0
    CHAT = 1
    SCREEN_VIEW = 2
    SCREEN_CONTROL = 4
    SHELL = 8
    FILES_UPLOAD = 16
    FILES_DOWNLOAD = 32
    CLIPBOARD = 64
    SYSTEM = 128


class Control(IntEnum):
    """Frame types on the control channel (JSON payloads, see `messages`)."""

    HELLO = 1
    WELCOME = 2
    REFUSE = 3
    ROSTER = 4
    GRANTS = 5
    END = 6
    JOIN = 16
    LEAVE = 17
    # on an agent's link only
    AUTH = 32
    OFFER = 33
    OFFER_ANSWER = 34
    FACTS = 35
    # on a console's event socket only
    LISTEN = 48
    EVENT = 49
    GAP = 50


class Durable(IntEnum):
    """Frame types on chat and system: POST goes to the relay, ENTRY comes back once it is on disk (JSON payloads).

    REFUSED says that a POST was not kept (the disk is full): it may be sent again later with the same id.
    """

    POST = 1
    ENTRY = 2
    REFUSED = 3


class Screen(IntEnum):
    """Frame types on screen."""

    START = 1
    STOP = 2
    ACK = 3
    REFRESH = 4
    STARTED = 17
    STOPPED = 18
    UPDATE = 19
    CURSOR = 20


class Input(IntEnum):
    """Frame types on input."""

    REQUEST = 1
    RELEASE = 2
    KEY = 3
    POINTER = 4
    WHEEL = 5
    STATE = 17


class Shell(IntEnum):
    """Frame types on shell."""

    OPEN = 1
    ATTACH = 2
    INPUT = 3
    RESIZE = 4
    CLOSE = 5
    OPENED = 17
    DATA = 18
    CLOSED = 19
    RESIZED = 20


CREDIT: Final = 0xF0
"""On every flow-controlled channel: the receiver allows the sender this many further payload bytes (u32)."""

SHELL_WINDOW: Final = 256 * 1024
"""Credit that a viewer starts with on a shell channel, in bytes of DATA payload."""

NEEDED: Final[dict[Kind, Grant]] = {
    Kind.CHAT: Grant.CHAT,
    Kind.SCREEN: Grant.SCREEN_VIEW,
    Kind.INPUT: Grant.SCREEN_CONTROL,
    Kind.SHELL: Grant.SHELL,
    Kind.SYSTEM: Grant.SYSTEM,
}
"""Grant that a leg needs to take part in a channel of this kind, sending or receiving."""

FROM_VIEWER: Final[dict[Kind, frozenset[int]]] = {
    Kind.SCREEN: frozenset({Screen.START, Screen.STOP, Screen.ACK, Screen.REFRESH}),
    Kind.INPUT: frozenset({Input.REQUEST, Input.RELEASE, Input.KEY, Input.POINTER, Input.WHEEL}),
    Kind.SHELL: frozenset({Shell.OPEN, Shell.ATTACH, Shell.INPUT, Shell.RESIZE, Shell.CLOSE, CREDIT}),
}
"""Frame types that consoles (and the recorder) may send towards the endpoint."""

FROM_ENDPOINT: Final[dict[Kind, frozenset[int]]] = {
    Kind.SCREEN: frozenset({Screen.STARTED, Screen.STOPPED, Screen.UPDATE, Screen.CURSOR}),
    Kind.INPUT: frozenset({Input.STATE}),
    Kind.SHELL: frozenset({Shell.OPENED, Shell.DATA, Shell.CLOSED, Shell.RESIZED}),
}
"""Frame types that the endpoint may send towards viewers."""

DURABLE: Final = frozenset({Kind.CHAT, Kind.SYSTEM})
"""Kinds whose POSTs the relay journals and fans out as ENTRYs; never forwarded as they came."""


def channel(kind: Kind, instance: int = 0) -> int:
    """Return the channel number of one instance (0 to 255) of a kind."""
    return kind << 8 | instance


def kind_of(number: int) -> Kind | None:
    """Return the kind of a channel number, or None when nobody knows it."""
    try:
        return Kind(number >> 8)
    except ValueError:
        return None


def may_send(party: Party, grants: Grant, number: int, frame_type: int) -> bool:
    """Say whether a leg may send this frame type on this channel. Control frames are judged by the leg machine."""
    kind = kind_of(number)
    needed = NEEDED.get(kind) if kind is not None else None
    if kind is None or needed is None or not needed & grants:
        return False
    if kind in DURABLE:
        return frame_type == Durable.POST and (kind is not Kind.SYSTEM or party is Party.ENDPOINT)
    table = FROM_ENDPOINT if party is Party.ENDPOINT else FROM_VIEWER
    return party is not Party.PORTAL and frame_type in table.get(kind, frozenset())


def may_receive(party: Party, grants: Grant, number: int) -> bool:
    """Say whether a leg may be sent frames of this channel."""
    kind = kind_of(number)
    if kind is None:
        return False
    if party is Party.ENDPOINT:
        return kind in NEEDED
    # Watching the screen includes seeing who has control; only sending input needs the control grant.
    needed = Grant.SCREEN_VIEW if kind is Kind.INPUT else NEEDED.get(kind, Grant.NONE)
    return bool(needed & grants)
