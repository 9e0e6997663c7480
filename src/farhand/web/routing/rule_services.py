"""Rules for waiting sessions: editing them, and following them; and what is done when a representative is lost."""

from typing import Any, Final, get_args

import msgspec
from django.utils.translation import gettext

from farhand.rules import routing
from farhand.rules.access import Object
from farhand.web.accounts.queries import queue_name
from farhand.web.appliance.queries import FALLBACK
from farhand.web.appliance.services import put_setting
from farhand.web.project.service import Change, Conflict, Invalid, NotThere, service
from farhand.web.routing import queries
from farhand.web.routing.models import WaitingRule
from farhand.web.support import lives

MAX_RULES: Final = 100
MAX_MINUTES: Final = 24 * 60
_NO_EVENT: Final = "rules show in /login alone"


class Fields(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as an administrator writes it."""

    source: str
    when: str
    minutes: int = 0
    """Of the condition `waited`."""
    target: str = ""
    """Queue; empty: a message to the customer."""
    text: str = ""
    position: int = 1
    """From 1: before which other one it is asked."""


@service("routing.rule.create", events=_NO_EVENT)
def create_rule(change: Change, *, fields: Fields) -> WaitingRule:
    """Create a rule. Raises Refused, Invalid, Conflict."""
    change.allow(Object(kind="waiting_rule"))
    if WaitingRule.objects.count() >= MAX_RULES:
        raise Conflict(gettext("There are as many rules as there can be. Remove one first."))
    rule = WaitingRule(created_ms=change.now_ms)
    _fill(rule, fields)
    _place(rule, fields.position)
    change.about("waiting_rule", rule.id)
    change.audit(**_told(rule))
    return rule


@service("routing.rule.edit", events=_NO_EVENT)
def edit_rule(change: Change, *, rule_id: str, fields: Fields) -> WaitingRule:
    """Change a rule; what it has done already stays done. Raises Refused, Invalid, NotThere."""
    change.allow(Object(kind="waiting_rule", id=rule_id))
    rule = _rule(rule_id)
    before = _told(rule)
    _fill(rule, fields)
    _place(rule, fields.position)
    change.audit(old=before, **_told(rule))
    return rule


@service("routing.rule.remove", events=_NO_EVENT)
def remove_rule(change: Change, *, rule_id: str) -> None:
    """Remove a rule. Raises Refused, NotThere."""
    change.allow(Object(kind="waiting_rule", id=rule_id))
    rule = _rule(rule_id)
    change.audit(**_told(rule))
    rule.delete()


@service("routing.session.follow")
def follow_rule(change: Change, *, session_id: str) -> bool:
    """Do with a waiting session what the first rule says that applies now (R-083); False when nothing is to be done."""
    change.allow(Object(kind="session", id=session_id))
    session = lives.locked(session_id)
    waiting = session.state == "waiting" and session.kind == "support" and session.queued_ms is not None
    step = None
    if waiting:
        step = queries.step_for(
            session.queue, session.queued_ms or 0, session.routed, queries.pure_rules(), change.now_ms
        )
    if step is None:
        change.nothing()
        return False
    trail = msgspec.to_builtins(step.trail)
    change.audit(rule=step.rule.id, queue=session.queue, target=step.rule.target)
    if step.rule.target:
        lives.move(change, session, step.rule.target, trail)
    else:
        lives.say(change, session, step.rule.text, trail)
    return True


@service("routing.fallback.edit", events="the options show in /login alone")
def edit_fallback(change: Change, *, options: routing.Fallback) -> None:
    """Choose what is done with a session whose representative is lost. Raises Refused, Invalid."""
    change.allow(Object(kind="site"))
    kinds = {"support", "jump"}
    if not all(set(step) <= kinds for step in (options.last, options.entry, options.fallback)):
        raise Invalid("last", gettext("Choose among the offered kinds of session."))
    if options.fallback and not options.queue:
        raise Invalid("queue", gettext("Choose the fallback queue."))
    if options.queue and options.queue not in dict(queries.queue_choices()):
        raise Invalid("queue", gettext("This queue does not exist any more. Choose another one."))
    change.audit(old=msgspec.to_builtins(queries.fallback()), new=msgspec.to_builtins(options))
    put_setting(FALLBACK, msgspec.to_builtins(options))


def _rule(ident: str) -> WaitingRule:
    rule = queries.rule_by_id(ident)
    if rule is None:
        raise NotThere(gettext("There is no such rule any more."))
    return rule


def _fill(rule: WaitingRule, fields: Fields) -> None:
    rule.source = fields.source
    if rule.source not in dict(queries.source_choices()):
        raise Invalid("source", gettext("Choose the queue whose sessions the rule is for."))
    rule.when = fields.when
    if rule.when not in get_args(routing.When):
        raise Invalid("when", gettext("Choose when the rule applies."))
    rule.after_s = fields.minutes * 60 if rule.when == "waited" else 0
    if rule.when == "waited" and not 1 <= fields.minutes <= MAX_MINUTES:
        raise Invalid("minutes", gettext("A waiting time is 1 to 1440 minutes."))
    rule.target = fields.target
    if rule.target and rule.target not in dict(queries.queue_choices()):
        raise Invalid("target", gettext("This queue does not exist any more. Choose another one."))
    if rule.target and rule.target == rule.source:
        raise Invalid("target", gettext("Choose another queue than the one in which the session waits."))
    rule.text = "" if rule.target else " ".join(fields.text.split())
    if not rule.target and (not rule.text or len(rule.text) > routing.MAX_TEXT or not rule.text.isprintable()):
        raise Invalid("text", gettext("A message to the customer has 1 to 500 characters that can be printed."))


def _place(rule: WaitingRule, position: int) -> None:
    """Put the rule before the one that is at this place, and number all anew."""
    others = list(queries.rules().exclude(id=rule.id))
    others.insert(max(0, min(position - 1, len(others))), rule)
    for number, one in enumerate(others, 1):
        if one is rule or one.position != number:
            one.position = number
            one.save()


def _told(rule: WaitingRule) -> dict[str, Any]:
    """What audit rows say of a rule."""
    return {
        "source": rule.source,
        "when": rule.when,
        "after_s": rule.after_s,
        "target": rule.target,
        "queue": queue_name(rule.target),
        "text": rule.text,
        "position": rule.position,
    }
