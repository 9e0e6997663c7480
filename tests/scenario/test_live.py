"""Consoles see changes as events; snapshot and events agree; a lost socket resumes; a lost console loses no session."""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.harness.appliance import ADMIN, Appliance, wait_for
from tests.harness.claimed import sign_in
from tests.harness.client import Customer, JumpClient, Machine, download_client, item_named, use_key
from tests.harness.console import CONTROL, Console, LiveSession, LiveSocket, control, open_socket
from tests.harness.people import add_team, add_user, first_group, id_of, set_jump_group
from tests.harness.visitor import Visitor

from farhand.protocol.channels import Control

NAME = "live"
PASSWORD = "rather long words in a row"


class Store:
    """What a console knows: a snapshot, kept up by the rules that the protocol pages give to every client."""

    def __init__(self, console: Console, snapshot: dict[str, Any], socket: LiveSocket) -> None:
        self.console = console
        self.socket = socket
        self.topics: dict[str, int] = dict(snapshot["topics"])
        self.items = {name: {item["id"]: item for item in items} for name, items in snapshot["collections"].items()}
        self.gaps: list[list[str]] = []
        self.came: list[dict[str, Any]] = []
        self._read = 0

    def take(self) -> None:
        """Apply the events that came."""
        while self._read < len(self.socket.frames):
            frame = self.socket.frames[self._read]
            self._read += 1
            if frame.type == Control.GAP:
                self.gaps.append(json.loads(frame.payload)["topics"])
            event = control(Control.EVENT)(frame)
            if event:
                self._apply(event)

    def _apply(self, event: dict[str, Any]) -> None:
        topic = event["topic"]
        if event["n"] <= self.topics.get(topic, 0):
            return
        if event["n"] != self.topics.get(topic, 0) + 1:
            self.gaps.append([topic])  # a skipped number means what GAP means: fetch the snapshot again
            return
        self.topics[topic] = event["n"]
        self.came.append(event)
        items = self.items.setdefault(event["collection"], {})
        if event["op"] == "put":
            items[event["id"]] = event["value"]
        elif items.get(event["id"], {}).get("topic") == topic:
            del items[event["id"]]

    def lists(self) -> dict[str, dict[str, Any]]:
        """The lists that a console shows."""
        return {name: self.items.get(name, {}) for name in ("sessions", "jump_items")}

    def agrees(self) -> bool:
        """Say whether events brought this store to where a fresh snapshot is."""
        fresh = self.console.snapshot()
        self.take()
        if any(self.topics.get(topic, 0) < n for topic, n in fresh["topics"].items() if topic in self.topics):
            return False
        after = self.console.snapshot()
        self.take()
        if after["topics"] != fresh["topics"] or any(self.topics[t] != n for t, n in after["topics"].items()):
            return False
        shown = {name: {i["id"]: i for i in after["collections"][name]} for name in ("sessions", "jump_items")}
        assert self.lists() == shown
        return True

    def lose(self) -> None:
        """The event socket drops."""
        self.socket.close()
        wait_for(lambda: self.socket.closed, what="the end of the socket")

    def resume(self) -> None:
        """Listen again from where this store is."""
        ticket = self.console.post("events-ticket")["events_ticket"]
        self.take()
        self.socket = open_socket(self.console.visitor.port, "/live/events", self.console.visitor.origin)
        self._read = 0
        listen = {"ticket": ticket, "have": self.topics}
        self.socket.send(Control.LISTEN, CONTROL, json.dumps(listen).encode())
        self.socket.wait(control(Control.WELCOME), what="WELCOME on events")


def follow(console: Console) -> Store:
    """Open a console's lists."""
    snapshot, socket = console.events()
    return Store(console, snapshot, socket)


@pytest.fixture(scope="module")
def colleague(appliance: Appliance, console: Console) -> Console:
    """A second representative in the administrator's team, with Jump rights in the group."""
    add_user(
        appliance, "rep", PASSWORD, "perm_support_allowed", "perm_generate_session_key", "perm_accept_team_sessions",
        "perm_access_allowed", "perm_jump_client",
    )  # fmt: skip
    rep = Console(sign_in(appliance, "rep", PASSWORD))
    admin = console.visitor
    add_team(admin, "Help Desk", {id_of(console): "lead", id_of(rep): "member"})
    set_jump_group(admin, first_group(console), {id_of(console): "administrator", id_of(rep): "start_sessions"})
    return rep


