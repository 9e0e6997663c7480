"""Two representatives and a real customer in one session: who hears what, who is in, and who is out at once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.harness.appliance import Appliance, wait_for
from tests.harness.claimed import sign_in
from tests.harness.client import Customer, Machine, download_client, use_key
from tests.harness.console import Console, LiveSession, control
from tests.harness.people import add_team, add_user, id_of

from farhand.kit.ids import new_id
from farhand.protocol.channels import Control, Durable, Kind, channel

PASSWORD = "a second long password"


@pytest.fixture(scope="module")
def ann(appliance: Appliance, console: Console) -> Console:
    """A colleague of the administrator's in the team Desk."""
    add_user(appliance, "ann", PASSWORD, "perm_support_allowed", "perm_collaborate", "perm_accept_team_sessions")
    ann = Console(sign_in(appliance, "ann", PASSWORD, "/console"))
    add_team(console.visitor, "Desk", {id_of(console): "lead", id_of(ann): "member"})
    return ann


@pytest.fixture
def customer(appliance: Appliance, console: Console, tmp_path: Path) -> Iterator[Customer]:
    """A customer of the administrator who has consented."""
    visitor = appliance.visitor()
    assert use_key(visitor, console.post("session-keys", {"lifetime_s": 600})["shown"]).status == 200
    running = Customer(Machine(tmp_path / "machine"), download_client(visitor, tmp_path))
    running.wait_shown("Type `accept` or `decline`:")
    running.type("accept")
    yield running
    running.stop()


def waiting(console: Console) -> dict[str, Any]:
    """The session that waits for this console."""
    return wait_for(
        lambda: next((one for one in console.items("sessions") if one["state"] == "waiting"), None), what="the session"
    )


def here(console: Console, session: str, purpose: str) -> list[str]:
    """Who is listed for a purpose."""
    answer = console.visitor.api("GET", f"/api/console/sessions/{session}/targets").json()
    return [one["id"] for one in answer[purpose]["representatives"]]


def invitation(console: Console) -> dict[str, Any]:
    """The invitation that stands in this console's queues."""
    found: dict[str, Any] = wait_for(lambda: next(iter(console.items("invitations")), None), what="the invitation")
    return found


def join(console: Console) -> LiveSession:
    """Accept the one invitation."""
    one = invitation(console)
    path = f"sessions/{one['session_id']}/invitations/{one['id']}/accept"
    return LiveSession(console, console.post(path, {"tab": console.tab}))


#
def test_a_session_goes_from_hand_to_hand(console: Console, ann: Console, customer: Customer) -> None:
    session = waiting(console)["id"]
    mine = console.accept(session)
    ann_id, my_id = id_of(ann), id_of(console)
    refused = console.visitor.api("POST", f"/api/console/sessions/{session}/share", {"target": f"user:{ann_id}"})
    assert refused.status == 409, "nobody is invited who is signed in to no console"
    _snapshot, events = ann.events()
    console.events()
    wait_for(lambda: here(console, session, "share") == [ann_id], what="the colleague in the list")

    console.post(f"sessions/{session}/share", {"target": f"user:{ann_id}"})
    told = events.wait(
        lambda f: json.loads(f.payload) if f.type == Control.EVENT and b'"invitations"' in f.payload else None,
        what="the invitation",
    )
    assert told["value"]["session_id"] == session
    hers = join(ann)
    assert mine.say("hello Ann")["text"] == "hello Ann"
    hers.entry(lambda entry: entry["text"] == "hello Ann")
    customer.wait_shown("hello Ann")
    between = json.dumps({"id": new_id(), "kind": "rep-chat", "text": "he never updates"}).encode()
    mine.socket.send(Durable.POST, channel(Kind.REPS), between, mine.leg)
    assert hers.entry(lambda entry: entry["kind"] == "rep-chat")["text"] == "he never updates"
    mine.say("hello again")
    assert "never updates" not in customer.wait_shown("hello again"), "R-248: the customer sees none of it"

    console.post(f"sessions/{session}/transfer", {"target": f"user:{ann_id}"})
    assert join(ann).id == session
    for path in ("transfer", "share"):
        answer = console.visitor.api("POST", f"/api/console/sessions/{session}/{path}", {"target": f"user:{my_id}"})
        assert answer.status == 403
        assert "Only the owner" in answer.json()["error"]["text"]

    ann.post(f"sessions/{session}/remove-member", {"user_id": my_id})
    ended = mine.socket.wait(control(Control.END), what="END for who was removed")
    assert ended["reason"] == "removed"
    assert console.visitor.api("POST", f"/api/console/sessions/{session}/ticket", {"tab": console.tab}).status == 403

    ann.post(f"sessions/{session}/share", {"target": f"user:{my_id}"})
    again = join(console)
    ann.post(f"sessions/{session}/pause")
    assert again.say("Ann will be back")["text"] == "Ann will be back"  # others stay
    ann.accept(waiting(ann)["id"])
    console.post(f"sessions/{session}/leave")
    ann.post(f"sessions/{session}/disconnect-customer")
    assert customer.wait_ended() == 0
    (alone,) = (one for one in ann.items("sessions") if one["id"] == session)
    assert (alone["state"], alone["customer_removed"]) == ("active", True)
    ann.post(f"sessions/{session}/end")


# The customer ends while an invitation and a transfer are open: nobody can accept them any more.
def test_what_is_open_vanishes_with_the_session(console: Console, ann: Console, customer: Customer) -> None:
    session = waiting(console)["id"]
    console.accept(session)
    team = next(one["id"] for one in console.items("queues") if one["kind"] == "team")
    console.post(f"sessions/{session}/share", {"target": team})
    console.post(f"sessions/{session}/transfer", {"target": team})
    open_ones = [one for one in ann.items("invitations") if one["session_id"] == session]
    assert {one["kind"] for one in open_ones} == {"share", "transfer"}
    console.post(f"sessions/{session}/end")
    assert customer.wait_ended() == 0
    assert [one for one in ann.items("invitations") if one["session_id"] == session] == []
    for one in open_ones:
        path = f"/api/console/sessions/{session}/invitations/{one['id']}/accept"
        answer = ann.visitor.api("POST", path, {"tab": ann.tab})
        assert (answer.status, answer.json()["error"]["text"]) == (404, "This invitation is not open any more.")
