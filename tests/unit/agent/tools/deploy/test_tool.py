"""The deploy tool: only what the site ordered, for the leg of the order, with the customer's yes on record."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.unit.agent.fakes import FakePort

from farhand.agent.core.errors import ClientError
from farhand.agent.core.tools import NotRecordedError, Question
from farhand.agent.tools.deploy import make
from farhand.protocol.channels import Deploy, Grant, Kind, channel
from farhand.protocol.deploy import OrderInfo, Pinned
from farhand.protocol.messages import Ability

CHANNEL = channel(Kind.DEPLOY)
ORDER = "0190a000-0000-7000-8000-0000000000bb"
CLIENT = "0190a000-0000-7000-8000-0000000000cc"


@dataclass
class FakeDeployment:
    """Remembers what it was told to do."""

    info: OrderInfo = field(
        default_factory=lambda: OrderInfo(order=ORDER, what="pin", leg=2, name="desk", group="Desks")
    )
    says_no: str = ""
    did: list[str] = field(default_factory=list)

    def ability(self) -> Ability:
        return Ability(can=not self.did)

    def pinned(self) -> Pinned | None:
        return Pinned(client_id=CLIENT, name="desk", group="Desks") if self.did == ["pin"] else None

    def fetch(self, order: str) -> OrderInfo:
        if self.says_no == "fetch":
            raise ClientError("The site does not know it.")
        return self.info

    def pin(self, order: OrderInfo) -> Pinned:
        return self._do("pin")

    def unpin(self, order: OrderInfo) -> None:
        self._do("unpin")

    def _do(self, what: str) -> Pinned:
        if self.says_no == what:
            raise ClientError("The disk is full.")
        self.did.append(what)
        return Pinned(client_id=CLIENT, name="desk", group="Desks")


def play(
    scene: Callable[[FakePort, FakeDeployment, Any], Coroutine[Any, Any, None]],
    deployment: FakeDeployment | None = None,
    **options: Any,
) -> None:
    async def run() -> None:
        installs = deployment or FakeDeployment()
        port = FakePort(deployment=installs, **{"grants": Grant.PIN, "attended": True, **options})
        tool = make(port)
        await scene(port, installs, tool)
        tool.close()

    asyncio.run(run())


def give(tool: Any, leg: int = 2) -> None:
    tool.on_frame(leg, Deploy.DO, CHANNEL, memoryview(json.dumps({"order": ORDER}).encode()))


def answers(port: FakePort, frame_type: int, leg: int = 2) -> list[dict[str, Any]]:
    return [json.loads(payload) for kind, _channel, payload, to in port.sent if kind == frame_type and to == leg]


async def answer(port: FakePort, leg: int = 2) -> dict[str, Any]:
    await port.until(lambda: answers(port, Deploy.DONE, leg))
    return answers(port, Deploy.DONE, leg)[-1]


def test_who_looks_is_told_what_is_installed_and_what_can_be() -> None:
    async def scene(port: FakePort, _installs: FakeDeployment, tool: Any) -> None:
        tool.on_frame(2, Deploy.LIST, CHANNEL, memoryview(b""))
        await port.until(lambda: answers(port, Deploy.OFFERED))
        assert answers(port, Deploy.OFFERED) == [{"pin": {"can": True, "code": "", "reason": ""}, "pinned": None}]
        assert port.posts == []

    play(scene)


#
@pytest.mark.parametrize(("password", "asked"), [(False, "pin"), (True, "pin-password")])
def test_a_computer_is_pinned_when_its_customer_allows_it(password: bool, asked: str) -> None:
    async def scene(port: FakePort, installs: FakeDeployment, tool: Any) -> None:
        give(tool)
        assert await answer(port) == {"order": ORDER, "done": True, "text": ""}
        assert port.questions == [Question(asked, "rep2", 2, "Desks")]  # type: ignore[arg-type]
        assert port.questions[0].about == "Desks"
        assert installs.did == ["pin"]
        assert [kind for kind, _data in port.posts] == ["deploy-requested", "deploy-allowed", "pinned"]
        assert port.posts[-1][1] == {"by": "rep2", "leg": 2, "name": "desk", "group": "Desks", "client": CLIENT}
        await port.until(lambda: answers(port, Deploy.OFFERED))
        assert answers(port, Deploy.OFFERED)[-1]["pinned"]["client_id"] == CLIENT

    info = OrderInfo(order=ORDER, what="pin", leg=2, name="desk", group="Desks", password=password)
    play(scene, FakeDeployment(info=info))


def test_a_no_of_the_customer_installs_nothing() -> None:
    async def scene(port: FakePort, installs: FakeDeployment, tool: Any) -> None:
        give(tool)
        assert (await answer(port))["text"] == "The customer did not allow it."
        assert [kind for kind, _data in port.posts] == ["deploy-requested", "deploy-refused"]
        assert not installs.did

    play(scene, allow=False)


#
def test_an_unattended_computer_unpins_itself_after_it_said_so() -> None:
    async def scene(port: FakePort, installs: FakeDeployment, tool: Any) -> None:
        give(tool)
        assert (await answer(port))["done"]
        assert (port.questions, installs.did) == ([], ["unpin"])
        assert [kind for kind, _data in port.posts] == ["deploy-requested", "deploy-allowed", "unpinned"]

    info = OrderInfo(order=ORDER, what="unpin", leg=2, name="desk", group="Desks", client_id=CLIENT)
    play(scene, FakeDeployment(info=info), attended=False)


@pytest.mark.parametrize("says_no", ["fetch", "leg", "grant"])
def test_what_the_site_did_not_order_for_this_leg_is_not_even_asked(says_no: str) -> None:
    async def scene(port: FakePort, installs: FakeDeployment, tool: Any) -> None:
        if says_no == "grant":
            port.grants = Grant.CHAT
        give(tool, leg=3 if says_no == "leg" else 2)
        assert not (await answer(port, 3 if says_no == "leg" else 2))["done"]
        assert (port.questions, installs.did) == ([], [])

    play(scene, FakeDeployment(says_no=says_no))


def test_a_failure_is_told_and_on_record() -> None:
    async def scene(port: FakePort, _installs: FakeDeployment, tool: Any) -> None:
        give(tool)
        assert await answer(port) == {"order": ORDER, "done": False, "text": "The disk is full."}
        assert [kind for kind, _data in port.posts] == ["deploy-requested", "deploy-allowed", "deploy-failed"]

    play(scene, FakeDeployment(says_no="pin"))


def test_what_the_record_does_not_take_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(self: FakePort, kind: str, text: str = "", **data: Any) -> int:
        raise NotRecordedError("full", "The record is full.")

    monkeypatch.setattr(FakePort, "posted", full)

    async def scene(port: FakePort, installs: FakeDeployment, tool: Any) -> None:
        give(tool)
        assert (await answer(port))["text"] == "The record is full."
        assert not installs.did

    play(scene)


def test_who_leaves_takes_the_question_along_and_one_order_goes_on_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(self: FakePort, question: Question) -> bool:
        self.questions.append(question)
        self.changed.set()
        await asyncio.Event().wait()
        return True

    monkeypatch.setattr(FakePort, "ask", never)

    async def scene(port: FakePort, installs: FakeDeployment, tool: Any) -> None:
        give(tool)
        await port.until(lambda: port.questions)
        give(tool, leg=3)
        assert "Wait until" in (await answer(port, 3))["text"]
        tool.viewer_left(2)
        await port.until(lambda: port.posts[-1][0] == "deploy-refused")
        assert not installs.did

    play(scene)
