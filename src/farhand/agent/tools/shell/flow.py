"""Who gets which output next: pure, one per shell.

Output goes to every viewer at once (leg 0) while all attached viewers have credit and are level with it. A viewer that
attached late first catches up alone, from its own offset; what is no longer kept is announced to it (`Gap`). A viewer
that holds the others up for 5 s is detached: it goes on by ATTACH from its offset. Nobody attached means nobody to wait
for; the recorder in the relay taps what passes. But when the last viewer has left, it may be back in a moment (its page
is loaded again, its relay was restarted): so for 20 s no more is sent than is kept for it, and it misses nothing.

A viewer's window follows the rate at which it takes output: about a quarter of a second is on its way, so that an
interrupt is felt at once on a slow line too, and keys of other shells wait for no more than that.
"""

from dataclasses import dataclass
from typing import NamedTuple

from farhand.agent.tools.shell.ring import Ring
from farhand.protocol.channels import SHELL_WINDOW
from farhand.protocol.frames import EVERY_LEG

CHUNK = 16 * 1024
"""Most bytes of output in one DATA frame."""
PATIENCE_S = 5.0
"""How long a viewer without credit may hold up the others."""
AWAY_S = 20.0
"""How long the last viewer that left is waited for, when more output comes than is kept."""
MAX_UNSENT = 16 * 1024
"""Bytes that wait to be sent before the terminal is no longer read: the program in it is then slowed down."""
MIN_WINDOW = 32 * 1024
"""Bytes that are always allowed to be on their way to a viewer. It must return credit for less: 16 KiB."""
ON_THE_WAY_S = 0.25
"""A viewer's window is what it takes in this time, between MIN_WINDOW and SHELL_WINDOW."""
SAMPLE_S = 0.1
"""Shortest time over which a viewer's rate is measured."""


class Chunk(NamedTuple):
    """One DATA frame to send."""

    leg: int
    offset: int
    data: bytes


class Gap(NamedTuple):
    """One GAP frame to send: what was before `offset` is no longer kept."""

    leg: int
    offset: int
    modes: str


@dataclass(slots=True)
class _Viewer:
    cursor: int
    """Offset of the next byte to send to it."""
    taken: int
    """Offset up to which it has returned credit."""
    now: float
    window: int = MIN_WINDOW
    mark: int = 0
    """Where `taken` was at the time `now`."""
    blocked_since: float | None = None

    def room(self, most: int) -> int:
        """Bytes that may still be sent to it, where a window has at most `most`."""
        return min(self.window, most) - (self.cursor - self.taken)

    def take(self, amount: int, now: float) -> None:
        """It has consumed `amount` bytes more; what was never sent cannot have been."""
        self.taken = min(self.cursor, self.taken + amount)
        if now - self.now >= SAMPLE_S:
            rate = (self.taken - self.mark) / (now - self.now)
            self.window = min(max(int(rate * ON_THE_WAY_S), MIN_WINDOW), SHELL_WINDOW)
            self.now, self.mark = now, self.taken


