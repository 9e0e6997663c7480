"""A screen, its sender and its viewer in simulated time: what a pace is judged by.

Why it exists: "time until the picture is there", "pictures a second", "queue of our own" and "how much of the line is
used" are what people feel; here they come out of a run on modelled links (`simnet`) as exact figures.

Rules: as in `simnet`. The sender does what the screen tool does: one thread that captures and encodes, at most 60
updates a second, the newest picture always, pieces in turn. The viewer draws one update after the other.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from tests.harness.simnet import Clock, Connection

INTERVAL = 1 / 60


class Pacing(Protocol):
    """What is judged."""

    def room(self, now: float) -> int: ...
    def budget(self) -> int | None: ...
    def probe(self) -> bool: ...
    def opens_at(self, now: float) -> float | None: ...
    def sent(self, seq: int, size: int, now: float) -> None: ...
    def acked(self, seq: int, decode: float, now: float) -> None: ...


@dataclass
class Content:
    """What changes on a screen: `pieces` parts that are encoded apart. Base class: every change replaces the picture.

    A picture counts as shown when every part shows it or a newer one.
    """

    size: int
    """Bytes of one change at full quality."""
    every: float = 1 / 30
    pieces: int = 1
    least: float = 1.0
    """How far the encoder can go down with its size: 1 = not at all (no loss allowed)."""
    until: float = 1e9
    begin: float = 0.0
    spread: float = 0.0
    """Sizes vary by so much around `size`, as a share of it."""
    made: list[float] = field(default_factory=list)
    """When each state of the screen came to be."""
    _wanted: list[float] = field(default_factory=list)
    """Bytes that each piece lacks."""
    _next: int = 0

    def __post_init__(self) -> None:
        self._wanted = [0.0] * self.pieces

    def times(self, chance: random.Random) -> Iterator[float]:
        """When the screen changes."""
        at = self.begin
        while at < self.until:
            yield at
            at += self.every

    def change(self, now: float, chance: random.Random) -> None:
        """The screen has changed."""
        self.made.append(now)
        share = self.size * (1 + chance.uniform(-self.spread, self.spread)) / self.pieces
        self._wanted = [self._lack(lack, share) for lack in self._wanted]

    def _lack(self, lack: float, share: float) -> float:
        return share

    def _quality(self, budget: int | None) -> float:
        return 1.0 if budget is None else max(self.least, min(1.0, budget / max(sum(self._wanted), 1)))

    @property
    def pending(self) -> bool:
        """Something is to be sent."""
        return any(self._wanted)

    def take(self, room: int, budget: int | None) -> tuple[int, list[int]]:
        """Choose what goes into an update of about `room` bytes, at least one piece, when the whole picture may have
        `budget` bytes. Returns bytes and pieces."""
        quality = self._quality(budget)
        total, chosen = 0.0, []
        for step in range(self.pieces):
            piece = (self._next + step) % self.pieces
            lack = self._wanted[piece] * quality
            if not lack:
                continue
            if chosen and total + lack > room:
                break
            total += lack
            chosen.append(piece)
            self._wanted[piece] = 0.0
        self._next = (chosen[-1] + 1) % self.pieces
        return max(60, int(total)), chosen


@dataclass
class Growing(Content):
    """New content comes in (a terminal scrolls, a page moves): what was not sent is still to be sent, up to `most`."""

    most: int = 120_000

    def _lack(self, lack: float, share: float) -> float:
        return min(lack + share, self.most / self.pieces)

    def take(self, room: int, budget: int | None) -> tuple[int, list[int]]:
        """Of a piece too large for the room a part goes, as cells do; it is shown when all of it went."""
        quality = self._quality(budget)
        piece = self._next
        while not self._wanted[piece]:
            piece = (piece + 1) % self.pieces
        total, chosen = 0.0, []
        for _ in range(self.pieces):
            lack = self._wanted[piece] * quality
            part = min(lack, max(room - total, 0.0))
            if chosen and part < lack:
                break
            total += part
            self._wanted[piece] = max(0.0, (lack - part) / quality) if lack - part > 1 else 0.0
            if self._wanted[piece]:
                break
            chosen.append(piece)
            piece = (piece + 1) % self.pieces
        self._next = piece
        return max(60, int(total)), chosen


@dataclass
class Keys(Content):
    """Somebody types: a small change now and then, at times that nobody can foresee."""

    def times(self, chance: random.Random) -> Iterator[float]:
        """As people press keys."""
        at = self.begin
        while at < self.until:
            yield at
            at += chance.expovariate(1 / self.every)


def typing(**change: float) -> Content:
    """Keys, eight a second."""
    return Keys(**{"size": 300, "every": 1 / 8, "spread": 0.5, **change})  # type: ignore[arg-type]


def terminal(**change: float) -> Content:
    """A scrolling terminal: copies and 3 kB, thirty times a second."""
    return Growing(**{"size": 3_000, "spread": 0.4, **change})  # type: ignore[arg-type]


def page(**change: float) -> Content:
    """A page that is scrolled: 30 to 80 kB, thirty times a second."""
    return Growing(**{"size": 55_000, "spread": 0.45, "pieces": 4, "most": 600_000, "least": 0.3, **change})  # type: ignore[arg-type]


def video(**change: float) -> Content:
    """Video in a window: 5 to 20 kB, thirty times a second; the encoder can do with a quarter."""
    return Content(**{"size": 12_500, "spread": 0.6, "least": 0.25, **change})  # type: ignore[arg-type]


@dataclass
class Decoder:
    """What an update costs the viewer, in seconds. Work that does not wait (`apart`) leaves the page free to hear."""

    update: float = 0.001
    byte: float = 2e-8
    apart: bool = False


@dataclass
class Figures:
    """What came of a run."""

    delays: list[float]
    """From a change of the screen to its picture, for every picture that was shown."""
    fps: float
    sent: int
    waits: list[float]
    """How long each update was on its way beyond what an empty line would have taken."""
    used: float
    """Share of the line's capacity."""

    def delay(self, share: float) -> float:
        """A quantile of the delays."""
        return quantile(self.delays, share)

    def wait(self, share: float) -> float:
        """A quantile of the waits."""
        return quantile(self.waits, share)


