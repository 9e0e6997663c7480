"""Sessions on this relay: the sockets of their legs, and the hands of the session machine.

`protocol.session` decides; here its commands are carried out. A frame for which the sender's leg has a route never
enters the machine: it goes from the read buffer to the receivers' transports.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from farhand.kit.ids import new_id
from farhand.kit.log import get_log
from farhand.protocol import channels, frames
from farhand.protocol.bus import LegUp, RecordingKeys, SessionState
from farhand.protocol.channels import Durable, Kind, Party
from farhand.protocol.commands import (
    Again,
    Append,
    Close,
    Command,
    Deliver,
    Forward,
    Note,
    Send,
    Tell,
)
from farhand.protocol.frames import RECORDER_LEG
from farhand.protocol.journal import entry_channel
from farhand.protocol.legs import ENDPOINT_LEG, NOWHERE, Leg
from farhand.protocol.messages import Entry, Join, LegTicket, Offer
from farhand.protocol.session import Session
from farhand.relay.live.journal import Batch, JournalFile
from farhand.relay.live.legsockets import LegSocket
from farhand.relay.live.recorder import Recorder
from farhand.relay.live.signin import Refusal, use_leg_ticket
from farhand.relay.live.sockets import POLICY_VIOLATION

if TYPE_CHECKING:
    from farhand.relay.live.plane import Live

log = get_log("sessions")

OFFER_S = 5.0
"""An agent that is linked and has not joined is offered its session again after this time."""
REPLAY_BYTES = 1 << 20
"""Entries are replayed as long as less than this waits for the leg."""
OVER_KEPT = 10_000
"""Ids of ended sessions that are remembered."""
RECENT = 64
"""Encoded entries that are kept in memory per session."""

NO_RECORDING = (
    "The disk of the appliance is nearly full, so no recorded session can begin. Free some space, then try again."
)
NO_RECORDING_S = 30
DAMAGED = "The appliance can no longer read what happened in this session, so it was ended. Start a new one."


class SessionRoom:
    """One session: its machine, its journal, its recorder."""

    def __init__(self, live: "Live", state: SessionState) -> None:
        self.live = live
        self.state = state
        self.told_ms = live.clock.now_ms()
        """When the control plane last spoke of this session alone."""
        self.journal = JournalFile(live.folder / "journal" / f"{state.session_id}.fhj")
        found = self.journal
        self.session = Session(state, new_id, seq=found.seq, seen=found.seen, size=found.size, unended=found.unended)
        self.recorder: Recorder | None = None
        self.offered_at = -OFFER_S
        self._recent: deque[_Told] = deque(maxlen=RECENT)
        live.tell(self.session.journaled())
        if state.record:
            self.recorder = Recorder(live, state.session_id, self._to_endpoint, self.note)
            self.session.add_recorder().port = self.recorder.tap
            self.recorder.mind(state.recording)

    # --- events

    def put(self, state: SessionState) -> None:
        """The control plane decided anew."""
        self.state = state
        self.run(self.session.put(state, self.live.clock.now_ms()))
        self._mind_recorder(state.recording)
        self.offer()

    def join(self, socket: LegSocket, leg: Leg, last_seq: int) -> None:
        """A socket with a good ticket takes its leg."""
        older = leg.port
        if isinstance(older, LegSocket) and older is not socket:
            older.replaced()
        for other in self.session.legs.values():
            if isinstance(other.port, LegSocket):
                other.port.release()  # who was held for one console is read again for two
        leg.port = socket
        socket.joined(self, leg)
        log.info("leg_joined", session=self.session.id, leg=leg.number, address=socket.address)
        self.run(self.session.join(leg.number, last_seq, self.live.clock.now_ms()))

    def on_frame(self, socket: LegSocket, kind: int, channel: int, to: int, data: memoryview) -> None:
        """A frame without a route."""
        assert socket.leg is not None
        payload = data[frames.HEADER_SIZE :]
        now_ms = self.live.clock.now_ms()
        self.run(self.session.frame(socket.leg.number, kind, channel, to, payload, now_ms), data, channel)

    def tick(self, now_ms: int) -> None:
        """Once a second."""
        self.run(self.session.tick(now_ms))
        self._mind_recorder()
        self.offer()

    def end(self, reason: str, text: str) -> None:
        """The session is over."""
        self.run(self.session.end(reason, text, self.live.clock.now_ms()))
        if self.recorder is not None:
            self.recorder.close(reason)

    def close(self) -> None:
        """All is settled: let go of the files."""
        if self.recorder is not None:
            self.recorder.leave()
        self.journal.close()
        if self.journal.spoiled:
            self.live.tell(self.session.journaled())

    def offer(self) -> None:
        """Offer the session to its agent while its leg is away."""
        endpoint = self.session.legs.get(ENDPOINT_LEG)
        agent, ticket = self.state.offer_to, self.state.offer_ticket
        if agent is None or ticket is None or self.session.ended or endpoint is None or endpoint.joined:
            return
        now = self.live.clock.monotonic()
        if now - self.offered_at >= OFFER_S:
            offer = Offer(session_id=self.session.id, ticket=ticket)
            if self.live.links.offer(agent, offer):
                self.offered_at = now

    # --- commands

    def run(self, commands: list[Command], data: memoryview | bytes = b"", channel: int = 0) -> None:
        """Do what the machine said; `data` is the frame that it was about."""
        for command in commands:
            match command:
                case Forward(legs):
                    for leg in legs:
                        leg.port.forward(data, channel)
                case Send(leg, number, frame):
                    leg.port.forward(frame, number)
                case Deliver(leg):
                    self.pump(leg)
                case Append(entries):
                    self._append(entries)
                case Again(leg, seq):
                    for entry in self.journal.read(seq - 1, 1):
                        leg.port.forward(entry_frame(entry), entry_channel(entry))
                case Tell(message):
                    self.live.tell(message)
                case Close(leg, text):
                    socket, leg.port = leg.port, NOWHERE
                    if isinstance(socket, LegSocket):
                        socket.room = socket.leg = None
                        socket.finish(POLICY_VIOLATION, text)
                case Note(event, fields):
                    log.warning(event, **fields)

    def pump(self, leg: Leg) -> None:
        """Send the entries that this leg does not have yet, as far as it takes them."""
        socket = leg.port
        if not leg.joined or not isinstance(socket, LegSocket):
            return
        while leg.sent < self.session.seq:
            if socket.closing:
                return
            if socket.blocked and socket.queued > REPLAY_BYTES:
                socket.behind = True
                return
            entries = self._entries(leg.sent)
            if not entries:
                self._spoiled()
                return
            for entry in entries:
                leg.sent = entry.seq
                late = entry.time_ms >= leg.since_ms or entry.channel >> 8 == Kind.SYSTEM
                if late and channels.may_receive(leg.party, leg.grants, entry.channel, Durable.ENTRY):
                    socket.forward(entry.frame, entry.channel)
        socket.behind = False

    def _entries(self, after: int) -> list["_Told"]:
        if self._recent and self._recent[0].seq <= after + 1:
            return [item for item in self._recent if item.seq > after]
        return [_told(entry) for entry in self.journal.read(after)]

    def _spoiled(self) -> None:
        """The disk does not give back what was acknowledged. This session cannot be told any more, so it ends; its
        journal is mended when it is closed.
        """
        if not self.journal.spoiled:
            self.journal.spoiled = True
            log.error("journal_damaged", session=self.session.id)
            end = self.live.sessions.end
            asyncio.get_running_loop().call_soon(end, self.session.id, "journal-damaged", DAMAGED)

    def _append(self, entries: tuple[Entry, ...]) -> None:
        self.live.writer.submit(Batch(self.journal, entries, lambda reason: self._appended(entries, reason)))

    def _appended(self, entries: tuple[Entry, ...], reason: str) -> None:
        if reason:
            self.run(self.session.not_stored(reason))
            return
        for entry in entries:
            self._recent.append(_told(entry))
        self.run(self.session.stored(entries))

    # --- recording

    def record_with(self, keys: RecordingKeys) -> None:
        """The control plane sent the keys that were asked for."""
        self._mind_recorder(keys)

    def _mind_recorder(self, keys: RecordingKeys | None = None) -> None:
        if self.recorder is not None:
            self.recorder.mind(keys)

    @property
    def settled(self) -> bool:
        """The session has ended, and its journal and recording have everything."""
        return self.session.settled and (self.recorder is None or self.recorder.settled)

    def note(self, kind: str, data: dict[str, str | int | bool]) -> None:
        """Journal a fact that no leg told."""
        self.run(self.session.note(kind, self.live.clock.now_ms(), data))

    def _to_endpoint(self, frame: bytes, channel: int) -> None:
        endpoint = self.session.legs.get(ENDPOINT_LEG)
        if endpoint is not None and endpoint.joined:
            endpoint.port.forward(frame, channel)


class _Told(NamedTuple):
    """An entry as legs are told it."""

    seq: int
    time_ms: int
    channel: int
    frame: bytes


def _told(entry: Entry) -> _Told:
    return _Told(entry.seq, entry.time_ms, entry_channel(entry), entry_frame(entry))


def entry_frame(entry: Entry) -> bytes:
    """An ENTRY frame, for any leg."""
    return frames.build(Durable.ENTRY, entry_channel(entry), 0, msgspec.json.encode(entry))


class SessionTable:
    """All sessions that this relay hosts."""

    def __init__(self, live: "Live") -> None:
        self._live = live
        self._rooms: dict[str, SessionRoom] = {}
        self._ending: list[SessionRoom] = []
        self._over: dict[str, None] = {}
        """Sessions that have ended here, oldest first: the end is final, whatever is told late."""
        self.told = False
        """The bus has told this incarnation which sessions are alive."""
        self.waiting: set[LegSocket] = set()

    def admit(self, socket: LegSocket, join: Join, ticket: LegTicket) -> bool:
        """Let a leg with a good ticket in; False while its session (or this state of it) is not known. Raises
        Refusal."""
        room = self._rooms.get(ticket.session_id)
        if room is None or room.session.epoch < ticket.epoch:
            return False
        leg = room.session.legs.get(ticket.leg)
        if (
            leg is None
            or leg.number == RECORDER_LEG
            or leg.subject != ticket.subject
            or leg.party is not Party(ticket.party)
        ):
            raise Refusal("bad-ticket", "This place in the session is not there any more.")
        if room.state.record and not room.session.begun and not self._live.taps.has_room():
            raise Refusal("busy", NO_RECORDING, NO_RECORDING_S)
        use_leg_ticket(self._live.used, ticket, self._live.clock.now_ms())
        room.join(socket, leg, join.last_seq)
        return True

    def unknown(self) -> Refusal:
        """The answer to a leg whose session is not here."""
        if not self.told:
            return Refusal("busy", "The appliance is starting. Come again in a moment.", 2)
        return Refusal("unknown-session", "This session is over, or not known here.")

    def put(self, state: SessionState) -> None:
        """One session, as decided just now."""
        self._put(state)
        room = self._rooms.get(state.session_id)
        if room is not None:
            room.told_ms = self._live.clock.now_ms()

    def _put(self, state: SessionState) -> None:
        """One session; one that has ended here does not come back."""
        if state.session_id in self._over:
            log.warning("session_over_put_again", session=state.session_id)
            return
        room = self._rooms.get(state.session_id)
        if room is None:
            try:
                room = SessionRoom(self._live, state)
            except (OSError, ValueError) as error:
                log.error("session_not_opened", session=state.session_id, reason=str(error))
                return
            self._rooms[state.session_id] = room
            room.offer()
        else:
            room.put(state)
        self.try_waiting()

    def put_all(self, states: list[SessionState], read_ms: int) -> None:
        """All sessions that were alive at `read_ms`: others are over, except those that were told of since."""
        self.told = True
        alive = {state.session_id for state in states}
        for session_id, room in list(self._rooms.items()):
            if session_id not in alive and room.told_ms < read_ms:
                self.end(session_id, "ended", "")
        for state in states:
            self._put(state)
        self.try_waiting()

    def end(self, session_id: str, reason: str, text: str) -> None:
        """A session is over."""
        room = self._rooms.pop(session_id, None)
        if room is not None:
            log.info("session_ended", session=session_id, reason=reason)
            room.end(reason, text)
            self._ending.append(room)
        self._over[session_id] = None
        while len(self._over) > OVER_KEPT:
            del self._over[next(iter(self._over))]

    def has(self, session_id: str) -> bool:
        """Say whether something of this session may still be written here."""
        return session_id in self._rooms or any(room.session.id == session_id for room in self._ending)

    def record_with(self, session_id: str, keys: RecordingKeys) -> None:
        """Keys for the recording of a session, which may have ended meanwhile."""
        for room in (*self._rooms.values(), *self._ending):
            if room.session.id == session_id:
                room.record_with(keys)

    def note(self, session_id: str, kind: str, data: Mapping[str, str]) -> None:
        """Journal a fact of the control plane in a session that goes on."""
        room = self._rooms.get(session_id)
        if room is not None:
            room.note(kind, dict(data))

    def leg_end(self, session_id: str, leg: int, reason: str) -> None:
        """One leg is over."""
        room = self._rooms.get(session_id)
        if room is not None:
            room.run(room.session.leg_end(leg, reason, self._live.clock.now_ms()))

    def linked(self, agent_id: str) -> None:
        """An agent linked: offer it what waits for it."""
        for room in self._rooms.values():
            if room.state.offer_to == agent_id:
                room.offered_at = -OFFER_S
                room.offer()

    def try_waiting(self) -> None:
        """Legs that came early."""
        for socket in tuple(self.waiting):
            socket.try_again()

    def tick(self) -> None:
        """Once a second."""
        now_ms = self._live.clock.now_ms()
        for room in tuple(self._rooms.values()):
            room.tick(now_ms)
        for room in tuple(self._ending):
            if room.settled:
                self._ending.remove(room)
                room.close()
            else:
                room.tick(now_ms)
        self.try_waiting()

    def durable(self) -> dict[str, int]:
        """How far each journal that may still be appended to is on disk."""
        return {room.session.id: room.session.seq for room in (*self._ending, *self._rooms.values())}

    def report(self) -> list[Any]:
        """What a newly connected bus client should know: legs that are here, recordings that wait for keys."""
        out: list[Any] = []
        for room in self._rooms.values():
            out += [
                LegUp(session_id=room.session.id, leg=leg.number)
                for leg in room.session.legs.values()
                if leg.joined and leg.number != RECORDER_LEG
            ]
        for room in (*self._rooms.values(), *self._ending):
            if room.recorder is not None and room.recorder.wants_keys:
                out.append(room.recorder.need())
        return out
