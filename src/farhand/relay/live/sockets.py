"""What every live socket has: HELLO, a time limit for signing in, the ping wheel, a bounded queue with classes, an
orderly end.

Frames go straight to the transport while it takes them. When it is blocked they wait in classes (`channels.Traffic`),
each in order. A peer whose queue passes 12 MiB is closed.
"""

import asyncio
import contextlib
import secrets
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from picows import WSListener, WSMsgType

from farhand.kit.log import get_log
from farhand.protocol import frames
from farhand.protocol.channels import TRAFFIC, Control, Traffic
from farhand.protocol.frames import control_frame
from farhand.protocol.messages import NOT_UNDERSTOOD, Hello, Refuse
from farhand.relay.door.shares import Place
from farhand.relay.live.signin import Refusal

if TYPE_CHECKING:
    from farhand.relay.live.plane import Live

log = get_log("live")

BINARY = WSMsgType.BINARY
BINARY_FRAME = 2
"""The same as a plain number, as frames have it (RFC 6455 section 5.2)."""
_CLOSE = 8
_TEXT = 1
_CONTINUATION = 0

SIGN_IN_S = 15.0
MAX_QUEUE = 12 << 20
"""Bytes that may wait for one peer."""
PAUSE_QUEUE = 1 << 20
"""Bytes at which a sender with a single receiver is read no further."""
HIGH_WATER = 64 * 1024
PING_S = 20
"""A turn of the ping wheel: each socket is pinged once in it and must be heard within the half turn that follows."""

POLICY_VIOLATION = 1008
GOING_AWAY = 1001
SERVICE_RESTART = 1012
TRY_LATER = 1013


