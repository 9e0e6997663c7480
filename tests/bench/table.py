"""Rows of the result: repeated values, their median and range, the verdict, and the two files that are written."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.targets import TARGETS, Target


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the values lie, nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


@dataclass
class Row:
    """One line of the table. `key` names its target in `targets.TARGETS`; a row without one is information."""

    key: str
    what: str
    values: list[float]
    unit: str
    yardstick: str = ""
    note: str = ""
    load: float | None = None
    """The machine's load average meanwhile."""
    target: Target | None = field(init=False)

    def __post_init__(self) -> None:
        self.target = TARGETS.get(self.key)

    @property
    def median(self) -> float:
        """The measured figure."""
        return statistics.median(self.values)

    @property
    def verdict(self) -> str:
        """`met`, `missed`, `not measured`, or nothing when there is no target."""
        if not self.values:
            return "not measured"
        if self.target is None:
            return ""
        return "met" if self.target.met(self.median) else "missed"

    @property
    def measured(self) -> str:
        """Median and range as text."""
        if not self.values:
            return "-"
        text = f"{number(self.median)} {self.unit}"
        return text if len(self.values) == 1 else f"{text} [{number(min(self.values))}-{number(max(self.values))}]"

    def as_json(self) -> dict[str, Any]:
        """The row for `latest.json`."""
        return {
            "key": self.key,
            "what": self.what,
            "unit": self.unit,
            "target": self.target.value if self.target else None,
            "target_is": ("at most" if self.target.at_most else "at least") if self.target else None,
            "median": round(self.median, 4) if self.values else None,
            "values": [round(value, 4) for value in self.values],
            "verdict": self.verdict,
            "yardstick": self.yardstick,
            "note": self.note,
            "load": None if self.load is None else round(self.load, 1),
        }


def number(value: float) -> str:
    """A figure with three significant digits, large ones with thousands separators."""
    if value and abs(value) < 100:
        return f"{value:.3g}"
    return f"{value:,.0f}"


def markdown(rows: Sequence[Row], facts: dict[str, Any]) -> str:
    """The whole of `latest.md`."""
    lines = ["# Bench: latest run", "", "How to read this: [docs/bench.md](../../docs/bench.md).", ""]
    lines += [f"- {name}: {value}" for name, value in facts.items()]
    lines += [
        "",
        "| What | Target | Measured (median [min-max]) | Verdict | Yardstick | Load |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        target = row.target.text(row.unit) if row.target else ""
        load = "" if row.load is None else f"{row.load:.1f}"
        lines.append(f"| {row.what} | {target} | {row.measured} | {row.verdict} | {row.yardstick} | {load} |")
    notes = [(row.what, row.note) for row in rows if row.note]
    if notes:
        lines += ["", "Notes:", ""]
        lines += [f"- {what}: {note}" for what, note in notes]
    return "\n".join(lines) + "\n"


def write(folder: Path, rows: Sequence[Row], facts: dict[str, Any], name: str = "latest") -> None:
    """Write `latest.md` and `latest.json`, or two files of another name."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(markdown(rows, facts), encoding="utf-8")
    content = {"facts": facts, "rows": [row.as_json() for row in rows]}
    (folder / f"{name}.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
