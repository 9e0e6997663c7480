"""Messages between the planes, on the bus. `web` and `worker` decide and tell; the relay applies, and reports what
happened.

To the relay (subjects `relay.*`): the policy it works by, sessions to host, events to fan out.
From the relay (subjects `web.*`): who is linked, what is in the journals.
State wins over messages: after every (re)connection of the worker it sends `Policy` and `Sessions`, the relay answers
with `Links`; both sides drop what the other no longer knows. So a lost message heals at the next connection.
"""

from typing import Annotated, Literal

import msgspec

from farhand.protocol.channels import RECORDER_GRANTS
from farhand.protocol.messages import Count, Event, Facts, Hex32, Id, Limits, Line, Message, Name, Token

Blob = Annotated[str, msgspec.Meta(max_length=65_536)]


class Policy(Message, frozen=True, kw_only=True, tag="policy"):
    """What the relay must know to judge by itself; it keeps a copy on disk, so that it starts without `web`."""

    claimed: bool
    issuer_keys: list[Hex32]
    """Public keys whose tickets and credentials hold."""
    site_keys: list[Hex32]
    statement: Token
    hosts: list[Line]
    """Host names that browsers may use (Origin and Host), without port; `*` = any host that equals the Host header."""
    revoked_agents: list[Id] = []
    links_per_second: int = 300
    recorded_bytes_per_second: Annotated[int, msgspec.Meta(ge=1)] = 8 << 20
    """How fast one session's recording may go on growing; its endpoint is read no faster."""
    recorded_bytes: Annotated[int, msgspec.Meta(ge=1)] = 16 << 30
    """How much of one session one incarnation of the relay records."""


class RecordingKeys(Message, frozen=True, kw_only=True):
    """Key material for one recording segment of one session. Made by `web`, new for every relay incarnation.

    `wrapped` is the data key wrapped for the site; the relay writes it into the segment's head and cannot unwrap it
    again.
    """

    segment: Count
    data_key: Hex32
    sign_seed: Hex32
    certificate: Token
    """Kind `recording`: the issuer key certifies the segment's signing key for this session and segment."""
    wrapped: Blob


class LegState(Message, frozen=True, kw_only=True):
    """Grants of one leg as decided, and how far they go."""

    leg: int
    party: int
    subject: Line
    name: Name
    grants: int
    limits: Limits = Limits()
    """Told to the endpoint alone."""
    since_ms: Count = 0
    """What was said before this moment is not for this leg (R-241)."""


class SessionState(Message, frozen=True, kw_only=True):
    """Everything a relay needs to host a session."""

    session_id: Id
    kind: Literal["jump", "support"]
    epoch: Count
    legs: list[LegState]
    record: bool
    recording: RecordingKeys | None
    recorded: int = int(RECORDER_GRANTS)
    """Of what the recorder could see, what it may: its leg's grants."""
    offer_to: Id | None = None
    """Agent that is offered the session on its link until its leg has joined."""
    offer_ticket: Token | None = None


class Sessions(Message, frozen=True, kw_only=True, tag="sessions"):
    """All sessions that were alive at `read_ms` (taken before they were read; wall clock of this machine).

    The relay ends those it hosts that are not listed, except what it was told of since: a session may have begun, or
    ended, while the list was being made. Sent after each (re)connection, and now and then, with fresh tickets.
    """

    sessions: list[SessionState]
    read_ms: Count


class SessionPut(Message, frozen=True, kw_only=True, tag="session-put"):
    """A session began or its legs and grants changed."""

    session: SessionState


class SessionEnd(Message, frozen=True, kw_only=True, tag="session-end"):
    """A session is over: tell all legs, close them, seal journal and recording."""

    session_id: Id
    reason: Name
    text: Line = ""


