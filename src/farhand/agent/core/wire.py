"""One live socket of an agent: a WebSocket to the proven site, in whole frames.

`open_wire` returns only after the server's HELLO has been judged by the site key against this connection's TLS key;
until then nothing is sent. A socket on which nothing arrives for 30 s (the server pings every 20 s) is given up.

Frames go straight to the transport while it takes them. When it is full they wait here in three classes (`Traffic`),
each in order, so that a key's echo overtakes a file between two of its frames. Transport and system hold little of
what is not on the network yet: what they hold nobody overtakes.
"""

import asyncio
import contextlib
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
import picows

from farhand.agent.core.address import split_server
from farhand.agent.core.errors import RefusedError, UnreachableError, WrongSiteError, reason_of
from farhand.agent.core.site import WRONG_SITE, SiteGuard
from farhand.agent.texts import _
from farhand.kit.net import connect_ws
from farhand.protocol.channels import TRAFFIC, Control, Kind, Traffic, channel
from farhand.protocol.frames import EVERY_LEG, Frame, FrameError, build, parse
from farhand.protocol.messages import NOT_UNDERSTOOD, Hello, Refuse

CONNECT_TIMEOUT_S = 8.0
"""For TCP, TLS and the upgrade. With the longest pause between tries it keeps the way back under 35 s."""
HELLO_TIMEOUT_S = 8.0
SILENCE_S = 30.0
HIGH_WATER = 64 * 1024
"""Bytes that the transport may hold, and then again the system, before frames wait here."""
MAX_QUEUE = 32 << 20
"""Bytes that may wait here. More than every tool's own limit together: a socket so far behind is given up."""
CONTROL = channel(Kind.CONTROL)


class Wire(picows.WSListener):
    """An open socket. `on_frame` and `on_closed` are called in the event loop; `on_closed` exactly once."""

    def __init__(self, silence_s: float = SILENCE_S) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._silence_s = silence_s
        self._heard = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._early: list[bytes] = []
        self._blocked = False
        self._empty()
        self.on_frame: Callable[[Frame], None] | None = None
        self.on_closed: Callable[[str], None] | None = None
        self.spki = ""
        self.hello: Hello | None = None
        self.heard_hello = 0.0
        """When HELLO came, in seconds of the monotonic clock: the time in it is of then."""
        self.why = _("the connection was closed")
        self.closed = False

    # --- called by the WebSocket library ---

    def on_ws_connected(self, transport: Any) -> None:
        """The upgrade is done."""
        self._transport = transport
        under = transport.underlying_transport
        under.set_write_buffer_limits(high=HIGH_WATER)
        _keep_little(under.get_extra_info("socket"))
        self._timer = self._loop.call_later(self._silence_s, self._listen_for_silence)

    def on_ws_frame(self, transport: Any, frame: Any) -> None:
        """One WebSocket frame came."""
        self._heard = self._loop.time()
        kind = frame.msg_type
        if kind == picows.WSMsgType.BINARY and frame.fin:
            self._take(frame.get_payload_as_memoryview())
        elif kind == picows.WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif kind == picows.WSMsgType.CLOSE:
            transport.disconnect()
        elif kind != picows.WSMsgType.PONG:
            self.drop(_("the server sent something that is not a frame"))

    def pause_writing(self) -> None:
        """The transport is full."""
        self._blocked = True

    def resume_writing(self) -> None:
        """The transport takes more: the first class first, after every frame anew."""
        self._blocked = False
        while not self._blocked and self._waiting:
            traffic = next(traffic for traffic, size in enumerate(self._queued) if size)
            data = self._queues[traffic].popleft()
            self._queued[traffic] -= len(data)
            self._waiting -= len(data)
            self._transport.send(picows.WSMsgType.BINARY, data)

    def on_ws_disconnected(self, _transport: Any) -> None:
        """The socket is gone."""
        if self._timer is not None:
            self._timer.cancel()
        self.closed = True
        self._empty()
        handler, self.on_closed, self.on_frame = self.on_closed, None, None
        if handler is not None:
            handler(self.why)

    # --- for the agent ---

    def backlog(self, traffic: Traffic) -> int:
        """Bytes that go out before a new frame of this class: the transport's, and those of this class and above."""
        if self.closed:
            return 0
        return sum(self._queued[: traffic + 1]) + int(self._transport.underlying_transport.get_write_buffer_size())

    def send(self, kind: int, number: int, payload: bytes | bytearray | memoryview = b"", leg: int = EVERY_LEG) -> bool:
        """Send one frame, or put it into the queue of its class; False when the socket is gone."""
        if self.closed:
            return False
        data = build(kind, number, leg, payload)  # type: ignore[arg-type]
        if not self._blocked and not self._waiting:
            self._transport.send(picows.WSMsgType.BINARY, data)
            return not self.closed
        traffic = TRAFFIC[number >> 8]
        self._queues[traffic].append(data)
        self._queued[traffic] += len(data)
        self._waiting += len(data)
        if self._waiting > MAX_QUEUE:
            self.drop(_("the server does not take what is sent"))
        return not self.closed

    def send_control(self, kind: Control, message: msgspec.Struct | None = None) -> bool:
        """Send a JSON message on the control channel."""
        return self.send(kind, CONTROL, b"" if message is None else msgspec.json.encode(message))

    def attach(self, on_frame: Callable[[Frame], None], on_closed: Callable[[str], None]) -> None:
        """Set the handlers and hand over what came before them."""
        self.on_frame = on_frame
        early, self._early = self._early, []
        for data in early:
            if self.on_frame is not None:
                self.on_frame(parse(data))
        if self.closed:
            on_closed(self.why)
        else:
            self.on_closed = on_closed

    def drop(self, why: str) -> None:
        """Close at once, because of `why`."""
        if not self.closed:
            self.why = why
            self._empty()
            self._transport.disconnect(graceful=False)

    def close(self) -> None:
        """Close after what is buffered and what waits in the first class has been sent."""
        if not self.closed:
            waiting = self._queues[Traffic.FIRST]
            self._empty()
            for data in waiting:
                self._transport.send(picows.WSMsgType.BINARY, data)
            self._transport.send_close(picows.WSCloseCode.OK)
            self._transport.disconnect()

    def _empty(self) -> None:
        self._queues: tuple[deque[bytes], ...] = tuple(deque() for _ in Traffic)
        self._queued = [0] * len(Traffic)
        """Bytes in each queue."""
        self._waiting = 0
        """Bytes in all."""

    def _take(self, data: memoryview) -> None:
        try:
            frame = parse(data)
        except FrameError as error:
            self.drop(str(error))
            return
        if self.on_frame is not None:
            self.on_frame(frame)
        elif len(self._early) < 64:
            self._early.append(bytes(data))
        else:
            self.drop(_("the server sent too much before it was asked"))

    def _listen_for_silence(self) -> None:
        rest = self._heard + self._silence_s - self._loop.time()
        if rest > 0:
            self._timer = self._loop.call_later(rest, self._listen_for_silence)
        else:
            self.drop(_("nothing was heard from the server for {seconds} s").format(seconds=int(self._silence_s)))


