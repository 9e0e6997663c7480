"""What consoles are told about sessions: the one shape of a session, and its way from topic to topic.

A session's row lives in the topic of its queue. Snapshot and event use `session_value`, so that they cannot differ.
"""

from typing import Any

from farhand.web.project.service import Change
from farhand.web.support.models import Session

COLLECTION = "sessions"


def session_value(session: Session) -> dict[str, Any]:
    """The console's shape of a waiting or active session."""
    owner = session.owner
    return {
        "id": session.id,
        "topic": session.queue,
        "queue": session.queue,
        "kind": session.kind,
        "state": session.state,
        "name": session.name,
        "hostname": session.hostname,
        "os_name": session.os_name,
        "platform": session.platform,
        "owner_id": owner.id if owner else "",
        "owner_name": owner.display_name if owner else "",
        "created_ms": session.created_ms,
        "started_ms": session.started_ms,
        "queued_ms": session.queued_ms,
        "priority": session.priority,
        "customer_connected": session.customer_connected,
        "details": {
            "public_ip": session.public_ip,
            "private_ip": session.private_ip,
            "user": session.console_user,
        },
        "request": session.request,
    }


def tell(change: Change, session: Session, old_queue: str = "") -> None:
    """Tell the consoles of the session as it is now; `old_queue` is where it was before."""
    if old_queue and old_queue != session.queue:
        change.remove(old_queue, COLLECTION, session.id)
    if session.queue:
        change.put(session.queue, COLLECTION, session.id, session_value(session))
