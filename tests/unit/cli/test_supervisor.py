"""The supervisor: the relay answers while the data is prepared, and nobody is killed who still drains."""

import asyncio
import ssl
from pathlib import Path

import pytest
from tests.unit.relay.harness import make_certificate

from farhand.cli import supervisor
from farhand.relay.timing import DRAIN_S, LEAVE_S


def test_the_supervisor_has_more_patience_than_the_relay_needs() -> None:
    assert supervisor.STOP_WITHIN > LEAVE_S + DRAIN_S


class Prepared:
    """An appliance of which only the relay runs; `prepare` waits for the test."""

    def __init__(self, data: Path, *, certificate: bool) -> None:
        for part in ("run", "tls", "relay"):
            (data / part).mkdir(parents=True)
        if certificate:
            make_certificate(data / "tls")
        self.server = supervisor.listen(0)
        port = self.server.getsockname()[1]
        self.gate = asyncio.Event()
        programs = supervisor.programs_of(self.server.fileno(), demo=False)[:1]
        self.supervisor = supervisor.Supervisor(programs, data, supervisor.child_environment(data, port))
        self.running = asyncio.create_task(self.supervisor.run(self.prepare, lambda: None))
        self.port, self.data = port, data

    async def prepare(self) -> None:
        await self.gate.wait()

    async def status(self) -> bytes:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        reader, writer = await asyncio.open_connection("localhost", self.port, ssl=context, ssl_handshake_timeout=60)
        writer.write(b"GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n")
        line = await reader.readline()
        writer.close()
        return line

    async def stop(self) -> None:
        self.supervisor._stopping.set()
        await self.running
        self.server.close()


async def test_a_request_while_the_data_is_prepared_is_answered(tmp_path: Path) -> None:
    appliance = Prepared(tmp_path, certificate=True)
    async with asyncio.timeout(120):
        assert (await appliance.status()).startswith(b"HTTP/1.1 503 ")
        assert not appliance.gate.is_set()
        await appliance.stop()


async def test_what_comes_before_the_first_certificate_waits_for_it(tmp_path: Path) -> None:
    appliance = Prepared(tmp_path, certificate=False)
    asking = asyncio.create_task(appliance.status())
    async with asyncio.timeout(120):
        make_certificate(tmp_path / "tls")
        appliance.gate.set()
        assert (await asking).startswith(b"HTTP/1.1 503 ")
        await appliance.stop()


async def test_a_preparation_that_fails_stops_everything_and_is_told(tmp_path: Path) -> None:
    appliance = Prepared(tmp_path, certificate=True)

    async def broken() -> None:
        raise LookupError("no room")

    appliance.supervisor._stopping.set()
    await appliance.running
    other = supervisor.Supervisor(
        appliance.supervisor._programs, tmp_path, supervisor.child_environment(tmp_path, appliance.port)
    )
    async with asyncio.timeout(120):
        with pytest.raises(LookupError):
            await other.run(broken, lambda: None)
    assert all(program.process is None or program.process.returncode is not None for program in other._programs)
    appliance.server.close()
