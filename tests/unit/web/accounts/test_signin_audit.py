"""Sign-ins that fail are in the audit, and nobody can fill it with them."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from farhand.kit.clock import FakeClock
from farhand.web.accounts import second_factor, throttle
from farhand.web.accounts.models import ApplianceUser
from farhand.web.events.models import AuditRow
from farhand.web.events.queries import broken_audit_rows
from farhand.web.project import service

pytestmark = pytest.mark.django_db
GOOD = "correct horse battery"


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    """The services' time, moved by the test."""
    clock = FakeClock()
    service.set_clock(clock)
    yield clock
    service.set_clock(service.SystemClock())


def refused() -> list[tuple[str, str, str]]:
    """Failed sign-ins in the audit: action, object, reason."""
    rows = AuditRow.objects.filter(outcome="refused").order_by("sequence")
    return [(row.action, row.object, row.fields["reason"]) for row in rows]


def attempt(browser: Client, username: str, password: str, address: str = "192.0.2.9") -> int:
    """Sign in at /login."""
    return browser.post("/login/sign-in", {"username": username, "password": password}, REMOTE_ADDR=address).status_code


def test_a_wrong_password_has_a_row_without_what_was_typed(browser: Client, make_user: Any) -> None:
    user = make_user("rep")
    assert attempt(browser, "rep", "wrong battery horse") == 403
    assert attempt(browser, "my secret typed in the wrong field", "x") == 403
    assert refused() == [
        ("accounts.user.sign_in", f"user:{user.id}", "password"), ("accounts.user.sign_in", "user", "password"),
    ]  # fmt: skip
    row = AuditRow.objects.filter(outcome="refused").latest("sequence")
    assert (row.source_ip, row.subject) == ("192.0.2.9", "anonymous")
    assert "secret" not in str(list(AuditRow.objects.values()))
    assert not list(broken_audit_rows())
    assert attempt(browser, "rep", GOOD) == 302
    assert len(refused()) == 2


def test_a_wrong_code_has_a_row(browser: Client, make_user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    user = make_user("rep")
    monkeypatch.setattr(second_factor, "is_on", lambda _user: True)
    assert attempt(browser, "rep", GOOD) == 200
    assert browser.post("/login/code", {"code": "123456"}).status_code == 403
    assert refused() == [("accounts.user.sign_in", f"user:{user.id}", "second-factor")]


def test_the_appliance_has_its_own(browser: Client, claimed: None) -> None:
    account = ApplianceUser(username="box")
    account.set_password(GOOD)
    account.save()
    browser.post("/appliance/sign-in", {"username": "box", "password": "no"})
    assert refused() == [("accounts.appliance_user.sign_in", f"appliance-user:{account.id}", "password")]


def test_attempts_that_come_too_soon_are_noted_once_a_minute_per_source(
    browser: Client, make_user: Any, clock: FakeClock
) -> None:
    make_user("rep")
    for _ in range(throttle.FREE_ACCOUNT + 30):
        attempt(browser, "rep", "no")
    reasons = [reason for _action, _object, reason in refused()]
    assert reasons == ["password"] * throttle.FREE_ACCOUNT + ["throttled"]
    for second in range(3):  # somebody who never waits
        for part in range(1, 20):
            attempt(browser, "rep", "no", f"2001:db8:1:2::{part}")
        clock.advance(0.1 * second)
    noted = AuditRow.objects.filter(outcome="refused", fields__reason="throttled")
    assert noted.filter(source_ip__startswith="2001:").count() == 1
    row = noted.latest("sequence")
    clock.advance(61)
    attempt(browser, "rep", "no", "2001:db8:1:2::1")
    attempt(browser, "rep", "no", "2001:db8:1:2::1")
    assert noted.filter(source_ip__startswith="2001:", time_ms__gt=row.time_ms).count() == 1
