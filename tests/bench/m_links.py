"""Relay: memory per idle agent link at 2,000, and the storm: all are cut by a restart of the relay and come back."""

import resource
import time

from tests.bench import procs
from tests.bench.load import Load
from tests.bench.relay import BenchRelay
from tests.bench.stage import Stage
from tests.bench.table import Row

from farhand.kit import signing
from farhand.kit.ids import new_id

LINKS = 2000
CLIENTS = 4
FIRST_LINKING_RATE = 75
"""Links a second of each client process while the bench builds them up."""
SETTLE_S = 2.0
STORM_WITHIN_S = 90.0


def _agents(relay: BenchRelay, count: int) -> list[dict[str, str]]:
    agents = []
    for _ in range(count):
        key = signing.new_key()
        credential = relay.credential(new_id(), signing.public_of(key))
        agents.append({"seed": signing.seed_of(key).hex(), "credential": credential})
    return agents


def _wait(clients: list[Load], wanted: int, within_s: float, since: float) -> float:
    """Wait until `wanted` links stand; return when the last came (wall seconds after `since`)."""
    deadline = time.monotonic() + within_s
    while True:
        answers = [client.ask(do="count") for client in clients]
        linked = sum(answer["linked"] for answer in answers)
        last = max(answer["last"] for answer in answers)
        if linked >= wanted and last > since:
            return float(last - since)
        if time.monotonic() > deadline:
            raise RuntimeError(f"only {linked} of {wanted} links stand after {within_s:.0f} s")
        time.sleep(0.2)


def _storm(relay: BenchRelay, clients: list[Load], rate: int) -> tuple[float, float]:
    """Restart the relay at this admission rate; return seconds until all are back and the relay's CPU seconds."""
    since = time.time()
    relay.restart(links_per_second=rate)
    took = _wait(clients, LINKS, STORM_WITHIN_S, since)
    return took, procs.cpu_s(relay.pid)


def measure() -> list[Row]:
    """Memory first, then the two storms on the same links."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with Stage() as stage:
        relay = stage.relay(links_per_second=1000)
        time.sleep(1.5)
        rss, pss = procs.rss_kb(relay.pid), procs.pss_kb(relay.pid)
        share = LINKS // CLIENTS
        clients = [
            stage.load(
                "links", port=relay.port, spki=relay.spki, agents=_agents(relay, share), rate=FIRST_LINKING_RATE,
                first_address=10 + 20 * index,
            )
            for index in range(CLIENTS)
        ]  # fmt: skip
        _wait(clients, LINKS, 60, 0.0)
        time.sleep(SETTLE_S)
        rss_each = (procs.rss_kb(relay.pid) - rss) / LINKS
        pss_each = (procs.pss_kb(relay.pid) - pss) / LINKS
        idle_before = procs.cpu_s(relay.pid)
        time.sleep(5)
        idle = (procs.cpu_s(relay.pid) - idle_before) / 5 * 100
        free, free_cpu = _storm(relay, clients, 100_000)
        limited, _ = _storm(relay, clients, 300)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    storm_note = (
        "From the relay's end to the last WELCOME; agents wait up to 2 s (jittered) before the first try. "
        f"The design's 12 s are for 10,000; the relay spent {free_cpu / LINKS * 1000:.2f} CPU ms on each "
        "reconnect, its start included."
    )
    return [
        Row("links.rss", f"relay memory per idle agent link, at {LINKS:,} (RSS)", [rss_each], "kB"),
        Row("links.pss", "same (PSS)", [pss_each], "kB"),
        Row("links.idle", f"relay CPU while {LINKS:,} links idle", [idle], "% of a core"),
        Row("links.storm", f"all {LINKS:,} links cut at once, admission off: until back", [free], "s", "", storm_note),
        Row(
            "links.storm_300", "same, default admission (300/s)", [limited], "s", "",
            f"At 300 a second {LINKS:,} need {LINKS / 300:.1f} s at least.",
        ),
    ]  # fmt: skip
