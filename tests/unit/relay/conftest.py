"""A relay for each test that wants one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.unit.relay.harness import Harness

from farhand.kit import net
from farhand.relay.live import links


class LoopPolicy(asyncio.DefaultEventLoopPolicy):
    """The loop that the relay itself uses."""

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return net.new_event_loop()


@pytest.fixture
def event_loop_policy() -> asyncio.AbstractEventLoopPolicy:
    return LoopPolicy()


@pytest.fixture(autouse=True)
def hasty_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    """Agents of tests come again at once."""
    monkeypatch.setattr(links, "AGENT_S", 0.0)


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Harness]:
    """A claimed relay."""
    harness = await Harness(tmp_path).start()
    yield harness
    await harness.stop()


@pytest.fixture
async def make_relay(tmp_path: Path) -> AsyncIterator[Callable[[], Harness]]:
    """Makes relays on one data folder that the test starts and stops itself."""
    made: list[Harness] = []

    def make() -> Harness:
        made.append(Harness(tmp_path))
        return made[-1]

    yield make
    for harness in made:
        if harness.relay is not None:
            await harness.stop()
