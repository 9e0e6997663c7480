"""The lines of the table that `m_screen` fills: Farhand's figures, and its peer's beside them."""

import statistics
from dataclasses import dataclass, field

from tests.bench import viewing
from tests.bench.table import Row, number, percentile
from tests.bench.viewing import Seen

KEYS = (
    ("keys", "key", "key press to changed pixel on the console's canvas"),
    ("beside", "key_video", "same, beside a 640x360 video"),
)
PICTURES = (
    ("scroll", "scrolling 1080p terminal (40 lines/s)"),
    ("video", "640x360 video (30/s)"),
    ("page", "page scroll 1080p (900 pixels/s)"),
    ("slow_video", "same video, 2 Mbit/s + 20 ms each way"),
    ("slow_page", "same page, 2 Mbit/s + 20 ms each way"),
)
PARTS = (
    ("fps", "", "fps"),
    ("p50", "same, drawn to seen, p50", "ms"),
    ("p95", "same, drawn to seen, p95", "ms"),
    ("kbs", "same, to the browser", "kB/s"),
    ("cpu", "same, CPU of the agent", "% of a core"),
    ("carrier", "same, CPU of the relay", "% of a core"),
    ("task", "same, longest task of the page", "ms"),
)


@dataclass
class Figures:
    """What one program showed: for each name a list with one entry a run."""

    runs: dict[str, list[list[float] | Seen]]
    load: dict[str, list[float]]
    """The machine's load average when each run began."""
    differing: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    """What a run that showed nothing said."""
    problem: str = ""

    def keys(self, name: str) -> list[list[float]]:
        """The runs of something that gives one list of figures a run."""
        return [run for run in self.runs.get(name, []) if isinstance(run, list)]

    def part(self, name: str, part: str) -> list[float]:
        """One figure of each run in which something was seen."""
        return [
            getattr(run, part)
            for run in self.runs.get(name, [])
            if isinstance(run, Seen) and (run.fps or part == "fps")
        ]


def _said(values: list[float], unit: str) -> str:
    return f"noVNC + TigerVNC {number(statistics.median(values))} {unit}" if values else ""


def rows(ours: Figures, peer: Figures) -> list[Row]:
    """The table's lines."""
    out: list[Row] = []

    said: set[str] = set()

    def line(name: str, key: str, what: str, mine: list[float], its: list[float], unit: str, note: str = "") -> None:
        if name in ours.failed and name not in said:
            said.add(name)
            note = f"{note} A run failed: {ours.failed[name]}.".strip()
        row = Row(f"screen.{key}", what, mine, unit, _said(its, unit), note)
        row.load = statistics.median(ours.load[name]) if ours.load.get(name) else None
        out.append(row)

    for name, key, what in KEYS:
        mine, its = ours.keys(name), peer.keys(name)
        seen = sum(map(len, mine))
        note = f"{seen} of {len(mine) * viewing.KEYS} keys were seen. Everything shares the machine's cores."
        for share in (50, 95):
            values = [[percentile(trips, share / 100) for trips in runs] for runs in (mine, its)]
            line(name, f"{key}_p{share}", f"{what}, p{share}", *values, "ms", note)
            note = ""
    for name, what in PICTURES:
        for part, saying, unit in PARTS:
            line(name, f"{name}_{part}", saying or what, ours.part(name, part), peer.part(name, part), unit)
    for name, what in PICTURES[1:]:
        both = [[side.differing[name]] if name in side.differing else [] for side in (ours, peer)]
        line(name, f"exact_{name}", f"pixels that differ {viewing.STILL_S:.0f} s after: {what}", *both, "pixels")
    idle = [[values[0] for values in side.keys("idle")] for side in (ours, peer)]
    line("idle", "idle_bytes", "bytes in 5 s of a still screen", *idle, "bytes")
    if peer.problem:
        out.append(Row("screen.peer", "noVNC + TigerVNC", [], "", "", peer.problem))
    return out
