"""The window against simulated links: never starves a fast one, never queues for long on a slow one."""

import heapq
import random
import statistics
from dataclasses import dataclass, field

import pytest

from farhand.agent.tools.screen.pace import LEAST, MAX_UPDATES, Pace


@dataclass
class Link:
    """A first-in-first-out link: rate, delay each way, jitter; its viewer decodes one after the other."""

    rate: float
    one_way: float
    decode: float = 0.001
    jitter: float = 0.0
    free_at: float = 0.0
    viewer_free_at: float = 0.0
    last_arrival: float = 0.0
    queued: list[float] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def carry(self, size: int, now: float) -> tuple[float, float]:
        """Return when the acknowledgement of an update comes back, and the decode time in it."""
        out = max(now, self.free_at) + size / self.rate
        self.free_at = out
        self.queued.append(out - now)
        arrival = max(self.last_arrival, out + self.one_way + self.chance.random() * self.jitter)
        self.last_arrival = arrival
        drawn = max(arrival, self.viewer_free_at) + self.decode
        self.viewer_free_at = drawn
        return drawn + self.one_way, drawn - arrival


def run(link: Link, seconds: float, need, pace: Pace | None = None, start: float = 0.0):
    """Drive a pace for a while; `need(now)`: bytes that the screen wants to send. Returns (pace, bytes, waits)."""
    pace = pace or Pace()
    now, seq, sent, blocked = start, int(start * 1e6), 0, 0
    acks: list[tuple[float, int, float]] = []
    while now < start + seconds:
        while acks and acks[0][0] <= now:
            at, number, decode = heapq.heappop(acks)
            pace.acked(number, decode, at)
        want = need(now)
        room = pace.room()
        if want and not room:
            blocked += 1
        elif want:
            size = min(want, room)
            seq += 1
            pace.sent(seq, size, now)
            sent += size
            at, decode = link.carry(size, now)
            heapq.heappush(acks, (at, seq, decode))
        now += 0.001
    while acks:
        at, number, decode = heapq.heappop(acks)
        pace.acked(number, decode, at)
    return pace, sent, blocked


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


@pytest.mark.parametrize("rate", [60_000, 250_000, 1_250_000])
def test_a_slow_link_is_used_and_never_queues_for_long(rate):
    link = Link(rate, 0.02)
    _, sent, _ = run(link, 40, lambda now: 1 << 20)
    assert sent > 0.75 * rate * 40
    settled = link.queued[len(link.queued) // 10 :]
    assert p95(settled) < 0.15
    assert max(link.queued) < 0.45  # the first window, when nothing is known yet


def frames(link: Link, seconds: float, size: int = 100_000) -> tuple[int, int]:
    """A screen that changes thirty times a second. Returns bytes sent and, after two seconds, late frames."""
    pace, done, late = Pace(), 0, 0
    acks: list[tuple[float, int, float]] = []
    left, seq, now, due = 0, 0, 0.0, 0.0
    while now < seconds:
        while acks and acks[0][0] <= now:
            at, number, decode = heapq.heappop(acks)
            pace.acked(number, decode, at)
        if now >= due:
            late += bool(left and now > 2)
            left, due = size, due + 1 / 30
        room = pace.room()
        if left and room:
            part = min(left, room)
            left -= part
            seq += 1
            done += part
            pace.sent(seq, part, now)
            at, decode = link.carry(part, now)
            heapq.heappush(acks, (at, seq, decode))
        now += 0.001
    return done, late


@pytest.mark.parametrize(("rate", "one_way"), [(100e6, 0.0005), (20e6, 0.025), (5e6, 0.05)])
def test_a_fast_link_is_never_starved_by_page_scrolls(rate, one_way):
    """100 kB thirty times a second is far below these links: after two seconds nothing ever waits."""
    link = Link(rate, one_way, decode=0.004)
    done, late = frames(link, 12)
    assert late <= 10, "frames were not finished before the next one was there"
    assert done > 0.9 * 100_000 * 30 * 12
    assert max(link.queued[50:]) < 0.15


def test_a_fast_link_is_filled():
    link = Link(50e6, 0.002)
    pace, sent, _ = run(link, 5, lambda now: 1 << 20)
    assert sent > 0.5 * 50e6 * 5
    assert pace.window > 200_000


def test_jitter_on_a_fast_link_does_not_starve_it():
    link = Link(20e6, 0.01, jitter=0.09)
    done, _ = frames(link, 20)
    assert done > 0.7 * 100_000 * 30 * 20


def test_a_link_that_becomes_slow_is_followed_and_one_that_recovers_too():
    link = Link(10e6, 0.01)
    pace, _, _ = run(link, 5, lambda now: 1 << 20)
    link.rate, link.queued = 250_000, []
    pace, sent, _ = run(link, 20, lambda now: 1 << 20, pace, 6.0)
    assert p95(link.queued[len(link.queued) // 5 :]) < 0.15
    assert sent > 0.7 * 250_000 * 20
    link.rate = 10e6
    _, sent, _ = run(link, 20, lambda now: 1 << 20, pace, 27.0)
    assert sent > 0.5 * 10e6 * 20


def test_a_still_screen_does_not_count_as_slow():
    link = Link(10e6, 0.005)
    pace, _, _ = run(link, 2, lambda now: 1 << 20)
    wide = pace.window
    run(link, 60, lambda now: 300 if int(now * 1000) % 500 == 0 else 0, pace, 3.0)
    assert pace.window >= wide * 0.9


def test_a_viewer_that_decodes_slowly_gets_few_updates_at_a_time():
    link = Link(50e6, 0.001, decode=0.08)
    behind = []
    pace = Pace()

    def need(now):
        behind.append(link.viewer_free_at - now)
        return 50_000

    run(link, 10, need, pace)
    assert p95(behind[2000:]) < 0.3


def test_acknowledgements_out_of_nothing_change_nothing():
    pace = Pace()
    pace.acked(5, 0.0, 1.0)
    pace.sent(1, 1000, 1.0)
    pace.acked(1, 9.9, 1.01)
    pace.acked(1, 0.0, 1.02)
    assert pace.in_flight == 0
    assert pace.room() >= LEAST


def test_an_unacknowledged_viewer_is_sent_no_more():
    pace = Pace()
    for seq in range(1000):
        room = pace.room()
        if not room:
            break
        pace.sent(seq, room, float(seq))
    assert pace.room() == 0
    assert pace.in_flight < 100_000
    pace.forget()
    assert pace.room()
    assert MAX_UPDATES > 1
