"""Mouse and keyboard of the person at the computer, disabled by a representative: with the downloaded client file on a
real X server, the relay and a console."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.harness.appliance import Appliance, wait_for
from tests.harness.client import JumpClient, item_named, new_jump_client
from tests.harness.console import Console, LiveSession
from tests.harness.xorg import ACTED, Person, x_server

from farhand.protocol.channels import Input, Kind, channel
from farhand.protocol.frames import Frame
from farhand.protocol.input import DISABLE, GIVE_BACK, STILL

NAME = "with somebody in front"
INPUT = channel(Kind.INPUT)
pytestmark = pytest.mark.display


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """Somebody at a display."""
    with x_server("Xvfb", tmp_path_factory.mktemp("display")) as (display, _server):
        one = Person(display)
        one.display = display  # type: ignore[attr-defined]
        yield one
        one.close()


@pytest.fixture(scope="module")
def client(appliance: Appliance, console: Console, machines: Path, person: Person) -> Iterator[JumpClient]:
    """A Jump Client on it."""
    display: str = person.display  # type: ignore[attr-defined]
    running = new_jump_client(appliance, console.visitor, machines, NAME, display)
    item_named(console, NAME)
    yield running
    running.stop()


class Helper:
    """A representative's console that has control and answers for the block."""

    def __init__(self, console: Console) -> None:
        self.session: LiveSession = console.jump(item_named(console, NAME)["id"])
        self.answers = True
        self._inner = self.session.socket.on_frame
        self.session.socket.on_frame = self._on_frame
        self.session.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
        self.send(Input.REQUEST)
        self.heard(Input.STATE, lambda said: said["leg"] == self.session.leg)

    def _on_frame(self, frame: Frame) -> None:
        if self._inner is not None:
            self._inner(frame)
        mine = frame.channel == INPUT and frame.type == Input.BLOCKED and self.answers
        if mine and json.loads(frame.payload)["leg"] == self.session.leg:
            self.session.socket.send_now(Input.BLOCK, INPUT, bytes([STILL]), self.session.leg)

    def send(self, kind: int, payload: bytes = b"") -> None:
        """One frame on the input channel."""
        self.session.socket.send(kind, INPUT, payload, self.session.leg)

    def heard(self, kind: int, want: Any, since: int = 0) -> dict[str, Any]:
        """Wait for a message of the endpoint."""

        def match(frame: Frame) -> Any:
            said = json.loads(frame.payload) if frame.channel == INPUT and frame.type == kind else None
            return said if said is not None and want(said) else None

        found: dict[str, Any] = self.session.socket.wait(match, since=since, what="what the endpoint says of it")
        return found

    def disable(self, person: Person) -> None:
        """Disable mouse and keyboard there, and see that it is so."""
        since = len(self.session.socket.frames)
        self.send(Input.BLOCK, bytes([DISABLE]))
        self.heard(Input.BLOCKED, lambda said: said["leg"] == self.session.leg, since)
        assert person.acts() == []
        assert person.helper_acts() != []

    def stopped(self) -> list[str]:
        """Why it ended, each time, as the record has it."""
        return [entry["data"]["reason"] for entry in self.session.entries() if entry["kind"] == "block-stopped"]


@pytest.fixture
def helper(console: Console, client: JumpClient) -> Iterator[Helper]:
    """A representative in control."""
    one = Helper(console)
    yield one
    one.session.end()
    item_named(console, NAME)


def works_again(person: Person) -> None:
    """Wait until what the person does arrives."""
    wait_for(lambda: person.acts() == ACTED, what="the person's keys and clicks")


# R-164 R-026
def test_the_person_is_kept_out_until_ctrl_alt_del(helper: Helper, person: Person) -> None:
    works_again(person)
    helper.disable(person)
    since = len(helper.session.socket.frames)
    person.ctrl_alt_del()
    works_again(person)
    told = helper.heard(Input.BLOCKED, lambda said: said["reason"], since)
    assert told["reason"] == "person"
    started = helper.session.entry(lambda e: e["kind"] == "block-started")
    stopped = helper.session.entry(lambda e: e["kind"] == "block-stopped")
    assert started["data"]["by"] == stopped["data"]["by"] == "Administrator"
    assert stopped["data"]["reason"] == "person"
    since = len(helper.session.socket.frames)
    helper.send(Input.BLOCK, bytes([DISABLE]))
    assert "just taken" in helper.heard(Input.BLOCKED, lambda said: said["text"], since)["text"]
    assert person.acts() == ACTED


def test_it_ends_with_control(helper: Helper, person: Person) -> None:
    helper.disable(person)
    helper.send(Input.BLOCK, bytes([GIVE_BACK]))
    works_again(person)
    helper.disable(person)
    helper.send(Input.RELEASE)
    works_again(person)
    wait_for(lambda: helper.stopped() == ["released", "control"], what="both on record")


def test_it_ends_with_the_console(console: Console, client: JumpClient, person: Person) -> None:
    helper = Helper(console)
    helper.disable(person)
    helper.session.socket.close()
    works_again(person)
    helper.session.rejoin()
    wait_for(lambda: helper.stopped() == ["control"], what="that on record")
    helper.session.end()
    item_named(console, NAME)


def test_it_ends_with_a_console_that_answers_no_more(helper: Helper, person: Person) -> None:
    helper.disable(person)
    helper.answers = False
    works_again(person)
    wait_for(lambda: helper.stopped() == ["lost"], what="that on record")


def test_it_ends_with_the_session(console: Console, client: JumpClient, person: Person) -> None:
    helper = Helper(console)
    helper.disable(person)
    helper.session.end()
    works_again(person)
    item_named(console, NAME)


def test_it_ends_with_the_killed_client(helper: Helper, client: JumpClient, person: Person) -> None:
    helper.disable(person)
    client.kill()
    works_again(person)
    client.start()
