"""JSON messages on legs, links and event sockets: strict structs with caps, unknown fields ignored.

Unknown fields are ignored so that a newer peer can add some; missing ones have defaults so that an older peer can leave
them out. Everything with a length has a cap. Field names are short words of the field, never abbreviations.
"""

from typing import Annotated, Literal

import msgspec

from farhand.protocol.screen import Colours

Id = Annotated[str, msgspec.Meta(min_length=36, max_length=36)]
Name = Annotated[str, msgspec.Meta(max_length=128)]
Line = Annotated[str, msgspec.Meta(max_length=512)]
Token = Annotated[str, msgspec.Meta(max_length=16_384)]
Hex32 = Annotated[str, msgspec.Meta(min_length=64, max_length=64, pattern="^[0-9a-f]+$")]
Signature = Annotated[str, msgspec.Meta(min_length=128, max_length=128, pattern="^[0-9a-f]+$")]
ChatText = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
Word = Annotated[str, msgspec.Meta(max_length=128, pattern=r"^[^\x00]*$")]
"""A short text of an endpoint. No NUL: databases that cannot keep it would refuse whatever comes with it. (Lone
surrogates are no JSON text for the decoder.)"""
Text = Annotated[str, msgspec.Meta(max_length=4096, pattern=r"^[^\x00]*$")]
Reason = Annotated[str, msgspec.Meta(max_length=512, pattern=r"^[^\x00]*$")]
U16 = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
Side = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Transfer = Annotated[int, msgspec.Meta(ge=1, le=0xFFFF_FFFF)]


