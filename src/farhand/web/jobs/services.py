"""Changes of jobs: added by other areas, cancelled by people, carried out by the runner.

States: waiting -> running -> done | failed; cancelled from both of the first two; done -> expired when its file is
removed. A job that was begun and whose program ended waits again, at most `ATTEMPTS` times. One that says that it may
work later waits for the pauses of its kind.
"""

import shutil
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db.models import F
from django.utils.translation import gettext

from farhand.rules.access import Object
from farhand.rules.text import gettext_noop as _
from farhand.web.jobs.kinds import Outcome, kinds
from farhand.web.jobs.models import CANCELLED, DONE, EXPIRED, FAILED, OPEN, RUNNING, WAITING, Job
from farhand.web.project.service import Change, Conflict, NotThere, service

ATTEMPTS: Final = 3
MAX_OPEN: Final = 5
"""Jobs of one kind that one person may have waiting or running."""
KEEP_ROW_MS: Final = 7 * 86_400_000
"""A job that ended is forgotten after this time."""
NOT_FINISHED: Final = _("The program that does this ended several times while it worked. Ask an administrator.")
NO_EVENTS: Final = "no console shows jobs; pages ask how far one is"
HOUSEKEEPING: Final = "what people do with jobs has rows of its own; this is how far one is"


def folder() -> Path:
    """Where jobs keep what they make: a folder for each, named by its id."""
    return Path(settings.FARHAND_DATA) / "jobs"


def add(change: Change, *, kind: str, subject: str, params: dict[str, Any], owner_id: str | None = None) -> str:
    """Add a job for a user (None = for Farhand itself), inside a service that has asked its rules; returns its id.
    Raises Conflict when its owner has too many.
    """
    if owner_id is not None and Job.objects.filter(owner_id=owner_id, kind=kind, state__in=OPEN).count() >= MAX_OPEN:
        raise Conflict(gettext("You have several of these waiting already. Wait for one to end, or cancel one."))
    job = Job.objects.create(
        kind=kind,
        short=kinds()[kind].short,
        subject=subject,
        params=params,
        owner_id=owner_id,
        created_ms=change.now_ms,
    )
    return job.id


@service("jobs.job.cancel", events=NO_EVENTS)
def cancel(change: Change, *, job_id: str) -> bool:
    """Stop a job; False when it has ended already."""
    job = Job.objects.select_for_update().filter(id=job_id).first()
    if job is None:
        raise NotThere(gettext("This job does not exist any more."))
    change.allow(Object(kind="job", id=job.id, owner=job.owner_id))
    change.audit(kind=job.kind, subject=job.subject)
    stopped = Job.objects.filter(id=job.id, state=WAITING).update(state=CANCELLED, ended_ms=change.now_ms)
    asked = Job.objects.filter(id=job.id, state=RUNNING).update(cancel=True)
    if not stopped and not asked:
        change.nothing()
    return bool(stopped or asked)


@service("jobs.job.claim", events=NO_EVENTS, audit=HOUSEKEEPING)
def claim(change: Change, *, short_only: bool = False) -> Job | None:
    """Begin the job that has waited longest, short ones first; None when none waits. One that was begun too often
    fails.
    """
    change.allow(Object(kind="job"))
    rows = Job.objects.filter(state=WAITING, due_ms__lte=change.now_ms, **({"short": True} if short_only else {}))
    for job_id in rows.order_by("-short", "created_ms").values_list("id", flat=True)[:10]:
        if Job.objects.filter(id=job_id, state=WAITING, attempts__gte=ATTEMPTS).update(
            state=FAILED, error=NOT_FINISHED, ended_ms=change.now_ms
        ):
            continue
        taken = Job.objects.filter(id=job_id, state=WAITING).update(
            state=RUNNING,
            started_ms=change.now_ms,
            beat_ms=change.now_ms,
            progress=0,
            cancel=False,
            attempts=F("attempts") + 1,
        )
        if taken:
            return Job.objects.get(id=job_id)
    change.nothing()
    return None


@service("jobs.job.beat", events=NO_EVENTS, audit=HOUSEKEEPING)
def beat(change: Change, *, job_id: str, progress: int) -> bool:
    """A running job lives and is so far (thousandths); False when it is to stop."""
    change.allow(Object(kind="job", id=job_id))
    Job.objects.filter(id=job_id, state=RUNNING).update(beat_ms=change.now_ms, progress=min(max(progress, 0), 1000))
    return Job.objects.filter(id=job_id, state=RUNNING, cancel=False).exists()


