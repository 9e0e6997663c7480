"""Customers without a session key: by an issue into a team's queue, by a name into a person's."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.harness.appliance import Appliance, wait_for
from tests.harness.claimed import sign_in
from tests.harness.client import Customer, Machine, download_client
from tests.harness.console import Console, control
from tests.harness.people import add_issue, add_team, add_user, id_of
from tests.harness.visitor import Visitor

from farhand.protocol.channels import Control

PASSWORD = "seven green bottles on a wall"
PERMISSIONS = ("perm_support_allowed", "perm_accept_team_sessions", "perm_next_session_button")


class Desk:
    """A team with two representatives, and an issue of it."""

    def __init__(self, appliance: Appliance, admin: Console) -> None:
        add_user(appliance, "ada", PASSWORD, *PERMISSIONS, "perm_show_on_public_list")
        add_user(appliance, "bert", PASSWORD, *PERMISSIONS)
        self.appliance = appliance
        self.ada, self.bert = (Console(sign_in(appliance, name, PASSWORD)) for name in ("ada", "bert"))
        self.team = add_team(admin.visitor, "Desk", {id_of(self.ada): "member", id_of(self.bert): "lead"})
        add_issue(admin.visitor, "Printer", self.team, priority="1")

    def portal(self) -> tuple[Visitor, str]:
        """A customer's browser at the public portal, and what it shows."""
        visitor = self.appliance.visitor()
        return visitor, visitor.get("/").text

    def ask(self, visitor: Visitor, **fields: str) -> str:
        """Send the issue form, and read the page that follows."""
        issue = re.search(r'<option value="([0-9a-f-]{36})">Printer<', visitor.get("/").text)
        assert issue
        answer = visitor.submit("/", {"issue": issue[1], "name": "Carla"} | fields, to="/ask")
        assert answer.status == 200, answer.text
        return answer.text


@pytest.fixture(scope="module")
def desk(appliance: Appliance, console: Console) -> Desk:
    """Made once for the module."""
    return Desk(appliance, console)


@pytest.fixture
def client(machines: Path) -> Iterator[Any]:
    """Runs a customer's client that consents, and ends it with the test."""
    started: list[Customer] = []

    def run(visitor: Visitor, folder: Path) -> Customer:
        customer = Customer(Machine(machines / "customer"), download_client(visitor, folder))
        started.append(customer)
        customer.wait_shown("Type `accept` or `decline`:")
        customer.type("accept")
        return customer

    yield run
    for customer in started:
        customer.stop()


def put(socket: Any) -> dict[str, Any]:
    """The next session that a console is told of."""
    found: dict[str, Any] = socket.wait(
        lambda f: (
            (e := control(Control.EVENT)(f))
            and e["collection"] == "sessions"
            and e["op"] == "put"
            and e["value"]["state"] == "waiting"
            and e
        ),
        what="a waiting session",
    )
    return found


#
def test_by_an_issue(desk: Desk, client: Any, tmp_path: Path) -> None:
    _snapshot, events = desk.bert.events()
    visitor, _page = desk.portal()
    assert "Desk will help you" in desk.ask(visitor, company="Works", details="It is on fire.\nReally.")
    assert not desk.bert.items("sessions"), "R-021: nobody waits before the client runs"
    customer = client(visitor, tmp_path)
    event = put(events)
    value = event["value"]
    assert event["topic"] == f"team:{desk.team}"
    assert (value["name"], value["priority"], value["request"]["issue"]) == ("Carla", 1, "Printer")
    assert value["request"]["details"] == "It is on fire.\nReally."
    assert value["queued_ms"] >= value["created_ms"]
    customer.wait_shown("Waiting for Desk")
    assert visitor.get("/help/state").json() == {"state": "waiting", "text": "Waiting for Desk."}
    for console in (desk.ada, desk.bert):
        assert [session["id"] for session in console.items("sessions")] == [value["id"]]
    live = desk.bert.accept(value["id"])
    customer.wait_shown("Bert is with you")
    assert not desk.ada.items("sessions")
    live.end()
    customer.wait_ended()


#
def test_by_a_name(desk: Desk, client: Any, tmp_path: Path) -> None:
    listed = re.compile(r'name="representative" value="([0-9a-f-]{36})">([^<]+)<')
    _snapshot, events = desk.ada.events()
    _other, more = desk.bert.events()
    visitor, _page = desk.portal()
    found = wait_for(lambda: listed.findall(visitor.get("/").text), what="the name of who is at a console")
    assert [name for _ident, name in found] == ["Ada"], "Bert is not named for the public site"
    answer = visitor.submit("/", {"representative": found[0][0]}, to="/ask")
    assert "Ada will help you" in answer.text
    customer = client(visitor, tmp_path)
    event = put(events)
    assert event["topic"] == f"user:{id_of(desk.ada)}"
    assert not desk.bert.items("sessions")
    nothing = desk.bert.visitor.api("POST", "/api/console/sessions/next", {"tab": desk.bert.tab})
    assert (nothing.status, nothing.json()["error"]["code"]) == (409, "conflict")
    taken = desk.ada.post("sessions/next", {"tab": desk.ada.tab})
    assert taken["session"]["id"] == event["id"]
    events.close()
    more.close()
    wait_for(lambda: not listed.search(visitor.get("/").text), what="the end of the list")
    late = visitor.submit("/", {"representative": found[0][0]}, to="/ask")
    assert late.status == 409
    assert "not available any more" in late.text
    desk.ada.post(f"sessions/{event['id']}/end")
    customer.wait_ended()


#
def test_routed_on_after_a_time(
    desk: Desk, appliance: Appliance, console: Console, client: Any, tmp_path: Path
) -> None:
    second = add_team(console.visitor, "Second Line", {id_of(desk.ada): "member"})
    rules = "/login/configuration/waiting-session-rules"
    rule = {"source": f"team:{desk.team}", "when": "waited", "minutes": "1"}
    for number, more in enumerate(
        ({"target": "message", "text": "All are busy. Please be patient."}, {"target": f"team:{second}"}), 1
    ):
        made = console.visitor.submit(f"{rules}/new", rule | {"position": str(number)} | more)
        assert made.status == 200, made.text
    with sqlite3.connect(appliance.data / "db.sqlite3", timeout=20) as database:  # a minute is long for a test
        database.execute("UPDATE routing_waitingrule SET after_s = 1")
    visitor, _page = desk.portal()
    desk.ask(visitor)
    customer = client(visitor, tmp_path)
    customer.wait_shown("All are busy. Please be patient.")

    def moved() -> Any:
        return next((one for one in desk.ada.items("sessions") if one["queue"] == f"team:{second}"), None)

    session = wait_for(moved, what="the session in the second line's queue")
    assert desk.bert.items("sessions") == []
    answer = visitor.get("/help/state").json()
    assert answer == {"state": "waiting", "text": "Waiting for Second Line. All are busy. Please be patient."}
    live = desk.ada.accept(session["id"])
    customer.wait_shown("Ada is with you")
    live.socket.close()  # the representative is lost
    back = wait_for(moved, what="the session back in the queue from which it was accepted")
    assert (back["id"], back["state"]) == (session["id"], "waiting")
    live = desk.ada.accept(session["id"])
    live.end()
    customer.wait_ended()
    report = console.visitor.get(f"/login/reports/support/{live.id}").text
    for text in (
        "<dd>Printer</dd>",
        "moved the session from the queue Desk to the queue Second Line",
        "The waiting customer was told: All are busy. Please be patient.",
        "The representative was lost. The session waits in the queue Second Line.",
    ):
        assert text in report, text
