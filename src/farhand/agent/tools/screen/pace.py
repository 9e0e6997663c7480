"""When and how much may be sent to one viewer, judged by a model of its line that acknowledgements correct.

Why it exists: pictures are droppable, so nothing should ever queue, and a line that carries more should never wait.
One mechanism has to serve the slow link and the fast page scroll.

How: an update needs `base` (there and back on an empty line) + its own bytes / `rate` + what is still ahead of it. So
from what was sent one knows when the line is free again; the next update may go `lead` before that moment, and holds
what the line carries in LUMP seconds. Each acknowledgement replaces what was foreseen by what was.

- `base` is the shortest trip that was seen. Trips on an empty line confirm it; three long ones in a row, or a probe (an
  update without content) on an emptied line replace it: so neither our own queue nor a slow line becomes part of it.
- `rate` is the weighted median of the last runs of updates that followed each other without a gap. A median, because
  a line that stands still for a moment (a lost packet, a busy radio) is no slow line; runs, because some lines deliver
  in clumps. It needs no saturated line: an update that came sooner than foreseen votes for a faster one.
- What never was under way at once is approached: `_proven` starts small and doubles while nothing queues.
- Decoding is told by the viewer and taken off; a viewer that is busy drawing is another queue, and is kept short too.

Rules: no clock and no input or output; times are seconds of a monotonic clock, sizes are bytes. An empty line always
has room. What is foreseen holds nothing up for ever: whatever is acknowledged opens the line.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass

LUMP = 0.028
"""One update holds what the line carries in this time: a picture that needs more goes in parts, the newest first."""
PICTURE = 1 / 30
"""A whole picture should need no longer than this on the line, in seconds."""
LEAD = (0.006, 0.04)
"""An update may be sent so long before the line is free: at least and at most; jitter decides."""
LEAST = 4096
"""An update may have so many bytes on the slowest line."""
FIRST = 24 * 1024
"""So much may be under way while nothing is known."""
MOST = 4 << 20
MAX_UPDATES = 32
REFRESH = 10.0
"""A line that is kept busy is probed so often, in seconds."""
FADE = 10.0
"""What was proven counts half after so long without use."""
DECODE_QUEUE = 0.015
"""An update may come so long before the viewer has drawn the one before, in seconds."""
_SMALL = 1500
"""One packet: its size does not count for `base`."""
_RATED = 1024
"""Smaller updates tell nothing about the rate."""
_RUN = 0.025
_RUNS = 16
_HEAVY = 16 * 1024
_NEVER = float("inf")


@dataclass(slots=True)
class _Sent:
    size: int
    at: float
    leaves: float
    """When its last byte should have passed the narrowest place, as seen from here."""
    drawn: float
    """When its acknowledgement should come."""
    alone: bool
    """Nothing else was under way."""
    under_way: int


class Rate:
    """Bytes per second that a line carries: the weighted median of its last runs."""

    def __init__(self) -> None:
        self.value: float | None = None
        self._runs: deque[tuple[float, int]] = deque(maxlen=_RUNS)
        self._bytes = 0
        self._time = 0.0

    def add(self, size: int, took: float, follows: bool) -> None:
        """An update kept the line busy for `took` seconds; `follows`: without a gap after the one before."""
        if not follows:
            self._close()
        self._bytes += size
        self._time += took
        run = self._run()
        if self._time >= _RUN:
            self._close()
            self.value = self._median(None)
        else:
            self.value = self._median(run)

    def _run(self) -> tuple[float, int]:
        return self._bytes / max(self._time, 1e-4), min(self._bytes, _HEAVY)

    def _close(self) -> None:
        if self._bytes:
            self._runs.append(self._run())
        self._bytes, self._time = 0, 0.0

    def _median(self, unfinished: tuple[float, int] | None) -> float:
        runs = sorted([*self._runs, unfinished] if unfinished else self._runs)
        left = sum(weight for _, weight in runs) / 2
        for value, weight in runs:
            left -= weight
            if left <= 0:
                return value
        raise AssertionError("a rate is asked for after a run only")


class Pace:
    """The line to one viewer, and what may be sent on it."""

    def __init__(self) -> None:
        self.base: float | None = None
        """Seconds from sending to acknowledgement on an empty line, decoding and own bytes taken off."""
        self.decode = 0.0
        """Seconds that the viewer needs for an update."""
        self.noise = 0.001
        """How much later than foreseen a small update usually comes, in seconds."""
        self._rate = Rate()
        self._sent: OrderedDict[int, _Sent] = OrderedDict()
        self._handing: list[_Sent] = []
        self._under_way = 0
        self._free_at = -_NEVER
        self._drawn_at = -_NEVER
        self._arrived_at = -_NEVER
        self._acked_at = -_NEVER
        self._proven = float(FIRST)
        self._proven_at = -_NEVER
        self._filled_at = -_NEVER
        self._base_at = 0.0
        self._long: list[float] = []
        self._probing = True

    @property
    def rate(self) -> float | None:
        """Bytes per second that the line carries; None = not known yet."""
        return self._rate.value

    @property
    def in_flight(self) -> int:
        """Bytes that are not acknowledged."""
        return self._under_way

    @property
    def lead(self) -> float:
        """How long before the line is free an update may be sent, in seconds."""
        return min(max(2 * self.noise, LEAD[0]), LEAD[1])

    def budget(self) -> int | None:
        """Bytes that a whole picture may have to be there in time; None = as many as it likes.

        For whoever can choose between more and fewer bytes for the same picture.
        """
        return None if self.rate is None else max(int(self.rate * PICTURE), LEAST)

    def room(self, now: float) -> int:
        """Bytes that the next update may have now; 0 = not now."""
        if self._opens_at(now) > now:
            return 0
        return int(max(min(self._lump(), self._limit(now) - self._under_way), LEAST))

    def opens_at(self, now: float) -> float | None:
        """When there will be room if nothing is acknowledged before; None = an acknowledgement has to come first."""
        when = self._opens_at(now)
        return None if when == _NEVER else when

    def probe(self) -> bool:
        """Say whether an update without content is to be sent first, to measure `base`."""
        return self._probing and not self._sent

    def sent(self, seq: int, size: int, now: float) -> None:
        """An update of `size` bytes goes to the link (or is about to: see `handed`)."""
        self._under_way += size
        if self.rate is not None and size >= self._lump() * 0.7:
            self._filled_at = now
        update = _Sent(size, now, 0.0, 0.0, not self._sent, self._under_way)
        self._sent[seq] = update
        self._handing.append(update)
        self._follow(update)

    def handed(self, now: float) -> None:
        """All that was sent is with the link now: making it took time that is not the line's."""
        for update in self._handing:
            update.at = now
        if self._handing:
            self._handing.clear()
            self._foresee()

    def acked(self, seq: int, decode: float, now: float) -> None:
        """The viewer has drawn update `seq`, which took it `decode` seconds. Unknown numbers are ignored."""
        update = self._sent.pop(seq, None)
        if update is None:
            return
        self._under_way -= update.size
        took = max(now - update.at, 1e-6)
        decode = min(max(decode, 0.0), took)
        trip = max(took - decode, 1e-4)
        arrived = now - decode
        drawing = self.decode > 0.002 and arrived <= self._acked_at + 0.001 and not update.alone
        self.decode += (min(decode, max(now - self._acked_at, 0.0)) - self.decode) * 0.2
        self._learn_base(update, trip, now)
        late = arrived - update.leaves - (self.base or 0.0)
        if not drawing and update.size >= _RATED:
            self._learn_rate(update, arrived)
        self._learn_window(update, late, now)
        self._arrived_at = max(self._arrived_at, arrived)
        self._acked_at = now
        self._foresee()

    def forget(self) -> None:
        """What was under way is lost (the connection broke): start anew, keep nothing but the decoding time."""
        decode = self.decode
        self.__init__()  # type: ignore[misc]
        self.decode = decode

    def _needs(self, size: int) -> float:
        return size / self.rate if self.rate else 0.0

    def _lump(self) -> float:
        return max(self.rate * LUMP, LEAST) if self.rate else FIRST

    def _limit(self, now: float) -> float:
        """Bytes that may be under way."""
        proven = self._proven
        if now > self._proven_at + FADE:
            proven = max(FIRST, proven * 0.5 ** ((now - self._proven_at) / FADE))
        if self.rate is None or self.base is None:
            return proven
        return min(proven, self.rate * (self.base + self.lead) * 1.25 + 2 * self._lump())

    def _opens_at(self, now: float) -> float:
        if not self._sent:
            return now
        if len(self._sent) >= MAX_UPDATES or self._limit(now) - self._under_way < LEAST:
            return _NEVER
        if self.base is None:
            return now
        if self._probing:
            return _NEVER
        oldest = next(iter(self._sent.values()))
        if now > oldest.drawn + max(0.02, 4 * self.noise):
            # The line stands still, or is slower than it was: what is small still goes, it makes no queue.
            return now if self._under_way < LEAST // 2 else _NEVER
        newest = next(reversed(self._sent.values()))
        drawn_at = self._drawn_at - self.base - self._needs(newest.size) - DECODE_QUEUE
        return max(self._free_at - self.lead, drawn_at)

    def _learn_base(self, update: _Sent, trip: float, now: float) -> None:
        if self.base is None or trip <= self.base * 1.05 + 0.0005:
            self.base = trip if self.base is None else min(trip, self.base)
            self._base_at = now
            self._long.clear()
        if not update.alone:
            if now > self._base_at + REFRESH and now < self._filled_at + 1:
                self._probing = True
            return
        small = update.size <= _SMALL
        own = 0.0 if small else self._needs(update.size)
        if small:
            over = min(max(trip - self.base, 0.0005), 4 * self.noise)
            self.noise += (over - self.noise) * 0.1
        if trip - own <= self.base + max(0.015, 4 * self.noise):
            self._base_at = now
            self._long.clear()
            self._probing = False
        elif not small:
            self._probing = True
        else:
            self._long.append(trip)
            if len(self._long) >= 3 or now > self._base_at + REFRESH:
                self.base, self._base_at = min(self._long), now
                self._long.clear()
            self._probing = bool(self._long)

    def _learn_rate(self, update: _Sent, arrived: float) -> None:
        assert self.base is not None
        alone_from = update.at + self.base
        follows = self._arrived_at > alone_from + self.noise
        took = max(arrived - max(self._arrived_at, alone_from), 0.0)
        self._rate.add(update.size, took if follows else max(took - self.noise, 0.0003), follows)

    def _learn_window(self, update: _Sent, late: float, now: float) -> None:
        if update.under_way >= self._proven / 2:
            if late <= max(self.lead, 0.01):
                self._proven = min(MOST, self._proven + update.size)
            self._proven_at = now
        elif now > self._proven_at + FADE:
            self._proven, self._proven_at = max(FIRST, self._proven / 2), now

    def _foresee(self) -> None:
        """Follow what is under way from the last arrival on."""
        self._free_at = self._arrived_at - (self.base or 0.0)
        self._drawn_at = self._acked_at
        for update in self._sent.values():
            self._follow(update)

    def _follow(self, update: _Sent) -> None:
        self._free_at = update.leaves = max(self._free_at, update.at) + self._needs(update.size)
        self._drawn_at = update.drawn = max(self._drawn_at, update.leaves + (self.base or 0.0)) + self.decode
