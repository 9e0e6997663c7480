"""Runs the test stages one after another and prints the closing line of each at the end.

Why it exists: pytest ends with an error when a folder holds no test; a stage without tests is skipped here, but a run
without any test at all fails. A failed stage does not hide the result of the next one.

A test that starts real programs can fail for a reason of the machine's. In stages that do, up to `WAVERING` failed
tests are run once more, alone and one after another; those that pass then are named in the closing lines as wavering
(one that skips has not passed). They are defects to mend, of a test or of the product, but do not hold up everything
else (docs/decisions/0010-second-try.md).

Rules: the stages are listed here and nowhere else; everything about how pytest runs stands in pyproject.toml.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

WAVERING = 2
"""So many tests of a stage get a second try; with more failures nothing is tried again."""

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
    second_try: bool = False


# The tests of a file share an appliance. Files come in the order of `tests/harness/order.py`: what takes long first.
BY_FILE = ("--dist", "loadfile", "--no-loadscope-reorder")
# Numbers of workers are for two processors: scenario tests wait more than they compute.
STAGES = (
    Stage("unit", ("tests/unit", "tests/arch"), ("-n", "3")),
    Stage("scenario", ("tests/scenario",), ("-n", "5", *BY_FILE), second_try=True),
    Stage("browser", ("tests/browser",), ("-n", "2", *BY_FILE), second_try=True),
)
FUZZED = ("tests/unit/protocol/test_fuzz_frames.py", "tests/unit/relay/door/test_fuzz_handshake.py")
LONG_STAGES = (
    # The same tests as in the unit stage, with a million inputs each.
    Stage("fuzz", FUZZED, ("-n", "2", "--timeout", "7200"), "", (("FARHAND_FUZZ", "1000000"),)),
    *(
        replace(stage, options=(*stage.options, "--timeout", "7200"), marks="long", second_try=False)
        for stage in STAGES
    ),
)


def folders_with_tests(stage: Stage, root: Path) -> list[str]:
    """What the stage names below `root`, without folders that hold no test file."""
    return [name for name in stage.folders if (root / name).is_file() or next((root / name).rglob("test_*.py"), None)]


def run_stage(stage: Stage, extra: list[str], root: Path) -> tuple[int, str]:
    """Runs one stage and gives its failed tests a second try; returns pytest's exit status and a closing line."""
    folders = folders_with_tests(stage, root)
    if not folders:
        return NO_TESTS_COLLECTED, "no tests yet"
    memory = root / ".cache" / f"stage-{stage.name}"
    shutil.rmtree(memory, ignore_errors=True)
    arguments = ["-o", f"cache_dir={memory}", "-m", stage.marks, *extra]
    status, closing = run_pytest(stage, [*arguments, *stage.options, *folders], root)
    failed = failed_tests(memory)
    if status != 1 or not stage.second_try or not 0 < len(failed) <= WAVERING:
        return status, closing
    print(f"\nA second try, alone: {', '.join(failed)}", flush=True)
    status, again = run_pytest(stage, [*arguments, "--last-failed", *folders], root)
    if status or passed(again) != len(failed):  # who skips, or is not found any more, has not passed
        return status or 1, f"{closing} | second try: {again}"
    return 0, f"{closing} | WAVERING, passed at a second try: {', '.join(failed)}"


def failed_tests(memory: Path) -> list[str]:
    """The tests that pytest remembers as failed in this cache folder."""
    try:
        return sorted(json.loads((memory / "v" / "cache" / "lastfailed").read_text()))
    except FileNotFoundError:
        return []


def passed(closing: str) -> int:
    """How many tests have passed by pytest's closing line."""
    found = re.search(r"(\d+) passed", closing)
    return int(found[1]) if found else 0


def run_pytest(stage: Stage, arguments: list[str], root: Path) -> tuple[int, str]:
    """Runs pytest, passing its output on as it comes; returns its exit status and its closing line."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "--color=yes" if sys.stdout.isatty() else "--color=no", *arguments],
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
