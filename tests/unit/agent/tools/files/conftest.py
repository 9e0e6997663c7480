"""A files tool with a viewer beside it: no relay between them, threads and disk are real."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.harness.files import FilesClient
from tests.unit.agent.fakes import FakePort

from farhand.agent.core.tools import Sent
from farhand.agent.tools.files import leftovers
from farhand.agent.tools.files.tool import FilesTool
from farhand.protocol.channels import Files, Grant, Kind, channel
from farhand.protocol.messages import Limits

ALL = Grant.FILES_READ | Grant.FILES_WRITE | Grant.FILES_DELETE
FILES = channel(Kind.FILES)


@dataclass
class FilesPort(FakePort):
    """Hands what the tool sends to the viewer."""

    grants: Grant = ALL
    limits: Limits = field(default_factory=Limits)
    viewers: dict[int, FilesClient] = field(default_factory=dict)

    def send(self, frame_type: int, channel: int, payload: bytes | bytearray | memoryview = b"", leg: int = 0) -> Sent:
        if not self.online:
            return Sent.AWAY
        self.viewers[leg].take(frame_type, bytes(payload))
        return Sent.YES

    def asking(self) -> bool:
        return False

    def grants_of(self, leg: int) -> Grant:
        return self.grants

    def limits_of(self, leg: int) -> Limits:
        return self.limits

    def noted(self, kind: str) -> list[dict[str, object]]:
        return [data for found, data in self.posts if found == kind]


@dataclass
class Side:
    """The tool, its port and viewer 2."""

    port: FilesPort
    tool: FilesTool
    viewer: FilesClient

    async def do(self, work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Let the viewer do something while the tool runs."""
        return await asyncio.to_thread(work, *arguments, **named)


@pytest.fixture(autouse=True)
def notes(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where notes of uploads are in this test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    return leftovers.notes_folder()


@pytest.fixture
async def side() -> AsyncIterator[Side]:
    loop = asyncio.get_running_loop()
    port = FilesPort()
    tool = FilesTool(port)

    def frame(frame_type: int, payload: bytes) -> None:
        try:
            tool.on_frame(2, frame_type, FILES, memoryview(payload))
        except ValueError as error:
            port.log("bad_frame", reason=str(error))

    def send(frame_type: int, payload: bytes) -> None:
        loop.call_soon_threadsafe(frame, frame_type, payload)

    viewer = port.viewers[2] = FilesClient(send, within=60)
    yield Side(port, tool, viewer)
    tool.close()
    while tool._tasks:
        await asyncio.gather(*tool._tasks, return_exceptions=True)


__all__ = ["ALL", "Files"]
