"""Reading accounts and teams, in the shapes that rules and consoles use."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec
from django.db.models import Q, QuerySet

from farhand.rules import queues
from farhand.rules.access import Subject
from farhand.rules.group_policies import TEAM_ROLES, merged
from farhand.rules.permissions import EXTENDED_AVAILABILITY, SHOW_ON_PUBLIC_LIST, SUPPORT_ALLOWED, expand
from farhand.web.accounts.models import (
    ROLE_MEMBER,
    ApplianceUser,
    GroupPolicy,
    GroupPolicyMember,
    GroupPolicyTeam,
    Presence,
    Team,
    TeamMember,
    User,
)


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A representative as customers know one."""

    id: str
    name: str


GroupRoles = Callable[[str], Mapping[str, str]]
APPLIANCE_USER_KEY = "appliance_user"
APPLIANCE_HASH_KEY = "appliance_hash"
_group_roles: list[GroupRoles] = []


def register_group_roles(function: GroupRoles) -> None:
    """The area `jump` tells here how to find a user's roles in Jump Groups (group id -> role)."""
    _group_roles.append(function)


def subject_of(user: User) -> Subject:
    """Build the subject that rules see. A disabled user has no permissions at all."""
    if not user.is_active:
        return Subject(kind="user", id=user.id)
    roles = team_roles(user.id)
    return Subject(
        kind="user",
        id=user.id,
        permissions=user.held(),
        teams=frozenset(roles),
        led_teams=frozenset(team for team, role in roles.items() if role != ROLE_MEMBER),
        groups=group_roles(user),
        files_read=tuple(user.limits.get("files_read", ())),
        files_write=tuple(user.limits.get("files_write", ())),
    )


def team_roles(user_id: str) -> dict[str, str]:
    """The teams in which a user is, by account or group policy, and as what: team id -> the strongest role."""
    own = TeamMember.objects.filter(user_id=user_id).values_list("team_id", "role")
    given = GroupPolicyTeam.objects.filter(policy__members__user_id=user_id).values_list("team_id", "role")
    return merged(({team: role} for team, role in [*own, *given]), TEAM_ROLES)


def group_roles(user: User) -> dict[str, str]:
    """A user's roles in Jump Groups, by account or group policy: group id -> the strongest role."""
    given = [place.policy.jump_groups for place in user.policy_places.all()]
    return merged([*(find(user.id) for find in _group_roles), *given])


def people_of(team_ids: Collection[str]) -> set[str]:
    """Ids of the users who are in one of these teams, by account or group policy."""
    own = TeamMember.objects.filter(team_id__in=team_ids).values_list("user_id", flat=True)
    given = GroupPolicyMember.objects.filter(policy__teams__team_id__in=team_ids).values_list("user_id", flat=True)
    return {*own, *given}


def teams_of_all(user_ids: Collection[str]) -> set[str]:
    """Ids of the teams in which one of these users is, by account or group policy."""
    own = TeamMember.objects.filter(user_id__in=user_ids).values_list("team_id", flat=True)
    given = GroupPolicyTeam.objects.filter(policy__members__user_id__in=user_ids).values_list("team_id", flat=True)
    return {*own, *given}


def user_by_id(ident: str) -> User | None:
    """Return a user, disabled ones too."""
    return User.objects.filter(id=ident).first()


def user_by_name(username: str) -> User | None:
    """Return a user by name, in any case."""
    return User.objects.filter(username__iexact=username).first()


def users() -> QuerySet[User]:
    """All users by name, with their group policies."""
    return User.objects.prefetch_related("policy_places").order_by("username")


def group_policies() -> QuerySet[GroupPolicy]:
    """All group policies in their order, with their members and teams."""
    return GroupPolicy.objects.prefetch_related("members__user", "teams__team").order_by("position", "id")


def group_policy_by_id(ident: str) -> GroupPolicy | None:
    """Return a group policy."""
    return group_policies().filter(id=ident).first()


def teams() -> QuerySet[Team]:
    """All teams by name."""
    return Team.objects.order_by("name")


def members_of(team_id: str) -> QuerySet[TeamMember]:
    """Members of a team by their account, with their users, by display name; `people_of` names all."""
    return TeamMember.objects.filter(team_id=team_id).select_related("user").order_by("user__display_name")


def policies_of_team(team_id: str) -> QuerySet[GroupPolicyTeam]:
    """The group policies whose members are in a team, with the policies, in their order."""
    rows = GroupPolicyTeam.objects.filter(team_id=team_id).select_related("policy")
    return rows.order_by("policy__position", "policy_id")


