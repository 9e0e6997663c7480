"""Sockets as Farhand uses them: TLS servers and WebSockets on uvloop, aiofastnet and picows.

The only module that knows these three libraries' ways. What it fixes (each was measured):
- aiofastnet's own TLS with 32 KiB buffers per direction: uvloop's lets one bulk stream starve all others, and
aiofastnet's
  default of 256 KiB costs 79 kB per idle connection.
- TCP_NODELAY on the listening socket: accepted sockets inherit it (45 ms a page without).
- A certificate is checked in a scratch context before the live context loads it: a half-replaced pair changes nothing.
- An accepted connection is handed to picows by its internal constructor. picows is pinned for that, and
  `tests/unit/kit/test_net.py` holds the contract.
"""

import asyncio
import contextlib
import hashlib
import logging
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiofastnet
import picows
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # internal: see above

TLS_BUFFER = 32 * 1024
"""Bytes of aiofastnet's TLS buffer, per connection and direction."""
READ_BUFFER = 16 * 1024
"""First size of a WebSocket's read buffer; it grows by itself for longer messages."""
SMALL_READ_BUFFER = 2 * 1024
"""The same for connections that are idle nearly always: 13 kB less for each."""
MAX_MESSAGE = (1 << 20) + 64
"""Longest WebSocket message: a whole frame of the live protocol."""
BACKLOG = 4096
ACCEPTS_AT_ONCE = 256
"""Connections that are accepted in one go, so that a flood of them leaves time for those that stand."""
ACCEPT_PAUSE_S = 0.5
"""Pause after the system had no descriptor for a connection."""
HANDSHAKE_S = 10.0
"""Time for a TLS handshake."""

_quiet = logging.getLogger("farhand.websocket")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False
_quiet.setLevel(logging.CRITICAL + 1)


class CertificateError(Exception):
    """A certificate and key cannot be used; the message says why."""


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Make the event loop of a program: uvloop with aiofastnet's transports; asyncio's own where uvloop is missing."""
    try:
        import uvloop
    except ImportError:
        factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    else:
        factory = uvloop.new_event_loop
    loop: asyncio.AbstractEventLoop = aiofastnet.loop_factory(factory)()
    return loop


def silence_libraries() -> None:
    """Keep library tracebacks out of the log: programs write one line of their own for each abrupt disconnect."""
    for name in ("asyncio", "aiofastnet", "picows"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def spki_sha256(certificate: bytes) -> str:
    """Return the SHA-256 of a certificate's SubjectPublicKeyInfo, 64 hex characters. Takes DER or PEM (first
    certificate)."""
    is_pem = certificate.lstrip().startswith(b"-----BEGIN")
    cert = x509.load_pem_x509_certificate(certificate) if is_pem else x509.load_der_x509_certificate(certificate)
    return hashlib.sha256(cert.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


class ServerCertificate:
    """A certificate and key on disk and the live TLS context that serves them.

    `context` stays the same object for ever: connections that stand keep theirs, new ones get what was loaded last.
    """

    def __init__(self, cert: Path, key: Path) -> None:
        self._cert = cert
        self._key = key
        self._loaded: tuple[bytes, bytes] | None = None
        self.spki = ""
        """SHA-256 of the SubjectPublicKeyInfo being served, hex."""
        self.context = self._new_context()
        self.reload()

    def reload(self) -> bool:
        """Load the files again when they changed; say whether they had. Raises CertificateError and keeps the old
        pair."""
        try:
            content = (self._cert.read_bytes(), self._key.read_bytes())
            if content == self._loaded:
                return False
            self._new_context().load_cert_chain(self._cert, self._key)
            spki = spki_sha256(content[0])
            self.context.load_cert_chain(self._cert, self._key)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise CertificateError(f"the certificate in {self._cert.name} cannot be used: {error}") from error
        self._loaded, self.spki = content, spki
        return True

    @staticmethod
    def _new_context() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        return context


def listening_socket(fd: int) -> socket.socket:
    """Adopt an inherited listening socket; family and type are read from the descriptor itself."""
    sock = socket.socket(fileno=fd)
    sock.setblocking(False)
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


class Accepted(socket.socket):
    """An accepted connection that tells, once, when its descriptor is closed, however that comes about."""

    on_close: Callable[[], None] | None = None

    def close(self) -> None:
        """Close, as the transport does at the very end."""
        super().close()
        on_close, self.on_close = self.on_close, None
        if on_close is not None:
            on_close()


Accept = Callable[[str], tuple[asyncio.BaseProtocol, Callable[[], None]] | None]
"""Judges a connection by its address before it costs anything: its protocol and what to call when its descriptor is
closed, or None to close it at once."""


class Acceptor:
    """Accepts connections on a listening socket until it is closed."""

    def __init__(self, accept: Accept, sock: socket.socket, context: ssl.SSLContext | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._accept = accept
        self._sock = sock
        self._context = context
        self._options: dict[str, Any] = {}
        if context is not None:
            self._options = {
                "ssl_incoming_bio_size": TLS_BUFFER,
                "ssl_outgoing_bio_size": TLS_BUFFER,
                "ssl_handshake_timeout": HANDSHAKE_S,
            }
        self._open = True
        self._handshakes: set[asyncio.Task[None]] = set()
        sock.listen(BACKLOG)
        self._listen()

    def close(self) -> None:
        """Accept no more. Connections that stand are not touched; handshakes are given up."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()
            for task in self._handshakes:
                task.cancel()

    def _listen(self) -> None:
        if self._open:
            self._loop.add_reader(self._sock.fileno(), self._ready)

    def _ready(self) -> None:
        for _ in range(ACCEPTS_AT_ONCE):
            try:
                plain, address = self._sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                # Out of descriptors or memory: the socket stays readable, so look away for a moment.
                self._loop.remove_reader(self._sock.fileno())
                self._loop.call_later(ACCEPT_PAUSE_S, self._listen)
                self._loop.call_exception_handler({"message": "accept failed", "exception": RuntimeError(str(error))})
                return
            wanted = self._accept(str(address[0]))
            if wanted is None:
                plain.close()
                continue
            sock = Accepted(plain.family, plain.type, plain.proto, fileno=plain.detach())
            sock.setblocking(False)
            sock.on_close = wanted[1]
            task = self._loop.create_task(self._shake_hands(sock, wanted[0]))
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)

    async def _shake_hands(self, sock: Accepted, protocol: asyncio.BaseProtocol) -> None:
        done = False
        try:
            with contextlib.suppress(OSError):  # ssl.SSLError and TimeoutError are OSErrors
                await aiofastnet.connect_accepted_socket(
                    self._loop, lambda: protocol, sock, ssl=self._context, **self._options
                )
                done = True
        finally:
            if not done:
                sock.close()


