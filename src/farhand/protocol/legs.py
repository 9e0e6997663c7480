"""One leg of a session as the relay sees it, and where its frames may go.

Access is looked up for every frame: a leg's `routes` remembers the answer of the tables in `channels` for one exact
(type, channel, addressed leg), and is emptied whenever anybody's grants or presence change. No route, no frame.
"""

from collections.abc import Iterable
from enum import Enum
from typing import Protocol

from farhand.protocol import channels
from farhand.protocol.attendance import MARKS
from farhand.protocol.budgets import Budget
from farhand.protocol.channels import Grant, Party
from farhand.protocol.frames import EVERY_LEG, RECORDER_LEG
from farhand.protocol.messages import Limits

ENDPOINT_LEG = 1
EVERY_GRANT = Grant(sum(Grant))
NO_LIMITS = Limits()


class Verdict(Enum):
    """Why a frame has no route."""

    LACKS_GRANT = "lacks-grant"
    """The party may send this with the right grant: dropped, because a grant may have been taken back a moment ago."""
    NEVER = "never"
    """No leg of this party may ever send this: the leg is closed."""
    NOT_ITS_LEG = "not-its-leg"
    """It spoke as somebody else: the leg is closed."""
    WATCHED = "watched"
    """Allowed, but the session machine must see it."""


class Sender(Protocol):
    """A leg's socket that can be read no further for a while."""

    def pause_for(self, who: object) -> None:
        """Stop reading because of `who`."""
        ...

    def resume_for(self, who: object) -> None:
        """`who` has room again."""
        ...


class LegOut(Protocol):
    """Where the frames of one leg are written; it belongs to whoever drives the machine."""

    @property
    def queued(self) -> int:
        """Bytes that wait for the leg, as far as a sender must know."""
        ...

    def forward(self, data: bytes | memoryview, channel: int) -> None:
        """Write a whole frame of this channel, or keep a copy of it until the leg takes it."""
        ...

    def hold(self, sender: Sender) -> None:
        """Read no more from `sender` until most of what waits here is gone."""
        ...


class Nowhere:
    """The `LegOut` of a leg that is away: what is written to it is gone."""

    queued = 0

    def forward(self, data: bytes | memoryview, channel: int) -> None:
        """Drop it."""

    def hold(self, sender: Sender) -> None:
        """Nothing waits here."""


NOWHERE = Nowhere()


class Leg:
    """State of one leg."""

    __slots__ = (
        "gone_ms",
        "grants",
        "joined",
        "limits",
        "name",
        "noted",
        "number",
        "party",
        "port",
        "posts",
        "present",
        "routes",
        "sent",
        "since_ms",
        "subject",
    )

    def __init__(self, number: int, party: Party, subject: str, name: str, grants: Grant) -> None:
        self.number = number
        self.party = party
        self.subject = subject
        self.name = name
        self.grants = grants
        self.limits = NO_LIMITS
        """How far the grants go; for the endpoint to keep."""
        self.joined = False
        self.present = False
        """The journal says that it is here (a short absence is not an event)."""
        self.gone_ms = 0
        self.sent = 0
        """Journal entries up to this one were delivered, or are not for this leg."""
        self.since_ms = 0
        """What was said before is not for this leg."""
        self.routes: dict[int, tuple[Leg, ...]] = {}
        self.noted = False
        """A dropped frame was logged since the last change of grants."""
        self.posts: Budget | None = None
        """What it may still post; made with its first post."""
        self.port: LegOut = NOWHERE


def route_key(frame_type: int, channel: int, to: int) -> int:
    """The key of `Leg.routes`."""
    return frame_type << 32 | channel << 16 | to


def find_route(sender: Leg, legs: Iterable[Leg], frame_type: int, channel: int, to: int) -> tuple[Leg, ...] | Verdict:
    """Say to which of `legs` this frame goes, or why it goes nowhere. Chat, system and control do not come here."""
    if sender.party is not Party.ENDPOINT and to != sender.number:
        return Verdict.NOT_ITS_LEG
    if not channels.may_send(sender.party, EVERY_GRANT, channel, frame_type):
        return Verdict.NEVER
    if not channels.may_send(sender.party, sender.grants, channel, frame_type):
        return Verdict.LACKS_GRANT
    if (channel >> 8, frame_type) in MARKS:
        return Verdict.WATCHED
    return targets(sender, legs, frame_type, channel, to)


def targets(sender: Leg, legs: Iterable[Leg], frame_type: int, channel: int, to: int) -> tuple[Leg, ...]:
    """The legs that get a frame which its sender may send."""
    found = []
    for leg in legs:
        if leg is sender or not leg.joined or not channels.may_receive(leg.party, leg.grants, channel, frame_type):
            continue
        if sender.party is not Party.ENDPOINT:
            wanted = leg.party is Party.ENDPOINT
        elif leg.number == RECORDER_LEG:
            wanted = to in (EVERY_LEG, RECORDER_LEG) and channels.is_recorded(
                channel, frame_type, shared=to == EVERY_LEG
            )
        else:
            # Nobody but the endpoint has frames of an endpoint addressed to it: there is one endpoint in a session.
            wanted = leg.party is not Party.ENDPOINT and to in (EVERY_LEG, leg.number)
        if wanted:
            found.append(leg)
    return tuple(found)
