"""The pace against modelled links: pictures are there in time, nothing queues, and what a line carries is used.

All figures come from simulated time (tests/harness/simlinks.py), so they are exact and the same on every machine.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.harness.simlinks import LINKS, MBIT, Link, Net, watch
from tests.harness.simnet import Path
from tests.harness.simscreen import Content, Decoder, page, terminal, typing, video

from farhand.agent.tools.screen.pace import FIRST, LEAST, MOST, Pace

FAST = ["1 Gbit/s", "LAN with jitter", "busy radio"]
SETTLED = (2.0, 20.0)


def slow_page() -> Content:
    """As much as a good encoder needs for a page that is scrolled."""
    return page(size=23_000)


# link, content, pictures a second at least, and their delay in ms at most: median, 95 of 100. Capture and encoding
# (4 ms) and drawing (1 ms) are in the delay.
TABLE = [
    ("1 Gbit/s", typing, 5, 6, 6),
    ("1 Gbit/s", terminal, 29, 6, 7),
    ("1 Gbit/s", page, 29, 8, 9),
    ("1 Gbit/s", video, 29, 6, 7),
    ("LAN with jitter", page, 29, 16, 20),
    ("LAN with jitter", video, 29, 12, 14),
    ("busy radio", page, 28, 25, 45),
    ("busy radio", video, 29, 15, 40),
    ("20 Mbit/s + 20 ms", typing, 5, 27, 28),
    ("20 Mbit/s + 20 ms", page, 29, 50, 60),
    ("20 Mbit/s + 20 ms", video, 29, 32, 36),
    ("20 Mbit/s, shallow queue", page, 24, 100, 200),
    ("20 Mbit/s, shallow queue", video, 29, 32, 36),
    ("20 Mbit/s, 0.3 % lost", page, 24, 120, 250),
    ("20 Mbit/s, 0.3 % lost", video, 29, 35, 60),
    ("2 Mbit/s + 20 ms", typing, 5, 28, 30),
    ("2 Mbit/s + 20 ms", terminal, 29, 40, 45),
    ("2 Mbit/s + 20 ms", slow_page, 28, 110, 130),
    ("2 Mbit/s + 20 ms", video, 28, 70, 80),
    ("2 Mbit/s, queue of 2 s", slow_page, 28, 110, 130),
    ("2 Mbit/s, queue of 2 s", video, 28, 70, 80),
    ("2 Mbit/s + 100 ms", terminal, 29, 120, 130),
    ("2 Mbit/s + 100 ms", slow_page, 26, 180, 320),
    ("2 Mbit/s + 100 ms", video, 27, 145, 170),
    ("2 Mbit/s, 1 % lost", slow_page, 24, 130, 260),
    ("2 Mbit/s, 1 % lost", video, 26, 80, 140),
    ("2 Mbit/s with jitter", slow_page, 26, 140, 260),
    ("2 Mbit/s with jitter", video, 26, 95, 120),
    ("0.5 Mbit/s + 20 ms", typing, 5, 31, 34),
    ("0.5 Mbit/s + 20 ms", video, 13, 120, 140),
]


@pytest.mark.parametrize(("link", "content", "fps", "median", "most"), TABLE)
def test_pictures_are_there_in_time(link, content, fps, median, most):
    seen = watch(link, Pace, content()).figures(*SETTLED)
    assert seen.fps >= fps
    assert seen.delay(0.5) * 1000 <= median
    assert seen.delay(0.95) * 1000 <= most


@pytest.mark.parametrize(
    "link", ["2 Mbit/s + 20 ms", "2 Mbit/s + 100 ms", "2 Mbit/s, queue of 2 s", "0.5 Mbit/s + 20 ms"]
)
@pytest.mark.parametrize("content", [slow_page, video])
def test_a_slow_line_is_used_to_the_full_without_a_queue(link, content):
    seen = watch(link, Pace, content()).figures(*SETTLED)
    assert seen.used > 0.93
    assert seen.wait(0.95) < 0.01
    assert seen.wait(1) < 0.08


@pytest.mark.parametrize(
    "link", [*FAST, "20 Mbit/s + 20 ms", "2 Mbit/s + 20 ms", "2 Mbit/s with jitter", "2 Mbit/s, 1 % lost"]
)
def test_a_key_is_seen_soon_beside_a_video(link):
    alone = watch(link, Pace, typing()).figures(*SETTLED)
    beside = watch(link, Pace, video(), more=[typing()]).figures(*SETTLED, which=1)
    assert beside.fps > 5
    assert beside.delay(0.95) < alone.delay(0.95) + 0.11
    if link in FAST:
        assert beside.delay(0.95) < 0.04


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize(("decode", "fps", "beyond"), [(0.005, 28, 0.010), (0.030, 27, 0.070), (0.100, 9.5, 0.160)])
@pytest.mark.parametrize("link", ["1 Gbit/s", "20 Mbit/s + 20 ms", "2 Mbit/s + 20 ms"])
def test_a_viewer_that_draws_slowly_is_kept_busy_and_no_more(link, decode, fps, beyond, apart):
    quick = watch(link, Pace, video()).figures(*SETTLED)
    slow = watch(link, Pace, video(), decoder=Decoder(decode, apart=apart)).figures(*SETTLED)
    assert slow.fps >= fps
    assert slow.delay(0.95) < quick.delay(0.95) + beyond


def test_a_line_that_becomes_slow_is_followed_and_one_that_recovers_too():
    sharing = watch("20, then 1, then 20 Mbit/s", Pace, video(), 45)
    before, slow, after = (sharing.figures(*part) for part in ((5, 10), (12, 25), (27, 45)))
    assert before.fps > 29
    assert slow.fps > 24
    assert slow.delay(0.95) < 0.11
    assert slow.used > 0.9
    assert max(wait for when, wait in sharing.waits if 10 < when < 14) < 0.6
    assert after.fps > 29
    assert after.delay(0.95) < 0.04
    assert sharing.recovered(25, lambda delay: delay < 0.06) < 0.5


def test_two_viewers_share_a_line():
    for link, fps, most in (("20 Mbit/s + 20 ms", 28, 0.05), ("2 Mbit/s + 20 ms", 17, 0.15)):
        net = Net(link)
        both = [net.share(Pace(), video(begin=at)) for at in (0.0, 2.0)]
        net.clock.run(25)
        seen = [sharing.figures(5, 25) for sharing in both]
        assert all(each.fps > fps and each.delay(0.95) < most for each in seen), link
        assert min(each.sent for each in seen) > 0.3 * max(each.sent for each in seen)


@pytest.mark.parametrize(
    ("link", "fps", "beyond"),
    [("20 Mbit/s + 20 ms", 26, 0.06), ("2 Mbit/s + 20 ms", 10, 0.5), ("2 Mbit/s, queue of 2 s", 5, 2.1)],
)
def test_somebody_elses_transfer_does_not_starve_it(link, fps, beyond):
    """The queue of others is in the way whatever one does; a part of the line is still ours, and soon all of it."""
    net = Net(link)
    sharing = net.share(Pace(), video())
    net.transfer(5, 25)
    net.clock.run(45)
    beside, after = sharing.figures(8, 25), sharing.figures(29, 45)
    assert beside.fps > fps
    assert beside.delay(0.95) < 0.08 + beyond
    assert after.fps > 27
    assert after.delay(0.95) < 0.25


def test_a_still_screen_does_not_count_as_slow():
    sharing = watch("20 Mbit/s + 20 ms", Pace, typing(until=60), 70, more=[page(begin=60)])
    assert sharing.figures(61, 70, which=1).fps > 28
    assert sharing.figures(61, 70, which=1).delay(0.95) < 0.07


def test_a_whole_picture_over_an_unknown_line_comes_in_growing_parts():
    for link, within in (("1 Gbit/s", 0.1), ("20 Mbit/s + 20 ms", 0.6), ("2 Mbit/s + 20 ms", 1.6)):
        sharing = watch(link, Pace, page(size=300_000, every=100, spread=0), 10)
        (_, delay), *_ = sharing.shown[0]
        assert delay < within, link
        assert sharing.sizes[1][1] <= FIRST


def test_an_unacknowledged_viewer_is_sent_no_more():
    pace = Pace()
    for seq in range(1000):
        room = pace.room(seq * 0.01)
        if not room:
            break
        pace.sent(seq, room, seq * 0.01)
    assert pace.opens_at(1e6) is None
    assert pace.in_flight <= 2 * FIRST
    pace.forget()
    assert pace.room(1e6)
    assert pace.probe()


def test_acknowledgements_out_of_nothing_change_nothing():
    pace = Pace()
    pace.acked(5, 0.0, 1.0)
    pace.sent(1, 1000, 1.0)
    pace.acked(1, 9.9, 1.01)
    pace.acked(1, 0.0, 1.02)
    assert pace.in_flight == 0
    assert pace.room(1.02) >= LEAST


def test_the_time_that_making_an_update_took_is_not_the_lines():
    pace = Pace()
    pace.sent(1, 100, 1.0)
    pace.handed(1.5)
    pace.acked(1, 0.0, 1.51)
    assert pace.base == pytest.approx(0.01)


# ------------------------------------------------------------------------------------------- whatever the link does

links = st.builds(
    Link,
    rate=st.sampled_from([2e4, 6e4, 2.5e5, 2.5e6, 1.25e8]),
    queue=st.sampled_from([8e3, 5e4, 1e6]),
    path=st.builds(
        Path,
        there=st.sampled_from([0.0, 0.0005, 0.02, 0.3]),
        back=st.sampled_from([0.0, 0.02, 0.3]),
        jitter=st.sampled_from([0.0, 0.002, 0.05]),
        stalls=st.sampled_from([0.0, 2.0]),
        stall=st.sampled_from([0.01, 0.5]),
        loss=st.sampled_from([0.0, 0.02]),
    ),
    mss=st.sampled_from([1448, 16_000]),
)
changes = st.lists(st.tuples(st.floats(0.5, 6), st.sampled_from([3e4, 2.5e5, 1e7])), max_size=2)
decoders = st.builds(Decoder, st.sampled_from([0.0, 0.004, 0.2]), st.sampled_from([0.0, 1e-7]), st.booleans())
contents = st.builds(
    lambda make, size, least: make(size=size, least=least, until=5.0),
    st.sampled_from([typing, terminal, page, video]),
    st.sampled_from([200, 9_000, 60_000]),
    st.sampled_from([0.2, 1.0]),
)


@given(links, changes, decoders, contents)
def test_everything_that_was_to_be_sent_is_sent_in_the_end(link, rates, decoder, content):
    """No link, no loss and no viewer brings it to a stop; bounds hold all the time; then it is empty."""
    at, steps = 0.0, []
    for after, rate in rates:
        at += after
        steps.append((at, rate))
    pace = Pace()
    net = Net(Link(link.rate, link.queue, link.path, link.mss, steps))
    sharing = net.share(pace, content, decoder)
    # The worst of these links need minutes for what they hold: 282 s were seen.
    for second in range(1, 3600):
        net.clock.run(second)
        assert pace.in_flight <= MOST + FIRST
        assert pace.base is None or pace.base >= 0
        assert pace.rate is None or pace.rate > 0
        assert (pace.budget() or LEAST) >= LEAST
        if second > 5 and not (content.pending or sharing.encoding or pace.in_flight):
            break
    assert not content.pending
    assert not pace.in_flight
    assert content.made
    assert len(sharing.shown[0]) >= 1
    assert sharing.shown[0][-1][0] - sharing.shown[0][-1][1] == pytest.approx(content.made[-1])


step = st.one_of(
    st.tuples(st.just("wait"), st.floats(0, 3)),
    st.tuples(st.just("send"), st.integers(1, 1 << 20)),
    st.tuples(st.just("ack"), st.integers(0, 40), st.floats(-1, 100)),
    st.tuples(st.just("handed")),
    st.tuples(st.just("forget")),
)


@given(st.lists(step, max_size=80))
def test_no_pattern_of_acknowledgements_shuts_it_for_ever(steps):
    """Also acknowledgements in another order, of unknown numbers and with absurd times to draw."""
    pace, now, seq, flying = Pace(), 0.0, 0, []
    for kind, *values in steps:
        if kind == "wait":
            now += values[0]
        elif kind == "send" and pace.room(now):
            seq += 1
            flying.append(seq)
            pace.sent(seq, min(values[0], pace.room(now)), now)
        elif kind == "ack":
            number = flying.pop(values[0] % len(flying)) if flying else 10_000
            pace.acked(number, values[1], now)
        elif kind == "handed":
            pace.handed(now)
        elif kind == "forget":
            pace.forget()
            flying.clear()
        room, opens_at = pace.room(now), pace.opens_at(now)
        assert not room or LEAST <= room <= MOST
        assert bool(room) == (opens_at is not None and opens_at <= now)
        assert room or flying
    for number in flying:
        now += 0.01
        pace.acked(number, 0.001, now)
    assert pace.in_flight == 0
    assert pace.room(now) >= LEAST


@pytest.mark.parametrize("seconds", [2, 6])
@pytest.mark.parametrize("name", ["1 Gbit/s", "20 Mbit/s, 0.3 % lost", "2 Mbit/s + 20 ms", "0.5 Mbit/s + 20 ms"])
def test_after_an_outage_it_is_soon_what_it_was(name, seconds):
    """The line carries nothing at all for a while: afterwards, when TCP has tried again, pictures come as before."""
    link = LINKS[name]
    cut = Link(link.rate, link.queue, link.path, link.mss, [(8, 10.0), (8 + seconds, link.rate)])
    sharing = watch(cut, Pace, video(), seconds + 36)
    before, after = sharing.figures(3, 8), sharing.figures(seconds + 28, seconds + 36)
    assert after.fps > before.fps * 0.85
    assert after.delay(0.5) < before.delay(0.5) * 1.25 + 0.01


def test_the_budget_is_what_the_line_carries_in_the_time_of_a_picture():
    sharing = watch("2 Mbit/s + 20 ms", Pace, video())
    budget = sharing.pace.budget()
    assert budget is not None
    assert 0.8 * 2 * MBIT / 30 < budget < 1.25 * 2 * MBIT / 30
