"""What consoles are told about sessions and invitations: the one shape of each, and their way from topic to topic.

A session's item is in the topic of its queue and in that of each of its members; an invitation's in the queue where it
stands. An item's `topic` is the one in which it is told. Snapshot and event use the same functions, so that they cannot
differ.
"""

from collections.abc import Collection, Iterable
from typing import Any

from farhand.rules import queues
from farhand.web.accounts.queries import queue_name, user_by_id
from farhand.web.project.service import Change
from farhand.web.support.models import Invitation, Session

COLLECTION = "sessions"
INVITATIONS = "invitations"


def topics_of(session: Session) -> list[str]:
    """The topics in which a session is told, that of its queue first."""
    own = [queues.personal(member) for member in session.members]
    return list(dict.fromkeys([*([session.queue] if session.queue else []), *own]))


def session_value(session: Session, topic: str = "") -> dict[str, Any]:
    """The console's shape of a waiting or active session, as told in `topic` (empty: its queue's)."""
    owner = session.owner
    return {
        "id": session.id,
        "topic": topic or session.queue,
        "queue": session.queue,
        "kind": session.kind,
        "state": session.state,
        "name": session.name,
        "hostname": session.hostname,
        "os_name": session.os_name,
        "platform": session.platform,
        "owner_id": owner.id if owner else "",
        "owner_name": owner.display_name if owner else "",
        "members": [_member(session, member) for member in session.members],
        "invitations": [
            {
                "id": one.id,
                "kind": one.kind,
                "target": one.target,
                "target_name": queue_name(one.target),
                "issue": one.issue,
            }
            for one in session.invitations.order_by("id")
        ],
        "created_ms": session.created_ms,
        "started_ms": session.started_ms,
        "queued_ms": session.queued_ms,
        "priority": session.priority,
        "customer_connected": session.customer_connected,
        "customer_removed": session.customer_removed,
        "click_to_chat": session.click_to_chat,
        "client_asked": session.click_to_chat and session.client_asked_ms is not None,
        "details": {
            "public_ip": session.public_ip,
            "private_ip": session.private_ip,
            "user": session.console_user,
        },
        "request": session.request,
    }


def invitation_value(invitation: Invitation) -> dict[str, Any]:
    """The console's shape of an open invitation, for those who may accept it."""
    session, sender = invitation.session, invitation.sender
    return {
        "id": invitation.id,
        "topic": invitation.target,
        "queue": invitation.target,
        "kind": invitation.kind,
        "issue": invitation.issue,
        "session_id": session.id,
        "session_kind": session.kind,
        "name": session.name,
        "hostname": session.hostname,
        "os_name": session.os_name,
        "sender_id": sender.id,
        "sender_name": sender.display_name,
        "created_ms": invitation.created_ms,
        "started_ms": session.started_ms,
    }


def tell(change: Change, session: Session, before: Collection[str] = ()) -> None:
    """Tell the consoles of the session as it is now; `before`: the topics in which it was."""
    now = topics_of(session)
    for topic in before:
        if topic not in now:
            change.remove(topic, COLLECTION, session.id)
    for topic in now:
        change.put(topic, COLLECTION, session.id, session_value(session, topic))


def tell_invitations(change: Change, new: Iterable[Invitation], gone: Iterable[Invitation]) -> None:
    """Tell those who may accept them of new invitations, and of those that are not open any more."""
    for invitation in gone:
        change.remove(invitation.target, INVITATIONS, invitation.id)
    for invitation in new:
        change.put(invitation.target, INVITATIONS, invitation.id, invitation_value(invitation))


def _member(session: Session, user_id: str) -> dict[str, Any]:
    user = user_by_id(user_id)
    return {"id": user_id, "name": user.display_name if user else "", "guest": user_id in session.guests}
