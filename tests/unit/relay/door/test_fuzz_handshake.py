"""Seeded fuzzing of what a stranger can send before signing in: request heads, upgrades, and first frames.

FARHAND_FUZZ and FARHAND_FUZZ_SEED as in `tests/unit/protocol/test_fuzz_frames.py`.
"""

import asyncio
import contextlib
import itertools
import random
from pathlib import Path
from typing import Any

import picows
import pytest
from tests.unit.protocol.test_fuzz_frames import COUNT, JSON, SEED, mutate
from tests.unit.relay.harness import Harness, Listener

from farhand.kit import net
from farhand.protocol import frames
from farhand.relay.door import heads
from farhand.relay.door.edge import Edge
from farhand.relay.door.front import LIVE, Front

REQUESTS = [
    b"GET /page HTTP/1.1\r\nHost: localhost\r\nCookie: a=b\r\n\r\n",
    b"POST /form HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
    b"POST /form HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12\r\n\r\nGET / HTTP/1" * 2,
    b"HEAD /page HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"GET /page HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\nxxxx",
    b"POST /form HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"GET /a HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, x-a\r\nX-A: 1\r\nX_Forwarded_For: 1\r\n\r\n" * 2,
]
UPGRADE = (
    b"GET /live/link HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Pipe:
    """A transport that only remembers."""

    def __init__(self) -> None:
        self.wrote = b""
        self.closed = False

    def get_extra_info(self, name: str) -> Any:
        return ("192.0.2.1", 1) if name == "peername" else None

    def write(self, data: bytes) -> None:
        self.wrote += data

    def writelines(self, data: list[bytes]) -> None:
        self.wrote += b"".join(data)

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        """Nothing to pause."""

    resume_reading = pause_reading


async def test_request_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    crossed: list[bytes] = []

    def begin(front: Front) -> None:
        assert front._running is not None
        assert front._turn is not None
        crossed.append(front._running.head + b"".join(front._running.body))
        front._running.place.give_back()
        turn, front._turn = front._turn, None
        front.edge.turns.end(turn)
        front.answered(closes=False)

    monkeypatch.setattr(Front, "_begin", begin)
    rng = random.Random(SEED + 20)
    handed: list[Any] = []
    edge = Edge(
        Path("/nowhere"),
        lambda *args: handed.append(args),
        tls=True,
        sockets_per_address=10,
        hosts=lambda: ["localhost"],
    )
    wrote = refused = 0
    for _ in range(COUNT):
        client = Pipe()
        taken = edge.accept("192.0.2.1")
        assert taken is not None
        front, closed = taken
        front.connection_made(client)  # type: ignore[arg-type]
        crossed.clear()
        data = mutate(rng, b"".join(rng.choice(REQUESTS) for _ in range(rng.choice((1, 1, 2, 4)))))
        for start, end in cuts(rng, len(data)):
            if not client.closed:
                front.data_received(data[start:end])
        for one in crossed:
            wrote += 1
            check(one)
        if client.wrote.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b""):
            refused += 1
            assert b"HTTP/1.1 4" in client.wrote
            assert client.closed or front._ending == "linger"
        if data.startswith(LIVE):
            assert not crossed
        front.connection_lost(None)
        closed()
        assert not edge.fronts
        for shares in (edge.doors, edge.request_bytes, edge.full, edge.turns):
            assert shares.taken == 0
        assert not edge.doors._open
    assert wrote > COUNT // 10
    assert refused > COUNT // 10


def cuts(rng: random.Random, size: int) -> list[tuple[int, int]]:
    """Cut `size` bytes into some pieces."""
    at = sorted({0, size, *(rng.randrange(size + 1) for _ in range(rng.choice((0, 1, 3))))})
    return list(itertools.pairwise(at))


def check(wrote: bytes) -> None:
    """What crosses is exact: one Host, our own word on the address, no smuggled framing."""
    head = wrote.partition(b"\r\n\r\n")[0]
    names = [line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:]]
    assert names.count(b"host") == 1
    assert names.count(b"x-forwarded-for") == 1
    assert names.count(b"content-length") <= 1
    assert b"transfer-encoding" not in names
    assert not [name for name in names if b"_" in name]
    assert b"x-forwarded-for: 192.0.2.1" in head
    assert b"expect" not in names
    assert len(head) <= heads.MAX_HEAD + 500
    lines = [line.lower() for line in head.split(b"\r\n")[1:]]
    lengths = [line.partition(b":")[2] for line in lines if line.startswith(b"content-length:")]
    assert len(wrote) - len(head) - 4 == int(lengths[0] if lengths else 0)


async def test_upgrades_and_first_frames_on_real_sockets(relay: Harness) -> None:
    rng = random.Random(SEED + 30)
    context = net.endpoint_context()
    for index in range(max(40, COUNT // 200)):
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port, ssl=context)
        relay.writers.append(writer)
        writer.write(mutate(rng, UPGRADE) + (rng.randbytes(30) if index % 2 else b""))
        if writer.can_write_eof():
            writer.write_eof()
        await asyncio.sleep(0)
        if index % 20 == 10:
            with contextlib.suppress(TimeoutError):  # a head that was cut short gets no answer yet
                await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(reader.read(10))), 0.05)
        writer.transport.abort()
    for _ in range(max(40, COUNT // 200)):
        path = rng.choice(("/live/link", "/live/leg", "/live/events"))
        transport, listener, _ = await net.connect_ws(f"wss://127.0.0.1:{relay.port}{path}", Listener)
        kind = {"/live/link": 32, "/live/leg": 16, "/live/events": 48}[path]
        transport.send(picows.WSMsgType.BINARY, mutate(rng, frames.build(kind, 0, 0, rng.choice(JSON))))
        assert isinstance(listener, Listener)
        await asyncio.wait_for(listener.closed.wait(), 60)
    agent = await relay.agent()  # the relay is as well as before
    assert not agent.peer.listener.closed.is_set()
    await relay.settle(lambda: len(relay.live.wheel.sockets()) == 1)
