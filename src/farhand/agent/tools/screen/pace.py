"""How much may be under way to one viewer: a window in bytes, steered by the delay that acknowledgements show.

Why it exists: pictures are droppable, so nothing should ever queue. Too small a window starves a fast link, too large a
one makes a slow link seconds late. One mechanism has to serve both.

How: `base` is the shortest time to an acknowledgement (decoding taken off). What an update needs beyond it is queueing.
While that stays under TARGET the window grows (doubling at first); above it the window is set to what the measured rate
carries in `base + TARGET`. A rate is measured only while the link is busy, so a viewer of a still screen is never held
for slow. A `base` that was not seen again for REFRESH seconds is measured anew by one small update on an empty link;
the same opens every connection. So the queue never becomes part of `base`.

Rules: no clock and no input or output; times are seconds of a monotonic clock, sizes are bytes.
"""

from collections import OrderedDict
from dataclasses import dataclass

TARGET = 0.06
"""Queueing that is wanted at most, in seconds."""
REFRESH = 10.0
PROBE = 2048
"""Size of the update that measures `base`."""
FIRST = 24 * 1024
"""Window after the first acknowledgement."""
LEAST = 4096
MOST = 4 << 20
MAX_UPDATES = 24
DECODE_QUEUE = 0.1
"""Work that may wait in the viewer, in seconds of decoding."""


@dataclass(slots=True)
class _Sent:
    size: int
    at: float
    limited: bool
    probe: bool


class Pace:
    """The window of one viewer."""

    def __init__(self) -> None:
        self.window = float(FIRST)
        self.base: float | None = None
        self.rate: float | None = None
        """Bytes per second while busy, None until measured."""
        self.decode = 0.0
        self._base_at = 0.0
        self._probing = True
        self._doubling = True
        self._cut_at = float("-inf")
        self._free_at = float("-inf")
        self._busy_bytes = 0.0
        self._busy_time = 0.0
        self._flying = 0
        self._sent: OrderedDict[int, _Sent] = OrderedDict()

    @property
    def in_flight(self) -> int:
        """Bytes that are not acknowledged."""
        return self._flying

    def room(self) -> int:
        """Bytes that may be sent now; 0 = wait for an acknowledgement. An empty link always has room."""
        if self._probing:
            return 0 if self._sent else PROBE
        if len(self._sent) >= MAX_UPDATES or len(self._sent) * self.decode > DECODE_QUEUE:
            return 0
        left = self.window - self._flying
        if left < self.window / 4:
            # Not in dribbles: an update costs the viewer a fixed price.
            return 0
        # Nor in one lump: a whole window at once is a queue of its own making.
        lump = self.window if self.rate is None else max(self.window / 4, self.rate * TARGET / 2, LEAST)
        return int(min(left, lump))

    def sent(self, seq: int, size: int, now: float) -> None:
        """An update of `size` bytes was handed to the link."""
        self._flying += size
        self._sent[seq] = _Sent(size, now, self._flying >= self.window / 2, self._probing and self._flying == size)

    def acked(self, seq: int, decode: float, now: float) -> None:
        """The viewer has drawn update `seq`, which took it `decode` seconds. Unknown numbers are ignored."""
        sent = self._sent.pop(seq, None)
        if sent is None:
            return
        self._flying -= sent.size
        took = max(now - sent.at, 1e-6)
        decode = min(max(decode, 0.0), took)
        self.decode += (decode - self.decode) * 0.2
        net = max(took - decode, 1e-6)
        if sent.probe:
            self._probing = False
        if self.base is None or sent.probe or net <= self.base * 1.1 + 0.002:
            self.base = net if self.base is None or sent.probe else min(self.base, net)
            self._base_at = now
        elif now - self._base_at > REFRESH:
            self._probing = True
        self._measure(sent, now - decode)
        self._steer(sent, net - self.base, now)

    def forget(self) -> None:
        """What was under way is lost (the connection broke): start anew, keep nothing but the decoding time."""
        decode = self.decode
        self.__init__()  # type: ignore[misc]
        self.decode = decode

    def _measure(self, sent: _Sent, arrived: float) -> None:
        assert self.base is not None
        began = max(self._free_at, sent.at + self.base * 0.98)
        self._free_at = max(self._free_at, arrived)
        self._busy_time += max(arrived - began, 1e-5)
        self._busy_bytes += sent.size
        if sent.size >= PROBE // 2 or self.rate is not None:
            self.rate = self._busy_bytes / self._busy_time
        if self._busy_time > 0.3:
            self._busy_time /= 2
            self._busy_bytes /= 2

    def _steer(self, sent: _Sent, queued: float, now: float) -> None:
        assert self.base is not None
        if queued > TARGET:
            if sent.at >= self._cut_at and self.rate is not None:
                carried = self.rate * (self.base + TARGET * 0.7)
                self.window = max(LEAST, min(self.window * 0.9, max(carried, self.window * 0.4)))
                self._doubling = False
                self._cut_at = now
        elif sent.limited:
            share = 1.0 if self._doubling else 0.5 * (1 - queued / TARGET)
            self.window = min(MOST, self.window + sent.size * share)
