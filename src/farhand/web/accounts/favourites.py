"""Favourite queues: the stars that a user gives to teams (R-072)."""

from typing import Any

from farhand.rules.access import Context, Object
from farhand.web.accounts.models import FavouriteTeam
from farhand.web.appliance.queries import web_console_allowed
from farhand.web.project.service import Change, service


def favourites_of(user_id: str) -> list[dict[str, Any]]:
    """The queues with a star of a user. Collection `favourites`."""
    teams = FavouriteTeam.objects.filter(user_id=user_id).order_by("team_id").values_list("team_id", flat=True)
    return [favourite_value(user_id, team) for team in teams]


def favourite_value(user_id: str, team_id: str) -> dict[str, Any]:
    """The console's shape of a star: its id is the queue's."""
    return {"id": f"team:{team_id}", "topic": f"user:{user_id}"}


@service("accounts.favourite.set")
def set_favourite(change: Change, *, team_id: str, favourite: bool) -> None:
    """Give a team of one's own a star, or take it away. Raises Refused."""
    queue, user_id = f"team:{team_id}", change.actor.subject.id
    change.allow(Object(kind="team", id=team_id, queue=queue), Context(web_console=web_console_allowed()))
    if favourite:
        changed = FavouriteTeam.objects.get_or_create(user_id=user_id, team_id=team_id)[1]
        value = favourite_value(user_id, team_id)
        if changed:
            change.put(f"user:{user_id}", "favourites", queue, value)
    else:
        changed = bool(FavouriteTeam.objects.filter(user_id=user_id, team_id=team_id).delete()[0])
        if changed:
            change.remove(f"user:{user_id}", "favourites", queue)
    if not changed:
        change.nothing()
    change.audit(favourite=favourite)
