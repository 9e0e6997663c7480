"""`python -m tests.bench [NAME...]`: run the measurements (all, or the named ones) and write `bench/results/latest.*`.

A measurement that cannot run (a program is missing, a part of the product fails) is a line in the table, not the end
of the run. A run of some measurements is shown and not kept, or kept under their names: `latest` is of one whole run.
"""

import argparse
import importlib
import os
import sys
import time
import traceback
from pathlib import Path

from tests.bench import machine
from tests.bench.table import Row, markdown, write

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "bench" / "results"
MEASUREMENTS = (
    "relay",
    "messages",
    "shell",
    "links",
    "agent",
    "console",
    "queues",
    "flood",
    "screen",
    "replay",
    "files",
)
BUDGET_S = 1200.0
"""No measurement is started after this many seconds."""


def run(names: list[str]) -> list[Row]:
    """Run the named measurements one after the other."""
    began = time.monotonic()
    rows: list[Row] = []
    for name in names:
        if time.monotonic() - began > BUDGET_S:
            rows.append(Row(name, name, [], "", "", f"The time for one run ({BUDGET_S:.0f} s) was over."))
            continue
        print(f"bench: {name} ...", file=sys.stderr, flush=True)
        at = time.monotonic()
        try:
            found = importlib.import_module(f"tests.bench.m_{name}").measure()
        except Exception as error:
            traceback.print_exc()
            reason = (str(error).splitlines() or [""])[0].replace(str(ROOT), ".")[:200]
            found = [Row(name, name, [], "", "", f"Could not be measured: {type(error).__name__}: {reason}")]
        for row in found:
            row.load = os.getloadavg()[0] if row.load is None else row.load
        rows += found
        for row in found:
            print(f"  {row.what}: {row.measured} {row.verdict} {row.yardstick}", file=sys.stderr, flush=True)
        print(f"bench: {name} took {time.monotonic() - at:.0f} s", file=sys.stderr, flush=True)
    return rows


def main() -> int:
    """Parse the arguments, run, write, show."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure Farhand and write a table.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(MEASUREMENTS)}")
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; with no NAME: bench/results")
    parser.add_argument("--keep", action="store_true", help="keep the table of the NAMEs in bench/results")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(MEASUREMENTS))
    if unknown:
        parser.error(f"there is no measurement named {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}")
    os.chdir(ROOT)
    before = machine.load_average()
    rows = run(options.names or list(MEASUREMENTS))
    facts = machine.facts(before)
    folder = options.out or (RESULTS if options.keep or not options.names else None)
    if folder is not None:
        write(folder, rows, facts, "-".join(options.names) if options.keep and options.names else "latest")
    print(markdown(rows, facts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
