"""What strangers may hold: threads of `web`, memory, connections. Each test is an attack that once went through."""

import asyncio
import contextlib
import functools
import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.relay.door.test_edge import GET, UPGRADE, Client, connect, hello
from tests.unit.relay.harness import FakeWeb, Harness

from farhand.kit import net
from farhand.relay.door import backend, reader
from farhand.relay.door import front as front_module
from farhand.relay.door.answers import Answer, BrokenAnswer
from farhand.relay.door.shares import Shares, Turn, Turns

POST = b"POST /form HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n%s\r\n"


def web_of(relay: Harness, answer: Callable[[bytes, bytes], bytes]) -> FakeWeb:
    relay.web = FakeWeb(relay.data / "run" / "web.sock", answer)
    return relay.web


def sized(size: int) -> Callable[[bytes, bytes], bytes]:
    return lambda _head, _body: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Holds the answers of a `web` that calls `wait()` on it."""
    event = threading.Event()
    yield event
    event.set()


def held(gate: threading.Event) -> Callable[[bytes, bytes], bytes]:
    def answer(head: bytes, body: bytes) -> bytes:
        gate.wait(60)
        return hello(head, body)

    return answer


# --- threads of `web`


@pytest.mark.parametrize("method", [b"GET", b"POST"])
async def test_a_body_that_trickles_never_reaches_web(
    relay: Harness, monkeypatch: pytest.MonkeyPatch, method: bytes
) -> None:
    monkeypatch.setattr(reader, "BODY_S", 0.3)
    web = web_of(relay, hello)
    clients = [await connect(relay) for _ in range(20)]
    head = (POST % (300, b"")).replace(b"POST", method)
    for client in clients:
        client.writer.write(head)
    for _ in range(6):
        for client in clients:
            client.writer.write(b"x")
        await asyncio.sleep(0.05)
    assert web.heads == []
    assert not relay.live.edge.backs
    other = await connect(relay)
    assert (await other.ask(GET))[0] == 200
    # Single bytes do not buy time: the limit is one for the whole body.
    await asyncio.sleep(0.2)
    relay.live.edge.look()
    assert (await clients[0].answer())[0] == 408
    assert len(web.heads) == 1


async def test_a_body_that_is_too_long_is_refused_before_it_comes(relay: Harness) -> None:
    web = web_of(relay, hello)
    for extra in (b"", b"Expect: 100-continue\r\n"):
        client = await connect(relay)
        client.writer.write(POST % ((1 << 20) + 1, extra))
        if not extra:
            client.writer.write(b"x" * (1 << 20))  # a sender that writes on gets to read the answer all the same
        status, _, body = await client.answer()
        assert status == 413
        assert b"1 MiB" in body
    assert web.heads == []


async def test_the_bytes_of_requests_are_bounded_for_each_address(relay: Harness) -> None:
    web_of(relay, hello)
    edge = relay.live.edge
    edge.request_bytes = Shares(300_000, 1 << 30)
    clients = [await connect(relay) for _ in range(4)]
    for client in clients[:3]:
        client.writer.write(POST % (150_000, b"") + b"x" * 90_000)
        await relay.settle(lambda: edge.request_bytes.taken > 90_000)
    await relay.settle(lambda: edge.request_bytes.taken > 270_000)
    assert (await clients[3].ask(POST % (150_000, b"") + b"x" * 150_000))[0] == 503
    assert (await clients[0].ask(b"x" * 60_000))[0] == 503
    for client in clients:
        client.writer.transport.abort()
    await relay.settle(lambda: not edge.request_bytes.taken)


async def test_one_address_has_few_requests_running_and_the_others_wait(
    relay: Harness, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = web_of(relay, held(gate))
    edge = relay.live.edge
    edge.turns = Turns(2, 3)
    clients = [await connect(relay) for _ in range(5)]
    for client in clients:
        client.writer.write(GET)
    await relay.settle(lambda: len(web.heads) == 2)
    await asyncio.sleep(0.1)
    assert len(web.heads) == 2
    gate.set()
    assert [(await client.answer())[0] for client in clients] == [200] * 5
    assert edge.turns.taken == 0
    # And those who wait for too long are told.
    gate.clear()
    monkeypatch.setattr(front_module, "TURN_S", 0.0)
    for client in clients[:2]:
        client.writer.write(GET)
    await relay.settle(lambda: len(web.heads) == 7)
    clients[4].writer.write(GET)
    await relay.settle(lambda: any(front._turn is not None for front in edge.fronts))
    edge.look()
    status, head, body = await clients[4].answer()
    assert status == 503
    assert b"Retry-After: 5" in head
    assert b"try again" in body


async def test_a_client_that_leaves_does_not_free_the_thread(relay: Harness, gate: threading.Event) -> None:
    web = web_of(relay, held(gate))
    edge = relay.live.edge
    edge.turns = Turns(2, 10)
    for _ in range(2):
        client = await connect(relay)
        client.writer.write(GET)
        await relay.settle(lambda: edge.turns.taken > 0)
    await relay.settle(lambda: len(web.heads) == 2)
    for writer in relay.writers[-2:]:
        writer.transport.abort()
    await relay.settle(lambda: not edge.fronts)
    third = await connect(relay)
    third.writer.write(GET)
    await asyncio.sleep(0.1)
    assert edge.turns.taken == 2
    assert len(web.heads) == 2
    gate.set()
    assert (await third.answer())[0] == 200
    await relay.settle(lambda: edge.turns.taken == 0)


async def slow_client(relay: Harness) -> Client:
    """A client whose kernel takes little."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", relay.port))
    reader, writer = await asyncio.open_connection(
        sock=sock, ssl=net.endpoint_context(), server_hostname="localhost", limit=4096
    )
    relay.writers.append(writer)
    return Client(reader, writer)


