"""A real agent and a real relay: a file of 200 MB down and up, near and 50 ms away."""

import os
import time
from pathlib import Path

import msgspec
from tests.bench.m_agent import Agent
from tests.bench.relay import BenchRelay, HostedSession
from tests.bench.slowlink import slow_link
from tests.bench.stage import Stage
from tests.bench.table import Row
from tests.harness.console import CONTROL, LiveSocket, control, shared_loop
from tests.harness.files import FilesClient

from farhand.kit.net import connect_ws
from farhand.protocol.channels import Control, Grant, Kind, channel
from farhand.protocol.frames import Frame

SIZE = 200_000_000
RUNS = 3
AWAY = ("--delay", "25")
"""Milliseconds each way."""
FILES = channel(Kind.FILES)


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
        away = stage.enter(slow_link(relay.port, *AWAY))
        source = stage.folder / "source"
        source.write_bytes(os.urandom(SIZE))
        for port, near in ((relay.port, True), (away, False)):
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
