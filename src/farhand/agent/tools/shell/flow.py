"""Who gets which output next: pure, one per shell.

Output goes to every viewer at once (leg 0) while all attached viewers have credit and are level with it. A viewer that
attached late first catches up alone, from its own offset. A viewer that holds the others up for 5 s is detached: it
goes on by ATTACH from its offset. Nobody attached means nobody to wait for; the recorder in the relay taps what passes.
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
MAX_UNSENT = 256 * 1024
"""Bytes that wait to be sent before the terminal is no longer read: the program in it is then slowed down."""


class Chunk(NamedTuple):
    """One DATA frame to send."""

    leg: int
    offset: int
    data: bytes


@dataclass(slots=True)
class _Viewer:
    credit: int
    cursor: int
    blocked_since: float | None = None


class Flow:
    """Decides the next DATA frame of one shell."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._sent = 0
        self._viewers: dict[int, _Viewer] = {}

    @property
    def unsent(self) -> int:
        """Bytes that have not gone to everybody yet."""
        return self._ring.end - self._sent

    def attached(self, leg: int) -> bool:
        """Say whether this viewer is counted."""
        return leg in self._viewers

    def attach(self, leg: int, offset: int) -> None:
        """Count this viewer, with a full window, from `offset` on (or from the oldest byte that is still here)."""
        self._viewers[leg] = _Viewer(SHELL_WINDOW, min(max(offset, self._ring.start), self._sent))

    def detach(self, leg: int) -> None:
        """Count this viewer no more."""
        self._viewers.pop(leg, None)

    def credit(self, leg: int, amount: int) -> None:
        """The viewer has consumed `amount` bytes. It never owns more than one window, whatever it says."""
        viewer = self._viewers.get(leg)
        if viewer is not None:
            viewer.credit = min(SHELL_WINDOW, viewer.credit + amount)

    def next(self, now: float) -> Chunk | None:
        """Return the next frame to send and count it as sent; None when there is nothing to send, or somebody to wait
        for.

        `now` is monotonic, in seconds.
        """
        everyone = min(CHUNK, self._ring.end - self._sent)
        for leg, viewer in self._viewers.items():
            if viewer.cursor < self._sent:
                chunk = self._catch_up(leg, viewer, now)
                if chunk is not None:
                    return chunk
                everyone = 0
            elif viewer.credit <= 0 and self._ring.end > self._sent:
                self._block(viewer, now)
                everyone = 0
            else:
                viewer.blocked_since = None
                everyone = min(everyone, viewer.credit)
        if everyone <= 0:
            return None
        offset, data = self._ring.read(self._sent, everyone)
        self._sent = offset + len(data)
        for viewer in self._viewers.values():
            viewer.credit -= len(data)
            viewer.cursor = self._sent
        return Chunk(EVERY_LEG, offset, data)

    def undo(self, chunk: Chunk) -> None:
        """The frame could not be sent: it is still to be sent."""
        if chunk.leg == EVERY_LEG:
            self._sent = chunk.offset
        for leg, viewer in self._viewers.items():
            if chunk.leg in {EVERY_LEG, leg}:
                viewer.cursor = chunk.offset
                viewer.credit += len(chunk.data)

    def drop_lagging(self) -> None:
        """The last output must go out now: detach the viewers that cannot take all of it."""
        for leg, viewer in list(self._viewers.items()):
            if viewer.credit < self._ring.end - viewer.cursor:
                del self._viewers[leg]

    def drop_blocked(self, now: float) -> list[int]:
        """Detach viewers that have held up the others for too long, and return them."""
        late = [
            leg
            for leg, viewer in self._viewers.items()
            if viewer.blocked_since is not None and now - viewer.blocked_since >= PATIENCE_S
        ]
        for leg in late:
            del self._viewers[leg]
        return late

    @property
    def blocked(self) -> bool:
        """Somebody holds up the others."""
        return any(viewer.blocked_since is not None for viewer in self._viewers.values())

    def rewind(self) -> None:
        """Frames on the way were lost with the socket: go back to what every viewer has surely had.

        What a viewer has not returned credit for may be lost; at most one window is sent twice, and offsets tell.
        """
        outstanding = max((SHELL_WINDOW - viewer.credit for viewer in self._viewers.values()), default=SHELL_WINDOW)
        self._sent = max(self._ring.start, self._sent - outstanding)
        for viewer in self._viewers.values():
            viewer.credit = SHELL_WINDOW
            viewer.cursor = min(viewer.cursor, self._sent)
            viewer.blocked_since = None

    def _catch_up(self, leg: int, viewer: _Viewer, now: float) -> Chunk | None:
        limit = min(CHUNK, viewer.credit, self._sent - viewer.cursor)
        if limit <= 0:
            self._block(viewer, now)
            return None
        viewer.blocked_since = None
        # What is behind the ring's start is gone: the frame's offset tells the viewer about the gap.
        offset, data = self._ring.read(viewer.cursor, limit)
        data = data[: self._sent - offset]
        viewer.cursor = offset + len(data)
        viewer.credit -= len(data)
        return Chunk(leg, offset, data)

    @staticmethod
    def _block(viewer: _Viewer, now: float) -> None:
        if viewer.blocked_since is None:
            viewer.blocked_since = now
