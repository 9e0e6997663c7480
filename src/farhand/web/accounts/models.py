"""Tables of accounts. Users sign in to /login and /console; appliance users to /appliance only. No table joins the
two.
"""

from collections.abc import Iterable
from typing import ClassVar

import msgspec
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from farhand.kit.ids import new_id
from farhand.rules import group_policies as rules
from farhand.rules.permissions import expand
from farhand.web.project.rows import ConfigurationRow, Kind, TransientRow

NAME_MAX = 64
"""Longest user name and display name, characters."""

ROLE_MEMBER, ROLE_LEAD, ROLE_MANAGER = "member", "lead", "manager"


class UserManager(BaseUserManager["User"]):
    """Finds users by name without regard to case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user of this name (any case)."""
        return self.get(username__iexact=username)


class User(AbstractBaseUser):
    """A person who signs in to /login, /console and the desktop console."""

    farhand_kind: ClassVar[Kind] = "configuration"
    id = models.CharField(primary_key=True, max_length=36, default=new_id, editable=False)
    username = models.CharField(max_length=NAME_MAX, unique=True)
    display_name = models.CharField(max_length=NAME_MAX)
    email = models.EmailField(blank=True, default="")
    is_active = models.BooleanField(default=True)
    permissions = models.JSONField(default=list)
    """Its own settings: sorted names from `farhand.rules.permissions.NAMES`. What the account holds says `resolved`."""
    limits = models.JSONField(default=dict, db_default={})
    """Folders of remote computers to which file transfer is limited: `files_read`, `files_write`, lists of paths."""
    extended_availability = models.BooleanField(default=False, db_default=False)
    """Others may invite this user into their sessions by mail while no console of the user is open."""
    created_ms = models.BigIntegerField(default=0)

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = UserManager()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("username"), name="accounts_user_username_any_case")]

    def __str__(self) -> str:
        return self.username

    def resolved(self, own: Iterable[str] | None = None) -> rules.Resolved:
        """What the account holds by its group policies and its own settings (`own`: other ones than now), and from
        where: the only way to ask.
        """
        places = sorted((place.policy for place in self.policy_places.all()), key=lambda policy: policy.position)
        return rules.resolve([policy.rules() for policy in places], self.permissions if own is None else own)

    def held(self) -> frozenset[str]:
        """The names of the permissions that the account holds."""
        return self.resolved().permissions

    def may(self, permission: str) -> bool:
        """Say whether the account holds `permission`, directly or implied."""
        return permission in expand(self.held())


class Team(ConfigurationRow):
    """A Support Team: representatives who share a queue.

    A persistent queue keeps its sessions whether or not somebody of the team is signed in. `portals`: ids of the public
    portals that may show the team's issues; not looked at while it is `all_portals`.
    """

    name = models.CharField(max_length=NAME_MAX, unique=True)
    code_name = models.CharField(max_length=NAME_MAX, blank=True, default="")
    comments = models.CharField(max_length=1024, blank=True, default="")
    persistent_queue = models.BooleanField(default=False, db_default=False)
    all_portals = models.BooleanField(default=True, db_default=True)
    portals = models.JSONField(default=list, db_default=[])
    created_ms = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class TeamMember(ConfigurationRow):
    """A user's place in a team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(
        max_length=8, choices=[(ROLE_MEMBER, "Member"), (ROLE_LEAD, "Lead"), (ROLE_MANAGER, "Manager")]
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="accounts_teammember_once")]


class GroupPolicy(ConfigurationRow):
    """What all its members may do, and where they are: `farhand.rules.group_policies`. Policies are gone through by
    `position`.
    """

    name = models.CharField(max_length=NAME_MAX, unique=True)
    comments = models.CharField(max_length=1024, blank=True, default="")
    position = models.PositiveIntegerField()
    definitions = models.JSONField(default=dict)
    """Permission -> `{"status": ..., "value": ...}`."""
    jump_groups = models.JSONField(default=dict)
    """Jump Group id -> role. One that is not there any more means nothing."""
    created_ms = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name

    def rules(self) -> rules.GroupPolicy:
        """The policy as the rules see it."""
        definitions = msgspec.convert(self.definitions, dict[str, rules.Definition])
        return rules.GroupPolicy(id=self.id, name=self.name, definitions=definitions)


class PlacesWithPolicies(models.Manager["GroupPolicyMember"]):
    """Reads the policies along with the places."""

    def get_queryset(self) -> models.QuerySet["GroupPolicyMember"]:
        """All places."""
        return super().get_queryset().select_related("policy")


class GroupPolicyMember(ConfigurationRow):
    """A user's place in a group policy."""

    policy = models.ForeignKey(GroupPolicy, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="policy_places")

    objects = PlacesWithPolicies()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["policy", "user"], name="accounts_grouppolicymember_once")]


class GroupPolicyTeam(ConfigurationRow):
    """A team in which all members of a group policy are, in this role."""

    policy = models.ForeignKey(GroupPolicy, on_delete=models.CASCADE, related_name="teams")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="policies", db_constraint=False)
    """No constraint of the database: the release before removes teams and knows nothing of this table."""
    role = models.CharField(max_length=8)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["policy", "team"], name="accounts_grouppolicyteam_once")]


class FavouriteTeam(ConfigurationRow):
    """A star that a user gives to a team's queue."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_constraint=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "team"], name="accounts_favouriteteam_once")]


class Presence(models.Model):
    """Whether a user has a console open, as the relay said last."""

    farhand_kind: ClassVar[Kind] = "transient"
    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="+")
    since_ms = models.BigIntegerField()
    """Since when a console is there, or was."""
    gone_ms = models.BigIntegerField(null=True)
    """Since when none is there; None while one is."""


class ApplianceUser(AbstractBaseUser):
    """An account of /appliance. It knows nothing of /login."""

    farhand_kind: ClassVar[Kind] = "configuration"
    id = models.CharField(primary_key=True, max_length=36, default=new_id, editable=False)
    username = models.CharField(max_length=NAME_MAX, unique=True)
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = BaseUserManager["ApplianceUser"]()

    def __str__(self) -> str:
        return self.username


class ClaimToken(TransientRow):
    """A one-time claim link, by the SHA-256 of its 128 bits. Consumed by one conditional UPDATE."""

    token_hash = models.CharField(max_length=64, unique=True)
    expires_ms = models.BigIntegerField()
    used = models.BooleanField(default=False)


class Throttle(models.Model):
    """Failed sign-ins of one account or one source; the wait rises with `failures` and always ends."""

    farhand_kind: ClassVar[Kind] = "transient"
    key = models.CharField(primary_key=True, max_length=128)
    """`account:NAME`, `appliance:NAME`, `code:USER`, `source:ADDRESS`, or `pair:HASH` of an account and a source."""
    failures = models.PositiveIntegerField(default=0)
    until_ms = models.BigIntegerField(default=0)
    last_ms = models.BigIntegerField(default=0)
    noted_ms = models.BigIntegerField(default=0)
    """When an attempt of this source that came too soon was last noted in the audit."""
