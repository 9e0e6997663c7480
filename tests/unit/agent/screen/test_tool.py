"""The screen tool's threads: its session is spoken to in the event loop's thread alone."""

import asyncio
import os
import struct
import threading
from typing import Any

import msgspec
import numpy as np
from tests.unit.agent.fakes import FakeDesktop, FakePort

from farhand.agent.core.desktop import Changes
from farhand.agent.tools.screen.tool import ScreenTool
from farhand.agent.tools.screen.worker import BACKLOG
from farhand.protocol.channels import Kind, Screen, channel
from farhand.protocol.messages import ScreenStart

LEG = 2
SCREEN = channel(Kind.SCREEN)


class StrictPort:
    """A session's port that may be touched in its own thread alone; whoever else does is noted, and gets an error."""

    def __init__(self, port: FakePort) -> None:
        self.inner = port
        self.home = threading.get_ident()
        self.asked: list[str] = []
        self.strangers: list[tuple[str, str]] = []

    def __getattr__(self, name: str) -> Any:
        if threading.get_ident() != self.home:
            self.strangers.append((threading.current_thread().name, name))
            raise RuntimeError(f"`{name}` was asked for outside of the event loop's thread")
        self.asked.append(name)
        return getattr(self.inner, name)


class Picture:
    """A screen that changes when it is told to."""

    width, height = 64, 48

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        self._colour = 0

    def change(self) -> None:
        os.write(self._write, b"x")

    def fileno(self) -> int:
        return self._read

    def poll(self) -> Changes:
        try:
            changed = bool(os.read(self._read, 64))
        except BlockingIOError:
            changed = False
        return Changes(damage=changed)

    def news(self) -> bool:
        return False

    def take(self) -> list[tuple[int, int, int, int]]:
        return [(0, 0, self.width, self.height)]

    def grab(self, rect: tuple[int, int, int, int]) -> Any:
        self._colour += 1
        return np.full((rect[3], rect[2]), self._colour, np.uint32)

    def cursor(self) -> tuple[int, int, int, int, bytes]:
        return 0, 0, 1, 1, b"\0\0\0\0"

    def follow(self, on: bool) -> None:
        pass

    def pointer(self) -> tuple[int, int] | None:
        return None

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)


async def until(condition: Any) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  the condition turns in another thread
            await asyncio.sleep(0.01)


async def test_the_port_is_used_in_the_loops_thread_only() -> None:
    # The worker's thread captures; what it asks of the socket and of the loop has to go through the loop.
    picture = Picture()
    port = FakePort(home=FakeDesktop(screen=lambda: picture))
    strict = StrictPort(port)
    tool = ScreenTool(strict)  # type: ignore[arg-type]
    done = 0

    def updates() -> list[bytes]:
        return [payload for kind, _channel, payload, _leg in port.sent if kind == Screen.UPDATE]

    def acknowledge() -> None:
        nonlocal done
        for payload in updates()[done:]:
            done += 1
            tool.on_frame(LEG, Screen.ACK, SCREEN, memoryview(payload[:4] + struct.pack("<H", 1)))

    async def change() -> None:
        acknowledge()
        before = len(updates())
        picture.change()
        await until(lambda: len(updates()) > before)

    tool.on_frame(LEG, Screen.START, SCREEN, memoryview(msgspec.json.encode(ScreenStart())))
    await until(updates)
    for _ in range(5):
        await change()
    # A busy socket: nothing more is captured, and it is looked at again until it has room.
    port.waiting = BACKLOG * 2
    await change()
    acknowledge()
    held, looks = len(updates()), strict.asked.count("backlog")
    picture.change()
    await until(lambda: strict.asked.count("backlog") > looks + 3)
    assert len(updates()) == held
    port.waiting = 0
    await until(lambda: len(updates()) > held)
    tool.close()
    assert strict.strangers == []
    assert not [frame for frame in port.sent if frame[0] == Screen.STOPPED]
