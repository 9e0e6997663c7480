"""The session machine: what happens to a session, in; what has to be done, out. No sockets, no files, no clock.

The relay tells it that legs join and leave, what they send, what the control plane decided and what reached the disk.
It answers with commands. Frames on the channels of tools take a short cut: the driver looks into `Leg.routes` first
and comes here only when there is no route yet.

Rules that it keeps: every frame is judged by the grants of its sender and of each receiver; nothing durable is shown or
acknowledged before the driver says `stored`; a post is known by (subject, id) and is journaled once; an older epoch
never overrules a newer one; the recorder is sent a tool's frames only after a representative's session began that tool;
what the journal says has begun gets its end there, also when its endpoint cannot tell of it; nobody fills the disk with
posts.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from farhand.protocol import attendance, channels
from farhand.protocol.attendance import Mark
from farhand.protocol.budgets import (
    MAX_ENTRIES,
    MAX_JOURNAL,
    MAX_POST,
    MAX_WAITING,
    POSTS_AT_ONCE,
    POSTS_PER_SECOND,
    Budget,
)
from farhand.protocol.bus import Journaled, LegDown, LegUp, SessionState
from farhand.protocol.channels import RECORDER_GRANTS, Control, Durable, Grant, Kind, Party
from farhand.protocol.commands import Again, Append, Close, Command, Deliver, Forward, Note, Send, Tell
from farhand.protocol.entries import ENDPOINT_KINDS
from farhand.protocol.frames import RECORDER_LEG, build
from farhand.protocol.journal import MAX_BODY, SAID, entry_channel, size_of
from farhand.protocol.legs import ENDPOINT_LEG, EVERY_GRANT, NO_LIMITS, Leg, Verdict, find_route, route_key, targets
from farhand.protocol.messages import (
    NOT_UNDERSTOOD,
    End,
    Entry,
    Grants,
    LegInfo,
    LegLimits,
    Limits,
    Message,
    Post,
    PostRefused,
    Roster,
    Welcome,
)
from farhand.protocol.unended import Reason, Unended

GONE_MS = 15_000
"""A leg that is back within this time never left, as far as the journal is concerned."""
RELAY = "relay"
"""Subject of entries that are about no leg."""
CONTROL = channels.channel(Kind.CONTROL)
MAX_ROUTES = 4096
"""Routes of one leg that are remembered; no honest leg has as many."""

_post_decoder = msgspec.json.Decoder(Post)
_encode = msgspec.json.encode


class _Draft(NamedTuple):
    entry: Entry
    leg: Leg | None
    """The poster, to be told of a failure; None for the relay's own, which is kept until the disk takes it."""


