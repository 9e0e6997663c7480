"""Waits rise, always end, and cannot be slipped past."""

import pytest

from farhand.web.accounts import throttle
from farhand.web.accounts.models import Throttle
from farhand.web.project.service import Refused

pytestmark = pytest.mark.django_db


def test_the_wait_rises_and_ends() -> None:
    now = 1_000_000
    waits = []
    for _ in range(25):
        throttle.begin("account:rep", "192.0.2.1", now)
        row = Throttle.objects.get(key=throttle.pair_key("account:rep", "192.0.2.1"))
        waits.append(row.until_ms - now)
        if row.until_ms > now:
            with pytest.raises(Refused, match="Too many attempts"):
                throttle.begin("account:rep", "192.0.2.1", row.until_ms - 1)
        now = max(now, *Throttle.objects.values_list("until_ms", flat=True))
    assert waits[: throttle.FREE_ACCOUNT - 1] == [0] * (throttle.FREE_ACCOUNT - 1)
    assert waits == sorted(waits)
    assert waits[-1] == throttle.LONGEST_S * 1000
    throttle.begin("account:rep", "192.0.2.1", now + throttle.FORGET_MS + 1)
    assert Throttle.objects.get(key="account:rep").failures == 1


def test_wrong_passwords_from_elsewhere_do_not_keep_the_owner_out() -> None:
    now = 1_000_000
    for _ in range(40):  # somebody tries again whenever the wait is over
        throttle.begin("account:admin", "192.0.2.66", now)
        now = max(now, *Throttle.objects.values_list("until_ms", flat=True))
    now -= 1000 * throttle.LONGEST_S  # the moment after the last of these attempts
    with pytest.raises(Refused):
        throttle.begin("account:admin", "192.0.2.66", now + 1000 * throttle.LONGEST_S - 1)
    throttle.begin("account:admin", "192.0.2.1", now + 1000 * throttle.ACCOUNT_LONGEST_S)


def test_an_account_is_not_guessed_from_many_sources_at_once() -> None:
    answered = 0
    for number in range(200):
        try:
            throttle.begin("account:admin", f"2001:db8:{number:x}::1", 1_000_000)
        except Refused:
            continue
        answered += 1
    assert answered == throttle.FREE_ACCOUNT


def test_what_guards_six_digits_waits_long_wherever_it_comes_from() -> None:
    now = 1_000_000
    for number in range(20):
        address = f"2001:db8:{number:x}::1"
        throttle.begin("code:1", address, now, account_longest_s=throttle.LONGEST_S)
        now = max(now, *Throttle.objects.values_list("until_ms", flat=True))
    assert Throttle.objects.get(key="code:1").until_ms - Throttle.objects.get(key="code:1").last_ms == 300_000


def test_a_success_forgets_the_account_and_takes_its_attempt_back() -> None:
    for _ in range(3):
        throttle.begin("account:rep", "192.0.2.1", 1000)
    throttle.succeeded("account:rep", "192.0.2.1")
    assert not Throttle.objects.exclude(key__startswith="source:").exists()
    assert Throttle.objects.get(key="source:192.0.2.1").failures == 2


def test_one_source_against_many_accounts_is_slowed() -> None:
    for number in range(throttle.FREE_SOURCE):
        throttle.begin(f"account:u{number}", "192.0.2.1", 1000)
    with pytest.raises(Refused):
        throttle.begin("account:other", "192.0.2.1", 1001)
    throttle.begin("account:other", "192.0.2.9", 1001)


def test_sources() -> None:
    assert throttle.source_key("2001:db8:1:2:3:4:5:6") == throttle.source_key("2001:db8:1:2::9")
    assert throttle.source_key("::ffff:192.0.2.1") == "source:192.0.2.1"
    assert throttle.source_key("nonsense") == "source:unknown"
