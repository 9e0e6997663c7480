"""Changes of Support Teams and their members.

A team is a queue: its topic is `team:ID`. Whoever enters or leaves gets a new `me` with other topics, by which a
console knows that it must fetch its snapshot again.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from django.utils.translation import gettext

from farhand.rules.access import Object
from farhand.web.accounts import queries
from farhand.web.accounts.models import ROLE_LEAD, ROLE_MANAGER, ROLE_MEMBER, Team, TeamMember, User
from farhand.web.accounts.services import clean_display_name
from farhand.web.project import revocation
from farhand.web.project.service import Change, Conflict, Invalid, NotThere, service

MAX_PORTALS: Final = 100
_in_use: list[Callable[[str], str]] = []


def register_team_in_use(function: Callable[[str], str]) -> None:
    """An area that hangs things on teams tells here how to see whether a team (id) has any: a sentence that says what
    to do first, empty when there is none.
    """
    _in_use.append(function)


@service("accounts.team.create")
def create_team(
    change: Change,
    *,
    name: str,
    code_name: str = "",
    comments: str = "",
    persistent_queue: bool = False,
    portals: Collection[str] | None = None,
) -> Team:
    """Create a team without members. `portals`: ids of the public portals that may show its issues; None: all of them.
    Raises Refused, Invalid.
    """
    change.allow(Object(kind="team"))
    team = Team(created_ms=change.now_ms)
    _fill(team, name, code_name, comments)
    _open(team, persistent_queue, portals)
    team.save(force_insert=True)
    change.about("team", team.id)
    change.audit(**_told(team))
    change.put(f"team:{team.id}", "queues", f"team:{team.id}", queries.team_queue(team))
    return team


@service("accounts.team.edit")
def edit_team(
    change: Change,
    *,
    team_id: str,
    name: str,
    code_name: str = "",
    comments: str = "",
    persistent_queue: bool = False,
    portals: Collection[str] | None = None,
) -> Team:
    """Change a team, as `create_team` does. Raises Refused, Invalid, NotThere."""
    team = _team(team_id)
    change.allow(Object(kind="team", id=team.id))
    before = _told(team)
    _fill(team, name, code_name, comments)
    _open(team, persistent_queue, portals)
    team.save()
    change.audit(old=before, **_told(team))
    change.put(f"team:{team.id}", "queues", f"team:{team.id}", queries.team_queue(team))
    return team


@service("accounts.team.remove")
def remove_team(change: Change, *, team_id: str) -> None:
    """Remove a team whose queue is empty."""
    team = _team(team_id)
    change.allow(Object(kind="team", id=team.id))
    for used in _in_use:
        if reason := used(team.id):
            raise Conflict(reason)
    change.audit(name=team.name)
    members = list(queries.users().filter(id__in=queries.people_of([team.id])))
    change.remove(f"team:{team.id}", "queues", f"team:{team.id}")
    team.delete()
    for user in members:
        _tell_me(change, user)
    revocation.access_changed(change, [user.id for user in members], reduced=True)


@service("accounts.team.set_members")
def set_members(change: Change, *, team_id: str, members: Mapping[str, str]) -> None:
    """Make the team consist of exactly `members` (user id -> `member`, `lead` or `manager`)."""
    team = _team(team_id)
    change.allow(Object(kind="team", id=team.id))
    if any(role not in {ROLE_MEMBER, ROLE_LEAD, ROLE_MANAGER} for role in members.values()):
        raise Invalid("members", gettext("A member of a team is a Member, a Lead or a Manager."))
    users = {user.id: user for user in User.objects.filter(id__in=list(members))}
    if len(users) != len(members):
        raise Invalid("members", gettext("One of these users does not exist any more. Reload the page."))
    before = {row.user_id: row for row in queries.members_of(team.id)}
    gone = [row.user for ident, row in before.items() if ident not in members]
    TeamMember.objects.filter(team=team).exclude(user_id__in=list(members)).delete()
    for ident, role in members.items():
        TeamMember.objects.update_or_create(team=team, user=users[ident], defaults={"role": role})
    change.audit(before={ident: row.role for ident, row in before.items()}, after=dict(members))
    for user in [*gone, *(user for ident, user in users.items() if ident not in before)]:
        _tell_me(change, user)
    revocation.access_changed(change, before.keys() | members.keys(), reduced=[user.id for user in gone])


def _tell_me(change: Change, user: User) -> None:
    change.put(f"user:{user.id}", "me", user.id, queries.me(user))


def _team(ident: str) -> Team:
    team = Team.objects.select_for_update().filter(id=ident).first()
    if team is None:
        raise NotThere(gettext("There is no such team any more."))
    return team


def _open(team: Team, persistent_queue: bool, portals: Collection[str] | None) -> None:
    team.persistent_queue = persistent_queue
    team.all_portals = portals is None
    team.portals = sorted(set(portals or ()))[:MAX_PORTALS]


def _fill(team: Team, name: str, code_name: str, comments: str) -> None:
    team.name = clean_display_name(name, "name")
    team.code_name = clean_display_name(code_name, "code_name") if code_name.strip() else ""
    team.comments = comments.strip()[:1024]
    if Team.objects.filter(name__iexact=team.name).exclude(id=team.id).exists():
        raise Invalid("name", gettext("There is a team of this name already. Choose another name."))


def _told(team: Team) -> dict[str, Any]:
    """What audit rows say of a team."""
    return {
        "name": team.name,
        "code_name": team.code_name,
        "persistent_queue": team.persistent_queue,
        "all_portals": team.all_portals,
        "portals": team.portals,
    }
