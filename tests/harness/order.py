"""Which files of a stage begin: those that take long, so that no worker is left alone with one at the end.

A file that is not named comes after the named ones. The order of tests within a file stays random.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest


def long_ones_first(items: list[pytest.Item], folder: Path, names: Sequence[str]) -> None:
    """Order the tests of a folder by the place of their file's name (without `test_` and `.py`) among `names`."""
    ranks = {name: rank for rank, name in enumerate(names)}

    def rank(item: pytest.Item) -> int:
        name = item.path.stem.removeprefix("test_") if item.path.parent == folder else ""
        return ranks.get(name, len(ranks))

    items.sort(key=rank)
