"""Tables of what verifying recordings found, and of those that were removed. Times are milliseconds since 1970 UTC."""

from django.db import models

from farhand.web.project.rows import HistoryRow, TransientRow

DUE, RUNNING, OPEN, DONE = "due", "running", "open", "done"


class RecordingCheck(TransientRow):
    """How far one segment's file is verified, and what was found in it.

    `due`: somebody asked for a fresh pass. `running`: a pass is on its way. `open`: it has reached the end of a file
    that may still grow. `done`: nobody writes the file any more. What was found holds for the file as `size` and
    `changed_ns` say.
    """

    session = models.ForeignKey("support.Session", on_delete=models.CASCADE, related_name="checks")
    segment = models.PositiveIntegerField()
    state = models.CharField(max_length=7, default=DUE)
    size = models.BigIntegerField(default=0)
    """Bytes of the file; 0 = it is not there."""
    changed_ns = models.BigIntegerField(default=0)
    offset = models.BigIntegerField(default=0)
    """Bytes that the pass has read."""
    findings = models.JSONField(default=dict)
    """`farhand.recording.verifier.Findings`."""
    checked_ms = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["session", "segment"], name="reports_check_segment")]
        indexes = [models.Index(fields=["state"], name="reports_check_state")]


class RemovedRecording(HistoryRow):
    """The recording of a session was removed, because its time was over."""

    session = models.OneToOneField("support.Session", on_delete=models.CASCADE, related_name="removed_recording")
    removed_ms = models.BigIntegerField()
    days = models.PositiveIntegerField()
    """So many days recordings were kept then."""
    size = models.BigIntegerField()
    """Bytes that it had."""

    class Meta(HistoryRow.Meta):
        abstract = False
