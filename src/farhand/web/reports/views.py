"""Pages of /login > Reports, and the data that its players read.

Rules: every request asks the rules again; recordings leave as attachments that only the same person's browser may keep;
times in data are milliseconds from the start of the recording.
"""

import datetime
import functools
from collections.abc import Callable, Iterator
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast

from django.contrib.auth.views import redirect_to_login
from django.core import signing
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from farhand.recording.reader import Damaged
from farhand.rules.access import Object, Subject, decide
from farhand.web.design.policy import may_decode
from farhand.web.project.service import Actor, NotThere, Refused
from farhand.web.reports import queries, recordings, services, verification
from farhand.web.reports.forms import Filter
from farhand.web.support.models import Session, SessionEvent

PAGE: Final = 50
LINES: Final = 500
"""Lines of what was done, and of what was said, on one page of a report."""
VIEW_S: Final = 12 * 3600
"""How long a player may fetch chunks after it was opened (and audited)."""
_SIGNER: Final = signing.TimestampSigner(salt="farhand.reports.view")

P = ParamSpec("P")
R = TypeVar("R", bound=HttpResponseBase)
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def signed_in(view: View[P]) -> View[P]:
    """People who have not signed in do so first; nothing is changed by any method but GET and HEAD."""

    @functools.wraps(view)
    def inner(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if _actor(request).subject.kind != "user":
            return redirect_to_login(request.get_full_path())
        return view(request, *args, **kwargs)

    return cast(View[P], require_safe(inner))


@signed_in
def support(request: HttpRequest) -> HttpResponse:
    """The list of sessions, newest first, 50 a page."""
    subject = _actor(request).subject
    _ask(subject, "reports.session.list", Object(kind="page"))
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
            {"session": session, "started": queries.moment(session.created_ms), "duration": _duration(session)}
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
    subject = _actor(request).subject
    session = _session(subject, session_id)
    may_play = decide(subject, "reports.recording.view", queries.as_object(session)).allowed
    recording = recordings.of_session(session)
    running = session.ended_ms is None
    context = {
        "session": session,
        "duration": _duration(session),
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
        "shells": _shell_rows(recording) if may_play else [],
        "verification": verification.result(recording, running=running) if recording.segments else None,
    }
    return render(request, "reports/report.html", context)


@signed_in
def screen_index(request: HttpRequest, session_id: str) -> HttpResponse:
    """The time line of the screen recording: segments, their chunks with key frames, gaps, and what was said and
    done.
    """
    actor = _actor(request)
    session = services.open_recording(actor, session_id=session_id, what="screen")
    recording = recordings.of_session(session)
    base = recording.started_ms
    body = {
        "session": session.id,
        "started_ms": base,
        "duration_ms": max(recording.ended_ms - base, 0),
        "segments": [_segment_value(segment, base) for segment in recording.segments if segment.index is not None],
        "screens": [[max(at - base, 0), width, height] for at, width, height in recordings.screens(recording)],
        "gaps": [
            {"from_ms": max(gap.from_ms - base, 0), "to_ms": max(gap.to_ms - base, 0), "what": gap.what}
            for gap in recording.gaps()
        ],
        "events": _events(session, base),
        "view": _SIGNER.sign(f"{actor.subject.id}/{session.id}"),
    }
    return _private(JsonResponse(body), max_age=0)


@signed_in
def screen_chunk(request: HttpRequest, session_id: str, segment: int, place: int) -> HttpResponse:
    """The frames of one chunk: u32 time in ms from the segment's start, u16 channel, u8 type, u32 length, payload."""
    actor = _actor(request)
    session = _session(actor.subject, session_id)
    _ask(actor.subject, "reports.recording.view", queries.as_object(session))
    _check_view(request, f"{actor.subject.id}/{session.id}")
    try:
        plain = recordings.chunk(session, segment, place)
    except Damaged as error:
        raise NotThere(gettext("This part of the recording is damaged and is not shown.")) from error
    if plain is None:
        raise NotThere(gettext("This recording has no such part."))
    response = HttpResponse(plain, content_type="application/octet-stream")
    response["Content-Disposition"] = "attachment"
    return _private(response)


@signed_in
def shell(request: HttpRequest, session_id: str, number: int, form_name: str) -> HttpResponseBase:
    """A shell as asciicast (`cast`) or as a transcript (`txt`)."""
    session = services.open_recording(_actor(request), session_id=session_id, what=f"shell {number} {form_name}")
    recording = recordings.of_session(session)
    found = next((one for one in recordings.shells(recording) if one.number == number), None)
    if found is None:
        raise NotThere(gettext("This recording has no such shell."))
    kind = "application/x-asciicast" if form_name == "cast" else "text/plain; charset=utf-8"
    lines: Iterator[bytes] = (line.encode() for line in recordings.shell_lines(recording, found, form_name))
    response = StreamingHttpResponse(lines, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="session-{session.id}-shell-{number}.{form_name}"'
    return _private(response, max_age=0)


def _page(
    request: HttpRequest, rows: QuerySet[SessionEvent], name: str, shown: Callable[[SessionEvent], object]
) -> Page[Any]:
    """One page of what happened, each row as `shown`; `name` is the parameter that says which."""
    page: Page[Any] = Paginator(rows, LINES).get_page(request.GET.get(name))
    page.object_list = [shown(row) for row in page.object_list]
    return page


def _said(event: SessionEvent) -> dict[str, object]:
    return {"event": event, "time": queries.moment(event.time_ms)}


def _session(subject: Subject, session_id: str) -> Session:
    session = queries.session_by_id(session_id)
    if session is None:
        raise NotThere(gettext("There is no report of this session."))
    _ask(subject, "reports.session.view", queries.as_object(session))
    return session


def _ask(subject: Subject, action: str, obj: Object) -> None:
    decision = decide(subject, action, obj)
    if not decision.allowed:
        raise Refused(gettext(decision.reason))


def _check_view(request: HttpRequest, wanted: str) -> None:
    """Chunks are for players that were opened by `screen_index`, which writes the audit row."""
    try:
        if _SIGNER.unsign(request.GET.get("view", ""), max_age=VIEW_S) == wanted:
            return
    except signing.BadSignature:
        pass
    raise Refused(gettext("Open the recording from its report again."))


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def _private(response: R, max_age: int = 300) -> R:
    response["Cache-Control"] = f"private, max-age={max_age}" if max_age else "private, no-store"
    return response


def _moment(time_ms: int | None) -> datetime.datetime | None:
    return None if time_ms is None else queries.moment(time_ms)


def _duration(session: Session) -> str:
    if session.ended_ms is None:
        return ""
    return queries.span(session.ended_ms - session.created_ms)


def _shell_rows(recording: recordings.Recording) -> list[dict[str, Any]]:
    return [
        {
            "shell": found,
            "at": queries.span(found.opened_ms - recording.started_ms),
            "duration": queries.span(found.closed_ms - found.opened_ms) if found.closed_ms is not None else "",
        }
        for found in recordings.shells(recording)
    ]


def _segment_value(segment: recordings.Segment, base: int) -> dict[str, Any]:
    start = segment.started_ms - base
    index = segment.index
    places = index.with_kinds(recordings.SCREEN) if index is not None else ()
    return {
        "segment": segment.number,
        "start_ms": start,
        "end_ms": start + segment.findings.end_ms,
        "verified_ms": start + segment.findings.verified_ms,
        "closed": segment.findings.closed,
        # place, start, end, bytes of frames, key frame (-1: none); times from the start of the recording
        "chunks": [
            [place, start + chunk.start_ms, start + chunk.end_ms, chunk.plain_size, _key(start, chunk.key_ms)]
            for place, chunk in ((place, index[place]) for place in places if index is not None)
        ],
    }


def _key(start: int, key_ms: int) -> int:
    return -1 if key_ms == 0xFFFF_FFFF else start + key_ms


def _events(session: Session, base: int) -> list[dict[str, Any]]:
    """What was said and done, with times from the start of the recording."""
    done = [(line.time_ms, line.kind, line.by, line.text) for line in map(queries.line, queries.timeline(session))]
    said = [(event.time_ms, event.kind, event.name, event.text) for event in queries.chat(session)]
    return [
        {"t_ms": time_ms - base, "kind": kind, "by": by, "text": text}
        for time_ms, kind, by, text in sorted(done + said, key=lambda line: line[0])
    ]