async def test_large_answers_have_few_places(relay: Harness) -> None:
    big = 30_000_000
    web_of(relay, lambda head, body: (sized(big) if b"/big" in head else hello)(head, body))
    edge = relay.live.edge
    edge.transfers = Shares(2, 10)
    get_big = GET.replace(b"/page", b"/big")
    readers = [await slow_client(relay) for _ in range(2)]
    for client in readers:
        client.writer.write(get_big)
    await relay.settle(lambda: edge.transfers.taken == 2)
    await relay.settle(lambda: all(front.choked for front in edge.fronts))
    third = await connect(relay)
    status, head, body = await third.ask(get_big)
    assert status == 503
    assert b"Retry-After: 30" in head
    assert b"downloads" in body
    assert (await (await connect(relay)).ask(GET))[0] == 200
    readers[0].writer.transport.abort()
    await relay.settle(lambda: edge.transfers.taken == 1)
    again = await connect(relay)
    assert len((await again.ask(get_big))[2]) == big


async def test_who_reads_nothing_is_cut(relay: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_module, "READ_S", 0.1)
    web_of(relay, sized(30_000_000))
    edge = relay.live.edge
    client = await slow_client(relay)
    client.writer.write(GET)
    await relay.settle(lambda: any(front.choked for front in edge.fronts))
    for _ in range(5):
        await asyncio.sleep(0.15)
        edge.look()
    await relay.settle(lambda: not edge.fronts)
    assert edge.transfers.taken == edge.turns.taken == 0


async def test_small_answers_free_their_thread_whoever_reads_them(relay: Harness) -> None:
    web_of(relay, sized(backend.SMALL))
    edge = relay.live.edge
    edge.turns = Turns(1, 1)
    clients = [await slow_client(relay) for _ in range(4)]
    for client in clients:
        client.writer.write(GET * 20)
    await relay.settle(lambda: sum(front.choked for front in edge.fronts) == 4)
    await relay.settle(lambda: edge.turns.taken == 0)
    sizes = [front.transport.get_write_buffer_size() for front in edge.fronts]
    assert max(sizes) < 2 * backend.SMALL
    edge.full = Shares(0, 0)  # no place for another one: it is cut
    fifth = await slow_client(relay)
    fifth.writer.write(GET * 20)
    await asyncio.sleep(0.05)
    with contextlib.suppress(OSError):
        await fifth.closed()
    await relay.settle(lambda: len(edge.fronts) == 4)


# --- order


