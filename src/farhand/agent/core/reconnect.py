"""When to try again: pure, driven by the link and by sessions, measured by a property test.

What has to come out: back at most 10 s after an appliance restart when few clients are there, at most 35 s after this
machine's network returns, and no stampede when thousands lose the appliance at once. Therefore:

- the first try comes within 2 s, jittered;
- then full jitter between 1 s and a ceiling that doubles. Where the server's machine answers that nobody listens (a
  restart) the ceiling ends at 8 s: such a try costs next to nothing. Where nothing answers it ends at 20 s, because a
  try may itself hang for 8 s;
- a server that is reachable and names a time (`retry_after_s`) is obeyed, jittered upwards, 1 to 60 s.
"""

import random
from enum import Enum

FIRST_S = 2.0
SHORTEST_S = 1.0
LONGEST_S = 60.0
CEILING_RESTARTING_S = 8.0
CEILING_SILENT_S = 20.0


class Failure(Enum):
    """How a try ended."""

    RESTARTING = "restarting"
    """The server's machine answered: nobody listens there, or the program is not ready."""
    SILENT = "silent"
    """No answer, no route, no name, or somebody else answered."""


class ReconnectPolicy:
    """Gives the pause before each try, in seconds."""

    def __init__(self, source: random.Random | None = None) -> None:
        self._random = source if source is not None else random.SystemRandom()
        self._failures = 0

    def connected(self) -> None:
        """The server has welcomed us."""
        self._failures = 0

    def lost(self) -> float:
        """A working connection is gone: return the pause before the first try."""
        self._failures = 0
        return self._random.uniform(0.0, FIRST_S)

    def failed(self, how: Failure, retry_after_s: float | None = None) -> float:
        """A try failed: return the pause before the next."""
        if retry_after_s is not None:
            wish = min(max(float(retry_after_s), SHORTEST_S), LONGEST_S)
            return min(self._random.uniform(wish, wish * 1.5), LONGEST_S)
        self._failures = min(self._failures + 1, 16)
        ceiling = CEILING_RESTARTING_S if how is Failure.RESTARTING else CEILING_SILENT_S
        return self._random.uniform(SHORTEST_S, min(ceiling, 2.0 ** min(self._failures, 16) + SHORTEST_S))
