"""A representative's console without a browser: API by `Visitor`, live sockets by WebSocket, for plain code."""

import asyncio
import json
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import picows
from tests.harness.visitor import Visitor

from farhand.kit.ids import new_id
from farhand.kit.net import connect_ws, new_event_loop
from farhand.protocol import frames
from farhand.protocol.channels import CREDIT, DURABLE, Control, Durable, Kind, Shell, channel
from farhand.protocol.frames import Frame

CONTROL = channel(Kind.CONTROL)


class _Loop:
    """One event loop in a thread for all consoles of the test process."""

    def __init__(self) -> None:
        self.loop = new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def call(self, coroutine: Any, within: float = 60.0) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(within)


_shared: _Loop | None = None


def shared_loop() -> _Loop:
    """The loop's thread, started on first use."""
    global _shared
    if _shared is None:
        _shared = _Loop()
    return _shared


class LiveSocket(picows.WSListener):
    """A live socket that keeps every frame it got, as (type, channel, leg, payload bytes)."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.closed = False
        self.on_frame: Callable[[Frame], None] | None = None
        self._transport: Any = None

    def on_ws_connected(self, transport: Any) -> None:
        self._transport = transport

    def on_ws_frame(self, transport: Any, message: Any) -> None:
        if message.msg_type == picows.WSMsgType.BINARY:
            frame = frames.parse(message.get_payload_as_bytes())
            kept = frame._replace(payload=bytes(frame.payload))
            self.frames.append(kept)
            if self.on_frame is not None:
                self.on_frame(kept)
        elif message.msg_type == picows.WSMsgType.CLOSE:
            transport.disconnect()

    def on_ws_disconnected(self, _transport: Any) -> None:
        self.closed = True

    def send_now(self, kind: int, number: int, payload: bytes = b"", leg: int = 0) -> None:
        """Send from the loop's own thread."""
        if not self.closed:
            self._transport.send(picows.WSMsgType.BINARY, frames.build(kind, number, leg, payload))

    def send(self, kind: int, number: int, payload: bytes = b"", leg: int = 0) -> None:
        """Send one frame from the test's thread."""
        shared_loop().loop.call_soon_threadsafe(self.send_now, kind, number, payload, leg)

    def close(self) -> None:
        """Cut the socket without a word."""
        if not self.closed:
            shared_loop().loop.call_soon_threadsafe(lambda: self._transport.disconnect(False))

    def wait(self, want: Callable[[Frame], Any], within: float = 60.0, since: int = 0, what: str = "a frame") -> Any:
        """Return the first truthy `want(frame)` among frames from number `since` on; fail after `within` seconds."""
        deadline = time.monotonic() + within
        position = since
        while True:
            while position < len(self.frames):
                found = want(self.frames[position])
                position += 1
                if found:
                    return found
            if time.monotonic() > deadline or (self.closed and position >= len(self.frames)):
                last = [(f.type, f.channel, bytes(f.payload)[:120]) for f in self.frames[-5:]]
                raise AssertionError(f"{what} did not come (closed: {self.closed}); last frames: {last}")
            time.sleep(0.01)


def open_socket(port: int, path: str, origin: str | None = None) -> LiveSocket:
    """Connect to a live path and wait for HELLO."""
    _transport, listener, _spki = shared_loop().call(
        connect_ws(f"wss://localhost:{port}{path}", LiveSocket, origin=origin)
    )
    listener.wait(lambda f: f.channel == CONTROL and f.type == Control.HELLO, what="HELLO")
    return listener


def control(kind: int) -> Callable[[Frame], Any]:
    """Matcher: a control frame of this type; gives its JSON content."""
    return lambda f: f.channel == CONTROL and f.type == kind and (json.loads(f.payload) or True)


