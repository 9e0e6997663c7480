"""Between a session's row and its life: every change of state goes through `farhand.rules.sessions` and is stored here.

Rules: the row is locked first; what the machine refuses becomes a Conflict with its sentence; each change notes an
event of source `web`, tells the consoles, and tells the relay after the commit. Called by services only, inside their
transaction.
"""

from collections.abc import Callable, Collection
from typing import Any, cast

import msgspec
from django.db.models import Q, QuerySet
from django.utils.translation import gettext

from farhand.protocol.bus import LegEnd, RecordingKeys, RecordWith, SessionEnd, SessionNote, SessionPut, SessionState
from farhand.protocol.channels import Grant, Party
from farhand.rules import sessions as rules
from farhand.rules.access import Context, Object, Subject
from farhand.rules.grants import grants_of, limits_of, recorder_grants
from farhand.rules.queues import personal
from farhand.web.accounts.queries import queue_name, subject_of, user_by_id
from farhand.web.appliance.queries import actions_off, session_policy, tool_switches, web_console_allowed
from farhand.web.events.services import next_history
from farhand.web.project import bus
from farhand.web.project.service import Change, Conflict, NotThere
from farhand.web.support import events, tickets
from farhand.web.support.models import Invitation, Leg, Session, SessionEvent

MAX_LEGS = 500
"""Legs that one session can have over its life: one per console tab that ever joined."""


_over: list[Callable[[Change, str], None]] = []
_lost: list[Callable[[Session], str | None]] = []


def on_lost(function: Callable[[Session], str | None]) -> None:
    """The area `routing` tells here how to find the queue for a session whose representative is lost; None: it ends."""
    _lost.append(function)


def queue_of_lost(session: Session) -> str | None:
    """The queue for a session whose representative is lost; None: it ends."""
    return _lost[-1](session) if _lost else personal(session.owner_id or "")


def on_over(function: Callable[[Change, str], None]) -> None:
    """The area `jump` tells here what follows when a session with a Jump Client (its id) is over."""
    _over.append(function)


def locked(session_id: str) -> Session:
    """Return the session, locked until the transaction ends. Raises NotThere."""
    session = Session.objects.select_for_update(of=("self",)).filter(id=session_id).first()
    if session is None:
        raise NotThere(gettext("This session does not exist any more."))
    return session


def as_object(session: Session) -> Object:
    """The session as the rules see it."""
    return Object(
        kind="session",
        id=session.id,
        owner=session.owner_id,
        group=session.jump_group_id or None,
        queue=session.queue or None,
        facts={
            "session_kind": session.kind,
            "state": session.state,
            "members": tuple(session.members),
            "guests": tuple(session.guests),
        },
    )


def context(change: Change) -> Context:
    """The circumstances of a change, as policies of sessions and of their tools ask for them."""
    return circumstances(change.now_ms)


def circumstances(now_ms: int) -> Context:
    """The same for who only reads."""
    return Context(
        now_ms=now_ms,
        web_console=web_console_allowed(),
        switches=tool_switches(),
        default_policy=session_policy(),
    )


def life_of(session: Session) -> rules.Life:
    """The session as the machine sees it."""
    return rules.Life(
        kind=cast(rules.Kind, session.kind),
        state=cast(rules.State, session.state),
        queue=session.queue,
        owner=session.owner_id or "",
        members=tuple(session.members),
        guests=tuple(session.guests),
        invitations=tuple(
            rules.Invitation(
                id=one.id,
                kind=cast(rules.InvitationKind, one.kind),
                sender=one.sender_id,
                target=one.target,
                issue=one.issue,
            )
            for one in session.invitations.order_by("id")
        ),
        customer=not session.customer_removed,
        reason=session.end_reason,
    )


def step(function: Callable[[], rules.Life]) -> rules.Life:
    """Take a step of the machine. Raises Conflict with its sentence when it is impossible."""
    try:
        return function()
    except rules.Impossible as error:
        raise Conflict(gettext(str(error))) from error


def store(change: Change, session: Session, life: rules.Life) -> None:
    """Write the new life into the row and tell the consoles. A removed member's legs end.

    Whoever changes what the relay knows (legs, grants, guests) tells it after that: `tell_relay`.
    """
    life.check()
    before, told = life_of(session), events.topics_of(session)
    gone = set(session.members) - set(life.members)
    passed_on = session.state == life.state == "active" and session.owner_id != life.owner
    session.state, session.queue, session.end_reason = life.state, life.queue, life.reason
    session.owner_id = life.owner or None
    session.members, session.guests = list(life.members), list(life.guests)
    session.customer_removed = not life.customer
    _remember_queue(session, before, change.now_ms)
    if passed_on:
        session.consoles_gone_ms = None if is_here(session, life.owner) else change.now_ms
    if life.state == "active" and session.started_ms is None:
        session.started_ms = change.now_ms
    if life.state == "ended" and session.ended_ms is None:
        session.ended_ms = change.now_ms
        session.customer_connected = False
    session.save()
    if gone:
        session.legs.filter(user_id__in=gone, left_ms=None).update(left_ms=change.now_ms, connected=False)
    if life.state == "ended":
        session.legs.filter(left_ms=None).update(left_ms=change.now_ms, connected=False)
    if passed_on and session.owner is not None:
        note(change, session, "owner-changed", to=session.owner.display_name)
    _store_invitations(change, session, life)
    events.tell(change, session, told)


