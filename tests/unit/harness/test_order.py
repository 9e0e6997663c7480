"""Files that take long come first, the others as they came."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.harness.order import long_ones_first


def test_named_files_come_first_and_tests_of_a_file_stay_together() -> None:
    names = ("b/test_short", "b/test_slow", "b/test_slow", "a/test_slow", "b/test_slowest")
    items: list[Any] = [SimpleNamespace(path=Path(f"/{name}.py"), number=at) for at, name in enumerate(names)]
    long_ones_first(items, Path("/b"), ("slowest", "slow"))
    assert [item.number for item in items] == [4, 1, 2, 0, 3]
