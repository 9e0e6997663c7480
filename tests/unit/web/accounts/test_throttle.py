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
        row = Throttle.objects.get(key="account:rep")
        waits.append(row.until_ms - now)
        if row.until_ms > now:
            with pytest.raises(Refused, match="Too many attempts"):
                throttle.begin("account:rep", "192.0.2.2", row.until_ms - 1)
        now = max(now, *Throttle.objects.values_list("until_ms", flat=True))
    assert waits[: throttle.FREE_ACCOUNT - 1] == [0] * (throttle.FREE_ACCOUNT - 1)
    assert waits == sorted(waits)
    assert waits[-1] == throttle.LONGEST_S * 1000
    throttle.begin("account:rep", "192.0.2.1", now + throttle.FORGET_MS + 1)
    assert Throttle.objects.get(key="account:rep").failures == 1


def test_a_success_forgets_the_account_and_takes_its_attempt_back() -> None:
    for _ in range(3):
        throttle.begin("account:rep", "192.0.2.1", 1000)
    throttle.succeeded("account:rep", "192.0.2.1")
    assert not Throttle.objects.filter(key="account:rep").exists()
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