@pytest.fixture(autouse=True)
def no_rest(console: Console, colleague: Console) -> Iterator[None]:
    """A session that a failed test leaves behind must not fail the next one."""
    yield
    for who in (console, colleague):
        for session in who.items("sessions"):
            for step, body in (("accept", {"tab": who.tab}), ("end", {})):
                who.visitor.api("POST", f"/api/console/sessions/{session['id']}/{step}", body)


#
def test_two_representatives_see_the_same_things_change(
    client: JumpClient, console: Console, colleague: Console
) -> None:
    both = [follow(console), follow(colleague)]
    queues = [{q["kind"] for q in one.console.items("queues")} for one in both]
    assert queues == [{"personal", "team"}, {"personal", "team"}]
    live = console.jump(item_named(console, NAME)["id"])
    for store in both:
        wait_for(
            lambda s=store: s.take() or any(i["status"] == "in_use" for i in s.items["jump_items"].values()),
            what="in use",
        )
    both[0].take()
    assert live.id in both[0].items["sessions"]
    assert live.id not in both[1].items["sessions"], "a personal queue is its owner's"
    live.end()
    for store in both:
        wait_for(
            lambda s=store: s.take() or all(i["status"] == "active" for i in s.items["jump_items"].values()),
            what="active",
        )
        wait_for(store.agrees, what="snapshot + events == fresh snapshot")


def test_snapshot_and_events_agree_over_random_operations(  # noqa: PLR0912  one branch per operation
    appliance: Appliance, client: JumpClient, console: Console, colleague: Console, machines: Path
) -> None:
    chance = random.Random(8443)
    stores = [follow(console), follow(colleague), follow(Console(console.visitor))]
    people = [console, colleague]
    open_sessions: list[LiveSession] = []
    item = item_named(console, NAME)["id"]
    for step in range(24):
        who = chance.choice(people)
        what = chance.choice(["jump", "jump", "leave", "end", "accept", "key", "rename", "join", "cut"])
        mine = [s for s in open_sessions if s.console is who]
        if what == "jump" and len(open_sessions) < 3:
            new = who.jump(item)  # a second Jump of the same person leads into the same session
            open_sessions = [*(s for s in open_sessions if s.id != new.id), new]
        elif what == "leave" and mine:
            who.post(f"sessions/{mine[0].id}/leave")
            open_sessions.remove(mine[0])
        elif what == "end" and mine:
            mine[0].end()
            open_sessions.remove(mine[0])
        elif what == "accept":
            waits = [s for s in who.items("sessions") if s["state"] == "waiting"]
            if waits:
                open_sessions.append(who.accept(waits[0]["id"]))
        elif what == "key":
            key = who.post("session-keys", {"lifetime_s": 300})
            assert use_key(appliance.visitor(), key["shown"]).status == 200
        elif what == "rename":
            group = item_named_any(console)["group_id"]
            fields = {"name": NAME, "group_id": group, "comments": f"step {step} Grüße"}
            assert console.visitor.submit(f"/login/jump/clients/{item}", fields).status == 200
        elif what == "join" and mine:
            mine[0].say(f"step {step}")
        elif what == "cut":
            chance.choice(stores).lose()
        for store in stores:
            if store.socket.closed:
                store.resume()
        if step % 4 == 3:
            for store in stores:
                wait_for(store.agrees, what=f"agreement after step {step}")
    for live in open_sessions:
        live.end()
    for who in people:
        for rest in who.items("sessions"):
            who.accept(rest["id"]).end()
    for store in stores:
        wait_for(store.agrees, what="agreement at the end")
        assert not store.gaps
        assert store.came
    item_named(console, NAME)


def item_named_any(console: Console) -> dict[str, Any]:
    """The module's Jump Item in whatever state."""
    return next(i for i in console.items("jump_items") if i["name"] == NAME)


def test_a_dropped_event_socket_resumes_without_loss(client: JumpClient, console: Console) -> None:
    store = follow(console)
    store.lose()
    live = console.jump(item_named(console, NAME)["id"])
    live.say("while the socket was away")
    live.end()
    item_named(console, NAME)
    store.resume()
    wait_for(
        lambda: store.take() or len([e for e in store.came if e["collection"] == "sessions"]) >= 2,
        what="what was missed",
    )
    assert not store.gaps
    wait_for(store.agrees, what="agreement")
    # A ticket serves once.
    ticket = console.post("events-ticket")["events_ticket"]
    for expected in (Control.WELCOME, Control.REFUSE):
        socket = open_socket(console.visitor.port, "/live/events", console.visitor.origin)
        socket.send(Control.LISTEN, CONTROL, json.dumps({"ticket": ticket, "have": {}}).encode())
        socket.wait(control(expected), what=expected.name)
        socket.close()


