"""A whole relay on real sockets with TLS, and the peers that talk to it: bus, agents, consoles, a fake `web`."""

import asyncio
import contextlib
import datetime
import gc
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import picows
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from farhand.kit import net, signing
from farhand.kit.bus import Splitter, frame_message
from farhand.kit.ids import new_id
from farhand.protocol import frames
from farhand.protocol.bus import (
    FromRelay,
    LegState,
    Policy,
    RecordingKeys,
    RecordWith,
    SessionPut,
    Sessions,
    SessionState,
)
from farhand.protocol.channels import Control, Durable, Grant, Kind, Party, channel
from farhand.protocol.journal import SAID
from farhand.protocol.messages import (
    AgentCredential,
    Auth,
    Entry,
    EventsTicket,
    Facts,
    Hello,
    Join,
    LegTicket,
    Listen,
    Post,
    Refuse,
    SiteStatement,
    Welcome,
    proof_body,
)
from farhand.relay.main import Relay, RelaySettings

ALL_GRANTS = int(Grant.CHAT | Grant.SCREEN_VIEW | Grant.SCREEN_CONTROL | Grant.SHELL | Grant.SYSTEM)
TIMEOUT = 60.0
FAR = 4_000_000_000_000


def make_certificate(folder: Path) -> None:
    """Write a self-signed P-256 pair, as `prepare` does."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


class Listener(picows.WSListener):  # type: ignore[misc]
    """Collects frames of a client's socket."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[tuple[int, int, int, bytes] | None] = asyncio.Queue()
        self.closed = asyncio.Event()
        self.code: int | None = None

    def on_ws_frame(self, transport: Any, frame: Any) -> None:
        if frame.msg_type == picows.WSMsgType.BINARY:
            parsed = frames.parse(frame.get_payload_as_bytes())
            self.inbox.put_nowait((parsed.type, parsed.channel, parsed.leg, bytes(parsed.payload)))
        elif frame.msg_type == picows.WSMsgType.CLOSE:
            self.code = int(frame.get_close_code())
            transport.send_close()
            transport.disconnect()

    def on_ws_disconnected(self, transport: Any) -> None:
        self.closed.set()
        self.inbox.put_nowait(None)


class Peer:
    """One client socket."""

    def __init__(self, transport: Any, listener: Listener, spki: str) -> None:
        self.transport = transport
        self.listener = listener
        self.spki = spki
        self.hello: Hello
        self.leg = 0

    def send(self, kind: int, chan: int, payload: bytes | msgspec.Struct = b"", leg: int | None = None) -> None:
        body = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
        self.raw(frames.build(kind, chan, self.leg if leg is None else leg, body))

    def raw(self, data: bytes) -> None:
        self.transport.send(picows.WSMsgType.BINARY, data)

    async def next(self) -> tuple[int, int, int, bytes] | None:
        return await asyncio.wait_for(self.listener.inbox.get(), TIMEOUT)

    async def until(self, kind: int, chan: int) -> tuple[int, bytes]:
        """Skip to the next frame of this type and channel; return (leg, payload)."""
        while True:
            got = await self.next()
            assert got is not None, f"closed while waiting for {kind} on {chan}"
            if got[0] == kind and got[1] == chan:
                return got[2], got[3]

    async def message(self, kind: int, as_type: Any, chan: int = 0) -> Any:
        return msgspec.json.decode((await self.until(kind, chan))[1], type=as_type)

    async def entry(self, kind: str) -> Entry:
        chan = channel(SAID.get(kind, Kind.SYSTEM))
        while True:
            entry: Entry = await self.message(Durable.ENTRY, Entry, chan)
            if entry.kind == kind:
                return entry

    async def nothing_of(self, chan: int, seconds: float = 0.15) -> None:
        """Nothing on this channel comes within this time."""
        with contextlib.suppress(asyncio.TimeoutError):
            while True:
                got = await asyncio.wait_for(self.listener.inbox.get(), seconds)
                assert got is None or got[1] != chan, got
                if got is None:
                    return

    async def gone(self) -> None:
        await asyncio.wait_for(self.listener.closed.wait(), TIMEOUT)

    def close(self) -> None:
        if not self.transport.is_disconnected:
            self.transport.disconnect(False)


