"""Links in simulated time: a bottleneck with a queue, and TCP connections through it.

Why it exists: what paces pictures has to be judged on links that a test cannot have: a full queue two seconds deep,
lost segments, others' traffic. Here they are modelled, so a run is exact, repeatable and takes no time.

Rules: no clock but the simulated one, no chance but a seeded one. Times are seconds, sizes are bytes. A connection
delivers in order: one lost segment holds up all that follows, for a round trip (found by later segments) or a probe
time-out (nothing followed). Congestion control is slow start, additive growth, x 0.7 at a loss, restart after idling.
"""

import heapq
import itertools
import random
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MSS = 1448
FIRST_WINDOW = 10
"""Segments that a connection may send before it hears anything (RFC 6928)."""
REORDERING = 3
RTO = 0.2


class Clock:
    """Simulated time and what is to happen in it."""

    def __init__(self) -> None:
        self.now = 0.0
        self._todo: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = itertools.count()

    def at(self, when: float, call: Callable[..., None], *arguments: object) -> None:
        """Call at that time; calls for the same time happen in the order in which they were asked for."""
        heapq.heappush(self._todo, (max(when, self.now), next(self._order), call, arguments))

    def run(self, until: float) -> None:
        """Let time pass."""
        while self._todo and self._todo[0][0] <= until:
            self.now, _, call, arguments = heapq.heappop(self._todo)
            call(*arguments)
        self.now = until


class Bottleneck:
    """A first-in-first-out queue in front of a line. What does not fit is dropped.

    `rates`: (time from which it holds, bytes per second), in order of time. `limit`: bytes that may wait.
    """

    def __init__(self, clock: Clock, rates: list[tuple[float, float]], limit: float = 1e6) -> None:
        self._clock = clock
        self._rates = rates
        self._limit = limit
        self._waiting: deque[tuple[int, Callable[[], None]]] = deque()
        self._serving = False
        self.backlog = 0
        self.drops = 0

    def rate(self, when: float | None = None) -> float:
        """Bytes per second at a time (now)."""
        when = self._clock.now if when is None else when
        return [rate for since, rate in self._rates if since <= when][-1]

    def capacity(self, begin: float, end: float) -> float:
        """Bytes that the line could carry in this time."""
        edges = [begin, *(since for since, _ in self._rates if begin < since < end), end]
        return sum(self.rate(left) * (right - left) for left, right in itertools.pairwise(edges))

    def served(self, size: float) -> float:
        """When a segment whose service begins now has left."""
        at = self._clock.now
        for until in [since for since, _ in self._rates if since > at]:
            carried = self.rate(at) * (until - at)
            if carried >= size:
                break
            size -= carried
            at = until
        return at + size / self.rate(at)

    def put(self, size: int, left: Callable[[], None]) -> None:
        """Take a segment; `left` is called when its last byte is on the line, never when it was dropped."""
        if self.backlog + size > self._limit and self._waiting:
            self.drops += 1
            return
        self.backlog += size
        self._waiting.append((size, left))
        if not self._serving:
            self._serve()

    def _serve(self) -> None:
        self._serving = bool(self._waiting)
        if self._serving:
            self._clock.at(self.served(self._waiting[0][0]), self._left)

    def _left(self) -> None:
        size, left = self._waiting.popleft()
        self.backlog -= size
        left()
        self._serve()


@dataclass(slots=True)
class Path:
    """What lies behind a bottleneck: delay of each way in seconds, and what goes wrong there."""

    there: float
    back: float
    jitter: float = 0.0
    """Each segment is held for up to so long; none overtakes another."""
    stalls: float = 0.0
    """How often in a second everything stands still for `stall` seconds (a busy radio)."""
    stall: float = 0.0
    loss: float = 0.0
    """Share of segments that never arrive."""


@dataclass(slots=True)
class _Segment:
    end: int
    size: int
    tries: int = 0
    acked: bool = False
    arrived: bool = False
    queued: bool = False