def _store_invitations(change: Change, session: Session, life: rules.Life) -> None:
    known = {one.id: one for one in session.invitations.select_related("session", "sender")}
    wanted = {one.id: one for one in life.invitations}
    gone = [known[ident] for ident in known.keys() - wanted.keys()]
    new = [
        Invitation(
            id=one.id,
            session=session,
            kind=one.kind,
            sender_id=one.sender,
            target=one.target,
            issue=one.issue,
            created_ms=change.now_ms,
        )
        for ident, one in wanted.items()
        if ident not in known
    ]
    events.tell_invitations(change, (), gone)
    session.invitations.filter(id__in=[one.id for one in gone]).delete()
    Invitation.objects.bulk_create(new)
    events.tell_invitations(change, new, ())


def is_here(session: Session, user_id: str) -> bool:
    """Say whether a member's console is connected."""
    return session.legs.filter(user_id=user_id, left_ms=None, connected=True).exists()


def end_legs(change: Change, session: Session, numbers: Collection[int], reason: str) -> None:
    """Tell the relay after the commit that these legs are over, and why."""
    ends = [LegEnd(session_id=session.id, leg=number, reason=reason) for number in numbers]
    change.after_commit(lambda: _end_legs(ends))


def legs_of(session: Session, user_id: str) -> list[int]:
    """Numbers of a member's legs."""
    return list(session.legs.filter(user_id=user_id, left_ms=None).values_list("number", flat=True))


def _remember_queue(session: Session, before: rules.Life, now_ms: int) -> None:
    """Since when it waits where it does, and, once somebody has accepted it, where that was."""
    if session.state != "waiting":
        session.queued_ms = None
    elif before.state != "waiting" or before.queue != session.queue:
        session.queued_ms = now_ms
    if session.state == "active" and before.state == "waiting":
        session.last_queue, session.routed = before.queue, {}
    elif session.state == "active" and (session.owner_id or "") != before.owner:
        # Passed on: by the queue to which it was transferred, or from hand to hand.
        passed = (one.target for one in before.invitations if one.kind == "transfer")
        session.last_queue = next(passed, session.queue)


def move(change: Change, session: Session, queue: str, routed: dict[str, Any]) -> None:
    """A waiting session goes to another queue by itself; `routed`: its trail after that."""
    before = queue_name(session.queue)
    session.routed = routed
    store(change, session, rules.route(life_of(session), queue))
    note(change, session, "routed", before=before, queue=queue_name(queue))


def say(change: Change, session: Session, text: str, routed: dict[str, Any]) -> None:
    """A waiting customer is told something: in the client by the relay's journal, at the portal's page by `routed`."""
    session.routed = routed
    session.save(update_fields=["routed"])
    say_to_all(change, SessionNote(session_id=session.id, kind="waiting-message", data={"text": text}))


def say_to_all(change: Change, message: SessionNote) -> None:
    """Let the relay journal a fact after the commit, for everybody in the session."""
    change.after_commit(lambda: _say(message))


def note(change: Change, session: Session, kind: str, **data: str | int | bool) -> None:
    """Write an event of source `web` into the session's history."""
    origin, sequence = next_history()
    SessionEvent.objects.create(
        origin=origin,
        sequence=sequence,
        session=session,
        source="web",
        seq=session.events.filter(source="web").count() + 1,
        time_ms=change.now_ms,
        kind=kind,
        subject=change.actor.subject.name,
        name=change.actor.name[:128],
        data=data,
    )


def endpoint_leg(change: Change, session: Session, subject: str) -> Leg:
    """Make leg 1."""
    grants, limits = decided(change, session, endpoint_subject(session))
    return _new_leg(change, session, 1, Party.ENDPOINT, subject, session.name, grants, limits)


def portal_leg(change: Change, session: Session) -> Leg:
    """Make the leg of a customer who chats in the portal's page. Leg 1 stays free for the client."""
    grants, limits = decided(change, session, endpoint_subject(session))
    number = _next_number(session)
    return _new_leg(change, session, number, Party.PORTAL, f"customer:{session.id}", session.name, grants, limits)


def legs_of_customer(session: Session) -> QuerySet[Leg]:
    """The living legs at the customer's end: the client's, and a portal chat's."""
    return session.legs.filter(Q(number=1) | Q(party=Party.PORTAL), left_ms=None)


