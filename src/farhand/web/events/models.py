"""Tables of topics, their numbered events, and the audit chain.

An event is one change of one item of a collection; its number counts without gaps within its topic. It is stored in the
transaction of the change and published afterwards; `published` is the outbox mark that the sweep works by.
"""

from typing import ClassVar

from django.db import models

from farhand.web.project.rows import HistoryRow, Kind


class Origin(models.Model):
    """The incarnation of this database, one row: it numbers all history rows."""

    farhand_kind: ClassVar[Kind] = "transient"
    id = models.CharField(primary_key=True, max_length=36)
    last = models.BigIntegerField(default=0)
    audit_hash = models.CharField(max_length=64, default="")
    """Hash of the newest audit row."""


class Topic(models.Model):
    """A stream of events: `user:ID`, `team:ID`, `group:ID`, `site`."""

    farhand_kind: ClassVar[Kind] = "transient"
    name = models.CharField(primary_key=True, max_length=128)
    last = models.BigIntegerField(default=0)


class Event(models.Model):
    """One numbered change of a topic."""

    farhand_kind: ClassVar[Kind] = "transient"
    id = models.BigAutoField(primary_key=True)
    topic = models.CharField(max_length=128)
    n = models.BigIntegerField()
    collection = models.CharField(max_length=64)
    op = models.CharField(max_length=8)
    item_id = models.CharField(max_length=128)
    value = models.JSONField(null=True)
    made_ms = models.BigIntegerField()
    published = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["topic", "n"], name="events_event_topic_n")]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(published=False), name="events_event_unpublished"),
            models.Index(fields=["made_ms"], name="events_event_made"),
        ]


class AuditRow(HistoryRow):
    """One call of one service: who did what to what, from where, with which outcome. Never changed, never removed
    singly.

    `hash` is SHA-256 of the previous row's hash and this row's canonical JSON, so that a changed row is found.
    """

    time_ms = models.BigIntegerField()
    subject = models.CharField(max_length=128)
    subject_name = models.CharField(max_length=128, default="")
    source_ip = models.CharField(max_length=64, default="")
    action = models.CharField(max_length=64)
    object = models.CharField(max_length=128, default="")
    outcome = models.CharField(max_length=16)
    """`done` or `refused`."""
    fields = models.JSONField(default=dict)
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta(HistoryRow.Meta):
        abstract = False
        indexes = [models.Index(fields=["time_ms"], name="events_auditrow_time")]
