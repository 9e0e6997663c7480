"""Mouse and keyboard of the person at a real X server, taken and given back."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import xcffib.xproto
from tests.harness.appliance import wait_for
from tests.harness.client import children_of
from tests.harness.xorg import ACTED, ALT_KEY, CONTROL_KEY, DELETE_KEY, NEEDS, Person, x_server

from farhand.agent.core.desktop import DesktopError, Sign, UnsupportedError
from farhand.agent.platforms.linux.x11 import find
from farhand.agent.platforms.linux.x11.block import X11Block, last_words
from farhand.agent.platforms.linux.x11.desktop import X11Desktop
from farhand.kit.process import leash

pytestmark = pytest.mark.display
SIGN = Sign("Rep One has disabled mouse and keyboard.", "Press Ctrl-Alt-Del to use them again.")
AGENT = """
import asyncio, sys
from farhand.agent.core.desktop import Sign
from farhand.agent.platforms.linux.x11.desktop import X11Desktop

async def main():
    block = await X11Desktop(sys.argv[1]).block_input(Sign("t", "t"), lambda *said: None)
    print("blocked", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture(params=["xorg", "Xvfb"])
def person(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Person]:
    if request.param == "xorg":
        missing = [str(path) for path in NEEDS if not path.exists()]
        assert not missing, f"install xserver-xorg-core and xserver-xorg-video-dummy: {missing} are not there"
    with x_server(request.param, tmp_path) as (display, server):
        one = Person(display)
        one.display, one.server = display, server  # type: ignore[attr-defined]
        assert one.acts() == ACTED
        yield one
        assert server.poll() is None, "the X server did not survive it"
        one.close()


@contextlib.asynccontextmanager
async def blocked(person: Person) -> AsyncIterator[list[tuple[str, str]]]:
    ended: list[tuple[str, str]] = []
    display: str = person.display  # type: ignore[attr-defined]
    block = await X11Desktop(display).block_input(SIGN, lambda *said: ended.append(said))
    try:
        assert person.acts() == []
        yield ended
    finally:
        block.close()


def start_agent(display: str) -> "subprocess.Popen[str]":
    """A program that blocks, and says so."""
    return subprocess.Popen(
        [sys.executable, "-c", AGENT, display], stdout=subprocess.PIPE, text=True, preexec_fn=leash()
    )


def kill_blockers() -> int:
    """Kill the blockers of this process; return how many there were."""
    found = [pid for pid in children_of(os.getpid()) if b"x11.blocker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    return len(found)


async def works_again(person: Person) -> None:
    await asyncio.to_thread(wait_for, lambda: person.acts() == ACTED, 60, "the person's keys and clicks")


async def test_the_person_is_kept_out_and_the_representative_works_on(person: Person) -> None:  # R-164 R-165
    async with blocked(person) as ended:
        assert person.helper_acts() == [("KeyPress", 39), ("KeyRelease", 39)]
        assert person.acts() == []
    await works_again(person)
    assert ended == []


async def test_ctrl_alt_del_gives_it_back(person: Person) -> None:
    async with blocked(person) as ended:
        for key in (CONTROL_KEY, DELETE_KEY):
            person.key(key, True)
        assert person.acts() == []
        person.key(ALT_KEY, True)
        await asyncio.to_thread(wait_for, lambda: ended, 60, "its end")
        assert ended == [("person", "")]
        for key in (CONTROL_KEY, DELETE_KEY, ALT_KEY):
            person.key(key, False)
        await works_again(person)


def test_what_a_program_said_before_its_end_is_heard_though_it_read_no_more() -> None:
    mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with mine, its:
        mine.setblocking(False)
        with pytest.raises(BlockingIOError):
            last_words(mine)
        mine.send(b"{}")
        its.send(b"person")
        its.close()
        assert last_words(mine) == b"person"
        assert last_words(mine) == b""


async def test_what_the_person_held_is_let_go(person: Person) -> None:
    person.key(CONTROL_KEY, True)
    person.key(40, True)
    person.button(1, True)
    assert person.held() == [CONTROL_KEY, 40]
    async with blocked(person):
        assert person.held() == []
        person.key(40, False)
        person.key(CONTROL_KEY, False)
        person.button(1, False)
    await works_again(person)


async def test_it_is_explained_on_the_screen(person: Person) -> None:
    connection = person._connection

    def signs() -> list[str]:
        found = []
        for window in connection.core.QueryTree(person.root).reply().children:
            attributes = connection.core.GetWindowAttributes(window).reply()
            name = connection.core.GetProperty(0, window, xcffib.xproto.Atom.WM_NAME, 0, 0, 100).reply()
            if attributes.map_state == xcffib.xproto.MapState.Viewable and name.value_len:
                found.append(name.value.to_string())
        return found

    async with blocked(person):
        assert signs() == [SIGN.title]
    await works_again(person)
    assert signs() == []


async def test_an_agent_that_is_killed_keeps_nobody_out(person: Person) -> None:
    display: str = person.display  # type: ignore[attr-defined]
    for how in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        agent = start_agent(display)
        assert agent.stdout is not None
        assert await asyncio.to_thread(agent.stdout.readline) == "blocked\n"
        assert person.acts() == []
        agent.send_signal(how)
        await asyncio.to_thread(agent.wait)
        await works_again(person)


async def test_a_blocker_that_is_killed_keeps_nobody_out_and_is_told(person: Person) -> None:
    async with blocked(person) as ended:
        assert kill_blockers() == 1
        await asyncio.to_thread(wait_for, lambda: ended, 60, "its end")
        assert ended[0][0] == "failed"
        await works_again(person)


@pytest.mark.long
async def test_an_agent_that_hangs_keeps_nobody_out(person: Person) -> None:
    display: str = person.display  # type: ignore[attr-defined]
    agent = start_agent(display)
    try:
        assert agent.stdout is not None
        assert await asyncio.to_thread(agent.stdout.readline) == "blocked\n"
        agent.send_signal(signal.SIGSTOP)
        await works_again(person)
    finally:
        agent.kill()
        agent.wait()


async def test_nobody_blocks_twice_and_what_was_begun_is_given_up(person: Person) -> None:
    display: str = person.display  # type: ignore[attr-defined]
    async with blocked(person):
        with pytest.raises(DesktopError, match="Another program"):
            await X11Desktop(display).block_input(SIGN, lambda *said: None)
        assert person.acts() == []
    await works_again(person)
    task = asyncio.ensure_future(X11Desktop(display).block_input(SIGN, lambda *said: None))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await works_again(person)


async def test_a_server_that_fails_at_it_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "outer").mkdir()
    (tmp_path / "inner").mkdir()
    with x_server("Xvfb", tmp_path / "outer") as (outer, _server):
        assert find.server_of(outer) == "Xvfb"
        monkeypatch.setenv("DISPLAY", outer)
        with x_server("Xephyr", tmp_path / "inner") as (inner, server):
            assert find.server_of(inner) == "Xephyr"
            assert find.x11_abilities(inner).block_input.code == "x11-server-no-block"
            with pytest.raises(UnsupportedError, match="X server"):
                await X11Desktop(inner).block_input(SIGN, lambda *said: None)
            assert server.poll() is None
    assert find.server_of(outer) == ""
    assert find.server_of("elsewhere:0") == ""


async def test_a_display_that_is_gone_is_told(tmp_path: Path) -> None:
    with x_server("Xvfb", tmp_path) as (display, _server):
        pass
    with pytest.raises(DesktopError):
        await X11Block(display, SIGN, lambda *said: None).taken()