def regrant(change: Change, session: Session) -> None:
    """Decide all legs of a session anew, whose circumstances have changed; tell the relay after that."""
    for leg in session.legs.filter(left_ms=None):
        user = user_by_id(leg.user_id) if leg.user_id else None
        subject = subject_of(user) if user else endpoint_subject(session)
        if user or not leg.user_id:
            decide_leg(leg, *decided(change, session, subject))


def endpoint_subject(session: Session) -> Subject:
    """The endpoint as the rules see it."""
    if session.kind == "jump":
        return Subject(kind="agent", id=session.jump_client_id)
    return Subject(kind="customer", id=session.id)


def decided(change: Change, session: Session, subject: Subject) -> tuple[Grant, dict[str, Any]]:
    """Ask the rules what a leg of `subject` may do in this session now, and where."""
    kind = cast(rules.Kind, session.kind)
    grants = grants_of(kind, subject, context(change), click_to_chat=session.click_to_chat)
    return grants, msgspec.to_builtins(limits_of(subject, actions_off()))


def decide_leg(leg: Leg, grants: Grant, limits: dict[str, Any]) -> bool:
    """Store what was decided for a leg; False when it is so already."""
    if (leg.grants, leg.limits) == (int(grants), limits):
        return False
    leg.grants, leg.limits = int(grants), limits
    leg.save(update_fields=["grants", "limits"])
    return True


def recorded_now() -> int:
    """Ask the rules what the recorder may see."""
    return int(recorder_grants(tool_switches()))


def decide_recorder(session: Session) -> bool:
    """Store what the recorder may see now; False when it is so already."""
    recorded = recorded_now()
    if session.recorded == recorded:
        return False
    session.recorded = recorded
    session.save(update_fields=["recorded"])
    return True


def console_leg(change: Change, session: Session, tab: str) -> Leg:
    """Return the leg of this user's console tab with the grants of now; a tab that comes back keeps its number."""
    subject = change.actor.subject
    grants, limits = decided(change, session, subject)
    leg = session.legs.filter(user_id=subject.id, tab=tab, left_ms=None).first()
    if leg is None:
        number = _next_number(session)
        leg = _new_leg(change, session, number, Party.CONSOLE, subject.name, change.actor.name, grants, limits)
        leg.user_id, leg.tab = subject.id, tab
    leg.grants, leg.limits = int(grants), limits
    leg.save()
    return leg


def tell_relay(change: Change, session: Session, recording: RecordingKeys | None = None) -> None:
    """Send the session's state after the commit. A relay that is away is told everything when it is back.

    Legs and grants are numbered here and nowhere else: a ticket with a number that the relay was never told is refused.
    """
    session.epoch += 1
    session.save(update_fields=["epoch"])
    state = tickets.session_state(session, change.now_ms, recording)
    change.after_commit(lambda: _publish(state))


def tell_keys(change: Change, session: Session, relay_id: str, keys: RecordingKeys) -> None:
    """Send fresh recording keys after the commit, for this incarnation of the relay alone."""
    message = RecordWith(session_id=session.id, relay_id=relay_id, keys=keys)
    change.after_commit(lambda: _record_with(message))


def finish(change: Change, session: Session, reason: str, text: str = "") -> bool:
    """End the session in the database, tell consoles and relay; False when it had ended before."""
    if session.state == "ended":
        return False
    store(change, session, rules.end(life_of(session), reason))
    note(change, session, "ended", reason=reason)
    message = SessionEnd(session_id=session.id, reason=reason, text=text)
    change.after_commit(lambda: _end(message))
    for over in _over if session.jump_client_id else ():
        over(change, session.jump_client_id)
    return True


def _publish(state: SessionState) -> None:
    bus.publish(SessionPut(session=state))


def _record_with(message: RecordWith) -> None:
    bus.publish(message)


def _end_legs(ends: list[LegEnd]) -> None:
    for end in ends:
        bus.publish(end)


def _say(message: SessionNote) -> None:
    bus.publish(message)


def _end(message: SessionEnd) -> None:
    bus.publish(message)


def _next_number(session: Session) -> int:
    last = session.legs.order_by("-number").values_list("number", flat=True).first() or 1
    if last > MAX_LEGS:
        raise Conflict(gettext("This session has been opened in too many tabs. End it and start a new one."))
    return last + 1


def _new_leg(
    change: Change,
    session: Session,
    number: int,
    party: Party,
    subject: str,
    name: str,
    grants: Grant,
    limits: dict[str, Any],
) -> Leg:
    origin, sequence = next_history()
    return Leg.objects.create(
        origin=origin,
        sequence=sequence,
        session=session,
        number=number,
        party=int(party),
        subject=subject,
        name=name[:128],
        grants=int(grants),
        limits=limits,
        created_ms=change.now_ms,
    )