class RecordWith(Message, frozen=True, kw_only=True, tag="record-with"):
    """Fresh recording keys for this incarnation of the relay: the answer to its `NeedKeys`.

    Comes also for a session that has just ended: what was recorded while keys were on their way is still written.
    """

    session_id: Id
    relay_id: Id
    keys: RecordingKeys


class SessionNote(Message, frozen=True, kw_only=True, tag="session-note"):
    """Journal a fact that the control plane has to tell everybody in the session: a system entry of the relay's."""

    session_id: Id
    kind: Literal["waiting-message", "client-requested", "client-started"]
    data: dict[Name, Line]


class LegEnd(Message, frozen=True, kw_only=True, tag="leg-end"):
    """One leg is over (left, removed)."""

    session_id: Id
    leg: int
    reason: Name


class Publish(Message, frozen=True, kw_only=True, tag="publish"):
    """Events to fan out to the consoles, in order."""

    events: list[Event]


class FilesRemove(Message, frozen=True, kw_only=True, tag="files-remove"):
    """Remove the recording of a session that is over from the disk; with `journal` its journal too.

    Not answered: what is still there after a while is asked for again. A session that the relay still has to do with
    keeps its files until then.
    """

    session_id: Id
    journal: bool = False


class ListenersEnd(Message, frozen=True, kw_only=True, tag="listeners-end"):
    """What a user may see was reduced: close that user's event sockets, and take no ticket from before `at_ms`.

    Their consoles come back with a fresh snapshot. Without `user_id`: everybody's. Not repeated: a relay that was away
    has no sockets of before.
    """

    user_id: Id | None
    at_ms: Count


class AgentRevoked(Message, frozen=True, kw_only=True, tag="agent-revoked"):
    """Close this agent's link and accept it no more."""

    agent_id: Id


# --- from the relay ---


class LinkUp(Message, frozen=True, kw_only=True, tag="link-up"):
    """An agent is linked (or told new facts)."""

    agent_id: Id
    version: Name
    public_ip: Name
    since_ms: Count
    facts: Facts


class LinkDown(Message, frozen=True, kw_only=True, tag="link-down"):
    """An agent's link is gone."""

    agent_id: Id
    at_ms: Count


class Links(Message, frozen=True, kw_only=True, tag="links"):
    """All agents that are linked, the relay's incarnation, and how far the journals that it writes are on disk."""

    relay_id: Id
    links: list[LinkUp]
    journals: dict[Id, Count] = {}
    """Session -> its highest entry that was acknowledged. What stands behind it in the file may still be cut off."""
    consoles: list[Id] = []
    """Users who have a console open."""


class ConsoleUp(Message, frozen=True, kw_only=True, tag="console-up"):
    """A user opened a first console: its event socket is there."""

    user_id: Id


class ConsoleDown(Message, frozen=True, kw_only=True, tag="console-down"):
    """The last event socket of a user is gone (it may come back)."""

    user_id: Id


class Journaled(Message, frozen=True, kw_only=True, tag="journaled"):
    """The journal of this session has entries up to `seq`, on disk. Told after each append, and when it is opened."""

    session_id: Id
    seq: Count


class LegUp(Message, frozen=True, kw_only=True, tag="leg-up"):
    """A leg joined."""

    session_id: Id
    leg: int


class LegDown(Message, frozen=True, kw_only=True, tag="leg-down"):
    """A leg's socket is gone (it may come back)."""

    session_id: Id
    leg: int


class NeedKeys(Message, frozen=True, kw_only=True, tag="need-keys"):
    """This incarnation of the relay has no recording keys for the session: send a `RecordWith` with a new segment."""

    session_id: Id
    relay_id: Id


ToRelay = (
    Policy
    | Sessions
    | SessionPut
    | SessionEnd
    | SessionNote
    | RecordWith
    | LegEnd
    | Publish
    | AgentRevoked
    | ListenersEnd
    | FilesRemove
)
FromRelay = LinkUp | LinkDown | Links | ConsoleUp | ConsoleDown | Journaled | LegUp | LegDown | NeedKeys
