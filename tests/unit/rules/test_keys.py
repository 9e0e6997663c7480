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


@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=400), st.integers(1, 20))
def test_overall_budget_holds_in_every_window(gaps: list[int], budget: int) -> None:
    settings = keys.KeySettings(failures_per_minute=budget)
    state, now, answered = keys.Throttle(), 0, []
    for gap in gaps:
        now += gap
        if state.wait_ms(now):
            continue
        answered.append(now)
        state = keys.after_overall_failure(state, now, settings)
    for start in answered:
        # Windows do not slide: two of them can touch one sliding minute.
        assert sum(1 for t in answered if start <= t < start + keys.WINDOW_MS) <= 2 * budget
    assert len(answered) <= (now // keys.WINDOW_MS + 1) * budget
