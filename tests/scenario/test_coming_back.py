"""An unattended Jump Client comes back by itself: at most 10 s after a restart of the appliance, at most 35 s after its
network returns.

Both bounds are promises of the product, so they are asserted here although nothing else asserts how long something
took: from the times that the programs themselves wrote into their logs. The long form does it again and again.
"""

import contextlib
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.harness.appliance import Appliance, wait_for
from tests.harness.client import JumpClient, Machine, enrolment_command, item_named
from tests.harness.console import Console
from tests.harness.network import Cable, Cut

AFTER_RESTART_S = 10.0
AFTER_OUTAGE_S = 35.0
OUTAGE_S, OUTAGE_LONG_S = 40.0, 75.0
"""Both sides notice within 30 s that the other has gone silent."""
OUTAGES_LONG, RESTARTS_LONG = 6, 12


@dataclass
class Endpoint:
    """An unattended machine behind a cable of its own, and how that fails."""

    how: Cut
    cable: Cable
    client: JumpClient

    @property
    def name(self) -> str:
        """The name of its Jump Item."""
        return f"network {self.how.value}"

    def linked(self, since: float) -> float | None:
        """When the client wrote that it is linked: first time since then."""
        return first(self.client.said("linked"), since)


@pytest.fixture(scope="module")
def endpoints(appliance: Appliance, console: Console, machines: Path) -> Iterator[list[Endpoint]]:
    """A Jump Client for each way of losing the network, enrolled by the address that it knows the appliance by."""
    with contextlib.ExitStack() as stack:
        made = []
        for how in Cut:
            cable = stack.enter_context(Cable())
            endpoint = Endpoint(how, cable, JumpClient(Machine(machines / how.value, cable.words)))
            command = enrolment_command(replace(console.visitor, host=cable.near), name=endpoint.name)
            endpoint.client.install(command)
            stack.callback(endpoint.client.stop)
            endpoint.client.start().wait_linked()
            assert endpoint.client.said("linked")[0]["server"] == f"https://{cable.near}:{appliance.port}"
            made.append(endpoint)
        yield made


def first(records: list[dict[str, Any]], since: float) -> float | None:
    """When the first record since then was written, in seconds since 1970."""
    times = (datetime.fromisoformat(record["timestamp"]).timestamp() for record in records)
    return next((at for at in times if at >= since), None)


def wait_all_linked(appliance: Appliance, endpoints: list[Endpoint], since: float, promised: float) -> float:
    """Wait until every client is linked again; return when the last one was, as later of the two sides' logs says."""

    def both_sides() -> list[float] | None:
        here = [record for record in appliance.logged("agent_linked") if first([record], since)]
        there = [at for endpoint in endpoints if (at := endpoint.linked(since)) is not None]
        if len(here) < len(endpoints) or len(there) < len(endpoints):
            return None
        return [*there, *(at for record in here if (at := first([record], since)) is not None)]

    # Longer than is promised, so that a failure says how long it took.
    return max(wait_for(both_sides, promised + 60, f"all links; {[e.client.lines[-3:] for e in endpoints]}"))


def lose_the_network(appliance: Appliance, console: Console, endpoints: list[Endpoint], outage_s: float) -> float:
    """Cut every client off for so long; return how long after its network's return the last one was back."""
    for endpoint in endpoints:
        item_named(console, endpoint.name)
    begin = time.time()
    try:
        for endpoint in endpoints:
            endpoint.cable.cut(endpoint.how)
        for endpoint in endpoints:
            lost = endpoint.client
            wait_for(lambda c=lost: first(c.said("link_lost"), begin), outage_s, "a client's word of the lost link")
            item_named(console, endpoint.name, "offline", within=outage_s)
        time.sleep(max(0.0, begin + outage_s - time.time()))
        assert not any(endpoint.linked(begin) for endpoint in endpoints)
    finally:
        for endpoint in endpoints:
            endpoint.cable.mend(endpoint.how)
    mended = time.time()
    back = wait_all_linked(appliance, endpoints, begin, AFTER_OUTAGE_S) - mended
    print(f"back {back:.1f} s after the network")
    return back


def restart(appliance: Appliance, console: Console, endpoints: list[Endpoint], away_s: float) -> float:
    """Stop the appliance as a service manager does, start it again; return how long after that all were back."""
    for endpoint in endpoints:
        item_named(console, endpoint.name)
    assert appliance.stop(signal.SIGTERM) == 0
    stopped = time.time()
    time.sleep(away_s)
    appliance.start()
    # Counted from the moment on that a client could link at all, not from when pages are served.
    ready = first(appliance.logged("relay_ready"), stopped)
    assert ready is not None
    back = wait_all_linked(appliance, endpoints, stopped, AFTER_RESTART_S) - ready
    print(f"back {back:.1f} s after the appliance, which was away for {ready - stopped:.1f} s")
    return back


@pytest.mark.long
def test_clients_are_back_35_s_after_their_network(
    appliance: Appliance, console: Console, endpoints: list[Endpoint]
) -> None:
    assert lose_the_network(appliance, console, endpoints, OUTAGE_S) <= AFTER_OUTAGE_S
    for endpoint in endpoints:  # of use again, not only linked
        live = console.jump(item_named(console, endpoint.name)["id"])
        live.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
        shell = live.open_shell()
        live.type(shell, "unset HISTFILE; echo back-$((40+2))\r")
        live.wait_output(shell, "back-42")
        live.end()


def test_clients_are_back_10_s_after_a_restart_of_the_appliance(
    appliance: Appliance, console: Console, endpoints: list[Endpoint]
) -> None:
    # Away for some seconds, so that the clients have been refused before: the next tries come after longer pauses.
    assert restart(appliance, console, endpoints, 6.0) <= AFTER_RESTART_S
    for endpoint in endpoints:
        item_named(console, endpoint.name)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_clients_are_back_after_many_outages(appliance: Appliance, console: Console, endpoints: list[Endpoint]) -> None:
    backs = [lose_the_network(appliance, console, endpoints, OUTAGE_LONG_S) for _ in range(OUTAGES_LONG)]
    assert max(backs) <= AFTER_OUTAGE_S, backs


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_clients_are_back_after_many_restarts(
    appliance: Appliance, console: Console, endpoints: list[Endpoint]
) -> None:
    """The appliance is away for a moment or for a minute: the pauses between tries have grown by then."""
    chance = random.Random(8443)
    away = [chance.choice([0.0, 5.0, 20.0, 60.0]) for _ in range(RESTARTS_LONG)]
    backs = [restart(appliance, console, endpoints, away_s) for away_s in away]
    assert max(backs) <= AFTER_RESTART_S, backs
