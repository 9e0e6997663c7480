"""A session's client becomes a Jump Client, outlives its session, is reached by its password, and unpins itself."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.harness.appliance import Appliance, wait_for
from tests.harness.client import Customer, Machine, alive, download_client, item_named, use_key
from tests.harness.console import Console, LiveSession

from farhand.protocol.channels import Deploy, Kind, channel

CHANNEL = channel(Kind.DEPLOY)
PASSWORD = "blue donkeys sleep"


@pytest.fixture
def machine(machines: Path) -> Iterator[Machine]:
    """A person's computer with a desktop; what was installed there goes with the test."""
    made = Machine(machines / "desk")
    state = made.folder / "pinned"
    made.environment |= {"FARHAND_CLIENT_STATE": str(state), "XDG_CURRENT_DESKTOP": "test"}
    yield made
    if (pid := pid_of(state)) and alive(pid):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(state, ignore_errors=True)


def pid_of(state: Path) -> int:
    """The process of the installed Jump Client."""
    file = state / "client.pid"
    return int(file.read_text().split()[0]) if file.exists() else 0


def offered(live: LiveSession) -> dict[str, Any]:
    """What the computer says it has."""
    since = len(live.socket.frames)
    live.socket.send(Deploy.LIST, CHANNEL, b"", live.leg)
    return live.socket.wait(
        lambda f: json.loads(f.payload) if (f.channel, f.type) == (CHANNEL, Deploy.OFFERED) else None,
        since=since,
        what="OFFERED",
    )


def carry_out(live: LiveSession, order: str) -> None:
    """Hand an order to the computer."""
    live.socket.send(Deploy.DO, CHANNEL, json.dumps({"order": order}).encode(), live.leg)


def done(live: LiveSession, order: str) -> dict[str, Any]:
    """What became of it."""
    return live.socket.wait(
        lambda f: (
            f.type == Deploy.DONE
            and f.channel == CHANNEL
            and (said := json.loads(f.payload))["order"] == order
            and said
        ),
        what="DONE",
    )


def helped(appliance: Appliance, console: Console, machine: Machine, folder: Path) -> tuple[Customer, LiveSession]:
    """A customer at this computer, accepted."""
    visitor = appliance.visitor()
    use_key(visitor, console.post("session-keys", {"lifetime_s": 600})["shown"])
    customer = Customer(machine, download_client(visitor, folder))
    customer.wait_shown("Type `accept` or `decline`:")
    customer.type("accept")
    waiting = wait_for(
        lambda: next((s for s in console.items("sessions") if s["state"] == "waiting"), None), what="the session"
    )
    return customer, console.accept(waiting["id"])


#
def test_a_computer_is_pinned_reached_and_unpinned(
    appliance: Appliance, console: Console, machine: Machine, tmp_path: Path
) -> None:
    customer, live = helped(appliance, console, machine, tmp_path)
    assert offered(live) == {"pin": {"can": True, "code": "", "reason": ""}, "pinned": None}
    answer = console.visitor.api("GET", f"/api/console/sessions/{live.id}/pin").json()
    group = next(one["id"] for one in answer["groups"] if one["name"] == "General")
    wish = {"tab": console.tab, "group_id": group, "name": "Desk 4", "tag": "desks", "password": PASSWORD}

    refused = console.post(f"sessions/{live.id}/pin", wish)["order"]
    carry_out(live, refused)
    customer.wait_shown("by everybody of General who knows its password")
    customer.type("deny")
    assert done(live, refused)["text"] == "The customer did not allow it."

    shown, order = len(customer.lines), console.post(f"sessions/{live.id}/pin", wish)["order"]
    carry_out(live, order)
    customer.wait_shown("Administrator asks to install the Jump Client", since=shown)
    customer.type("allow")
    assert done(live, order)["done"]
    customer.wait_shown("can be reached from now on, also when nobody is there")
    item = item_named(console, "Desk 4")
    assert (item["password"], item["tag"], item["group_name"]) == (True, "desks", "General")
    state = machine.folder / "pinned"
    entry = machine.home / ".config/autostart/farhand-client.desktop"
    assert str(state) in entry.read_text()

    live.end()
    assert customer.wait_ended() == 0
    assert not customer.file.exists()
    assert item_named(console, "Desk 4")["status"] == "active"
    for password in ("", "wrong wrong wrong"):
        answer = console.visitor.api(
            "POST", f"/api/console/jump-items/{item['id']}/jump", {"tab": console.tab, "password": password}
        )
        assert answer.status == 403
    ticket = console.post(f"jump-items/{item['id']}/jump", {"tab": console.tab, "password": PASSWORD})
    jump = LiveSession(console, ticket)
    jump.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
    pinned = offered(jump)["pinned"]
    assert pinned == {"client_id": item["id"], "name": "Desk 4", "group": "General"}

    pid = pid_of(state)
    assert alive(pid)
    carry_out(jump, console.post(f"sessions/{jump.id}/unpin", {"tab": console.tab, "client_id": item["id"]})["order"])
    jump.entry(lambda e: e["kind"] == "unpinned")
    wait_for(lambda: not alive(pid), what="the end of the client")
    wait_for(lambda: not state.exists(), what="the end of its folder")
    assert not entry.exists()
    assert not [one for one in console.items("jump_items") if one["id"] == item["id"]]
    report = console.visitor.get(f"/login/reports/support/{live.id}").text
    assert "Session Pinned to Queue" in report
    assert "Pinned Session Password Modified" in report
    assert PASSWORD not in report
