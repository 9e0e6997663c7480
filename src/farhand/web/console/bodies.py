"""What the endpoints of the console share: strict bodies, who asks, and the shape of a ticket."""

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Schema
from pydantic import ConfigDict, StringConstraints

from farhand.web.project.service import Actor
from farhand.web.support.services import ConsoleTicket

Ident = Annotated[str, StringConstraints(min_length=36, max_length=36, pattern=r"^[0-9a-f-]{36}$")]


class Strict(Schema):
    """A body whose unknown fields and loose types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Empty(Strict):
    """No fields."""


class TabBody(Strict):
    """The console tab that wants a leg, by the name it gave itself."""

    tab: Annotated[str, StringConstraints(min_length=1, max_length=64)]


def actor_of(request: HttpRequest) -> Actor:
    """Who asks: the way in was checked by the API's authentication."""
    actor: Actor = request.auth  # type: ignore[attr-defined]
    return actor


def ticket_value(ticket: ConsoleTicket) -> dict[str, Any]:
    """The shape of a ticket."""
    return {"session": ticket.session, "ticket": ticket.ticket, "leg": ticket.leg, "grants": ticket.grants}
