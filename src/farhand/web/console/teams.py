"""`/api/console/teams/ID/...`: what a console does with the teams of its user. Bodies and answers as in `endpoints`."""

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Router
from pydantic import StringConstraints

from farhand.web.accounts.favourites import set_favourite
from farhand.web.chat.services import MAX_TEXT, post_message
from farhand.web.console.bodies import Ident, Strict, actor_of

router = Router()


class MessageBody(Strict):
    """A message to a team, under an id of its sender's own."""

    text: Annotated[str, StringConstraints(max_length=MAX_TEXT)]
    post: Ident


class FavouriteBody(Strict):
    """Whether the team's queue has a star."""

    favourite: bool


@router.post("/teams/{team_id}/messages")
def post_team_message(request: HttpRequest, team_id: Ident, body: MessageBody) -> Any:
    """Say something to a team; it is on disk when this answers."""
    message = post_message(actor_of(request), team_id=team_id, text=body.text, post=body.post)
    return {"id": message.id}


@router.post("/teams/{team_id}/favourite")
def post_favourite(request: HttpRequest, team_id: Ident, body: FavouriteBody) -> Any:
    """Give a team's queue a star, or take it away."""
    set_favourite(actor_of(request), team_id=team_id, favourite=body.favourite)
    return {}
