"""Numbers without gaps, also when many write at once; history numbers; pruning."""

import threading

import pytest
from django.db import connections, transaction
from tests.unit.web.conftest import Bus

from farhand.web.events.models import AuditRow, Event, Topic
from farhand.web.events.queries import broken_audit_rows
from farhand.web.events.services import (
    KEEP_EVENTS_MS,
    Pending,
    new_origin,
    next_history,
    prune_events,
    publish_pending,
    store_events,
)
from farhand.web.project.service import SYSTEM, Change, service


def event(topic: str, item: str = "x") -> Pending:
    return Pending(topic=topic, collection="things", op="put", item_id=item, value={"id": item})


@pytest.mark.django_db(transaction=True)
def test_many_writers_leave_no_gap_and_one_chain(relay_bus: Bus) -> None:
    def write(worker: int) -> None:
        try:
            for number in range(5):
                change = Change(SYSTEM, "appliance.security.edit")
                change.allowed = True
                with transaction.atomic():
                    change.put("site", "things", f"{worker}-{number}", {"id": f"{worker}-{number}"})
                    change.put(f"user:{worker % 2}", "things", f"{number}", {})
                    change.finish()
        finally:
            connections.close_all()

    next_history()
    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    publish_pending()
    assert list(Event.objects.filter(topic="site").order_by("n").values_list("n", flat=True)) == list(range(1, 21))
    sent = [message.n for message in relay_bus.events() if message.topic == "site"]
    assert sent == list(range(1, 21))  # also left in order, each once
    assert AuditRow.objects.count() == 20
    assert not list(broken_audit_rows())
    assert sorted(AuditRow.objects.values_list("sequence", flat=True)) == list(range(2, 22))


@pytest.mark.django_db
def test_a_new_incarnation_counts_anew_and_keeps_the_chain() -> None:
    @service("test.origin.touch", events="test")
    def touch(change: Change) -> None:
        change.allowed = True

    touch(SYSTEM)
    origin, _number = next_history(3)
    new_origin()
    other, number = next_history()
    assert other != origin
    assert number == 1
    touch(SYSTEM)
    rows = list(AuditRow.objects.order_by("id"))
    assert rows[1].previous == rows[0].hash


@pytest.mark.django_db
def test_only_old_published_events_are_pruned() -> None:
    store_events([event("site"), event("site")], 1000)
    store_events([event("site")], 1000 + KEEP_EVENTS_MS)
    assert prune_events(10 * KEEP_EVENTS_MS) == 0
    publish_pending()
    assert prune_events(1001 + KEEP_EVENTS_MS) == 2
    assert Topic.objects.get(name="site").last == 3
