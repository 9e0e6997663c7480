"""Tables of routing. Times are milliseconds UTC."""

from django.db import models

from farhand.web.project.rows import ConfigurationRow, TransientRow


class Issue(ConfigurationRow):
    """What customers choose in the issue submission form: it decides the team, and so the queue."""

    description = models.CharField(max_length=128, unique=True)
    code_name = models.CharField(max_length=64, blank=True, default="")
    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+")
    priority = models.PositiveSmallIntegerField(default=2)
    """1 high, 2 medium, 3 low."""
    help_requests = models.BooleanField(default=False)
    """Representatives may ask for help by it in their sessions."""
    all_portals = models.BooleanField(default=True)
    portals = models.JSONField(default=list)
    """Ids of the public portals that show it; not looked at while it is `all_portals`."""
    created_ms = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.description


class WaitingRule(ConfigurationRow):
    """One rule for waiting sessions (`farhand.rules.routing.Rule`); rules are asked by `position`."""

    position = models.PositiveIntegerField()
    source = models.CharField(max_length=64)
    when = models.CharField(max_length=8)
    after_s = models.PositiveIntegerField(default=0)
    target = models.CharField(max_length=64, blank=True, default="")
    text = models.CharField(max_length=500, blank=True, default="")
    created_ms = models.BigIntegerField(default=0)


class HelpRequest(TransientRow):
    """A session that somebody began at a public portal without a key: counted by address, so that nobody fills the
    queues.
    """

    session_id = models.CharField(max_length=36, unique=True)
    bucket = models.CharField(max_length=128, db_index=True)
    """`farhand.rules.keys.address_bucket` of who asked."""
    created_ms = models.BigIntegerField()