class Console:
    """A signed-in representative: lists, keys, sessions."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.tab = new_id()

    def snapshot(self) -> dict[str, Any]:
        """The whole state that a console begins with."""
        answer = self.visitor.api("GET", "/api/console/snapshot")
        assert answer.status == 200, answer.text
        return answer.json()

    def items(self, collection: str) -> list[dict[str, Any]]:
        """One collection of a fresh snapshot."""
        return self.snapshot()["collections"][collection]

    def post(self, path: str, content: Any = None) -> dict[str, Any]:
        """Call a command of the API; fail on an error."""
        answer = self.visitor.api("POST", f"/api/console/{path}", {} if content is None else content)
        assert answer.status == 200, f"{path}: {answer.status} {answer.text}"
        return answer.json()

    def jump(self, item_id: str) -> "LiveSession":
        """Press Jump."""
        return LiveSession(self, self.post(f"jump-items/{item_id}/jump", {"tab": self.tab}))

    def accept(self, session_id: str) -> "LiveSession":
        """Press Accept."""
        return LiveSession(self, self.post(f"sessions/{session_id}/accept", {"tab": self.tab}))

    def events(self) -> tuple[dict[str, Any], LiveSocket]:
        """Fetch a snapshot and follow its events."""
        snapshot = self.snapshot()
        socket = open_socket(self.visitor.port, "/live/events", self.visitor.origin)
        listen = {"ticket": snapshot["events_ticket"], "have": snapshot["topics"]}
        socket.send(Control.LISTEN, CONTROL, json.dumps(listen).encode())
        socket.wait(control(Control.WELCOME), what="WELCOME on events")
        return snapshot, socket


class LiveSession:
    """One console leg of a session."""

    def __init__(self, console: Console, ticket: dict[str, Any]) -> None:
        self.console = console
        self.session = ticket["session"]
        self.id = self.session["id"]
        self.leg = ticket["leg"]
        self.seq = 0
        self.socket = self._join(ticket["ticket"])

    def _join(self, ticket: str) -> LiveSocket:
        visitor = self.console.visitor
        socket = open_socket(visitor.port, "/live/leg", visitor.origin)
        socket.on_frame = self._return_credit
        self._socket_now = socket
        join = {"ticket": ticket, "last_seq": self.seq}
        socket.send(Control.JOIN, CONTROL, json.dumps(join).encode())
        socket.wait(control(Control.WELCOME), what="WELCOME on leg")
        return socket

    def _return_credit(self, frame: Frame) -> None:
        if frame.channel >> 8 == Kind.SHELL and frame.type == Shell.DATA and len(frame.payload) > 8:
            self._socket_now.send_now(CREDIT, frame.channel, struct.pack("<I", len(frame.payload)), self.leg)
        if frame.type == Durable.ENTRY and frame.channel >> 8 in DURABLE:
            self.seq = max(self.seq, json.loads(frame.payload)["seq"])

    def rejoin(self) -> None:
        """Take the leg again with a fresh ticket, from the last entry that came."""
        fresh = self.console.post(f"sessions/{self.id}/ticket", {"tab": self.console.tab})
        self.leg = fresh["leg"]
        self.socket = self._join(fresh["ticket"])

    # --- chat and system ---

    def say(self, text: str, ident: str | None = None, within: float = 60.0) -> dict[str, Any]:
        """Send a chat line and wait for its acknowledgement: the entry with its sequence number."""
        ident = ident or new_id()
        self.socket.send(
            Durable.POST, channel(Kind.CHAT), json.dumps({"id": ident, "kind": "chat", "text": text}).encode(), self.leg
        )
        return self.entry(lambda e: e["id"] == ident, within)

    def entry(self, want: Callable[[dict[str, Any]], Any], within: float = 60.0) -> dict[str, Any]:
        """Wait for an entry of chat or system."""

        def match(frame: Frame) -> Any:
            if frame.type != Durable.ENTRY or frame.channel >> 8 not in DURABLE:
                return None
            entry = json.loads(frame.payload)
            return entry if want(entry) else None

        return self.socket.wait(match, within, what="an entry")

    def entries(self) -> list[dict[str, Any]]:
        """All entries that came on this socket, in order."""
        return [
            json.loads(f.payload) for f in self.socket.frames if f.type == Durable.ENTRY and f.channel >> 8 in DURABLE
        ]

    # --- shell ---

    def open_shell(self, within: float = 60.0) -> int:
        """Open a shell and return its channel number."""
        since = len(self.socket.frames)
        body = json.dumps({"cols": 80, "rows": 24}).encode()
        self.socket.send(Shell.OPEN, channel(Kind.SHELL), body, self.leg)
        opened = self.socket.wait(
            lambda f: f if f.channel >> 8 == Kind.SHELL and f.type in (Shell.OPENED, Shell.CLOSED) else None,
            within,
            since,
            "OPENED",
        )
        assert opened.type == Shell.OPENED, opened
        return int(opened.channel)

    def type(self, shell: int, text: str) -> None:
        """Type into a shell."""
        self.socket.send(Shell.INPUT, shell, text.encode(), self.leg)

    def output(self, shell: int) -> bytes:
        """All output of a shell that came on this socket."""
        return b"".join(bytes(f.payload[8:]) for f in self.socket.frames if f.channel == shell and f.type == Shell.DATA)

    def wait_output(self, shell: int, text: str, within: float = 60.0) -> bytes:
        """Wait until the shell has printed `text`."""
        deadline = time.monotonic() + within
        while text.encode() not in self.output(shell):
            assert time.monotonic() < deadline, f"{text!r} not in {self.output(shell)[-400:]!r}"
            time.sleep(0.02)
        return self.output(shell)

    def end(self) -> None:
        """Press End Session and confirm."""
        self.console.post(f"sessions/{self.id}/end")
        self.socket.wait(control(Control.END), what="END")
