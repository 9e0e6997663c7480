"""The front door on real sockets: hand-over to a fake `web`, limits, and what never crosses."""

import asyncio
import ssl
from collections.abc import Callable

import pytest
from tests.unit.relay.harness import FakeWeb, Harness

from farhand.kit import net
from farhand.relay.door import backend, reader
from farhand.relay.door.shares import Shares

GET = b"GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n"


def hello(head: bytes, body: bytes) -> bytes:
    text = b"%d:%s" % (len(body), body[:20])
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def answer(self) -> tuple[int, bytes, bytes]:
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 60)
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        body = await asyncio.wait_for(self.reader.readexactly(length), 60)
        return int(head.split(b" ")[1]), head, body

    async def ask(self, data: bytes) -> tuple[int, bytes, bytes]:
        self.writer.write(data)
        return await self.answer()

    async def closed(self) -> bytes:
        return await asyncio.wait_for(self.reader.read(), 60)


async def connect(relay: Harness, *, tls: bool = True) -> Client:
    context = net.endpoint_context() if tls else None
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port, ssl=context)
    relay.writers.append(writer)
    return Client(reader, writer)


async def test_an_ipv4_peer_is_one_however_the_socket_shows_it(relay: Harness) -> None:
    edge = relay.live.edge
    edge.doors = Shares(2, 100)
    addresses = ("::ffff:192.0.2.7", "192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1", "2001:db8::2", "2001:db8::3")
    taken = [edge.accept(address) for address in addresses]
    # the third of one address, and the third of one /64
    assert [one is not None for one in taken] == [True, True, False, True, True, False]
    assert [one[0].address for one in taken if one][:3] == ["192.0.2.7", "192.0.2.7", "2001:db8::1"]
    for one in taken:
        if one is not None:
            one[1]()
            one[1]()
    assert not edge.doors._open
    assert edge.doors.taken == 0


@pytest.fixture
def web(relay: Harness) -> FakeWeb:
    relay.web = FakeWeb(relay.data / "run" / "web.sock", hello)
    return relay.web


async def test_a_request_reaches_web_with_the_relays_word_on_the_address(relay: Harness, web: FakeWeb) -> None:
    client = await connect(relay)
    status, _, _ = await client.ask(
        b"GET /page?x=1 HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 9.9.9.9\r\nX_Forwarded_For: 8.8.8.8\r\n"
        b"Forwarded: for=7.7.7.7\r\nCookie: a=b\r\nConnection: keep-alive, x-named\r\nX-Named: 1\r\n\r\n"
    )
    assert status == 200
    head = web.heads[0].lower()
    assert head.startswith(b"get /page?x=1 http/1.1")
    assert b"x-forwarded-for: 127.0.0.1" in head
    assert b"x-forwarded-proto: https" in head
    assert b"x-forwarded-host: localhost" in head
    assert b"cookie: a=b" in head
    for foreign in (b"9.9.9.9", b"8.8.8.8", b"7.7.7.7", b"x-named"):
        assert foreign not in head


async def test_first_bytes_may_be_split_anywhere(relay: Harness, web: FakeWeb) -> None:
    for data in (
        GET,
        b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /livery HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ):
        client = await connect(relay)
        for index in range(len(data)):
            client.writer.write(data[index : index + 1])
            await client.writer.drain()
            await asyncio.sleep(0)
        assert (await client.answer())[0] == 200
    upgrade = (
        b"GET /live/link HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    for cut in (1, 4, 9, 10, 11, 60, len(upgrade) - 1):
        client = await connect(relay)
        client.writer.write(upgrade[:cut])
        await client.writer.drain()
        await asyncio.sleep(0.02)
        client.writer.write(upgrade[cut:])
        head = await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), 60)
        assert b" 101 " in head
        assert (await client.reader.readexactly(1)) == b"\x82"  # HELLO, binary


async def test_many_requests_on_one_connection_and_pipelined(relay: Harness, web: FakeWeb) -> None:
    client = await connect(relay)
    post = b"POST /form HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"
    client.writer.write(GET + post + GET)
    assert [(await client.answer())[2] for _ in range(3)] == [b"0:", b"5:hello", b"0:"]
    assert (await client.ask(post))[2] == b"5:hello"