class Harness:
    """The relay in this process's event loop, claimed, with everybody's keys at hand."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.issuer = signing.new_key()
        self.site = signing.new_key()
        self.peers: list[Peer] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.bus_inbox: list[Any] = []
        self.bus_came = asyncio.Event()
        self.relay: Relay | None = None
        self.web: FakeWeb | None = None
        self._bus_writer: asyncio.StreamWriter | None = None
        self._bus_task: asyncio.Task[None] | None = None

    async def start(self, *, claimed: bool = True, hosts: list[str] | None = None, **settings: Any) -> "Harness":
        if not (self.data / "tls").exists():
            make_certificate(self.data / "tls")
        (self.data / "run").mkdir(exist_ok=True)
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.sock.getsockname()[1]
        self.relay = Relay(RelaySettings(data=self.data, listen_fd=self.sock.dup().detach(), **settings))
        await self.relay.start()
        reader, self._bus_writer = await asyncio.open_unix_connection(str(self.data / "run" / "bus.sock"))
        self._bus_task = asyncio.create_task(self._read_bus(reader))
        if claimed:
            self.policy(hosts=hosts or ["127.0.0.1", "localhost"])
            await self.settle(lambda: self.live.policy.now.claimed)
        return self

    @property
    def live(self) -> Any:
        assert self.relay is not None
        return self.relay.live

    async def _read_bus(self, reader: asyncio.StreamReader) -> None:
        splitter = Splitter(FromRelay)
        while data := await reader.read(1 << 16):
            for message in splitter.feed(data):
                self.bus_inbox.append(message)
                self.bus_came.set()

    def tell(self, message: Any) -> None:
        assert self._bus_writer is not None
        self._bus_writer.write(frame_message(message))

    async def heard(self, as_type: Any, when: Callable[[Any], bool] = lambda _m: True) -> Any:
        """The first message of this type on the bus for which `when` holds, also if it came before."""

        async def look() -> Any:
            while True:
                self.bus_came.clear()
                for message in self.bus_inbox:
                    if isinstance(message, as_type) and when(message):
                        return message
                await self.bus_came.wait()

        return await asyncio.wait_for(look(), TIMEOUT)

    async def settle(self, condition: Callable[[], bool]) -> None:
        async def look() -> None:
            while not condition():  # noqa: ASYNC110 - any state of the relay, which tells nobody
                await asyncio.sleep(0.005)

        await asyncio.wait_for(look(), TIMEOUT)

    def policy(self, **changes: Any) -> None:
        base = Policy(
            claimed=True,
            issuer_keys=[signing.public_of(self.issuer).hex()],
            site_keys=[signing.public_of(self.site).hex()],
            statement=signing.sign_token(
                self.site, "site", SiteStatement(spki=self.live.spki(), issued_ms=0, expires_ms=FAR)
            ),
            hosts=["127.0.0.1", "localhost"],
        )
        self.tell(msgspec.structs.replace(base, **changes))

    async def stop(self) -> None:
        for peer in self.peers:
            peer.close()
        for writer in (*self.writers, *([self._bus_writer] if self._bus_writer else [])):
            writer.transport.abort()
        if self._bus_task is not None:
            self._bus_task.cancel()
        if self.relay is not None:
            await self.relay.stop()
        if self.web is not None:
            self.web.close()
        self.sock.close()
        await asyncio.sleep(0.02)
        # Writers look at their transports when they are collected, which only this thread may do.
        self.writers.clear()
        self._bus_writer = None
        gc.collect()

    # --- peers

    async def open(self, path: str, **options: Any) -> Peer:
        transport, listener, spki = await net.connect_ws(f"wss://127.0.0.1:{self.port}{path}", Listener, **options)
        peer = Peer(transport, listener, spki)  # type: ignore[arg-type]
        self.peers.append(peer)
        peer.hello = await peer.message(Control.HELLO, Hello)
        return peer

    async def agent(self, key: Any = None, agent_id: str | None = None, *, welcome: bool = True) -> "Agent":
        key = key or signing.new_key()
        agent_id = agent_id or new_id()
        credential = signing.sign_token(
            self.issuer,
            "agent",
            AgentCredential(agent_id=agent_id, key=signing.public_of(key).hex(), issued_ms=0),
        )
        peer = await self.open("/live/link")
        proof = signing.sign_bytes(key, "proof", proof_body(peer.hello.nonce, peer.spki, credential)).hex()
        peer.send(
            Control.AUTH,
            0,
            Auth(credential=credential, proof=proof, version="1.0", facts=Facts(hostname="machine", platform="linux")),
        )
        if welcome:
            await peer.message(Control.WELCOME, Welcome)
        return Agent(key, agent_id, peer)

    def ticket(self, session: SessionState, leg: int, *, key: Any = None, **changes: Any) -> LegTicket:
        given = next(state for state in session.legs if state.leg == leg)
        ticket = LegTicket(
            jti=new_id(),
            session_id=session.session_id,
            leg=leg,
            party=given.party,
            subject=given.subject,
            name=given.name,
            grants=given.grants,
            epoch=session.epoch,
            expires_ms=FAR,
            key=signing.public_of(key).hex() if key is not None else None,
        )
        return msgspec.structs.replace(ticket, **changes)

    def token(self, ticket: LegTicket) -> str:
        return signing.sign_token(self.issuer, "leg", ticket)

    async def join(
        self, session: SessionState, leg: int, *, last_seq: int = 0, welcome: bool = True, token: str | None = None
    ) -> Peer:
        peer = await self.open("/live/leg")
        peer.send(Control.JOIN, 0, Join(ticket=token or self.token(self.ticket(session, leg)), last_seq=last_seq))
        peer.leg = 0 if leg == 1 else leg
        if welcome:
            await peer.message(Control.WELCOME, Welcome)
        return peer

    async def listen(
        self, topics: list[str], have: dict[str, int], *, token: str | None = None, user: str = "", issued_ms: int = 0
    ) -> Peer:
        ticket = EventsTicket(
            jti=new_id(), user_id=user or new_id(), topics=topics, issued_ms=issued_ms, expires_ms=FAR
        )
        peer = await self.open("/live/events", origin=f"https://127.0.0.1:{self.port}")
        peer.send(
            Control.LISTEN, 0, Listen(ticket=token or signing.sign_token(self.issuer, "events", ticket), have=have)
        )
        return peer

    async def session(self, *, consoles: int = 1, record: bool = False, **changes: Any) -> SessionState:
        """A session with an endpoint (leg 1) and consoles (legs 2 and up), told to the relay."""
        legs = [
            LegState(leg=1, party=Party.ENDPOINT, subject=f"agent:{new_id()}", name="machine", grants=ALL_GRANTS),
            *(
                LegState(leg=2 + i, party=Party.CONSOLE, subject=f"user:{new_id()}", name=f"rep {i}", grants=ALL_GRANTS)
                for i in range(consoles)
            ),
        ]
        state = SessionState(session_id=new_id(), kind="jump", epoch=1, legs=legs, record=record, recording=None)
        state = msgspec.structs.replace(state, **changes)
        if record and state.recording is None:
            state = msgspec.structs.replace(state, recording=self.keys(1))
        self.tell(SessionPut(session=state))
        return state

    def keys(self, segment: int) -> RecordingKeys:
        sign = signing.new_key()
        return RecordingKeys(
            segment=segment,
            data_key="11" * 32,
            sign_seed=signing.seed_of(sign).hex(),
            certificate="certificate",
            wrapped="wrapped",
        )

    def record_with(self, state: SessionState, segment: int, relay_id: str = "") -> None:
        """Answer the relay's question for keys."""
        relay_id = relay_id or self.live.relay_id
        self.tell(RecordWith(session_id=state.session_id, relay_id=relay_id, keys=self.keys(segment)))

    def regrant(self, state: SessionState, leg: int, grants: int) -> SessionState:
        """Tell the relay new grants of one leg; return the new state."""
        legs = [msgspec.structs.replace(one, grants=grants) if one.leg == leg else one for one in state.legs]
        state = msgspec.structs.replace(state, legs=legs, epoch=state.epoch + 1)
        self.tell(SessionPut(session=state))
        return state

    def sessions(self, *states: SessionState, read_ms: int = FAR) -> None:
        self.tell(Sessions(sessions=list(states), read_ms=read_ms))


