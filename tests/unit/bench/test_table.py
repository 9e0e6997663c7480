"""The bench's table: verdicts, percentiles and both files it writes."""

import json
from pathlib import Path

import pytest
from tests.bench.table import Row, number, percentile, write
from tests.bench.targets import TARGETS, Target


@pytest.mark.parametrize(
    ("target", "measured", "met"),
    [
        (Target(5), 5.0, True),
        (Target(5), 5.1, False),
        (Target(300, at_most=False), 300.0, True),
        (Target(300, at_most=False), 299.0, False),
    ],
)
def test_a_target_has_a_good_side(target: Target, measured: float, met: bool) -> None:
    assert target.met(measured) is met


def test_the_median_decides_and_the_range_is_shown() -> None:
    row = Row("relay.cpu_64k", "relay", [9.0, 2.0, 2.5], "CPU s/GB")
    assert row.verdict == "met"
    assert row.measured == "2.5 CPU s/GB [2-9]"


def test_what_was_not_measured_is_never_met() -> None:
    row = Row("relay.cpu_64k", "relay", [], "CPU s/GB", "", "It did not start.")
    assert (row.verdict, row.measured) == ("not measured", "-")
    assert row.as_json()["median"] is None


def test_a_row_without_target_has_no_verdict() -> None:
    assert "links.pss" not in TARGETS
    assert Row("links.pss", "memory", [1.0], "kB").verdict == ""


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 3), (0.99, 5), (1.0, 5)])
def test_percentiles_are_values_that_were_measured(share: float, value: float) -> None:
    assert percentile([5, 1, 4, 2, 3], share) == value


@pytest.mark.parametrize(("value", "text"), [(0.0, "0"), (1.234, "1.23"), (99.94, "99.9"), (137_087.4, "137,087")])
def test_figures_have_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_both_files_hold_facts_rows_and_notes(tmp_path: Path) -> None:
    rows = [Row("console.bytes", "console, first load", [46.0], "kB", "another 99 kB", "Compressed.", load=1.25)]
    write(tmp_path, rows, {"Machine": "two cores"})
    text = (tmp_path / "latest.md").read_text()
    assert "- Machine: two cores" in text
    assert "| console, first load | <= 300 kB | 46 kB | met | another 99 kB | 1.2 |" in text
    assert "- console, first load: Compressed." in text
    kept = json.loads((tmp_path / "latest.json").read_text())
    assert kept["rows"][0]["verdict"] == "met"
    assert kept["rows"][0]["target"] == 300
