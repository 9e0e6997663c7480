"""Channels of a leg: their kinds, the frame types on each, and who needs which grant to send or receive them.

A channel number is `kind << 8 | instance`; instances exist where several of a kind run side by side (shell/1, shell/2).
RULES below is the whole truth about access to frames, the recorder's too: the relay looks up every inbound and every
fanned-out frame there (and remembers the answer, `legs.Leg.routes`), the agent checks its own copy again. What is not
in the table is refused: no rule, no access.
"""

from collections.abc import Callable, Iterable
from enum import Enum, IntEnum, IntFlag
from functools import reduce
from operator import or_
from typing import Final, NamedTuple


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
    ACTIONS = 8
    """Special actions, restart and shutdown."""
    SCRIPTS = 9
    """Canned scripts."""
    REPS = 10
    """What representatives say to each other: no customer is sent it."""
    DEPLOY = 11
    """What stays on the computer: a Jump Client."""


class Traffic(IntEnum):
    """Classes in which frames wait for a peer that reads slowly: a lower one goes first, within one order holds."""

    FIRST = 0
    """What people do and say: control, chat, system, input, shell."""
    SCREEN = 1
    BULK = 2


_BEHIND: Final[dict[int, Traffic]] = {
    Kind.SCREEN: Traffic.SCREEN,
    Kind.FILES: Traffic.BULK,
    Kind.CLIPBOARD: Traffic.BULK,
    Kind.SCRIPTS: Traffic.BULK,
}
TRAFFIC: Final = tuple(_BEHIND.get(kind, Traffic.FIRST) for kind in range(256))
"""Traffic class by the number of a channel's kind."""


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
    FILES_WRITE = 16
    """Upload."""
    FILES_READ = 32
    """Download."""
    CLIPBOARD_READ = 64
    """Take over what the endpoint copied."""
    SYSTEM = 128
    FILES_DELETE = 256
    """Rename and delete what is there."""
    CLIPBOARD_WRITE = 512
    """Put something into the endpoint's clipboard."""
    SCRIPTS = 1024
    """Canned scripts."""
    ACTIONS = 2048
    """Special actions."""
    REBOOT = 4096
    PRIVACY = 8192
    """Disable the endpoint's screen, mouse and keyboard."""
    PIN = 16384
    """Install the client as a Jump Client, and uninstall it."""


class Control(IntEnum):
    """Frame types on the control channel (JSON payloads, see `messages`)."""

    HELLO = 1
    WELCOME = 2
    REFUSE = 3
    ROSTER = 4
    GRANTS = 5
    END = 6
    LIMITS = 7
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
    POINTER = 21


class Input(IntEnum):
    """Frame types on input."""

    REQUEST = 1
    RELEASE = 2
    KEY = 3
    POINTER = 4
    WHEEL = 5
    TEXT = 6
    BLOCK = 7
    STATE = 17
    TYPED = 18
    BLOCKED = 19


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
    GAP = 21
    DROPPED = 22


class Actions(IntEnum):
    """Frame types on actions (JSON payloads, see `actions`)."""

    LIST = 1
    RUN = 2
    POWER = 3
    OFFERED = 17
    DONE = 18


class Files(IntEnum):
    """Frame types on files (`protocol.files` has their payloads)."""

    START = 1
    STOP = 2
    LIST = 3
    NEXT = 4
    MAKE = 5
    RENAME = 6
    DELETE = 7
    GET = 8
    PUT = 9
    DATA = 10
    ACK = 11
    FINISH = 12
    CANCEL = 13
    STARTED = 17
    STOPPED = 18
    LISTING = 19
    ACCEPTED = 20
    DONE = 21
    PROGRESS = 22
    BYTES = 23
    TAKEN = 24
    FINISHED = 25


class Clip(IntEnum):
    """Frame types on clipboard."""

    START = 1
    STOP = 2
    GIVE = 3
    GIVEN_PART = 4
    TAKE = 5
    STARTED = 17
    STOPPED = 18
    OFFER = 19
    CONTENT = 20
    PART = 21
    DONE = 22


