"""Ring and flow as a model: whatever viewers and sockets do, output arrives whole or its absence is announced."""

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from farhand.agent.tools.shell.flow import (
    AWAY_S,
    CHUNK,
    MAX_UNSENT,
    MIN_WINDOW,
    ON_THE_WAY_S,
    PATIENCE_S,
    Chunk,
    Flow,
    Gap,
)
from farhand.agent.tools.shell.ring import Modes, Ring
from farhand.protocol.channels import SHELL_WINDOW
from farhand.protocol.frames import EVERY_LEG

TICK_S = 0.002
SMALL_RING = 96 * 1024
"""Bigger than one window and what may be unsent, as the real one is."""


class Screen:
    """A viewer by the book (docs/protocol/shell.md): puts output together by offset, asks when something is missing."""

    def __init__(self) -> None:
        self.have: list[tuple[int, bytes]] = []
        """Runs of output: offset, bytes."""
        self.next = 0
        self.announced = 0
        """Bytes that it was told are gone."""
        self.undrawn = 0
        self.asks = False

    def take(self, frame: Chunk | Gap) -> None:
        if isinstance(frame, Gap):
            self.announced += max(frame.offset - self.next, 0)
            self.next = max(self.next, frame.offset)
            return
        if frame.offset > self.next:
            self.asks = True  # ATTACH from what it has
            return
        new = frame.data[self.next - frame.offset :]
        self.undrawn += len(frame.data)
        if new:
            self.have.append((self.next, new))
            self.next += len(new)


class Machine(RuleBasedStateMachine):
    """Two viewers, one shell, sockets that break at any moment."""

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.written = bytearray()
        self.bytes = random.Random(seed)
        self.ring = Ring(SMALL_RING)
        self.flow = Flow(self.ring)
        self.screens: dict[int, Screen] = {2: Screen(), 3: Screen()}
        self.way: dict[int, list[Chunk | Gap]] = {2: [], 3: []}
        self.now = 0.0
        self.flow.attach(2, 0, self.now)

    # --- the program

    @precondition(lambda self: self.flow.unsent <= MAX_UNSENT)  # the terminal is not read while more waits
    @rule(size=st.integers(1, 16 * 1024))
    def print(self, size: int) -> None:
        data = self.bytes.randbytes(size)
        self.written += data
        self.ring.append(data)

    # --- the agent and the way

    @rule(most=st.integers(1, 40))
    def pump(self, most: int) -> None:
        for _ in range(most):
            frame = self.flow.next(self.now)
            if frame is None:
                return
            for leg in self.way if frame.leg == EVERY_LEG else [frame.leg]:
                self.way[leg].append(frame)

    @rule(leg=st.sampled_from([2, 3]), most=st.integers(1, 40))
    def deliver(self, leg: int, most: int) -> None:
        for frame in self.way[leg][:most]:
            self.screens[leg].take(frame)
        del self.way[leg][:most]

    @rule(leg=st.sampled_from([2, 3]))
    def draw(self, leg: int) -> None:
        screen = self.screens[leg]
        self.flow.credit(leg, screen.undrawn, self.now)
        screen.undrawn = 0

    @rule(leg=st.sampled_from([2, 3]))
    def ask(self, leg: int) -> None:
        self.attach(leg)

    @precondition(lambda self: any(screen.asks for screen in self.screens.values()))
    @rule()
    def answer_gaps(self) -> None:
        for leg, screen in self.screens.items():
            if screen.asks:
                self.attach(leg)

    def attach(self, leg: int) -> None:
        screen = self.screens[leg]
        screen.asks, screen.undrawn = False, 0
        self.flow.attach(leg, screen.next, self.now)

    @rule(leg=st.sampled_from([2, 3]))
    def reload(self, leg: int) -> None:
        self.way[leg].clear()
        self.flow.leave(leg, self.now)
        self.screens[leg] = Screen()
        self.attach(leg)

    @rule(leg=st.sampled_from([2, 3]))
    def leave(self, leg: int) -> None:
        self.way[leg].clear()
        self.flow.leave(leg, self.now)

    @rule()
    def lose_the_endpoints_socket(self) -> None:
        for way in self.way.values():
            way.clear()
        self.flow.rewind(self.now)

    @rule(seconds=st.floats(0.001, 7))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.flow.drop_blocked(self.now)

    # --- what holds at every moment

    @invariant()
    def what_is_shown_is_what_was_printed(self) -> None:
        for screen in self.screens.values():
            for offset, data in screen.have[-4:]:
                assert self.written[offset : offset + len(data)] == data

    @invariant()
    def nothing_is_missing_silently(self) -> None:
        for screen in self.screens.values():
            assert sum(len(data) for _, data in screen.have) + screen.announced == screen.next

    @invariant()
    def what_is_on_its_way_is_bounded(self) -> None:
        for viewer in self.flow._viewers.values():
            assert 0 <= viewer.cursor - viewer.taken <= SHELL_WINDOW + CHUNK
            assert MIN_WINDOW <= viewer.window <= SHELL_WINDOW

    def teardown(self) -> None:
        """In the end everything that is still kept reaches everybody."""
        if not hasattr(self, "flow"):
            return
        for leg in self.screens:
            self.attach(leg)
        for _ in range(400):
            self.pump(100)
            for leg, screen in self.screens.items():
                self.deliver(leg, 1000)
                self.draw(leg)
                if screen.asks:
                    self.attach(leg)
            self.now += 0.01
        for screen in self.screens.values():
            assert screen.next == len(self.written)
        assert self.flow.level


