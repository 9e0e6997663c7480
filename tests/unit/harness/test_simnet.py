"""The modelled links behave like links: rate, delay, order, queue, loss."""

import itertools
import random

import pytest
from tests.harness.simnet import Bottleneck, Clock, Connection, Path, fill

RATE = 250_000.0


def line(rates=None, limit=1e6, **path):
    clock = Clock()
    bottleneck = Bottleneck(clock, rates or [(0, RATE)], limit)
    return clock, Connection(clock, bottleneck, Path(**{"there": 0.02, "back": 0.02, **path}), random.Random(1))


def arrivals(clock, connection, sizes, until=60.0):
    came = []
    for size in sizes:
        connection.write(size, came.append)
    clock.run(until)
    return came


def test_a_message_takes_its_bytes_and_the_way():
    clock, connection = line()
    assert arrivals(clock, connection, [10_000]) == [pytest.approx(10_000 / RATE + 0.02)]


def test_messages_arrive_in_order_also_when_segments_are_lost():
    clock, connection = line(loss=0.05)
    came = arrivals(clock, connection, [3000] * 200)
    assert len(came) == 200
    assert came == sorted(came)
    assert connection.retransmits > 10


def test_a_lost_segment_holds_up_what_follows_for_a_round_trip():
    clock, connection = line(loss=0.02)
    came = []
    for at in range(400):
        clock.at(at * 0.05, connection.write, 1448, came.append)
    clock.run(60)
    trips = sorted(arrival - at * 0.05 for at, arrival in enumerate(came))
    assert trips[200] < 0.03
    assert 0.06 < trips[-1] < 0.6


def test_a_bulk_transfer_uses_the_line_and_fills_the_queue():
    clock, connection = line(limit=100_000)
    fill(connection, 0, 30)
    clock.run(30)
    assert connection.delivered > 0.9 * RATE * 30
    assert connection.bottleneck.drops
    assert connection.bottleneck.backlog <= 100_000


def test_a_shallow_queue_drops_and_a_deep_one_delays():
    for limit, low, high in ((8_000, 0.0, 0.05), (500_000, 0.5, 2.1)):
        clock, connection = line(limit=limit)
        fill(connection, 0, 30)
        waits = []
        for at in range(100, 300):
            clock.run(at * 0.1)
            waits.append(connection.bottleneck.backlog / RATE)
        assert low <= max(waits) <= high


def test_two_connections_share_the_line():
    clock, first = line(limit=60_000)
    second = Connection(clock, first.bottleneck, first.path, random.Random(2))
    for connection in (first, second):
        fill(connection, 0, 60)
    clock.run(60)
    assert first.delivered + second.delivered > 0.9 * RATE * 60
    assert 0.25 < first.delivered / second.delivered < 4


def test_rates_change_on_time_also_within_a_segment():
    clock, connection = line(rates=[(0, RATE), (1, 10.0), (3, RATE)])
    came = []
    clock.at(0.999, connection.write, 1448, came.append)
    clock.run(10)
    assert came == [pytest.approx(3.02 + (1448 - RATE * 0.001 - 20) / RATE)]
    assert connection.bottleneck.capacity(0, 4) == pytest.approx(2 * RATE + 20)


def test_jitter_and_stalls_delay_and_keep_the_order():
    clock, connection = line(jitter=0.03, stalls=2, stall=0.2)
    came = arrivals(clock, connection, [1000] * 300)
    assert came == sorted(came)
    assert max(b - a for a, b in itertools.pairwise(came)) > 0.15


def test_the_same_seed_gives_the_same_run():
    runs = [arrivals(*line(loss=0.05, jitter=0.01), [3000] * 100) for _ in range(2)]
    assert runs[0] == runs[1]
