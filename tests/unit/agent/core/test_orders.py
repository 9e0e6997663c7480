"""Orders: what the site signed for this leg, text and minute, once; nothing else."""

from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.agent.orders import SESSION, SITE, START, STRANGER, message, order

from farhand.agent.core.orders import MOST_REMEMBERED, OrderError, Orders
from farhand.kit import signing
from farhand.kit.ids import new_id
from farhand.protocol.scripts import RunScript


@dataclass
class Watch:
    """A monotonic clock that a test turns."""

    at: float = 500.0

    def __call__(self) -> float:
        return self.at


def made(watch: Watch | None = None) -> Orders:
    watch = watch or Watch()
    orders = Orders(signing.public_of(SITE).hex(), SESSION, watch)
    orders.server_time(START, watch.at)
    return orders


def test_an_order_of_the_site_is_taken_once() -> None:
    orders, wanted = made(), order()
    assert orders.take(2, message(wanted)) == wanted
    with pytest.raises(OrderError, match="run already"):
        orders.take(2, message(wanted))


@pytest.mark.parametrize(
    "wrong",
    [
        message(order(), text="rm -r x\n"),
        message(order(), by=STRANGER),
        message(order(), by=STRANGER, certified=STRANGER, site=STRANGER),
        message(order(), certified=STRANGER),
        message(order(), kind="leg"),
        message(order(leg=3)),
        message(order(session_id=new_id())),
        message(order(expires_ms=START - 1)),
        message(order(issued_ms=START - 1)),
    ],
)
def test_everything_else_is_refused(wrong: RunScript) -> None:
    with pytest.raises(OrderError):
        made().take(2, wrong)


def test_a_late_order_is_refused_by_the_sites_clock() -> None:
    watch = Watch()
    orders, wanted = made(watch), order()
    watch.at += 61
    with pytest.raises(OrderError, match="too late"):
        orders.take(2, message(wanted))
    # Coming back does not make an earlier order good for an earlier program: the first joining counts.
    orders.server_time(START + 61_000, watch.at)
    assert orders.take(2, message(order(issued_ms=START + 61_000, expires_ms=START + 121_000)))


def test_the_sites_time_is_of_when_it_was_heard() -> None:
    watch = Watch()
    orders = Orders(signing.public_of(SITE).hex(), SESSION, watch)
    orders.server_time(START, watch.at - 61)  # the joining took that long
    with pytest.raises(OrderError, match="too late"):
        orders.take(2, message(order()))
    late = START + 61_000
    assert orders.take(2, message(order(issued_ms=late, expires_ms=late + 60_000), stated_ms=late))


def test_a_statement_may_be_of_a_moment_from_now_but_not_of_another_age() -> None:
    ahead = START + 5_000
    wanted = order(issued_ms=ahead, expires_ms=ahead + 60_000)
    assert made().take(2, message(wanted, stated_ms=ahead)) == wanted
    for stated_ms in (START + 60_001, START - 3_600_001):
        with pytest.raises(OrderError, match="not ordered by the site"):
            made().take(2, message(order(), stated_ms=stated_ms))


def test_an_endpoint_remembers_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("farhand.agent.core.orders.MOST_REMEMBERED", 2)
    assert MOST_REMEMBERED > 2
    watch = Watch()
    orders = made(watch)
    for _ in range(2):
        orders.take(2, message(order()))
    with pytest.raises(OrderError, match="Too many"):
        orders.take(2, message(order()))
    watch.at += 61
    assert orders.take(2, message(order(issued_ms=START + 60_000, expires_ms=START + 120_000)))


@given(st.binary(max_size=300), st.text(max_size=300))
def test_hostile_bytes_are_refused(raw: bytes, text: str) -> None:
    orders = made()
    for value in (
        msgspec.structs.replace(message(order()), order=text),
        msgspec.structs.replace(message(order()), issuer=text),
    ):
        with pytest.raises(OrderError):
            orders.take(2, value)
    try:
        decoded = msgspec.json.decode(raw, type=RunScript)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    with pytest.raises(OrderError):
        orders.take(2, decoded)
