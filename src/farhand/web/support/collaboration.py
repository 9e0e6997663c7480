"""Changes by which people share and pass on sessions: transfer, invitations and their answers, removing.

Like all changes of sessions: the row is locked, the rule asked, the machine (`farhand.rules.sessions`) takes the step,
`lives` stores it. An owner's step that comes too late (the session was passed on, the invitation answered) is refused
with one sentence; the consoles have been told of what is so now.
"""

import msgspec
from django.utils.translation import gettext

from farhand.kit.ids import new_id
from farhand.rules import queues
from farhand.rules import sessions as rules
from farhand.rules.access import Object
from farhand.web.accounts.queries import queue_name, user_by_id
from farhand.web.project.service import Change, Invalid, NotThere, service
from farhand.web.support import invitation_mail, lives, targets
from farhand.web.support.models import Session
from farhand.web.support.services import ConsoleTicket, ticket_for


@service("support.session.transfer")
def transfer(change: Change, *, session_id: str, target: str) -> None:
    """Offer an active session to a queue (R-223), or move a waiting one (R-081). Raises Refused, Conflict, NotThere."""
    session = lives.locked(session_id)
    context = lives.context(change)
    change.allow(lives.as_object(session), context)
    change.allow(targets.chosen(session, target), context)
    targets.check(session, target, "transfer", context)
    life, to = lives.life_of(session), queue_name(target)
    if life.state == "waiting":
        lives.store(change, session, lives.step(lambda: rules.move(life, target)))
        lives.note(change, session, "moved", to=to)
        lives.tell_relay(change, session)
    else:
        user_id = change.actor.subject.id
        lives.store(change, session, lives.step(lambda: rules.transfer(life, user_id, new_id(), target)))
        lives.note(change, session, "transfer-offered", to=to)
    change.audit(target=target)


@service("support.session.share")
def share(change: Change, *, session_id: str, target: str = "", issue_id: str = "") -> None:
    """Invite one representative, or any of a team, or by an issue its team (R-228, R-232); exactly one of both is
    given. Raises Refused, Invalid, Conflict, NotThere.
    """
    session = lives.locked(session_id)
    context = lives.context(change)
    change.allow(lives.as_object(session), context)
    name = ""
    if issue_id:
        issue = next((one for one in targets.issues_for_help(change.actor.subject) if one.id == issue_id), None)
        if issue is None or target:
            raise Invalid("issue_id", gettext("Help cannot be requested for this issue any more. Choose another one."))
        target, name = f"team:{issue.team_id}", issue.name
    else:
        change.allow(targets.chosen(session, target), context)
    targets.check(session, target, "share", context)
    life, user_id = lives.life_of(session), change.actor.subject.id
    invitation_id = new_id()
    lives.store(change, session, lives.step(lambda: rules.share(life, user_id, invitation_id, target, name)))
    address = targets.by_mail("share").get(queues.parse(target).owner_id)
    if address:
        invitation_mail.send(change, session, invitation_id, address)
    lives.note(change, session, "invited", to=name or queue_name(target))
    change.audit(target=target, issue=name)


@service("support.invitation.cancel")
def cancel_invitation(change: Change, *, session_id: str, invitation_id: str) -> None:
    """The owner withdraws an invitation or a transfer (R-237). Raises Refused, Conflict, NotThere."""
    session = lives.locked(session_id)
    change.allow(lives.as_object(session), lives.context(change))
    life, user_id = lives.life_of(session), change.actor.subject.id
    after = lives.step(lambda: rules.cancel(life, user_id, invitation_id))
    _answered(change, session, life, after, invitation_id, "cancelled")


@service("support.invitation.decline")
def decline_invitation(change: Change, *, session_id: str, invitation_id: str) -> None:
    """Who was invited by name says no. Raises Refused, Conflict, NotThere."""
    session = lives.locked(session_id)
    life = lives.life_of(session)
    invitation = _open(life, invitation_id)
    change.allow(_as_object(session, invitation), lives.context(change))
    user_id = change.actor.subject.id
    after = lives.step(lambda: rules.decline(life, user_id, invitation_id))
    _answered(change, session, life, after, invitation_id, "declined")


@service("support.invitation.accept")
def accept_invitation(change: Change, *, session_id: str, invitation_id: str, tab: str) -> ConsoleTicket:
    """Join a session by an invitation, or take it over by its transfer (R-224). Raises Refused, Conflict, NotThere."""
    session = lives.locked(session_id)
    life = lives.life_of(session)
    invitation = _open(life, invitation_id)
    change.allow(_as_object(session, invitation), lives.context(change))
    subject = change.actor.subject
    after = lives.step(lambda: rules.join(life, subject.id, invitation_id, queues.visible(subject)))
    kind = "transfer-accepted" if invitation.kind == "transfer" else "invitation-accepted"
    lives.note(change, session, kind, to=queue_name(invitation.target))
    lives.store(change, session, after)
    change.audit(invitation=invitation.kind)
    return ticket_for(change, session, tab)


@service("support.session.remove_member")
def remove_member(change: Change, *, session_id: str, user_id: str) -> None:
    """The owner removes another member (R-243). Raises Refused, Conflict, NotThere."""
    session = lives.locked(session_id)
    change.allow(lives.as_object(session), lives.context(change))
    legs = lives.legs_of(session, user_id)
    life, owner = lives.life_of(session), change.actor.subject.id
    lives.store(change, session, lives.step(lambda: rules.remove(life, owner, user_id)))
    removed = user_by_id(user_id)
    name = removed.display_name if removed else ""
    lives.note(change, session, "member-removed", to=name)
    lives.end_legs(change, session, legs, "removed")
    lives.tell_relay(change, session)
    change.audit(member=user_id)


@service("support.session.disconnect_customer")
def disconnect_customer(change: Change, *, session_id: str) -> None:
    """The owner disconnects the customer, whose client removes itself, and goes on without (R-244). Raises Refused,
    Conflict, NotThere.
    """
    session = lives.locked(session_id)
    change.allow(lives.as_object(session), lives.context(change))
    life, user_id = lives.life_of(session), change.actor.subject.id
    after = lives.step(lambda: rules.disconnect_customer(life, user_id))
    legs = list(lives.legs_of_customer(session).values_list("number", flat=True))
    lives.legs_of_customer(session).update(left_ms=change.now_ms, connected=False)
    session.customer_connected, session.customer_gone_ms = False, change.now_ms
    lives.note(change, session, "customer-disconnected")
    lives.store(change, session, after)
    lives.end_legs(change, session, legs, "removed")
    lives.tell_relay(change, session)


def _open(life: rules.Life, invitation_id: str) -> rules.Invitation:
    """Return the invitation. One that is gone is said to be so to anybody who is signed in: its id tells nothing."""
    for one in life.invitations:
        if one.id == invitation_id:
            return one
    raise NotThere(gettext(rules.NOT_OPEN))


def _as_object(session: Session, invitation: rules.Invitation) -> Object:
    obj = lives.as_object(session)
    return msgspec.structs.replace(obj, queue=invitation.target, facts={**obj.facts, "invitation": invitation.kind})


def _answered(
    change: Change, session: Session, before: rules.Life, after: rules.Life, invitation_id: str, how: str
) -> None:
    invitation = rules.invitation_of(before, invitation_id)
    kind = "transfer" if invitation.kind == "transfer" else "invitation"
    lives.note(change, session, f"{kind}-{how}", to=queue_name(invitation.target))
    lives.store(change, session, after)
    change.audit(target=invitation.target, kind=invitation.kind)
