"""The shell tool with real pseudo-terminals: several, sizes, offsets, credit, system entries."""

import asyncio
import contextlib
import os
import struct

import msgspec
import pytest
from tests.unit.agent.fakes import FakePort

from farhand.agent.tools.shell import make
from farhand.agent.tools.shell.terminal import Terminal
from farhand.agent.tools.shell.tool import ShellTool
from farhand.protocol.channels import CREDIT, SHELL_WINDOW, Kind, Shell, channel
from farhand.protocol.messages import ShellAttach, ShellOpen, ShellResize

LEG, OTHER = 2, 3


@pytest.fixture(autouse=True)
def plain_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("farhand.agent.tools.shell.terminal.login_shell", lambda: "/bin/sh")
    monkeypatch.setenv("PS1", "$ ")


@contextlib.asynccontextmanager
async def shell_tool(port: FakePort):
    tool = make(port)
    try:
        yield tool
    finally:
        tool.close()


def frame(tool: ShellTool, leg: int, kind: int, number: int, payload: object = b"") -> None:
    data = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
    tool.on_frame(leg, kind, channel(Kind.SHELL, number), memoryview(data))


def output(port: FakePort, number: int, leg: int | None = None) -> bytes:
    """Put the DATA frames together by offset; fails when they leave a gap."""
    result = bytearray()
    for kind, number_, payload, to in port.sent:
        if kind == Shell.DATA and number_ == channel(Kind.SHELL, number) and (leg is None or to == leg):
            (offset,) = struct.unpack_from("<Q", payload)
            assert offset <= len(result), "a gap"
            result[offset:] = payload[8:]
    return bytes(result)


async def opened(port: FakePort, tool: ShellTool, number: int = 1, cols: int = 80, rows: int = 24) -> None:
    frame(tool, LEG, Shell.OPEN, 0, ShellOpen(cols=cols, rows=rows))
    await port.until(lambda: any(k == Shell.OPENED and c & 0xFF == number for k, c, _, _ in port.sent))


async def test_a_shell_runs_commands_and_tells_its_end() -> None:
    port = FakePort()
    async with shell_tool(port) as tool:
        await opened(port, tool)
        frame(tool, LEG, Shell.INPUT, 1, b"echo sum-$((40+2)); tty; ps -o tpgid= -p $$; exit 7\n")
        await port.until(lambda: any(kind == "shell-closed" for kind, _ in port.posts))
        text = output(port, 1).decode()
        assert "sum-42" in text
        assert "/dev/pts/" in text
        assert "job control turned off" not in text
        closed = next(payload for kind, _, payload, _ in port.sent if kind == Shell.CLOSED)
        assert msgspec.json.decode(closed)["status"] == 7


async def test_several_shells_are_counted_in_the_system_entries() -> None:  # R-182 R-183 R-187
    port = FakePort()
    async with shell_tool(port) as tool:
        await opened(port, tool, 1)
        await opened(port, tool, 2)
        frame(tool, LEG, Shell.INPUT, 2, b"exit\n")
        await port.until(lambda: port.posts[-1][0] == "shell-closed")
        frame(tool, LEG, Shell.CLOSE, 1)
        await port.until(lambda: sum(kind == "shell-closed" for kind, _ in port.posts) == 2)
    assert [(kind, data.get("shell"), data["open"]) for kind, data in port.posts] == [
        ("shell-requested", None, 0),
        ("shell-opened", 1, 1),
        ("shell-requested", None, 1),
        ("shell-opened", 2, 2),
        ("shell-closed", 2, 1),
        ("shell-closed", 1, 0),
    ]
    assert {data["by"] for _, data in port.posts} == {"rep2"}


async def test_the_size_reaches_the_program() -> None:
    port = FakePort()
    async with shell_tool(port) as tool:
        await opened(port, tool, cols=101, rows=33)
        frame(tool, LEG, Shell.INPUT, 1, b"stty size; echo first-$((1+1))\n")
        await port.until(lambda: b"first-2" in output(port, 1))
        frame(tool, LEG, Shell.RESIZE, 1, ShellResize(cols=55, rows=11))
        frame(tool, LEG, Shell.INPUT, 1, b"stty size; echo second-$((1+1))\n")
        await port.until(lambda: b"second-2" in output(port, 1))
        assert b"33 101" in output(port, 1)
        assert b"11 55" in output(port, 1)
        assert any(kind == Shell.RESIZED for kind, _, _, _ in port.sent)
        with pytest.raises(ValueError, match="cols"):
            frame(tool, LEG, Shell.RESIZE, 1, b'{"cols":0,"rows":5}')


async def test_output_is_bytes_even_when_a_character_is_split() -> None:
    port = FakePort()
    async with shell_tool(port) as tool:
        await opened(port, tool)
        frame(
            tool, LEG, Shell.INPUT, 1, b"printf '\\303'; sleep 0.2; printf '\\244\\342\\202\\254 done-%s\\n' $((2+2))\n"
        )
        await port.until(lambda: b"done-4" in output(port, 1))
        assert "ä€ done-4" in output(port, 1).decode()