def test_events_missed_over_a_restart_of_the_relay_are_a_gap_or_come(
    appliance: Appliance, client: JumpClient, console: Console
) -> None:
    store = follow(console)
    live = console.jump(item_named(console, NAME)["id"])
    wait_for(lambda: store.take() or live.id in store.items["sessions"], what="the session")
    store.lose()
    live.end()
    links = len(client.said("linked"))
    appliance.kill("relay")
    client.wait_linked(links + 1)
    again = wait_for(lambda: try_jump(console), what="a Jump after the restart")

    def resumed() -> bool:
        try:
            store.resume()
        except Exception:
            return False
        return True

    wait_for(resumed, what="an event socket at the new relay")
    wait_for(lambda: store.take() or store.gaps or store.agrees(), what="a gap or all that was missed")
    if store.gaps:
        store = follow(console)
    wait_for(store.agrees, what="agreement")
    again.end()
    wait_for(store.agrees, what="agreement")


def try_jump(console: Console) -> LiveSession | None:
    """Jump if it is possible now."""
    item = item_named_any(console)
    if item["status"] != "active":
        return None
    try:
        return console.jump(item["id"])
    except (AssertionError, OSError):
        return None


def test_a_dropped_leg_rejoins_and_gets_what_it_missed(client: JumpClient, console: Console) -> None:
    first = console.jump(item_named(console, NAME)["id"])
    first.say("one")
    other = Console(console.visitor)
    second = LiveSession(other, other.post(f"sessions/{first.id}/ticket", {"tab": other.tab}))
    assert [e["text"] for e in wait_for(lambda: chat_of(second), what="the history")] == ["one"]
    first.socket.close()
    wait_for(lambda: first.socket.closed)
    missed = [second.say(f"missed {number}") for number in range(60)]
    leg = first.leg
    first.rejoin()
    assert first.leg == leg, "the same tab keeps its leg"
    first.entry(lambda e: e["seq"] == missed[-1]["seq"])
    seqs = [e["seq"] for e in first.entries()]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs))), "in order, without gaps or repetition"
    assert [e["text"] for e in chat_of(first)] == [e["text"] for e in missed]
    second.socket.close()
    first.end()
    item_named(console, NAME)


def chat_of(live: LiveSession) -> list[dict[str, Any]]:
    """The chat lines that came on this socket."""
    return [e for e in live.entries() if e["kind"] == "chat"]


#
def test_a_console_that_is_closed_leaves_the_session_in_the_queue(
    appliance: Appliance, console: Console, colleague: Console, machines: Path, tmp_path: Path
) -> None:
    visitor: Visitor = appliance.visitor()
    assert use_key(visitor, colleague.post("session-keys", {"lifetime_s": 600})["shown"]).status == 200
    customer = Customer(Machine(machines / "customer"), download_client(visitor, tmp_path))
    try:
        customer.wait_shown("Type `accept` or `decline`:")
        customer.type("accept")
        waits = wait_for(lambda: next(iter(colleague.items("sessions")), None), what="the session")
        live = colleague.accept(waits["id"])
        live.say("I am gone in a moment")
        store = follow(colleague)
        live.socket.close()  # the browser's tab is closed: nobody says goodbye
        begin = time.monotonic()
        back = wait_for(
            lambda: next((s for s in colleague.items("sessions") if s["state"] == "waiting"), None),
            40,
            "the session back",
        )
        assert time.monotonic() - begin > 10, "a short absence is not the end"
        wait_for(lambda: store.take() or store.items["sessions"][live.id]["state"] == "waiting", what="the event of it")
        assert back["id"] == live.id
        assert back["customer_connected"]
        assert back["queue"] == f"user:{colleague.snapshot()['me']['id']}"
        assert customer.process.poll() is None
        again = colleague.accept(live.id)
        again.entry(lambda e: e["text"] == "I am gone in a moment")
        again.say("and I am back")
        customer.wait_shown("and I am back")
        again.end()
        assert customer.wait_ended() == 0
    finally:
        customer.stop()


#
def test_signing_out_ends_the_event_tickets_and_says_so(appliance: Appliance) -> None:
    person = Console(sign_in(appliance, ADMIN["username"], ADMIN["password"]))
    answer = person.post("logout")
    assert "signed" in person.visitor.get(answer["redirect"]).text.lower()
    assert person.visitor.api("GET", "/api/console/snapshot").status == 401
    assert person.visitor.api("POST", "/api/console/events-ticket", {}).status in (401, 403)