async def test_large_bodies_cross_whole(relay: Harness) -> None:
    relay.web = FakeWeb(
        relay.data / "run" / "web.sock",
        lambda head, body: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (20 * len(body)) + body[::-1] * 20,
    )
    client = await connect(relay)
    body = bytes(range(256)) * 4096
    client.writer.write(b"POST /up HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert (await client.answer())[2] == body[::-1] * 20


async def test_memory_stays_flat_when_the_client_does_not_read(relay: Harness) -> None:
    # web writes 30 MB, the client reads nothing yet
    big = b"x" * 30_000_000
    relay.web = FakeWeb(
        relay.data / "run" / "web.sock", lambda head, body: b"HTTP/1.1 200 OK\r\nContent-Length: 30000000\r\n\r\n" + big
    )
    client = await connect(relay)
    client.writer.write(GET)
    await asyncio.sleep(0.5)
    (front,) = relay.live.edge.fronts
    assert front.transport.get_write_buffer_size() < 2_000_000
    assert len((await client.answer())[2]) == len(big)


BAD = [
    (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: name:port\r\n\r\n", 400),
    (b"GET /x HTTP/1.1\r\n\r\n", 400),
    (b"GET /x HTTP/1.1\r\nHost: localhost\r\nHost: b\r\n\r\n", 400),
    (b"GET http://other/x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
    (b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    (b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", None),
    (b"GET /x HTTP/1.1\r\nHost: localhost\r\nBad Header: 1\r\n\r\n", 400),
    (b"GET /x HTTP/1.1\r\nHost: localhost\r\n folded: 1\r\n\r\n", None),
    (b"TRACE /x HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
    (b"GET /x HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 400),
    (b"GET /x HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: 1\r\n" * 101 + b"\r\n", 431),
    (b"GET /x HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 40_000 + b"\r\n\r\n", 431),
    (b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
    (b"\x16\x03\x01 nonsense\r\n\r\n", 400),
]


@pytest.mark.parametrize(("data", "status"), BAD)
async def test_what_is_not_a_proper_request_never_reaches_web(
    relay: Harness, web: FakeWeb, data: bytes, status: int | None
) -> None:
    client = await connect(relay)
    got, _, body = await client.ask(data)
    assert got == (status or got)
    assert 400 <= got < 500
    assert b"<p>" in body
    assert await client.closed() == b""
    assert web.heads == []


async def test_web_away_gets_a_page_and_web_late_gets_served(relay: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await connect(relay)
    client.writer.write(GET)
    await asyncio.sleep(0.1)
    relay.web = FakeWeb(relay.data / "run" / "web.sock", hello)
    assert (await client.answer())[0] == 200
    relay.web.close()
    (relay.data / "run" / "web.sock").unlink()
    monkeypatch.setattr(backend, "WEB_WAITS", (0.01,))
    client = await connect(relay)
    status, head, body = await client.ask(GET)
    assert status == 503
    assert b"Retry-After: " in head
    assert b"again in a few seconds" in body


async def test_web_dying_in_a_request_is_said(relay: Harness) -> None:
    def die(head: bytes, body: bytes) -> bytes:
        raise OSError

    relay.web = FakeWeb(relay.data / "run" / "web.sock", die)

    client = await connect(relay)
    client.writer.write(GET)
    await relay.settle(lambda: bool(relay.web and relay.web.heads))
    relay.web.close()
    assert (await client.answer())[0] == 502


async def test_stalled_body_and_slow_head_are_cut(
    relay: Harness, web: FakeWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "HEAD_S", 0.2)
    monkeypatch.setattr(reader, "BODY_S", 0.2)
    slow_head = await connect(relay)
    slow_body = await connect(relay)
    silent = await connect(relay)
    slow_head.writer.write(b"GET /x HTTP/1.1\r\nHost:")
    slow_body.writer.write(b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc")
    assert (await slow_head.answer())[0] == 408
    assert (await slow_body.answer())[0] == 408
    assert await silent.closed() == b""
    await relay.settle(lambda: not relay.live.edge.fronts)


async def test_plain_http_on_the_tls_port_is_just_closed(relay: Harness, web: FakeWeb) -> None:
    client = await connect(relay, tls=False)
    client.writer.write(GET)
    assert b"HTTP" not in await client.closed()


async def test_one_address_has_a_limit_of_sockets(make_relay: Callable[[], Harness]) -> None:
    relay = await make_relay().start(sockets_per_address=3)
    relay.web = FakeWeb(relay.data / "run" / "web.sock", hello)
    clients = [await connect(relay) for _ in range(3)]
    await relay.settle(lambda: len(relay.live.edge.fronts) == 3)
    with pytest.raises((OSError, asyncio.IncompleteReadError, ssl.SSLError)):
        await (await connect(relay)).ask(GET)
    clients[0].writer.close()
    await relay.settle(lambda: len(relay.live.edge.fronts) == 2)
    assert (await (await connect(relay)).ask(GET))[0] == 200


async def test_signed_in_links_do_not_count(make_relay: Callable[[], Harness]) -> None:
    relay = await make_relay().start(sockets_per_address=2)
    for _ in range(4):
        await relay.agent()
    assert not relay.live.edge.doors._open


UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{extra}"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest.mark.parametrize(
    ("path", "host", "extra", "status"),
    [
        ("/live/link", "localhost", "", 101),
        ("/live/leg", "LOCALHOST:8443", "Origin: https://localhost:8443\r\n", 101),
        ("/live/events", "localhost", "Origin: https://localhost:443\r\n", 101),
        ("/live/events", "localhost", "Origin: https://evil.example\r\n", 403),
        ("/live/events", "localhost", "Origin: http://localhost\r\n", 403),
        ("/live/events", "localhost:8443", "Origin: https://localhost\r\n", 403),
        ("/live/events", "localhost", "Origin: null\r\n", 403),
        ("/live/events", "localhost", "Origin: https://localhost\r\nOrigin: https://localhost\r\n", 403),
        ("/live/link", "evil.example", "", 421),
        ("/live/link", "evil.example", "Origin: https://evil.example\r\n", 421),
        ("/live/other", "localhost", "", 404),
    ],
)
async def test_host_and_origin_of_every_websocket(
    relay: Harness, path: str, host: str, extra: str, status: int
) -> None:
    # Origin is checked on every WebSocket in every mode
    client = await connect(relay)
    client.writer.write(UPGRADE.format(path=path, host=host, extra=extra).encode())
    head = await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), 60)
    assert int(head.split(b" ")[1]) == status


async def test_a_websocket_head_that_is_no_ascii_is_answered(relay: Harness) -> None:
    client = await connect(relay)
    text = UPGRADE.format(path="/live/link", host="localhost", extra="").encode()
    status, _, body = await client.ask(text.replace(b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Version: 1\xf3"))
    assert status == 400
    assert b"ASCII" in body


async def test_before_the_claim_live_answers_503(make_relay: Callable[[], Harness]) -> None:
    relay = await make_relay().start(claimed=False)
    client = await connect(relay)
    status, _, body = await client.ask(UPGRADE.format(path="/live/link", host="localhost", extra="").encode())
    assert status == 503
    assert b"claimed" in body


async def test_drain_finishes_the_answer_that_is_due(make_relay: Callable[[], Harness]) -> None:
    relay = await make_relay().start()
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(head: bytes, body: bytes) -> bytes:
        asyncio.run_coroutine_threadsafe(gate.wait(), loop).result(60)
        return hello(head, body)

    relay.web = FakeWeb(relay.data / "run" / "web.sock", slow)
    client = await connect(relay)
    idle = await connect(relay)
    agent = await relay.agent()
    client.writer.write(GET)
    await relay.settle(lambda: bool(relay.web and relay.web.heads))
    assert relay.relay is not None
    stopping = asyncio.create_task(relay.relay.stop())
    await agent.peer.gone()
    assert agent.peer.listener.code == 1012
    assert await idle.closed() == b""
    gate.set()
    assert (await client.answer())[0] == 200
    await asyncio.wait_for(stopping, 60)
    relay.relay = None
