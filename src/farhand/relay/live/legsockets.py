"""The socket of one leg: sign-in with JOIN, the short cut for frames that have a route, holding a sender back.

A frame for which the sender's leg has a route never enters the session machine: it goes from the read buffer to the
receivers' transports.
"""

from typing import TYPE_CHECKING, Any

import msgspec

from farhand.protocol import frames
from farhand.protocol.channels import Control
from farhand.protocol.frames import RECORDER_LEG, Frame
from farhand.protocol.legs import ENDPOINT_LEG, Leg, Sender
from farhand.protocol.messages import Join, LegTicket
from farhand.relay.live.signin import Refusal, check_leg
from farhand.relay.live.sockets import BINARY_FRAME, PAUSE_QUEUE, POLICY_VIOLATION, LiveSocket

if TYPE_CHECKING:
    from farhand.relay.live.plane import Live
    from farhand.relay.live.sessions import SessionRoom

WAIT_S = 3.0
"""A leg may come before the bus has told of its session: it waits this long."""

_join = msgspec.json.Decoder(Join)
_unpack = frames.HEADER.unpack_from
_HEADER = frames.HEADER_SIZE


class LegSocket(LiveSocket):
    """The socket of one leg."""

    first = Control.JOIN
    area = "leg"

    def __init__(self, live: "Live", address: str) -> None:
        super().__init__(live, address)
        self.room: SessionRoom | None = None
        self.leg: Leg | None = None
        self.behind = False
        """Entries wait to be replayed when the queue is empty."""
        self.paused: set[Sender] = set()
        """Senders that are not read while this leg's queue is long."""
        self.waits_for: set[object] = set()
        """Receivers because of which this socket is not read."""
        self._routes: dict[int, tuple[Leg, ...]] = {}
        self._waiting: tuple[Join, LegTicket, float] | None = None

    def on_ws_frame(self, transport: Any, frame: Any) -> None:
        """The hot path: a frame with a known route goes on at once."""
        if self.leg is None or frame.msg_type != BINARY_FRAME or not frame.fin or self.closing:
            super().on_ws_frame(transport, frame)
            return
        self.heard = True
        data = frame.get_payload_as_memoryview()
        size = len(data)
        if size >= _HEADER:
            version, kind, channel, to, reserved, length = _unpack(data)
            if version == 1 and not reserved and length == size - _HEADER and length <= frames.MAX_PAYLOAD:
                legs = self._routes.get(kind << 32 | channel << 16 | to)
                if legs is None:
                    assert self.room is not None
                    self.room.on_frame(self, kind, channel, to, data)
                    return
                for leg in legs:
                    leg.port.forward(data, channel)
                    if leg.port.queued > PAUSE_QUEUE:
                        self.held_back(leg)
                return
        super().on_ws_frame(transport, frame)  # says what is wrong with it

    def on_first(self, payload: memoryview) -> None:
        """JOIN."""
        join = _join.decode(payload)
        ticket = check_leg(self.live.policy, join, self.nonce, self.spki, self.live.clock.now_ms())
        if not self.live.sessions.admit(self, join, ticket):
            self._waiting = (join, ticket, self.live.clock.monotonic() + WAIT_S)
            self.live.sessions.waiting.add(self)

    def try_again(self) -> None:
        """The session may be known by now; after WAIT_S the answer is no."""
        if self._waiting is None or self.closing:
            self.live.sessions.waiting.discard(self)
            return
        join, ticket, until = self._waiting
        try:
            if self.live.sessions.admit(self, join, ticket):
                self.live.sessions.waiting.discard(self)
            elif self.live.clock.monotonic() > until:
                self.live.sessions.waiting.discard(self)
                self.refuse(self.live.sessions.unknown().message)
        except Refusal as refusal:
            self.live.sessions.waiting.discard(self)
            self.refuse(refusal.message)

    def joined(self, room: "SessionRoom", leg: Leg) -> None:
        """This socket is the leg's from now on."""
        self.welcome()
        self._waiting = None
        self.room, self.leg, self._routes = room, leg, leg.routes

    def replaced(self) -> None:
        """A newer socket has the leg."""
        self.room = self.leg = None
        self.finish(POLICY_VIOLATION, "replaced by a newer connection")

    def on_frame(self, frame: Frame) -> None:
        """Only a JOIN comes this way."""
        if self._waiting is not None:
            self.bad_message("Wait for the answer to JOIN.")
            return
        super().on_frame(frame)

    def on_gone(self) -> None:
        """The connection is gone."""
        self.live.sessions.waiting.discard(self)
        self.release()
        self.waits_for.clear()
        room, leg = self.room, self.leg
        self.room = self.leg = None
        if room is not None and leg is not None and leg.port is self:
            room.run(room.session.closed(leg.number, self.live.clock.now_ms()))

    def held_back(self, slow: Leg) -> None:
        """A receiver's queue is long. Reading stops where that hurts nobody else: for the recorder (nothing may be
        missing there), for a console that sends, and for an endpoint with one console. With several consoles the slow
        one is closed at its limit, whether frames go to all or to it alone: the others' frames come the same way."""
        if self.room is None or self.leg is None:
            return
        lonely = self.room.session.alone_with_endpoint(slow.number)
        if slow.number == RECORDER_LEG or self.leg.number != ENDPOINT_LEG or lonely:
            slow.port.hold(self)

    def hold(self, sender: Sender) -> None:
        """Read no more from a sender until what waits here is gone."""
        if sender not in self.paused and not self.closing:
            self.paused.add(sender)
            sender.pause_for(self)

    def release(self) -> None:
        """Read from all senders again."""
        paused, self.paused = self.paused, set()
        for sender in paused:
            sender.resume_for(self)

    def pause_for(self, who: object) -> None:
        """Read this socket no further because of a receiver."""
        if not self.closing:
            self.waits_for.add(who)
            self.ws.underlying_transport.pause_reading()

    def resume_for(self, who: object) -> None:
        """That receiver has room again."""
        if who in self.waits_for:
            self.waits_for.discard(who)
            if not self.waits_for and not self.ws.is_disconnected:
                self.heard = True
                self.ws.underlying_transport.resume_reading()

    @property
    def deaf(self) -> bool:
        """It is not read now, so its silence means nothing."""
        return bool(self.waits_for)

    def on_drained(self) -> None:
        """There is room again."""
        if self.paused:
            self.release()
        if self.behind and self.room is not None and self.leg is not None:
            self.room.pump(self.leg)