@dataclass(slots=True)
class Connection:
    """One direction of a TCP connection, with small acknowledgements that always arrive."""

    clock: Clock
    bottleneck: Bottleneck
    path: Path
    chance: random.Random
    mss: int = MSS
    window: float = FIRST_WINDOW
    delivered: int = 0
    written: int = 0
    retransmits: int = 0
    _threshold: float = 1e9
    _segments: deque[_Segment] = field(default_factory=deque)
    """Not yet received in order, oldest first."""
    _unsent: deque[_Segment] = field(default_factory=deque)
    _flying: "OrderedDict[int, _Segment]" = field(default_factory=OrderedDict)
    """By number of transmission, in its order."""
    _messages: deque[tuple[int, Callable[[float], None]]] = field(default_factory=deque)
    _number: int = 0
    _recovering_until: int = -1
    _round_trip: float = 0.0
    _sent_at: float = 0.0
    _times: dict[int, float] = field(default_factory=dict)
    _last_arrival: float = 0.0
    _stalled_until: float = 0.0
    _next_stall: float | None = None
    _heard_at: float = 0.0
    _probes: int = 0
    _timer_set: bool = False

    @property
    def unsent(self) -> int:
        """Bytes that wait in the sender's own buffer."""
        return sum(segment.size for segment in self._unsent)

    def write(self, size: int, delivered: Callable[[float], None]) -> None:
        """Send a message; `delivered(time)` is called when its last byte has arrived, all before it too."""
        self.written += size
        self._messages.append((self.written, delivered))
        begin = self.written - size
        for at in range(begin, self.written, self.mss):
            end = min(at + self.mss, self.written)
            segment = _Segment(end, end - at)
            self._segments.append(segment)
            self._unsent.append(segment)
        if not self._flying and self.clock.now - self._sent_at > self._timeout():
            self.window = min(self.window, FIRST_WINDOW)
        self._send()

    def _timeout(self) -> float:
        return max(RTO, 2 * self._round_trip)

    def _send(self) -> None:
        while self._unsent and len(self._flying) < int(self.window):
            self._transmit(self._unsent.popleft())

    def _transmit(self, segment: _Segment) -> None:
        self._number += 1
        segment.tries += 1
        self._flying[self._number] = segment
        self._times[self._number] = self._sent_at = self.clock.now
        number = self._number
        if self.path.loss and self.chance.random() < self.path.loss:
            # It is lost behind the queue: it took its room there.
            self.bottleneck.put(segment.size, lambda: None)
        else:
            self.bottleneck.put(segment.size, lambda: self._left(number, segment))
        self._arm()

    def _left(self, number: int, segment: _Segment) -> None:
        now, path = self.clock.now, self.path
        arrival = now + path.there + (self.chance.random() * path.jitter if path.jitter else 0.0)
        if path.stalls:
            if self._next_stall is None:
                self._next_stall = now + self.chance.expovariate(path.stalls)
            while self._next_stall <= arrival:
                self._stalled_until = self._next_stall + path.stall
                self._next_stall = self._stalled_until + self.chance.expovariate(path.stalls)
        self._last_arrival = max(arrival, self._last_arrival, self._stalled_until if path.stalls else 0.0)
        self.clock.at(self._last_arrival, self._arrived, number, segment)

    def _arrived(self, number: int, segment: _Segment) -> None:
        segment.arrived = True
        while self._segments and self._segments[0].arrived:
            self.delivered = self._segments.popleft().end
        while self._messages and self._messages[0][0] <= self.delivered:
            self._messages.popleft()[1](self.clock.now)
        self.clock.at(self.clock.now + self.path.back, self._heard, number, segment)

    def _heard(self, number: int, segment: _Segment) -> None:
        sent = self._times.pop(number, None)
        known = self._flying.pop(number, None) is not None
        if sent is not None and segment.tries == 1:
            took = self.clock.now - sent
            self._round_trip = took if not self._round_trip else self._round_trip * 0.875 + took * 0.125
        self._heard_at, self._probes = self.clock.now, 0
        if known and not segment.acked and len(self._flying) + 1 >= self.window * 0.6:
            self.window += 1 if self.window < self._threshold else 1 / self.window
        segment.acked = True
        for other in list(itertools.takewhile(lambda n: n <= number - REORDERING, self._flying)):
            self._lost(other)
        self._send()

    def _lost(self, number: int) -> None:
        segment = self._flying.pop(number)
        if segment.acked or segment.arrived:
            return
        if number > self._recovering_until:
            self._recovering_until = self._number
            self.window = self._threshold = max(2.0, self.window * 0.7)
        self.retransmits += 1
        self._transmit(segment)

    def _arm(self) -> None:
        if not self._timer_set:
            self._timer_set = True
            self.clock.at(self.clock.now + self._patience(), self._late)

    def _patience(self) -> float:
        if self._probes:
            return self._timeout() * 2 ** min(self._probes - 1, 6)
        return 2 * self._round_trip + 0.01 if self._round_trip else 1.0

    def _late(self) -> None:
        self._timer_set = False
        if not self._flying:
            return
        due = max(self._heard_at, self._sent_at) + self._patience()
        if self.clock.now + 1e-9 < due:
            self._timer_set = True
            self.clock.at(due, self._late)
            return
        # A probe (RFC 8985) first, then time-outs that begin with one segment again.
        number = next(iter(self._flying))
        segment = self._flying.pop(number)
        if self._probes:
            self._threshold, self.window = max(2.0, self.window / 2), 1.0
        self._probes += 1
        if not segment.arrived:
            self.retransmits += 1
            self._transmit(segment)
        else:
            self._sent_at = self.clock.now
            self._arm()
            self._send()


def fill(connection: Connection, begin: float, end: float, chunk: int = 64 * 1024) -> None:
    """Somebody else's transfer: a connection that always has something to send, from `begin` to `end`."""

    def more(_when: float = 0.0) -> None:
        if connection.clock.now < end:
            connection.write(chunk, more)

    for _ in range(4):
        connection.clock.at(begin, more)
