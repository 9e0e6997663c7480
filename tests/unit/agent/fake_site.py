"""A site in one process: real TLS, HTTP and WebSockets on one port of 127.0.0.1, told by the test what to say."""

import asyncio
import datetime
import hashlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import picows
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from farhand.kit.net import hand_over
from farhand.kit.signing import new_key, public_of, sign_token
from farhand.protocol.channels import Control, Durable, Grant, Kind, Party, channel
from farhand.protocol.frames import Frame, build, parse
from farhand.protocol.messages import (
    Entry,
    Hello,
    Join,
    LegInfo,
    Post,
    SiteStatement,
    Welcome,
)

NOW_MS = 1_700_000_000_000
SESSION_ID = "0190a000-0000-7000-8000-000000000001"
AGENT_ID = "0190a000-0000-7000-8000-0000000000aa"
NONCE = "ab" * 32


@dataclass
class TlsPair:
    """A certificate of its own making."""

    cert: Path
    key: Path
    spki: str

    @classmethod
    def make(cls, folder: Path, name: str) -> "TlsPair":
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
        cert = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + datetime.timedelta(days=30))
            .sign(key, hashes.SHA256())
        )
        pair = cls(folder / f"{name}.crt", folder / f"{name}.key", "")
        pair.cert.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
        pair.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        spki = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        pair.spki = hashlib.sha256(spki).hexdigest()
        return pair


def statement(site: Ed25519PrivateKey, spki: str, issued_ms: int, expires_ms: int) -> str:
    return sign_token(site, "site", SiteStatement(spki=spki, issued_ms=issued_ms, expires_ms=expires_ms))


@dataclass
class Peer:
    """One live socket as the site sees it."""

    path: str
    transport: Any
    frames: list[Frame] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    gone: bool = False

    def send(self, kind: int, number: int, payload: bytes = b"", leg: int = 0) -> None:
        self.transport.send(picows.WSMsgType.BINARY, build(kind, number, leg, payload))

    def control(self, kind: Control, message: msgspec.Struct) -> None:
        self.send(kind, 0, msgspec.json.encode(message))

    async def take(self, test: Callable[[Frame], bool]) -> Frame:
        """Wait for a frame that passes `test`, remove and return it."""
        async with asyncio.timeout(60):
            while True:
                for index, frame in enumerate(self.frames):
                    if test(frame):
                        return self.frames.pop(index)
                self.changed.clear()
                await self.changed.wait()

    async def take_control(self, kind: Control) -> bytes:
        return bytes((await self.take(lambda frame: frame.channel == 0 and frame.type == kind)).payload)

    async def take_post(self, kind: str) -> Post:
        def is_it(frame: Frame) -> bool:
            return frame.channel >> 8 in {Kind.CHAT, Kind.SYSTEM} and msgspec.json.decode(frame.payload)["kind"] == kind

        return msgspec.json.decode((await self.take(is_it)).payload, type=Post)

    async def wait_gone(self) -> None:
        async with asyncio.timeout(60):
            while not self.gone:
                self.changed.clear()
                await self.changed.wait()