def teams_of(user_id: str) -> QuerySet[Team]:
    """The teams in which a user is, by account or group policy."""
    return Team.objects.filter(id__in=team_roles(user_id)).order_by("name")


def team_by_id(ident: str) -> Team | None:
    """Return a team."""
    return Team.objects.filter(id=ident).first()


def me(user: User) -> dict[str, Any]:
    """What a console knows of its user. Topics: `user:ID`, collection `me`.

    When `topics` in an event differs from what the console follows, it fetches a new snapshot.
    """
    return {
        "id": user.id,
        "username": user.username,
        "display_name": user.display_name,
        "permissions": sorted(expand(user.held())) if user.is_active else [],
        "active": user.is_active,
        "topics": topics_of_accounts(user.id),
    }


def topics_of_accounts(user_id: str) -> list[str]:
    """The topics that a user follows by account and teams."""
    return [f"user:{user_id}", *sorted(f"team:{team.id}" for team in teams_of(user_id)), "site"]


def personal_queue(user: User) -> dict[str, Any]:
    """The console's shape of a user's own queue."""
    return {"id": f"user:{user.id}", "topic": f"user:{user.id}", "kind": "personal", "name": user.display_name}


def team_queue(team: Team) -> dict[str, Any]:
    """The console's shape of a team's queue."""
    return {"id": f"team:{team.id}", "topic": f"team:{team.id}", "kind": "team", "name": team.name}


def queues_of(user: User) -> list[dict[str, Any]]:
    """A user's queues: the own one, then the teams' by name. Collection `queues`."""
    return [personal_queue(user), *(team_queue(team) for team in teams_of(user.id))]


def queue_name(queue: str) -> str:
    """What people call a queue: the person's or the team's name; empty when there is none any more."""
    try:
        parsed = queues.parse(queue)
    except ValueError:
        return ""
    if parsed.kind == "team":
        return Team.objects.filter(id=parsed.owner_id).values_list("name", flat=True).first() or ""
    return User.objects.filter(id=parsed.owner_id).values_list("display_name", flat=True).first() or ""


def is_usable(queue: str) -> bool:
    """Say whether sessions can wait in this queue: its team is there, or its person's account is not disabled."""
    try:
        parsed = queues.parse(queue)
    except ValueError:
        return False
    if parsed.kind == "team":
        return Team.objects.filter(id=parsed.owner_id).exists()
    return User.objects.filter(id=parsed.owner_id, is_active=True).exists()


def is_persistent(queue: str) -> bool:
    """Say whether this is the queue of a team whose queue is persistent."""
    kind, _, ident = queue.partition(":")
    return kind == "team" and Team.objects.filter(id=ident, persistent_queue=True).exists()


def signed_in() -> set[str]:
    """Ids of the users who have a console open."""
    return set(Presence.objects.filter(gone_ms=None, user__is_active=True).values_list("user_id", flat=True))


def available_by_mail() -> dict[str, str]:
    """Who may be invited by mail, and at which address: extended availability is on, and they may use it."""
    rows = User.objects.filter(is_active=True, extended_availability=True).exclude(email="")
    return {user.id: user.email for user in rows if subject_of(user).has(EXTENDED_AVAILABILITY)}


def is_attended(queue: str, since_ms: int) -> bool:
    """Say whether somebody who sees this queue has a console open, or had one since `since_ms`."""
    kind, _, ident = queue.partition(":")
    rows = Presence.objects.filter(user__is_active=True).filter(Q(gone_ms=None) | Q(gone_ms__gt=since_ms))
    if kind == "team":
        return rows.filter(user_id__in=people_of([ident])).exists()
    return rows.filter(user_id=ident).exists()


def listed_representatives(wanted: Collection[str] | None = None) -> list[Person]:
    """Who is shown on the public site now, by display name: named for it, allowed to give support, and at a console.

    `wanted`: only these user ids. To be an administrator does not make anybody public: the permission must be given.
    """
    here = users().filter(id__in=signed_in()).order_by("display_name", "id")
    return [
        Person(id=user.id, name=user.display_name)
        for user in here
        if SHOW_ON_PUBLIC_LIST in user.held() and user.may(SUPPORT_ALLOWED) and (wanted is None or user.id in wanted)
    ]


def appliance_user_of(session: Any) -> ApplianceUser | None:
    """Return the appliance account of a browser session; None when signed out, disabled, or the password has
    changed.
    """
    ident = session.get(APPLIANCE_USER_KEY)
    account = ApplianceUser.objects.filter(id=ident, is_active=True).first() if ident else None
    if account is None or account.get_session_auth_hash() != session.get(APPLIANCE_HASH_KEY):
        return None
    return account