Machine.TestCase.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
TestFlow = Machine.TestCase


def printed(ring: Ring, flow: Flow, now: float, size: int) -> None:
    """A program prints `size` bytes; its terminal is read while little waits."""
    while size > 0:
        while flow.next(now) is not None:
            pass
        if flow.unsent > MAX_UNSENT:
            return
        ring.append(b"x" * CHUNK)
        size -= CHUNK
    while flow.next(now) is not None:
        pass


def test_the_last_viewer_that_left_misses_nothing_when_it_is_back_soon() -> None:
    ring = Ring()
    flow = Flow(ring)
    flow.attach(2, 0, 0.0)
    printed(ring, flow, 0.0, MIN_WINDOW)
    flow.leave(2, 1.0)
    printed(ring, flow, 1.0, 5 * ring.size)
    assert ring.size // 2 < ring.end < ring.size, "the recorder gets what is kept, and the program waits then"
    assert flow.blocked
    flow.drop_blocked(1.0 + AWAY_S / 2)
    assert flow.next(1.0 + AWAY_S / 2) is None
    flow.attach(2, MIN_WINDOW // 2, 1.0 + AWAY_S / 2)
    frame = flow.next(1.0 + AWAY_S / 2)
    assert isinstance(frame, Chunk)
    assert (frame.leg, frame.offset) == (2, MIN_WINDOW // 2)


def test_a_viewer_that_stays_away_holds_nobody_up() -> None:
    ring = Ring()
    flow = Flow(ring)
    for leg in (2, 3):
        flow.attach(leg, 0, 0.0)
    flow.leave(2, 1.0)
    printed(ring, flow, 1.0, MIN_WINDOW)
    assert not flow.blocked, "another one is there"
    flow.leave(3, 2.0)
    printed(ring, flow, 2.0, 5 * ring.size)
    assert flow.blocked
    flow.drop_blocked(2.0 + AWAY_S)
    assert not flow.blocked
    printed(ring, flow, 2.0 + AWAY_S, 5 * ring.size)
    assert ring.end > 5 * ring.size


def flood(rate: float, way_s: float, seconds: float = 6.0) -> tuple[float, float]:
    """Run a program that prints without end to a viewer that takes `rate` bytes a second over a way of `way_s` in
    each direction. Return what it took a second, and for how many seconds of drawing bytes were under way at the end.
    """
    ring = Ring()
    flow = Flow(ring)
    flow.attach(2, 0, 0.0)
    coming: list[tuple[float, int]] = []
    back: list[tuple[float, int]] = []
    drawn = free_at = now = 0.0
    while now < seconds:
        while (frame := flow.next(now)) is not None or flow.unsent <= MAX_UNSENT:
            if isinstance(frame, Chunk):
                coming.append((now + way_s, len(frame.data)))
            else:
                ring.append(b"x" * 16 * 1024)
        while coming and coming[0][0] <= now:
            size = coming.pop(0)[1]
            free_at = max(free_at, now) + size / rate
            back.append((free_at + way_s, size))
        while back and back[0][0] <= now:
            size = back.pop(0)[1]
            drawn += size
            flow.credit(2, size, now)
        now += TICK_S
    under_way = sum(size for _, size in coming) + sum(size for _, size in back) + flow.unsent
    return drawn / seconds, under_way / rate


@pytest.mark.parametrize("rate", [80e3, 128e3, 1e6, 10e6, 50e6])
@pytest.mark.parametrize("way_s", [0.001, 0.025, 0.06])
def test_an_interrupt_is_seen_within_a_second_and_the_line_is_used(rate: float, way_s: float) -> None:
    taken, queued_s = flood(rate, way_s)
    assert queued_s <= 1 + 2 * way_s
    fastest = min(rate, SHELL_WINDOW / (2 * way_s + 3 * TICK_S))
    assert taken >= 0.6 * fastest
    assert ON_THE_WAY_S < 1


def test_a_viewer_that_takes_nothing_holds_the_others_up_for_a_while_only() -> None:
    ring = Ring()
    flow = Flow(ring)
    flow.attach(2, 0, 0.0)
    flow.attach(3, 0, 0.0)
    sent = 0
    for step in range(200):
        ring.append(b"y" * 1000)
        now = step * 0.1
        while (frame := flow.next(now)) is not None:
            assert isinstance(frame, Chunk)
            sent += len(frame.data)
            flow.credit(2, len(frame.data), now)
        if flow.drop_blocked(now):
            assert now >= PATIENCE_S
    assert sent == 200_000
    assert flow.attached(2)
    assert not flow.attached(3)


def test_many_shells_share_what_may_be_on_the_way() -> None:
    flow = Flow(Ring())
    flow.most = 1
    flow.attach(2, 0, 0.0)
    flow._ring.append(b"z" * MIN_WINDOW * 2)
    sent = 0
    while (frame := flow.next(0.0)) is not None:
        assert isinstance(frame, Chunk)
        sent += len(frame.data)
    assert sent == MIN_WINDOW


def test_nothing_is_sent_again_for_who_left_long_ago() -> None:
    ring = Ring()
    flow, now = Flow(ring), 0.0
    flow.attach(2, 0, now)
    flow.leave(2, now)
    flow.attach(3, 0, now)
    for _ in range(8):
        ring.append(b"x" * CHUNK)
        assert isinstance(flow.next(now), Chunk)
        flow.credit(3, CHUNK, now)
        now += AWAY_S
    flow.rewind(now)
    assert flow.unsent == 0, "viewer 3 has everything"


@pytest.mark.parametrize(
    ("printed", "modes"),
    [
        (b"plain text only", ""),
        (b"\x1b[?1049h\x1b[?1h\x1b=drawn", "\x1b[?1049h\x1b[?1h\x1b="),
        (b"\x1b[?1049h\x1b[?25l\x1b[?1049l", "\x1b[?25l"),
        (b"\x1b[?1000;1006h\x1b[?2004h", "\x1b[?1000h\x1b[?1006h\x1b[?2004h"),
        (b"\x1b[?2004h\x1b[?2004l\x1b[?7l\x1b[?7h", ""),
        (b"\x1b[?1049h\x1b[?2004h\x1bc", ""),
        (b"\x1b[?1049h\x1b[?1h\x1b[!p", "\x1b[?1049h"),
        (b"\x1b[?99999h\x1b[?;;h\x1b[31m\x1b]0;title\x07", ""),
    ],
)
@pytest.mark.parametrize("cut", [1, 2, 3, 7, 1000])
def test_modes_are_followed_over_every_cut(printed: bytes, modes: str, cut: int) -> None:
    found = Modes()
    for at in range(0, len(printed), cut):
        found.take(printed[at : at + cut])
    assert found.text == modes


def test_the_ring_begins_at_a_line_and_knows_its_modes() -> None:
    ring = Ring(10_000)
    ring.append(b"\x1b[?1049hone line\n")
    for number in range(4000):
        ring.append(b"line %d\n" % number)
    offset, data = ring.read(0, 20)
    assert offset == ring.start > 0
    assert data.startswith(b"line ")
    assert ring.end - ring.start <= 12_500
    assert ring.modes == "\x1b[?1049h"