class Flow:
    """Decides the next frame of one shell. Times are monotonic, in seconds."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._sent = 0
        self._viewers: dict[int, _Viewer] = {}
        self._away: dict[int, tuple[int, float]] = {}
        """Viewers that left: what they surely had, and since when."""
        self.most = SHELL_WINDOW
        """Largest window of a viewer now: with many shells each has less, so that all together stay bounded."""

    @property
    def unsent(self) -> int:
        """Bytes that have not gone to everybody yet."""
        return self._ring.end - self._sent

    @property
    def level(self) -> bool:
        """Everything was sent to everybody who is attached."""
        return not self.unsent and all(viewer.cursor >= self._sent for viewer in self._viewers.values())

    def attached(self, leg: int) -> bool:
        """Say whether this viewer is counted."""
        return leg in self._viewers

    def attach(self, leg: int, offset: int, now: float) -> None:
        """Count this viewer from `offset` on, with a fresh window."""
        self._away.pop(leg, None)
        offset = min(max(offset, 0), self._sent)
        self._viewers[leg] = _Viewer(offset, offset, now, mark=offset)

    def leave(self, leg: int, now: float) -> None:
        """This viewer is gone, and may come back."""
        self._forget_away(now)
        viewer = self._viewers.pop(leg, None)
        if viewer is not None:
            self._away[leg] = viewer.taken, now

    def credit(self, leg: int, amount: int, now: float) -> None:
        """The viewer has consumed `amount` bytes. It never owns more than one window, whatever it says."""
        viewer = self._viewers.get(leg)
        if viewer is not None:
            viewer.take(amount, now)

    def next(self, now: float) -> Chunk | Gap | None:
        """Return the next frame to send and count it as sent; None when there is nothing to send, or somebody to wait
        for."""
        everyone = min(CHUNK, self.unsent, self._kept_for_away)
        for leg, viewer in self._viewers.items():
            if viewer.cursor < self._sent:
                frame = self._catch_up(leg, viewer, now)
                if frame is not None:
                    return frame
                everyone = 0
            elif self.unsent and viewer.room(self._most) <= 0:
                self._block(viewer, now)
                everyone = 0
            else:
                viewer.blocked_since = None
                everyone = min(everyone, viewer.room(self._most))
        if everyone <= 0:
            return None
        if self._sent < self._ring.start:
            return self._gap(EVERY_LEG)
        offset, data = self._ring.read(self._sent, everyone)
        self._sent = offset + len(data)
        for viewer in self._viewers.values():
            viewer.cursor = self._sent
        return Chunk(EVERY_LEG, offset, data)

    def drop_blocked(self, now: float) -> list[int]:
        """Detach viewers that have held up the others for too long, and return them."""
        late = [
            leg
            for leg, viewer in self._viewers.items()
            if viewer.blocked_since is not None and now - viewer.blocked_since >= PATIENCE_S
        ]
        for leg in late:
            del self._viewers[leg]
        self._forget_away(now)
        return late

    def _forget_away(self, now: float) -> None:
        """Who left long ago is not waited for, and nothing is sent again on its behalf."""
        self._away = {leg: (had, since) for leg, (had, since) in self._away.items() if now - since < AWAY_S}

    @property
    def blocked(self) -> bool:
        """Somebody holds up the others, or is waited for."""
        return self._kept_for_away <= 0 or any(viewer.blocked_since is not None for viewer in self._viewers.values())

    @property
    def _kept_for_away(self) -> int:
        """Bytes that can be sent before those who left would miss something; many while there is no need to wait."""
        if self._viewers or not self._away:
            return CHUNK
        # What waits to be sent is kept as well: MAX_UNSENT, and what one more read brings.
        oldest = min(had for had, _since in self._away.values())
        return oldest + self._ring.size - MAX_UNSENT - 2 * CHUNK - self._sent

    def rewind(self, now: float) -> None:
        """Frames on the way were lost with the socket: go back to what every viewer has surely had.

        What a viewer has not returned credit for may be lost; at most one window is sent twice, and offsets tell.
        """
        self._forget_away(now)
        known = [viewer.taken for viewer in self._viewers.values()] + [had for had, _since in self._away.values()]
        had = min(known, default=self._sent - SHELL_WINDOW)
        self._sent = max(self._ring.start, min(had, self._sent))
        for viewer in self._viewers.values():
            viewer.cursor = viewer.taken = viewer.mark = min(viewer.taken, self._sent)
            viewer.blocked_since = None

    @property
    def _most(self) -> int:
        return max(self.most, MIN_WINDOW)

    def _catch_up(self, leg: int, viewer: _Viewer, now: float) -> Chunk | Gap | None:
        if viewer.cursor < self._ring.start:
            return self._gap(leg)
        limit = min(CHUNK, viewer.room(self._most), self._sent - viewer.cursor)
        if limit <= 0:
            self._block(viewer, now)
            return None
        viewer.blocked_since = None
        offset, data = self._ring.read(viewer.cursor, limit)
        viewer.cursor = offset + len(data)
        return Chunk(leg, offset, data)

    def _gap(self, leg: int) -> Gap:
        """What this viewer (or everybody) would need next is gone: go on at the oldest byte."""
        start = self._ring.start
        if leg == EVERY_LEG:
            self._sent = start
        for number, viewer in self._viewers.items():
            if leg in {EVERY_LEG, number}:
                viewer.cursor = viewer.taken = viewer.mark = start
        return Gap(leg, start, self._ring.modes)

    @staticmethod
    def _block(viewer: _Viewer, now: float) -> None:
        if viewer.blocked_since is None:
            viewer.blocked_since = now
