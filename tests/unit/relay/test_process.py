"""The relay as its own process: killed, stopped, and started again on the same listening socket."""

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.relay.harness import Harness, Listener, make_certificate, post

from farhand.kit import net, signing
from farhand.kit.ids import new_id
from farhand.kit.process import leash
from farhand.protocol.channels import Durable, Kind, Shell, channel
from farhand.recording.format import CERTIFICATE_KIND, Certificate
from farhand.recording.reader import SegmentReader
from farhand.recording.verifier import verify
from farhand.relay.live.journal import JournalFile

CHAT = channel(Kind.CHAT)
SHELL1 = channel(Kind.SHELL, 1)
PROGRAM = (
    "import sys; from pathlib import Path;"
    "from farhand.relay.main import RelaySettings, run;"
    "run(RelaySettings(data=Path(sys.argv[1]), listen_fd=int(sys.argv[2])))"
)


class OtherProcess(Harness):
    """The harness with the relay in a process of its own."""

    process: subprocess.Popen[bytes] | None = None

    @property
    def live(self) -> Any:
        spki = net.spki_sha256((self.data / "tls" / "cert.pem").read_bytes())
        return type("Live", (), {"spki": staticmethod(lambda: spki)})

    async def launch(self) -> None:
        if not (self.data / "tls").exists():
            make_certificate(self.data / "tls")
            self.sock = socket.create_server(("127.0.0.1", 0), backlog=64)
            self.port = self.sock.getsockname()[1]
        fd = self.sock.fileno()
        (self.data / "run").mkdir(exist_ok=True)
        (self.data / "run" / "bus.sock").unlink(missing_ok=True)
        self.process = subprocess.Popen(  # noqa: ASYNC220 - it starts in the background
            [sys.executable, "-c", PROGRAM, str(self.data), str(fd)],
            pass_fds=[fd],
            stderr=subprocess.DEVNULL,
            preexec_fn=leash(),
        )
        await self.settle((self.data / "run" / "bus.sock").exists)
        reader, self._bus_writer = await asyncio.open_unix_connection(str(self.data / "run" / "bus.sock"))
        self.writers.append(self._bus_writer)
        self._bus_task = asyncio.create_task(self._read_bus(reader))

    def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[OtherProcess]:
    harness = OtherProcess(tmp_path)
    await harness.launch()
    yield harness
    if harness.process is not None and harness.process.poll() is None:
        harness.process.kill()
        harness.process.wait(60)
    await harness.stop()


async def test_kill_9_loses_nothing_acknowledged_and_leaves_a_proven_recording(other: OtherProcess) -> None:
    #
    other.policy()
    session_id, keys = new_id(), other.keys(1)
    sign = signing.key_from_seed(bytes.fromhex(keys.sign_seed))
    certificate = Certificate(session_id=session_id, segment=1, key=signing.public_of(sign).hex())
    keys = msgspec.structs.replace(keys, certificate=signing.sign_token(other.issuer, CERTIFICATE_KIND, certificate))
    state = await other.session(session_id=session_id, record=True, recording=keys)
    endpoint, console = await other.join(state, 1), await other.join(state, 2)
    await endpoint.entry("recording-started")
    path = other.data / "relay" / "recordings" / state.session_id / "1.fhr"
    endpoint.send(Shell.OPENED, SHELL1, b"{}")
    endpoint.send(Shell.DATA, SHELL1, b"\0" * 8 + b"typed on the machine")
    await other.settle(lambda: path.exists() and b"FHRC" in path.read_bytes())
    for index in range(20):
        console.send(Durable.POST, CHAT, post(f"text {index}"))
    acknowledged = [await console.entry("chat") for _ in range(20)]
    assert other.end(signal.SIGKILL) == -signal.SIGKILL
    file = JournalFile(other.data / "relay" / "journal" / f"{state.session_id}.fhj")
    on_disk = file.read(0, 1000)
    file.close()
    assert [entry for entry in on_disk if entry.kind == "chat"] == acknowledged
    data = path.read_bytes()
    findings = verify(data, [signing.public_of(other.issuer)], (state.session_id, 1))
    assert findings.intact, findings
    played = b"".join(bytes(frame.payload) for frame in SegmentReader(data, bytes.fromhex(keys.data_key)).frames())
    assert b"typed on the machine" in played
    # A new relay takes the same socket: connections that come in between wait, none is refused.
    early = asyncio.create_task(net.connect_ws(f"wss://127.0.0.1:{other.port}/live/link", Listener))
    await other.launch()
    transport, _, _ = await early
    transport.disconnect(False)
    other.sessions(state)
    console = await other.join(state, 2, last_seq=acknowledged[-2].seq)
    assert (await console.entry("chat")) == acknowledged[-1]


async def test_sigterm_ends_it_cleanly(other: OtherProcess) -> None:
    other.policy()
    agent = await other.agent()
    assert await asyncio.to_thread(other.end, signal.SIGTERM) == 0
    await agent.peer.gone()
    assert agent.peer.listener.code == 1012


async def test_a_missing_certificate_is_one_line_and_exit_1(tmp_path: Path) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    fd = listening.fileno()
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", PROGRAM, str(tmp_path), str(fd)],
        pass_fds=[fd],
        capture_output=True,
        timeout=30,
    )
    listening.close()
    assert done.returncode == 1
    assert b"relay_not_started" in done.stderr
    assert b"Traceback" not in done.stderr
