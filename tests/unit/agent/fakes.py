"""A session as a tool sees it, in memory, and a desktop whose parts a test makes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from farhand.agent.core.deployment import Deployment, NoDeployment
from farhand.agent.core.desktop import Clipboard, InputSink, Monitor, ScreenSource, UnsupportedError
from farhand.agent.core.machine import Machine, NoMachine
from farhand.agent.core.masking import Masking
from farhand.agent.core.orders import Orders
from farhand.agent.core.tools import Question, Sent
from farhand.agent.platforms.linux.x11.find import x11_abilities
from farhand.protocol.channels import Grant, Kind
from farhand.protocol.messages import Abilities, Ability, Limits
from farhand.protocol.scripts import RunScript, ScriptOrder


def nothing_to_open() -> ScreenSource:
    raise UnsupportedError("This desktop has nothing to open.")


@dataclass
class FakeDesktop:
    """A desktop with one monitor."""

    screen: Callable[[], ScreenSource] = nothing_to_open
    input: Callable[[], InputSink] = nothing_to_open  # type: ignore[assignment]
    clipboard: Callable[[], Clipboard] = nothing_to_open  # type: ignore[assignment]
    living: bool = True
    closed: bool = False
    kind: str = "x11"

    def abilities(self) -> Abilities:
        return x11_abilities(":0")

    def alive(self) -> bool:
        return self.living

    def monitors(self) -> list[Monitor]:
        return [Monitor("one", "One", 0, 0, 64, 48, primary=True)]

    def open_screen(self, monitor: str | None = None) -> ScreenSource:
        return self.screen()

    def open_input(self) -> InputSink:
        return self.input()

    def open_clipboard(self) -> Clipboard:
        return self.clipboard()

    def close(self) -> None:
        self.closed = True


@dataclass
class FakePort:
    """Records what a tool sends and posts; answers as it is told."""

    attended: bool = False
    home: FakeDesktop | None = None
    waiting: int = 0
    """Bytes in the leg's socket."""
    online: bool = True
    granted: bool = True
    allow: bool = True
    returns: bool = True
    prepared: list[bool] = field(default_factory=list)
    machine: Machine = field(default_factory=NoMachine)
    deployment: Deployment = field(default_factory=NoDeployment)
    masking: Masking = field(default_factory=Masking)
    orders: Orders = field(default_factory=lambda: Orders("00" * 32, ""))
    grants: Grant = Grant.SCREEN_VIEW | Grant.SCREEN_CONTROL | Grant.SHELL
    """Every leg's."""
    limits: Limits = field(default_factory=Limits)
    """Every leg's."""
    sent: list[tuple[int, int, bytes, int]] = field(default_factory=list)
    """(frame type, channel, payload, leg)"""
    posts: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    lines: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def abilities(self) -> Abilities | None:
        return self.home.abilities() if self.home is not None else None

    async def desktop(self) -> FakeDesktop | None:
        return self.home

    def take_order(self, leg: int, message: RunScript) -> ScriptOrder:
        return self.orders.take(leg, message)

    def returning(self) -> Ability:
        return Ability(can=self.returns)

    def will_return(self, returns: bool) -> None:
        self.prepared.append(returns)

    def backlog(self, kind: Kind) -> int:
        return self.waiting

    def send(self, frame_type: int, channel: int, payload: bytes | bytearray | memoryview = b"", leg: int = 0) -> Sent:
        if not self.granted:
            return Sent.NOT_GRANTED
        if not self.online:
            return Sent.AWAY
        self.sent.append((frame_type, channel, bytes(payload), leg))
        self.changed.set()
        return Sent.YES

    def post(self, kind: str, text: str = "", **data: str | int | bool) -> None:
        self.posts.append((kind, dict(data)))
        self.changed.set()

    async def posted(self, kind: str, text: str = "", **data: str | int | bool) -> int:
        self.post(kind, text, **data)
        return len(self.posts)

    async def ask(self, question: Question) -> bool:
        self.questions.append(question)
        return self.allow

    def name_of(self, leg: int) -> str:
        return f"rep{leg}"

    def asking(self) -> bool:
        return False

    def grants_of(self, leg: int) -> Grant:
        return self.grants

    def limits_of(self, leg: int) -> Limits:
        return self.limits

    def log(self, event: str, **fields: object) -> None:
        self.lines.append((event, fields))

    async def until(self, condition) -> None:  # type: ignore[no-untyped-def]
        """Wait until `condition()` holds; fail after a minute."""
        async with asyncio.timeout(60):
            while not condition():
                self.changed.clear()
                await self.changed.wait()
