"""The shell tool with real pseudo-terminals: several, sizes, offsets, credit, system entries."""

import asyncio
import contextlib
import os
import struct
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.unit.agent.fakes import FakePort

from farhand.agent.tools.shell import make
from farhand.agent.tools.shell.flow import MAX_UNSENT, MIN_WINDOW
from farhand.agent.tools.shell.terminal import READ_SIZE
from farhand.agent.tools.shell.tool import MAX_OPEN, ShellTool
from farhand.protocol.channels import CREDIT, Grant, Kind, Shell, channel
from farhand.protocol.shell import ShellAttach, ShellOpen, ShellResize

LEG, OTHER = 2, 3


@pytest.fixture(autouse=True)
def plain_shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
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


async def comes(condition: Callable[[], object]) -> None:
    """Wait for something that nobody tells."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def patience(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Say how long a viewer may hold the others up: a slow machine must not decide what a test shows."""
    for where in ("flow", "tool"):
        monkeypatch.setattr(f"farhand.agent.tools.shell.{where}.PATIENCE_S", seconds)


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


async def test_a_switch_that_takes_the_shells_away_is_on_record() -> None:
    port = FakePort()
    async with shell_tool(port) as tool:
        await opened(port, tool, 1)
        await opened(port, tool, 2)
        tool.close()
        closed = [(kind, data.get("shell"), data["open"]) for kind, data in port.posts if kind == "shell-closed"]
        assert closed == [("shell-closed", 2, 1), ("shell-closed", 1, 0)]
    assert len(closed) == sum(kind == "shell-closed" for kind, _ in port.posts)


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


async def test_without_credit_output_stops_and_the_program_is_slowed_down(monkeypatch: pytest.MonkeyPatch) -> None:
    patience(monkeypatch, 600)
    port = FakePort()
    async with shell_tool(port) as tool:
        await opened(port, tool)
        frame(tool, LEG, Shell.INPUT, 1, b"head -c 3000000 /dev/zero | tr '\\0' x; echo end-$((3+3))\n")
        shell = tool._shells[1]
        await port.until(lambda: len(output(port, 1)) == MIN_WINDOW)
        await comes(lambda: not shell.terminal._reading)
        assert len(output(port, 1)) == MIN_WINDOW
        assert shell.flow.unsent <= MAX_UNSENT + READ_SIZE
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


async def test_who_loses_the_grant_while_the_shell_starts_has_none() -> None:
    port = FakePort()
    async with shell_tool(port) as tool:
        frame(tool, LEG, Shell.OPEN, 0, ShellOpen())
        port.grants = Grant.NONE  # what starts the shell has not answered yet
        await port.until(lambda: port.posts[-1][0] == "shell-opened")
        pid = tool._shells[1].terminal.pid
        await port.until(lambda: port.posts[-1][0] == "shell-closed")
        await comes(lambda: not os.path.exists(f"/proc/{pid}"))


async def test_closing_the_tool_leaves_no_process_behind() -> None:
    port = FakePort()
    tool = make(port)
    await opened(port, tool)
    pid = tool._shells[1].terminal.pid
    tool.close()
    await comes(lambda: not os.path.exists(f"/proc/{pid}"))


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


def told(port: FakePort, kind: Shell, number: int = 1) -> list[tuple[dict[str, object], int]]:
    """JSON messages of one type about one shell, and the legs that they went to."""
    return [
        (msgspec.json.decode(payload), leg)
        for sent, where, payload, leg in port.sent
        if sent == kind and where == channel(Kind.SHELL, number)
    ]


async def drawn(port: FakePort, tool: ShellTool, until: bytes, leg: int = LEG) -> None:
    """Be a viewer that draws whatever comes, until the shell has printed `until`."""
    seen = 0
    async with asyncio.timeout(60):
        while until not in output(port, 1)[-4000:]:
            now = len(output(port, 1))
            if now > seen:
                frame(tool, leg, CREDIT, 1, struct.pack("<I", now - seen))
                seen = now
            await asyncio.sleep(0.005)


