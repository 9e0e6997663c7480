"""What the worker does for the areas: steps that come round, and what follows from a message of the relay.

Areas register both in their `apps`; the worker (`farhand.web.worker`) knows none of them. Rules: a step may be killed,
repeated or come late; it finds by itself what is due. Steps run in the order in which they were registered.
"""

from collections.abc import Callable
from typing import Any

import msgspec


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Something that comes round."""

    name: str
    run: Callable[[], object]
    every_s: float = 0.0
    """At least so long between two runs; 0 = at every tick (a second)."""
    settled: bool = False
    """Only once the relay has said who is there, and that was applied: before that nobody counts as lost."""


_steps: list[Step] = []
_handlers: dict[type, list[Callable[[Any], object]]] = {}


def register_step(name: str, run: Callable[[], object], *, every_s: float = 0.0, settled: bool = False) -> None:
    """Let the worker do this again and again. RuntimeError for a name that is taken."""
    if any(step.name == name for step in _steps):
        raise RuntimeError(f"two steps are called {name}")
    _steps.append(Step(name=name, run=run, every_s=every_s, settled=settled))


def register_message(kind: type, handle: Callable[[Any], object]) -> None:
    """Let the worker hand every message of this type to `handle`. Handlers run in order; the first that fails is the
    last for this message.
    """
    _handlers.setdefault(kind, []).append(handle)


def steps() -> tuple[Step, ...]:
    """All steps, in order."""
    return tuple(_steps)


def handlers(kind: type) -> tuple[Callable[[Any], object], ...]:
    """Who wants messages of this type."""
    return tuple(_handlers.get(kind, ()))
