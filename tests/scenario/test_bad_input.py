"""Bad input at the port of a real appliance: a clear refusal, one structured line, nobody dies, nothing is lost."""

import base64
import contextlib
import json
import os
import resource
import shutil
import socket
import ssl
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.harness.appliance import ADMIN, Appliance, wait_for
from tests.harness.claimed import claimed_data, sign_in
from tests.harness.client import Machine, item_named, new_jump_client
from tests.harness.console import CONTROL, Console, LiveSocket, control, open_socket

from farhand.kit.ids import new_id
from farhand.protocol import frames
from farhand.protocol.channels import Control, Durable, Kind, channel

LIVE = ("link", "leg", "events")


@pytest.fixture(autouse=True)
def nobody_dies(appliance: Appliance) -> Iterator[None]:
    """After every test the same processes run, and pages are served."""
    before = appliance.pids
    lines = len(appliance.lines)
    yield
    assert appliance.pids == before, appliance.lines[lines:]
    assert appliance.visitor().get("/login").status == 200
    said = "\n".join(appliance.lines[lines:])
    assert "Traceback" not in said, said
    assert not appliance.logged("loop_error", lines), appliance.logged("loop_error", lines)


def tls(appliance: Appliance) -> ssl.SSLSocket:
    """A raw TLS connection to the port."""
    plain = socket.create_connection(("localhost", appliance.port), timeout=60)
    return ssl._create_unverified_context().wrap_socket(plain)


def exchange(appliance: Appliance, request: bytes) -> bytes:
    """Send bytes and read until the other side closes."""
    with tls(appliance) as connection:
        connection.sendall(request)
        return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    """Everything until the end of the connection."""
    answer = b""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while block := connection.recv(65536):
            answer += block
    return answer


