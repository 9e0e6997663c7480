"""The bus on a real unix socket: threads on one side, an event loop on the other."""

import asyncio
import socket
import stat
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farhand.kit.bus import (
    LENGTH,
    MAX_MESSAGE,
    BusClient,
    BusError,
    BusPeer,
    BusServer,
    Connected,
    Splitter,
    frame_message,
)
from farhand.kit.net import new_event_loop


class Up(msgspec.Struct, tag="up", frozen=True):
    """Towards the server."""

    n: int


class Down(msgspec.Struct, tag="down", frozen=True):
    """Towards the client."""

    text: str


class Room:
    """A server and what it got."""

    def __init__(self, path: Path) -> None:
        self.got: list[Any] = []
        self.came = asyncio.Event()
        self.server = BusServer(path, Up, self.take, self.greet)

    def take(self, message: Any) -> None:
        self.got.append(message)
        self.came.set()

    def greet(self, peer: BusPeer) -> None:
        peer.send(Down("hello"))

    async def until(self, count: int) -> None:
        async def look() -> None:
            while len(self.got) < count:
                self.came.clear()
                await self.came.wait()

        await asyncio.wait_for(look(), 60)


async def test_messages_go_both_ways_and_survive_a_new_server(tmp_path: Path) -> None:
    path = tmp_path / "bus.sock"
    client = BusClient(path, Down)
    assert await asyncio.to_thread(client.publish, Up(0)) is False  # nobody is there, nothing is raised
    room = Room(path)
    await room.server.start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    heard: list[Any] = []
    news = threading.Semaphore(0)

    def follow() -> None:
        for message in client.subscribe():
            heard.append(message)
            news.release()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()

    async def wait(count: int) -> None:
        for _ in range(count):
            assert await asyncio.to_thread(news.acquire, True, 10)

    await wait(2)
    assert isinstance(heard[0], Connected)
    assert heard[1] == Down("hello")
    for n in range(100):
        assert await asyncio.to_thread(client.publish, Up(n))
    await room.until(100)
    assert [message.n for message in room.got] == list(range(100))
    room.server.broadcast(Down("all"))
    await wait(1)
    assert heard[-1] == Down("all")
    room.server.close()
    again = Room(path)
    await again.server.start()
    await wait(2)
    assert isinstance(heard[3], Connected)
    assert heard[4] == Down("hello")
    await asyncio.to_thread(client.close)
    await asyncio.to_thread(thread.join, 5)
    assert not thread.is_alive()
    again.server.close()


def test_clients_that_leave_at_once_make_nobody_deaf(tmp_path: Path) -> None:
    """See docs/decisions/0005: on the loop of the relay, with its transports."""
    path = tmp_path / "bus.sock"
    real: list[socket.socket] = []

    def connected() -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(60)
        sock.connect(str(path))
        return sock

    async def play() -> None:
        room = Room(path)
        await room.server.start()
        for turn in range(10):
            # Nothing is accepted meanwhile: afterwards descriptors are given back and taken again in one go.
            for _ in range(20):
                connected().close()
            mine = [connected() for _ in range(5)]
            for _ in range(20):
                connected().close()
            mine.append(connected())
            real.extend(mine)
            await asyncio.sleep(0.01)
            for number, sock in enumerate(mine):
                sock.sendall(frame_message(Up(number)))
            await room.until(6 * (turn + 1))
            for sock in mine:
                data = await asyncio.to_thread(sock.recv, 1000)
                assert list(Splitter(Down).feed(data)) == [Down("hello")]
            mine[turn % 6].close()
        room.server.close()

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(play())
    for sock in real:
        sock.close()


async def test_threads_may_publish_at_once_and_no_one_needs_to_listen(tmp_path: Path) -> None:
    room = Room(tmp_path / "bus.sock")
    await room.server.start()
    client = BusClient(tmp_path / "bus.sock")

    def many(first: int) -> None:
        for n in range(first, first + 200):
            assert client.publish(Up(n))

    await asyncio.gather(*(asyncio.to_thread(many, k * 1000) for k in range(4)))
    await room.until(800)
    for k in range(4):
        mine = [m.n for m in room.got if m.n // 1000 == k]
        assert mine == sorted(mine)
    await asyncio.to_thread(client.close)
    room.server.close()


async def test_what_is_not_a_message_ends_the_connection_only(tmp_path: Path) -> None:
    room = Room(tmp_path / "bus.sock")
    await room.server.start()
    for bad in (LENGTH.pack(MAX_MESSAGE + 1), LENGTH.pack(3) + b"\xc1\xc1\xc1", frame_message(Down("x"))):
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "bus.sock"))
        await reader.readexactly(4)
        writer.write(bad)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await asyncio.wait_for(reader.readexactly(10_000), 60)
        writer.close()
    assert room.got == []
    room.server.close()


@given(st.lists(st.integers(0, 2**40), max_size=20), st.lists(st.integers(1, 7), min_size=1, max_size=9))
def test_messages_may_be_cut_anywhere(numbers: list[int], cuts: list[int]) -> None:
    data = b"".join(frame_message(Up(n)) for n in numbers)
    splitter, got, index, turn = Splitter(Up), [], 0, 0
    while index < len(data):
        size = cuts[turn % len(cuts)]
        got += [message.n for message in splitter.feed(data[index : index + size])]
        index, turn = index + size, turn + 1
    assert got == numbers


def test_a_client_that_is_closed_says_so(tmp_path: Path) -> None:
    client = BusClient(tmp_path / "bus.sock")
    client.close()
    assert client.publish(Up(1)) is False
    with pytest.raises(BusError):
        list(Splitter(Up).feed(LENGTH.pack(MAX_MESSAGE + 1)))
