"""Table of jobs. Times are milliseconds since 1970 UTC."""

from django.conf import settings
from django.db import models

from farhand.web.project.rows import TransientRow

WAITING, RUNNING, DONE, FAILED, CANCELLED, EXPIRED = "waiting", "running", "done", "failed", "cancelled", "expired"
OPEN = (WAITING, RUNNING)


class Job(TransientRow):
    """One piece of work: who wants it, how far it is, what came of it."""

    kind = models.CharField(max_length=64)
    """Name in `kinds.kinds()`."""
    short = models.BooleanField(default=False)
    """It takes seconds: it does not wait for a long one to end."""
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    """Whose it is; None = Farhand's own."""
    subject = models.CharField(max_length=128, db_index=True)
    """What it is about: `session:ID`."""
    params = models.JSONField(default=dict)
    state = models.CharField(max_length=9, default=WAITING)
    progress = models.PositiveSmallIntegerField(default=0)
    """In thousandths."""
    cancel = models.BooleanField(default=False)
    """It runs and its owner no longer wants it."""
    attempts = models.PositiveSmallIntegerField(default=0)
    """How often it was begun."""
    due_ms = models.BigIntegerField(default=0, db_default=0)
    """It is not begun before this."""
    pauses = models.PositiveSmallIntegerField(default=0, db_default=0)
    """How often it was put off (`kinds.Again`)."""
    beat_ms = models.BigIntegerField(default=0)
    """Last sign of life while it runs."""
    created_ms = models.BigIntegerField()
    started_ms = models.BigIntegerField(null=True)
    ended_ms = models.BigIntegerField(null=True)
    expires_ms = models.BigIntegerField(null=True)
    """Until when the result is kept."""
    error = models.CharField(max_length=255, default="", blank=True)
    """Why it failed: a marked English sentence."""
    file_name = models.CharField(max_length=128, default="", blank=True)
    """Name of the result, in the job's folder and for people; empty = it leaves no file."""
    file_type = models.CharField(max_length=64, default="", blank=True)
    file_bytes = models.BigIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(fields=["state", "created_ms"], name="jobs_job_state"),
            models.Index(fields=["owner", "kind"], name="jobs_job_owner"),
        ]
