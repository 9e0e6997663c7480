"""Pages of /login > Reports, and shells as files (`player` has what the player of the screen reads).

Rules: every request asks the rules again; recordings leave as attachments that only the same person's browser may keep.
"""

import datetime
from collections.abc import Callable, Iterator
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext

from farhand.protocol.channels import Grant
from farhand.rules.access import Object, decide
from farhand.web.design.pages import page as login_page
from farhand.web.design.policy import may_decode
from farhand.web.jobs import queries as jobs
from farhand.web.jobs import services as job_services
from farhand.web.project.service import Conflict, Invalid, NotThere, now_ms
from farhand.web.reports import queries, recordings, retention, services, transcripts, unrecorded, verification
from farhand.web.reports.forms import ExportForm, Filter, export_label
from farhand.web.reports.guards import actor_of, ask, private, session_for, signed_in

PAGE: Final = 50
SHOWN_JOBS: Final = 10
LINES: Final = 500
"""Lines of what was done, and of what was said, on one page of a report."""


@signed_in
def support(request: HttpRequest) -> HttpResponse:
    """The list of sessions, newest first, 50 a page."""
    subject = actor_of(request).subject
    ask(subject, "reports.session.list", Object(kind="page"))
    everything = queries.visible(subject)
    form = Filter(request.GET or None, people=queries.representatives(subject))
    rows = everything
    if form.is_bound and form.is_valid():
        chosen = form.cleaned_data["representative"]
        rows = queries.filtered(
            everything,
            since=form.cleaned_data["since"],
            until=form.cleaned_data["until"],
            kind=form.cleaned_data["kind"],
            user_id=chosen.id if chosen else "",
        )
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    kept = request.GET.copy()
    kept.pop("page", None)
    context = {
        "form": form,
        "page": page,
        "rows": [
            {
                "session": session,
                "started": queries.moment(session.created_ms),
                "duration": _duration(session.created_ms, session.ended_ms),
            }
            for session in page
        ],
        "filtered": form.is_bound,
        "kept": kept.urlencode(),
        "none_at_all": not page.paginator.count and not everything.exists(),
    }
    return render(request, "reports/list.html", context)


@may_decode
@signed_in
def report(request: HttpRequest, session_id: str) -> HttpResponse:
    """One session: who, when, what was done, what was said, what was recorded."""
    subject = actor_of(request).subject
    session = session_for(subject, session_id, "reports.session.view")
    progress = _progress(request, session)
    recording = progress["recording"]
    shells = _shell_rows(recording) if recording is not None and progress["may_play"] else []
    removed = retention.removed(session.id)
    shown = removed is None and (recording is None or progress["may_play"])
    context = {
        **progress,
        "duration": _duration(session.created_ms, session.ended_ms),
        "started": queries.moment(session.created_ms),
        "ended": _moment(session.ended_ms),
        "legs": [
            {
                "leg": leg,
                "party": queries.party_name(leg),
                "since": queries.moment(leg.created_ms),
                "until": _moment(leg.left_ms),
            }
            for leg in queries.legs(session)
        ],
        "timeline": _page(request, queries.timeline(session), "done", queries.line),
        "chat": _page(request, queries.chat(session), "said", _said),
        "shells": shells,
        "unrecorded": _unrecorded_rows(session, recording, shells) if shown else [],
        "removed": {"at": queries.moment(removed.removed_ms), "row": removed} if removed is not None else None,
        "shells_recorded": bool(session.recorded & Grant.SHELL),
        "found": _found(request, recording, session) if recording is not None and shells else None,
        "export_form": ExportForm(),
    }
    return render(request, "reports/report.html", context)


@signed_in
def progress(request: HttpRequest, session_id: str) -> HttpResponse:
    """How far verifying and exporting are: the parts of the report that change meanwhile, for the page's script."""
    subject = actor_of(request).subject
    session = session_for(subject, session_id, "reports.session.view")
    return private(render(request, "reports/progress.html", _progress(request, session)), max_age=0)


def _progress(request: HttpRequest, session: Any) -> dict[str, Any]:
    may_play = decide(actor_of(request).subject, "reports.recording.view", queries.as_object(session)).allowed
    recording = recordings.of_session(session)
    found = verification.result(recording) if recording.segments else None
    return {
        "session": session,
        "recording": recording if recording.segments else None,
        "may_play": may_play,
        "verification": found,
        "checked": _moment(found.checked_ms) if found is not None and found.checked_ms else None,
        "exports": _exports(request, session.id) if may_play else [],
    }


@login_page("reports.session.list")
def verify(request: HttpRequest, session_id: str) -> HttpResponse:
    """Verify a recording again from its beginning."""
    if request.method == "POST":
        services.verify_again(actor_of(request), session_id=session_id)
    return redirect("report", session_id)