async def test_the_last_output_of_a_shell_waits_for_a_slow_viewer(monkeypatch: pytest.MonkeyPatch) -> None:
    patience(monkeypatch, 600)
    port = FakePort()
    async with shell_tool(port) as tool:
        await opened(port, tool)
        shell = tool._shells[1]
        frame(tool, LEG, Shell.INPUT, 1, b"head -c 40000 /dev/zero | tr '\\0' x; echo last-$((1+1)); exit 4\n")
        await comes(lambda: shell.ended)
        assert len(output(port, 1)) == MIN_WINDOW
        assert not told(port, Shell.CLOSED)
        await drawn(port, tool, b"last-2")
        await port.until(lambda: told(port, Shell.CLOSED))
        ((closed, leg),) = told(port, Shell.CLOSED)
        assert (closed["status"], closed["end"], leg) == (4, len(output(port, 1)), 0)
        assert output(port, 1).count(b"x") >= 40_000
        assert not tool._shells


async def test_a_viewer_that_never_draws_keeps_no_shell_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    patience(monkeypatch, 0.3)
    port = FakePort()
    async with shell_tool(port) as tool:
        await opened(port, tool)
        frame(tool, LEG, Shell.INPUT, 1, b"head -c 40000 /dev/zero | tr '\\0' x; exit\n")
        await port.until(lambda: told(port, Shell.CLOSED))
        ((closed, _),) = told(port, Shell.CLOSED)
        assert closed["end"] == len(output(port, 1)), "it was sent all the same, and knows how much there was"


async def test_what_is_no_longer_kept_is_announced() -> None:
    port = FakePort()
    async with shell_tool(port) as tool:
        await opened(port, tool)
        frame(tool, LEG, Shell.INPUT, 1, b"printf '\\033[?1049h\\033[?2004h'; seq 400000; echo end-$((1+1))\n")
        await drawn(port, tool, b"end-2")
        frame(tool, OTHER, Shell.ATTACH, 1, ShellAttach(offset=7))
        ((gap, leg),) = told(port, Shell.GAP)
        ring = tool._shells[1].ring
        assert (gap, leg) == ({"offset": ring.start, "modes": "\x1b[?1049h\x1b[?2004h"}, OTHER)
        assert ring.start > 1_000_000
        replayed = [payload for kind, _, payload, to in port.sent if kind == Shell.DATA and to == OTHER]
        assert struct.unpack_from("<Q", replayed[0]) == (ring.start,)
        assert replayed[0][8:].split(b"\r\n")[0].isdigit(), "it begins with a whole line"


async def test_an_interrupt_in_a_flood_is_seen_after_a_bounded_number_of_bytes() -> None:
    port = FakePort()
    async with shell_tool(port) as tool:
        await opened(port, tool)
        frame(tool, LEG, Shell.INPUT, 1, b"yes\n")
        await drawn(port, tool, b"y\r\ny\r\ny\r\n")
        await comes(lambda: not tool._shells[1].terminal._reading)
        asked_at = len(output(port, 1))
        frame(tool, LEG, Shell.INPUT, 1, b"\x03")
        frame(tool, LEG, Shell.INPUT, 1, b"echo stopped-$((1+1))\n")
        await drawn(port, tool, b"stopped-2")
        assert len(output(port, 1)) - asked_at < MIN_WINDOW + MAX_UNSENT + READ_SIZE


class BusyPort(FakePort):
    """Counts how often the tool looked whether the socket takes more."""

    looks = 0

    def backlog(self, kind: Kind) -> int:
        self.looks += 1
        return super().backlog(kind)


async def test_nobody_attached_means_nobody_to_wait_for_and_a_full_socket_stops_the_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("farhand.agent.tools.shell.flow.AWAY_S", 0.3)
    patience(monkeypatch, 0.3)
    port = BusyPort()
    async with shell_tool(port) as tool:
        await opened(port, tool)
        tool.viewer_left(LEG)
        frame(tool, LEG, Shell.INPUT, 1, b"yes | head -c 3000000; sleep 600\n")
        await port.until(lambda: len(output(port, 1)) > 2_000_000)
        port.waiting = 10 << 20
        frame(tool, LEG, Shell.INPUT, 1, b"\x03")
        frame(tool, LEG, Shell.INPUT, 1, b"yes\n")
        shell = tool._shells[1]
        await comes(lambda: not shell.terminal._reading)
        size, ring_end, looks = len(port.sent), shell.ring.end, port.looks
        await comes(lambda: port.looks > looks + 10)
        assert (len(port.sent), shell.ring.end) == (size, ring_end)
        port.waiting = 0
        await port.until(lambda: len(port.sent) > size + 100)