def upgrade(appliance: Appliance, path: str, *headers: str, host: str | None = None) -> bytes:
    """Ask for a WebSocket and return the head of the answer."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host if host is not None else f'localhost:{appliance.port}'}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode(),
        *headers,
    ]
    with tls(appliance) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return connection.recv(65536)


def one_line(appliance: Appliance, event: str, since: int, **fields: object) -> dict[str, Any]:
    """Wait for the line about it; there is exactly one."""
    found = wait_for(lambda: appliance.logged(event, since, **fields), 60, f"a line {event}")
    assert len(found) == 1, found
    return dict(found[0])


#
@pytest.mark.parametrize("path", LIVE)
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://localhost:{port}",
        "https://localhost:1",
        "https://localhost.evil:{port}",
        "",
    ],
)
def test_pages_of_another_site_may_not_connect(appliance: Appliance, path: str, origin: str) -> None:
    time.sleep(1.05)  # such lines are written at most once a second
    since = len(appliance.lines)
    answer = upgrade(appliance, f"/live/{path}", "Origin: " + origin.format(port=appliance.port))
    assert answer.startswith(b"HTTP/1.1 403"), answer[:200]
    assert b"another site" in answer
    one_line(appliance, "origin_refused", since)


def test_two_origins_are_refused(appliance: Appliance) -> None:
    mine = f"Origin: https://localhost:{appliance.port}"
    assert upgrade(appliance, "/live/events", mine, mine).startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize("path", LIVE)
def test_an_absent_or_own_origin_opens_the_socket_and_nothing_more(appliance: Appliance, path: str) -> None:
    for headers in ([], [f"Origin: https://localhost:{appliance.port}"]):
        answer = upgrade(appliance, f"/live/{path}", *headers)
        assert answer.startswith(b"HTTP/1.1 101"), answer[:200]


@pytest.mark.parametrize("host", ["", "[::1", "a@b", "name:port", "under_score", "a b", "\u00e4.example"])
def test_a_host_that_is_none_is_refused(appliance: Appliance, host: str) -> None:
    for path in LIVE:
        answer = upgrade(appliance, f"/live/{path}", host=host)
        assert answer.split(b" ")[1] in (b"421", b"400"), (host, answer[:200])
    page = exchange(appliance, f"GET /login HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert page.split(b" ")[1] in (b"400", b"421"), page[:200]
    assert b"password" not in page


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "empty"),
        (b"\x01", "one byte"),
        (os.urandom(64), "noise"),
        (frames.build(Control.JOIN, CONTROL, 0, b"{}"), "fields missing"),
        (frames.build(Control.JOIN, CONTROL, 0, b'{"ticket":"\xff\xfe"}'), "invalid UTF-8"),
        (frames.build(Control.JOIN, CONTROL, 0, b"[" * 100_000), "nested"),
        (frames.build(Control.JOIN, CONTROL, 0, b'{"ticket":"' + b"a" * 20_000 + b'"}'), "too long"),
        (frames.build(Control.JOIN, CONTROL, 7, b"{}"), "another leg"),
        (frames.build(Durable.POST, channel(Kind.CHAT), 0, b"{}"), "not signed in"),
        (struct.pack("<BBHHHI", 9, 16, 0, 0, 0, 0), "version"),
        (struct.pack("<BBHHHI", 1, 16, 0, 0, 0, 500), "length"),
        (struct.pack("<BBHHHI", 1, 16, 0, 0, 1, 0), "reserved"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_a_sign_in_closes_the_socket(appliance: Appliance, data: bytes, what: str) -> None:
    since = len(appliance.lines)
    for path in LIVE:
        live = open_socket(appliance.port, f"/live/{path}")
        raw_message(live, data)
        refused = live.wait(control(Control.REFUSE), what=f"REFUSE on {path}")
        assert refused["code"] == "bad-message", (path, refused)
        assert refused["text"]
        wait_for(lambda s=live: s.closed, 60, "the end of the socket")  # type: ignore[misc]
    wait_for(lambda: len(appliance.logged("bad_message", since)) == len(LIVE), 60, "one line each")


def raw_message(live: LiveSocket, data: bytes) -> None:
    """Send a binary message that may be no frame."""
    from picows import WSMsgType
    from tests.harness.console import shared_loop

    shared_loop().loop.call_soon_threadsafe(live._transport.send, WSMsgType.BINARY, data)


@pytest.mark.parametrize("path", LIVE)
def test_text_and_oversized_messages_close_the_socket(appliance: Appliance, path: str) -> None:
    from picows import WSMsgType
    from tests.harness.console import shared_loop

    text = open_socket(appliance.port, f"/live/{path}")
    shared_loop().loop.call_soon_threadsafe(text._transport.send, WSMsgType.TEXT, b"hello")
    wait_for(lambda: text.closed, 60, "the end of the socket")
    large = open_socket(appliance.port, f"/live/{path}")
    raw_message(large, b"\1" * (4 << 20))
    wait_for(lambda: large.closed, 60, "the end of the socket")


#
def test_wrong_tickets_say_what_is_wrong(appliance: Appliance, console: Console) -> None:
    good = console.post("events-ticket")["events_ticket"]
    forged = good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB")
    for path, kind, ticket in (
        ("events", Control.LISTEN, "nonsense"), ("events", Control.LISTEN, forged), ("leg", Control.JOIN, good),
        ("leg", Control.JOIN, "A" * 200),
    ):  # fmt: skip
        since = len(appliance.lines)
        live = open_socket(appliance.port, f"/live/{path}", console.visitor.origin)
        live.send(kind, CONTROL, json.dumps({"ticket": ticket}).encode())
        refused = live.wait(control(Control.REFUSE), what="REFUSE")
        assert refused["code"] == "bad-ticket"
        assert one_line(appliance, "sign_in_refused", since)["code"] == "bad-ticket"
    assert good not in "\n".join(appliance.lines), "tickets are not written to logs"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n", b"400"),
        (b"\x16\x03\x01 nonsense\r\n\r\n", b"400"),
        (b"CONNECT evil:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", b"405"),
        (b"TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"405"),
        (b"GET http://evil/ HTTP/1.1\r\nHost: localhost\r\n\r\n", b"400"),
        (b"POST /start HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
        (b"POST /start HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", b"400"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", b"431"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 500 + b"\r\n", b"431"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"400"),
    ],
    ids=["no host", "two hosts", "noise", "connect", "trace", "absolute", "chunked", "two lengths", "long header",
         "long path", "many headers", "http/2"],
)  # fmt: skip
def test_malformed_requests_get_a_short_answer(appliance: Appliance, request_bytes: bytes, status: bytes) -> None:
    answer = exchange(appliance, request_bytes)
    assert answer.split(b" ")[1] == status, answer[:300]
    assert b"Connection: close" in answer
    assert b"<p>" in answer, "a sentence for people"


def test_invalid_utf8_in_forms_and_bodies_is_answered(appliance: Appliance, console: Console) -> None:
    visitor = appliance.visitor()
    for path in ("/api/agent/enrol", "/api/customer/info", "/api/customer/start"):
        for body in (b"\xff\xfe\x00", b'{"join": "\xff"}', b"{}", b"[]", b"null", b"[" * 50_000, b'{"join": 7}'):
            answer = visitor.request("POST", path, body, Content_Type="application/json")
            assert answer.status == 400, (path, body[:20], answer.text)
            assert answer.json()["error"]["code"] == "invalid"
        large = visitor.request("POST", path, b"x" * 70_000, Content_Type="application/json")
        assert large.status in (400, 413)
    bad = visitor.submit("/", {"key": b"\xff\xfe\xfd"}, to="/start")
    assert bad.status in (400, 404)
    for body in (b"\xff", b"{", b'{"lifetime_s": "600"}', b'{"lifetime_s": 600, "more": 1}', b"[]"):
        token = next(v for k, v in console.visitor.cookies.items() if "csrf" in k.lower())
        answer = console.visitor.request(
            "POST", "/api/console/session-keys", body, Content_Type="application/json", X_CSRFToken=token
        )
        assert answer.status in (400, 422), (body, answer.text)
        assert answer.json()["error"]["text"]
    for path in (
        "/login/%ff",
        "/%00",
        "/login/reports/support/%2e%2e%2f",
        "/help/%e2%80%ae",
        "/?q=%ff%fe",
        "/reports/x/screen/index.json",
    ):
        answer = console.visitor.request("GET", path)
        assert answer.status in (200, 302, 400, 404), (path, answer.status)


#
def test_a_post_without_its_proof_of_origin_changes_nothing(appliance: Appliance, console: Console) -> None:
    cookies = {"Cookie": "; ".join(f"{k}={v}" for k, v in console.visitor.cookies.items())}
    stranger = appliance.visitor()
    for headers in ({}, {"Origin": "https://evil.example"}, {"X_CSRFToken": "a" * 64}):
        answer = stranger.request(
            "POST",
            "/api/console/session-keys",
            b'{"lifetime_s":600}',
            Content_Type="application/json",
            **cookies,
            **headers,
        )
        assert answer.status == 403, headers
        assert answer.json()["error"]["code"] == "csrf"
    for path in ("/login/sign-out", "/api/console/logout", "/help/download", "/start"):
        assert console.visitor.request("GET", path).status == 405, "no GET changes anything"
    assert console.snapshot()


def test_plain_http_on_the_port_is_closed(appliance: Appliance) -> None:
    with socket.create_connection(("localhost", appliance.port), timeout=60) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = read_all(plain)
    assert b"<html" not in answer


@pytest.mark.long
def test_a_head_that_never_ends_is_cut_and_nobody_waits_for_it(appliance: Appliance) -> None:
    slow = [tls(appliance) for _ in range(30)]
    try:
        begin = time.monotonic()
        over: set[int] = set()
        for connection in slow:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
            connection.settimeout(0.05)
        while len(over) < len(slow) and time.monotonic() - begin < 40:
            assert appliance.visitor().get("/login").status == 200
            for number, connection in enumerate(slow):
                if number in over:
                    continue
                try:
                    connection.sendall(b"a")
                    if not (data := connection.recv(4096)) or b"408" in data:
                        over.add(number)
                except TimeoutError:
                    continue
                except (ssl.SSLError, OSError):
                    over.add(number)
        assert len(over) == len(slow)
    finally:
        for connection in slow:
            connection.close()


# --- a full disk


@contextlib.contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """A tmpfs of 200 MiB at `place`; without the right to mount one the whole test fails and says so."""
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    mounted = done.returncode == 0
    try:
        yield place if mounted else Path()
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path) -> Path:
    """Take all space that is left."""
    ballast = place / "ballast"
    with ballast.open("ab", buffering=0) as file:
        size = 1 << 20
        while size:
            try:
                if file.write(b"\0" * size) < size:
                    size //= 2
            except OSError:
                size //= 2
    return ballast


def test_a_full_disk_refuses_and_loses_nothing(
    tmp_path: Path, claimed_pattern: Path, machines: Path, request: pytest.FixtureRequest
) -> None:
    with small_disk(tmp_path / "disk") as disk:
        data = disk / "data" if disk != Path() else tmp_path / "data"
        with Appliance(claimed_data(claimed_pattern, data)) as own:
            console = Console(sign_in(own, ADMIN["username"], ADMIN["password"]))
            client = new_jump_client(own, console.visitor, machines, "full")
            request.addfinalizer(client.stop)
            live = console.jump(item_named(console, "full")["id"])
            live.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
            live.say("before")
            pids = own.pids
            relay = pids["relay"]
            if disk != Path():
                ballast = fill(disk)
            else:  # files of the relay may not grow
                resource.prlimit(relay, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
            ident = new_id()
            body = json.dumps({"id": ident, "kind": "chat", "text": "into the full disk" + "x" * 4000}).encode()
            refused = None
            for _ in range(20):  # some last page of the journal's file may still be free
                since = len(live.socket.frames)
                live.socket.send(Durable.POST, channel(Kind.CHAT), body, live.leg)
                answer = live.socket.wait(
                    lambda f: (
                        f if f.channel == channel(Kind.CHAT) and f.type in (Durable.ENTRY, Durable.REFUSED) else None
                    ),
                    since=since,
                    what="an answer",
                )
                if answer.type == Durable.REFUSED:
                    refused = json.loads(answer.payload)
                    break
                ident = new_id()
                body = json.dumps({"id": ident, "kind": "chat", "text": "into the full disk" + "x" * 4000}).encode()
            assert refused is not None
            assert refused["id"] == ident
            assert refused["code"] == "not-stored"
            assert not any(e["id"] == ident for e in live.entries())
            if disk != Path():
                assert console.visitor.get("/login").status in (200, 500, 503)
                ballast.unlink()
            else:
                resource.prlimit(relay, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            acknowledged = live.say("into the full disk" + "x" * 4000, ident)
            assert acknowledged["id"] == ident
            live.say("after")
            assert own.pids == pids, "nobody died"
            wait_for(lambda: console.visitor.get("/login").status == 200, what="pages")
            live.end()
            texts = [e["text"] for e in live.entries() if e["kind"] == "chat"]
            assert texts.count("into the full disk" + "x" * 4000) >= 1
            report = wait_for(
                lambda: "after" in (t := console.visitor.get(f"/login/reports/support/{live.id}").text) and t,
                what="the report",
            )
            assert report.count('<span class="said">before</span>') == 1
            client.stop()


def test_a_disk_that_is_too_full_to_start_says_so(tmp_path: Path) -> None:
    from tests.harness.appliance import free_port, run_farhand

    with small_disk(tmp_path / "disk") as disk:
        if disk == Path():
            pytest.fail("this test needs the right to mount a tmpfs")
        ballast = disk / "ballast"
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, 150 << 20)
        done = run_farhand("serve", "--data", str(disk / "data"), "--port", str(free_port()))
        assert done.returncode == 1
        assert "MiB" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_a_machine_without_a_display_says_so(appliance: Appliance, console: Console, machines: Path) -> None:
    from farhand.protocol.channels import Screen

    client = new_jump_client(appliance, console.visitor, machines, "headless")
    try:
        live = console.jump(item_named(console, "headless")["id"])
        live.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
        live.socket.send(Screen.START, channel(Kind.SCREEN), b'{"max_fps":10}', live.leg)
        stopped = live.socket.wait(
            lambda f: json.loads(f.payload) if f.type == Screen.STOPPED and f.channel == channel(Kind.SCREEN) else None,
            what="STOPPED",
        )
        assert stopped["reason"] == "no-display"
        assert stopped["text"]
        live.say("the rest works")
        live.end()
    finally:
        client.stop()


def test_a_client_file_that_is_damaged_says_so(machines: Path) -> None:
    from tests.harness.client import FILE

    machine = Machine(machines / "damaged")
    broken = machine.home / "broken.pyz"
    shutil.copyfile(FILE, broken)
    with broken.open("r+b") as file:
        file.truncate(broken.stat().st_size // 2)
    done = machine.run([machine.python, str(broken), "run"])
    assert done.returncode != 0
