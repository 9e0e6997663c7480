"""Session key rules: risk, spellings, and a throttle whose every wait ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farhand.rules import keys


def test_default_settings_keep_the_promise() -> None:
    settings = keys.KeySettings()
    assert settings.risk() <= keys.MAX_RISK
    keys.check_settings(settings)


@pytest.mark.parametrize(
    "settings",
    [
        keys.KeySettings(digits=7),
        keys.KeySettings(digits=11),
        keys.KeySettings(max_live=1_000),
        keys.KeySettings(longest_life_s=86_400),
        keys.KeySettings(failures_per_minute=600),
    ],
)
def test_settings_above_the_risk_are_refused(settings: keys.KeySettings) -> None:
    with pytest.raises(keys.Unsafe, match="easy to guess"):
        keys.check_settings(settings)


@given(st.integers(1, 20), st.integers(1, 10_000), st.integers(1, 100_000), st.integers(1, 10_000))
def test_accepted_settings_are_under_the_limit(digits: int, live: int, life: int, rate: int) -> None:
    settings = keys.KeySettings(digits=digits, max_live=live, longest_life_s=life, failures_per_minute=rate)
    try:
        keys.check_settings(settings)
    except keys.Unsafe:
        assert settings.risk() > keys.MAX_RISK
    else:
        assert live * settings.allowed_failures() / 10**digits <= keys.MAX_RISK


@pytest.mark.parametrize("typed", ["1234-5678-9012", "1234 5678 9012", "123456789012", " 1234-5678 9012\n"])
def test_spellings_of_a_key(typed: str) -> None:
    assert keys.normalise_key(typed) == "123456789012"


@pytest.mark.parametrize(
    "typed", ["", "12345678901", "1234567890123", "١٢٣٤٥٦٧٨٩٠١٢", "1234-5678-901a", "1" * 5000, "0x34-5678-9012"]
)
def test_what_cannot_be_a_key(typed: str) -> None:
    assert keys.normalise_key(typed) is None


@given(st.text(max_size=80))
def test_a_normalised_key_is_twelve_ascii_digits(typed: str) -> None:
    key = keys.normalise_key(typed)
    assert key is None or (
        len(key) == 12 and set(key) <= set("0123456789") and keys.normalise_key(keys.shown_key(key)) == key
    )


def test_address_buckets() -> None:
    assert keys.address_bucket("192.0.2.7") == "address:192.0.2.7"
    assert keys.address_bucket("::ffff:192.0.2.7") == "address:192.0.2.7"
    assert keys.address_bucket("2001:db8:1:2:3::4") == keys.address_bucket("2001:db8:1:2:ffff::1")
    assert keys.address_bucket("2001:db8:1:2::1") != keys.address_bucket("2001:db8:1:3::1")
    assert keys.address_bucket("not an address") == "address:unknown"


@given(st.lists(st.integers(-600_000, 2_000_000), max_size=60))
def test_every_wait_of_an_address_ends(gaps: list[int]) -> None:
    state, now = keys.Throttle(), 10_000_000
    for gap in gaps:
        now += gap
        state = keys.after_address_failure(state, now)
        assert state.wait_ms(now) <= keys.MAX_DELAY_MS
        assert state.wait_ms(now + keys.MAX_DELAY_MS) == 0


def test_the_wait_rises() -> None:
    state, now, waits = keys.Throttle(), 0, []
    for _ in range(16):
        now += state.wait_ms(now) + 1
        state = keys.after_address_failure(state, now)
        waits.append(state.wait_ms(now))
    assert waits[: keys.FREE_FAILURES] == [0] * keys.FREE_FAILURES
    rising = waits[keys.FREE_FAILURES :]
    assert rising == sorted(rising)
    assert rising[0] > 0
    assert rising[-1] == keys.MAX_DELAY_MS


MOVES = st.one_of(
    st.tuples(st.just("make"), st.sampled_from(keys.LIFETIMES_S), st.integers(1, 60)),
    st.tuples(st.just("use"), st.just(0), st.integers(1, 60)),
    st.tuples(st.just("wait"), st.integers(0, 1_200_000), st.just(1)),
    st.tuples(st.just("guess"), st.integers(0, 2_000), st.integers(1, 50)),
)


@given(st.lists(MOVES, min_size=5, max_size=60))
def test_guessing_any_key_over_a_keys_life_stays_under_the_risk(moves: list[tuple[str, int, int]]) -> None:
    settings = keys.KeySettings(digits=8)  # so few that the budget matters here
    state, now = keys.Throttle(), 0
    live: list[list[float]] = []  # made, expires, chance that guessing hit any key since it was made
    worst = 0.0
    for move, value, times in moves:
        for _ in range(times):
            if move == "make" and len(live) < settings.max_live:
                live.append([now, now + value * 1000, 0.0])
            elif move == "use" and live:
                live.pop(0)
            elif move == "wait" or move == "guess":
                now += value
            live = [key for key in live if key[1] > now]
            if move != "guess":
                continue
            alive = keys.Alive(count=len(live), longest_life_s=int(max((b - a for a, b, _ in live), default=0) // 1000))
            if not keys.overall_wait_ms(state, now, alive, settings):
                state = keys.after_overall_failure(state, now, alive)
                for key in live:
                    key[2] += alive.count / 10**settings.digits
                    worst = max(worst, key[2])
    assert worst <= keys.MAX_RISK


@given(st.integers(1, 500), st.integers(1, 500), st.sampled_from(keys.LIFETIMES_S), st.sampled_from(keys.LIFETIMES_S))
def test_the_budget_grows_as_keys_are_fewer_and_live_shorter(few: int, many: int, short: int, long: int) -> None:
    settings = keys.KeySettings()
    few, many, short, long = *sorted((few, many)), *sorted((short, long))
    small = keys.budget(keys.Alive(count=many, longest_life_s=long), settings) // many
    assert settings.failures_per_minute <= small
    assert small <= keys.budget(keys.Alive(count=few, longest_life_s=short), settings) // few
    assert keys.budget(keys.Alive(count=1, longest_life_s=600), settings) > 100_000  # twelve addresses block nobody


def test_every_wait_of_everybody_ends_with_its_window() -> None:
    alive, settings = keys.Alive(count=500, longest_life_s=14_400), keys.KeySettings()
    state = keys.Throttle()
    begin = 10 * keys.WINDOW_MS
    while not keys.overall_wait_ms(state, begin, alive, settings):
        state = keys.after_overall_failure(state, begin, alive)
    assert keys.overall_wait_ms(state, begin, alive, settings) == keys.WINDOW_MS
    assert keys.overall_wait_ms(state, begin + keys.WINDOW_MS, alive, settings) == 0
    assert keys.overall_wait_ms(state, begin - 1, alive, settings) == 0  # a clock that went back
    assert keys.overall_wait_ms(state, begin + 1, keys.Alive(), settings) == 0  # nothing is there to be hit
