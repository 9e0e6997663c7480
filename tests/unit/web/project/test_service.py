"""The service decorator: rule, transaction, events, audit row, publishing."""

from typing import Any

import pytest
from django.db import transaction
from structlog.testing import capture_logs
from tests.unit.web.conftest import Bus

from farhand.rules.access import Decision, Object, Subject
from farhand.web.accounts import services
from farhand.web.events.models import AuditRow, Event, Topic
from farhand.web.events.queries import broken_audit_rows, numbers
from farhand.web.events.services import publish_pending
from farhand.web.project.service import SERVICES, SYSTEM, Actor, Change, Invalid, Refused, service

pytestmark = pytest.mark.django_db


def test_a_call_leaves_events_in_order_and_one_audit_row(
    claimed: None, relay_bus: Bus, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        user = services.create_user(SYSTEM, username="rep", display_name="Rep", password="correct horse battery")
    topic = f"user:{user.id}"
    assert [(event.topic, event.n, event.collection) for event in relay_bus.events()] == [
        (topic, 1, "me"),
        (topic, 2, "queues"),
    ]
    assert numbers([topic, "site"]) == {topic: 2, "site": 0}
    (row,) = AuditRow.objects.all()
    assert (row.action, row.outcome, row.object, row.subject) == (
        "accounts.user.create", "done", f"user:{user.id}", "system",
    )  # fmt: skip
    assert "horse" not in str(row.fields)
    assert not Event.objects.filter(published=False).exists()


def test_events_wait_while_the_relay_is_away(claimed: None, relay_bus: Bus) -> None:
    relay_bus.reachable = False
    services.create_user(SYSTEM, username="rep", display_name="Rep", password="correct horse battery")
    assert publish_pending() == 0
    relay_bus.reachable = True
    assert publish_pending() == 2
    assert publish_pending() == 0
    assert [event.n for event in relay_bus.events()] == [1, 2]


def test_a_failed_call_leaves_nothing(claimed: None) -> None:
    with pytest.raises(Invalid) as error, transaction.atomic():
        services.create_user(SYSTEM, username="rep", display_name="Rep", password="short")
    assert error.value.field == "password"
    assert not Topic.objects.exists()
    assert not AuditRow.objects.exists()


def test_a_refusal_is_audited(rep: Actor) -> None:
    with pytest.raises(Refused):
        services.create_user(rep, username="other", display_name="Other", password="correct horse battery")
    row = AuditRow.objects.get(outcome="refused")
    assert (row.action, row.subject, row.source_ip) == ("accounts.user.create", f"user:{rep.subject.id}", "192.0.2.8")


def test_a_service_that_never_asks_the_rules_fails() -> None:
    @service("test.thing.forgets", events="test")
    def forgets(change: Change) -> None:
        change.audit(done=True)

    @service("test.thing.unknown", events="test")
    def unknown(change: Change) -> None:
        change.allow(Object(kind="thing"))

    with pytest.raises(RuntimeError, match="without asking the rules"):
        forgets(SYSTEM)
    with pytest.raises(Refused):  # no policy, no access: not even for Farhand itself
        unknown(SYSTEM)


def test_a_call_that_changed_nothing_leaves_no_row_and_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("farhand.web.project.service.decide", lambda *_: Decision(True))

    @service("test.thing.idle", events="test")
    def idle(change: Change, *, told: bool = False) -> None:
        change.allow(Object(kind="thing"))
        change.nothing()
        if told:
            change.put("site", "things", "1", {})

    @service("test.thing.elsewhere", events="test", audit="it is written elsewhere")
    def elsewhere(change: Change) -> None:
        change.allow(Object(kind="thing"))

    @service("test.thing.works", events="test")
    def works(change: Change) -> None:
        change.allow(Object(kind="thing"))

    user = Actor(subject=Subject(kind="user", id="u"))
    with capture_logs() as lines:
        idle(user)
        elsewhere(user)
        assert not AuditRow.objects.exists()
        works(user)
        works(SYSTEM)
    assert [(line["action"], line["log_level"]) for line in lines] == [
        ("test.thing.elsewhere", "info"), ("test.thing.works", "info"), ("test.thing.works", "debug"),
    ]  # fmt: skip
    assert AuditRow.objects.filter(action="test.thing.works").count() == 2
    with pytest.raises(RuntimeError, match="says that there are none"), transaction.atomic():
        idle(user, told=True)
    for name in ("idle", "elsewhere", "works"):
        del SERVICES[f"test.thing.{name}"]


def test_the_audit_chain_shows_a_changed_row(claimed: None) -> None:
    for name in ("one", "two", "three"):
        services.create_user(SYSTEM, username=name, display_name=name, password="correct horse battery")
    assert not list(broken_audit_rows())
    row = AuditRow.objects.order_by("sequence")[1]
    AuditRow.objects.filter(id=row.id).update(fields={"username": "nobody"})
    assert [broken.id for broken in broken_audit_rows()] == [row.id]
    after = AuditRow.objects.get(sequence=row.sequence + 1)
    row.delete()
    assert [broken.id for broken in broken_audit_rows()] == [after.id]