class Scripts(IntEnum):
    """Frame types on scripts (JSON payloads, see `scripts`)."""

    RUN = 1
    CANCEL = 2
    STARTED = 17
    OUTPUT = 18
    DONE = 19


class Deploy(IntEnum):
    """Frame types on deploy (JSON payloads, see `deploy`)."""

    LIST = 1
    DO = 2
    OFFERED = 17
    DONE = 18


CREDIT: Final = 0xF0
"""On every flow-controlled channel: the receiver allows the sender this many further payload bytes (u32)."""

UNSUPPORTED: Final = 0xF1
"""On every tool's channel, from the endpoint: it does not serve that. JSON payload, see `messages.Unsupported`."""

SHELL_WINDOW: Final = 256 * 1024
"""Credit that a viewer starts with on a shell channel, in bytes of DATA payload."""


class Way(Enum):
    """Who sends a frame, and to whom."""

    TO_ENDPOINT = "to-endpoint"
    """A console to the endpoint."""
    FROM_RECORDER = "from-recorder"
    """The recorder to the endpoint: less than a console may."""
    FROM_ENDPOINT = "from-endpoint"
    """The endpoint to viewers."""
    POST = "post"
    """Any leg to the relay."""
    ENDPOINT_POST = "endpoint-post"
    """The endpoint to the relay."""
    CONSOLE_POST = "console-post"
    """A console to the relay."""
    FROM_RELAY = "from-relay"
    """The relay to any leg."""
    TO_CONSOLES = "to-consoles"
    """The relay to consoles."""


class Recorded(Enum):
    """Which of the endpoint's frames the recorder is sent."""

    NO = "no"
    SHARED = "shared"
    """Those that go to every leg: what everybody sees."""
    OWN = "own"
    """Those as well that are addressed to the recorder itself."""


class Attended(Enum):
    """How it is known that something was begun for a representative: before, its frames are not recorded. Each has its
    class in `attendance`."""

    OWN_VIEW = "own-view"
    """The endpoint serves the recorder, which the relay asked for while a console is served (screen)."""
    OPEN_CHANNEL = "open-channel"
    """The channel was opened, and is not closed (shell)."""
    ALWAYS = "always"
    """There is nothing to begin: every frame is recorded."""


class Rule(NamedTuple):
    """What one frame type in one direction needs."""

    any_of: Grant
    """Grants of which the leg at the viewers' end needs one: the sender towards the endpoint, the receiver from it. An
    endpoint needs one of them to send."""
    recorded: Recorded = Recorded.NO
    attended: Attended | None = None
    """Of what is recorded: since when. All rules of a kind say the same."""
    landmark: bool = False
    """It begins, ends or resizes something: readers of recordings look for it (`recording.format.LANDMARKS`)."""


