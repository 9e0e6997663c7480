"""Who may disable mouse and keyboard of the person there, what the record says of it, and everything that ends it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import pytest
from tests.unit.agent.fakes import FakeDesktop, FakePort

from farhand.agent.core.desktop import BlockEnded, DesktopError, Sign
from farhand.agent.core.tools import NotRecordedError, Question
from farhand.agent.tools.input import block, make
from farhand.protocol.channels import Grant, Input, Kind, channel
from farhand.protocol.input import DISABLE, GIVE_BACK, STILL
from farhand.protocol.messages import Abilities, Ability

CHANNEL = channel(Kind.INPUT)


class Sink:
    """A keyboard and pointer that do nothing."""

    def __getattr__(self, _name: str) -> Callable[..., bool]:
        return lambda *_: True


@dataclass
class Held:
    sign: Sign
    ended: BlockEnded
    closed: bool = False

    def close(self) -> None:
        self.closed = True


@dataclass
class Home(FakeDesktop):
    """A desktop that can, and remembers what was asked of it."""

    able: Ability = field(default_factory=lambda: Ability(can=True))
    blocks: list[Held] = field(default_factory=list)
    fails: str = ""
    waits: asyncio.Event | None = None

    def abilities(self) -> Abilities:
        return Abilities(kind="x11", see=self.able, control=Ability(can=True), block_input=self.able)

    async def block_input(self, sign: Sign, ended: BlockEnded) -> Held:
        if self.waits is not None:
            await self.waits.wait()
        if self.fails:
            raise DesktopError("error", self.fails)
        self.blocks.append(Held(sign, ended))
        return self.blocks[-1]


@dataclass
class Port(FakePort):
    """A session with representatives 2 and 3."""

    home: Home = field(default_factory=lambda: Home(input=Sink))  # type: ignore[assignment]
    grants: Grant = Grant.SCREEN_VIEW | Grant.SCREEN_CONTROL | Grant.PRIVACY
    asked: bool = False
    unrecorded: bool = False

    def __post_init__(self) -> None:
        self.tool = make(self)

    def asking(self) -> bool:
        return self.asked

    async def posted(self, kind: str, text: str = "", **data: str | int | bool) -> int:
        if self.unrecorded:
            raise NotRecordedError("full", "Too much waits.")
        return await super().posted(kind, text, **data)

    def frame(self, frame_type: int, payload: bytes = b"", leg: int = 2) -> None:
        self.tool.on_frame(leg, frame_type, CHANNEL, memoryview(payload))

    def block(self, wanted: int, leg: int = 2) -> None:
        self.frame(Input.BLOCK, bytes([wanted]), leg)

    def said(self, leg: int = 0) -> list[dict[str, object]]:
        return [msgspec.json.decode(one[2]) for one in self.sent if one[0] == Input.BLOCKED and one[3] == leg]

    def kinds(self) -> list[str]:
        return [kind for kind, _data in self.posts if kind.startswith("block")]

    def holder(self) -> int:
        states = [msgspec.json.decode(one[2]) for one in self.sent if one[0] == Input.STATE]
        return states[-1]["leg"] if states else 0

    async def control(self, leg: int = 2) -> None:
        self.frame(Input.REQUEST, leg=leg)
        await self.until(lambda: self.holder() == leg)

    async def disable(self, leg: int = 2) -> Held:
        self.block(DISABLE, leg)
        await self.until(lambda: self.said()[-1]["leg"] == leg)
        return self.home.blocks[-1]


async def test_it_is_on_record_shown_and_given_back() -> None:  # R-164 R-025
    port = Port()
    await port.control()
    held = await port.disable()
    assert "rep2" in held.sign.title
    assert "Ctrl-Alt-Del" in held.sign.text
    assert port.kinds() == ["block-requested", "block-started"]
    port.block(GIVE_BACK)
    assert held.closed
    assert port.posts[-1] == ("block-stopped", {"by": "rep2", "leg": 2, "reason": "released"})
    assert port.said()[-1] == {"leg": 0, "pending": 0, "reason": "", "text": ""}
    assert port.said(2)[-1]["reason"] == "released"


async def test_the_person_ends_it_and_has_peace(monkeypatch: pytest.MonkeyPatch) -> None:
    port = Port()
    await port.control()
    held = await port.disable()
    held.ended("person", "")
    assert port.posts[-1] == ("block-stopped", {"by": "rep2", "leg": 2, "reason": "person"})
    assert port.said(2)[-1]["reason"] == "person"
    port.block(STILL)  # an answer that was on its way begins nothing
    assert len(port.home.blocks) == 1
    port.block(DISABLE)
    assert "just taken" in str(port.said(2)[-1]["text"])
    monkeypatch.setattr(block, "PEACE_S", 0.0)
    port.tool._block._peace = 0.0  # type: ignore[attr-defined]
    await port.disable()
    port.tool.close()


async def test_who_took_it_back_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:  # R-024 R-026
    monkeypatch.setattr(block, "PEACE_S", 0.0)
    port = Port(attended=True)
    await port.control()
    held = await port.disable()
    port.block(GIVE_BACK)
    held = await port.disable()
    asked = [one for one in port.questions if one.tool == "block"]
    assert asked == [Question("block", "rep2")]
    held.ended("person", "")
    await port.disable()
    assert len([one for one in port.questions if one.tool == "block"]) == 2
    port.tool.close()


async def test_a_customer_who_says_no_keeps_them() -> None:
    port = Port(attended=True)
    await port.control()
    port.allow = False
    port.block(DISABLE)
    await port.until(lambda: "block-refused" in port.kinds())
    assert port.kinds() == ["block-requested", "block-refused"]
    assert port.said(2)[-1]["reason"] == "refused"
    assert port.home.blocks == []


def _release(port: Port) -> None:
    port.frame(Input.RELEASE)


def _left(port: Port) -> None:
    port.tool.viewer_left(2)


def _no_grant(port: Port) -> None:
    port.tool.viewer_changed(2, Grant.SCREEN_CONTROL)


def _no_control(port: Port) -> None:
    port.tool.viewer_changed(2, Grant.PRIVACY)


def _lost(port: Port) -> None:
    port.tool.lost()


def _asked(port: Port) -> None:
    port.asked = True
    port.tool.question_opened()


def _over(port: Port) -> None:
    port.tool.close()


ENDS = [
    (_release, "control"), (_left, "control"), (_no_grant, "control"), (_no_control, "control"), (_lost, "lost"),
    (_asked, "question"), (_over, "control"),
]  # fmt: skip


@pytest.mark.parametrize(("end", "reason"), ENDS)
async def test_it_ends_with_all_that_it_rests_on(end: Callable[[Port], None], reason: str) -> None:
    port = Port()
    await port.control()
    held = await port.disable()
    end(port)
    assert held.closed
    assert ("block-stopped", {"by": "rep2", "leg": 2, "reason": reason}) in port.posts


@pytest.mark.parametrize(("end", "reason"), ENDS)
async def test_it_does_not_begin_when_that_ends_meanwhile(end: Callable[[Port], None], reason: str) -> None:
    port = Port()
    port.home.waits = asyncio.Event()
    await port.control()
    port.block(DISABLE)
    await port.until(lambda: "block-started" in port.kinds())
    end(port)
    port.home.waits.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert all(held.closed for held in port.home.blocks)
    assert port.kinds()[-1] == "block-stopped"
    assert port.said()[-1] == {"leg": 0, "pending": 0, "reason": "", "text": ""}


async def test_another_one_in_control_ends_it() -> None:
    port = Port()
    await port.control()
    held = await port.disable()
    port.block(DISABLE, 3)
    assert "already" in str(port.said(3)[-1]["text"])
    port.block(GIVE_BACK, 3)
    assert not held.closed
    await port.control(3)
    assert held.closed
    port.tool.close()


async def test_who_does_not_answer_keeps_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block, "ASK_S", 0.01)
    monkeypatch.setattr(block, "ANSWER_S", 0.5)
    port = Port()
    await port.control()
    held = await port.disable()
    for _ in range(100):
        port.block(STILL)
        await asyncio.sleep(0.01)
    assert not held.closed
    await port.until(lambda: port.kinds()[-1] == "block-stopped")
    assert held.closed
    assert port.posts[-1][1]["reason"] == "lost"


async def test_what_cannot_be_done_is_told() -> None:
    port = Port()
    port.block(DISABLE)
    assert "control" in str(port.said(2)[-1]["text"])
    await port.control()
    port.home.able = Ability(reason="Not here.")
    port.block(DISABLE)
    assert port.said(2)[-1] == {"leg": 0, "pending": 0, "reason": "refused", "text": "Not here."}
    port.home.able, port.asked = Ability(can=True), True
    port.block(DISABLE)
    assert "being asked" in str(port.said(2)[-1]["text"])
    port.asked, port.home.fails = False, "It did not work."
    port.block(DISABLE)
    await port.until(lambda: port.kinds() != [] and port.kinds()[-1] == "block-stopped")
    assert port.posts[-1][1]["reason"] == "failed"
    assert port.said(2)[-1] == {"leg": 0, "pending": 0, "reason": "failed", "text": "It did not work."}
    port.home.fails, port.unrecorded = "", True
    port.block(DISABLE)
    await port.until(lambda: port.said(2)[-1]["text"] == "Too much waits.")
    assert port.home.blocks == []
    for bad in (b"", b"\x03", b"\x01\x01"):
        with pytest.raises(ValueError, match=r"BLOCK|bytes"):
            port.frame(Input.BLOCK, bad)


async def test_who_comes_later_is_told() -> None:
    port = Port()
    await port.control()
    await port.disable()
    port.tool.viewer_joined(3)
    assert port.said(3)[-1]["leg"] == 2
    port.tool.close()
