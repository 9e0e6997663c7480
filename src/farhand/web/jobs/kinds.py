"""What kinds of jobs there are, and what a job may do while it runs.

Rules: a job tells how far it is (`Work.tell`) at least every few seconds; there it learns that it is no longer wanted,
that the disk is nearly full, or that the program stops, each by an exception that it lets through. It writes into its
own folder only. It may be begun again from the start at any time, so it does nothing that is wrong to do twice.
"""

import functools
import importlib
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from farhand.web.project.areas import AREAS


class Failed(Exception):
    """The job cannot be done. `args[0]` is a marked English sentence for its owner."""

    @property
    def text(self) -> str:
        """The sentence."""
        return str(self.args[0])


class Again(Failed):
    """The job cannot be done now, for a reason that may pass: it waits for the next pause of its kind, then it is begun
    again. After the last of them this is a failure like any other.
    """


class Work(Protocol):
    """A job that runs."""

    id: str
    owner_id: str | None
    subject: str
    params: Mapping[str, Any]
    folder: Path
    """Its own folder, empty at the start."""
    last: bool
    """No pause of its kind is left: `Again` ends it."""

    def tell(self, share: float) -> None:
        """Say how far it is, 0 to 1."""
        ...


class Outcome(NamedTuple):
    """What came of a job: a file in its folder, kept for so many seconds; without a name there is none."""

    file_name: str = ""
    file_type: str = ""
    keep_s: int = 0


class Kind(NamedTuple):
    """One kind of job."""

    run: Callable[[Work], Outcome]
    short: bool = False
    """It takes seconds, so it does not wait until a long one has ended."""
    pauses_s: tuple[int, ...] = ()
    """Seconds to wait before it is begun again, the first time, the second time, and so on (`Again`)."""


@functools.cache
def kinds() -> Mapping[str, Kind]:
    """All kinds, gathered from the modules `jobs` of the areas."""
    table: dict[str, Kind] = {}
    for area in AREAS:
        name = f"farhand.web.{area}.jobs"
        if find_spec(name) is not None:
            part: Mapping[str, Kind] = importlib.import_module(name).KINDS
            twice = table.keys() & part.keys()
            if twice:
                raise RuntimeError(f"two kinds of jobs are called {sorted(twice)}")
            table.update(part)
    return table
