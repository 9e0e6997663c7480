"""A session as a tool sees it, in memory."""

import asyncio
from dataclasses import dataclass, field

from farhand.agent.core.tools import Question
from farhand.protocol.channels import Grant


@dataclass
class FakePort:
    """Records what a tool sends and posts; answers as it is told."""

    attended: bool = False
    display: str | None = None
    backlog: int = 0
    online: bool = True
    allow: bool = True
    sent: list[tuple[int, int, bytes, int]] = field(default_factory=list)
    """(frame type, channel, payload, leg)"""
    posts: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    lines: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def send(self, frame_type: int, channel: int, payload: bytes | bytearray | memoryview = b"", leg: int = 0) -> bool:
        if self.online:
            self.sent.append((frame_type, channel, bytes(payload), leg))
            self.changed.set()
        return self.online

    def post(self, kind: str, text: str = "", **data: str | int | bool) -> None:
        self.posts.append((kind, dict(data)))
        self.changed.set()

    async def ask(self, question: Question) -> bool:
        self.questions.append(question)
        return self.allow

    def name_of(self, leg: int) -> str:
        return f"rep{leg}"

    def grants_of(self, leg: int) -> Grant:
        return Grant.SCREEN_VIEW | Grant.SCREEN_CONTROL | Grant.SHELL

    def log(self, event: str, **fields: object) -> None:
        self.lines.append((event, fields))

    async def until(self, condition) -> None:  # type: ignore[no-untyped-def]
        """Wait until `condition()` holds; fail after ten seconds."""
        async with asyncio.timeout(10):
            while not condition():
                self.changed.clear()
                await self.changed.wait()
