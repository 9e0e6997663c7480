"""Special actions, restart and shutdown on a real endpoint, whose programs and `shutdown` only take notes."""

import json
import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.harness.appliance import Appliance, wait_for
from tests.harness.client import (
    Customer,
    JumpClient,
    Machine,
    download_client,
    use_key,
)
from tests.harness.console import Console, LiveSession
from tests.harness.outside import programs_of

from farhand.cli.display import VirtualDisplay
from farhand.protocol.actions import ACTIONS as ACTIONS_KNOWN
from farhand.protocol.channels import Actions, Kind, channel

ACTIONS = channel(Kind.ACTIONS)
NAME = "with actions"


@pytest.fixture(scope="module")
def display() -> Iterator[VirtualDisplay]:
    """An X display of this module."""
    with VirtualDisplay("800x600x24") as running:
        yield running


@pytest.fixture(scope="module")
def machines(machines: Path) -> Path:
    """The endpoint's machine says what it was told to do."""
    programs_of(machines / NAME)
    return machines


def ask(session: LiveSession, frame_type: int, answer: int, **content: str) -> dict[str, Any]:
    """Send a frame and return the content of its answer."""
    since = len(session.socket.frames)
    session.socket.send(frame_type, ACTIONS, json.dumps(content).encode() if content else b"", session.leg)
    found: dict[str, Any] = session.socket.wait(
        lambda f: f.channel == ACTIONS and f.type == answer and json.loads(f.payload), since=since, what="an answer"
    )
    return found


#
def test_what_the_administrator_does_not_offer_goes_from_a_running_session(
    session: LiveSession, console: Console, client: JumpClient
) -> None:
    address = "/login/console-settings/special-actions"

    def offered() -> set[str]:
        return {one["id"] for one in ask(session, Actions.LIST, Actions.OFFERED)["actions"]}

    assert set(ACTIONS_KNOWN) <= offered()
    did = client.machine.did()
    console.visitor.submit(address, {name: "on" for name in ACTIONS_KNOWN if name != "terminal"})
    try:
        wait_for(lambda: "terminal" not in offered(), 60, "an offer without the terminal")
        answer = ask(session, Actions.RUN, Actions.DONE, action="terminal", context="user")
        assert not answer["done"]
        assert client.machine.did() == did
    finally:
        console.visitor.submit(address, dict.fromkeys(ACTIONS_KNOWN, "on"))
    wait_for(lambda: "terminal" in offered(), 60, "the terminal again")


#
def test_the_endpoint_says_what_its_system_can_do_and_why_not(session: LiveSession, client: JumpClient) -> None:
    offered = ask(session, Actions.LIST, Actions.OFFERED)
    assert offered["platform"] == "linux"
    actions = {one["id"]: one for one in offered["actions"]}
    assert actions["ctrl-alt-del"]["ability"]["can"]
    assert actions["terminal"]["ability"]["can"]
    assert offered["reboot"]["can"], offered["reboot"]
    # mouse and keyboard can be disabled here, the screen cannot, and the reason is said.
    assert offered["block_input"]["can"], offered["block_input"]
    assert not offered["privacy_screen"]["can"]
    assert offered["privacy_screen"]["reason"]


def test_a_special_action_opens_its_program_on_the_display_and_is_on_record(
    session: LiveSession, client: JumpClient, display: VirtualDisplay
) -> None:
    offered = ask(session, Actions.LIST, Actions.OFFERED)
    terminal = next(one for one in offered["actions"] if one["id"] == "terminal")
    context = terminal["contexts"][-1]
    assert ask(session, Actions.RUN, Actions.DONE, action="terminal", context=context)["done"]
    wait_for(lambda: f"x-terminal-emulator on {display.name}" in client.machine.did(), what="the program")
    entry = session.entry(lambda e: e["kind"] == "action-run")
    assert (entry["text"], entry["data"]["action"]) == ("Terminal", "terminal")
    assert entry["data"]["by"] == "Administrator"
    refused = ask(session, Actions.RUN, Actions.DONE, action="format-disk", context="user")
    assert not refused["done"]
    assert session.entry(lambda e: e["kind"] == "action-refused")["data"]["action"] == "format-disk"


