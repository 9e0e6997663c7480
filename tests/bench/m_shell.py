"""Relay: round trip of a key press in a shell, alone and beside a saturating stream (same session, other session)."""

import time

from tests.bench.stage import Stage
from tests.bench.table import Row, percentile

from farhand.protocol.channels import Kind, Screen, channel

TRIPS = 400
RUNS = 3
GAP_S = 0.004
CHUNK = 16 * 1024
WINDOW = 256 * 1024
"""Bytes in flight of a bulk stream on a shared socket: the credit that the design gives to bulk."""
SCREEN = channel(Kind.SCREEN)


def measure() -> list[Row]:
    """Synthetic endpoint and console; what is measured is the relay and both sockets, no terminal."""
    got: dict[str, list[list[float]]] = {"alone": [], "same": [], "other": []}
    rates: dict[str, float] = {}
    with Stage() as stage:
        relay = stage.relay()
        for _ in range(RUNS):
            session, other = relay.session(), relay.session()
            endpoint = stage.endpoint(relay, session)
            console = stage.console(relay, session, acknowledge=CHUNK * 2)
            far_endpoint, far_console = stage.endpoint(relay, other), stage.console(relay, other)
            got["alone"].append(console.ask(do="ping", n=TRIPS, gap_s=GAP_S)["trips"])

            endpoint.ask(do="stream", type=Screen.UPDATE, channel=SCREEN, leg=2, size=CHUNK, window=WINDOW)
            time.sleep(0.3)
            before = console.ask(do="count")
            got["same"].append(console.ask(do="ping", n=TRIPS, gap_s=GAP_S)["trips"])
            after = console.ask(do="count")
            rates["same"] = (after["bytes"] - before["bytes"]) / 1e6 / (after["at"] - before["at"])
            endpoint.ask(do="stop")
            time.sleep(0.2)

            far_endpoint.ask(do="stream", type=Screen.UPDATE, channel=SCREEN, leg=2, size=64 * 1024)
            time.sleep(0.3)
            before = far_console.ask(do="count")
            got["other"].append(console.ask(do="ping", n=TRIPS, gap_s=GAP_S)["trips"])
            after = far_console.ask(do="count")
            rates["other"] = (after["bytes"] - before["bytes"]) / 1e6 / (after["at"] - before["at"])
            for client in (far_endpoint, far_console, endpoint, console):
                client.stop()
    names = {
        "alone": "shell round trip through the relay, alone",
        "same": "same, beside a saturating screen stream of the session",
        "other": "same, beside a saturating stream of another session",
    }
    rows = []
    for case, runs in got.items():
        note = f"The stream moved {rates[case]:.0f} MB/s meanwhile." if case in rates else ""
        for share, name in ((0.5, "p50"), (0.99, "p99")):
            values = [percentile(trips, share) * 1000 for trips in runs]
            rows.append(
                Row(f"shell.{case}_{name}", f"{names[case]}, {name}", values, "ms", "", note if share == 0.5 else "")
            )
    return rows
