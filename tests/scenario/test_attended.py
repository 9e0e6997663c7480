"""A customer with a session key: portal, client, consent, session, end. And keys that open nothing."""

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.harness.appliance import ADMIN, Appliance, wait_for
from tests.harness.claimed import claimed_data, sign_in
from tests.harness.client import (
    FILE,
    Customer,
    Machine,
    comment_of,
    download_client,
    use_key,
)
from tests.harness.console import Console, LiveSession, control
from tests.harness.visitor import Visitor

from farhand.protocol.channels import Control, Kind, Shell, channel

Start = Callable[..., Customer]


@pytest.fixture
def start(machines: Path) -> Iterator[Start]:
    """Starts customer clients and ends them with the test."""
    started: list[Customer] = []

    def run(file: Path, *arguments: str) -> Customer:
        started.append(Customer(Machine(machines / "customer"), file, *arguments))
        return started[-1]

    yield run
    for customer in started:
        customer.stop()


@pytest.fixture(autouse=True)
def no_rest(console: Console) -> Iterator[None]:
    """A session that a failed test leaves behind must not fail the next one."""
    yield
    for session in waiting(console):
        console.visitor.api("POST", f"/api/console/sessions/{session['id']}/accept", {"tab": console.tab})
        console.visitor.api("POST", f"/api/console/sessions/{session['id']}/end", {})


def new_key(console: Console, lifetime_s: int = 600) -> dict[str, Any]:
    """Press Start New Session."""
    return console.post("session-keys", {"lifetime_s": lifetime_s})


def arrive(appliance: Appliance, console: Console, folder: Path) -> tuple[Visitor, Path]:
    """A customer enters a new key and downloads the client."""
    visitor = appliance.visitor()
    assert use_key(visitor, new_key(console)["shown"]).status == 200
    return visitor, download_client(visitor, folder)


def waiting(console: Console) -> list[dict[str, Any]]:
    """Support sessions that the console's user sees."""
    return [session for session in console.items("sessions") if session["kind"] == "support"]


def accepted(console: Console, customer: Customer) -> LiveSession:
    """The customer consents and the representative presses Accept."""
    customer.wait_shown("Type `accept` or `decline`:")
    customer.type("accept")
    session = wait_for(lambda: next((s for s in waiting(console) if s["state"] == "waiting"), None), what="the session")
    return console.accept(session["id"])


#
def test_a_session_key_is_twelve_digits_with_address_and_expiry(console: Console) -> None:
    before = time.time() * 1000
    key = new_key(console, 1800)
    assert re.fullmatch(r"[0-9]{12}", key["key"])
    assert key["shown"] == f"{key['key'][:4]}-{key['key'][4:8]}-{key['key'][8:]}"
    assert re.fullmatch(rf"{console.visitor.origin}/#k=[0-9a-f]{{32}}", key["url"])
    assert abs(key["expires_ms"] - before - 1_800_000) < 60_000
    assert key["portal"] == f"localhost:{console.visitor.port}"
    assert 600 in console.snapshot()["site"]["lifetimes_s"]
    odd = console.visitor.api("POST", "/api/console/session-keys", {"lifetime_s": 601})
    assert odd.status == 400
    assert odd.json()["error"]["field"] == "lifetime_s"


#
@pytest.mark.parametrize("by", ["key", "token"])
def test_a_used_key_alone_is_no_queue_entry(appliance: Appliance, console: Console, tmp_path: Path, by: str) -> None:
    known = {session["id"] for session in waiting(console)}
    key = new_key(console)
    customer = appliance.visitor()
    fields = {"key": f" {key['key'][:6]} {key['key'][6:]} "} if by == "key" else {"token": key["url"].split("#k=")[1]}
    answer = customer.submit("/", fields, to="/start")
    assert answer.status == 200
    assert "Administrator will help you" in answer.text
    assert customer.get("/help/state").json()["state"] == "joining"
    assert {session["id"] for session in waiting(console)} == known
    file = download_client(customer, tmp_path)
    way_in = comment_of(file)
    assert way_in["server"] == customer.origin
    assert re.fullmatch(r"[0-9a-f]{64}", way_in["site_key"])
    plain = FILE.read_bytes()
    assert file.read_bytes()[: len(plain) - 2] == plain[:-2], "all other bytes are those of the signed-off file"
    assert {session["id"] for session in waiting(console)} == known
    again = use_key(appliance.visitor(), key["shown"])
    assert again.status == 404
    assert "has been used already" in again.text


