"""The actions tool: what it offers, what it asks of the customer, and that nothing is done that is not on record."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.unit.agent.fakes import FakeDesktop, FakePort

from farhand.agent.core.machine import MachineError, Offer
from farhand.agent.core.tools import NotRecordedError, Question
from farhand.agent.tools.actions import make
from farhand.agent.tools.actions.tool import MAX_WISHES
from farhand.protocol.actions import Action, Context, How
from farhand.protocol.channels import Actions, Grant, Kind, channel
from farhand.protocol.messages import Ability, Limits

ACTIONS = channel(Kind.ACTIONS)


@dataclass
class FakeMachine:
    """A machine that remembers what it was told."""

    did: list[str] = field(default_factory=list)
    says_no: str = ""

    def offer(self) -> Offer:
        actions = [
            Action(id="terminal", name="Terminal", contexts=["user"], ability=Ability(can=True)),
            Action(id="settings", name="Settings", contexts=["user"], ability=Ability(reason="Not installed.")),
        ]
        return Offer(platform="linux", actions=actions, reboot=Ability(can=True), shutdown=Ability(reason="Never."))

    def run(self, action: str, context: Context) -> None:
        self._do(f"{action} {context}")

    def power(self, how: How) -> None:
        self._do(how)

    def _do(self, what: str) -> None:
        if self.says_no:
            raise MachineError(self.says_no)
        self.did.append(what)


def play(scene: Callable[[FakePort, FakeMachine, Any], Coroutine[Any, Any, None]], **options: Any) -> None:
    async def run() -> None:
        machine = FakeMachine()
        port = FakePort(machine=machine, grants=Grant.ACTIONS | Grant.REBOOT, **options)
        tool = make(port)
        await scene(port, machine, tool)
        tool.close()

    asyncio.run(run())


def give(tool: Any, frame_type: int, leg: int = 2, **content: str) -> None:
    tool.on_frame(leg, frame_type, ACTIONS, memoryview(json.dumps(content).encode()))


def answers(port: FakePort, frame_type: int) -> list[dict[str, Any]]:
    return [json.loads(payload) for kind, _channel, payload, leg in port.sent if kind == frame_type and leg == 2]


def test_what_can_be_done_is_told_to_who_asks_with_the_reasons() -> None:
    async def scene(port: FakePort, _machine: FakeMachine, tool: Any) -> None:
        give(tool, Actions.LIST)
        await port.until(lambda: answers(port, Actions.OFFERED))
        (offered,) = answers(port, Actions.OFFERED)
        abilities = {one["id"]: one["ability"] for one in offered["actions"]}
        assert abilities["ctrl-alt-del"] == {"can": False, "code": "no-desktop", "reason": "There is no desktop now."}
        assert abilities["settings"]["reason"] == "Not installed."
        assert offered["shutdown"] == {"can": False, "code": "", "reason": "Never."}
        assert port.posts == []

    play(scene)


def test_an_action_is_on_record_before_it_is_done() -> None:
    async def scene(port: FakePort, machine: FakeMachine, tool: Any) -> None:
        kept = asyncio.Event()

        async def posted(kind: str, text: str = "", **data: str | int | bool) -> int:
            await kept.wait()
            port.post(kind, text, **data)
            return 1

        port.posted = posted  # type: ignore[method-assign]
        give(tool, Actions.RUN, action="terminal", context="user")
        await asyncio.sleep(0.05)
        assert machine.did == []
        kept.set()
        await port.until(lambda: answers(port, Actions.DONE))
        assert machine.did == ["terminal user"]
        assert [kind for kind, _data in port.posts] == ["action-requested", "action-run"]

    play(scene)


def test_what_the_record_does_not_take_is_not_done() -> None:
    async def scene(port: FakePort, machine: FakeMachine, tool: Any) -> None:
        async def posted(kind: str, text: str = "", **data: str | int | bool) -> int:
            raise NotRecordedError("too-many", "The record is full.")

        port.posted = posted  # type: ignore[method-assign]
        give(tool, Actions.POWER, how="reboot")
        await port.until(lambda: answers(port, Actions.DONE))
        assert answers(port, Actions.DONE) == [{"about": "reboot", "done": False, "text": "The record is full."}]
        assert machine.did == []

    play(scene)


@pytest.mark.parametrize(("action", "context"), [("settings", "user"), ("terminal", "system"), ("unheard-of", "user")])
def test_what_is_not_offered_is_refused(action: str, context: str) -> None:
    async def scene(port: FakePort, machine: FakeMachine, tool: Any) -> None:
        give(tool, Actions.RUN, action=action, context=context)
        await port.until(lambda: answers(port, Actions.DONE))
        assert not answers(port, Actions.DONE)[0]["done"]
        assert machine.did == []
        assert port.posts[-1][0] == "action-refused"

    play(scene)


def test_a_customer_is_asked_for_actions_once_and_for_each_restart() -> None:
    async def scene(port: FakePort, machine: FakeMachine, tool: Any) -> None:
        for times in (1, 2):
            give(tool, Actions.RUN, action="terminal", context="user")
            await port.until(
                lambda times=times: len(machine.did) == times and len(answers(port, Actions.DONE)) == times
            )
        for times in (1, 2):
            give(tool, Actions.POWER, how="reboot")
            await port.until(lambda times=times: len(answers(port, Actions.DONE)) == 2 + times)
        assert [question.tool for question in port.questions] == ["actions", "reboot", "reboot"]

    play(scene, attended=True)


def test_a_customers_no_is_told_and_on_record() -> None:
    async def scene(port: FakePort, machine: FakeMachine, tool: Any) -> None:
        give(tool, Actions.RUN, action="terminal", context="user")
        give(tool, Actions.POWER, how="reboot")
        await port.until(lambda: len(answers(port, Actions.DONE)) == 2)
        assert machine.did == []
        assert {"action-refused", "power-refused"} <= {kind for kind, _data in port.posts}

    play(scene, attended=True, allow=False)


@pytest.mark.parametrize(
    ("left", "lost"), [(Grant.ACTIONS, "power-started"), (Grant.REBOOT, "action-run"), (Grant.PRIVACY, "power-started")]
)
@pytest.mark.parametrize("told", [True, False])
def test_a_grant_that_is_lost_while_the_customer_thinks_takes_its_question_along(
    left: Grant, lost: str, told: bool
) -> None:
    async def scene(port: FakePort, machine: FakeMachine, tool: Any) -> None:
        answer = asyncio.Event()

        async def ask(question: Question) -> bool:
            port.questions.append(question)
            await answer.wait()
            return True

        port.ask = ask  # type: ignore[method-assign]
        give(tool, Actions.RUN, action="terminal", context="user")
        give(tool, Actions.POWER, how="reboot")
        while len(port.questions) < 2:  # noqa: ASYNC110  it asks in a task of its own
            await asyncio.sleep(0)
        port.grants = left
        if told:
            tool.viewer_changed(2, left)
        answer.set()
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)
        done = {kind for kind, _data in port.posts}
        assert lost not in done
        assert ("power-started" in done, "action-run" in done) == (left == Grant.REBOOT, left == Grant.ACTIONS)

    play(scene, attended=True)


def test_who_asks_for_the_offer_again_and_again_is_told_once_more() -> None:
    async def scene(port: FakePort, machine: FakeMachine, tool: Any) -> None:
        looked = threading.Event()
        offer, looks = machine.offer, []

        def slow() -> Offer:
            looks.append(1)
            looked.wait(60)
            return offer()

        machine.offer = slow  # type: ignore[method-assign]
        for _ in range(1000):
            give(tool, Actions.LIST)
        give(tool, Actions.LIST, leg=3)
        looked.set()
        await port.until(lambda: len(answers(port, Actions.OFFERED)) == 1 and len(port.sent) == 2)
        assert len(looks) == 2, "one for each of the two"
        looked.clear()
        give(tool, Actions.LIST)
        while len(looks) < 3:  # noqa: ASYNC110  it looks in a thread
            await asyncio.sleep(0.01)
        for _ in range(1000):
            give(tool, Actions.LIST)
        looked.set()
        await port.until(lambda: len(answers(port, Actions.OFFERED)) == 3)
        assert len(looks) == 4, "what was asked while it looked is answered by one look after that"

    play(scene)


@pytest.mark.parametrize("attended", [True, False])
def test_a_flood_of_wishes_is_refused_and_fills_no_record(attended: bool) -> None:
    async def scene(port: FakePort, machine: FakeMachine, tool: Any) -> None:
        kept = asyncio.Event()

        async def posted(kind: str, text: str = "", **data: str | int | bool) -> int:
            await kept.wait()
            port.post(kind, text, **data)
            return 1

        port.posted = posted  # type: ignore[method-assign]
        for _ in range(100):
            give(tool, Actions.RUN, action="terminal", context="user")
        assert len(answers(port, Actions.DONE)) == 100 - MAX_WISHES
        assert answers(port, Actions.DONE)[-1] == {
            "about": "terminal",
            "done": False,
            "text": "Too much is going on at once. Wait until something is done.",
        }
        assert [kind for kind, _data in port.posts] == ["action-requested"] * MAX_WISHES
        kept.set()
        await port.until(lambda: len(answers(port, Actions.DONE)) == 100)
        assert len(machine.did) == MAX_WISHES
        while tool._tasks:  # noqa: ASYNC110  the answer is a task's last word but one
            await asyncio.sleep(0)
        give(tool, Actions.RUN, action="terminal", context="user")
        await port.until(lambda: len(answers(port, Actions.DONE)) == 101)
        assert answers(port, Actions.DONE)[-1]["done"]

    play(scene, attended=attended)


@pytest.mark.parametrize("attended", [True, False])
def test_a_restart_that_is_asked_for_again_and_again_is_asked_and_done_once(attended: bool) -> None:
    async def scene(port: FakePort, machine: FakeMachine, tool: Any) -> None:
        for _ in range(100):
            give(tool, Actions.POWER, how="reboot")
        await port.until(lambda: answers(port, Actions.DONE))
        assert [kind for kind, _data in port.posts] == ["power-requested", "power-started"]
        assert (machine.did, len(port.questions)) == (["reboot"], int(attended))
        while tool._tasks:  # noqa: ASYNC110
            await asyncio.sleep(0)
        give(tool, Actions.POWER, how="reboot")
        await port.until(lambda: len(answers(port, Actions.DONE)) == 2)
        assert machine.did == ["reboot", "reboot"]

    play(scene, attended=attended)


@pytest.mark.parametrize(
    ("frame_type", "content", "kinds"),
    [
        (Actions.RUN, {"action": "terminal", "context": "user"}, ("action-refused", "action-run", "action-failed")),
        (Actions.POWER, {"how": "reboot"}, ("power-refused", "power-started", "power-failed")),
    ],
)
@pytest.mark.parametrize("when", ["before it is recorded", "while it is recorded"])
def test_a_grant_that_is_lost_after_the_yes_is_missed_before_the_act(
    when: str, frame_type: int, content: dict[str, str], kinds: tuple[str, str, str]
) -> None:
    async def scene(port: FakePort, machine: FakeMachine, tool: Any) -> None:
        offer, post = machine.offer, port.post

        def look() -> Offer:
            if when == "before it is recorded":
                port.grants = Grant.PRIVACY
            return offer()

        async def posted(kind: str, text: str = "", **data: str | int | bool) -> int:
            post(kind, text, **data)
            port.grants = Grant.PRIVACY
            return 1

        machine.offer = look  # type: ignore[method-assign]
        port.posted = posted  # type: ignore[method-assign]
        give(tool, frame_type, **content)
        await port.until(lambda: answers(port, Actions.DONE))
        assert answers(port, Actions.DONE)[0]["text"] == "You may not do that any more."
        assert machine.did == []
        refused, begun, failed = kinds
        expected = [refused] if when == "before it is recorded" else [begun, failed]
        assert [kind for kind, _data in port.posts][1:] == expected, "the record says that it was not done"

    play(scene, attended=True)


def test_a_restart_that_fails_after_all_is_prepared_for_no_longer() -> None:
    async def scene(port: FakePort, machine: FakeMachine, tool: Any) -> None:
        machine.says_no = "Somebody holds it up."
        give(tool, Actions.POWER, how="reboot")
        await port.until(lambda: answers(port, Actions.DONE))
        assert answers(port, Actions.DONE)[0]["text"] == "Somebody holds it up."
        assert port.prepared == [True, False]
        assert [kind for kind, _data in port.posts] == ["power-requested", "power-started", "power-failed"]

    play(scene)


def test_a_restart_that_fails_takes_nothing_from_one_that_has_begun() -> None:
    async def scene(port: FakePort, machine: FakeMachine, tool: Any) -> None:
        order, power = [], machine.power
        prepared = port.will_return

        def will_return(returns: bool) -> None:
            order.append(f"return {returns}")
            time.sleep(0.05)  # long enough for another one to come between
            prepared(returns)

        def switch(how: How) -> None:
            order.append(how)
            time.sleep(0.05)
            if order.count("reboot") > 1:
                raise MachineError("It is on its way already.")
            power(how)

        port.will_return = will_return  # type: ignore[method-assign]
        machine.power = switch  # type: ignore[method-assign]
        give(tool, Actions.POWER, how="reboot")
        give(tool, Actions.POWER, leg=3, how="reboot")
        await port.until(lambda: len(port.sent) == 2)
        assert order == ["return True", "reboot", "return True", "reboot"]
        assert port.prepared == [True, True], "the client still comes back from the one that has begun"

    play(scene)


def test_ctrl_alt_del_presses_and_releases_the_keys() -> None:
    pressed: list[tuple[int, bool]] = []

    class Sink:
        def key(self, keysym: int, down: bool) -> None:
            pressed.append((keysym, down))

        def close(self) -> None:
            pressed.append((0, False))

    async def scene(port: FakePort, _machine: FakeMachine, tool: Any) -> None:
        give(tool, Actions.RUN, action="ctrl-alt-del", context="user")
        await port.until(lambda: answers(port, Actions.DONE))
        down, up = pressed[:3], pressed[3:6]
        assert [key for key, is_down in down if is_down] == [0xFFE3, 0xFFE9, 0xFFFF]
        assert up == [(key, False) for key, _down in reversed(down)]
        assert pressed[6:] == [(0, False)]

    play(scene, home=FakeDesktop(input=Sink))  # type: ignore[arg-type]


#
def test_what_the_site_does_not_offer_is_neither_told_nor_done() -> None:
    async def scene(port: FakePort, machine: FakeMachine, tool: Any) -> None:
        port.limits = Limits(actions_off=["terminal", "ctrl-alt-del", "of-another-system"])
        give(tool, Actions.LIST)
        await port.until(lambda: answers(port, Actions.OFFERED))
        (offered,) = answers(port, Actions.OFFERED)
        assert [one["id"] for one in offered["actions"]] == ["settings"]
        give(tool, Actions.RUN, action="terminal", context="user")
        await port.until(lambda: answers(port, Actions.DONE))
        assert [kind for kind, _data in port.posts] == ["action-requested", "action-refused"]
        assert machine.did == []

    play(scene)


def test_an_action_that_is_taken_from_the_offer_meanwhile_is_not_done() -> None:
    async def scene(port: FakePort, machine: FakeMachine, tool: Any) -> None:
        async def posted(kind: str, text: str = "", **data: str | int | bool) -> int:
            port.limits = Limits(actions_off=["terminal"])
            port.post(kind, text, **data)
            return 1

        port.posted = posted  # type: ignore[method-assign]
        give(tool, Actions.RUN, action="terminal", context="user")
        await port.until(lambda: answers(port, Actions.DONE))
        assert not answers(port, Actions.DONE)[0]["done"]
        assert port.posts[-1][0] == "action-failed"
        assert machine.did == []

    play(scene)
