"""Synthetic legs: an endpoint that streams and echoes, a console that counts, acknowledges and types.

They speak the product's frames through the relay and keep to its flow control: a stream with a `window` leaves at most
that many payload bytes unacknowledged (CREDIT on a shell; on the screen an ACK that carries the same u32), one without
is held by backpressure alone.
"""

import asyncio
import itertools
import os
import struct
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from picows import WSListener, WSMsgType

from farhand.kit.net import connect_ws
from farhand.protocol import frames
from farhand.protocol.channels import CREDIT, Control, Kind, Screen, Shell, channel
from farhand.protocol.messages import Join, LegInfo, Roster, Welcome
from farhand.protocol.shell import ShellOpened

BINARY = WSMsgType.BINARY
SHELL_1 = channel(Kind.SHELL, 1)
SCREEN_0 = channel(Kind.SCREEN)
OFFSET = struct.Struct("<Q")
CREDIT_SIZE = struct.Struct("<I")
BURST = 32
"""Frames that a stream writes before it looks at the event loop again."""

VARIETY = 2 << 20
"""Bytes of a stream before it repeats itself: more than a compressor of recordings looks back."""

Following = Callable[[], Awaitable[dict[str, Any]]]
Say = Callable[..., None]


class LegClient(WSListener):
    """One leg's socket. Frames are looked at in place: a client must cost less than what it measures."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.writable = asyncio.Event()
        self.writable.set()
        self.hello = asyncio.Event()
        self.welcome = asyncio.Event()
        self.met_endpoint = asyncio.Event()
        self.refused = ""
        self.handlers: dict[int, Callable[[int, int, memoryview], None]] = {}
        self.bytes = 0
        self.frames = 0

    def on_ws_connected(self, transport: Any) -> None:
        """Called by picows."""
        self.transport = transport
        transport.underlying_transport.set_write_buffer_limits(high=256 * 1024)

    def pause_writing(self) -> None:
        """Called by picows."""
        self.writable.clear()

    def resume_writing(self) -> None:
        """Called by picows."""
        self.writable.set()

    def on_ws_disconnected(self, _transport: Any) -> None:
        """Called by picows."""
        self.refused = self.refused or "the relay closed the connection"
        self.hello.set()
        self.welcome.set()

    def on_ws_frame(self, transport: Any, frame: Any) -> None:
        """Called by picows for each message."""
        if frame.msg_type != BINARY:
            return
        data = frame.get_payload_as_memoryview()
        kind, number = data[1], data[2] | data[3] << 8
        if number == 0:
            self._control(kind, bytes(data[frames.HEADER_SIZE :]))
            return
        handler = self.handlers.get(number)
        if handler is not None:
            handler(kind, data[4] | data[5] << 8, data[frames.HEADER_SIZE :])

    def _control(self, kind: int, payload: bytes) -> None:
        if kind == Control.HELLO:
            self.hello.set()
        elif kind == Control.WELCOME:
            self._meet(msgspec.json.decode(payload, type=Welcome).roster)
            self.welcome.set()
        elif kind == Control.ROSTER:
            self._meet(msgspec.json.decode(payload, type=Roster).legs)
        elif kind in (Control.REFUSE, Control.END):
            self.refused = payload.decode(errors="replace")
            self.welcome.set()

    def _meet(self, legs: list[LegInfo]) -> None:
        if any(info.leg == 1 for info in legs):
            self.met_endpoint.set()

    def send(self, kind: int, number: int, leg: int, payload: bytes) -> None:
        """Send one frame."""
        self.transport.send(BINARY, frames.build(kind, number, leg, payload))


async def join(spec: dict[str, Any], origin: str | None) -> LegClient:
    """Open a leg with the ticket of `spec`. Raises ConnectionError."""
    _transport, listener, _spki = await connect_ws(spec["url"], LegClient, origin=origin)
    assert isinstance(listener, LegClient)
    async with asyncio.timeout(10):
        await listener.hello.wait()
        listener.send(Control.JOIN, 0, 0, msgspec.json.encode(Join(ticket=spec["ticket"])))
        await listener.welcome.wait()
    if listener.refused:
        raise ConnectionError(listener.refused)
    return listener


class Stream:
    """A stream of frames of one size from the endpoint."""

    def __init__(self, leg: LegClient, command: dict[str, Any]) -> None:
        self._leg = leg
        self._type, self._channel = command["type"], command["channel"]
        size = command["size"]
        number = max(1, VARIETY // size) if size >= 4096 else 1
        if command.get("content") == "text":
            line = b"\x1b[32m%06d\x1b[0m -rw-r--r-- 1 operator staff 4096 one line of a listing that scrolls by\r\n"
            text = b"".join(line % index for index in range(number * size // 60 + 1))
            bodies = [text[index * size : (index + 1) * size] for index in range(number)]
        else:
            bodies = [os.urandom(size) for _ in range(number)]
        self._frames = [bytearray(frames.build(self._type, self._channel, command["leg"], body)) for body in bodies]
        self._size = size
        self._window = command.get("window", 0)
        self._unacknowledged = 0
        self._credit = asyncio.Event()
        self._credit.set()
        self._offset = 0
        self.task = asyncio.ensure_future(self._run())

    def acknowledged(self, size: int) -> None:
        """The console has consumed this many payload bytes."""
        self._unacknowledged -= size
        self._credit.set()

    async def _run(self) -> None:
        leg, writable = self._leg, self._leg.writable
        following = itertools.cycle(self._frames)
        send = leg.transport.send
        numbered = self._channel >> 8 == Kind.SHELL
        step = self._size - 8
        if numbered:  # frames of a shell that nobody opened are not recorded
            opened = ShellOpened(shell=self._channel & 0xFF, cols=80, rows=24)
            leg.send(Shell.OPENED, self._channel, 0, msgspec.json.encode(opened))
        while True:
            for frame in itertools.islice(following, BURST):
                if self._window:
                    while self._unacknowledged >= self._window:
                        self._credit.clear()
                        await self._credit.wait()
                    self._unacknowledged += self._size
                if numbered:
                    OFFSET.pack_into(frame, frames.HEADER_SIZE, self._offset)
                    self._offset += step
                send(BINARY, frame)
                if not writable.is_set():
                    await writable.wait()
            await asyncio.sleep(0)


async def endpoint(spec: dict[str, Any], following: Following, say: Say) -> None:
    """Commands: `stream` (type, channel, leg, size, window?, content?), `stop`. Shell input on shell/1 is echoed."""
    leg = await join(spec, None)
    streams: dict[int, Stream] = {}
    echoed = 0

    def on_shell(kind: int, _from: int, payload: memoryview) -> None:
        nonlocal echoed
        if kind == Shell.INPUT:
            leg.send(Shell.DATA, SHELL_1, 0, OFFSET.pack(echoed) + payload)
            echoed += len(payload)
        elif kind == CREDIT and SHELL_1 in streams:
            streams[SHELL_1].acknowledged(CREDIT_SIZE.unpack(payload)[0])

    def on_screen(kind: int, _from: int, payload: memoryview) -> None:
        if kind == Screen.ACK and SCREEN_0 in streams:
            streams[SCREEN_0].acknowledged(CREDIT_SIZE.unpack(payload)[0])

    leg.handlers[SHELL_1] = on_shell
    leg.handlers[SCREEN_0] = on_screen
    say(ready=True)
    while True:
        command = await following()
        if command["do"] == "stream":
            streams[command["channel"]] = Stream(leg, command)
        else:
            for stream in streams.values():
                stream.task.cancel()
            streams.clear()
        say(done=True, refused=leg.refused)


async def console(spec: dict[str, Any], following: Following, say: Say) -> None:
    """Commands: `count` (bytes and frames so far), `ping` (n, gap_s: round trips in s)."""
    leg = await join(spec, spec["origin"])
    answer: asyncio.Future[float] | None = None
    unacknowledged = 0
    acknowledge = spec.get("acknowledge", 1 << 62)

    def consumed(payload: memoryview, kind: int, number: int) -> None:
        nonlocal unacknowledged
        leg.bytes += len(payload)
        leg.frames += 1
        unacknowledged += len(payload)
        if unacknowledged >= acknowledge:
            leg.send(kind, number, spec["leg"], CREDIT_SIZE.pack(unacknowledged))
            unacknowledged = 0

    def on_shell(kind: int, _from: int, payload: memoryview) -> None:
        if kind == Shell.DATA:
            consumed(payload, CREDIT, SHELL_1)
            if answer is not None and not answer.done():
                answer.set_result(time.perf_counter())

    def on_screen(kind: int, _from: int, payload: memoryview) -> None:
        if kind == Screen.UPDATE:
            consumed(payload, Screen.ACK, SCREEN_0)

    leg.handlers[SHELL_1] = on_shell
    leg.handlers[SCREEN_0] = on_screen
    say(ready=True)
    while True:
        command = await following()
        if command["do"] == "count":
            say(bytes=leg.bytes, frames=leg.frames, at=time.perf_counter(), refused=leg.refused)
            continue
        trips = []
        for _ in range(command["n"]):
            answer = asyncio.get_running_loop().create_future()
            begun = time.perf_counter()
            leg.send(Shell.INPUT, SHELL_1, spec["leg"], b"x")
            async with asyncio.timeout(10):
                trips.append(await answer - begun)
            await asyncio.sleep(command["gap_s"])
        say(trips=trips, refused=leg.refused)