#
def test_a_customer_is_helped_and_the_client_removes_itself(
    appliance: Appliance, console: Console, machines: Path, tmp_path: Path, start: Start
) -> None:
    visitor, file = arrive(appliance, console, tmp_path)
    _snapshot, events = console.events()
    customer = start(file)
    shown = customer.wait_shown("would like to help you on this computer")
    assert shown.startswith("Administrator of Farhand")
    assert any("recorded" in line for line in customer.lines)
    assert not waiting(console), "before the consent nobody waits"
    customer.wait_shown("Type `accept` or `decline`:")
    customer.type("accept")
    put = events.wait(
        lambda f: (e := control(Control.EVENT)(f)) and e["collection"] == "sessions" and e["op"] == "put" and e,
        what="put",
    )
    me = console.snapshot()["me"]["id"]
    assert put["topic"] == f"user:{me}"
    assert put["value"]["state"] == "waiting"
    assert put["value"]["kind"] == "support"
    assert put["value"]["details"]["public_ip"] in ("::1", "127.0.0.1", "::ffff:127.0.0.1")
    assert visitor.get("/help/state").json()["state"] == "waiting"
    customer.wait_shown("Waiting for Administrator")

    live = console.accept(put["id"])
    assert live.session["state"] == "active"
    customer.wait_shown("Administrator is with you")
    assert visitor.get("/help/state").json()["state"] == "active"
    twice = console.visitor.api("POST", f"/api/console/sessions/{live.id}/accept", {"tab": "another"})
    assert twice.status == 409
    assert "already accepted" in twice.json()["error"]["text"]

    live.say("Hello, what can I do?")
    customer.wait_shown("Administrator: Hello, what can I do?")
    customer.type("My printer is on fire, Grüße")
    heard = live.entry(lambda e: e["kind"] == "chat" and e["party"] == 1)
    assert heard["text"] == "My printer is on fire, Grüße"

    size = b'{"cols":80,"rows":24}'
    live.socket.send(Shell.OPEN, channel(Kind.SHELL), size, live.leg)
    customer.wait_shown("Administrator asks for a Command Shell")
    customer.wait_shown("Type `allow` or `deny`:")
    assert not any(e["kind"] == "shell-opened" for e in live.entries())
    customer.type("allow")
    opened = live.socket.wait(
        lambda f: f if f.type == Shell.OPENED and f.channel >> 8 == Kind.SHELL else None, what="OPENED"
    )
    live.type(opened.channel, "unset HISTFILE; echo out-$((40+2))\r")
    live.wait_output(opened.channel, "out-42")
    customer.wait_shown("Administrator has opened a Command Shell (1 open)")

    live.end()
    assert customer.wait_ended() == 0
    assert "ended" in customer.lines[-1]
    assert not file.exists(), "R-253: the client removes itself"
    assert not list((machines / "client-cache").glob("run-*")), "nor does what it had unpacked stay"
    assert visitor.get("/help/state").json()["state"] == "ended"
    assert not waiting(console)
    report = console.visitor.get(f"/login/reports/support/{live.id}").text
    for expected in ("My printer is on fire, Grüße", "opened Command Shell 1", "Support"):
        assert expected in report, expected


#
def test_the_customer_denies_a_tool_and_ends_the_session(
    appliance: Appliance, console: Console, tmp_path: Path, start: Start
) -> None:
    _visitor, file = arrive(appliance, console, tmp_path)
    customer = start(file)
    live = accepted(console, customer)
    customer.wait_shown("Administrator is with you")
    for times in (1, 2):  # a no holds for this time: asked again, the customer is asked again
        seen = len(customer.lines)
        live.socket.send(Shell.OPEN, channel(Kind.SHELL), b'{"cols":80,"rows":24}', live.leg)
        customer.wait_shown("asks for a Command Shell", since=seen)
        customer.wait_shown("Type `allow` or `deny`:", since=seen)
        customer.type("deny")
        wait_for(lambda n=times: sum(e["kind"] == "shell-refused" for e in live.entries()) == n, what="the refusal")  # type: ignore[misc]
    told = wait_for(
        lambda: [f for f in live.socket.frames if f.channel >> 8 == Kind.SHELL and f.type != Shell.DATA], what="CLOSED"
    )
    assert {f.type for f in told} == {Shell.CLOSED}
    assert b"did not allow" in told[0].payload
    customer.type("/end")
    live.entry(lambda e: e["kind"] == "customer-ended")
    live.socket.wait(control(Control.END), what="END")
    assert customer.wait_ended() == 0
    assert not file.exists()
    wait_for(lambda: not waiting(console), what="an empty queue")
    report = wait_for(
        lambda: (
            "The customer ended the session" in (t := console.visitor.get(f"/login/reports/support/{live.id}").text)
            and t
        )
    )
    assert "in progress" not in report


