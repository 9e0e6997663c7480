"""Tables of canned scripts. Times are milliseconds UTC."""

from django.db import models

from farhand.web.project.rows import ConfigurationRow


class CannedScript(ConfigurationRow):
    """A script that representatives may have run in their sessions."""

    name = models.CharField(max_length=64, unique=True)
    description = models.CharField(max_length=1024, blank=True, default="")
    text = models.TextField()
    parameters = models.JSONField(default=list)
    """List of `farhand.rules.scripts.Parameter`, as built-in types."""
    everybody = models.BooleanField(default=False)
    """Whoever may use canned scripts may use it. Else members of its teams, and nobody when they are all gone."""
    platforms = models.JSONField(default=list)
    """`linux`, `windows`, `macos`."""
    contexts = models.JSONField(default=list)
    """`user`, `system`; never empty."""
    time_limit_s = models.PositiveIntegerField(default=60)
    created_ms = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class ScriptTeam(ConfigurationRow):
    """A team whose members may use a script."""

    script = models.ForeignKey(CannedScript, on_delete=models.CASCADE, related_name="teams")
    team = models.ForeignKey("accounts.Team", on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["script", "team"], name="scripts_team_once")]