def _keep_little(sock: Any) -> None:
    """Have the system refuse what it could not put onto the network soon (tcp(7), TCP_NOTSENT_LOWAT; Linux, macOS).

    Its own buffer grows to megabytes: on a slow link seconds of a file, which no key could overtake.
    """
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    if sock is not None and option is not None:
        with contextlib.suppress(OSError, AttributeError):
            sock.setsockopt(socket.IPPROTO_TCP, option, HIGH_WATER)


async def open_wire(server: str, path: str, guard: SiteGuard, *, silence_s: float = SILENCE_S) -> Wire:
    """Connect to `path` of `server`, have the site prove itself, and return the wire (its `hello` is set).

    Raises WrongSiteError, RefusedError (the server refused before HELLO) or UnreachableError; the socket is then
    closed.
    """
    host, port = split_server(server)
    shown = f"[{host}]" if ":" in host else host
    url = f"wss://{shown}:{port}{path}"
    try:
        _transport, wire, spki = await connect_ws(
            url, lambda: Wire(silence_s), timeout_s=CONNECT_TIMEOUT_S, auto_pong=False
        )
    except TimeoutError as error:
        raise UnreachableError(_("The server {server} does not answer.").format(server=server)) from error
    except picows.WSError as error:
        raise RefusedError("no-upgrade", _("The server did not open a live connection: it may be starting.")) from error
    except OSError as error:
        raise UnreachableError(
            _("The server {server} cannot be reached: {reason}.").format(server=server, reason=reason_of(error))
        ) from error
    assert isinstance(wire, Wire)
    wire.spki = spki
    try:
        wire.hello = await _hello(wire)
        guard.check_site(wire.hello.statement, wire.spki)
    except BaseException:
        wire.drop(_("the server did not prove itself"))
        raise
    return wire


async def first_frame(wire: Wire, timeout_s: float) -> tuple[int, bytes]:
    """Return type and payload of the next control frame. Raises UnreachableError."""
    answer: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()

    def take(frame: Frame) -> None:
        if answer.done():
            wire._early.append(build(frame.type, frame.channel, frame.leg, frame.payload))
        elif frame.channel == CONTROL:
            answer.set_result((frame.type, bytes(frame.payload)))
        else:
            answer.set_exception(UnreachableError(_("The server broke the protocol: it may need an update.")))

    def gone(why: str) -> None:
        if not answer.done():
            answer.set_exception(UnreachableError(why))

    wire.attach(take, gone)
    try:
        async with asyncio.timeout(timeout_s):
            return await answer
    except TimeoutError as error:
        raise UnreachableError(_("The server does not answer.")) from error
    finally:
        wire.on_frame = wire.on_closed = None
        with contextlib.suppress(asyncio.InvalidStateError):
            answer.cancel()


def open_refusal(payload: bytes) -> RefusedError:
    """Turn a REFUSE payload into the error that carries it."""
    try:
        refuse = msgspec.json.decode(payload, type=Refuse)
    except NOT_UNDERSTOOD:
        return RefusedError("bad-message", _("The server refused without saying why."))
    return RefusedError(refuse.code, refuse.text, refuse.retry_after_s)


async def _hello(wire: Wire) -> Hello:
    kind, payload = await first_frame(wire, HELLO_TIMEOUT_S)
    wire.heard_hello = time.monotonic()
    if kind == Control.REFUSE:
        # Nobody has proven anything yet: neither the code nor the text may be believed, only the wish to be left alone.
        wish = open_refusal(payload).retry_after_s
        raise RefusedError("unproven", _("The server is busy or not set up yet: this client tries again."), wish)
    if kind != Control.HELLO:
        raise WrongSiteError(WRONG_SITE)
    try:
        return msgspec.json.decode(payload, type=Hello)
    except NOT_UNDERSTOOD as error:
        raise WrongSiteError(WRONG_SITE) from error