def _rules() -> dict[tuple[int, int, Way], Rule]:
    table: dict[tuple[int, int, Way], Rule] = {}

    def add(kind: Kind, way: Way, rule: Rule, *types: int) -> None:
        table.update({(kind, frame_type, way): rule for frame_type in types})

    to, of = Way.TO_ENDPOINT, Way.FROM_ENDPOINT
    chat, system = Rule(Grant.CHAT), Rule(Grant.SYSTEM)
    add(Kind.CHAT, Way.POST, chat, Durable.POST)
    add(Kind.CHAT, Way.FROM_RELAY, chat, Durable.ENTRY, Durable.REFUSED)
    add(Kind.SYSTEM, Way.ENDPOINT_POST, system, Durable.POST)
    add(Kind.SYSTEM, Way.FROM_RELAY, system, Durable.ENTRY, Durable.REFUSED)
    # Whoever follows a session from a console speaks with the others who do, whatever may be said to the customer.
    add(Kind.REPS, Way.CONSOLE_POST, system, Durable.POST)
    add(Kind.REPS, Way.TO_CONSOLES, system, Durable.ENTRY, Durable.REFUSED)

    view = Rule(Grant.SCREEN_VIEW, Recorded.OWN, Attended.OWN_VIEW)
    for way in (to, Way.FROM_RECORDER):
        add(Kind.SCREEN, way, Rule(Grant.SCREEN_VIEW), Screen.START, Screen.STOP, Screen.ACK, Screen.REFRESH)
    add(Kind.SCREEN, of, view, Screen.UPDATE, Screen.CURSOR, Screen.POINTER)
    add(Kind.SCREEN, of, view._replace(landmark=True), Screen.STARTED, Screen.STOPPED)

    # Watching the screen includes seeing who has control.
    add(Kind.INPUT, to, Rule(Grant.SCREEN_CONTROL), *(one for one in Input if one < Input.BLOCK))
    add(Kind.INPUT, to, Rule(Grant.PRIVACY), Input.BLOCK)
    add(Kind.INPUT, of, Rule(Grant.SCREEN_VIEW), Input.STATE, Input.BLOCKED)
    add(Kind.INPUT, of, Rule(Grant.SCREEN_CONTROL), Input.TYPED)

    shell = Rule(Grant.SHELL, Recorded.SHARED, Attended.OPEN_CHANNEL)
    typed = (Shell.OPEN, Shell.ATTACH, Shell.INPUT, Shell.RESIZE, Shell.CLOSE)
    add(Kind.SHELL, to, Rule(Grant.SHELL), *typed, CREDIT)
    add(Kind.SHELL, of, shell, Shell.DATA, Shell.GAP, Shell.DROPPED)
    add(Kind.SHELL, of, shell._replace(landmark=True), Shell.OPENED, Shell.CLOSED, Shell.RESIZED)

    actions = Rule(Grant.ACTIONS | Grant.REBOOT | Grant.PRIVACY)
    add(Kind.ACTIONS, to, actions, Actions.LIST)
    add(Kind.ACTIONS, to, Rule(Grant.ACTIONS), Actions.RUN)
    add(Kind.ACTIONS, to, Rule(Grant.REBOOT), Actions.POWER)
    add(Kind.ACTIONS, of, actions, Actions.OFFERED, Actions.DONE)
    _exchange_rules(add)

    scripts = Rule(Grant.SCRIPTS)
    add(Kind.SCRIPTS, to, scripts, Scripts.RUN, Scripts.CANCEL)
    add(Kind.SCRIPTS, of, scripts, Scripts.STARTED, Scripts.OUTPUT, Scripts.DONE)

    pin = Rule(Grant.PIN)
    add(Kind.DEPLOY, to, pin, Deploy.LIST, Deploy.DO)
    add(Kind.DEPLOY, of, pin, Deploy.OFFERED, Deploy.DONE)

    for kind in Kind:
        asks = _union(rule for (one, _type, way), rule in table.items() if one == kind and way is to)
        if asks:
            add(kind, of, Rule(asks), UNSUPPORTED)
    return table


def _exchange_rules(add: Callable[..., None]) -> None:
    """What goes from one computer to the other: clipboard and files."""
    to, of = Way.TO_ENDPOINT, Way.FROM_ENDPOINT
    give, take = Rule(Grant.CLIPBOARD_WRITE), Rule(Grant.CLIPBOARD_READ)
    either = Rule(give.any_of | take.any_of)
    add(Kind.CLIPBOARD, to, either, Clip.START, Clip.STOP)
    add(Kind.CLIPBOARD, to, give, Clip.GIVE, Clip.GIVEN_PART)
    add(Kind.CLIPBOARD, to, take, Clip.TAKE)
    add(Kind.CLIPBOARD, of, either, Clip.STARTED, Clip.STOPPED, Clip.DONE)
    add(Kind.CLIPBOARD, of, take, Clip.OFFER, Clip.CONTENT, Clip.PART)

    files = Rule(Grant.FILES_READ | Grant.FILES_WRITE | Grant.FILES_DELETE)
    get, put, manage = Rule(Grant.FILES_READ), Rule(Grant.FILES_WRITE), Rule(Grant.FILES_DELETE)
    add(Kind.FILES, to, files, Files.START, Files.STOP, Files.LIST, Files.NEXT, Files.CANCEL)
    add(Kind.FILES, to, get, Files.GET, Files.ACK)
    add(Kind.FILES, to, put, Files.MAKE, Files.PUT, Files.DATA, Files.FINISH)
    add(Kind.FILES, to, manage, Files.RENAME, Files.DELETE)
    told = (Files.STARTED, Files.STOPPED, Files.LISTING, Files.ACCEPTED, Files.DONE, Files.PROGRESS)
    add(Kind.FILES, of, files, *told)
    add(Kind.FILES, of, get, Files.BYTES, Files.FINISHED)
    add(Kind.FILES, of, put, Files.TAKEN)


