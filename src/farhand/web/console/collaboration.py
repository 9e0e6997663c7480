"""`/api/console/sessions/ID/...`: passing on and sharing sessions. Bodies and answers as in `endpoints`."""

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Router
from pydantic import StringConstraints

from farhand.web.console.bodies import Empty, Ident, Strict, TabBody, actor_of, ticket_value
from farhand.web.project.service import now_ms
from farhand.web.support import chats, collaboration, services, targets

router = Router()
Queue = Annotated[str, StringConstraints(max_length=64, pattern=r"^(user|team):[0-9a-f-]{36}$")]


class TransferBody(Strict):
    """The queue to which a session goes."""

    target: Queue


class ShareBody(Strict):
    """The queue of who is invited, or the issue by which help is requested: one of both."""

    target: Queue | None = None
    issue_id: Ident | None = None


class MemberBody(Strict):
    """A member of a session."""

    user_id: Ident


@router.get("/sessions/{session_id}/targets")
def get_targets(request: HttpRequest, session_id: Ident) -> Any:
    """To whom this session can be transferred, and with whom it can be shared, now."""
    return targets.offered(actor_of(request).subject, session_id, now_ms())


@router.post("/sessions/{session_id}/transfer")
def post_transfer(request: HttpRequest, session_id: Ident, body: TransferBody) -> Any:
    """Offer a session to a queue, or move a waiting one."""
    collaboration.transfer(actor_of(request), session_id=session_id, target=body.target)
    return {}


@router.post("/sessions/{session_id}/share")
def post_share(request: HttpRequest, session_id: Ident, body: ShareBody) -> Any:
    """Invite somebody."""
    collaboration.share(
        actor_of(request), session_id=session_id, target=body.target or "", issue_id=body.issue_id or ""
    )
    return {}


@router.post("/sessions/{session_id}/pause")
def post_pause(request: HttpRequest, session_id: Ident, body: Empty) -> Any:
    """Leave a session in the own queue; the others stay."""
    services.pause(actor_of(request), session_id=session_id)
    return {}


@router.post("/sessions/{session_id}/disconnect-customer")
def post_disconnect_customer(request: HttpRequest, session_id: Ident, body: Empty) -> Any:
    """Go on without the customer."""
    collaboration.disconnect_customer(actor_of(request), session_id=session_id)
    return {}


@router.post("/sessions/{session_id}/request-client")
def post_request_client(request: HttpRequest, session_id: Ident, body: Empty) -> Any:
    """Ask the customer of a click-to-chat to run the full client."""
    chats.request_client(actor_of(request), session_id=session_id)
    return {}


@router.post("/sessions/{session_id}/remove-member")
def post_remove_member(request: HttpRequest, session_id: Ident, body: MemberBody) -> Any:
    """Remove another member."""
    collaboration.remove_member(actor_of(request), session_id=session_id, user_id=body.user_id)
    return {}


@router.post("/sessions/{session_id}/invitations/{invitation_id}/accept")
def post_accept_invitation(request: HttpRequest, session_id: Ident, invitation_id: Ident, body: TabBody) -> Any:
    """Join by an invitation, or take over by a transfer."""
    return ticket_value(
        collaboration.accept_invitation(
            actor_of(request), session_id=session_id, invitation_id=invitation_id, tab=body.tab
        )
    )


@router.post("/sessions/{session_id}/invitations/{invitation_id}/decline")
def post_decline_invitation(request: HttpRequest, session_id: Ident, invitation_id: Ident, body: Empty) -> Any:
    """Say no."""
    collaboration.decline_invitation(actor_of(request), session_id=session_id, invitation_id=invitation_id)
    return {}


@router.post("/sessions/{session_id}/invitations/{invitation_id}/cancel")
def post_cancel_invitation(request: HttpRequest, session_id: Ident, invitation_id: Ident, body: Empty) -> Any:
    """Withdraw an invitation or a transfer."""
    collaboration.cancel_invitation(actor_of(request), session_id=session_id, invitation_id=invitation_id)
    return {}
