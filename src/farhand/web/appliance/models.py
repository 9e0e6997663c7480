"""Tables of site-wide settings."""

from typing import ClassVar

from django.db import models

from farhand.web.project.rows import Kind


class SiteSetting(models.Model):
    """One setting of the site; names, types and defaults stand in `farhand.web.appliance.queries`."""

    farhand_kind: ClassVar[Kind] = "configuration"
    key = models.CharField(primary_key=True, max_length=64)
    value = models.JSONField()
