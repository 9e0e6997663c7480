"""A screen whose monitors are PipeWire nodes: what GNOME's own interface and portals have in common.

Why it exists: it fills `ScreenSource` but for how the nodes are got. Such a desktop sends a picture when something has
changed and none while nothing does; the pointer's shape comes beside the pictures.

Rules: a subclass gets the nodes, says which monitor each is, and hears what its service tells. What comes in PipeWire's
threads wakes ours by a descriptor.
"""

import contextlib
import os
import select
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from farhand.agent.core.desktop import Changes, DesktopError, Rect
from farhand.agent.core.masking import Windows
from farhand.agent.platforms.linux.pipewire.stream import PipeWireStream
from farhand.agent.platforms.linux.wayland.layout import Placed, bounds
from farhand.agent.platforms.linux.wayland.picture import compose
from farhand.agent.platforms.linux.wayland.pointer import ARROW
from farhand.agent.texts import _

if TYPE_CHECKING:
    from farhand.agent.core.desktop import Pixels


class CastScreen:
    """See `ScreenSource`. A subclass calls `_receive`, then `_place`, and fills what raises NotImplementedError here;
    all of it may raise DesktopError."""

    def __init__(self) -> None:
        self._changes = Changes()
        self._placed: list[Placed] = []
        self._streams: list[PipeWireStream] = []
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poll: select.epoll | None = None

    def _receive(self, nodes: Iterable[tuple[int, int | None]]) -> None:
        """Wait for the first picture of each of these nodes; see `PipeWireStream` for its descriptor."""
        for node, fd in nodes:
            self._streams.append(PipeWireStream(node, self._heard, fd))
        for stream in self._streams:
            stream.wait()

    def _place(self, placed: list[Placed], service: int) -> None:
        """Say which monitor each node is, in their order, and the descriptor that wakes when the service tells
        something."""
        self._placed = placed
        self._left, self._top, self.width, self.height = bounds(placed)
        self._sizes = [stream.size for stream in self._streams]
        self._seen = self._counts()
        self._poll = select.epoll(flags=select.EPOLL_CLOEXEC)
        self._poll.register(self._wake, select.EPOLLIN)
        self._poll.register(service, select.EPOLLIN)

    def _hear(self) -> bool:
        """Hear what the service tells, without waiting; say whether monitors may be others now. Raises DesktopError
        when it has ended the sharing."""
        raise NotImplementedError

    def _look(self) -> list[Placed]:
        """Return the monitors that would be shown now."""
        raise NotImplementedError

    def _counts(self) -> list[tuple[int, int, tuple[int, int] | None]]:
        return [(stream.came, stream.moved, stream.place) for stream in self._streams]

    def _heard(self) -> None:
        os.eventfd_write(self._wake, 1)

    def fileno(self) -> int:
        """Descriptor of pictures and of the service together."""
        assert self._poll is not None
        return self._poll.fileno()

    def poll(self) -> Changes:
        """Return what happened since the last call."""
        self._drain()
        changes, self._changes = self._changes, Changes()
        if changes.monitors and not changes.resized:
            changes.resized = self._look() != self._placed
        return changes

    def news(self) -> bool:
        """Say whether `poll` has something to tell."""
        self._drain()
        return self._changes != Changes()

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        self._changes.monitors |= self._hear()
        counts, before = self._counts(), self._seen
        self._seen = counts
        for stream, now, old in zip(self._streams, counts, before, strict=True):
            self._changes.damage |= now[0] != old[0]
            self._changes.cursor |= now[1] != old[1]
            self._changes.pointer |= stream.followed and now[2] != old[2]
        if [stream.size for stream in self._streams] != self._sizes:
            self._changes.resized = self._changes.monitors = True
        if any(stream.ended for stream in self._streams):
            raise DesktopError("no-display", _("The desktop has ended the sharing of its screen."))

    def take(self) -> list[Rect]:
        """Return what has changed on each monitor."""
        found: list[Rect] = []
        for placed, stream in zip(self._placed, self._streams, strict=True):
            one = placed.monitor
            left, top = one.x - self._left, one.y - self._top
            if not stream.waiting:
                continue
            for x, y, width, height in stream.take() or [(0, 0, one.width, one.height)]:
                x, y, right, bottom = max(0, x), max(0, y), min(x + width, one.width), min(y + height, one.height)
                if x < right and y < bottom:
                    found.append((left + x, top + y, right - x, bottom - y))
        return found

    def grab(self, rect: Rect) -> "Pixels":
        """Read the part from the newest pictures."""
        x, y, width, height = rect
        parts = zip(self._placed, self._streams, strict=True)
        where = (x + self._left, y + self._top, width, height)
        return compose(where, [(placed.monitor, stream.read) for placed, stream in parts])

    def cursor(self) -> tuple[int, int, int, int, bytes]:
        """Return the pointer's shape; an arrow as long as it was not told."""
        return next((stream.shape for stream in self._streams if stream.shape is not None), ARROW)

    def follow(self, on: bool) -> None:
        """Every move is told; it is passed on from now on, or no more."""
        for stream in self._streams:
            stream.followed = on

    def pointer(self) -> tuple[int, int] | None:
        """Return the place that was told with the newest picture or since."""
        for placed, stream in zip(self._placed, self._streams, strict=True):
            place, one = stream.place, placed.monitor
            # Mutter rounds: in the last half of the last pixel it tells of the next one.
            if place is not None and 0 <= place[0] <= one.width and 0 <= place[1] <= one.height:
                x, y = min(place[0], one.width - 1), min(place[1], one.height - 1)
                return one.x - self._left + x, one.y - self._top + y
        return None

    def frozen(self) -> AbstractContextManager[None]:
        """Such a desktop lets nobody stop others."""
        return contextlib.nullcontext()

    def places(self, windows: Iterable[Windows]) -> list[Rect] | None:
        """Such a desktop tells no program where windows are: everywhere."""
        return [(0, 0, self.width, self.height)]

    def close(self) -> None:
        """Receive nothing more."""
        for stream in self._streams:
            stream.close()
        self._streams.clear()
        if self._poll is not None:
            self._poll.close()
            self._poll = None
        if self._wake >= 0:
            os.close(self._wake)
            self._wake = -1