def _union(rules: Iterable[Rule]) -> Grant:
    return reduce(or_, (rule.any_of for rule in rules), Grant.NONE)


RULES: Final = _rules()
"""(channel kind, frame type, way) -> rule. What is not here passes nobody."""

RECORDER_GRANTS: Final = _union(rule for rule in RULES.values() if rule.recorded is not Recorded.NO)
"""What the recorder in the relay may see; with them it may ask for what `Way.FROM_RECORDER` lists, and no more."""

_SENDS: Final[dict[Party, tuple[Way, ...]]] = {
    Party.ENDPOINT: (Way.FROM_ENDPOINT, Way.POST, Way.ENDPOINT_POST),
    Party.CONSOLE: (Way.TO_ENDPOINT, Way.POST, Way.CONSOLE_POST),
    Party.PORTAL: (Way.POST,),
    Party.RECORDER: (Way.FROM_RECORDER,),
}
_HEARS: Final[dict[Party, tuple[Way, ...]]] = {
    Party.ENDPOINT: (Way.TO_ENDPOINT, Way.FROM_RELAY),
    Party.CONSOLE: (Way.FROM_ENDPOINT, Way.FROM_RELAY, Way.TO_CONSOLES),
    Party.PORTAL: (Way.FROM_RELAY,),
    Party.RECORDER: (Way.FROM_ENDPOINT,),
}


DURABLE: Final = frozenset({Kind.CHAT, Kind.SYSTEM, Kind.REPS})
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


def traffic_of(number: int) -> Traffic:
    """Return the class of the frames on a channel."""
    return TRAFFIC[number >> 8]


def rule_of(ways: tuple[Way, ...], number: int, frame_type: int) -> Rule | None:
    """Return the rule for this frame type on this channel in the first of `ways` that has one."""
    for way in ways:
        rule = RULES.get((number >> 8, frame_type, way))
        if rule is not None:
            return rule
    return None


def may_send(party: Party, grants: Grant, number: int, frame_type: int) -> bool:
    """Say whether a leg may send this frame type on this channel. Control frames are judged by the leg machine."""
    rule = rule_of(_SENDS[party], number, frame_type)
    return rule is not None and bool(rule.any_of & grants)


def may_receive(party: Party, grants: Grant, number: int, frame_type: int) -> bool:
    """Say whether a leg may be sent this frame type on this channel. The endpoint hears all that others may say."""
    rule = rule_of(_HEARS[party], number, frame_type)
    return rule is not None and (party is Party.ENDPOINT or bool(rule.any_of & grants))


def is_recorded(number: int, frame_type: int, *, shared: bool) -> bool:
    """Say whether the recorder is sent a frame of the endpoint's: one to every leg (`shared`), or one to itself."""
    rule = RULES.get((number >> 8, frame_type, Way.FROM_ENDPOINT))
    return rule is not None and (rule.recorded is Recorded.OWN or (shared and rule.recorded is Recorded.SHARED))


def grants_to_use(kind: Kind) -> Grant:
    """Return the grants of which a viewer needs at least one to send anything on channels of this kind."""
    return _union(rule for (one, _type, way), rule in RULES.items() if one == kind and way is Way.TO_ENDPOINT)