async def serve(accept: Accept, sock: socket.socket, context: ssl.SSLContext | None) -> Acceptor:
    """Accept connections on a listening socket; `accept` judges each before TLS, see `Accept`."""
    return Acceptor(accept, sock, context)


def hand_over(
    transport: Any,
    listener_factory: Callable[[picows.WSUpgradeRequest], Any],
    head: bytes,
    timeout_s: float,
    read_buffer: int = READ_BUFFER,
) -> None:
    """Let picows go on with an accepted connection whose first bytes are `head`.

    `listener_factory` judges the upgrade request (see picows.ws_create_server). No automatic pings: the program has its
    own wheel. Call it outside the transport's data callback (`loop.call_soon`).
    """
    if transport.is_closing():
        return
    protocol = WSProtocol(
        None,  # host and port: client only
        None,  # path: client only
        False,
        listener_factory,
        _quiet,
        True,
        timeout_s,
        False,
        20,
        20,
        picows.WSAutoPingStrategy.PING_WHEN_IDLE,
        True,
        MAX_MESSAGE,
        None,
        read_buffer,
    )
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    rest = memoryview(head)
    while rest and not transport.is_closing():
        room = protocol.get_buffer(-1)
        size = min(len(room), len(rest))
        room[:size] = rest[:size]
        protocol.buffer_updated(size)
        rest = rest[size:]


def endpoint_context() -> ssl.SSLContext:
    """TLS for endpoints: encrypted, but trust comes from the site key (the caller checks the peer's SPKI), not from a
    CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


def peer_spki(transport: Any) -> str:
    """Return the SPKI SHA-256 (hex) of the certificate that the server of this connection showed; "" without TLS.

    Takes a picows WSTransport or an asyncio transport.
    """
    under = getattr(transport, "underlying_transport", transport)
    tls = under.get_extra_info("ssl_object")
    der = tls.getpeercert(binary_form=True) if tls is not None else None
    return spki_sha256(der) if der else ""


async def connect_ws(
    url: str,
    listener_factory: Callable[[], picows.WSListener],
    *,
    context: ssl.SSLContext | None = None,
    origin: str | None = None,
    timeout_s: float = 15.0,
    auto_pong: bool = True,
) -> tuple[picows.WSTransport, picows.WSListener, str]:
    """Open a WebSocket as a client; return its transport, its listener and the peer's SPKI SHA-256 (hex).

    `url` is `wss://host:port/path`. Without `context` the certificate is not judged (see `endpoint_context`): the
    caller MUST compare the returned SPKI with the site's statement before it says anything. With `auto_pong` off the
    listener sees PINGs and answers them itself (so it can tell a silent connection from a live one). Raises OSError,
    TimeoutError or picows.WSError.
    """
    headers = {"Origin": origin} if origin is not None else None
    tls = (context or endpoint_context()) if url.startswith("wss:") else None
    sizes: dict[str, Any] = (
        {"ssl_context": tls, "ssl_incoming_bio_size": TLS_BUFFER, "ssl_outgoing_bio_size": TLS_BUFFER}
        if tls is not None
        else {}
    )
    async with asyncio.timeout(timeout_s):
        transport, listener = await picows.ws_connect(
            listener_factory,
            url,
            websocket_handshake_timeout=timeout_s,
            logger_name=_quiet,
            max_frame_size=MAX_MESSAGE,
            read_buffer_init_size=READ_BUFFER,
            enable_auto_pong=auto_pong,
            extra_headers=headers,
            proxy=None,
            max_redirects=0,
            **sizes,
        )
    return transport, listener, peer_spki(transport)
