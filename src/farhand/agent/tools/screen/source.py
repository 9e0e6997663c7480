"""What the screen tool needs of a platform: a picture, what changed in it, and the pointer's shape.

Why it exists: one interface that X11 fills today, and that other display systems can fill without a change here.
Rules: a source is used by one thread. Every failure of the display surfaces as SourceError.
"""

from dataclasses import dataclass
from typing import Protocol

from farhand.agent.tools.screen.tiles import Pixels, Rect


class SourceError(Exception):
    """The display cannot be opened, or is gone. `reason` is one of those of `Stopped`; the message is for people."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(slots=True)
class Changes:
    """What happened since the last look."""

    damage: bool = False
    cursor: bool = False
    resized: bool = False


class ScreenSource(Protocol):
    """An open screen."""

    width: int
    height: int

    def fileno(self) -> int:
        """Descriptor that becomes readable when something happened."""
        ...

    def poll(self) -> Changes:
        """Say what happened since the last call, without waiting."""
        ...

    def news(self) -> bool:
        """Say whether `poll` has something to tell. To be asked before every wait for `fileno`: what came along with
        the answer to a `take` or `grab` is no longer in the descriptor, and nothing more may follow it.
        """
        ...

    def take(self) -> list[Rect]:
        """Return what was damaged, and count it as taken."""
        ...

    def grab(self, rect: Rect) -> Pixels:
        """Capture a rectangle inside the screen; valid until the next grab."""
        ...

    def cursor(self) -> tuple[int, int, int, int, bytes]:
        """Return hot spot x and y, width, height and premultiplied ARGB words of the pointer's shape now."""
        ...

    def close(self) -> None:
        """Let go of the display."""
        ...