#
def test_declining_leaves_nothing(appliance: Appliance, console: Console, tmp_path: Path, start: Start) -> None:
    visitor, file = arrive(appliance, console, tmp_path)
    customer = start(file)
    customer.wait_shown("Type `accept` or `decline`:")
    customer.type("maybe")
    customer.wait_shown("Type `accept` or `decline`:", since=len(customer.lines) - 1)
    customer.type("decline")
    assert customer.wait_ended() == 0
    assert "Nothing was started." in customer.lines[-1]
    assert visitor.get("/help/state").json()["state"] == "joining"
    assert not waiting(console)
    # A closed terminal is a no as well, and the same file may ask again.
    again = start(file)
    again.wait_shown("Type `accept` or `decline`:")
    assert again.process.stdin
    again.process.stdin.close()
    assert again.wait_ended() == 0
    assert not waiting(console)


#
def test_one_join_starts_one_client(appliance: Appliance, console: Console, tmp_path: Path, start: Start) -> None:
    _visitor, file = arrive(appliance, console, tmp_path)
    customer = start(file)
    live = accepted(console, customer)
    stolen = start(file)
    stolen.wait_shown("Type `accept` or `decline`:")
    stolen.type("accept")
    assert stolen.wait_ended() == 1
    assert "another client" in stolen.lines[-1]
    live.say("still the same customer")
    customer.wait_shown("still the same customer")
    live.end()
    customer.wait_ended()
    late = start(FILE, "--server", appliance.url, "--site-key", "ab" * 32, "--join", "0" * 48)
    assert late.wait_ended() == 1
    assert "is not the site that this client belongs to" in late.lines[-1]


def test_a_client_without_its_session_says_so(machines: Path) -> None:
    machine = Machine(machines / "customer")
    done = machine.run([machine.python, str(FILE), "help", "--terminal"])
    assert done.returncode == 1
    assert "belongs to no session" in done.stderr


#
def test_an_expired_key_gets_a_clear_page_and_a_running_session_goes_on(
    appliance: Appliance, console: Console, tmp_path: Path, start: Start
) -> None:
    _visitor, file = arrive(appliance, console, tmp_path)
    customer = start(file)
    live = accepted(console, customer)
    key = new_key(console)
    with sqlite3.connect(appliance.data / "db.sqlite3", timeout=20) as database:  # the time of all keys is over
        database.execute("UPDATE support_sessionkey SET expires_ms = 1")
    answer = use_key(appliance.visitor(), key["shown"])
    assert answer.status == 404
    assert "has expired" in answer.text
    live.say("R-089: expiry only limits starting")
    customer.wait_shown("expiry only limits starting")
    live.end()
    customer.wait_ended()


def test_guessing_is_slowed_down(tmp_path: Path, claimed_pattern: Path) -> None:
    with Appliance(claimed_data(claimed_pattern, tmp_path / "guarded")) as own:
        console = Console(sign_in(own, ADMIN["username"], ADMIN["password"]))
        good = new_key(console)
        guesser = own.visitor()
        for number in range(6):
            answer = use_key(guesser, f"{number:012d}")
            assert answer.status == 404, number
            assert "is not known" in answer.text
        slowed = use_key(guesser, "000000000099")
        assert slowed.status == 429
        assert 1 <= int(slowed.headers["retry-after"]) <= 4
        assert "Wait" in slowed.text
        waits = use_key(own.visitor(), good["shown"])
        assert waits.status == 429, "the address waits, whatever it sends"
        wait_for(lambda: use_key(own.visitor(), good["shown"]).status == 200, 60, "the end of the wait")
        for text in ("", "12", "x" * 64, "１２３４５６７８９０１２"):
            assert use_key(own.visitor(), text).status in (400, 404, 429)
        assert own.logged("session_key_unknown")
        assert own.logged("session_key_throttled")
        assert good["key"] not in "\n".join(own.lines), "keys are not written to logs"