def quantile(values: list[float], share: float) -> float:
    """The value below which `share` of them lie; infinite for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("inf")


class Sharing:
    """One viewer of one screen over one connection."""

    def __init__(
        self,
        clock: Clock,
        connection: Connection,
        pace: Pacing,
        content: Content,
        decoder: Decoder | None = None,
        encode: float = 0.004,
        more: list[Content] | None = None,
    ) -> None:
        self.clock = clock
        self.connection = connection
        self.pace = pace
        self.contents = [content, *(more or [])]
        self.decoder = decoder or Decoder()
        self.encode = encode
        self.chance = random.Random(5)
        self.shown: list[list[tuple[float, float]]] = [[] for _ in self.contents]
        """For each content: (when, delay) of each picture."""
        self.waits: list[tuple[float, float]] = []
        self.sizes: list[tuple[float, int]] = []
        self._versions = [[-1] * content.pieces for content in self.contents]
        self._seq = 0
        self._busy_until = 0.0
        self._due = 0.0
        self._wake: float | None = None
        self._page_free = 0.0
        self._drawn_at = 0.0
        for each in self.contents:
            self._schedule(each, each.times(self.chance))

    @property
    def encoding(self) -> bool:
        """An update is being made: it is neither pending nor under way."""
        return self.clock.now < self._busy_until

    def _schedule(self, content: Content, times: Iterator[float]) -> None:
        when = next(times, None)
        if when is not None:
            self.clock.at(when, self._change, content, times)

    def _change(self, content: Content, times: Iterator[float]) -> None:
        content.change(self.clock.now, self.chance)
        self._schedule(content, times)
        self._turn()

    def _turn(self) -> None:
        now = self.clock.now
        if now < self._busy_until or not any(content.pending for content in self.contents):
            return
        if self.pace.probe():
            self._transmit(now, 20, [])
        room = self.pace.room(now)
        wake = self.pace.opens_at(now) if not room else self._due if now < self._due else None
        if wake is not None:
            if self._wake is None or wake < self._wake or self._wake <= now:
                self._wake = wake
                self.clock.at(wake + 1e-6, self._turn)
            return
        if not room:
            return
        size, parts = 20, []
        for which, content in sorted(enumerate(self.contents), key=lambda item: item[1].size):
            if content.pending and (not parts or room > size):
                more, pieces = content.take(room - size, self.pace.budget())
                size += more
                parts.append((which, len(content.made) - 1, pieces))
        if not any(content.pending for content in self.contents):
            self._due = max(self._due, now - INTERVAL) + INTERVAL
        self._busy_until = now + self.encode
        self.clock.at(self._busy_until, self._send, size, parts)

    def _send(self, size: int, parts: list[tuple[int, int, list[int]]]) -> None:
        self._transmit(self.clock.now, size, parts)
        self._turn()

    def _transmit(self, now: float, size: int, parts: list[tuple[int, int, list[int]]]) -> None:
        self._seq += 1
        self.pace.sent(self._seq, size, now)
        self.sizes.append((now, size))
        least = now + size / self.connection.bottleneck.rate(now) + self.connection.path.there
        seq = self._seq
        self.connection.write(size, lambda when: self._arrived(seq, size, parts, when - least))

    def _arrived(self, seq: int, size: int, parts: list[tuple[int, int, list[int]]], wait: float) -> None:
        now, cost = self.clock.now, self.decoder.update + self.decoder.byte * size
        self.waits.append((now, wait))
        heard = now if self.decoder.apart else max(now, self._page_free)
        self._drawn_at = max(heard, self._drawn_at) + cost
        self._page_free = max(heard, self._page_free) + (0.0002 if self.decoder.apart else cost)
        self.clock.at(self._drawn_at, self._drawn, seq, parts, heard)

    def _drawn(self, seq: int, parts: list[tuple[int, int, list[int]]], heard: float) -> None:
        now = self.clock.now
        for which, version, pieces in parts:
            versions = self._versions[which]
            before = min(versions)
            for piece in pieces:
                versions[piece] = version
            after = min(versions)
            if after > before:
                self.shown[which].append((now, now - self.contents[which].made[after]))
        jitter = self.chance.random() * self.connection.path.jitter if self.connection.path.jitter else 0.0
        decode = int((now - heard) * 10_000 + 0.5) / 10_000
        self.clock.at(now + self.connection.path.back + jitter, self._acked, seq, decode)

    def _acked(self, seq: int, decode: float) -> None:
        self.pace.acked(seq, decode, self.clock.now)
        self._turn()

    def figures(self, begin: float, end: float, which: int = 0) -> Figures:
        """What happened between two moments, for one of the contents."""
        seen = [delay for when, delay in self.shown[which] if begin <= when < end]
        sent = sum(size for when, size in self.sizes if begin <= when < end)
        return Figures(
            delays=seen,
            fps=len(seen) / (end - begin),
            sent=sent,
            waits=[wait for when, wait in self.waits if begin <= when < end],
            used=sent / self.connection.bottleneck.capacity(begin, end),
        )

    def recovered(self, since: float, good: Callable[[float], bool], times: int = 5) -> float:
        """Seconds after `since` until `times` pictures in a row had a good delay; infinite for never."""
        row = 0
        for when, delay in self.shown[0]:
            row = row + 1 if when >= since and good(delay) else 0
            if row == times:
                return when - since
        return float("inf")
