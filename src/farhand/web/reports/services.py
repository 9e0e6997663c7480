"""What reports write: who played, exported or downloaded which recording; what verifying recordings found."""

from typing import Final

import msgspec
from django.utils.translation import gettext

from farhand.recording.verifier import Findings
from farhand.rules.access import Object
from farhand.web.jobs import queries as jobs
from farhand.web.jobs import services as job_services
from farhand.web.project.service import Change, Conflict, Invalid, NotThere, service
from farhand.web.reports import queries
from farhand.web.reports.models import DUE, RecordingCheck
from farhand.web.support.models import Session

EXPORT: Final = "recording-export"
PREVIEWS: Final = "recording-previews"
"""Kinds of jobs (`jobs.KINDS`)."""
FORMATS: Final = ("webm", "mp4")
HEIGHTS: Final = (0, 480, 720, 1080)
"""Heights of an exported video in pixels; 0 = as recorded."""
NO_EVENTS: Final = "no console shows recordings"


def subject_of(session_id: str) -> str:
    """What jobs about a session are about."""
    return f"session:{session_id}"


@service("reports.recording.view", events="playing a recording changes nothing that a console shows")
def open_recording(change: Change, *, session_id: str, what: str) -> Session:
    """Leave to play or download: `what` is `screen`, `shell 2 cast`, ... Raises NotThere, Refused."""
    session = _allowed(change, session_id)
    change.audit(what=what)
    return session


@service("reports.recording.verify", events=NO_EVENTS)
def verify_again(change: Change, *, session_id: str) -> int:
    """Have all segments of a recording verified from their beginning; returns how many."""
    session = _allowed(change, session_id)
    checks = RecordingCheck.objects.filter(session=session).exclude(state=DUE)
    count = checks.update(state=DUE, offset=0)
    change.audit(segments=count)
    if not count:
        change.nothing()
    return count


@service("reports.recording.export", events=NO_EVENTS)
def start_export(change: Change, *, session_id: str, form: str, height: int, skip_idle: bool) -> str:
    """Begin to make a video of the screen, `form` one of FORMATS, `height` one of HEIGHTS; returns the job's id."""
    session = _allowed(change, session_id)
    if form not in FORMATS:
        raise Invalid("form", gettext("Choose one of the formats."))
    if height not in HEIGHTS:
        raise Invalid("height", gettext("Choose one of the sizes."))
    if session.ended_ms is None:
        raise Conflict(gettext("The session is still in progress. Export its recording when it has ended."))
    params = {"form": form, "height": height, "skip_idle": skip_idle}
    owner = change.actor.subject.id
    job_id = job_services.add(change, kind=EXPORT, subject=subject_of(session.id), params=params, owner_id=owner)
    change.audit(job=job_id, **params)
    return job_id


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """How far the verification of a segment is (see `models.RecordingCheck`)."""

    session_id: str
    segment: int
    state: str
    size: int
    changed_ns: int
    offset: int
    findings: Findings
    fresh: bool = False
    """A pass begins because somebody asked for it; any other one leaves that request alone."""


@service("reports.check.note", events=NO_EVENTS, audit="the end of the pass has its row")
def note_check(change: Change, *, note: Note) -> None:
    """A pass over a segment's file is so far."""
    change.allow(Object(kind="session", id=note.session_id))
    if not _store(change, note):
        change.nothing()


@service("reports.check.finish", events=NO_EVENTS)
def finish_check(change: Change, *, note: Note) -> None:
    """A segment that nobody writes any more is verified to its end. With the last of a session, its previews are
    made.
    """
    change.allow(Object(kind="session", id=note.session_id))
    if not _store(change, note):
        change.nothing()
        return
    found = note.findings
    change.audit(
        segment=note.segment,
        bytes=note.size,
        intact=found.intact,
        closed=found.closed,
        verified_ms=found.verified_ms,
        damaged_second=found.first_damaged_second,
    )
    if queries.verified_whole(note.session_id):
        subject = subject_of(note.session_id)
        if jobs.open_about(PREVIEWS, subject) is None:
            job_services.add(change, kind=PREVIEWS, subject=subject, params={})


def _allowed(change: Change, session_id: str) -> Session:
    session = queries.session_by_id(session_id)
    if session is None:
        raise NotThere(gettext("There is no report of this session."))
    change.allow(queries.as_object(session))
    return session


def _store(change: Change, note: Note) -> bool:
    """Store it, unless somebody has asked for a fresh pass meanwhile."""
    values = {
        "state": note.state,
        "size": note.size,
        "changed_ns": note.changed_ns,
        "offset": note.offset,
        "findings": msgspec.to_builtins(note.findings),
        "checked_ms": change.now_ms,
    }
    rows = RecordingCheck.objects.filter(session_id=note.session_id, segment=note.segment)
    if not rows.exists():
        RecordingCheck.objects.create(session_id=note.session_id, segment=note.segment, **values)
        return True
    return bool((rows if note.fresh else rows.exclude(state=DUE)).update(**values))
