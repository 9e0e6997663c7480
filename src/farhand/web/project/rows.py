"""Base classes of all table rows: what an id is, and which kind of data a row is.

Every row says whether it is configuration (copied from primary to backup), history (merged between appliances, never
changed) or transient (lost without harm). History rows carry (origin, sequence): the incarnation of the database that
wrote them, and their number in it.
"""

from typing import ClassVar, Literal

from django.db import models

from farhand.kit.ids import new_id

Kind = Literal["configuration", "history", "transient"]


class Row(models.Model):
    """A row with a UUIDv7 as text."""

    farhand_kind: ClassVar[Kind]
    id = models.CharField(primary_key=True, max_length=36, default=new_id, editable=False)

    class Meta:
        abstract = True


class ConfigurationRow(Row):
    """A setting of the site, copied to a backup appliance."""

    farhand_kind: ClassVar[Kind] = "configuration"

    class Meta:
        abstract = True


class TransientRow(Row):
    """Something that may be lost at a restart without harm."""

    farhand_kind: ClassVar[Kind] = "transient"

    class Meta:
        abstract = True


class HistoryRow(Row):
    """A fact that happened. `origin` and `sequence` come from `farhand.web.events.services.next_history`."""

    farhand_kind: ClassVar[Kind] = "history"
    origin = models.CharField(max_length=36, editable=False)
    sequence = models.BigIntegerField(editable=False)

    class Meta:
        abstract = True
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["origin", "sequence"], name="%(app_label)s_%(class)s_origin_sequence")
        ]
