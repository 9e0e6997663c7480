"""The relay under test: the real program on a socket and data folder of the bench.

It is told its policy and sessions on its bus, as `web` would.
"""

import secrets
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.bench import procs

from farhand.kit import signing
from farhand.kit.bus import BusClient
from farhand.kit.ids import new_id
from farhand.kit.net import spki_sha256
from farhand.protocol.bus import (
    FromRelay,
    LegState,
    Policy,
    RecordingKeys,
    SessionEnd,
    SessionPut,
    SessionState,
)
from farhand.protocol.channels import Grant, Party
from farhand.protocol.messages import AgentCredential, LegTicket, SiteStatement
from farhand.recording import format as recording_format
from farhand.recording import keys as recording_keys

CONSOLE_GRANTS = Grant.CHAT | Grant.SCREEN_VIEW | Grant.SCREEN_CONTROL | Grant.SHELL | Grant.SYSTEM
HOUR_MS = 3_600_000
PROGRAM = """
import sys
from pathlib import Path
from farhand.relay.main import RelaySettings, run
run(RelaySettings(data=Path(sys.argv[1]), listen_fd=int(sys.argv[2])))
"""


def make_certificate(folder: Path) -> str:
    """Write a self-signed P-256 pair `cert.pem`, `key.pem`; return the SHA-256 of its SubjectPublicKeyInfo."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "cert.pem").write_bytes(pem)
    form = serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return spki_sha256(pem)


class HostedSession:
    """A session that the relay was told of: its id, and a ticket and credential for whoever joins."""

    def __init__(
        self, relay: "BenchRelay", *, record: bool, subject: str | None = None, key: str | None = None
    ) -> None:
        self.id = new_id()
        self._relay = relay
        self._record = record
        self._subject = subject or f"customer:{new_id()}"
        self._key = key
        self.epoch = 1
        self.legs = [
            LegState(leg=1, party=Party.ENDPOINT, subject=self._subject, name="Endpoint", grants=sum(Grant)),
            LegState(leg=2, party=Party.CONSOLE, subject=f"user:{new_id()}", name="Rep", grants=int(CONSOLE_GRANTS)),
        ]
        self.offer_to: str | None = None

    def put(self) -> "HostedSession":
        """Tell the relay."""
        offer = self.ticket(1) if self.offer_to else None
        state = SessionState(
            session_id=self.id, kind="jump" if self.offer_to else "support", epoch=self.epoch, legs=self.legs,
            record=self._record, recording=self._recording() if self._record else None,
            offer_to=self.offer_to, offer_ticket=offer,
        )  # fmt: skip
        self._relay.tell(SessionPut(session=state))
        return self

    def ticket(self, leg: int) -> str:
        """A fresh ticket for leg 1 (endpoint) or 2 (console)."""
        state = self.legs[leg - 1]
        body = LegTicket(
            jti=new_id(), session_id=self.id, leg=leg, party=state.party, subject=state.subject, name=state.name,
            grants=state.grants, epoch=self.epoch, expires_ms=time.time_ns() // 1_000_000 + HOUR_MS,
            key=self._key if leg == 1 else None,
        )  # fmt: skip
        return signing.sign_token(self._relay.issuer, "leg", body)

    def end(self) -> None:
        """Tell the relay that it is over."""
        self._relay.tell(SessionEnd(session_id=self.id, reason="ended"))

    def _recording(self) -> RecordingKeys:
        sign_key = signing.new_key()
        data_key = recording_keys.new_data_key()
        body = recording_format.Certificate(session_id=self.id, segment=1, key=signing.public_of(sign_key).hex())
        return RecordingKeys(
            segment=1,
            data_key=data_key.hex(),
            sign_seed=signing.seed_of(sign_key).hex(),
            certificate=signing.sign_token(self._relay.issuer, recording_format.CERTIFICATE_KIND, body),
            wrapped=recording_keys.wrap(secrets.token_bytes(32), data_key, self.id, 1),
        )


class BenchRelay:
    """One relay: `start`, `tell`, `restart`, `stop`."""

    def __init__(self, data: Path, *, links_per_second: int = 300) -> None:
        self.data = data
        self.links_per_second = links_per_second
        self.site = signing.new_key()
        self.issuer = signing.new_key()
        for part in ("run", "relay", "keys"):
            (data / part).mkdir(parents=True, exist_ok=True, mode=0o700)
        self.spki = make_certificate(data / "tls")
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(4096)
        self.port = int(self._listener.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None
        self._bus: BusClient | None = None
        self.log = data / "relay.log"

    @property
    def pid(self) -> int:
        """Process id of the relay that runs now."""
        assert self._process is not None
        return self._process.pid

    @property
    def url(self) -> str:
        """Its public address."""
        return f"https://127.0.0.1:{self.port}"

    def start(self) -> "BenchRelay":
        """Start it and tell it the policy."""
        fd = self._listener.fileno()
        (self.data / "run" / "bus.sock").unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._process = procs.start(
                [sys.executable, "-c", PROGRAM, str(self.data), str(fd)],
                pass_fds=(fd,),
                stdout=log,
                stderr=log,
            )
        self._bus = BusClient(self.data / "run" / "bus.sock", FromRelay)
        self.tell(self._policy())
        return self

    def tell(self, message: object) -> None:
        """Send one message on the bus; wait for the relay if it is not there yet. Raises RuntimeError after 20 s."""
        assert self._bus is not None
        deadline = time.monotonic() + 20
        while not self._bus.publish(message):
            if time.monotonic() > deadline or (self._process is not None and self._process.poll() is not None):
                raise RuntimeError(f"the relay does not run: {self.tail()}")
            time.sleep(0.02)

    def restart(self, *, links_per_second: int, how: int = signal.SIGKILL) -> None:
        """End it at once and start another one on the same socket, with another admission rate."""
        self.links_per_second = links_per_second
        # The rate must hold from the first link on: the relay reads its copy of the policy at the start.
        self.tell(self._policy())
        time.sleep(0.3)
        if self._bus is not None:
            self._bus.close()
        procs.stop(self._process, how=how)
        self.start()

    def stop(self) -> None:
        """End it."""
        if self._bus is not None:
            self._bus.close()
        procs.stop(self._process)
        self._process = None
        self._listener.close()

    def tail(self) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-8:]) if self.log.exists() else ""

    def said(self, event: str) -> int:
        """How many lines of its log name this event."""
        return self.log.read_text(errors="replace").count(f'"{event}"')

    def recorded_bytes(self, session: HostedSession) -> int:
        """Size of what was recorded of a session so far."""
        folder = self.data / "relay" / "recordings" / session.id
        return sum(path.stat().st_size for path in folder.glob("*.fhr"))

    def session(self, *, record: bool = False) -> HostedSession:
        """Make the relay host a session of one endpoint and one console."""
        return HostedSession(self, record=record).put()

    def credential(self, agent_id: str, public_key: bytes) -> str:
        """An agent's credential, as enrolment gives it out."""
        body = AgentCredential(agent_id=agent_id, key=public_key.hex(), issued_ms=time.time_ns() // 1_000_000)
        return signing.sign_token(self.issuer, "agent", body)

    def _policy(self) -> Policy:
        now = time.time_ns() // 1_000_000
        statement = SiteStatement(spki=self.spki, issued_ms=now - 60_000, expires_ms=now + 48 * HOUR_MS)
        return Policy(
            claimed=True,
            issuer_keys=[signing.public_of(self.issuer).hex()],
            site_keys=[signing.public_of(self.site).hex()],
            statement=signing.sign_token(self.site, "site", statement),
            hosts=["*"],
            links_per_second=self.links_per_second,
            # A session's recording is limited to what sessions need; here its cost is measured.
            recorded_bytes_per_second=1 << 40,
            recorded_bytes=1 << 50,
        )