@login_page("reports.session.list")
def export(request: HttpRequest, session_id: str) -> HttpResponse:
    """Begin to make a video."""
    form = ExportForm(request.POST or None)
    if request.method == "POST":
        if form.is_valid():
            wanted = form.cleaned_data
            try:
                services.start_export(
                    actor_of(request),
                    session_id=session_id,
                    form=wanted["form"],
                    height=wanted["height"],
                    skip_idle=wanted["skip_idle"],
                )
            except (Conflict, Invalid) as error:
                messages.error(request, error.text)
        else:
            messages.error(request, gettext("Choose one of the formats and sizes."))
    return redirect(reverse("report", args=[session_id]) + "#export")


@login_page("reports.session.list")
def cancel_export(request: HttpRequest, session_id: str, job_id: str) -> HttpResponse:
    """Stop making a video."""
    if request.method == "POST":
        job_services.cancel(actor_of(request), job_id=job_id)
    return redirect(reverse("report", args=[session_id]) + "#export")


@signed_in
def video(request: HttpRequest, session_id: str, job_id: str, file_name: str) -> HttpResponseBase:
    """A video that is done, until its time is over."""
    actor = actor_of(request)
    session = services.open_recording(actor, session_id=session_id, what=f"export {file_name.rpartition('.')[2][:8]}")
    subject = services.subject_of(session.id)
    found = jobs.result(job_id, actor.subject.id, services.EXPORT, subject, now_ms())
    if found is None or found[0].file_name != file_name:
        raise NotThere(gettext("This video is no longer kept. Export the recording again."))
    job, path = found
    try:
        response = FileResponse(path.open("rb"), as_attachment=True, filename=job.file_name, content_type=job.file_type)
    except OSError as error:
        raise NotThere(gettext("This video is no longer kept. Export the recording again.")) from error
    response.block_size = 1 << 17
    return private(response, max_age=0)


def _exports(request: HttpRequest, session_id: str) -> list[dict[str, Any]]:
    rows = jobs.of_owner(actor_of(request).subject.id, services.EXPORT, services.subject_of(session_id))
    found = []
    for job in rows[:SHOWN_JOBS]:
        value = jobs.value(job, now_ms())
        value["what"] = export_label(job.params)
        value["cancel_at"] = reverse("report-export-cancel", args=[session_id, job.id])
        value["video_at"] = (
            reverse("report-video", args=[session_id, job.id, job.file_name]) if value["file_name"] else ""
        )
        value["expires"] = _moment(job.expires_ms)
        found.append(value)
    return found


@signed_in
def shell(request: HttpRequest, session_id: str, number: int, form_name: str) -> HttpResponseBase:
    """A shell as asciicast (`cast`) or as a transcript (`txt`)."""
    session = services.open_recording(actor_of(request), session_id=session_id, what=f"shell {number} {form_name}")
    recording = recordings.of_session(session)
    found = next((one for one in recordings.shells(recording) if one.number == number), None)
    if found is None:
        raise NotThere(gettext("This recording has no such shell."))
    kind = "application/x-asciicast" if form_name == "cast" else "text/plain; charset=utf-8"
    lines: Iterator[bytes] = (line.encode() for line in recordings.shell_lines(recording, found, form_name))
    response = StreamingHttpResponse(lines, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="session-{session.id}-shell-{number}.{form_name}"'
    return private(response, max_age=0)


def _page(request: HttpRequest, rows: QuerySet[Any], name: str, shown: Callable[[Any], object]) -> Page[Any]:
    """One page of what happened, each row as `shown`; `name` is the parameter that says which."""
    page: Page[Any] = Paginator(rows, LINES).get_page(request.GET.get(name))
    page.object_list = [shown(row) for row in page.object_list]
    return page


def _found(request: HttpRequest, recording: recordings.Recording, session: Any) -> transcripts.Found | None:
    """What was looked for in the transcripts, when something was. It counts as opening the recording."""
    words = request.GET.get("find", "").replace("\0", "").strip()
    if not words:
        return None
    services.open_recording(actor_of(request), session_id=session.id, what="shells search")
    return transcripts.find(recording, words)


def _said(event: Any) -> dict[str, object]:
    return {"event": event, "time": queries.moment(event.time_ms)}


def _moment(time_ms: int | None) -> datetime.datetime | None:
    return None if time_ms is None else queries.moment(time_ms)


def _duration(created_ms: int, ended_ms: int | None) -> str:
    return "" if ended_ms is None else queries.span(ended_ms - created_ms)


def _unrecorded_rows(
    session: Any, recording: recordings.Recording | None, shells: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    found = unrecorded.of_session(session, recording, [row["shell"] for row in shells])
    return [{"by": one.by, "opened": queries.moment(one.opened_ms), "closed": _moment(one.closed_ms)} for one in found]


def _shell_rows(recording: recordings.Recording) -> list[dict[str, Any]]:
    return [
        {
            "shell": found,
            "at": queries.span(found.opened_ms - recording.started_ms),
            "duration": queries.span(found.closed_ms - found.opened_ms) if found.closed_ms is not None else "",
        }
        for found in recordings.shells(recording)
    ]
