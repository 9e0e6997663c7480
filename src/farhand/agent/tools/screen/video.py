"""Video streams of the hot region: which viewer gets frames of which encoder.

Why it exists: an encoder's frames need the ones before them. Viewers whose links carry the full rate share one encoder
and get the same frames; a viewer with a slower link, or one that fell behind, has an encoder of its own that encodes
when this viewer can take a frame and aims at this viewer's rate.

Rules: no input or output, no clock. A viewer's first frame of a stream is a key frame. A stream belongs to a region and
is never moved: another region begins with new streams.
"""

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from farhand.agent.tools.screen.planes import halved
from farhand.agent.tools.screen.tiles import Pixels

FULL_KBPS = 1120
"""Rate of a 640 x 360 video; larger ones get more, by the power 0.75 of their area."""
LEAST_KBPS = 120
SHARE = 0.75
"""Part of a viewer's measured rate that its video may take."""
MOST_PIXELS = 1_000_000
"""Larger regions are encoded at half their width and height, as are those with few bits for each pixel."""
_FEW_BITS = 0.035
_KEPT = 4
"""Frames that a viewer may catch up with."""


class Encoder(Protocol):
    """A video encoder of one picture size."""

    @property
    def kbps(self) -> int:
        """The rate that is aimed at, in 1000 bits a second."""
        ...

    def aim(self, kbps: int) -> None:
        """Aim at another rate from now on."""
        ...

    def encode(self, pixels: Pixels, now: float, key: bool) -> bytes:
        """Return the frame of this picture."""
        ...


MakeEncoder = Callable[[int, int, int], Encoder]
"""Width, height (even), kbps."""


class Frame(NamedTuple):
    """One encoded frame."""

    data: bytes
    key: bool


@dataclass(slots=True)
class Stream:
    """One encoder and its newest frames."""

    encoder: Encoder
    half: bool
    shared: bool
    number: int = 0
    """Number of the newest frame, from 1."""
    version: int = -1
    """State of the screen that it shows."""
    frames: deque[Frame] = field(default_factory=lambda: deque(maxlen=_KEPT))


class Seat(NamedTuple):
    """Where a viewer is: it has got the frames of `stream` up to `number`."""

    stream: Stream
    number: int


def full_rate(width: int, height: int) -> int:
    """Return the rate in kbit/s that a video of this size is worth."""
    return int(FULL_KBPS * (width * height / 230_400) ** 0.75)


class Streams:
    """The streams of one region, of these sides in pixels."""

    def __init__(self, width: int, height: int, make: MakeEncoder) -> None:
        self._width, self._height, self._make = width, height, make
        by = 2 if width * height > MOST_PIXELS else 1
        self._full = full_rate(width // by, height // by)
        self._shared: Stream | None = None
        self._seats: dict[Hashable, Seat] = {}

    def take(self, viewer: Hashable, rate: float | None, pixels: Pixels, version: int, now: float) -> list[Frame]:
        """Return the frames that bring a viewer to the picture `pixels`, which is state `version` of the screen.

        `rate`: what its link carries, in bytes a second; None = not known, more than it was asked for. At least one
        frame is returned. Whatever the encoder raises comes through.
        """
        kbps = self._full if rate is None else min(self._full, max(LEAST_KBPS, int(rate * SHARE * 8 / 1000)))
        seat = self._seats.get(viewer)
        if seat is None:
            seat = Seat(self._stream(kbps), 0)
        elif seat.stream.shared and (kbps < self._full * 0.7 or seat.stream.number - seat.number >= _KEPT):
            seat = Seat(self._open(kbps, shared=False), 0)
        stream, seen = seat
        if not stream.shared and abs(kbps - stream.encoder.kbps) > 0.1 * stream.encoder.kbps:
            stream.encoder.aim(kbps)
        if not seen or stream.version != version or stream.number == seen:
            self._encode(stream, pixels, version, now, key=not seen)
        self._seats[viewer] = Seat(stream, stream.number)
        return list(stream.frames)[seen - stream.number if seen else -1 :]

    def leave(self, viewer: Hashable) -> None:
        """A viewer lost its picture, or is gone: it begins with a key frame if it comes back."""
        self._seats.pop(viewer, None)

    def _stream(self, kbps: int) -> Stream:
        if kbps < self._full:
            return self._open(kbps, shared=False)
        if self._shared is None:
            self._shared = self._open(kbps, shared=True)
        return self._shared

    def _open(self, kbps: int, shared: bool) -> Stream:
        area = self._width * self._height
        half = area > MOST_PIXELS or kbps * 1000 / 30 / area < _FEW_BITS
        by = 2 if half else 1
        return Stream(self._make(self._width // by, self._height // by, kbps), half, shared)

    @staticmethod
    def _encode(stream: Stream, pixels: Pixels, version: int, now: float, key: bool) -> None:
        data = stream.encoder.encode(halved(pixels) if stream.half else pixels, now, key)
        stream.frames.append(Frame(data, key))
        stream.number += 1
        stream.version = version