class Session:
    """One session on this relay.

    `seq`, `seen`, `size` (bytes) and `unended` come from the journal file; `new_id` makes ids for the relay's own
    entries.
    """

    def __init__(
        self,
        state: SessionState,
        new_id: Callable[[], str],
        *,
        seq: int = 0,
        seen: dict[tuple[str, str], int] | None = None,
        size: int = 0,
        unended: Unended | None = None,
    ) -> None:
        self.id = state.session_id
        self.kind = state.kind
        self.epoch = state.epoch
        self.seq = seq
        """Highest entry on disk."""
        self.ended = False
        self.legs: dict[int, Leg] = {}
        self._attendances = attendance.attendances()
        self._limits_told: dict[int, Limits] = {}
        """Leg to the limits that the endpoint was told on its present socket."""
        self._size = size
        """Bytes of the journal, with those that wait for the disk."""
        self._new_id = new_id
        self._seen = seen if seen is not None else {}
        self._unended = unended if unended is not None else Unended()
        self._waiting: list[_Draft] = []
        self._in_flight: list[_Draft] = []
        self._set_legs(state)

    # --- decisions of the control plane

    def put(self, state: SessionState, now_ms: int) -> list[Command]:
        """Legs and grants as decided; an older epoch is ignored."""
        if state.epoch < self.epoch or self.ended:
            return []
        self.epoch = state.epoch
        before = {number: (leg.grants, leg.name) for number, leg in self.legs.items()}
        gone = [leg for leg in self.legs.values() if not self._wanted(leg, state)]
        out: list[Command] = []
        for leg in gone:
            out += self.leg_end(leg.number, "removed", now_ms)
            del self.legs[leg.number]
        self._set_legs(state)
        changed = bool(gone)
        for leg in self.legs.values():
            old = before.get(leg.number)
            if old == (leg.grants, leg.name):
                continue
            changed = True
            leg.noted = False
            if leg.joined and leg.number != RECORDER_LEG:
                out.append(_tell(leg, Control.GRANTS, Grants(grants=leg.grants, epoch=self.epoch)))
                out.append(Deliver(leg))
                for kept in self._attendances.values():
                    if not leg.grants & kept.grants:
                        kept.viewer_gone(leg.number)
        if not self._attended():
            for kept in self._attendances.values():
                kept.unattended()
        out += self._tell_limits()  # before the roster says that somebody may do more
        if changed:
            self._forget_routes()
            out += self._roster() + self._ask_for_recorder()
        return out

    def leg_end(self, number: int, reason: str, now_ms: int, text: str = "") -> list[Command]:
        """One leg is over: it is told, closed and journaled."""
        leg = self.legs.get(number)
        if leg is None or number == RECORDER_LEG:
            return []
        out: list[Command] = []
        if leg.joined:
            out.append(self._end_told(leg, reason, text))
            out.append(Close(leg, reason))
            out += self.closed(number, now_ms)
        if leg.present:
            leg.present = False
            out += self._own("leg-left", leg, now_ms, {"reason": reason})
        return out

    def end(self, reason: str, text: str, now_ms: int) -> list[Command]:
        """The session is over for everybody."""
        if self.ended:
            return []
        out: list[Command] = []
        for leg in self.legs.values():
            if leg.joined and leg.number != RECORDER_LEG:
                out.append(self._end_told(leg, reason, text))
                out.append(Close(leg, reason))
                leg.joined = False
                out.append(Tell(LegDown(session_id=self.id, leg=leg.number)))
        self._forget_routes()
        out += self._own_ends("session-ended", now_ms)
        out += self._own("session-ended", None, now_ms, {"reason": reason})
        self.ended = True
        return out

    # --- legs

    def join(self, number: int, last_seq: int, now_ms: int) -> list[Command]:
        """A leg's socket is there (its ticket was checked). The driver has set `leg.port` and closed an older
        socket."""
        leg = self.legs[number]
        leg.joined = True
        leg.sent = min(last_seq, self.seq)
        self._forget_routes()
        if leg.party is Party.ENDPOINT:
            for kept in self._attendances.values():
                kept.endpoint_gone()
        welcome = Welcome(leg=number, grants=leg.grants, seq=self.seq, roster=self._infos(), server_ms=now_ms)
        out: list[Command] = [
            _tell(leg, Control.WELCOME, welcome),
            Tell(LegUp(session_id=self.id, leg=number)),
            Deliver(leg),
        ]
        if leg.party is Party.ENDPOINT:
            self._limits_told.clear()
            out += self._tell_limits()
            if not last_seq:  # a program that has read nothing here is another one
                out += self._own_ends("lost", now_ms)
        out += self._roster(but=leg)
        if not leg.present:
            leg.present = True
            out += self._own("leg-joined", leg, now_ms, {})
        return out

    def closed(self, number: int, now_ms: int) -> list[Command]:
        """A leg's socket is gone; it may come back."""
        leg = self.legs.get(number)
        if leg is None or not leg.joined:
            return []
        leg.joined = False
        leg.gone_ms = now_ms
        self._forget_routes()
        for kept in self._attendances.values():
            if leg.party is Party.ENDPOINT:
                kept.endpoint_gone()
            else:
                kept.viewer_gone(number)
        return [Tell(LegDown(session_id=self.id, leg=number)), *self._roster(), *self._ask_for_recorder()]

    def tick(self, now_ms: int) -> list[Command]:
        """Once a second: journal long absences, try the disk again."""
        out: list[Command] = []
        for leg in self.legs.values():
            if leg.present and not leg.joined and now_ms - leg.gone_ms >= GONE_MS:
                leg.present = False
                out += self._own("leg-left", leg, now_ms, {"reason": "connection-lost"})
        return out + self._flush()

    def frame(
        self, number: int, frame_type: int, channel: int, to: int, payload: bytes | memoryview, now_ms: int
    ) -> list[Command]:
        """A joined leg sent a frame for which it has no route yet."""
        leg = self.legs[number]
        kind = channel >> 8
        if kind == Kind.CONTROL:
            if channel == 0 and frame_type == Control.LEAVE:
                return self.leg_end(number, "left", now_ms)
            return self._expel(leg, "On the control channel a leg may only leave.", now_ms, channel, frame_type)
        if kind in channels.DURABLE:
            return self._post(leg, frame_type, channel, to, payload, now_ms)
        found = find_route(leg, self.legs.values(), frame_type, channel, to)
        if found is Verdict.WATCHED:
            return self._marked(leg, frame_type, channel, to)
        if found is Verdict.LACKS_GRANT:
            return self._drop(leg, channel, frame_type)
        if isinstance(found, Verdict):
            text = "A leg may only speak as itself." if found is Verdict.NOT_ITS_LEG else "This leg may not send that."
            return self._expel(leg, text, now_ms, channel, frame_type)
        found = self._recorder_aside(found, channel)
        if len(leg.routes) >= MAX_ROUTES:
            leg.routes.clear()
        leg.routes[route_key(frame_type, channel, to)] = found
        return [Forward(found)]

    # --- recorder

    def add_recorder(self) -> Leg:
        """The relay records: from now on there is a leg 0xFFFF. Its `port` is the driver's."""
        leg = Leg(RECORDER_LEG, Party.RECORDER, "relay:recorder", "Recorder", self._recorded)
        leg.joined = True
        self.legs[RECORDER_LEG] = leg
        self._forget_routes()
        return leg

    def note(self, kind: str, now_ms: int, data: dict[str, str | int | bool] | None = None) -> list[Command]:
        """Journal a fact of the relay's own (`recording-started`, `recording-gap`)."""
        return self._own(kind, None, now_ms, data or {})

    def alone_with_endpoint(self, number: int) -> bool:
        """Say whether this leg is the only one that is served by the endpoint, the recorder aside."""
        return all(leg.number in (ENDPOINT_LEG, number) for leg in self._people())

    # --- the disk

    def stored(self, entries: tuple[Entry, ...]) -> list[Command]:
        """The entries of the last Append are on disk."""
        for entry in entries:
            self._seen[entry.subject, entry.id] = entry.seq
            self._unended.take(entry)
        self.seq = entries[-1].seq
        self._in_flight = []
        out: list[Command] = [Deliver(leg) for leg in self._people()]
        out.append(Tell(self.journaled()))
        return out + self._flush()

    def journaled(self) -> Journaled:
        """How far the journal is on disk, for the bus."""
        return Journaled(session_id=self.id, seq=self.seq)

    def not_stored(self, reason: str) -> list[Command]:
        """The disk refused the last Append: posters are told, the relay's own facts wait for the next `tick`."""
        out: list[Command] = [
            Note("journal_not_written", {"session": self.id, "reason": reason, "entries": len(self._in_flight)})
        ]
        failed, self._in_flight = self._in_flight, []
        keep = [draft for draft in failed if draft.leg is None]
        for draft in failed:
            if draft.leg is not None:
                self._size -= size_of(draft.entry)
                self._seen.pop((draft.entry.subject, draft.entry.id), None)
                text = "The appliance could not store this message (its disk may be full). Please send it again later."
                out += self._refuse_post(draft.leg, draft.entry.id, entry_channel(draft.entry), "not-stored", text)
        self._waiting[:0] = keep
        return out

    @property
    def begun(self) -> bool:
        """Somebody has joined, also when that was before a restart of the relay."""
        return any(subject != RELAY for subject, _id in self._seen)

    @property
    def settled(self) -> bool:
        """Nothing waits for the disk."""
        return not self._waiting and not self._in_flight

    # --- inside

    def _set_legs(self, state: SessionState) -> None:
        for given in state.legs:
            leg = self.legs.get(given.leg)
            grants = Grant(given.grants & sum(Grant))
            if leg is None:
                leg = self.legs[given.leg] = Leg(given.leg, Party(given.party), given.subject, given.name, grants)
            leg.grants, leg.name, leg.limits, leg.since_ms = grants, given.name, given.limits, given.since_ms
        self._recorded = Grant(state.recorded & RECORDER_GRANTS)
        recorder = self.legs.get(RECORDER_LEG)
        if recorder is not None:
            recorder.grants = self._recorded

    @staticmethod
    def _wanted(leg: Leg, state: SessionState) -> bool:
        return leg.number == RECORDER_LEG or any(
            given.leg == leg.number and given.subject == leg.subject and given.party == leg.party
            for given in state.legs
        )

    def _people(self) -> list[Leg]:
        return [leg for leg in self.legs.values() if leg.joined and leg.number != RECORDER_LEG]

    def _infos(self) -> list[LegInfo]:
        return [LegInfo(leg=leg.number, party=leg.party, name=leg.name, grants=leg.grants) for leg in self._people()]

    def _roster(self, but: Leg | None = None) -> list[Command]:
        payload = Roster(legs=self._infos())
        return [_tell(leg, Control.ROSTER, payload) for leg in self._people() if leg is not but]

    def _tell_limits(self) -> list[Command]:
        """Bring the endpoint up to date. Nobody else learns what is on its disk."""
        endpoint = self.legs.get(ENDPOINT_LEG)
        if endpoint is None or not endpoint.joined:
            return []
        out: list[Command] = []
        for leg in self.legs.values():
            if leg.limits != self._limits_told.get(leg.number, NO_LIMITS):
                self._limits_told[leg.number] = leg.limits
                out.append(_tell(endpoint, Control.LIMITS, LegLimits(leg=leg.number, limits=leg.limits)))
        return out

    def _forget_routes(self) -> None:
        for leg in self.legs.values():
            leg.routes.clear()

    def _end_told(self, leg: Leg, reason: str, text: str) -> Send:
        uninstall = leg.party is Party.ENDPOINT and self.kind == "support"
        return _tell(leg, Control.END, End(reason=reason, text=text, uninstall=uninstall))

    def _expel(self, leg: Leg, text: str, now_ms: int, channel: int, frame_type: int) -> list[Command]:
        """It did what no honest leg does: tell it, close it. It may come back; a customer client stays installed."""
        end = _tell(leg, Control.END, End(reason="refused", text=text))
        fields: dict[str, object] = {
            "session": self.id,
            "leg": leg.number,
            "channel": channel,
            "type": frame_type,
            "reason": text,
        }
        return [Note("leg_refused", fields), end, Close(leg, text), *self.closed(leg.number, now_ms)]

    def _drop(self, leg: Leg, channel: int, frame_type: int) -> list[Command]:
        if leg.noted:
            return []
        leg.noted = True
        fields: dict[str, object] = {"session": self.id, "leg": leg.number, "channel": channel, "type": frame_type}
        return [Note("frame_without_grant_dropped", fields)]

    def _marked(self, leg: Leg, frame_type: int, channel: int, to: int) -> list[Command]:
        """A frame that begins or ends something of a recorded kind."""
        kept = self._attendances[channel >> 8]
        legs = targets(leg, self.legs.values(), frame_type, channel, to)
        people = frozenset(other.number for other in legs if other.number != RECORDER_LEG)
        mark = Mark(frame_type, channel, to, people, self._attended())
        kept.begin(mark)
        legs = self._recorder_aside(legs, channel)
        kept.end(mark)
        leg.routes.clear()
        return [Forward(legs), *self._ask_for_recorder()]

    def _attended(self) -> bool:
        """The control plane gave the session a representative, who may be away for a moment."""
        return any(leg.party is Party.CONSOLE for leg in self.legs.values())

    def _recorder_aside(self, legs: tuple[Leg, ...], channel: int) -> tuple[Leg, ...]:
        """Leave out the recorder while what this channel carries was not begun for a representative."""
        kept = self._attendances.get(channel >> 8)
        if kept is None or kept.recorder_may(channel):
            return legs
        return tuple(leg for leg in legs if leg.number != RECORDER_LEG)

    def _ask_for_recorder(self) -> list[Command]:
        """What the recorder asks of the endpoint now."""
        endpoint = self.legs.get(ENDPOINT_LEG)
        if endpoint is None or not endpoint.joined or RECORDER_LEG not in self.legs:
            return []
        asks = [ask for kept in self._attendances.values() if (ask := kept.ask()) is not None]
        return [_send(endpoint, ask.type, ask.channel, RECORDER_LEG, ask.payload) for ask in asks]

    def _post(
        self, leg: Leg, frame_type: int, channel: int, to: int, payload: bytes | memoryview, now_ms: int
    ) -> list[Command]:
        if leg.party is not Party.ENDPOINT and to != leg.number:
            return self._expel(leg, "A leg may only speak as itself.", now_ms, channel, frame_type)
        if channel & 0xFF or not channels.may_send(leg.party, EVERY_GRANT, channel, frame_type):
            return self._expel(leg, "This leg may not send that.", now_ms, channel, frame_type)
        if not channels.may_send(leg.party, leg.grants, channel, frame_type):
            return self._drop(leg, channel, frame_type)
        try:
            post = _post_decoder.decode(payload) if len(payload) <= MAX_POST else None
        except NOT_UNDERSTOOD:
            post = None
        system = channel >> 8 == Kind.SYSTEM
        if post is None or not (
            post.kind in ENDPOINT_KINDS if system else post.text and SAID.get(post.kind) == channel >> 8
        ):
            return self._expel(leg, "This is not a message that can be kept.", now_ms, channel, frame_type)
        return self._accept(leg, post, channel, now_ms)

    def _accept(self, leg: Leg, post: Post, channel: int, now_ms: int) -> list[Command]:
        known = self._seen.get((leg.subject, post.id))
        if known is not None:
            return [Again(leg, known)] if known else []
        entry = Entry(
            seq=0, time_ms=now_ms, id=post.id, leg=leg.number, party=leg.party, subject=leg.subject, name=leg.name,
            kind=post.kind, text=post.text, data=post.data,
        )  # fmt: skip
        size = size_of(entry)
        full = len(self._waiting) >= MAX_WAITING or self.seq >= MAX_ENTRIES or self._size + size > MAX_JOURNAL
        if full or size > MAX_BODY:
            text = "This session has too many messages, or this one is too long. It was not kept."
            return self._refuse_post(leg, post.id, channel, "too-many", text)
        now = now_ms / 1000
        if leg.posts is None:
            leg.posts = Budget(POSTS_PER_SECOND, POSTS_AT_ONCE, now)
        if not leg.posts.take(1, now):
            text = "Too many messages came at once. This one is sent again in a moment."
            return self._refuse_post(leg, post.id, channel, "busy", text)
        self._size += size
        self._seen[leg.subject, post.id] = 0
        self._waiting.append(_Draft(entry, leg))
        return self._flush()

    def _refuse_post(self, leg: Leg, post_id: str, channel: int, code: str, text: str) -> list[Command]:
        if not leg.joined:
            return []
        refused = PostRefused(id=post_id, code=code, text=text)
        return [_send(leg, Durable.REFUSED, channel, leg.number, _encode(refused))]

    def _own(self, kind: str, leg: Leg | None, now_ms: int, data: dict[str, str | int | bool]) -> list[Command]:
        """Journal a fact that the relay itself saw."""
        entry = Entry(
            seq=0, time_ms=now_ms, id=self._new_id(), leg=leg.number if leg else 0, party=leg.party if leg else 0,
            subject=leg.subject if leg else RELAY, name=leg.name if leg else "", kind=kind, data=data,
        )  # fmt: skip
        self._waiting.append(_Draft(entry, None))
        return self._flush()

    def _own_ends(self, reason: Reason, now_ms: int) -> list[Command]:
        """Journal the ends of what the endpoint began and cannot tell of any more."""
        for draft in (*self._in_flight, *self._waiting):
            self._unended.take(draft.entry)
        return [command for kind, data in self._unended.ends(reason) for command in self._own(kind, None, now_ms, data)]

    def _flush(self) -> list[Command]:
        """Number what waits and hand it to the disk, one batch at a time."""
        if self._in_flight or not self._waiting:
            return []
        self._in_flight, self._waiting = self._waiting, []
        numbered = tuple(
            msgspec.structs.replace(draft.entry, seq=self.seq + 1 + index)
            for index, draft in enumerate(self._in_flight)
        )
        return [Append(numbered)]


def _send(leg: Leg, frame_type: int, channel: int, to: int, payload: bytes) -> Send:
    return Send(leg, channel, build(frame_type, channel, to, payload))


def _tell(leg: Leg, kind: Control, message: Message) -> Send:
    return _send(leg, kind, CONTROL, leg.number, _encode(message))
