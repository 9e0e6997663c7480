"""What a viewer's picture costs, and how far it goes down for a slow line.

Why it exists: a line that cannot carry what moves shows fewer and later pictures. Coarser ones come in time: pictures
lose detail first, then text loses colours; both are exact again once they stand still.

How: what a cell costs is learnt from what was sent. Pictures go down when one of them does not fit its budget. Text
goes down only while more of it moves than the line carries: a window that opens is worth waiting for, a page that is
scrolled is not.

Rules: no input or output, no clock. Modes in which a person has chosen what they look like save nothing.
"""

from typing import NamedTuple

from farhand.agent.tools.screen.modes import How, Recipe, fewer, thrift
from farhand.agent.tools.screen.pace import Pace
from farhand.agent.tools.screen.tiles import CELL

WINDOW = 0.5
"""What was sent counts as moving for about so long, in seconds."""
CARRIED = 0.6
"""Share of the line that exact text may keep busy."""
_KNOWN = 2000
"""So many cells, a quarter of a large screen, replace what was learnt before."""


class Step(NamedTuple):
    """How something is sent, and at about which share of the bytes that it needs without saving."""

    how: How
    share: float = 1.0


class Cost:
    """Bytes of a cell that is sent without saving, as it was lately; 0 = not known yet."""

    def __init__(self) -> None:
        self._bytes = self._cells = 0.0

    def learn(self, size: int, count: int, step: Step) -> None:
        """So many cells took so many bytes."""
        kept = 1 / (1 + count / _KNOWN)
        self._bytes = self._bytes * kept + size / step.share
        self._cells = self._cells * kept + count

    def of(self, count: int) -> float:
        """Return what so many cells will need."""
        return count * self._bytes / self._cells if self._cells else 0.0

    def pixels(self, budget: int, step: Step) -> int:
        """Return how many pixels half the budget pays: each piece has a head, which costs too."""
        each = self.of(1) * step.share
        return int(budget / 2 / each * CELL * CELL) if each else budget * 2


class Saving:
    """What one viewer's text and pictures cost, and how they are to be sent now."""

    def __init__(self) -> None:
        self.text = Cost()
        self.pictures = Cost()
        self.stills = Cost()
        """Pictures in their final form."""
        self._moved = 0.0
        self._moved_at = 0.0
        self._whole = 0.0
        self._whole_at = 0.0

    def plan(self, recipe: Recipe, text: int, pictures: int, pace: Pace, now: float) -> tuple[Step, Step]:
        """Return how so many changed cells of text and of pictures are to be sent on this line."""
        budget = pace.budget()
        if not recipe.follows or budget is None or pace.rate is None:
            return Step(recipe.plain), Step(recipe.moving)
        due = self.text.of(text)
        carried = pace.rate * WINDOW * CARRIED / max(1.0, self._recent(now) + due)
        if carried < 1:
            # It moves. What comes in two parts is overtaken by the next picture, and never whole.
            carried = min(carried, budget / max(1.0, due))
        share, how = fewer(carried)
        # The rest of a picture is sent as its beginning was: better ones in between would not be there in time.
        self._whole = max(pictures, self._whole * _fade(now - self._whole_at))
        self._whole_at = now
        wanted = self._whole * self.pictures.of(1)
        step = thrift((budget - due * share) / wanted if wanted else 1.0)
        return Step(how or recipe.plain, share), Step(step.of(recipe.moving), step.bytes)

    def text_sent(self, size: int, count: int, step: Step, now: float) -> None:
        """So many cells of text took so many bytes."""
        self.text.learn(size, count, step)
        self._moved = self._recent(now) + size / step.share
        self._moved_at = now

    def _recent(self, now: float) -> float:
        """Bytes of exact text that moved lately: what is long ago counts less."""
        return self._moved * _fade(now - self._moved_at)


def _fade(seconds: float) -> float:
    return float(0.5 ** (seconds * 2 / WINDOW))
