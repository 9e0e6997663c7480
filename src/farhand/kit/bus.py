"""Messages between the programs of one machine: a unix stream socket with a server in one program and clients in
others.

The kit knows nothing of the messages: both ends name the (union of) msgspec structs that they accept. On the wire a
message is `u32 length` (little endian) and that many bytes of msgpack. Delivery is at most once; whoever needs more
sends its whole state again after `Connected` (state wins over messages). The socket file is for its owner alone (0600).
"""

import asyncio
import contextlib
import os
import queue
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

from farhand.kit.log import get_log

log = get_log("bus")

LENGTH = struct.Struct("<I")
MAX_MESSAGE = 32 << 20
"""Longest message in bytes: the list of 10,000 links is about 4 MB."""
MAX_BACKLOG = 64 << 20
"""A client that lets this many bytes pile up at the server is cut off; it comes back and is told the state anew."""
SEND_TIMEOUT_S = 5.0
RETRY_S = 0.2


class Connected:
    """In `BusClient.subscribe()`: a connection (or a new one) stands; what was missed in between is not repeated."""


class BusError(Exception):
    """The peer sent something that is not a message."""


def frame_message(message: Any) -> bytes:
    """Return the bytes of one message on the wire."""
    body = msgspec.msgpack.encode(message)
    if len(body) > MAX_MESSAGE:
        raise BusError(f"a message of {len(body)} bytes is over the limit of {MAX_MESSAGE}")
    return LENGTH.pack(len(body)) + body


class Splitter:
    """Turns a byte stream into messages; bytes may come in any portions."""

    def __init__(self, incoming: Any) -> None:
        self._decoder = msgspec.msgpack.Decoder(incoming)
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Any]:
        """Yield each message that `data` completes. Raises BusError for one that is too long or not understood."""
        self._buffer += data
        offset = 0
        try:
            while len(self._buffer) - offset >= LENGTH.size:
                (length,) = LENGTH.unpack_from(self._buffer, offset)
                if length > MAX_MESSAGE:
                    raise BusError(f"a message of {length} bytes is over the limit of {MAX_MESSAGE}")
                end = offset + LENGTH.size + length
                if len(self._buffer) < end:
                    break
                body = bytes(self._buffer[offset + LENGTH.size : end])
                offset = end
                try:
                    message = self._decoder.decode(body)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                    raise BusError(f"a message is not understood: {error}") from error
                yield message
        finally:
            del self._buffer[:offset]


class BusPeer(asyncio.Protocol):
    """One connected client, seen from the server."""

    def __init__(self, server: "BusServer") -> None:
        self._server = server
        self._splitter = Splitter(server.incoming)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop.

        Nothing is written before the transport reads: aiofastnet 1.2 queues its `add_reader` behind this callback, and
        a write that fails here (the client is gone already) closes the descriptor while that registration still comes.
        The next connection that gets the same descriptor would then never be read.
        """
        self._transport = cast("asyncio.Transport", transport)
        asyncio.get_running_loop().call_soon(self._greet)

    def _greet(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._server.peers.add(self)
            self._server.on_connect(self)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        try:
            for message in self._splitter.feed(data):
                self._server.on_message(message)
        except BusError as error:
            log.warning("bus_message_refused", reason=str(error))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._server.peers.discard(self)
        self._transport = None

    def send(self, message: Any) -> None:
        """Send to this client alone."""
        self.send_bytes(frame_message(message))

    def send_bytes(self, data: bytes) -> None:
        """Send a message that is framed already."""
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > MAX_BACKLOG:
            log.warning("bus_client_too_slow")
            self._transport.abort()

    def close(self) -> None:
        """End this connection."""
        if self._transport is not None:
            self._transport.abort()


class BusServer:
    """The server's side, inside an event loop.

    `on_message(message)` and `on_connect(peer)` run in the loop and must not block.
    """

    def __init__(
        self,
        path: Path,
        incoming: Any,
        on_message: Callable[[Any], None],
        on_connect: Callable[[BusPeer], None],
    ) -> None:
        self.path = path
        self.incoming = incoming
        self.on_message = on_message
        self.on_connect = on_connect
        self.peers: set[BusPeer] = set()
        self._server: asyncio.AbstractServer | None = None

    async def start(self) -> None:
        """Listen on the path; a left-over socket file is replaced in one step."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = self.path.with_name(self.path.name + ".new")
        with contextlib.suppress(FileNotFoundError):
            aside.unlink()
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.bind(str(aside))
        os.chmod(aside, 0o600)
        sock.listen(64)
        sock.setblocking(False)
        os.replace(aside, self.path)
        self._server = await asyncio.get_running_loop().create_unix_server(lambda: BusPeer(self), sock=sock)

    def broadcast(self, message: Any) -> None:
        """Send to every client that is connected now."""
        if self.peers:
            data = frame_message(message)
            for peer in tuple(self.peers):
                peer.send_bytes(data)

    def close(self) -> None:
        """Stop listening and end all connections; what was written is flushed."""
        if self._server is not None:
            self._server.close()
        for peer in tuple(self.peers):
            if peer._transport is not None:
                peer._transport.close()


