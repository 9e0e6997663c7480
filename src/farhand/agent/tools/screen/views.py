"""All viewers of a screen: those who share one pipeline, and the recorder, which gets one of its own while something is
hidden from it.

Why it exists: the live viewers see the screen as it is, the recorder must not. What is hidden never enters the
recorder's pipeline, so nothing that this one makes (tiles, copies of what scrolled, likenesses) can hold it.

Rules: used by the screen worker's thread alone. Windows and pixels of one capture are read while the display is frozen.
While a hidden window moves, comes or goes, everything is black, and for SETTLED seconds after: a compositing manager
may still be drawing it at another place. What becomes visible again is captured anew; nothing is taken from the shared
frame, which may be older than the mask. Once the recorder has its own pipeline it keeps it.
"""

import contextlib
from typing import Final

import numpy as np

from farhand.agent.core.desktop import ScreenSource
from farhand.agent.core.masking import Mask
from farhand.agent.tools.screen.pipeline import Pipeline
from farhand.agent.tools.screen.tiles import Pixels, Rect
from farhand.agent.tools.screen.viewer import Mode, Viewer
from farhand.protocol.frames import RECORDER_LEG

SETTLED: Final = 1.0
"""Everything stays black until the hidden windows have stood still for so long, in seconds."""


class Views:
    """The pipelines of one source."""

    def __init__(self, source: ScreenSource, mask: Mask, now: float) -> None:
        self.width, self.height = source.width, source.height
        self.due: float | None = None
        """When to capture everything, also if nothing changes (monotonic); None: there is no need."""
        self._source = source
        self._shared = Pipeline(self.width, self.height)
        self._recorded: Pipeline | None = None
        self._mask = mask
        self._places: list[Rect] | None = None
        self._moved_at = now
        self._black = True
        if mask:
            self.hide(mask, now)

    @property
    def viewers(self) -> dict[int, Viewer]:
        """All viewers by leg."""
        own = self._recorded
        return {**self._shared.viewers, **own.viewers} if own is not None else self._shared.viewers

    def join(self, leg: int, mode: Mode, now: float) -> None:
        """A viewer begins, or begins anew."""
        own = self._recorded if leg == RECORDER_LEG else None
        (own or self._shared).join(leg, mode, now)

    def leave(self, leg: int) -> None:
        """A viewer is gone."""
        for pipeline in self._all():
            pipeline.leave(leg)

    def hide(self, mask: Mask, now: float) -> None:
        """From now on the recorder's picture is black; what `mask` does not hide comes back when all stands still."""
        if self._recorded is None:
            self._recorded = Pipeline(self.width, self.height)
            viewer = self._shared.viewers.get(RECORDER_LEG)
            self._shared.leave(RECORDER_LEG)
            if viewer is not None:
                self._recorded.viewers[RECORDER_LEG] = viewer
                viewer.refresh()
        self._mask = mask
        self._moved_at = now
        self._blacken(now)
        self.due = None if mask.everything else now + SETTLED

    def capture(self, damaged: list[Rect], now: float) -> None:
        """Capture what was damaged for everybody."""
        with self._source.frozen() if self._recorded is not None else contextlib.nullcontext():
            rects = [(0, 0, self.width, self.height)] if self._look(now) else damaged
            for rect in rects:
                whole = self._shared.aligned(rect)
                if whole[2] and whole[3]:
                    pixels = self._source.grab(whole)
                    self._shared.absorb(whole, pixels, now)
                    self._record(whole, pixels, now)

    def wants_capture(self, now: float) -> bool:
        """Say whether a viewer could be sent a change at this moment."""
        return any(pipeline.wants_capture(now) for pipeline in self._all())

    def updates(self, now: float) -> list[tuple[int, bytes]]:
        """Return (leg, UPDATE payload) for all that can be sent now."""
        return [update for pipeline in self._all() for update in pipeline.updates(now)]

    def handed(self, now: float) -> None:
        """What `updates` returned goes to the link at this moment."""
        for pipeline in self._all():
            pipeline.handed(now)

    def wake_at(self, damage: bool, now: float) -> float | None:
        """When to look again if nothing happens; None = never. `damage`: changes wait to be captured."""
        times = [self.due, *(pipeline.wake_at(damage, now) for pipeline in self._all())]
        return min((time for time in times if time is not None), default=None)

    def _all(self) -> tuple[Pipeline, ...]:
        return (self._shared,) if self._recorded is None else (self._shared, self._recorded)

    def _look(self, now: float) -> bool:
        """Look where the hidden windows are. True: the recorder sees again, and needs everything."""
        if self._recorded is None:
            return False
        self.due = None
        if self._mask.everything:
            return False
        places = self._source.places(self._mask.windows) if self._mask.windows else None
        if places != self._places:
            self._places, self._moved_at = places, now
        if now < self._moved_at + SETTLED:
            self._blacken(now)
            self.due = self._moved_at + SETTLED
            return False
        before, self._black = self._black, False
        return before

    def _record(self, rect: Rect, pixels: Pixels, now: float) -> None:
        """The recorder gets what is not hidden."""
        if self._recorded is None or self._black:
            return
        x, y, width, height = rect
        seen = pixels.copy()
        for left, top, wide, tall in self._places or ():
            rows = slice(max(top - y, 0), max(min(top + tall - y, height), 0))
            seen[rows, max(left - x, 0) : max(min(left + wide - x, width), 0)] = 0
        self._recorded.absorb(rect, seen, now)

    def _blacken(self, now: float) -> None:
        if self._recorded is not None and not self._black:
            self._black = True
            nothing = np.zeros((self.height, self.width), np.uint32)
            self._recorded.absorb((0, 0, self.width, self.height), nothing, now)
