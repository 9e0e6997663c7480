"""Judging running sessions anew after somebody's access changed (see `farhand.web.project.revocation`).

Whoever may no longer be in a session leaves it at once: legs end, the relay is told after the commit. All other legs,
the endpoint's too, get the grants and limits of now. Rules: a session that loses its last member waits in its owner's
queue again; a Jump ends, because it was that person's alone. What waits in the queue of a person who could not accept
it any more goes the way of lost sessions (`lives.queue_of_lost`); when that leads nowhere, it ends.
Nobody is left invited by name who could not come: a transfer to that person would lead into a queue that nobody sees.
"""

from collections.abc import Collection

import msgspec
from django.utils.translation import gettext

from farhand.rules import sessions as rules
from farhand.rules.access import Subject, decide
from farhand.rules.queues import personal
from farhand.web.accounts.queries import queue_name, subject_of, user_by_id
from farhand.web.project.service import Change
from farhand.web.support import lives, queries, targets
from farhand.web.support.models import Session


def review_sessions(change: Change, user_ids: Collection[str] | None) -> None:
    """Judge all sessions that concern these users (None: all that are alive): their members by the rule for a fresh
    ticket, who is invited by name by that for being invited.
    """
    subjects: dict[str, Subject] = {}
    for session_id, concerned in queries.concerned().items():
        wanted = [user_id for user_id in concerned if user_ids is None or user_id in user_ids]
        if wanted or user_ids is None:
            for user_id in wanted:
                user = user_by_id(user_id)
                subjects.setdefault(user_id, subject_of(user) if user else Subject(kind="user", id=user_id))
            _review(change, lives.locked(session_id), {user_id: subjects[user_id] for user_id in wanted})


def _review(change: Change, session: Session, subjects: dict[str, Subject]) -> None:
    _withdraw(change, session, subjects)
    changed = False
    for user_id, subject in subjects.items():
        if user_id not in session.members:
            continue
        if not decide(subject, "support.session.ticket", lives.as_object(session), lives.context(change)).allowed:
            _remove(change, session, user_id)
            changed = True
            if session.state == "ended":
                return
        else:
            decided = lives.decided(change, session, subject)
            for leg in session.legs.filter(user_id=user_id, left_ms=None):
                changed |= lives.decide_leg(leg, *decided)
    for leg in lives.legs_of_customer(session):
        changed |= lives.decide_leg(leg, *lives.decided(change, session, lives.endpoint_subject(session)))
    changed |= lives.decide_recorder(session)
    if session.state == "waiting" and not _waits_on(change, session, subjects):
        return
    if changed:
        lives.tell_relay(change, session)


def _withdraw(change: Change, session: Session, subjects: dict[str, Subject]) -> None:
    """Take back the invitations and transfers to whom of these could not accept them any more."""
    before = after = lives.life_of(session)
    for one in before.invitations:
        subject = next((who for user_id, who in subjects.items() if personal(user_id) == one.target), None)
        purpose: targets.Purpose = "transfer" if one.kind == "transfer" else "share"
        if subject is not None and not _could(change, session, subject, targets.COULD[purpose]):
            after = rules.cancel(after, after.owner, one.id)
            kind = "transfer-cancelled" if one.kind == "transfer" else "invitation-cancelled"
            lives.note(change, session, kind, to=queue_name(one.target))
    if after != before:
        lives.store(change, session, after)


def _could(change: Change, session: Session, subject: Subject, action: str) -> bool:
    """Ask the rules, apart from the switch of the console: what waits, waits until that is on again."""
    context = msgspec.structs.replace(lives.context(change), web_console=True)
    return decide(subject, action, lives.as_object(session), context).allowed


def _remove(change: Change, session: Session, user_id: str) -> None:
    user = user_by_id(user_id)
    lives.note(change, session, "left", by=user.display_name if user else "", reason="access-removed")
    life = rules.leave(lives.life_of(session), user_id)
    if life.state == "ended":
        lives.finish(change, session, life.reason)
    elif life.state == "waiting" and life.owner == user_id and session.kind == "jump":
        _finish(change, session)
    else:
        lives.store(change, session, life)


def _waits_on(change: Change, session: Session, subjects: dict[str, Subject]) -> bool:
    """See that a waiting session is not in the queue of one of these who could not accept it; False when it ended."""
    subject = next((who for user_id, who in subjects.items() if personal(user_id) == session.queue), None)
    if subject is None or _could(change, session, subject, "support.session.could_own"):
        return True
    queue = None if session.kind == "jump" else lives.queue_of_lost(session)
    if queue is None:
        _finish(change, session)
        return False
    if queue != session.queue:
        lives.note(change, session, "returned", queue=queue_name(queue))
        lives.store(change, session, rules.move(lives.life_of(session), queue))
    return True


def _finish(change: Change, session: Session) -> None:
    lives.finish(change, session, "removed", gettext("The representative ended the session."))
