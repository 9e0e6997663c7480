"""Tables of public portals. Times are milliseconds UTC."""

from django.db import models

from farhand.web.project.rows import ConfigurationRow


class Portal(ConfigurationRow):
    """One public portal (site). The default one is stored once it has been changed (`queries.default`)."""

    name = models.CharField(max_length=64, blank=True, default="")
    """Empty for the default portal: it is named after the primary host."""
    is_default = models.BooleanField(default=False)
    hosts = models.JSONField(default=list)
    """Host names and addresses of its own, small letters, without port. The default portal answers under all others."""
    languages = models.JSONField(default=list)
    """Codes of the languages that its selector offers; empty: all."""
    session_keys = models.BooleanField(default=True)
    """It has the session key form."""
    representative_list = models.BooleanField(default=True)
    """It lists representatives who are at a console."""
    all_representatives = models.BooleanField(default=True)
    representatives = models.JSONField(default=list)
    """User ids; not looked at while it is `all_representatives`."""
    issue_form = models.BooleanField(default=True)
    """It has the issue submission form."""
    click_to_chat = models.BooleanField(default=True, db_default=True)
    """A customer may chat in the portal's page instead of running the client."""
    invitation = models.JSONField(default=dict, db_default={})
    """Its own mail for session keys (`invitations.Template`)."""
    created_ms = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="portals_portal_one_default"
            )
        ]

    def __str__(self) -> str:
        return self.name
