"""Consent: a yes is one representative's, a question goes with who asked, a late answer opens nothing."""

import asyncio
from dataclasses import dataclass, field

import msgspec
import pytest
from tests.unit.agent.fakes import FakeDesktop, FakePort

from farhand.agent.core.consent import Consent
from farhand.agent.core.tools import Question
from farhand.agent.tools.clipboard import make as make_clipboard
from farhand.agent.tools.files import make as make_files
from farhand.agent.tools.input import make as make_input
from farhand.agent.tools.screen import make as make_screen
from farhand.agent.tools.shell import make as make_shell
from farhand.protocol.channels import Clip, Files, Grant, Input, Kind, Screen, Shell, channel
from farhand.protocol.messages import InputState


@dataclass
class Customer(FakePort):
    """A customer who answers when the test says so."""

    attended: bool = True
    grants: Grant = ~Grant.NONE
    home: FakeDesktop | None = field(default_factory=FakeDesktop)
    gone: set[int] = field(default_factory=set)
    open: dict[int, "asyncio.Future[bool]"] = field(default_factory=dict)

    async def ask(self, question: Question) -> bool:
        self.questions.append(question)
        answer = self.open[question.leg] = self.loop.create_future()
        try:
            return await answer
        finally:
            del self.open[question.leg]

    def grants_of(self, leg: int) -> Grant:
        return Grant.NONE if leg in self.gone else super().grants_of(leg)

    async def asked(self, *legs: int) -> None:
        """Exactly these legs' questions are open."""
        for _ in range(20):
            await asyncio.sleep(0)
        assert sorted(self.open) == sorted(legs)

    async def answers(self, leg: int, allowed: bool) -> None:
        self.open[leg].set_result(allowed)
        for _ in range(20):
            await asyncio.sleep(0)


async def test_a_yes_to_one_representative_covers_no_other() -> None:
    port, heard = Customer(), []
    consent = Consent(port, Kind.SHELL, "shell", lambda leg, allowed: heard.append((leg, allowed)))
    for leg in (2, 2, 3):
        consent.ask(leg)
    await port.asked(2, 3)
    await port.answers(2, True)
    assert heard == [(2, True)]
    assert (consent.given(2), consent.given(3)) == (True, False)
    await port.answers(3, False)
    assert heard == [(2, True), (3, False)]
    assert not consent.given(3)
    consent.ask(3)
    await port.asked(3)
    consent.close()
    await port.asked()


def start(port: Customer, kind: Kind, leg: int = 2):  # type: ignore[no-untyped-def]
    """A tool whose use `leg` has asked for; what it says when it is granted; how it is asked for again."""
    make, first, granted = {
        Kind.SCREEN: (make_screen, Screen.START, "screen-started"),
        Kind.INPUT: (make_input, Input.REQUEST, "control-granted"),
        Kind.SHELL: (make_shell, Shell.OPEN, "shell-opened"),
        Kind.FILES: (make_files, Files.START, "files-started"),
        Kind.CLIPBOARD: (make_clipboard, Clip.START, "clipboard-started"),
    }[kind]
    tool = make(port)

    def ask(who: int) -> None:
        tool.on_frame(who, first, channel(kind), memoryview(b"{}"))

    ask(leg)
    return tool, granted, ask


@pytest.mark.parametrize("kind", [Kind.SCREEN, Kind.INPUT, Kind.SHELL, Kind.FILES, Kind.CLIPBOARD])
async def test_who_lost_the_grant_meanwhile_gets_nothing(kind: Kind) -> None:
    port = Customer()
    tool, granted, _ask = start(port, kind)
    await port.asked(2)
    port.gone.add(2)  # the roster has changed, and the tool has not been told yet
    await port.answers(2, True)
    assert granted not in [name for name, _ in port.posts]
    assert port.lines == [("answer_too_late", {"tool": port.questions[0].tool, "leg": 2})]
    tool.close()


@pytest.mark.parametrize("kind", [Kind.SCREEN, Kind.INPUT, Kind.SHELL, Kind.FILES, Kind.CLIPBOARD])
async def test_who_leaves_takes_the_question_along(kind: Kind) -> None:
    port = Customer()
    tool, granted, ask = start(port, kind)
    await port.asked(2)
    tool.viewer_left(2)
    await port.asked()
    ask(3)
    await port.asked(3)
    tool.close()
    await port.asked()
    assert granted not in [name for name, _ in port.posts]
    assert [question.by for question in port.questions] == ["rep2", "rep3"]


@pytest.mark.parametrize("kind", [Kind.SCREEN, Kind.INPUT, Kind.SHELL])
async def test_every_tool_asks_for_each_representative(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("farhand.agent.tools.shell.terminal.login_shell", lambda: "/bin/sh")
    port = Customer()
    tool, granted, ask = start(port, kind)
    await port.asked(2)
    await port.answers(2, True)
    ask(2)
    await port.asked()
    ask(3)
    await port.asked(3)

    def allowed() -> set[object]:
        return {data["by"] for name, data in port.posts if name == granted}

    async with asyncio.timeout(60):
        while not allowed():  # noqa: ASYNC110  a shell is begun by another process
            await asyncio.sleep(0.01)
    assert allowed() == {"rep2"}
    tool.close()


async def test_the_last_who_asks_for_control_is_asked_for() -> None:
    port = Customer()
    tool, _granted, ask = start(port, Kind.INPUT)
    await port.asked(2)
    ask(3)
    await port.asked(3)
    states = [(leg, msgspec.json.decode(data, type=InputState)) for _, _, data, leg in port.sent]
    assert states[-1] == (2, InputState(leg=0, pending=3, refused=True))
    tool.close()
