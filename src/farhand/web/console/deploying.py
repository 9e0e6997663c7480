"""`/api/console/sessions/ID/...`: what stays on the computer after a session. Bodies and answers as in `endpoints`."""

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Router
from pydantic import Field, StringConstraints

from farhand.web.console.bodies import Ident, TabBody, actor_of
from farhand.web.jump import pinning
from farhand.web.jump import queries as jump_queries

router = Router()


class PinBody(TabBody):
    """A Jump Client that is to be: of which group, and what people say of it."""

    group_id: Ident
    name: Annotated[str, StringConstraints(max_length=128)] = ""
    comments: Annotated[str, StringConstraints(max_length=1024)] = ""
    tag: Annotated[str, StringConstraints(max_length=64)] = ""
    password: Annotated[str, Field(max_length=1024)] = ""


class UnpinBody(TabBody):
    """The Jump Client that the computer said it has."""

    client_id: Ident


@router.get("/sessions/{session_id}/pin")
def get_pin(request: HttpRequest, session_id: Ident) -> Any:
    """The Jump Groups to which this user can pin (R-208)."""
    groups = jump_queries.editable_groups(actor_of(request).subject)
    return {"groups": [{"id": group.id, "name": group.name} for group in groups]}


@router.post("/sessions/{session_id}/pin")
def post_pin(request: HttpRequest, session_id: Ident, body: PinBody) -> Any:
    """Order that the computer becomes a Jump Client; the console hands the order to it."""
    order = pinning.order_pin(
        actor_of(request),
        session_id=session_id,
        tab=body.tab,
        group_id=body.group_id,
        name=body.name,
        comments=body.comments,
        tag=body.tag,
        password=body.password,
    )
    return {"order": order}


@router.post("/sessions/{session_id}/unpin")
def post_unpin(request: HttpRequest, session_id: Ident, body: UnpinBody) -> Any:
    """Order that the computer's Jump Client is uninstalled."""
    order = pinning.order_unpin(actor_of(request), session_id=session_id, tab=body.tab, client_id=body.client_id)
    return {"order": order}