async def test_a_late_viewer_catches_up_from_its_offset_and_others_wait_for_nobody_without_cause() -> None:
    port = FakePort()
    async with shell_tool(port) as tool:
        await opened(port, tool)
        frame(tool, LEG, Shell.INPUT, 1, b"echo one-$((0+1))\n")
        await port.until(lambda: b"one-1" in output(port, 1))
        known = len(output(port, 1))
        tool.viewer_joined(OTHER)
        assert port.sent[-1][0] == Shell.OPENED
        assert port.sent[-1][3] == OTHER
        frame(tool, OTHER, Shell.ATTACH, 1, ShellAttach(offset=5))
        replayed = [(p, leg) for k, _, p, leg in port.sent if k == Shell.DATA and leg == OTHER]
        assert b"".join(p[8:] for p, _ in replayed) == output(port, 1)[5:known]
        assert struct.unpack_from("<Q", replayed[0][0]) == (5,)


async def test_without_credit_output_stops_and_the_program_is_slowed_down() -> None:
    port = FakePort()
    async with shell_tool(port) as tool:
        await opened(port, tool)
        frame(tool, LEG, Shell.INPUT, 1, b"head -c 3000000 /dev/zero | tr '\\0' x; echo end-$((3+3))\n")
        shell = tool._shells[1]
        await port.until(lambda: len(output(port, 1)) == SHELL_WINDOW)
        async with asyncio.timeout(5):
            while shell.terminal._reading:  # noqa: ASYNC110  nothing tells it
                await asyncio.sleep(0.01)
        assert len(output(port, 1)) == SHELL_WINDOW
        assert shell.ring.end < SHELL_WINDOW * 3
        seen = 0
        while b"end-6" not in output(port, 1)[-200:]:
            now = len(output(port, 1))
            frame(tool, LEG, CREDIT, 1, struct.pack("<I", now - seen))
            seen = now
            await asyncio.sleep(0.005)
        assert output(port, 1).count(b"x") >= 3_000_000


async def test_what_was_on_the_way_is_sent_again_after_a_lost_socket() -> None:
    port = FakePort()
    async with shell_tool(port) as tool:
        await opened(port, tool)
        frame(tool, LEG, Shell.INPUT, 1, b"echo before-$((1+1))\n")
        await port.until(lambda: b"before-2" in output(port, 1))
        port.online = False
        frame(tool, LEG, Shell.INPUT, 1, b"echo while-$((1+1)); exit 3\n")
        await port.until(lambda: port.posts[-1][0] == "shell-closed")
        assert b"while-2" not in output(port, 1)
        port.online = True
        tool.resumed()
        assert b"while-2" in output(port, 1)
        assert port.sent[-1][0] == Shell.CLOSED


async def test_a_customer_who_says_no_gets_no_shell() -> None:
    port = FakePort(attended=True, allow=False)
    async with shell_tool(port) as tool:
        frame(tool, LEG, Shell.OPEN, 0, ShellOpen())
        await port.until(lambda: any(kind == Shell.CLOSED for kind, _, _, _ in port.sent))
        assert port.sent[-1][3] == LEG
        assert [kind for kind, _ in port.posts] == ["shell-requested", "shell-refused"]
        assert not tool._shells


async def test_closing_the_tool_leaves_no_process_behind() -> None:
    port = FakePort()
    tool = make(port)
    await opened(port, tool)
    pid = tool._shells[1].terminal.pid
    tool.close()
    async with asyncio.timeout(5):
        while os.path.exists(f"/proc/{pid}"):  # noqa: ASYNC110, ASYNC240  nothing tells it
            await asyncio.sleep(0.01)


async def test_a_shell_that_ignores_hang_up_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("farhand.agent.tools.shell.terminal.KILL_AFTER_S", 0.2)
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    seen = bytearray()
    terminal = Terminal(80, 24, seen.extend, ended.set_result, "/bin/sh")
    terminal.write(b"trap '' HUP; echo trap-$((1+1)); while :; do sleep 1; done\n")
    async with asyncio.timeout(10):
        while b"trap-2" not in seen:  # noqa: ASYNC110  nothing tells it
            await asyncio.sleep(0.01)
        terminal.hang_up()
        assert await ended == -9


async def test_output_that_may_never_be_sent_is_not_kept_for_later() -> None:
    # The endpoint itself has lost the grant: no `resumed` follows, so nothing may wait for it.
    port = FakePort()
    async with shell_tool(port) as tool:
        await opened(port, tool)
        port.granted = False
        tool.on_frame(LEG, Shell.INPUT, channel(Kind.SHELL, 1), memoryview(b"exit\n"))
        await port.until(lambda: port.posts[-1][0] == "shell-closed")
        port.granted = True
        port.sent.clear()
        tool.resumed()
        assert not [frame for frame in port.sent if frame[0] in {Shell.DATA, Shell.CLOSED}]


async def test_whoever_believes_in_a_shell_that_is_gone_is_told() -> None:
    port = FakePort()
    async with shell_tool(port) as tool:
        await opened(port, tool)
        first = next(msgspec.json.decode(payload) for kind, _, payload, _ in port.sent if kind == Shell.OPENED)
        assert first["opened_ms"] > 0
        tool.viewer_joined(OTHER)
        again = [msgspec.json.decode(payload) for kind, _, payload, to in port.sent if to == OTHER]
        assert again == [first]
        for kind, payload in ((Shell.ATTACH, ShellAttach(offset=3)), (Shell.INPUT, b"ls\n"), (CREDIT, b"\1\0\0\0")):
            port.sent.clear()
            frame(tool, OTHER, kind, 9, payload)
            told = [(number, to) for sent, number, _, to in port.sent if sent == Shell.CLOSED]
            assert told == ([] if kind == CREDIT else [(channel(Kind.SHELL, 9), OTHER)])
