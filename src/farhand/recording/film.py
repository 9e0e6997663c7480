"""A recording as a film: pictures with the time from the start at which each is shown.

Pictures come when something has changed, at most `fps` a second, and again at least every few seconds, so that players
find their place. Where nothing was recorded, or the recording is damaged, the picture is not `known`; hours without a
change can be left out. Holds one chunk and one picture at a time.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from farhand.recording import picture as screen
from farhand.recording.picture import Picture, PictureError
from farhand.recording.reader import Damaged, SegmentReader, split_frames

FPS: Final = 10
AGAIN_MS: Final = 5000
"""A picture that stays is given again after so long."""
IDLE_MS: Final = 2000
IDLE_KEPT_MS: Final = 500
"""Of a longer time without any change so much is kept, when idle time is left out."""


class Shot(NamedTuple):
    """One picture of the film. `picture` is as it is shown now: look at it before the next shot is asked for."""

    at_ms: int
    """Film time."""
    wall_ms: int
    """About when it was so, ms since 1970."""
    picture: Picture


class _Film:
    """The time line of a film."""

    def __init__(self, fps: int, skip_idle: bool) -> None:
        self.picture = Picture()
        self._beat = 1000 // fps
        self._skip = skip_idle
        self._wall: int | None = None
        self._now = 0
        self._changed_at: int | None = None
        self._shot_at = -self._beat

    def until(self, wall_ms: int) -> Iterator[Shot]:
        """Time passes up to `wall_ms`, at which something will change: yield what is shown before."""
        if self._wall is None:
            return
        passed = max(wall_ms - self._wall, 0)
        if self._skip and passed > IDLE_MS:
            passed = IDLE_KEPT_MS
        then = self._now + passed
        if self._changed_at is not None:
            at = max(self._changed_at, self._shot_at + self._beat)
            if at < then:
                yield self._shoot(at)
        while self._changed_at is None and then - self._shot_at > AGAIN_MS:
            yield self._shoot(self._shot_at + AGAIN_MS)
        self._wall, self._now = max(wall_ms, self._wall), then

    def change(self, wall_ms: int) -> None:
        """What is shown is another picture from `wall_ms` on. The film begins with the first whole picture."""
        if self._wall is None and self.picture.known:
            self._wall = wall_ms
        self._changed_at = self._now

    def last(self) -> Iterator[Shot]:
        """The film ends now."""
        if self._wall is not None:
            yield self._shoot(max(self._now, self._shot_at + self._beat))

    def _shoot(self, at: int) -> Shot:
        self._shot_at, self._changed_at = at, None
        return Shot(at, (self._wall or 0) + at - self._now, self.picture)


def film(readers: Sequence[SegmentReader], *, fps: int = FPS, skip_idle: bool = False) -> Iterator[Shot]:
    """Yield the film of a session's screen; nothing when no screen was recorded."""
    line = _Film(fps, skip_idle)
    for reader in sorted(readers, key=lambda r: (r.index.head.started_ms, r.index.head.segment)):
        started = reader.index.head.started_ms
        for place in reader.index.with_kinds(screen.KINDS):
            try:
                for frame in split_frames(reader.plain(place)):
                    if frame.channel >> 8 == screen.KIND:
                        yield from line.until(started + frame.time_ms)
                        if _taken(line.picture, frame.type, frame.payload):
                            line.change(started + frame.time_ms)
            except Damaged:
                at = started + reader.index[place].start_ms
                yield from line.until(at)
                line.picture.lose()
                line.change(at)
        # What follows this segment's end was not recorded by it.
        end = started + reader.index.end_ms
        yield from line.until(end)
        line.picture.lose()
        line.change(end)
    yield from line.last()


def _taken(picture: Picture, frame_type: int, payload: memoryview) -> bool:
    try:
        return picture.take(frame_type, payload)
    except PictureError:
        picture.lose()
        return True
