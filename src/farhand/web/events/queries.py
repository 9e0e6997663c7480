"""Reading topics and the audit chain."""

from collections.abc import Iterable, Iterator

from farhand.web.events.models import AuditRow, Topic
from farhand.web.events.services import audit_hash


def numbers(topics: Iterable[str]) -> dict[str, int]:
    """Return the newest number of each of `topics` (0 for one without events).

    A snapshot reads this BEFORE its items, in one transaction where the database allows it: an event that is already in
    the items is then only applied twice, never missed.
    """
    wanted = list(topics)
    found = dict(Topic.objects.filter(name__in=wanted).values_list("name", "last"))
    return {name: found.get(name, 0) for name in wanted}


def broken_audit_rows() -> Iterator[AuditRow]:
    """Yield the audit rows whose hash, or whose link to the row before it in the same incarnation, does not hold.

    Ids of incarnations sort by time, so the oldest come first. A row that is missing shows in the one that follows it.
    """
    before: AuditRow | None = None
    for row in AuditRow.objects.order_by("origin", "sequence").iterator():
        linked = before is None or before.origin != row.origin or row.previous == before.hash
        if not linked or row.hash != audit_hash(row):
            yield row
        before = row
