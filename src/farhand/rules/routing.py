"""Where a waiting session goes by itself, and where one goes whose representative was lost. Pure: no rows, no clock.

An administrator's rules are asked in their order, again and again while a session waits; the first that applies and can
be followed is. Rules: a session never comes back into a queue in which it has waited since somebody accepted it last,
and each rule does something once in that time, so that every way ends; a queue that nobody could ever look into is no
target. Persistent team queues keep their sessions: there nobody being signed in is no reason to leave.
"""

from collections.abc import Callable, Sequence
from typing import Final, Literal

import msgspec

from farhand.rules import queues

When = Literal["waited", "nobody"]
PERSONAL: Final = "personal"
"""Source of a rule: every personal queue."""
GRACE_MS: Final = 30_000
"""Whoever was at a console this short a time ago may be reloading the page: nobody is gone before."""
MAX_TEXT: Final = 500
"""Characters of a message to the customer."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule: of which queue, when, and what then: into another queue, or a message to the customer."""

    id: str
    source: str
    """`team:ID`, or `PERSONAL`."""
    when: When
    after_ms: int = 0
    """How long a session has waited in the queue; of `waited` only."""
    target: str = ""
    """Queue; empty: a message."""
    text: str = ""


class Trail(msgspec.Struct, frozen=True, kw_only=True):
    """What was done with a session by itself since somebody accepted it last."""

    queues: tuple[str, ...] = ()
    """Queues that it left."""
    done: tuple[str, ...] = ()
    """Ids of rules that were followed."""
    said: str = ""
    """The last message to the customer."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done now, and the trail after it."""

    rule: Rule
    trail: Trail


Ask = Callable[[str], bool]


def next_step(
    queue: str, waited_ms: int, trail: Trail, rules: Sequence[Rule], *, attended: Ask, usable: Ask
) -> Step | None:
    """Return what to do with a session that has waited in this queue for `waited_ms`; None: nothing now.

    `attended` says of a queue whether somebody of it is signed in, or was within `GRACE_MS` (of a persistent queue:
    always); `usable` whether sessions can wait in it.
    """
    for rule in rules:
        if rule.id in trail.done or not _is_of(rule, queue) or not _applies(rule, queue, waited_ms, attended):
            continue
        done = (*trail.done, rule.id)
        if not rule.target:
            return Step(rule=rule, trail=msgspec.structs.replace(trail, done=done, said=rule.text))
        if rule.target != queue and rule.target not in trail.queues and usable(rule.target):
            return Step(rule=rule, trail=msgspec.structs.replace(trail, done=done, queues=(*trail.queues, queue)))
    return None


def _is_of(rule: Rule, queue: str) -> bool:
    return queue.startswith("user:") if rule.source == PERSONAL else rule.source == queue


def _applies(rule: Rule, queue: str, waited_ms: int, attended: Ask) -> bool:
    if rule.when == "waited":
        return waited_ms >= rule.after_ms
    return waited_ms >= GRACE_MS and not attended(queue)


class Fallback(msgspec.Struct, frozen=True, kw_only=True):
    """Which steps are taken, for which kinds of session (`support`, `jump`), when a representative is lost."""

    last: tuple[str, ...] = ("support", "jump")
    entry: tuple[str, ...] = ("support",)
    fallback: tuple[str, ...] = ()
    queue: str = ""
    """The fallback queue."""


def fallback_queue(
    kind: str, owner_id: str, last: str, entry: str, options: Fallback, *, usable: Ask, persistent: Ask
) -> str | None:
    """Return the queue for a session whose representative is lost and in which nobody else is; None: it ends.

    The last queue (from which it was accepted), the entry queue, the fallback queue: the first whose step is switched
    on for this kind and in which sessions can wait. A persistent team queue gets its session back in any case.
    """
    last = last or queues.personal(owner_id)
    if persistent(last):
        return last
    steps = ((options.last, last), (options.entry, entry), (options.fallback, options.queue))
    return next((queue for kinds, queue in steps if kind in kinds and queue and usable(queue)), None)
