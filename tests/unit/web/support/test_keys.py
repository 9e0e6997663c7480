"""Session keys: who may make them, their one use, and how guessing is slowed down."""

from typing import Any

import pytest
from tests.unit.web.support.helpers import use_key

from farhand.kit.clock import FakeClock
from farhand.rules import keys as rules
from farhand.web.events.models import AuditRow, Event
from farhand.web.project import service
from farhand.web.project.service import SYSTEM, Actor, Conflict, Invalid, Refused
from farhand.web.support import key_services
from farhand.web.support.models import KeyThrottle, Session, SessionKey

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock() -> Any:
    """A clock that the test moves."""
    fake = FakeClock()
    service.set_clock(fake)
    yield fake
    from farhand.kit.clock import SystemClock

    service.set_clock(SystemClock())


def test_a_key_has_twelve_digits_and_is_kept_as_a_hash(rep: Actor) -> None:
    made = key_services.create_session_key(rep, portal="support.example")
    row = SessionKey.objects.get()
    assert made.shown == f"{made.key[:4]}-{made.key[4:8]}-{made.key[8:]}"
    assert len(made.token) == 32
    assert made.expires_ms == row.created_ms + 600_000
    assert made.key not in (row.key_hash, row.token_hash)
    assert made.token not in (row.key_hash, row.token_hash)
    audit = AuditRow.objects.get(action="support.session_key.create")
    assert made.key not in str(audit.fields)
    assert audit.object == f"session_key:{row.id}"


def test_only_with_the_permission(make_user: Any) -> None:
    from tests.unit.web.conftest import actor_for

    plain = actor_for(make_user("other", "perm_support_allowed"))
    with pytest.raises(Refused, match="generate session keys"):
        key_services.create_session_key(plain)
    assert AuditRow.objects.get(outcome="refused").action == "support.session_key.create"


def test_only_while_the_web_console_is_allowed(rep: Actor) -> None:
    from farhand.web.appliance.models import SiteSetting

    SiteSetting.objects.filter(key="web_console").update(value=False)
    with pytest.raises(Refused, match="switched off"):
        key_services.create_session_key(rep)


@pytest.mark.parametrize("lifetime", [0, -600, 601, 86_400, 10**9])
def test_only_the_offered_lifetimes(rep: Actor, lifetime: int) -> None:
    with pytest.raises(Invalid, match="offered"):
        key_services.create_session_key(rep, lifetime_s=lifetime)


def test_not_more_live_keys_than_the_risk_allows(rep: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_services, "SETTINGS", rules.KeySettings(max_live=2))
    key_services.create_session_key(rep)
    key_services.create_session_key(rep)
    with pytest.raises(Conflict, match="Too many session keys"):
        key_services.create_session_key(rep)


def test_a_used_key_produces_no_queue_entry(rep: Actor, anonymous: Actor) -> None:
    used = use_key(rep, anonymous)
    session = Session.objects.get(id=used.session_id)
    assert (session.state, session.queue) == ("joining", "")
    assert used.join not in (session.join_hash or "")
    assert used.representative == "Rep"
    assert not Event.objects.filter(collection="sessions").exists()


def test_a_token_of_the_address_works_too(rep: Actor, anonymous: Actor) -> None:
    made = key_services.create_session_key(rep)
    assert key_services.use_session_key(anonymous, token=made.token).representative == "Rep"
    with pytest.raises(key_services.UsedUp):
        key_services.use_session_key(anonymous, key=made.key)


def test_used_expired_and_unknown_keys_have_one_clear_sentence(rep: Actor, anonymous: Actor, clock: FakeClock) -> None:
    made = key_services.create_session_key(rep, lifetime_s=300)
    late = key_services.create_session_key(rep, lifetime_s=300)
    key_services.use_session_key(anonymous, key=made.key)
    clock.advance(301)
    for key, kind in (
        (made.key, key_services.UsedUp),
        (late.key, key_services.Expired),
        ("000000000000", key_services.UnknownKey),
    ):
        with pytest.raises(kind, match=r"[Aa]sk your representative") as error:
            key_services.use_session_key(anonymous, key=key)
        assert error.value.status == 404
    for wrong in ("", "123", "x" * 5000, "١٢٣٤٥٦٧٨٩٠١٢"):
        with pytest.raises(Invalid, match="twelve digits"):
            key_services.use_session_key(anonymous, key=wrong)


def test_expiry_limits_the_start_only(rep: Actor, anonymous: Actor, clock: FakeClock) -> None:
    from tests.unit.web.support.helpers import waiting

    from farhand.web.support.worker_services import expire_join

    session_id, _endpoint = waiting(rep, anonymous)
    clock.advance(30 * 86_400)
    assert not expire_join(SYSTEM, session_id=session_id)
    assert Session.objects.get(id=session_id).state == "waiting"


def test_a_disabled_account_takes_its_keys_along(rep: Actor, anonymous: Actor) -> None:
    made = key_services.create_session_key(rep)
    rep.user.is_active = False
    rep.user.save()
    with pytest.raises(key_services.Expired):
        key_services.use_session_key(anonymous, key=made.key)


def test_guessing_is_slowed_down_and_every_wait_ends(anonymous: Actor, claimed: None, clock: FakeClock) -> None:
    for number in range(rules.FREE_FAILURES):
        with pytest.raises(key_services.UnknownKey):
            key_services.use_session_key(anonymous, key=f"{number:012d}")
    with pytest.raises(key_services.UnknownKey):
        key_services.use_session_key(anonymous, key="000000000099")
    with pytest.raises(key_services.Throttled) as error:
        key_services.use_session_key(anonymous, key="000000000099")
    assert error.value.wait_s >= 1
    clock.advance(rules.MAX_DELAY_MS / 1000)
    with pytest.raises(key_services.UnknownKey):
        key_services.use_session_key(anonymous, key="000000000099")


def test_all_addresses_together_have_a_budget(
    rep: Actor, claimed: None, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from farhand.rules.access import Subject

    monkeypatch.setattr(key_services, "SETTINGS", rules.KeySettings(digits=10))  # so few that it is soon used up
    for _ in range(20):
        key_services.create_session_key(rep, lifetime_s=rules.LIFETIMES_S[-1])
    budget = rules.budget(rules.Alive(count=20, longest_life_s=rules.LIFETIMES_S[-1]), key_services.SETTINGS) // 20
    assert 10 < budget < 50
    answered = 0
    for number in range(budget + 20):
        actor = Actor(subject=Subject(kind="anonymous"), source_ip=f"2001:db8:{number:x}::1")
        try:
            key_services.use_session_key(actor, key="0000000001")
        except key_services.UnknownKey:
            answered += 1
        except key_services.Throttled:
            pass
    assert answered == budget
    clock.advance(61)
    with pytest.raises(key_services.UnknownKey):
        key_services.use_session_key(Actor(subject=Subject(kind="anonymous"), source_ip="192.0.2.9"), key="0000000001")


def test_the_right_key_is_not_counted(rep: Actor, anonymous: Actor) -> None:
    for _ in range(rules.FREE_FAILURES + 3):
        use_key(rep, anonymous)
    assert not KeyThrottle.objects.filter(failures__gt=0).exists()


def test_dead_keys_are_removed_after_a_day(rep: Actor, clock: FakeClock) -> None:
    key_services.create_session_key(rep)
    assert key_services.remove_dead_keys(SYSTEM) == 0
    clock.advance(86_400 + 601)
    assert key_services.remove_dead_keys(SYSTEM) == 1
    assert not SessionKey.objects.exists()