async def test_answers_keep_their_order_and_a_no_waits_for_its_turn(relay: Harness, gate: threading.Event) -> None:
    web = web_of(relay, held(gate))
    client = await connect(relay)
    client.writer.write(GET + POST % (5, b"") + b"hello" + GET + b"NONSENSE\r\n\r\n")
    await relay.settle(lambda: len(web.heads) == 1)
    gate.set()
    assert [(await client.answer())[::2] for _ in range(3)] == [(200, b"0:"), (200, b"5:hello"), (200, b"0:")]
    assert (await client.answer())[0] == 400
    assert await client.closed() == b""


async def test_expect_is_answered_here_and_in_order(relay: Harness, gate: threading.Event) -> None:
    web = web_of(relay, held(gate))
    client = await connect(relay)
    client.writer.write(GET + POST % (5, b"Expect: 100-continue\r\n"))
    await relay.settle(lambda: len(web.heads) == 1)
    gate.set()
    assert (await client.answer())[0] == 200
    assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert (await client.ask(b"hello"))[2] == b"5:hello"
    assert b"expect" not in web.heads[1].lower()


async def test_head_has_a_length_and_no_body(relay: Harness) -> None:
    web_of(
        relay, lambda head, body: b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + b"x" * 9 * head.startswith(b"GET")
    )
    client = await connect(relay)
    client.writer.write(GET.replace(b"GET", b"HEAD") + GET)
    await client.reader.readuntil(b"\r\n\r\n")
    assert (await client.answer())[2] == b"x" * 9


async def test_web_closing_between_requests_is_not_felt(relay: Harness) -> None:
    web = web_of(relay, hello)
    client = await connect(relay)
    assert (await client.ask(GET))[0] == 200
    for sock in web._open:
        sock.shutdown(socket.SHUT_RDWR)
    await relay.settle(lambda: not relay.live.edge.backs)
    assert (await client.ask(GET))[0] == 200


async def test_many_requests_at_once_are_read_no_further(relay: Harness, gate: threading.Event) -> None:
    web_of(relay, held(gate))
    client = await connect(relay)
    client.writer.write(GET * 100)
    await relay.settle(lambda: any(front._paused for front in relay.live.edge.fronts))
    gate.set()
    for _ in range(100):
        assert (await client.answer())[0] == 200
    client.writer.write(GET * 600)
    codes = [(await client.answer())[0] for _ in range(200)]
    assert set(codes) == {200}


# --- hosts


async def test_other_hosts_get_a_sentence(relay: Harness) -> None:
    web = web_of(relay, hello)
    for host in (b"evil.example", b"localhost.evil", b"[::1]"):
        client = await connect(relay)
        status, _, body = await client.ask(GET.replace(b"localhost", host))
        assert status == 421, (host, body)
        assert b"does not have that name" in body
    assert web.heads == []
    relay.policy(hosts=["*"])
    await relay.settle(lambda: relay.live.policy.now.hosts == ["*"])
    assert (await (await connect(relay)).ask(GET.replace(b"localhost", b"any.example")))[0] == 200


async def test_before_the_claim_any_host_is_served(make_relay: Callable[[], Harness]) -> None:
    relay = await make_relay().start(claimed=False)
    web_of(relay, hello)
    assert (await (await connect(relay)).ask(GET.replace(b"localhost", b"any.example")))[0] == 200


# --- places


BROKEN_UPGRADES = [
    UPGRADE.replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""),
    UPGRADE.replace("Sec-WebSocket-Version: 13\r\n", ""),
    UPGRADE.replace("Upgrade: websocket\r\n", ""),
    UPGRADE,
    UPGRADE[:-2],
    "GET {path}\r\n\r\n",
]


@pytest.mark.parametrize("text", BROKEN_UPGRADES)
@pytest.mark.parametrize("path", ["/live/leg", "/live/link", "/live/nothing"])
async def test_every_end_of_an_upgrade_gives_the_place_back(relay: Harness, text: str, path: str) -> None:
    client = await connect(relay)
    client.writer.write(text.format(path=path, host="localhost", extra="").encode())
    await asyncio.sleep(0.05)
    client.writer.transport.abort()
    await relay.settle(lambda: not relay.live.edge.doors._open)
    assert relay.live.edge.doors.taken == 0


