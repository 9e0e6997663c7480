"""Reading jobs."""

from pathlib import Path
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext

from farhand.kit.ids import is_id
from farhand.web.jobs.models import DONE, OPEN, RUNNING, WAITING, Job
from farhand.web.jobs.services import folder
from farhand.web.project.service import now_ms

STALLED_MS = 60_000
"""A running job that has given no sign of life for so long is shown as stopped for the moment."""


def waiting(*, short_only: bool = False) -> bool:
    """Say whether some job waits that may be begun now."""
    rows = Job.objects.filter(state=WAITING, due_ms__lte=now_ms())
    return (rows.filter(short=True) if short_only else rows).exists()


def open_about(kind: str, subject: str) -> Job | None:
    """The waiting or running job of this kind about `subject`, if there is one."""
    return Job.objects.filter(kind=kind, subject=subject, state__in=OPEN).first()


def of_owner(owner_id: str, kind: str, subject: str) -> QuerySet[Job]:
    """One person's jobs of a kind about `subject`, newest first."""
    return Job.objects.filter(owner_id=owner_id, kind=kind, subject=subject).order_by("-created_ms", "-id")


def result(job_id: str, owner_id: str, kind: str, subject: str, now_ms: int) -> tuple[Job, Path] | None:
    """The job and the file of one that is done, unless its time is over or it is somebody else's."""
    if not is_id(job_id):
        return None
    rows = Job.objects.filter(id=job_id, owner_id=owner_id, kind=kind, subject=subject, state=DONE)
    job = rows.filter(expires_ms__gt=now_ms).exclude(file_name="").first()
    return None if job is None else (job, folder() / job.id / job.file_name)


def value(job: Job, now_ms: int) -> dict[str, Any]:
    """A job for pages and their scripts (JSON types); its texts in the reader's language."""
    return {
        "id": job.id,
        "state": job.state,
        "progress": job.progress / 1000,
        "stalled": job.state == RUNNING and now_ms - job.beat_ms > STALLED_MS,
        "cancel": job.cancel,
        "error": gettext(job.error) if job.error else "",
        "file_name": job.file_name if job.state == DONE else "",
        "file_bytes": job.file_bytes,
        "created_ms": job.created_ms,
        "expires_ms": job.expires_ms,
        "params": job.params,
    }
