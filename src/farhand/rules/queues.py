"""Queues: where a session waits and who sees it there.

A queue's id is also the topic of its events: `user:ID` is a person's personal queue, `team:ID` a team's. Who may see a
queue is exactly who is in it; nothing else opens it.
"""

from typing import Literal

import msgspec

from farhand.rules.access import Subject

QueueKind = Literal["personal", "team"]


class Queue(msgspec.Struct, frozen=True):
    """One queue by its parts."""

    kind: QueueKind
    owner_id: str

    @property
    def id(self) -> str:
        """Id and topic of the queue."""
        return f"{'user' if self.kind == 'personal' else 'team'}:{self.owner_id}"


def personal(user_id: str) -> str:
    """Return the id of a person's personal queue."""
    return Queue("personal", user_id).id


def parse(queue: str) -> Queue:
    """Split a queue's id. Raises ValueError for anything else."""
    prefix, _, owner = queue.partition(":")
    if prefix == "user" and owner:
        return Queue("personal", owner)
    if prefix == "team" and owner:
        return Queue("team", owner)
    raise ValueError("a queue is user:ID or team:ID")


def sees(subject: Subject, queue: str) -> bool:
    """Say whether the subject sees this queue and the sessions in it."""
    try:
        parsed = parse(queue)
    except ValueError:
        return False
    if subject.kind != "user":
        return False
    return parsed.owner_id == subject.id if parsed.kind == "personal" else parsed.owner_id in subject.teams


def visible(subject: Subject) -> list[str]:
    """Return the ids of all queues that the subject sees, the personal one first."""
    if subject.kind != "user":
        return []
    return [personal(subject.id), *(f"team:{team}" for team in sorted(subject.teams))]
