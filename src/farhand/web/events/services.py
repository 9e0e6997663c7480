"""Writing history numbers, events and audit rows, and bringing stored events out on the bus.

Called by `farhand.web.project.service` inside its transaction; the publishing half is called after the commit and by
the worker's sweep. Rules: numbers are taken by one UPDATE of the counter's row, which also serialises writers of a
topic, so that the order of numbers is the order of commits.
"""

import hashlib
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import F

from farhand.kit.ids import new_id
from farhand.kit.log import get_log
from farhand.protocol import bus as messages
from farhand.protocol.messages import Event as EventMessage
from farhand.web.events.models import AuditRow, Event, Origin, Topic
from farhand.web.project import bus

log = get_log("events")
_publishing = threading.Lock()

PUBLISH_BATCH = 500
KEEP_EVENTS_MS = 24 * 3600 * 1000
"""Published events are kept this long for looking into what happened; consoles that were away longer take a
snapshot.
"""


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """An event that has no number yet."""

    topic: str
    collection: str
    op: str
    item_id: str
    value: dict[str, Any] | None


def next_history(count: int = 1) -> tuple[str, int]:
    """Take `count` history numbers; returns the origin and the first of them. Call inside a transaction."""
    if not Origin.objects.update(last=F("last") + count):
        Origin.objects.create(id=new_id(), last=count)
    origin = Origin.objects.get()
    return origin.id, origin.last - count + 1


def new_origin() -> None:
    """Begin a new incarnation (install, reset, restore, rollback): later history rows count from 1 again."""
    with transaction.atomic():
        previous = Origin.objects.first()
        Origin.objects.all().delete()
        Origin.objects.create(id=new_id(), audit_hash=previous.audit_hash if previous else "")


def store_events(pending: Sequence[Pending], now_ms: int) -> None:
    """Number and store events. Topics are taken in the order of their names, so that writers cannot deadlock."""
    rows: list[Event] = []
    for name in sorted({event.topic for event in pending}):
        mine = [event for event in pending if event.topic == name]
        if not Topic.objects.filter(name=name).update(last=F("last") + len(mine)):
            Topic.objects.bulk_create([Topic(name=name)], ignore_conflicts=True)
            Topic.objects.filter(name=name).update(last=F("last") + len(mine))
        first = Topic.objects.values_list("last", flat=True).get(name=name) - len(mine) + 1
        rows += [
            Event(
                topic=name,
                n=first + index,
                collection=event.collection,
                op=event.op,
                item_id=event.item_id,
                value=event.value,
                made_ms=now_ms,
            )
            for index, event in enumerate(mine)
        ]
    Event.objects.bulk_create(rows)


def write_audit(
    *,
    time_ms: int,
    subject: str,
    subject_name: str,
    source_ip: str,
    action: str,
    obj: str,
    outcome: str,
    fields: Mapping[str, Any],
) -> AuditRow:
    """Append one row to the audit chain. Call inside a transaction."""
    origin, sequence = next_history()
    row = AuditRow(
        origin=origin,
        sequence=sequence,
        time_ms=time_ms,
        subject=subject,
        subject_name=subject_name,
        source_ip=source_ip,
        action=action,
        object=obj[:128],
        outcome=outcome,
        fields=dict(fields),
        previous=Origin.objects.values_list("audit_hash", flat=True).get(id=origin),
    )
    row.hash = audit_hash(row)
    row.save(force_insert=True)
    Origin.objects.filter(id=origin).update(audit_hash=row.hash)
    return row


def audit_hash(row: AuditRow) -> str:
    """Hash of one audit row: SHA-256 over the previous hash and the canonical JSON of every other field."""
    body = {
        name: getattr(row, name)
        for name in (
            "id", "origin", "sequence", "time_ms", "subject", "subject_name", "source_ip", "action", "object",
            "outcome", "fields",
        )
    }  # fmt: skip
    return hashlib.sha256(row.previous.encode() + msgspec.json.encode(body, order="deterministic")).hexdigest()


def publish_pending() -> int:
    """Bring stored events that are not out yet onto the bus, in order; returns how many went out.

    One at a time per process, so that numbers of a topic leave in order; a second process may send an event twice,
    which receivers tell by its number. When the relay is away the events wait here for the next call.
    """
    sent = 0
    with _publishing:
        while True:
            rows = list(Event.objects.filter(published=False).order_by("id")[:PUBLISH_BATCH])
            if not rows:
                return sent
            rows.sort(key=lambda row: (row.topic, row.n))
            if not bus.publish(messages.Publish(events=[as_message(row) for row in rows])):
                return sent
            Event.objects.filter(id__in=[row.id for row in rows]).update(published=True)
            sent += len(rows)


def as_message(row: Event) -> EventMessage:
    """Build the message of a stored event."""
    return EventMessage(
        topic=row.topic,
        n=row.n,
        collection=row.collection,
        op="put" if row.op == "put" else "remove",
        id=row.item_id,
        value=row.value,
    )


def prune_events(now_ms: int) -> int:
    """Remove published events that are older than `KEEP_EVENTS_MS`; returns how many."""
    return Event.objects.filter(published=True, made_ms__lt=now_ms - KEEP_EVENTS_MS).delete()[0]
