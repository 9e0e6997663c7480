"""The pointer of one screen: its shape for everybody, its place for those who asked for it.

Why it exists: a viewer that does not move the pointer itself, as the recorder, cannot know where it is. Used by the
screen worker's thread alone.

Rules: nothing is asked of the display while nobody follows; a pointer that moves is told so many times a second at
most; after each full picture shape and place are told anew, so that whoever seeks there knows both.
"""

from farhand.agent.core.desktop import Changes, ScreenSource
from farhand.agent.tools.screen import codec
from farhand.protocol.channels import Screen
from farhand.protocol.screen import NOWHERE, POINTER

EVERY = 0.05
"""Places are told so far apart, in seconds."""


class Pointer:
    """Shape and place of a source's pointer, as the bytes of frames."""

    def __init__(self, source: ScreenSource) -> None:
        self._source = source
        self.shape = codec.cursor(*source.cursor())
        """Payload of CURSOR."""
        self.due: float | None = None
        """When to ask where it is (monotonic); None: it has not moved, or nobody follows."""
        self._place = b""
        self._asked_at = 0.0
        self._followed = False

    def shaped(self) -> bytes:
        """It has another shape: return the payload of CURSOR."""
        self.shape = codec.cursor(*self._source.cursor())
        return self.shape

    def moved(self, changes: Changes, followers: list[int], now: float) -> list[bytes]:
        """Return what to tell the followers now: the payload of POINTER, or nothing."""
        if bool(followers) != self._followed:
            self._followed = bool(followers)
            self._source.follow(self._followed)
            self._place, self.due = b"", now if followers else None
        if not followers:
            return []
        # A display that tells of no moves is asked when something else changes.
        if self.due is None and (changes.pointer or changes.damage or changes.cursor):
            self.due = max(now, self._asked_at + EVERY)
        if self.due is None or now < self.due:
            return []
        before = self._place
        self._ask(now)
        return [self._place] if self._place != before else []

    def all(self) -> list[tuple[int, bytes]]:
        """Return type and payload of the frames that tell everything."""
        return [(Screen.CURSOR, self.shape), (Screen.POINTER, self._place)] if self._place else []

    def _ask(self, now: float) -> None:
        place = self._source.pointer()
        self._asked_at, self.due = now, None
        self._place = POINTER.pack(*(place or (NOWHERE, NOWHERE)))
