"""The reconnect policy keeps its promises for every sequence of failures."""

import random

from hypothesis import given
from hypothesis import strategies as st

from farhand.agent.core.reconnect import FIRST_S, LONGEST_S, SHORTEST_S, Failure, ReconnectPolicy
from farhand.agent.core.wire import CONNECT_TIMEOUT_S, SILENCE_S

steps = st.lists(
    st.one_of(st.sampled_from(["lost", "connected"]), st.sampled_from(list(Failure)), st.integers(-5, 500)), max_size=60
)


@given(steps, st.integers())
def test_every_pause_is_within_its_bounds(course: list[object], seed: int) -> None:
    policy = ReconnectPolicy(random.Random(seed))
    for step in course:
        if step == "connected":
            policy.connected()
        elif step == "lost":
            assert 0 <= policy.lost() <= FIRST_S
        elif isinstance(step, Failure):
            pause = policy.failed(step)
            # back at most 10 s after the appliance listens again, at most 35 s after the network is back
            longest = 8.0 if step is Failure.RESTARTING else 35.0 - CONNECT_TIMEOUT_S - 5.0
            assert SHORTEST_S <= pause <= longest
        else:
            pause = policy.failed(Failure.RESTARTING, float(step))
            assert min(max(step, SHORTEST_S), LONGEST_S) <= pause <= LONGEST_S


def test_a_silent_connection_is_given_up_in_time() -> None:
    assert SILENCE_S + FIRST_S <= 35.0


def test_many_clients_do_not_come_at_once() -> None:
    pauses = [ReconnectPolicy(random.Random(n)).lost() for n in range(1000)]
    busiest = max(sum(second / 4 <= pause < (second + 1) / 4 for pause in pauses) for second in range(8))
    assert busiest < 200