class BusClient:
    """A client for ordinary threads: connects by itself, again and again.

    `incoming` is the union of structs that `subscribe()` yields; one that only publishes leaves it out. `publish()` may
    be called from any thread. `subscribe()` is for one consumer; without one, what arrives is discarded.
    """

    def __init__(self, path: Path, incoming: Any = Any) -> None:
        self._path = path
        self._incoming = incoming
        self._lock = threading.Lock()
        self._sock: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._inbox: queue.Queue[Any] | None = None
        self._woken = threading.Event()
        self._closed = False

    def publish(self, message: Any) -> bool:
        """Send one message; False when the server is not reachable now (never raises for that)."""
        data = frame_message(message)
        with self._lock:
            sock = self._connect()
            if sock is None:
                return False
            try:
                sock.sendall(data)
            except OSError as error:
                log.warning("bus_send_failed", reason=str(error))
                self._drop(sock)
                return False
        return True

    def subscribe(self) -> Iterator[Any]:
        """Yield what the server sends, and a `Connected` after each (re)connection. Ends with `close()`."""
        if self._inbox is not None:
            raise RuntimeError("this client has a subscriber already")
        inbox: queue.Queue[Any] = queue.Queue(maxsize=100_000)
        with self._lock:
            self._inbox = inbox
            if self._sock is not None:
                self._drop(self._sock)  # so that the subscriber sees the greeting of a fresh connection
            self._start_reader()
        while not self._closed:
            try:
                yield inbox.get(timeout=0.5)
            except queue.Empty:
                continue

    def close(self) -> None:
        """End the connection, the reader thread and the subscription."""
        with self._lock:
            self._closed = True
            if self._sock is not None:
                self._drop(self._sock)
        self._woken.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=2)

    def _connect(self) -> socket.socket | None:
        """Return the socket, connecting when there is none. The lock is held by the caller."""
        if self._sock is not None or self._closed:
            return self._sock
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(SEND_TIMEOUT_S)
            sock.connect(str(self._path))
        except OSError:
            sock.close()
            return None
        self._sock = sock
        self._start_reader()
        self._woken.set()
        return sock

    def _start_reader(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._read_for_ever, name="bus-reader", daemon=True)
            self._thread.start()

    def _drop(self, sock: socket.socket) -> None:
        """Forget a socket. The lock is held by the caller."""
        if self._sock is sock:
            self._sock = None
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()

    def _read_for_ever(self) -> None:
        while not self._closed:
            with self._lock:
                sock = self._connect()
                self._woken.clear()
            if sock is None:
                self._woken.wait(RETRY_S)
                continue
            self._deliver(Connected())
            try:
                self._read(sock)
            except (OSError, BusError) as error:
                if not self._closed:
                    log.warning("bus_connection_lost", reason=str(error))
            with self._lock:
                self._drop(sock)

    def _read(self, sock: socket.socket) -> None:
        splitter = Splitter(self._incoming)
        while not self._closed:
            try:
                data = sock.recv(1 << 18)
            except TimeoutError:
                continue
            if not data:
                return
            for message in splitter.feed(data):
                self._deliver(message)

    def _deliver(self, message: Any) -> None:
        inbox = self._inbox
        while inbox is not None and not self._closed:
            try:
                inbox.put(message, timeout=0.5)
                return
            except queue.Full:
                continue
