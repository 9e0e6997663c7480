"""The screen tool itself on modelled links: its pipeline, its encoders and its pace, in simulated time.

Why it exists: `simscreen` judges a pace by contents that are only figures. Here real pictures are compressed, so that
it shows whether encoders follow the line.

Rules: as in `simnet`. What takes the machine's time (capture and encoding) takes `ENCODE` here.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from tests.harness.simlinks import Net
from tests.harness.simscreen import quantile

from farhand.agent.tools.screen.pipeline import Pipeline
from farhand.agent.tools.screen.viewer import Mode
from farhand.protocol.screen import UPDATE_HEAD, Flag

Pixels = npt.NDArray[np.uint32]
ENCODE = 0.006
DRAW = 0.002
_LEG = 2


class Watching:
    """One viewer of a screen that shows `picture(number)`, a new one every `every` seconds until `until`."""

    def __init__(
        self,
        net: Net,
        mode: Mode,
        picture: Callable[[int], Pixels],
        until: float,
        every: float = 1 / 30,
        draw: Callable[[bytes], object] = lambda payload: None,
    ) -> None:
        self._clock, self._connection = net.clock, net.connection()
        self._picture, self._until, self._every, self._draw = picture, until, every, draw
        self.screen = picture(0)
        height, width = self.screen.shape
        self.pipeline = Pipeline(width, height)
        self.pipeline.join(_LEG, mode, 0.0)
        self.shown: list[tuple[float, float]] = []
        """When a whole picture was drawn, and how long that was after it came to be."""
        self.sizes: list[tuple[float, int]] = []
        self._made = [0.0]
        self._newest = -1
        self._damage = True
        self._busy_until = 0.0
        self._clock.at(every, self._change)
        self._turn()

    @property
    def _pace(self):  # type: ignore[no-untyped-def]
        return self.pipeline.viewers[_LEG].pace

    def _change(self) -> None:
        self.screen = self._picture(len(self._made))
        self._made.append(self._clock.now)
        self._damage = True
        if self._clock.now + self._every < self._until:
            self._clock.at(self._clock.now + self._every, self._change)
        self._turn()

    def _turn(self) -> None:
        now = self._clock.now
        if now < self._busy_until:
            return
        if self._damage and self.pipeline.wants_capture(now):
            height, width = self.screen.shape
            self.pipeline.absorb((0, 0, width, height), self.screen, now)
            self._damage = False
        out = [payload for _, payload in self.pipeline.updates(now)]
        if out:
            self._busy_until = now + ENCODE
            self._clock.at(self._busy_until, self._send, out, len(self._made) - 1)
            return
        wake = self.pipeline.wake_at(self._damage, now)
        if wake is not None:
            self._clock.at(max(wake, now + 0.0005), self._turn)

    def _send(self, out: list[bytes], number: int) -> None:
        self.pipeline.handed(self._clock.now)
        for payload in out:
            self.sizes.append((self._clock.now, len(payload)))
            self._connection.write(len(payload), lambda when, payload=payload: self._arrived(payload, number))
        self._turn()

    def _arrived(self, payload: bytes, number: int) -> None:
        seq, _, flags, _, rects = UPDATE_HEAD.unpack_from(payload)
        self._draw(payload)
        now = self._clock.now + DRAW
        if rects and flags & Flag.COMPLETE and number > self._newest:
            self._newest = number
            self.shown.append((now, now - self._made[number]))
        self._clock.at(now + self._connection.path.back, self._acked, seq)

    def _acked(self, seq: int) -> None:
        self._pace.acked(seq, DRAW, self._clock.now)
        self._turn()

    def fps(self, begin: float, end: float) -> float:
        """Whole pictures a second."""
        return sum(begin <= when < end for when, _ in self.shown) / (end - begin)

    def delay(self, begin: float, end: float, share: float = 0.95) -> float:
        """A quantile of the seconds from a change to its picture."""
        return quantile([delay for when, delay in self.shown if begin <= when < end], share)

    def rate(self, begin: float, end: float) -> float:
        """Bytes a second."""
        return sum(size for when, size in self.sizes if begin <= when < end) / (end - begin)