async def test_more_shells_than_the_cap_are_refused_in_words() -> None:
    port = FakePort()
    async with shell_tool(port) as tool:
        for number in range(1, MAX_OPEN + 1):
            await opened(port, tool, number)
        frame(tool, LEG, Shell.OPEN, 0, ShellOpen())
        await port.until(lambda: told(port, Shell.CLOSED, 0))
        ((refused, leg),) = told(port, Shell.CLOSED, 0)
        assert (refused["text"], leg) == ("No more than 16 shells can be open: close one first.", LEG)
        assert port.posts[-1][0] == "shell-refused"
        assert tool._shells[1].flow.most == MIN_WINDOW
        frame(tool, LEG, Shell.CLOSE, 3)
        await port.until(lambda: told(port, Shell.CLOSED, 3))
        await opened(port, tool, MAX_OPEN + 1)


async def test_who_believes_in_a_shell_that_is_not_there_is_told() -> None:
    port = FakePort()
    async with shell_tool(port) as tool:
        await opened(port, tool)
        for kind, payload in ((Shell.ATTACH, ShellAttach()), (Shell.INPUT, b"ls\n")):
            port.sent.clear()
            frame(tool, OTHER, kind, 9, payload)
            ((closed, leg),) = told(port, Shell.CLOSED, 9)
            assert (closed["text"], leg) == ("This shell is not there any more.", OTHER)
        port.sent.clear()
        frame(tool, OTHER, CREDIT, 9, struct.pack("<I", 5))
        frame(tool, OTHER, Shell.CLOSE, 9)
        frame(tool, OTHER, Shell.ATTACH, 0, ShellAttach())
        assert not port.sent


@pytest.mark.parametrize("size", ["0,0", "0,24", "80,0", "100000,100000", "-1,5", "80.5,24", '"80",24'])
async def test_sizes_that_no_terminal_has_change_nothing(size: str) -> None:
    port = FakePort()
    async with shell_tool(port) as tool:
        await opened(port, tool, cols=90, rows=20)
        cols, rows = size.split(",")
        wish = f'{{"cols":{cols},"rows":{rows}}}'.encode()
        for kind, number in ((Shell.RESIZE, 1), (Shell.OPEN, 0)):
            with pytest.raises(ValueError, match=r"cols|rows"):
                frame(tool, LEG, kind, number, wish)
        frame(tool, LEG, Shell.INPUT, 1, b"stty size; echo size-$((1+1))\n")
        await port.until(lambda: b"size-2" in output(port, 1))
        assert b"20 90" in output(port, 1)
        assert len(tool._shells) == 1


async def test_input_that_is_dropped_is_told() -> None:
    port = FakePort()
    async with shell_tool(port) as tool:
        await opened(port, tool)
        frame(tool, LEG, Shell.INPUT, 1, b"stty raw; echo raw-$((1+1)); sleep 600\n")
        await port.until(lambda: b"raw-2" in output(port, 1))
        for _ in range(100):
            frame(tool, LEG, Shell.INPUT, 1, b"z" * 16_384)
        dropped = told(port, Shell.DROPPED)
        assert dropped[-1] == ({"bytes": 16_384}, LEG)
        assert len(dropped) <= 100 - (1 << 20) // 16_384 + 1


async def test_a_shell_that_cannot_be_started_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    port = FakePort()
    async with shell_tool(port) as tool:
        monkeypatch.setattr(os, "ttyname", lambda _fd: "/nowhere/tty")
        frame(tool, LEG, Shell.OPEN, 0, ShellOpen())
        await port.until(lambda: told(port, Shell.CLOSED, 0))
        assert told(port, Shell.CLOSED, 0)[0][0]["text"] == "No shell could be started: No such file or directory."
        monkeypatch.setattr(os, "openpty", lambda: (_ for _ in ()).throw(OSError(24, "Too many open files")))
        frame(tool, LEG, Shell.OPEN, 0, ShellOpen())
        assert told(port, Shell.CLOSED, 0)[1][0]["text"] == "No shell could be started: Too many open files."
        assert [kind for kind, _ in port.posts] == ["shell-requested", "shell-refused"] * 2
        assert not tool._shells
