"""The links on which a pace is judged, by name, and one call that runs a screen over one of them.

Why it exists: tests and the bench ask about the same links.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.harness.simnet import MSS, Bottleneck, Clock, Connection, Path, fill
from tests.harness.simscreen import Content, Decoder, Pacing, Sharing

MBIT = 1e6 / 8
"""Bytes per second of one Mbit/s."""


@dataclass(frozen=True)
class Link:
    """A line: bytes per second and bytes that may wait in front of it, and the way behind it."""

    rate: float
    queue: float
    path: Path
    mss: int = MSS
    rates: list[tuple[float, float]] = field(default_factory=list)
    """From when on another rate holds."""


def _way(delay: float, **faults: float) -> Path:
    return Path(delay, delay, **faults)


LINKS: dict[str, Link] = {
    "1 Gbit/s": Link(1000 * MBIT, 1e6, _way(0.0001), mss=16_000),
    "LAN with jitter": Link(100 * MBIT, 3e5, _way(0.001, jitter=0.004)),
    "busy radio": Link(50 * MBIT, 3e5, _way(0.002, jitter=0.003, stalls=4, stall=0.03)),
    "20 Mbit/s + 20 ms": Link(20 * MBIT, 1e5, _way(0.02)),
    "20 Mbit/s, shallow queue": Link(20 * MBIT, 2e4, _way(0.02)),
    "20 Mbit/s, 0.3 % lost": Link(20 * MBIT, 1e5, _way(0.02, loss=0.003)),
    "2 Mbit/s + 20 ms": Link(2 * MBIT, 6e4, _way(0.02)),
    "2 Mbit/s + 100 ms": Link(2 * MBIT, 1e5, _way(0.1)),
    "2 Mbit/s, queue of 2 s": Link(2 * MBIT, 5e5, _way(0.02)),
    "2 Mbit/s, 1 % lost": Link(2 * MBIT, 6e4, _way(0.02, loss=0.01)),
    "2 Mbit/s with jitter": Link(2 * MBIT, 6e4, _way(0.02, jitter=0.02)),
    "0.5 Mbit/s + 20 ms": Link(0.5 * MBIT, 3e4, _way(0.02)),
    "20, then 1, then 20 Mbit/s": Link(20 * MBIT, 1e5, _way(0.02), rates=[(10, 1 * MBIT), (25, 20 * MBIT)]),
}


class Net:
    """One link in simulated time, with as many connections over it as a test wants."""

    def __init__(self, link: Link | str) -> None:
        self.link = LINKS[link] if isinstance(link, str) else link
        self.clock = Clock()
        self.bottleneck = Bottleneck(self.clock, [(0, self.link.rate), *self.link.rates], self.link.queue)
        self._connections = 0

    def connection(self) -> Connection:
        """A connection of its own."""
        self._connections += 1
        chance = random.Random(2 + self._connections)
        return Connection(self.clock, self.bottleneck, self.link.path, chance, mss=self.link.mss)

    def share(
        self,
        pace: Pacing,
        content: Content,
        decoder: Decoder | None = None,
        more: list[Content] | None = None,
        encode: float = 0.004,
    ) -> Sharing:
        """Show a screen over it."""
        return Sharing(self.clock, self.connection(), pace, content, decoder, encode, more)

    def transfer(self, begin: float, end: float) -> None:
        """Somebody else fills the link for a while."""
        fill(self.connection(), begin, end)


def watch(
    link: Link | str,
    pace: Callable[[], Pacing],
    content: Content,
    seconds: float = 20.0,
    decoder: Decoder | None = None,
    more: list[Content] | None = None,
) -> Sharing:
    """Show one screen over a link for a while."""
    net = Net(link)
    sharing = net.share(pace(), content, decoder, more)
    net.clock.run(seconds)
    return sharing