class FakeSite:
    """Listens; `peers` are the live sockets in the order in which they came."""

    def __init__(self, pair: TlsPair, site: Ed25519PrivateKey | None = None) -> None:
        self.site = site if site is not None else new_key()
        self.pair = pair
        self.statement = statement(self.site, pair.spki, 0, 2**53 - 1)
        self.peers: list[Peer] = []
        self.requests: list[tuple[str, str, dict[str, Any]]] = []
        self.answers: dict[str, tuple[int, object]] = {}
        self.bytes_in = 0
        self.arrived = asyncio.Event()
        self._server: asyncio.Server | None = None
        self.port = 0

    @property
    def site_key(self) -> str:
        return public_of(self.site).hex()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    async def __aenter__(self) -> "FakeSite":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pair.cert, self.pair.key)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Door(self), "127.0.0.1", self.port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_exception: object) -> None:
        assert self._server is not None
        self._server.close()
        for peer in self.peers:
            peer.transport.disconnect(graceful=False)
        await asyncio.sleep(0.01)

    async def peer(self, index: int) -> Peer:
        async with asyncio.timeout(60):
            while len(self.peers) <= index:
                self.arrived.clear()
                await self.arrived.wait()
        return self.peers[index]

    def answer(self, head: bytes, body: bytes) -> bytes:
        method, path, _version = head.split(b"\r\n")[0].decode().split(" ")
        self.requests.append((method, path, msgspec.json.decode(body) if body else {}))
        if path == "/api/agent/site":
            status, value = 200, {"statement": self.statement, "site_key": self.site_key, "name": "Test"}
        else:
            status, value = self.answers.get(path, (404, {"error": {"code": "not-found", "text": "Not here."}}))
        data = msgspec.json.encode(value)
        return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(data)) + data


class _Door(asyncio.Protocol):
    """Reads a request's head; live paths go to the WebSocket library, the rest is answered."""

    def __init__(self, site: FakeSite) -> None:
        self.site = site
        self.data = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.site.bytes_in += len(data)
        self.data += data
        head, end, rest = self.data.partition(b"\r\n\r\n")
        if not end:
            return
        path = head.split(b" ", 2)[1].decode()
        if path.startswith("/live/"):
            raw, self.data = self.data, b""
            asyncio.get_running_loop().call_soon(
                hand_over, self.transport, lambda _request: _Listener(self.site, path), raw, 5.0
            )
            return
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
        )
        if len(rest) >= length:
            self.data = b""
            self.transport.write(self.site.answer(head, rest[:length]))


class _Listener(picows.WSListener):
    def __init__(self, site: FakeSite, path: str) -> None:
        self.site, self.path = site, path

    def on_ws_connected(self, transport: Any) -> None:
        self.peer = Peer(self.path, transport)
        self.peer.control(Control.HELLO, Hello(nonce=NONCE, statement=self.site.statement, server_ms=NOW_MS))
        self.site.peers.append(self.peer)
        self.site.arrived.set()

    def on_ws_frame(self, transport: Any, frame: Any) -> None:
        if frame.msg_type == picows.WSMsgType.BINARY:
            self.peer.frames.append(parse(frame.get_payload_as_bytes()))
            self.peer.changed.set()

    def on_ws_disconnected(self, _transport: Any) -> None:
        self.peer.gone = True
        self.peer.changed.set()


ALL = Grant.CHAT | Grant.SCREEN_VIEW | Grant.SCREEN_CONTROL | Grant.SHELL | Grant.SYSTEM


def console(leg: int = 2, grants: Grant = ALL) -> LegInfo:
    return LegInfo(leg=leg, party=Party.CONSOLE, name=f"rep{leg}", grants=grants)


async def welcome(peer: Peer, *legs: LegInfo, grants: Grant = ALL) -> Join:
    """Take the JOIN of an endpoint's leg and welcome it."""
    join = msgspec.json.decode(await peer.take_control(Control.JOIN), type=Join)
    peer.control(Control.WELCOME, Welcome(leg=1, grants=grants, roster=list(legs)))
    return join


def entry_of(post: Post, seq: int, party: Party = Party.ENDPOINT, name: str = "customer") -> bytes:
    return msgspec.json.encode(
        Entry(
            seq=seq, time_ms=NOW_MS, id=post.id, leg=1, party=party, subject="agent:x", name=name, kind=post.kind,
            text=post.text, data=post.data,
        )
    )  # fmt: skip


def acknowledge(peer: Peer, post: Post, seq: int) -> None:
    kind = Kind.CHAT if post.kind == "chat" else Kind.SYSTEM
    peer.send(Durable.ENTRY, channel(kind), entry_of(post, seq))