class Agent:
    """A linked agent."""

    def __init__(self, key: Any, agent_id: str, peer: Peer) -> None:
        self.key = key
        self.agent_id = agent_id
        self.peer = peer


def post(text: str, kind: str = "chat", post_id: str | None = None) -> Post:
    return Post(id=post_id or new_id(), kind=kind, text=text)


async def refusal(peer: Peer) -> Refuse:
    """The server's no; the socket must be closed after it."""
    message: Refuse = await peer.message(Control.REFUSE, Refuse)
    await peer.gone()
    return message


class FakeWeb:
    """An HTTP server on the unix socket in threads, as `web` is one: `answer(head, body) -> bytes`."""

    def __init__(self, path: Path, answer: Callable[[bytes, bytes], bytes], *, read_body: bool = True) -> None:
        path.unlink(missing_ok=True)
        self.answer = answer
        self.heads: list[bytes] = []
        self.read_body = read_body
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sock.bind(str(path))
        self._sock.listen(16)
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._sock.accept()
            except OSError:
                return
            self._open.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        data = b""
        with contextlib.suppress(OSError):
            while True:
                while b"\r\n\r\n" not in data:
                    more = sock.recv(65536)
                    if not more:
                        return
                    data += more
                head, _, data = data.partition(b"\r\n\r\n")
                self.heads.append(head)
                length = 0
                for line in head.split(b"\r\n")[1:]:
                    name, _, value = line.partition(b":")
                    if name.lower() == b"content-length":
                        length = int(value)
                if self.read_body:
                    while len(data) < length:
                        more = sock.recv(1 << 18)
                        if not more:
                            return
                        data += more
                body, data = data[:length], data[length:]
                sock.sendall(self.answer(head, body))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