@service("jobs.job.finish", events=NO_EVENTS)
def finish(change: Change, *, job_id: str, outcome: Outcome, size: int) -> bool:
    """A running job has done its work; its result is kept for a while. False when somebody has cancelled it."""
    change.allow(Object(kind="job", id=job_id))
    done = Job.objects.filter(id=job_id, state=RUNNING, cancel=False).update(
        state=DONE,
        progress=1000,
        ended_ms=change.now_ms,
        expires_ms=change.now_ms + outcome.keep_s * 1000 if outcome.file_name else None,
        file_name=outcome.file_name,
        file_type=outcome.file_type,
        file_bytes=size,
    )
    if not done:
        change.nothing()
        return False
    _tell_audit(change, job_id, bytes=size)
    return True


@service("jobs.job.fail", events=NO_EVENTS)
def fail(change: Change, *, job_id: str, error: str) -> None:
    """A running job ended without a result: `error` says why, in a marked sentence; "" = it was cancelled."""
    change.allow(Object(kind="job", id=job_id))
    state = FAILED if error else CANCELLED
    Job.objects.filter(id=job_id, state=RUNNING).update(state=state, error=error[:255], ended_ms=change.now_ms)
    _tell_audit(change, job_id, state=state)


@service("jobs.job.put_off", events=NO_EVENTS, audit=HOUSEKEEPING)
def put_off(change: Change, *, job_id: str) -> bool:
    """Let a running job wait for the next pause of its kind; that it was begun does not count. False when no pause is
    left or nobody wants the job any more: then it has failed.
    """
    change.allow(Object(kind="job", id=job_id))
    job = Job.objects.select_for_update().filter(id=job_id, state=RUNNING, cancel=False).first()
    left = () if job is None else kinds()[job.kind].pauses_s[job.pauses :]
    if job is None or not left:
        change.nothing()
        return False
    job.state, job.progress, job.due_ms = WAITING, 0, change.now_ms + left[0] * 1000
    job.attempts, job.pauses = 0, job.pauses + 1
    job.save(update_fields=["state", "progress", "due_ms", "attempts", "pauses"])
    return True


@service("jobs.job.put_back", events=NO_EVENTS, audit=HOUSEKEEPING)
def put_back(change: Change, *, job_id: str = "") -> int:
    """Let a running job wait again, because its program stops (that attempt does not count); without an id all of
    them, because their program ended in the middle. Cancelled ones are done with. Returns how many wait.
    """
    change.allow(Object(kind="job", id=job_id))
    rows = Job.objects.filter(state=RUNNING, **({"id": job_id} if job_id else {}))
    rows.filter(cancel=True).update(state=CANCELLED, ended_ms=change.now_ms)
    attempts = F("attempts") - 1 if job_id else F("attempts")
    return rows.filter(cancel=False).update(state=WAITING, progress=0, attempts=attempts)


@service("jobs.job.expire", events=NO_EVENTS, audit=HOUSEKEEPING)
def expire(change: Change) -> int:
    """Remove what is kept no longer, and rows of long ago. Returns how many jobs expired."""
    change.allow(Object(kind="job"))
    late = list(Job.objects.filter(state=DONE, expires_ms__lte=change.now_ms).values_list("id", flat=True))
    for job_id in late:
        remove_files(job_id)
    Job.objects.filter(id__in=late).update(state=EXPIRED)
    old = Job.objects.exclude(state__in=(*OPEN, DONE)).filter(ended_ms__lt=change.now_ms - KEEP_ROW_MS)
    forgotten, _rows = old.delete()
    forgotten += Job.objects.filter(state=DONE, file_name="", ended_ms__lt=change.now_ms - KEEP_ROW_MS).delete()[0]
    if not late and not forgotten:
        change.nothing()
    return len(late)


def drop_about(change: Change, subject: str) -> int:
    """Stop all jobs about `subject` and keep nothing that they made, inside a service that has asked its rules; returns
    how many there were.
    """
    jobs = Job.objects.filter(subject=subject)
    jobs.filter(state=RUNNING).update(cancel=True)
    jobs.filter(state=WAITING).update(state=CANCELLED, ended_ms=change.now_ms)
    made = list(jobs.filter(state=DONE).values_list("id", flat=True))
    jobs.filter(id__in=made).update(state=EXPIRED)
    change.after_commit(lambda: _remove_all(made))
    return jobs.count()


def _remove_all(job_ids: list[str]) -> None:
    for job_id in job_ids:
        remove_files(job_id)


def remove_files(job_id: str) -> None:
    """Remove a job's folder."""
    shutil.rmtree(folder() / job_id, ignore_errors=True)


def _tell_audit(change: Change, job_id: str, **more: Any) -> None:
    kind, subject = Job.objects.values_list("kind", "subject").get(id=job_id)
    change.audit(kind=kind, subject=subject, **more)
