"""The one form of every change: rule, one transaction, events, audit row, then publishing.

A service is a function `f(change, *, ...)` under `@service("area.object.verb")`; it is called `f(actor, ...)`. Its
body asks `change.allow(...)` before it changes anything, tells what changed by `change.put` and `change.remove`, adds
facts for the audit row by `change.audit`. Rules: one audit row and one log line per call, none for a call that changed
nothing and says so (`change.nothing()`); numbers are given at the end, just before the commit; nothing leaves the
process before the commit. A service that changes nothing a console shows says so: `events="why"`; one whose changes
are recorded elsewhere already says so too: `audit="why"` (for Farhand itself alone: whatever a person does has its
row). What Farhand does by itself is logged at debug level.
"""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import msgspec
from django.db import connection, transaction
from django.utils.translation import gettext

from farhand.kit.clock import Clock, SystemClock
from farhand.kit.log import get_log
from farhand.rules.access import Context, Object, Subject, decide
from farhand.web.events.services import Pending, publish_pending, store_events, write_audit
from farhand.web.project.errors import Conflict, Invalid, NotThere, Refused, ServiceError

__all__ = [
    "SERVICES", "SYSTEM", "Actor", "Change", "Conflict", "Invalid", "NotThere", "Refused", "ServiceError",
    "ServiceInfo", "service", "set_clock",
]  # fmt: skip

P = ParamSpec("P")
R = TypeVar("R")
log = get_log("service")
_clock: Clock = SystemClock()


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls a service, and from where."""

    subject: Subject
    name: str = ""
    """Display name, as written to audit rows."""
    user: Any = None
    """`accounts.models.User`, `ApplianceUser` or None."""
    source_ip: str = ""


SYSTEM = Actor(subject=Subject(kind="system"), name="Farhand")
"""Farhand itself: the worker, and the command line of the machine's owner."""


class ServiceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the registry knows of a service."""

    action: str
    call: Callable[..., Any]
    events: bool
    no_events_because: str
    audit: bool
    no_audit_because: str


SERVICES: dict[str, ServiceInfo] = {}
"""Every service of the modules that have been imported."""


class Change:
    """One running service call: its actor, and what it has to tell."""

    def __init__(self, actor: Actor, action: str) -> None:
        self.actor = actor
        self.action = action
        self.now_ms = _clock.now_ms()
        self.allowed = False
        self.changed = True
        """Until the body says otherwise."""
        self.audited = True
        """The service writes an audit row for each call that changed something."""
        self._object = ""
        self._pending: list[Pending] = []
        self._audit: dict[str, Any] = {}

    def allow(self, obj: Object, context: Context | None = None, *, action: str = "") -> None:
        """Ask the rules; raise Refused with their sentence. `action` asks for another one than the service's own."""
        self._object = self._object or _name_of(obj)
        decision = decide(self.actor.subject, action or self.action, obj, context or Context(now_ms=self.now_ms))
        if not decision.allowed:
            raise Refused(gettext(decision.reason))
        self.allowed = True

    def about(self, kind: str, ident: str) -> None:
        """Name the object of the audit row when it came to be only in the body."""
        self._object = f"{kind}:{ident}"

    def put(self, topic: str, collection: str, ident: str, value: dict[str, Any]) -> None:
        """Tell that the item is now `value` (JSON types; the console's shape of it)."""
        self._pending.append(Pending(topic=topic, collection=collection, op="put", item_id=ident, value=value))

    def remove(self, topic: str, collection: str, ident: str) -> None:
        """Tell that the item is no longer in this topic."""
        self._pending.append(Pending(topic=topic, collection=collection, op="remove", item_id=ident, value=None))

    def audit(self, **fields: Any) -> None:
        """Add facts (JSON types, no secrets) to the audit row."""
        self._audit.update(fields)

    def nothing(self) -> None:
        """Say that this call changed nothing after all: no row, no line."""
        self.changed = False

    def after_commit(self, function: Callable[[], None]) -> None:
        """Run `function` once the change is on disk (bus messages, waking the worker)."""
        transaction.on_commit(function, robust=True)

    def finish(self) -> None:
        """Store events and the audit row; called by the wrapper inside the transaction."""
        if not self.allowed:
            raise RuntimeError(f"service {self.action} changed things without asking the rules")
        if not self.changed:
            if self._pending:
                raise RuntimeError(f"service {self.action} tells of changes and says that there are none")
            return
        if self._pending:
            store_events(self._pending, self.now_ms)
            transaction.on_commit(publish_quietly, robust=True)
        if self.audited:
            self.write_row("done", self._audit)

    def write_row(self, outcome: str, fields: dict[str, Any]) -> None:
        """Write the audit row of this call."""
        write_audit(
            time_ms=self.now_ms,
            subject=self.actor.subject.name,
            subject_name=self.actor.name[:128],
            source_ip=self.actor.source_ip,
            action=self.action,
            obj=self._object,
            outcome=outcome,
            fields=fields,
        )


def service(
    action: str, *, events: bool | str = True, audit: bool | str = True
) -> Callable[[Callable[Concatenate[Change, P], R]], Callable[Concatenate[Actor, P], R]]:
    """Make a service of a function.

    `events`: True, or the reason why it has nothing to tell the consoles. `audit`: True, or where else its changes are
    recorded.
    """

    def wrap(function: Callable[Concatenate[Change, P], R]) -> Callable[Concatenate[Actor, P], R]:
        @functools.wraps(function)
        def call(actor: Actor, /, *args: P.args, **kwargs: P.kwargs) -> R:
            change = Change(actor, action)
            change.audited = audit is True
            try:
                with transaction.atomic():
                    result = function(change, *args, **kwargs)
                    change.finish()
            except Refused as refusal:
                _audit_refusal(change, refusal)
                raise
            if change.changed:
                tell = log.debug if actor.subject.kind == "system" else log.info
                tell("service_done", action=action, subject=actor.subject.name)
            return result

        if action in SERVICES:
            raise RuntimeError(f"two services are called {action}")
        SERVICES[action] = ServiceInfo(
            action=action,
            call=call,
            events=events is True,
            no_events_because="" if isinstance(events, bool) else events,
            audit=audit is True,
            no_audit_because="" if isinstance(audit, bool) else audit,
        )
        return call

    return wrap


def publish_quietly() -> None:
    """Publish what is stored; the sweep does what fails here."""
    publish_pending()


def set_clock(clock: Clock) -> None:
    """Replace the clock of all services (tests)."""
    global _clock  # noqa: PLW0603 - one clock per process
    _clock = clock


def now_ms() -> int:
    """The services' time in milliseconds."""
    return _clock.now_ms()


def _audit_refusal(change: Change, refusal: Refused) -> None:
    log.warning("service_refused", action=change.action, subject=change.actor.subject.name, text=refusal.text)
    if connection.in_atomic_block and not _in_test_transaction():
        return  # an outer service is being rolled back: it writes the row
    if change.actor.subject.kind in {"user", "appliance-user"}:
        with transaction.atomic():
            change.write_row("refused", {"text": refusal.text})


def write_refusal(actor: Actor, action: str, obj: Object, **fields: Any) -> None:
    """Write the audit row of something that was refused before its service was called (a wrong password at sign-in).

    Call inside a transaction. `fields`: JSON types, no secrets and nothing that a person typed blindly.
    """
    change = Change(actor, action)
    change._object = _name_of(obj)
    change.write_row("refused", fields)


def _name_of(obj: Object) -> str:
    return f"{obj.kind}:{obj.id}" if obj.id else obj.kind


def _in_test_transaction() -> bool:
    return any(getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)