async def test_connections_count_before_tls(make_relay: Callable[[], Harness]) -> None:
    relay = await make_relay().start(sockets_per_address=3)
    web_of(relay, hello)
    silent = [socket.create_connection(("127.0.0.1", relay.port)) for _ in range(3)]
    await relay.settle(lambda: relay.live.edge.doors.taken == 3)
    with pytest.raises((OSError, asyncio.IncompleteReadError)):
        await connect(relay)
    for sock in silent:
        sock.close()
    await relay.settle(lambda: relay.live.edge.doors.taken == 0)
    assert (await (await connect(relay)).ask(GET))[0] == 200


async def test_who_does_not_greet_in_time_is_cut(
    make_relay: Callable[[], Harness], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(net, "HANDSHAKE_S", 0.3)
    relay = await make_relay().start()
    with socket.create_connection(("127.0.0.1", relay.port)) as silent:
        silent.setblocking(False)
        async with asyncio.timeout(60):
            assert await asyncio.get_running_loop().sock_recv(silent, 1) == b""
    await relay.settle(lambda: relay.live.edge.doors.taken == 0)


async def test_the_port_survives_a_lack_of_descriptors(relay: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    web_of(relay, hello)
    acceptor: Any = relay.relay._server  # type: ignore[union-attr]
    real = acceptor._sock

    class Empty:
        def accept(self) -> None:
            raise OSError(24, "Too many open files")

        def fileno(self) -> int:
            return int(real.fileno())

    monkeypatch.setattr(net, "ACCEPT_PAUSE_S", 0.1)
    acceptor._sock = Empty()
    pending = asyncio.create_task(connect(relay))
    await asyncio.sleep(0.1)
    acceptor._sock = real
    assert (await (await asyncio.wait_for(pending, 60)).ask(GET))[0] == 200


# --- pure parts


def test_blocks_take_turns() -> None:
    turns = Turns(1, 2)
    order: list[str] = []
    asked: list[Turn] = [turns.ask("a", lambda: None), turns.ask("b", lambda: None)]
    asked.extend(turns.ask(block, functools.partial(order.append, block)) for block in ("a", "a", "b", "c", "a"))
    turns.end(asked[3])  # gave up while waiting
    for turn in (asked[0], asked[0], asked[2]):
        turns.end(turn)
    turns.end(asked[1])
    assert order == ["a", "c", "b"]
    for turn in asked:
        turns.end(turn)
    assert turns.taken == 0
    assert not turns._waiting


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n3\r\n\r\n0\r\n0\r\nX: y\r\n\r\n"
ANSWERS = [
    (CHUNKED, False),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", False),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n", True),
    (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 30\r\n\r\n", False),
    (b"HTTP/1.1 204 No Content\r\n\r\n", False),
]


@given(st.sampled_from(ANSWERS), st.lists(st.integers(0, 100), max_size=6))
def test_an_answer_ends_where_it_ends_however_it_is_cut(answer: tuple[bytes, bool], cuts: list[int]) -> None:
    data, bodiless = answer
    follow = Answer(bodiless=bodiless)
    at = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    got = b""
    for start, end in itertools.pairwise(at):
        assert not follow.done
        got += follow.feed(data[start:end])
    assert follow.done
    assert got == data.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    with pytest.raises(BrokenAnswer):
        follow.feed(b"x")


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
        CHUNKED + b"x",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"x" * 70_000,
    ],
)
def test_what_is_no_answer_is_said(data: bytes) -> None:
    with pytest.raises(BrokenAnswer):
        Answer(bodiless=False).feed(data)


async def test_admission_is_taken_by_agents_that_prove_themselves(
    relay: Harness, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from tests.unit.relay.harness import refusal

    from farhand.kit import signing
    from farhand.relay.live import links

    relay.policy(links_per_second=1)
    await relay.settle(lambda: relay.live.links.admission.rate == 1)
    real, relay.issuer = relay.issuer, signing.new_key()
    for _ in range(3):
        assert (await refusal((await relay.agent(welcome=False)).peer)).code == "bad-ticket"
    relay.issuer = real
    monkeypatch.setattr(links, "AGENT_S", 30.0)
    agent = await relay.agent()  # nobody has taken its turn
    relay.policy(links_per_second=1000)
    await relay.settle(lambda: relay.live.links.admission.rate == 1000)
    said = await refusal((await relay.agent(agent.key, agent.agent_id, welcome=False)).peer)
    assert (said.code, said.retry_after_s) == ("busy", 30)
    await relay.agent()
