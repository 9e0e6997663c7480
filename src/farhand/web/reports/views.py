"""Pages of /login > Reports, and shells as files (`player` has what the player of the screen reads).

Rules: every request asks the rules again; recordings leave as attachments that only the same person's browser may keep.
"""

import datetime
from collections.abc import Callable, Iterator
from typing import Any, Final

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext

from farhand.protocol.channels import Grant
from farhand.rules.access import Object, decide
from farhand.web.design.policy import may_decode
from farhand.web.project.service import NotThere
from farhand.web.reports import queries, recordings, services, transcripts, verification
from farhand.web.reports.forms import Filter
from farhand.web.reports.guards import actor_of, ask, private, session_for, signed_in

PAGE: Final = 50
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
    may_play = decide(subject, "reports.recording.view", queries.as_object(session)).allowed
    recording = recordings.of_session(session)
    running = session.ended_ms is None
    shells = _shell_rows(recording) if may_play else []
    context = {
        "session": session,
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
        "recording": recording if recording.segments else None,
        "may_play": may_play,
        "shells": shells,
        "shells_recorded": bool(session.recorded & Grant.SHELL),
        "found": _found(request, recording, session) if shells else None,
        "verification": verification.result(recording, running=running) if recording.segments else None,
    }
    return render(request, "reports/report.html", context)


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


def _shell_rows(recording: recordings.Recording) -> list[dict[str, Any]]:
    return [
        {
            "shell": found,
            "at": queries.span(found.opened_ms - recording.started_ms),
            "duration": queries.span(found.closed_ms - found.opened_ms) if found.closed_ms is not None else "",
        }
        for found in recordings.shells(recording)
    ]