class LiveSocket(WSListener):
    """One live connection. Subclasses say what the first frame must be and what comes after it."""

    first: Control
    """Frame type that signs in."""
    area = "live"

    def __init__(self, live: "Live", address: str) -> None:
        self.live = live
        self.address = address
        self.ws: Any = None
        self.nonce = ""
        self.spki = ""
        self.signed_in = False
        self.heard = True
        self.closing = False
        self.blocked = False
        self.queued = 0
        self.slot = 0
        self.place: Place | None = None
        """At the door, until it has signed in."""
        self._queues: tuple[deque[bytes], ...] | None = None
        self._timer: asyncio.TimerHandle | None = None

    # --- picows' callbacks

    def on_ws_connected(self, transport: Any) -> None:
        """The upgrade is done: the server speaks first."""
        self.ws = transport
        transport.underlying_transport.set_write_buffer_limits(high=HIGH_WATER)
        self.nonce = secrets.token_hex(32)
        self.spki = self.live.spki()
        self.live.wheel.add(self)
        self._timer = asyncio.get_running_loop().call_later(SIGN_IN_S, self._too_slow)
        hello = Hello(nonce=self.nonce, statement=self.live.policy.now.statement, server_ms=self.live.clock.now_ms())
        self.send(control_frame(Control.HELLO, hello))

    def on_ws_frame(self, transport: Any, frame: Any) -> None:
        """One WebSocket message, or a part of one."""
        self.heard = True
        if frame.msg_type != BINARY_FRAME or not frame.fin:
            self.on_other(frame)
            return
        if self.closing:
            return
        try:
            parsed = frames.parse(frame.get_payload_as_memoryview())
        except frames.FrameError as error:
            self.bad_message(str(error))
            return
        self.on_frame(parsed)

    def on_other(self, frame: Any) -> None:
        """Anything that is not a whole binary message."""
        kind = frame.msg_type
        if kind == _CLOSE:
            self.closing = True
            self.ws.send_close()
            self.ws.disconnect()
        elif kind in (_TEXT, BINARY_FRAME, _CONTINUATION):
            self.bad_message("Only whole binary messages are spoken here.")

    def on_ws_disconnected(self, transport: Any) -> None:
        """The connection is gone."""
        self.closing = True
        self._leave_door()
        self.live.wheel.remove(self)
        self._queues = None
        self.queued = 0
        self.on_gone()

    def pause_writing(self) -> None:
        """The transport's buffer is over its limit."""
        self.blocked = True

    def resume_writing(self) -> None:
        """The transport takes more."""
        self.blocked = False
        queues = self._queues
        if queues is not None:
            for queue in queues:
                while queue and not self.blocked:
                    data = queue.popleft()
                    self.queued -= len(data)
                    self.ws.send(BINARY, data)
        if not self.blocked:
            self.on_drained()

    # --- for subclasses

    @property
    def deaf(self) -> bool:
        """It is not read now, so its silence means nothing."""
        return False

    def on_first(self, payload: memoryview) -> None:
        """The payload of the frame that signs in."""
        raise AssertionError("a live socket says what signs it in")

    def on_later(self, frame: frames.Frame) -> None:
        """A frame after signing in."""
        self.bad_message("Nothing more is expected on this connection.")

    def on_gone(self) -> None:
        """The connection is gone."""

    def on_drained(self) -> None:
        """All that waited was handed to the transport."""

    # --- frames

    def on_frame(self, frame: frames.Frame) -> None:
        """A whole, well-formed frame."""
        if self.signed_in:
            self.on_later(frame)
            return
        if frame.channel != 0 or frame.type != self.first or frame.leg != 0:
            self.bad_message("The first frame does not sign in.")
            return
        try:
            assert isinstance(frame.payload, memoryview)
            self.on_first(frame.payload)
        except NOT_UNDERSTOOD:
            self.bad_message("The sign-in is not understood.")
        except Refusal as refusal:
            self.refuse(refusal.message)

    def welcome(self) -> None:
        """Signing in succeeded."""
        self.signed_in = True
        self.nonce = ""
        self._leave_door()

    def send(self, data: bytes) -> None:
        """Send a frame of the first class."""
        self.forward(data, 0)

    def forward(self, data: bytes | memoryview, channel: int) -> None:
        """Send a frame now, or put a copy into the queue of its class."""
        if not self.blocked and not self.queued:
            self.ws.send(BINARY, data)
            return
        if self.closing:
            return
        if self._queues is None:
            self._queues = tuple(deque() for _ in Traffic)
        self._queues[TRAFFIC[channel >> 8]].append(bytes(data))
        self.queued += len(data)
        if self.queued > MAX_QUEUE:
            log.warning("peer_too_slow", area=self.area, address=self.address)
            self._queues = None
            self.queued = 0
            self.finish(TRY_LATER, "too slow", at_once=True)

    def refuse(self, message: Refuse) -> None:
        """Say no and close."""
        log.info("sign_in_refused", area=self.area, address=self.address, code=message.code)
        self.send(control_frame(Control.REFUSE, message))
        self.finish(POLICY_VIOLATION, message.code)

    def bad_message(self, text: str) -> None:
        """The peer does not speak the protocol: one sentence, one line, closed."""
        if not self.closing:
            log.warning("bad_message", area=self.area, address=self.address, reason=text)
            self.send(control_frame(Control.REFUSE, Refuse(code="bad-message", text=text)))
            self.finish(POLICY_VIOLATION, "bad message")

    def finish(self, code: int, text: str, *, at_once: bool = False) -> None:
        """Close after what was sent; a peer that does not take it within some seconds is cut."""
        if self.closing or self.ws is None:
            return
        queues, self._queues = self._queues, None
        if queues is not None and not at_once:
            for data in queues[0]:
                self.ws.send(BINARY, data)
        self.queued = 0
        self.closing = True
        self.ws.send_close(code, text[:100])
        self.ws.disconnect()
        asyncio.get_running_loop().call_later(0.1 if at_once else 5, self._cut)

    def _cut(self) -> None:
        if not self.ws.is_disconnected:
            self.ws.disconnect(False)

    def _too_slow(self) -> None:
        if not self.signed_in and not self.closing:
            log.info("sign_in_timeout", area=self.area, address=self.address)
            self.finish(POLICY_VIOLATION, "sign in sooner")

    def _leave_door(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.place is not None:
            self.place.give_back()


class Wheel:
    """One task pings everybody: each second one slot is pinged and the slot of ten seconds ago must have been heard."""

    def __init__(self) -> None:
        self._slots: list[set[LiveSocket]] = [set() for _ in range(PING_S)]
        self._next = 0

    def add(self, socket: LiveSocket) -> None:
        """Watch over a socket."""
        self._next = (self._next + 1) % PING_S
        socket.slot = self._next
        self._slots[self._next].add(socket)

    def remove(self, socket: LiveSocket) -> None:
        """Watch over it no more."""
        self._slots[socket.slot].discard(socket)

    def sockets(self) -> list[LiveSocket]:
        """All sockets that are watched."""
        return [socket for slot in self._slots for socket in slot]

    async def turn(self) -> None:
        """Turn for ever, one slot a second."""
        hand = 0
        due = time.monotonic()
        while True:
            due += 1
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self.step(hand)
            hand = (hand + 1) % PING_S

    def step(self, hand: int) -> None:
        """Ping the slot under the hand, cut the silent ones of the opposite slot."""
        for socket in tuple(self._slots[(hand - PING_S // 2) % PING_S]):
            if not socket.heard and not socket.deaf and not socket.ws.is_disconnected:
                log.info("peer_silent", area=socket.area, address=socket.address)
                socket.closing = True
                socket.ws.disconnect(False)
        for socket in tuple(self._slots[hand]):
            if not socket.closing:
                socket.heard = False
                with contextlib.suppress(OSError):
                    socket.ws.send_ping(b"")
