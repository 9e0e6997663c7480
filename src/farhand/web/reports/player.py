"""The data that players of screen recordings read, below /reports.

Opening is audited (`index`); what follows carries the ticket that it gave. Times are milliseconds from the start of
the recording. Everything is bounded: the index by the number of full pictures, a range by its bytes, events by their
number.
"""

import struct
from bisect import bisect_left
from collections.abc import Iterator
from operator import attrgetter
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.utils.translation import gettext

from farhand.recording.index import Stretch
from farhand.recording.reader import Damaged
from farhand.web.project.service import NotThere
from farhand.web.reports import previews, queries, recordings, services
from farhand.web.reports.guards import actor_of, opened_session, private, signed_in, ticket
from farhand.web.reports.queries import Told

RANGE_BYTES: Final = 4 << 20
"""A range ends with the chunk that brings it over so many bytes of frames."""
PART: Final = struct.Struct("<II")
"""Before each chunk of a range: its place, the bytes that follow."""
DAMAGED: Final = 0xFFFF_FFFF
"""Instead of a length: this chunk cannot be opened, nothing follows."""
FAR_MS: Final = 1 << 42
"""No recording is longer."""
EVENTS: Final = 250
"""Events before and behind a moment that are given at once."""


@signed_in
def index(request: HttpRequest, session_id: str) -> HttpResponse:
    """The time line of the screen recording: segments with their full pictures, sizes, gaps."""
    actor = actor_of(request)
    session = services.open_recording(actor, session_id=session_id, what="screen")
    recording = recordings.of_session(session)
    base = recording.started_ms
    body = {
        "session": session.id,
        "started_ms": base,
        "duration_ms": max(recording.ended_ms - base, 0),
        "segments": [_segment(segment, base) for segment in recording.segments if segment.index is not None],
        "screens": [[max(at - base, 0), width, height] for at, width, height in recordings.screens(recording)],
        "gaps": [
            {"from_ms": max(gap.from_ms - base, 0), "to_ms": max(gap.to_ms - base, 0), "what": gap.what}
            for gap in recording.gaps()
        ],
        "view": ticket(actor, session),
    }
    return private(JsonResponse(body), max_age=0)


def _segment(segment: recordings.Segment, base: int) -> dict[str, Any]:
    assert segment.index is not None
    start, findings = segment.started_ms - base, segment.check.findings
    stretches = segment.index.stretches()
    return {
        "segment": segment.number,
        "start_ms": start,
        "end_ms": start + segment.end_ms,
        "verified_ms": start + findings.verified_ms,
        "closed": findings.closed,
        "last": len(segment.index) - 1,
        **_columns(stretches),
    }


def _columns(stretches: list[Stretch]) -> dict[str, list[int]]:
    """Full pictures: place of the chunk and time in the segment, each as the difference to the one before."""
    places, times = [], []
    place = time = 0
    for one in stretches:
        places.append(one.first - place)
        times.append(one.key_ms - time)
        place, time = one.first, one.key_ms
    return {"places": places, "times": times}


@signed_in
def chunks(request: HttpRequest, session_id: str, segment: int, first: int, last: int) -> HttpResponseBase:
    """The frames of the chunks from `first` to `last` that hold some of the screen, one after the other; fewer when
    they are large. Each part: u32 place, u32 length, then the frames (u32 time in ms from the segment's start, u16
    channel, u8 type, u32 length, payload). An empty part says that everything up to its place has been told.
    """
    session = opened_session(request, session_id)
    stream = _parts(session.id, segment, first, last)
    next(stream)  # what is not there is said before the answer begins
    response = StreamingHttpResponse(stream, content_type="application/octet-stream")
    response["Content-Disposition"] = "attachment"
    return private(response)


def _parts(session_id: str, segment: int, first: int, last: int) -> Iterator[bytes]:
    with recordings.opened_segment(session_id, segment) as reader:
        if reader is None or not first <= last or first >= len(reader.index):
            raise NotThere(gettext("This recording has no such part."))
        yield b""
        size = 0
        for place in reader.index.with_kinds(recordings.SCREEN, first, last):
            try:
                plain = reader.plain(place)
            except Damaged:
                yield PART.pack(place, DAMAGED)
                continue
            yield PART.pack(place, len(plain)) + plain
            size += len(plain)
            if size >= RANGE_BYTES:
                return
        yield PART.pack(min(last, len(reader.index) - 1), 0)


@signed_in
def thumbnail_times(request: HttpRequest, session_id: str) -> HttpResponse:
    """When there are small pictures; a job makes them once all of the recording has been verified (`made`)."""
    session = opened_session(request, session_id)
    base = recordings.of_session(session).started_ms
    found = previews.load(session.id)
    body = {"made": found is not previews.NONE, "times_ms": [one.at_ms - base for one in found.thumbnails]}
    return private(JsonResponse(body), max_age=0)


@signed_in
def thumbnail(request: HttpRequest, session_id: str, number: int) -> HttpResponse:
    """One small picture, by its place among the times."""
    session = opened_session(request, session_id)
    found = previews.load(session.id).thumbnails
    if number >= len(found):
        raise NotThere(gettext("There is no such picture."))
    return private(HttpResponse(found[number].jpeg, content_type="image/jpeg"), max_age=3600)


@signed_in
def events(request: HttpRequest, session_id: str) -> HttpResponse:
    """What was said and done around the moment `at`, in groups that `show` names (comma between; none = all), and
    whether there is more before and behind.
    """
    session = opened_session(request, session_id)
    base = recordings.of_session(session).started_ms
    moment = request.GET.get("at", "")
    at = base + (min(int(moment), FAR_MS) if moment.isascii() and moment.isdigit() and len(moment) < 20 else 0)
    wanted = {name for name in request.GET.get("show", "").split(",") if name}
    before, behind = _with_commands(session.id, at, wanted, *queries.around(session, at, wanted, EVENTS))
    early, late = before[-EVENTS:], behind[:EVENTS]
    body = {
        "events": [
            {"t_ms": one.time_ms - base, "group": one.group, "by": one.by, "text": one.text} for one in early + late
        ],
        "before": len(before) > EVENTS,
        "behind": len(behind) > EVENTS,
    }
    return private(JsonResponse(body), max_age=0)


def _with_commands(
    session_id: str, at: int, wanted: set[str], before: list[Told], behind: list[Told]
) -> tuple[list[Told], list[Told]]:
    """Put the lines that were entered in shells among the events."""
    if wanted and "command" not in wanted:
        return before, behind
    entered = previews.load(session_id).entered
    place = bisect_left(entered, at, key=lambda line: line.at_ms)
    early = before + [_entered(line) for line in entered[max(place - EVENTS - 1, 0) : place]]
    late = behind + [_entered(line) for line in entered[place : place + EVENTS + 1]]
    return sorted(early, key=attrgetter("time_ms")), sorted(late, key=attrgetter("time_ms"))


def _entered(line: previews.Entered) -> Told:
    by = gettext("Command Shell %(number)s") % {"number": line.shell}
    return Told(time_ms=line.at_ms, group="command", by=by, text=line.text)
