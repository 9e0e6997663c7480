"""Proves of a service: the old snapshot plus its events is the fresh snapshot.

A snapshot is `{collection: {id: value}}` over all topics of an area; `apply` does to it what a console does with
events: `put` stores the value with its topic, `remove` drops the item only when it is stored under the event's topic.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from farhand.web.events.models import Event, Topic

Snapshot = dict[str, dict[str, Any]]


def apply(snapshot: Snapshot, events: list[Event]) -> Snapshot:
    """Return the snapshot after the events, as a console would hold it."""
    held = {collection: {key: (_home(collection, key, value), value) for key, value in items.items()}
            for collection, items in snapshot.items()}  # fmt: skip
    for event in events:
        items = held.setdefault(event.collection, {})
        if event.op == "put":
            items[event.item_id] = (event.topic, event.value)
        elif event.item_id in items and items[event.item_id][0] in {event.topic, None}:
            del items[event.item_id]
    return {collection: {key: value for key, (_topic, value) in items.items()} for collection, items in held.items()}


@contextmanager
def proven(take: Callable[[], Snapshot], *, expect_events: bool = True) -> Iterator[None]:
    """Run the body's service call and check `old + events == fresh`, and that numbers have no gap."""
    before = take()
    last = dict(Topic.objects.values_list("name", "last"))
    newest = Event.objects.order_by("-id").values_list("id", flat=True).first() or 0
    yield
    events = list(Event.objects.filter(id__gt=newest).order_by("id"))
    for event in events:
        assert event.n == last.get(event.topic, 0) + 1, f"gap in {event.topic}"
        last[event.topic] = event.n
    assert not expect_events or events, "the service told nothing"
    fresh = take()
    for collection in set(before) | set(fresh):
        before.setdefault(collection, {})
        fresh.setdefault(collection, {})
    assert apply(before, events) == fresh


def _home(collection: str, key: str, value: Any) -> str | None:
    if isinstance(value, dict) and isinstance(value.get("topic"), str):
        return str(value["topic"])
    return {"me": f"user:{key}"}.get(collection)
