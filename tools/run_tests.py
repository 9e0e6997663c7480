"""Runs the test stages one after another and prints the closing line of each at the end.

Why it exists: pytest ends with an error when a folder holds no test; a stage without tests is skipped here, but a run
without any test at all fails. A failed stage does not hide the result of the next one.

Rules: the stages are listed here and nowhere else; everything about how pytest runs stands in pyproject.toml.
"""

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

NO_TESTS_COLLECTED = 5
"""pytest's exit status when it collected nothing (or deselected everything)."""


@dataclass(frozen=True)
class Stage:
    """One pytest run over some folders."""

    name: str
    folders: tuple[str, ...]
    """Folders and files."""
    options: tuple[str, ...] = ()
    marks: str = "not long"
    """Which tests of them, as `pytest -m` takes it."""
    environment: tuple[tuple[str, str], ...] = ()


STAGES = (
    Stage("unit", ("tests/unit", "tests/arch"), ("-n", "2")),
    # Three files at a time: these tests wait more than they compute, and the tests of a file share an appliance.
    Stage("scenario", ("tests/scenario",), ("-n", "3", "--dist", "loadfile")),
    Stage("browser", ("tests/browser",), ("-n", "2", "--dist", "loadfile")),
)
FUZZED = ("tests/unit/protocol/test_fuzz_frames.py", "tests/unit/relay/door/test_fuzz_handshake.py")
LONG_STAGES = (
    # The same tests as in the unit stage, with a million inputs each.
    Stage("fuzz", FUZZED, ("-n", "2", "--timeout", "7200"), "", (("FARHAND_FUZZ", "1000000"),)),
    *(replace(stage, options=(*stage.options, "--timeout", "7200"), marks="long") for stage in STAGES),
)


def folders_with_tests(stage: Stage, root: Path) -> list[str]:
    """What the stage names below `root`, without folders that hold no test file."""
    return [name for name in stage.folders if (root / name).is_file() or next((root / name).rglob("test_*.py"), None)]


def run_stage(stage: Stage, extra: list[str], root: Path) -> tuple[int, str]:
    """Runs one stage, passing its output on as it comes; returns pytest's exit status and its closing line."""
    folders = folders_with_tests(stage, root)
    if not folders:
        return NO_TESTS_COLLECTED, "no tests yet"
    command = [sys.executable, "-m", "pytest", "--color=yes" if sys.stdout.isatty() else "--color=no"]
    process = subprocess.Popen(
        [*command, "-m", stage.marks, *stage.options, *extra, *folders],
        cwd=root,
        env={**os.environ, **dict(stage.environment)},
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    closing = ""
    if process.stdout is not None:
        for line in process.stdout:
            print(line, end="", flush=True)
            closing = line.strip() or closing
    return process.wait(), closing


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Runs the stages; returns 0 only when every stage passed and at least one had tests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="run the long forms instead")
    options, extra = parser.parse_known_args(arguments)
    stages = LONG_STAGES if options.long else STAGES
    results = [(stage, *run_stage(stage, extra, root)) for stage in stages]
    print("\nTests:")
    for stage, status, closing in results:
        state = {0: "ok", NO_TESTS_COLLECTED: "skip"}.get(status, f"FAIL ({status})")
        print(f"  {stage.name:<10}{state:<10}{closing}")
    statuses = {status for _, status, _ in results}
    if statuses == {NO_TESTS_COLLECTED}:
        print("No test ran at all; that is an error.")
        return 1
    return 0 if statuses <= {0, NO_TESTS_COLLECTED} else 1


if __name__ == "__main__":
    sys.exit(main())
