"""Relay: 100-byte messages a second, and the CPU that each costs."""

import time

from tests.bench import procs
from tests.bench.stage import Stage
from tests.bench.table import Row

from farhand.protocol.channels import Kind, Shell, channel

RUNS = 3
WARM_S = 0.7
SPAN_S = 2.5
SIZE = 100


def measure() -> list[Row]:
    """One endpoint sends frames with 100 bytes of payload to one console, as fast as backpressure lets it."""
    rates, costs = [], []
    with Stage() as stage:
        relay = stage.relay()
        for _ in range(RUNS):
            session = relay.session()
            endpoint, console = stage.endpoint(relay, session), stage.console(relay, session)
            endpoint.ask(do="stream", type=Shell.DATA, channel=channel(Kind.SHELL, 1), leg=0, size=SIZE)
            time.sleep(WARM_S)
            before, cpu_before = console.ask(do="count"), procs.cpu_s(relay.pid)
            time.sleep(SPAN_S)
            after, cpu_after = console.ask(do="count"), procs.cpu_s(relay.pid)
            moved = after["frames"] - before["frames"]
            rates.append(moved / (after["at"] - before["at"]))
            costs.append((cpu_after - cpu_before) / moved * 1e6)
            endpoint.stop()
            console.stop()
            session.end()
    note = "The load clients share two cores with the relay; the CPU per message is the sounder figure."
    return [
        Row("messages.rate", "100-byte messages through the relay", rates, "/s", "", note),
        Row("messages.cpu", "CPU of the relay for each", costs, "us"),
    ]
