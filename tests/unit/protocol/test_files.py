"""The files channel without a socket: what may be on the way, what comes in which order, what hostile bytes do."""

import contextlib
import random
from collections import deque
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from farhand.protocol import files
from farhand.protocol.files import (
    ACK_EVERY,
    FIRST_WINDOW,
    LARGE_CHUNK,
    MAX_WINDOW,
    MIN_WINDOW,
    SMALL_CHUNK,
    Incoming,
    Outgoing,
    Window,
)
from farhand.protocol.messages import NOT_UNDERSTOOD

MESSAGES = [one for name, one in vars(files).items() if name.startswith("Files") and issubclass(one, msgspec.Struct)]


class Way(RuleBasedStateMachine):
    """Two transfers over one window: bytes go, come, are taken and acknowledged, or a transfer is given up."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.window = Window()
        self.ends = [(Outgoing(self.window, start), Incoming(start, None)) for start in (0, 7)]
        self.over = [False, False]

    @rule(which=st.integers(0, 1), size=st.integers(1, LARGE_CHUNK))
    def send(self, which: int, size: int) -> None:
        out, into = self.ends[which]
        if not self.over[which] and self.window.room >= size:
            into.data(out.offset, size)
            out.sent(size, self.now)

    @rule(which=st.integers(0, 1), size=st.integers(1, MAX_WINDOW), late=st.floats(0, 1))
    def take(self, which: int, size: int, late: float) -> None:
        out, into = self.ends[which]
        size = min(size, into.waiting)
        if size and not self.over[which]:
            ack = into.took(size)
            self.now += late
            if ack is not None:
                out.acked(ack, self.now)
            else:
                assert into.waiting > 0

    @precondition(lambda self: not all(self.over))
    @rule(which=st.integers(0, 1))
    def give_up(self, which: int) -> None:
        self.ends[which][0].over()
        self.over[which] = True

    @invariant()
    def what_is_on_the_way_is_known(self) -> None:
        unacknowledged = sum(
            out.offset - out.taken for (out, _), over in zip(self.ends, self.over, strict=True) if not over
        )
        assert self.window.in_flight == unacknowledged
        assert MIN_WINDOW <= self.window.limit <= MAX_WINDOW
        assert self.window.chunk in (SMALL_CHUNK, LARGE_CHUNK)

    @invariant()
    def what_was_all_taken_is_all_acknowledged(self) -> None:
        for (out, into), over in zip(self.ends, self.over, strict=True):
            if not over and not into.waiting:
                assert out.taken == into.came


TestWay = Way.TestCase


def run(window: Window, trip: float, rate: float, seconds: float, noise: Callable[[], float] = lambda: 0.0) -> float:
    """Send at full window over a way that carries `rate` bytes a second, and return how many bytes a second came.

    `noise` says how much later than it should each acknowledgement comes; they come in order.
    """
    out, now, taken, busy, last = Outgoing(window, 0), 0.0, 0, 0.0, 0.0
    flying: deque[tuple[float, int]] = deque()
    while now < seconds:
        while window.room >= window.chunk:
            busy = max(busy, now) + window.chunk / rate
            out.sent(window.chunk, now)
            last = max(last, busy + trip + noise())
            flying.append((last, out.offset))
        now, taken = flying.popleft()
        out.acked(taken, now)
    out.over()
    return taken / now


@pytest.mark.parametrize("trip", [0.001, 0.05])
def test_a_window_fills_a_fast_way(trip: float) -> None:
    window = Window()
    run(window, trip, 100e6, 1)
    assert run(window, trip, 100e6, 2) > 90e6


def test_a_window_is_open_soon() -> None:
    assert run(Window(), 0.05, 100e6, 2) > 80e6


def test_late_acknowledgements_do_not_keep_it_small() -> None:
    chance = random.Random(5)
    assert run(Window(), 0.05, 100e6, 5, lambda: chance.random() * 0.06) > 25e6, "a radio link"
    assert run(Window(), 0.05, 100e6, 5, lambda: 0.15 if chance.random() < 0.002 else 0) > 50e6, "a busy computer"


def test_a_window_shrinks_when_the_way_becomes_slow() -> None:
    window = Window()
    run(window, 0.04, 50e6, 5)
    assert window.limit > 2_000_000
    run(window, 0.04, 1e6, 20)
    assert window.limit <= FIRST_WINDOW


def test_on_a_slow_way_little_waits_in_front_of_a_key() -> None:
    window = Window()
    run(window, 0.04, 250_000, 10)
    assert window.chunk == SMALL_CHUNK
    assert window.limit <= FIRST_WINDOW


@given(st.binary(max_size=LARGE_CHUNK + 20))
def test_hostile_bytes_are_refused_or_read(payload: bytes) -> None:
    with contextlib.suppress(ValueError):
        number, offset, data = files.read_chunk(payload)
        assert files.chunk(number, offset, data) == payload
    with contextlib.suppress(ValueError):
        assert files.ACK.pack(*files.read_ack(payload)) == payload


FIELDS = ["id", "path", "size", "key", "offset", "sha256"]
JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=8),
    lambda inner: st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6),
)


@given(st.sampled_from(MESSAGES), st.binary(max_size=60) | JSON.map(msgspec.json.encode))
def test_hostile_messages_are_refused_or_read(message: type[msgspec.Struct], payload: bytes) -> None:
    with contextlib.suppress(ValueError, *NOT_UNDERSTOOD):
        msgspec.json.encode(msgspec.json.decode(payload, type=message))


def test_bytes_come_in_order_and_no_more_than_were_announced() -> None:
    into = Incoming(10, 100)
    for offset, size in ((0, 5), (20, 5), (10, 91)):
        with pytest.raises(ValueError, match=r"should have come|more bytes"):
            into.data(offset, size)
    into.data(10, 90)
    assert into.took(90) == 100
    with pytest.raises(ValueError, match="not sent"):
        Outgoing(Window(), 0).acked(1, 0)


def test_acknowledgements_are_not_said_for_every_byte() -> None:
    into = Incoming(0, None)
    for at in range(0, ACK_EVERY, 1024):
        into.data(at, 1024)
    assert into.took(1024) is None
    assert into.took(ACK_EVERY - 1024) == ACK_EVERY
