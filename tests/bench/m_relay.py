"""Relay: CPU seconds per GB at 64 and 16 KiB with TLS on both legs, recorded and not; nginx beside it.

An endpoint streams to one console: screen updates held by backpressure alone, or, recorded, shell output within the
credit window of a shell. Server CPU and the console's byte count are read at the same two moments. Payloads are random
bytes, as screen updates are (a compressor finds nothing in them).
"""

import time
from collections.abc import Callable

from tests.bench import procs
from tests.bench.stage import Stage
from tests.bench.table import Row, percentile
from tests.bench.yardstick import Nginx

from farhand.protocol.channels import SHELL_WINDOW, Kind, Screen, Shell, channel

RUNS = 3
WARM_S = 0.7
SPAN_S = 2.5
GB = 1e9
KIB = 1024

Sample = tuple[float, float]
"""CPU seconds per GB, MB per wall second."""


def _sample(count: Callable[[], dict[str, float]], pid: int) -> Sample:
    before, cpu_before = count(), procs.cpu_s(pid)
    time.sleep(SPAN_S)
    after, cpu_after = count(), procs.cpu_s(pid)
    moved = after["bytes"] - before["bytes"]
    if moved <= 0:
        raise RuntimeError("nothing arrived")
    return (cpu_after - cpu_before) / (moved / GB), moved / 1e6 / (after["at"] - before["at"])


def through_relay(size: int, *, tap: bool, content: str = "random", runs: int = RUNS) -> list[Sample]:
    """Stream through the relay; each run has its own session. With `tap` the frames are a shell's and are recorded."""
    samples = []
    with Stage() as stage:
        relay = stage.relay()
        kind, number = (Shell.DATA, channel(Kind.SHELL, 1)) if tap else (Screen.UPDATE, channel(Kind.SCREEN))
        for _ in range(runs):
            session = relay.session(record=tap)
            endpoint = stage.endpoint(relay, session)
            console = stage.console(relay, session, acknowledge=SHELL_WINDOW // 4 if tap else 1 << 62)
            endpoint.ask(
                do="stream", type=kind, channel=number, leg=0 if tap else 2, size=size, content=content,
                window=SHELL_WINDOW if tap else 0,
            )  # fmt: skip
            time.sleep(WARM_S)
            samples.append(_sample(lambda console=console: console.ask(do="count"), relay.pid))  # type: ignore[misc]
            endpoint.stop()
            console.stop()
            session.end()
            time.sleep(0.5)
            if tap and relay.recorded_bytes(session) < (size * 100 if content == "random" else 1):
                raise RuntimeError("the session was not recorded")
        if relay.said("recording_gap"):
            raise RuntimeError("the recorder fell behind and left gaps")
    return samples


def through_nginx(size: int, runs: int = RUNS) -> list[Sample]:
    """Stream the same chunks through nginx; its buffer holds one chunk."""
    samples = []
    with Stage() as stage:
        from tests.bench.relay import make_certificate

        tls = stage.folder / "tls"
        make_certificate(tls)
        for index in range(runs):
            sink = stage.start_load("raw_sink", cert=str(tls / "cert.pem"), key=str(tls / "key.pem"))
            port = _free_port()
            server = Nginx(stage.folder / f"nginx{index}", tls, port, sink.read()["port"], f"{size // KIB}k")
            stage.later(server.stop)
            source = stage.load("raw_source", port=port, size=size)
            source.ask(do="go")
            time.sleep(WARM_S)
            samples.append(_sample(lambda sink=sink: sink.ask(do="count"), server.pid))  # type: ignore[misc]
            source.stop()
            sink.stop()
            server.stop()
    return samples


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def measure() -> list[Row]:
    """All rows of the relay's throughput."""
    rows = []
    for size, name in ((64 * KIB, "64"), (16 * KIB, "16")):
        nginx = through_nginx(size)
        theirs = percentile([cpu for cpu, _ in nginx], 0.5)
        rate = percentile([mbs for _, mbs in nginx], 0.5)
        plain = through_relay(size, tap=False)
        beside = f"nginx stream {theirs:.2f} CPU s/GB in this run"
        what = f"relay, CPU per GB, {name} KiB frames, TLS on both legs"
        rows.append(Row(f"relay.cpu_{name}k", what, [cpu for cpu, _ in plain], "CPU s/GB", beside))
        if name == "64":
            core = [1000 / cpu for cpu, _ in plain]
            note = "1 GB divided by the CPU seconds it cost: what one core carries when clients do not compete for it."
            rows.append(
                Row("relay.core_64k", "relay, one core, 64 KiB", core, "MB/s", f"nginx {1000 / theirs:.0f} MB/s", note)
            )
            wall = [mbs for _, mbs in plain]
            note = "Both load clients share the cores with the relay, so this is a floor."
            rows.append(
                Row("relay.wall_64k", "same, as moved by the clock", wall, "MB/s", f"nginx {rate:.0f} MB/s", note)
            )
        tapped = through_relay(size, tap=True)
        note = "Random payloads. The recorder's writer thread is counted."
        rows.append(
            Row(f"relay.cpu_{name}k_tap", what + ", recorded", [cpu for cpu, _ in tapped], "CPU s/GB", beside, note)
        )
    text = through_relay(16 * KIB, tap=True, content="text", runs=1)
    note = "Terminal text instead of random bytes: the recording's compressor has real work."
    rows.append(
        Row("relay.cpu_16k_tap_text", "16 KiB shell text, recorded", [cpu for cpu, _ in text], "CPU s/GB", "", note)
    )
    return rows
