"""A real agent and a real relay: a file of 200 MB down and up, near and 50 ms away."""

import asyncio
import contextlib
import os
import threading
import time
from collections import deque
from pathlib import Path

import msgspec
from tests.bench.m_agent import Agent
from tests.bench.relay import BenchRelay, HostedSession
from tests.bench.stage import Stage
from tests.bench.table import Row
from tests.harness.console import CONTROL, LiveSocket, control, shared_loop
from tests.harness.files import FilesClient

from farhand.kit.net import connect_ws
from farhand.protocol.channels import Control, Grant, Kind, channel
from farhand.protocol.frames import Frame

SIZE = 200_000_000
RUNS = 3
AWAY_S = 0.025
FILES = channel(Kind.FILES)


class FarAway:
    """A way to the relay on which every byte takes 25 ms, each way, and as many as come are on it at once."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait(10)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._over = asyncio.Event()
        server = await asyncio.start_server(self._join, "127.0.0.1", 0, limit=1 << 22)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        server.close()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target, limit=1 << 22)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await asyncio.gather(self._hold(reader, far_writer), self._hold(far_reader, writer))

    async def _hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held: deque[tuple[float, bytes]] = deque()
        come = asyncio.Event()

        async def out() -> None:
            while True:
                while not held:
                    come.clear()
                    await come.wait()
                due, data = held.popleft()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                if not data:
                    writer.close()
                    return
                writer.write(data)
                await writer.drain()

        task = asyncio.ensure_future(out())
        while data := await reader.read(1 << 18):
            held.append((self._loop.time() + AWAY_S, data))
            come.set()
        held.append((self._loop.time() + AWAY_S, b""))
        come.set()
        await task

    def stop(self) -> None:
        """End it."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(5)


def viewer(relay: BenchRelay, session: HostedSession, port: int) -> tuple[FilesClient, LiveSocket]:
    """Join as the session's console and start File Transfer."""
    origin = f"https://127.0.0.1:{port}"
    opened = connect_ws(f"wss://127.0.0.1:{port}/live/leg", LiveSocket, origin=origin)
    socket: LiveSocket = shared_loop().call(opened)[1]
    socket.wait(control(Control.HELLO), what="HELLO")
    client = FilesClient(lambda kind, payload: socket.send(kind, FILES, payload, 2), within=120)

    def frame(one: Frame) -> None:
        if one.channel == FILES:
            client.take(one.type, bytes(one.payload))
            socket.frames.clear()

    socket.send(Control.JOIN, CONTROL, b'{"ticket":"%b"}' % session.ticket(2).encode())
    socket.wait(control(Control.WELCOME), what="WELCOME")
    socket.on_frame = frame
    client.start()
    return client, socket


def measure() -> list[Row]:
    """Down and up, near and far."""
    rows: list[Row] = []
    with Stage() as stage:
        relay = stage.relay()
        agent = Agent(stage, relay, None)
        session = HostedSession(relay, record=False, subject=f"agent:{agent.id}", key=agent.key.hex())
        session.offer_to = agent.id
        session.legs[1] = msgspec.structs.replace(session.legs[1], grants=int(sum(Grant)))
        session.put()
        away = FarAway(relay.port)
        stage.later(away.stop)
        source = stage.folder / "source"
        source.write_bytes(os.urandom(SIZE))
        for port, near in ((relay.port, True), (away.port, False)):
            client, socket = viewer(relay, session, port)
            rows += _both_ways(client, stage.folder, source, near=near)
            socket.close()
    return rows


def _both_ways(client: FilesClient, folder: Path, source: Path, *, near: bool) -> list[Row]:
    rates: dict[str, list[float]] = {"down": [], "up": []}
    for run in range(RUNS):
        for way in rates:
            target = folder / f"{way}-{near}-{run}"
            at = time.perf_counter()
            if way == "down":
                client.get(os.fsencode(source), target)
            else:
                client.put(source, os.fsencode(target))
            rates[way].append(SIZE / 1e6 / (time.perf_counter() - at))
            target.unlink()
    where = "" if near else ", 50 ms round trip"
    suffix = "" if near else "_far"
    return [Row(f"files.{way}{suffix}", f"file {way}, 200 MB{where}", rate, "MB/s") for way, rate in rates.items()]
