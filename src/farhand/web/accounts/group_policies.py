"""Changes of group policies: what they define, who is in them, and where that puts their members.

Rules: a policy never gives more than who writes it has, and nobody changes one that gives more; whoever gets or loses
something by it is told at once, and what runs is judged anew; the last administrator stays one.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import msgspec
from django.utils.translation import gettext

from farhand.rules import group_policies as rules
from farhand.rules.access import Object
from farhand.rules.roles import ROLES
from farhand.web.accounts.models import GroupPolicy, GroupPolicyMember, GroupPolicyTeam, Team, User
from farhand.web.accounts.reach import Reach
from farhand.web.accounts.services import clean_display_name
from farhand.web.project.service import Change, Conflict, Invalid, NotThere, service

MAX_POLICIES: Final = 100
_known_groups: list[Callable[[], Collection[str]]] = []


def register_groups(function: Callable[[], Collection[str]]) -> None:
    """The area `jump` tells here which Jump Groups (ids) there are."""
    _known_groups.append(function)


class Fields(msgspec.Struct, frozen=True, kw_only=True):
    """A group policy as an administrator writes it."""

    name: str
    comments: str = ""
    position: int = 1
    """From 1: before which other one it stands."""
    definitions: Mapping[str, rules.Definition] = {}
    members: Collection[str] = ()
    """User ids."""
    teams: Mapping[str, str] = {}
    """Team id -> role."""
    jump_groups: Mapping[str, str] = {}
    """Jump Group id -> role."""


@service("accounts.group_policy.create", events="a new policy shows in /login alone; its members are told by its edit")
def create_policy(change: Change, *, name: str, comments: str = "") -> GroupPolicy:
    """Create a policy that defines nothing yet, as the last one. Raises Refused, Invalid, Conflict."""
    change.allow(Object(kind="group_policy"))
    count = GroupPolicy.objects.count()
    if count >= MAX_POLICIES:
        raise Conflict(gettext("There are as many group policies as there can be. Remove one first."))
    policy = GroupPolicy(created_ms=change.now_ms, position=count + 1)
    _name(policy, name, comments)
    policy.save(force_insert=True)
    change.about("group_policy", policy.id)
    change.audit(name=policy.name)
    return policy


@service("accounts.group_policy.edit")
def edit_policy(change: Change, *, policy_id: str, fields: Fields) -> GroupPolicy:
    """Change all of a policy; its members, old and new, get what it gives at once.

    Raises Refused, Invalid, Conflict, NotThere.
    """
    policy = _policy(policy_id)
    before = _told(policy)
    _allow(change, policy, rules.gives(fields.definitions))
    reach = Reach({*before["members"], *fields.members})
    _name(policy, fields.name, fields.comments)
    policy.definitions = _definitions(fields.definitions)
    policy.jump_groups = _jump_groups(fields.jump_groups)
    _place(policy, fields.position)
    _set_members(policy, fields.members)
    _set_teams(policy, fields.teams)
    change.audit(old=before, **_told(policy))
    reach.told(change)
    return policy


@service("accounts.group_policy.remove")
def remove_policy(change: Change, *, policy_id: str) -> None:
    """Remove a policy; its members lose what it gave. Raises Refused, Conflict, NotThere."""
    policy = _policy(policy_id)
    _allow(change, policy, frozenset())
    before = _told(policy)
    reach = Reach(before["members"])
    change.audit(**before)
    policy.delete()
    reach.told(change)


def _allow(change: Change, policy: GroupPolicy, wanted: frozenset[str]) -> None:
    given = rules.gives(policy.rules().definitions)
    change.allow(Object(kind="group_policy", id=policy.id, facts={"permissions": wanted | given}))


def _policy(ident: str) -> GroupPolicy:
    policy = GroupPolicy.objects.select_for_update().filter(id=ident).first()
    if policy is None:
        raise NotThere(gettext("There is no such group policy any more."))
    return policy


def _name(policy: GroupPolicy, name: str, comments: str) -> None:
    policy.name = clean_display_name(name, "name")
    policy.comments = comments.strip()[:1024]
    if GroupPolicy.objects.filter(name__iexact=policy.name).exclude(id=policy.id).exists():
        raise Invalid("name", gettext("There is a group policy of this name already. Choose another name."))


def _definitions(given: Mapping[str, rules.Definition]) -> dict[str, Any]:
    for name, one in given.items():
        if not rules.is_value(name, one.value) or one.status not in rules.STATUSES:
            raise Invalid(name, gettext("Choose one of the offered values."))
    return {name: msgspec.to_builtins(one) for name, one in sorted(given.items())}


def _jump_groups(given: Mapping[str, str]) -> dict[str, str]:
    if any(role not in ROLES for role in given.values()):
        raise Invalid("jump_groups", gettext("Choose one of the offered roles."))
    known = {ident for find in _known_groups for ident in find()}
    if given.keys() - known:
        raise Invalid("jump_groups", gettext("One of these Jump Groups does not exist any more. Reload the page."))
    return dict(sorted(given.items()))


def _set_members(policy: GroupPolicy, members: Collection[str]) -> None:
    users = list(User.objects.filter(id__in=list(members)))
    if len(users) != len(set(members)):
        raise Invalid("members", gettext("One of these users does not exist any more. Reload the page."))
    policy.members.exclude(user__in=users).delete()
    for user in users:
        GroupPolicyMember.objects.get_or_create(policy=policy, user=user)


def _set_teams(policy: GroupPolicy, teams: Mapping[str, str]) -> None:
    if any(role not in rules.TEAM_ROLES for role in teams.values()):
        raise Invalid("teams", gettext("A member of a team is a Member, a Lead or a Manager."))
    if Team.objects.filter(id__in=list(teams)).count() != len(teams):
        raise Invalid("teams", gettext("One of these teams does not exist any more. Reload the page."))
    policy.teams.exclude(team_id__in=list(teams)).delete()
    for ident, role in teams.items():
        GroupPolicyTeam.objects.update_or_create(policy=policy, team_id=ident, defaults={"role": role})


def _place(policy: GroupPolicy, position: int) -> None:
    """Put the policy before the one that is at this place, and number all anew."""
    others = list(GroupPolicy.objects.exclude(id=policy.id).order_by("position", "id"))
    others.insert(max(0, min(position - 1, len(others))), policy)
    for number, one in enumerate(others, 1):
        if one is policy or one.position != number:
            one.position = number
            # The others are not locked: what somebody else is changing in them stays.
            one.save(update_fields=None if one is policy else ["position"])


def _told(policy: GroupPolicy) -> dict[str, Any]:
    """What audit rows say of a policy."""
    return {
        "name": policy.name,
        "position": policy.position,
        "definitions": policy.definitions,
        "members": sorted(policy.members.values_list("user_id", flat=True)),
        "teams": dict(policy.teams.values_list("team_id", "role")),
        "jump_groups": policy.jump_groups,
    }
