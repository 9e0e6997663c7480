"""One-time things are used once, however many want them at the same moment."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]


def test_200_at_once_exactly_one_succeeds(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.web.support.redeem_many", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout.splitlines()[-1]) == {"key": 1, "used": 99, "enrolment": 1, "conflict": 99}