#
def test_ctrl_alt_del_is_sent_to_the_desktop(session: LiveSession, display: VirtualDisplay) -> None:
    assert ask(session, Actions.RUN, Actions.DONE, action="ctrl-alt-del", context="user")["done"]
    assert session.entry(lambda e: e["kind"] == "action-run" and e["data"]["action"] == "ctrl-alt-del")


#
def test_a_restart_returns_to_the_same_session(session: LiveSession, client: JumpClient) -> None:
    session.say("before the restart")
    assert ask(session, Actions.POWER, Actions.DONE, how="reboot")["done"]
    started = session.entry(lambda e: e["kind"] == "power-started")
    assert started["data"]["how"] == "reboot"
    assert client.machine.did()[-1].endswith("reboot")
    client.stop()
    linked = len(client.said("linked"))
    client.start().wait_linked(linked + 1)
    returned = session.entry(lambda e: e["kind"] == "power-returned", within=60)
    assert returned["seq"] > started["seq"]
    assert ask(session, Actions.LIST, Actions.OFFERED)["reboot"]["can"]
    # A client that starts again without a reboot says nothing of one.
    client.stop()
    client.start().wait_linked(linked + 2)
    wait_for(lambda: _answers(session), 60, "the endpoint's answer")
    session.say("after the second start")
    assert [e["kind"] for e in session.entries()].count("power-returned") == 1


#
def test_a_customers_client_comes_back_into_the_session(
    appliance: Appliance, console: Console, machines: Path, display: VirtualDisplay
) -> None:
    key = console.post("session-keys", {"lifetime_s": 600})
    visitor = appliance.visitor()
    assert use_key(visitor, key["shown"]).status == 200
    programs_of(machines / "customer")
    machine = Machine(machines / "customer")
    machine.environment["XDG_CURRENT_DESKTOP"] = "X-Test"
    file = download_client(visitor, machines / "customer" / "downloads")
    customer = Customer(machine, file, display=display.name)
    customer.wait_shown("Type `accept` or `decline`:")
    customer.type("accept")
    found = wait_for(lambda: next((s for s in console.items("sessions") if s["kind"] == "support"), None), what="it")
    session = console.accept(found["id"])
    session.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
    assert ask(session, Actions.LIST, Actions.OFFERED)["returns"]["can"]
    session.socket.send(Actions.POWER, ACTIONS, b'{"how": "reboot"}', session.leg)
    customer.wait_shown("asks to restart this computer")
    customer.type("allow")
    session.entry(lambda e: e["kind"] == "power-started")
    wait_for(lambda: "told to reboot" in machine.did(), what="the restart")
    customer.process.kill()
    customer.process.wait(60)
    # The desktop starts what it finds among its autostart entries, as the specification says.
    (entry,) = (machine.home / ".config/autostart").glob("farhand-return-*.desktop")
    assert entry.stat().st_mode & 0o077 == 0
    command = re.search(r"^Exec=(.*)$", entry.read_text(), re.MULTILINE)
    assert command
    words = [word.replace("%%", "%") for word in shlex.split(command[1])]
    back = Customer(machine, Path(words[1]), display=display.name, words=[*words[2:], "--terminal"])
    session.entry(lambda e: e["kind"] == "power-returned", within=60)
    assert not entry.exists(), "it starts once"
    assert not list(machine.home.glob(".local/share/farhand/*/return.json"))
    session.end()
    assert back.wait_ended() == 0
    assert not list(machine.home.glob(".local/share/farhand/*"))
    assert not file.exists()
    for one in (customer, back):
        one.stop()


def _answers(session: LiveSession) -> bool:
    since = len(session.socket.frames)
    session.socket.send(Actions.LIST, ACTIONS, b"", session.leg)
    time.sleep(0.5)
    return any(f.channel == ACTIONS and f.type == Actions.OFFERED for f in session.socket.frames[since:])
