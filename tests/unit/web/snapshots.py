"""Proves of a service: the old snapshot plus its events is the fresh snapshot.

A snapshot is `{collection: {key: value}}` over all topics of an area; a value with an `id` and a `topic` is known by
them, so an item may stand in several topics (under keys of the test's choice), others by their key. `apply` does to it
what a console does with events: `put` stores the value under its topic, `remove` drops the item of that topic.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from farhand.web.events.models import Event, Topic

Snapshot = dict[str, dict[str, Any]]


def apply(snapshot: Snapshot, events: list[Event]) -> dict[str, dict[tuple[str, str | None], Any]]:
    """Return what a console holds after the events, by id and topic."""
    held = by_topic(snapshot)
    for event in events:
        items = held.setdefault(event.collection, {})
        key = (event.item_id, None) if (event.item_id, None) in items else (event.item_id, event.topic)
        if event.op == "put":
            items[key] = event.value
        else:
            items.pop(key, None)
    return held


def by_topic(snapshot: Snapshot) -> dict[str, dict[tuple[str, str | None], Any]]:
    """A snapshot's items by id and topic."""
    return {
        collection: {(_id(key, value), _home(collection, key, value)): value for key, value in items.items()}
        for collection, items in snapshot.items()
    }


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
    fresh, expected = by_topic(take()), apply(before, events)
    for collection in set(expected) | set(fresh):
        assert expected.get(collection, {}) == fresh.get(collection, {})


def _id(key: str, value: Any) -> str:
    return str(value["id"]) if isinstance(value, dict) and "id" in value and "topic" in value else key


def _home(collection: str, key: str, value: Any) -> str | None:
    if isinstance(value, dict) and isinstance(value.get("topic"), str):
        return str(value["topic"])
    return {"me": f"user:{key}"}.get(collection)
