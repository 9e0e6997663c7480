"""One leg of a session as the relay sees it, and where its frames may go.

Access is looked up for every frame: a leg's `routes` remembers the answer of the tables in `channels` for one exact
(type, channel, addressed leg), and is emptied whenever anybody's grants or presence change. No route, no frame.
"""

from collections.abc import Iterable
from enum import Enum
from typing import Any

from farhand.protocol import channels
from farhand.protocol.budgets import Budget
from farhand.protocol.channels import Grant, Kind, Party, Screen, Shell
from farhand.protocol.frames import EVERY_LEG, RECORDER_LEG

ENDPOINT_LEG = 1
EVERY_GRANT = Grant(sum(Grant))

WATCHED = {
    Kind.SCREEN: frozenset({Screen.START, Screen.STOP, Screen.STARTED, Screen.STOPPED}),
    Kind.SHELL: frozenset({Shell.OPENED, Shell.CLOSED}),
}
"""Frames that change who is watching or what is open: the session machine sees each of them."""


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


class Leg:
    """State of one leg. `port` belongs to whoever drives the machine: where the leg's frames are written."""

    __slots__ = (
        "gone_ms",
        "grants",
        "joined",
        "name",
        "noted",
        "number",
        "party",
        "port",
        "posts",
        "present",
        "routes",
        "sent",
        "subject",
    )

    def __init__(self, number: int, party: Party, subject: str, name: str, grants: Grant) -> None:
        self.number = number
        self.party = party
        self.subject = subject
        self.name = name
        self.grants = grants
        self.joined = False
        self.present = False
        """The journal says that it is here (a short absence is not an event)."""
        self.gone_ms = 0
        self.sent = 0
        """Journal entries up to this one were delivered, or are not for this leg."""
        self.routes: dict[int, tuple[Leg, ...]] = {}
        self.noted = False
        """A dropped frame was logged since the last change of grants."""
        self.posts: Budget | None = None
        """What it may still post; made with its first post."""
        self.port: Any = None


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
    if frame_type in WATCHED.get(channel >> 8, ()):  # type: ignore[call-overload]
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
