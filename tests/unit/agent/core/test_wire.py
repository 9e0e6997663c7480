"""A socket that cannot keep up: what somebody waits for overtakes pictures, and pictures overtake files."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

from tests.unit.agent.fake_site import FakeSite, Peer, TlsPair

from farhand.agent.core import wire as wire_module
from farhand.agent.core.site import SiteGuard
from farhand.agent.core.wire import HIGH_WATER, Wire, open_wire
from farhand.protocol.channels import Kind, Screen, Shell, Traffic, channel

FILES, SCREEN, SHELL = channel(Kind.FILES, 1), channel(Kind.SCREEN), channel(Kind.SHELL, 1)
BLOCK = 16 * 1024


class Stuck(NamedTuple):
    wire: Wire
    peer: Peer
    gone: "asyncio.Future[str]"
    files: int
    """Bulk frames that were sent."""


@contextlib.asynccontextmanager
async def stuck(tmp_path: Path) -> AsyncIterator[Stuck]:
    """A wire to a site that does not read, filled with bulk until frames wait."""
    async with FakeSite(TlsPair.make(tmp_path, "site")) as site:
        wire = await open_wire(site.url, "/live/leg", SiteGuard(site.site_key))
        gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        wire.attach(lambda _frame: None, gone.set_result)
        peer = await site.peer(0)
        peer.transport.underlying_transport.pause_reading()
        for number in range(4000):  # noqa: B007  how many there were is yielded
            wire.send(1, FILES, bytes(BLOCK))
            if wire.backlog(Traffic.BULK) > 1 << 20:
                break
            await asyncio.sleep(0)
        yield Stuck(wire, peer, gone, number + 1)
        wire.drop("done")


async def test_higher_classes_overtake_between_frames(tmp_path: Path) -> None:
    async with stuck(tmp_path) as (wire, peer, _gone, files):
        assert wire.backlog(Traffic.FIRST) <= HIGH_WATER + BLOCK + 64
        before = wire.backlog(Traffic.SCREEN)
        for number in range(3):
            wire.send(Screen.UPDATE, SCREEN, bytes([number]) * BLOCK)
        assert wire.backlog(Traffic.SCREEN) - before == 3 * (BLOCK + 12)
        wire.send(Shell.DATA, SHELL, b"echo")
        assert wire.backlog(Traffic.FIRST) < wire.backlog(Traffic.SCREEN) < wire.backlog(Traffic.BULK)
        peer.transport.underlying_transport.resume_reading()
        await wait_until(peer, lambda: wire.backlog(Traffic.BULK) == 0 and len(peer.frames) == files + 4)
        order = [frame.channel for frame in peer.frames]
        assert order.index(SHELL) < order.index(SCREEN)
        assert SHELL not in order[order.index(SCREEN) :]
        last_picture = len(order) - 1 - order[::-1].index(SCREEN)
        assert len(order) - last_picture > 32, "what waited in the bulk queue went out before"
        pictures = [bytes(frame.payload[:1]) for frame in peer.frames if frame.channel == SCREEN]
        assert pictures == [b"\0", b"\1", b"\2"]


async def test_what_is_said_last_still_goes_out(tmp_path: Path) -> None:
    async with stuck(tmp_path) as (wire, peer, gone, _files):
        wire.send(Shell.DATA, SHELL, b"goodbye")
        wire.close()
        peer.transport.underlying_transport.resume_reading()
        assert (await peer.take(lambda frame: frame.channel == SHELL)).payload == b"goodbye"
        await asyncio.wait_for(gone, 60)
        assert not wire.send(Shell.DATA, SHELL, b"too late")


async def test_a_server_that_takes_nothing_is_given_up(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(wire_module, "MAX_QUEUE", 2 << 20)
    async with stuck(tmp_path) as (wire, _peer, gone, _files):
        for _ in range(200):
            if not wire.send(1, FILES, bytes(BLOCK)):
                break
        assert "does not take" in await asyncio.wait_for(gone, 60)
        assert wire.backlog(Traffic.BULK) == 0


async def wait_until(peer: Peer, condition) -> None:  # type: ignore[no-untyped-def]
    async with asyncio.timeout(60):
        while not condition():
            peer.changed.clear()
            await peer.changed.wait()