NOT_UNDERSTOOD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding hostile bytes may raise: not JSON or not this message, not UTF-8, nested beyond sense."""


class Message(msgspec.Struct, frozen=True):
    """Base of every message."""


FilePath = Annotated[str, msgspec.Meta(min_length=1, max_length=1024, pattern=r"^[^\x00]*$")]


ActionName = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern="^[a-z0-9-]+$")]


class Limits(Message, frozen=True, kw_only=True):
    """How far a leg's grants go on the endpoint. Folders: an empty list is everywhere, else what is in these folders
    and below them (absolute paths of the endpoint's own form). The longest one fits into a frame.
    """

    files_read: Annotated[list[FilePath], msgspec.Meta(max_length=64)] = []
    files_write: Annotated[list[FilePath], msgspec.Meta(max_length=64)] = []
    actions_off: Annotated[list[ActionName], msgspec.Meta(max_length=32)] = []
    """Special actions that are neither offered nor done (`actions.ACTIONS`)."""


# --- signed statements (bodies of `kit.signing` tokens) ---


class SiteStatement(Message, frozen=True, kw_only=True):
    """Kind `site`: the site key certifies the TLS key of an appliance (SHA-256 of its SubjectPublicKeyInfo)."""

    spki: Hex32
    issued_ms: Count
    expires_ms: Count


class AgentCredential(Message, frozen=True, kw_only=True):
    """Kind `agent`: the issuer key says which Jump Client holds this Ed25519 key."""

    agent_id: Id
    key: Hex32
    issued_ms: Count


class LegTicket(Message, frozen=True, kw_only=True):
    """Kind `leg`: the issuer key lets one party take a leg of a session, with these grants."""

    jti: Id
    session_id: Id
    leg: U16
    party: int
    subject: Line
    """`user:ID`, `agent:ID` or `customer:ID`."""
    name: Name
    grants: Count
    epoch: Count
    expires_ms: Count
    key: Hex32 | None = None
    """When set, JOIN must be signed with it and the ticket serves again until it expires; else it serves once."""


class EventsTicket(Message, frozen=True, kw_only=True):
    """Kind `events`: one console may listen to these topics. Serves once."""

    jti: Id
    user_id: Id
    topics: Annotated[list[Line], msgspec.Meta(max_length=2000)]
    issued_ms: Count = 0
    """One that was issued before the user's access was last reduced is not taken."""
    expires_ms: Count


# --- control: every connection opens with the server's HELLO ---


class Hello(Message, frozen=True, kw_only=True):
    """Server's first words on every live connection."""

    nonce: Hex32
    statement: Token
    """`SiteStatement` token. Endpoints check it with the pinned site key and against this connection's certificate."""
    server_ms: Count
    protocol: Count = 1


class Join(Message, frozen=True, kw_only=True):
    """First words of a leg. `proof` is over `proof_body()` when the ticket names a key."""

    ticket: Token
    last_seq: Count = 0
    """Highest journal sequence that this party already has; later ENTRYs are sent again."""
    proof: Signature | None = None


class Auth(Message, frozen=True, kw_only=True):
    """First words of an agent's link."""

    credential: Token
    proof: Signature
    version: Word
    facts: "Facts"


class Ability(Message, frozen=True, kw_only=True):
    """Whether an endpoint can do one thing."""

    can: bool = False
    code: Word = ""
    """Why not, or what is to be known where it can: one of `abilities.REASONS`; others may come."""
    reason: Reason = ""
    """The same, and what would help, in a sentence or two of the endpoint's language."""


class Abilities(Message, frozen=True, kw_only=True):
    """What can be done on an endpoint's desktop. What an older endpoint does not name, it cannot do."""

    kind: Word = ""
    """`x11`, `wlroots`, `gnome`, `portal`, or `wayland` where nothing can be done; others may come."""
    see: Ability = Ability()
    control: Ability = Ability()
    login_screen: Ability = Ability()
    """See and control it while nobody is signed in."""
    block_input: Ability = Ability()
    """Keep the mouse and keyboard there from being used."""
    privacy_screen: Ability = Ability()
    """Hide what its monitors show."""
    clipboard: Ability = Ability()
    hide_passwords: Ability = Ability()
    """Keep windows that show a password field out of recordings."""


class Facts(Message, frozen=True, kw_only=True):
    """What an endpoint tells of itself. Hostile text until shown as text."""

    hostname: Word = ""
    platform: Word = ""
    """`linux`, `windows`, `macos`."""
    os_name: Word = ""
    user: Word = ""
    private_ip: Word = ""
    display: bool = False
    """A screen can be shared now."""
    desktop: Abilities | None = None
    """What its desktop lets be done; None: there is no desktop now, or the endpoint is older than this field."""
    tools: Annotated[list[Word], msgspec.Meta(max_length=32)] = []
    """Channel kinds that it serves: `screen`, `input`, `shell`; others may come."""
    uptime_s: Count = 0


class LegInfo(Message, frozen=True, kw_only=True):
    """One line of the roster."""

    leg: U16
    party: int
    name: Name
    grants: Count = 0


class Welcome(Message, frozen=True, kw_only=True):
    """The server's yes. On a link: only `server_ms` and `ping_s` mean something."""

    leg: U16 = 0
    grants: Count = 0
    seq: Count = 0
    """Highest journal sequence at this moment."""
    roster: list[LegInfo] = []
    server_ms: Count = 0
    ping_s: Count = 20


class Refuse(Message, frozen=True, kw_only=True):
    """The server's no; the socket is closed after it."""

    code: Name
    """For programs: `bad-ticket`, `expired`, `used`, `unknown-session`, `not-claimed`, `revoked`, `busy`, `bad-proof`,
    `bad-message`."""
    text: Line
    """For people: one sentence that says what to do."""
    retry_after_s: Count | None = None


class Roster(Message, frozen=True, kw_only=True):
    """Who is in the session now."""

    legs: list[LegInfo]


class Grants(Message, frozen=True, kw_only=True):
    """The receiving leg's grants changed."""

    grants: Count
    epoch: Count


class LegLimits(Message, frozen=True, kw_only=True):
    """To the endpoint only: the limits of this leg, from now on. A leg of which nothing was said has none."""

    leg: U16
    limits: Limits


class End(Message, frozen=True, kw_only=True):
    """The session is over for this leg. `scope` says for whom."""

    reason: Name
    """`ended`, `removed`, `left`, `expired`, `customer-ended`, `customer-lost`; `handed-over` = the client goes on in
    the place of this portal chat; `refused` = only this leg, for now."""
    text: Line = ""
    uninstall: bool = False
    """A customer client removes itself; a Jump Client never does."""


class Offer(Message, frozen=True, kw_only=True):
    """On a link: a session wants this agent."""

    session_id: Id
    ticket: Token
    path: Line = "/live/leg"


class OfferAnswer(Message, frozen=True, kw_only=True):
    """On a link, payload of OFFER_ANSWER: the leg is being opened, or why not. For the log only."""

    session_id: Id
    accepted: bool
    text: Line = ""


# --- chat and system: durable posts ---


class Post(Message, frozen=True, kw_only=True):
    """Something to be put on disk and shown to all. Sent again with the same `id` until its ENTRY comes."""

    id: Id
    kind: Word
    """Chat: `chat`; among representatives: `rep-chat`. System: see `protocol.entries`."""
    text: Text = ""
    data: dict[Word, Text | int | bool] = {}


class Entry(Message, frozen=True, kw_only=True):
    """A journaled fact. `seq` counts from 1 within the session, without gaps."""

    seq: Count
    time_ms: Count
    id: Id
    leg: U16
    party: int
    subject: Line
    name: Name
    kind: Name
    text: Annotated[str, msgspec.Meta(max_length=4096)] = ""
    data: dict[Name, str | int | bool] = {}


class PostRefused(Message, frozen=True, kw_only=True):
    """This POST was not put on disk and nobody saw it. It may be sent again later with the same `id`."""

    id: Id
    code: Name
    """`not-stored` (the disk), `busy` (too many at once), `too-many` (for good)."""
    text: Line


# --- tools, their JSON payloads ---


class Unsupported(Message, frozen=True, kw_only=True):
    """UNSUPPORTED, on the channel and to the leg of the frame that it answers: the endpoint did nothing about it."""

    type: Annotated[int, msgspec.Meta(ge=0, le=0xFF)] = 0
    """The frame type that this endpoint's tool does not know; 0 = it has no tool of this channel's kind at all."""
    reason: Name = "unknown"
    """`unknown`: it knows no such channel or frame, `no-tool`: it was made without that tool, `not-possible`: its
    desktop cannot do that."""
    text: Line = ""
    """For people."""


class ScreenStart(Message, frozen=True, kw_only=True):
    """A viewer wants the screen."""

    max_fps: Annotated[int, msgspec.Meta(ge=1, le=60)] = 60
    colours: Colours = Colours.VIDEO
    video: Annotated[tuple[Name, ...], msgspec.Meta(max_length=16)] = ()
    """Video codecs that the viewer can draw; `vp8` is the one in use."""
    monitor: Name = ""
    """Id of the monitor to look at; empty, or one that is not there: all of them."""
    pointer: bool = False
    """Tell where the pointer is, too (POINTER)."""


MOST_MONITORS = 32


class ScreenMonitor(Message, frozen=True, kw_only=True):
    """A monitor: its place in the picture, in pixels."""

    id: Name
    name: Name
    x: U16
    y: U16
    width: U16
    height: U16
    primary: bool = False


class ScreenStarted(Message, frozen=True, kw_only=True):
    """The screen is being shared with the leg that is addressed."""

    width: Annotated[int, msgspec.Meta(ge=1, le=32767)]
    height: Annotated[int, msgspec.Meta(ge=1, le=32767)]
    monitors: Annotated[list[ScreenMonitor], msgspec.Meta(max_length=MOST_MONITORS)] = []
    """All that are there, the primary one first."""
    monitor: Name = ""
    """Id of the one that is sent; empty: all of them. What lies outside of it is not in the updates."""


class Stopped(Message, frozen=True, kw_only=True):
    """Screen sharing or control stopped or was refused; `text` says why, for people."""

    reason: Name = "stopped"
    """`stopped`, `refused`, `no-display`, `unsupported`, `error`."""
    text: Line = ""


class InputTyped(Message, frozen=True, kw_only=True):
    """A TEXT was typed, or not (all of it): `text` says why, for people."""

    number: U16
    text: Line = ""


class InputState(Message, frozen=True, kw_only=True):
    """Who has control: 0 nobody, else a leg. `pending` while the customer is being asked."""

    leg: U16 = 0
    pending: U16 = 0
    refused: bool = False


class InputBlocked(Message, frozen=True, kw_only=True):
    """Who has disabled mouse and keyboard there: 0 nobody, else a leg. `pending` wants it and waits."""

    leg: U16 = 0
    pending: U16 = 0
    reason: Word = ""
    """Why it ended, or did not begin; others than those of docs/protocol/input.md may come."""
    text: Line = ""
    """The same for people, as far as the leg it is sent to does not know it by itself."""


# --- event sockets of consoles ---


class Listen(Message, frozen=True, kw_only=True):
    """First words of an event socket: its ticket and, per topic, the last number that this console has."""

    ticket: Token
    have: dict[Line, Count] = {}


class Event(Message, frozen=True, kw_only=True):
    """One numbered change of a topic: put or remove one item of a collection."""

    topic: Line
    n: Count
    collection: Name
    op: Literal["put", "remove"]
    id: Line
    value: dict[str, object] | None = None


class Gap(Message, frozen=True, kw_only=True):
    """The relay no longer has what this console missed: fetch the snapshot again."""

    topics: list[Line]


def proof_body(nonce: str, spki: str, ticket_or_credential: str) -> bytes:
    """What an endpoint signs (kind `proof`): the server's nonce, the TLS key that it saw, and what it presents.

    Binding the TLS key makes a relayed proof worthless: the impostor's certificate would be in it.
    """
    return f"{nonce}.{spki}.{ticket_or_credential}".encode()
