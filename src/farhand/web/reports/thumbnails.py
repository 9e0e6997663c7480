"""The job that makes the previews of a recording: pictures at full pictures, lines that were entered in shells.

The pictures come from an endpoint, so they are decoded here and not in the program that serves pages.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import simplejpeg

from farhand.recording import cast, entered, picture
from farhand.recording.index import Index
from farhand.recording.picture import Picture, PictureError, reduced
from farhand.recording.reader import Damaged, PlayedFrame, SegmentReader, play
from farhand.rules.text import gettext_noop as _
from farhand.web.jobs.kinds import Failed, Outcome, Work
from farhand.web.reports import previews, queries, recordings

WIDTH: Final = 240
HEIGHT: Final = 150
QUALITY: Final = 70
MOST: Final = 120
EVERY_MS: Final = 5_000
"""Thumbnails are at least so far apart."""
MAX_CHUNKS: Final = 64
"""A full picture is looked for in so many chunks."""
GONE: Final = _("The session does not exist any more.")


def session_of(work: Work) -> Any:
    """The session that a job is about. Raises Failed."""
    session = queries.session_by_id(work.subject.removeprefix("session:"))
    if session is None:
        raise Failed(GONE)
    return session


def run(work: Work) -> Outcome:
    """Make them and keep them beside the recording."""
    session = session_of(work)
    recording = recordings.of_session(session)
    sizes = recordings.screens(recording)
    with recordings.opened(recording) as readers:
        found: list[previews.Thumbnail] = []
        wanted = list(_moments(readers, recording.started_ms, recording.ended_ms))
        for number, (reader, place, key_ms) in enumerate(wanted):
            work.tell(number / len(wanted) * 0.7)
            wall = reader.index.head.started_ms + key_ms
            jpeg = _thumbnail(reader, place, key_ms, _size_at(sizes, wall))
            if jpeg:
                found.append(previews.Thumbnail(at_ms=wall, jpeg=jpeg))
        shells = recordings.shells(recording)
        found_lines = entered.lines(_told(work, readers), shells) if shells else ()
        lines = [previews.Entered(at_ms=one.time_ms, shell=one.shell, text=one.text) for one in found_lines]
    previews.store(session.id, previews.Previews(thumbnails=found, entered=lines))
    return Outcome()


def _told(work: Work, readers: list[SegmentReader]) -> Iterator[PlayedFrame]:
    """All frames of shells, with signs of life."""
    for number, frame in enumerate(play(readers, cast.KINDS, [])):
        if number % 200 == 0:
            work.tell(0.8)
        yield frame


def _moments(readers: list[SegmentReader], start: int, end: int) -> Iterator[tuple[SegmentReader, int, int]]:
    """The full pictures to show: (reader, place of the chunk, time in it), spread evenly over the recording."""
    gap = max(EVERY_MS, (end - start) // MOST)
    due = 0
    for reader in sorted(readers, key=lambda r: r.index.head.started_ms):
        base = reader.index.head.started_ms
        for place, key_ms in _keys(reader.index):
            if base + key_ms >= due:
                due = base + key_ms + gap
                yield reader, place, key_ms


def _keys(index: Index) -> Iterator[tuple[int, int]]:
    return ((stretch.first, stretch.key_ms) for stretch in index.stretches())


def _size_at(sizes: Sequence[tuple[int, int, int]], wall_ms: int) -> tuple[int, int]:
    size = (0, 0)
    for at, width, height in sizes:
        if at > wall_ms:
            break
        size = (width, height)
    return size


def _thumbnail(reader: SegmentReader, place: int, key_ms: int, size: tuple[int, int]) -> bytes:
    """Draw a full picture; empty when it cannot be had."""
    if not all(size) or size[0] * size[1] > picture.MAX_PIXELS:
        return b""
    drawn = Picture(*size)
    drawn.lose()
    try:
        for frame in reader.frames(kinds=picture.KINDS, first=place, last=place + MAX_CHUNKS):
            if frame.time_ms < key_ms:
                continue
            drawn.take(frame.type, frame.payload)
            if drawn.known and drawn.flags & picture.COMPLETE:
                break
    except (Damaged, PictureError):
        return b""
    if not drawn.known:
        return b""
    data: bytes = simplejpeg.encode_jpeg(reduced(drawn.pixels, WIDTH, HEIGHT), QUALITY, "BGRX", "420")
    return data
