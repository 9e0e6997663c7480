"""Tables of Jump: groups, who has which role in them, Jump Clients, and enrolments. Times are milliseconds UTC."""

from django.conf import settings
from django.db import models

from farhand.web.project.rows import ConfigurationRow, TransientRow

ROLE_CHOICES = [
    ("no_access", "No Access"),
    ("start_sessions", "Start Sessions Only"),
    ("administrator", "Administrator"),
]


class JumpGroup(ConfigurationRow):
    """A set of Jump Items that share their users."""

    name = models.CharField(max_length=64, unique=True)
    code_name = models.CharField(max_length=64, unique=True)
    comments = models.CharField(max_length=1024, blank=True, default="")
    created_ms = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class JumpGroupMember(ConfigurationRow):
    """A user's role in a Jump Group."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="jump_roles")
    group = models.ForeignKey(JumpGroup, on_delete=models.CASCADE, related_name="members")
    role = models.CharField(max_length=16, choices=ROLE_CHOICES)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "user"], name="jump_member_once")]


class JumpClient(ConfigurationRow):
    """An installed client of an unattended endpoint.

    Removing one keeps the row: its key is revoked, its reports stay.
    """

    group = models.ForeignKey(JumpGroup, on_delete=models.PROTECT, related_name="clients")
    name = models.CharField(max_length=128)
    comments = models.CharField(max_length=1024, blank=True, default="")
    tag = models.CharField(max_length=64, blank=True, default="", db_default="")
    """A word of the administrator's, to find and sort by."""
    password_hash = models.CharField(max_length=256, blank=True, default="", db_default="")
    """Of what everybody must give before a Jump (R-211); empty: nothing."""
    key = models.CharField(max_length=64, unique=True)
    """Ed25519 public key, hex; made on the endpoint."""
    version = models.CharField(max_length=128, default="", blank=True)
    hostname = models.CharField(max_length=128, default="", blank=True)
    platform = models.CharField(max_length=128, default="", blank=True)
    os_name = models.CharField(max_length=128, default="", blank=True)
    console_user = models.CharField(max_length=128, default="", blank=True)
    public_ip = models.CharField(max_length=128, default="", blank=True)
    private_ip = models.CharField(max_length=128, default="", blank=True)
    display = models.BooleanField(default=False)
    """A screen can be shared now."""
    desktop = models.JSONField(null=True, default=None)
    """What its desktop lets be done (`messages.Abilities`) as it said last; None: there is none, or it does not say."""
    uptime_s = models.BigIntegerField(default=0)
    online = models.BooleanField(default=False)
    since_ms = models.BigIntegerField(default=0)
    """When `online` last changed."""
    last_accessed_ms = models.BigIntegerField(null=True)
    created_ms = models.BigIntegerField(default=0)
    revoked_ms = models.BigIntegerField(null=True)

    def __str__(self) -> str:
        return self.name


class Enrolment(TransientRow):
    """Leave to enrol one Jump Client into one group, by the SHA-256 of its 192-bit token.

    Used by one conditional UPDATE.
    """

    token_hash = models.CharField(max_length=64, unique=True)
    group = models.ForeignKey(JumpGroup, on_delete=models.CASCADE, related_name="enrolments")
    name = models.CharField(max_length=128, blank=True, default="")
    comments = models.CharField(max_length=1024, blank=True, default="")
    creator = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_ms = models.BigIntegerField()
    expires_ms = models.BigIntegerField()
    used_ms = models.BigIntegerField(null=True)
    revoked_ms = models.BigIntegerField(null=True)
    client_id = models.CharField(max_length=36, default="", blank=True)


class PinOrder(TransientRow):
    """What a representative ordered of a session's endpoint: to become a Jump Client, or to be one no more.

    Used by one conditional UPDATE.
    """

    what = models.CharField(max_length=8)
    """`pin` or `unpin` (`protocol.deploy.What`)."""
    session_id = models.CharField(max_length=36)
    leg = models.PositiveIntegerField()
    group = models.ForeignKey(JumpGroup, on_delete=models.CASCADE, related_name="+")
    client_id = models.CharField(max_length=36, default="", blank=True)
    """To unpin: which one."""
    name = models.CharField(max_length=128)
    comments = models.CharField(max_length=1024, blank=True, default="")
    tag = models.CharField(max_length=64, blank=True, default="")
    password_hash = models.CharField(max_length=256, blank=True, default="")
    """Gone once the order was used."""
    created_ms = models.BigIntegerField()
    expires_ms = models.BigIntegerField(db_index=True)
    used_ms = models.BigIntegerField(null=True)
