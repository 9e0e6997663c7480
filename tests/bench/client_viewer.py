"""A console for real agents: opens a shell and types into it, watches the screen and acknowledges each update."""

import asyncio
import struct
import time
from typing import Any

import msgspec
from tests.bench.client_legs import SCREEN_0, Following, LegClient, Say, join

from farhand.protocol.channels import CREDIT, Kind, Screen, Shell, channel
from farhand.protocol.messages import ScreenStart, ScreenStarted
from farhand.protocol.shell import ShellOpen, ShellOpened

SHELL_0 = channel(Kind.SHELL)
CREDIT_SIZE = struct.Struct("<I")
LINE = 40
"""Characters after which the line is cleared, so that it never wraps."""
CLEAR = b"\x15"


class Viewer:
    """One console's leg at a real endpoint."""

    def __init__(self, leg: LegClient, number: int) -> None:
        self._leg = leg
        self._number = number
        self._opened: asyncio.Future[ShellOpened] = asyncio.get_running_loop().create_future()
        self._started: asyncio.Future[ScreenStarted] = asyncio.get_running_loop().create_future()
        self._echo: asyncio.Future[float] | None = None
        self._shell = 0
        self.updates = 0
        self.bytes = 0
        leg.handlers[SCREEN_0] = self._on_screen
        for instance in range(256):
            leg.handlers[SHELL_0 + instance] = self._on_shell

    def _on_shell(self, kind: int, _to: int, payload: memoryview) -> None:
        if kind == Shell.OPENED and not self._opened.done():
            self._opened.set_result(msgspec.json.decode(payload, type=ShellOpened))
        elif kind == Shell.CLOSED and not self._opened.done():
            self._opened.set_exception(ConnectionError(bytes(payload).decode()))
        elif kind == Shell.DATA:
            if self._echo is not None and not self._echo.done():
                self._echo.set_result(time.perf_counter())
            self._leg.send(CREDIT, self._shell, self._number, CREDIT_SIZE.pack(len(payload)))

    def _on_screen(self, kind: int, _to: int, payload: memoryview) -> None:
        if kind == Screen.STARTED and not self._started.done():
            self._started.set_result(msgspec.json.decode(payload, type=ScreenStarted))
        elif kind == Screen.STOPPED and not self._started.done():
            self._started.set_exception(ConnectionError(bytes(payload).decode()))
        elif kind == Screen.UPDATE:
            self.updates += 1
            self.bytes += len(payload)
            self._leg.send(Screen.ACK, SCREEN_0, self._number, bytes(payload[:4]) + b"\0\0")

    async def open_shell(self) -> None:
        """Open a shell and let it settle."""
        self._leg.send(Shell.OPEN, SHELL_0, self._number, msgspec.json.encode(ShellOpen()))
        async with asyncio.timeout(10):
            opened = await self._opened
        self._shell = SHELL_0 + opened.shell
        await asyncio.sleep(1.0)

    async def type(self, count: int, gap_s: float) -> list[float]:
        """Type letters one by one; return the seconds until each came back."""
        trips = []
        for index in range(count):
            if index and index % LINE == 0:
                self._leg.send(Shell.INPUT, self._shell, self._number, CLEAR)
                await asyncio.sleep(0.2)
            self._echo = asyncio.get_running_loop().create_future()
            begun = time.perf_counter()
            self._leg.send(Shell.INPUT, self._shell, self._number, b"x")
            async with asyncio.timeout(10):
                trips.append(await self._echo - begun)
            await asyncio.sleep(gap_s)
        return trips

    async def watch(self) -> ScreenStarted:
        """Ask for the screen and wait until it comes."""
        self._leg.send(Screen.START, SCREEN_0, self._number, msgspec.json.encode(ScreenStart()))
        async with asyncio.timeout(15):
            return await self._started


async def viewer(spec: dict[str, Any], following: Following, say: Say) -> None:
    """Commands: `shell`, `type` (n, gap_s), `watch`, `count`."""
    leg = await join(spec, spec["origin"])
    mine = Viewer(leg, spec["leg"])
    async with asyncio.timeout(15):
        await leg.met_endpoint.wait()
    say(ready=True)
    while True:
        command = await following()
        if command["do"] == "shell":
            await mine.open_shell()
            say(done=True)
        elif command["do"] == "type":
            say(trips=await mine.type(command["n"], command["gap_s"]))
        elif command["do"] == "watch":
            started = await mine.watch()
            say(width=started.width, height=started.height)
        else:
            say(updates=mine.updates, bytes=mine.bytes, refused=leg.refused)
