"""What an account may do by its group policies and its own settings: the one resolution, and where each part is from.

A group policy holds for every permission one of three things (`rep_perm_status` of the field): not defined, defined, or
final. Its value is a level, `allow` for a permission without levels, or `deny`. Rules: policies are gone through in
their order, each may change what those before it defined, and the account's own settings come last; what is final
stays, whatever comes after it; what nobody defines is not held. An account defines what its own set names, denials
included. Nothing is ever held that neither a policy of the account nor the account itself names.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from farhand.rules.permissions import (
    ALLOWED,
    BY_NAME,
    DENIALS,
    DENY,
    NAMES,
    PERMISSIONS,
    TOOL_DENIALS,
    TOOLS,
    Permission,
)
from farhand.rules.roles import ROLES

Status = Literal["defined", "final"]
STATUSES: Final[tuple[Status, ...]] = ("defined", "final")
TEAM_ROLES: Final = ("member", "lead", "manager")
"""Roles in a Support Team, rising."""


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy says of one permission; that it says nothing is no definition."""

    status: Status
    value: str


class GroupPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy as far as permissions go."""

    id: str
    name: str
    definitions: Mapping[str, Definition]


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where a permission of an account comes from. `policy` is None when the account itself says it."""

    names: frozenset[str]
    """What is held of it: several levels when the account has several, or the denial."""
    policy: GroupPolicy | None = None
    final: bool = False
    default: "Source | None" = None
    """What it would be without the account's own setting; None: not defined."""


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """What an account holds, and from where: permission -> source, only those that somebody defines."""

    permissions: frozenset[str]
    sources: Mapping[str, Source]


def is_value(permission: str, value: str) -> bool:
    """Say whether a policy can give this permission this value."""
    known = BY_NAME.get(permission)
    return known is not None and value in {DENY, *values(known)}


def values(permission: Permission) -> tuple[str, ...]:
    """The values, apart from `deny`, that a definition of this permission can have."""
    return tuple(level for level, _label in permission.levels if level != DENY) or (ALLOWED,)


def name_of(permission: str, value: str) -> str:
    """Return the text that stands in a set of permissions for this value."""
    return permission if value == ALLOWED and permission not in TOOLS else f"{permission}.{value}"


def gives(definitions: Mapping[str, Definition]) -> frozenset[str]:
    """Return what members of a policy could get by it; its maker must hold that. Denials are in it."""
    return frozenset(name_of(name, one.value) for name, one in definitions.items()) & NAMES


def resolve(policies: Sequence[GroupPolicy], own: Iterable[str]) -> Resolved:
    """Return what an account with these policies, in their order, and these settings of its own holds."""
    mine = frozenset(own) & NAMES
    sources: dict[str, Source] = {}
    for permission in PERMISSIONS:
        found = _resolve(permission, policies, mine)
        if found is not None:
            sources[permission.name] = found
    held = frozenset().union(*(source.names for source in sources.values()))
    # A denial outside the tools has done its work here: to hold nothing is to be denied.
    return Resolved(permissions=held - (DENIALS - TOOL_DENIALS), sources=sources)


def _resolve(permission: Permission, policies: Sequence[GroupPolicy], mine: frozenset[str]) -> Source | None:
    found: Source | None = None
    for policy in policies:
        said = policy.definitions.get(permission.name)
        if said is None or not is_value(permission.name, said.value):
            continue
        names = frozenset({name_of(permission.name, said.value)})
        found = Source(names=names, policy=policy, final=said.status == "final")
        if found.final:
            return found
    own = mine & permission.names
    denial = f"{permission.name}.{DENY}"
    own = frozenset({denial}) if denial in own else own
    return Source(names=own, default=found) if own else found


def stronger(first: str, second: str, roles: Sequence[str] = ROLES) -> str:
    """Return the stronger of two roles; an unknown one is the weakest. Membership in a policy only ever adds."""
    return max(first, second, key=lambda role: roles.index(role) if role in roles else -1)


def merged(maps: Iterable[Mapping[str, str]], roles: Sequence[str] = ROLES) -> dict[str, str]:
    """Return for every place of `maps` (id -> role) the strongest of its roles."""
    result: dict[str, str] = {}
    for one in maps:
        for ident, role in one.items():
            result[ident] = stronger(result[ident], role, roles) if ident in result else role
    return result
