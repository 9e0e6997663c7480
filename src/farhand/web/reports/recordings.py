"""Recordings of one session: what is known of them, and their frames, opened piece by piece.

Nothing is verified here: what a verification found stands in the table of checks (`checks`). A missing or damaged
file is a finding, not an error. What is computed once for a file as it is now is kept for the files used last.

A verification sees a file as it was then. So an end without a close record is told as a cut only where nobody writes
any more: once the pass after the session's end is done, or when another segment has begun and the file is still as it
was verified. Until then such a segment counts as not verified to its end.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import takewhile

import msgspec

from farhand.kit.log import get_log
from farhand.protocol.channels import Kind, Screen
from farhand.protocol.messages import NOT_UNDERSTOOD, ScreenStarted
from farhand.recording import cast
from farhand.recording import keys as recording_keys
from farhand.recording.index import Index
from farhand.recording.reader import SegmentReader, play
from farhand.recording.verifier import Findings
from farhand.web.appliance import keys
from farhand.web.reports import files
from farhand.web.reports.files import Stamp
from farhand.web.reports.models import DONE, OPEN, RecordingCheck
from farhand.web.support.models import RecordingSegment, Session

log = get_log("reports")

SCREEN = 1 << Kind.SCREEN
SCREEN_LANDMARKS = 1 << 16 + Kind.SCREEN
"""Bits of `recording.format.kind_bits`."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """The verification of one segment as it is stored."""

    state: str = ""
    """One of `models`; empty = not begun."""
    findings: Findings = msgspec.field(default_factory=Findings)
    offset: int = 0
    checked_ms: int = 0
    other: bool = False
    """The file is not as it was when a pass reached its end."""

    @property
    def changed(self) -> bool:
        """The result was final, and the file is another one since."""
        return self.state == DONE and self.other


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One segment of a recording with what is known of it."""

    number: int
    stamp: Stamp | None
    """None: the file is not there."""
    check: Check
    index: Index | None
    started_ms: int
    """Wall time of its start."""
    newest: bool
    """No other segment of the session began after it."""
    running: bool
    """The session goes on."""

    @property
    def grows(self) -> bool:
        """What it ends with now is no end."""
        return self.newest and self.running

    @property
    def known(self) -> bool:
        """It has been verified to its end; one that grows, to where that was a short while ago."""
        if self.check.state != OPEN:
            return self.check.state == DONE
        if self.grows:
            return self.check.findings.head is not None or not self.check.other
        return not self.newest and not self.check.other

    @property
    def end_ms(self) -> int:
        """Time of the last thing that can be played, from the segment's start."""
        return max(self.check.findings.end_ms, self.index.end_ms if self.index is not None else 0)


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time (wall ms) of which the recording does not prove what was on screen."""

    from_ms: int
    to_ms: int
    what: str


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """All segments of a session, in order of time."""

    session_id: str
    segments: list[Segment]
    started_ms: int
    """Wall time that players count from: the start of the first segment."""
    ended_ms: int

    @property
    def exists(self) -> bool:
        """There is something to verify."""
        return any(segment.stamp is not None for segment in self.segments)

    @property
    def has_screen(self) -> bool:
        """Some chunk holds frames of the screen."""
        return any(s.index.holds(SCREEN) for s in self.segments if s.index is not None)

    @property
    def size(self) -> int:
        """Size of all files."""
        return sum(s.stamp.size for s in self.segments if s.stamp is not None)

    @property
    def known(self) -> bool:
        """Every segment has been verified to its end."""
        return all(segment.known for segment in self.segments)

    @property
    def share(self) -> float:
        """How much of it has been verified, 0 to 1."""
        read = sum(s.stamp.size if s.known else s.check.offset for s in self.segments if s.stamp is not None)
        return min(read / self.size, 1.0) if self.size else 1.0

    def gaps(self) -> list[Gap]:
        """Damage, segments that are gone and ends that were never written, with wall times, in order. What has not
        been verified yet has none.
        """
        found: list[Gap] = []
        for place, segment in enumerate(self.segments):
            if not segment.known:
                continue
            later = self.segments[place + 1].started_ms if place + 1 < len(self.segments) else None
            findings, start = segment.check.findings, segment.started_ms
            if findings.head is None:
                what = "missing" if segment.stamp is None else "head"
                found.append(Gap(from_ms=start, to_ms=later or max(self.ended_ms, start), what=what))
                continue
            found += [Gap(from_ms=start + d.from_ms, to_ms=start + d.to_ms, what=d.what) for d in findings.damage]
            if not findings.closed and not segment.grows:
                end = start + findings.end_ms
                found.append(Gap(from_ms=end, to_ms=max(later or end, end), what="cut"))
        return sorted(found, key=lambda gap: gap.from_ms)


def of_session(session: Session) -> Recording:
    """Look at all segments of a session. A segment whose keys were handed out but that never started is left out."""
    started = {
        event.data.get("segment"): event.time_ms
        for event in session.events.filter(source="relay", kind="recording-started")
    }
    checks = {check.segment: check for check in RecordingCheck.objects.filter(session=session)}
    found: list[Segment] = []
    running = session.ended_ms is None
    rows = RecordingSegment.objects.filter(session=session).order_by("segment")
    for number in rows.values_list("segment", flat=True):
        stamp = files.stamp_of(session.id, number)
        if stamp is None and number not in started:
            continue
        index = files.index_of(stamp) if stamp is not None else None
        check = _check_of(checks.get(number), stamp)
        head = index.head if index is not None else check.findings.head
        start = head.started_ms if head is not None else started.get(number, session.created_ms)
        found.append(
            Segment(
                number=number, stamp=stamp, check=check, index=index, started_ms=start, newest=False, running=running
            )
        )
    found.sort(key=lambda segment: (segment.started_ms, segment.number))
    found[-1:] = [msgspec.structs.replace(segment, newest=True) for segment in found[-1:]]
    return Recording(
        session_id=session.id,
        segments=found,
        started_ms=min((s.started_ms for s in found), default=0),
        ended_ms=max((s.started_ms + s.end_ms for s in found), default=0),
    )


def _check_of(row: RecordingCheck | None, stamp: Stamp | None) -> Check:
    if row is None:
        return Check()
    now = (stamp.size, stamp.changed_ns) if stamp is not None else (0, 0)
    return Check(
        state=row.state,
        findings=msgspec.convert(row.findings, Findings) if row.findings else Findings(),
        offset=row.offset,
        checked_ms=row.checked_ms,
        other=row.state in (OPEN, DONE) and now != (row.size, row.changed_ns),
    )


@contextmanager
def opened(recording: Recording) -> Iterator[list[SegmentReader]]:
    """Open the readers of all segments that can be opened; their files are unmapped at the end."""
    with ExitStack() as stack:
        yield [r for r in (_reader(stack, s.stamp) for s in recording.segments if s.stamp is not None) if r is not None]


@contextmanager
def opened_segment(session_id: str, number: int) -> Iterator[SegmentReader | None]:
    """Open one segment; None when there is no such one, or it cannot be opened."""
    stamp = files.stamp_of(session_id, number)
    with ExitStack() as stack:
        if stamp is None or not RecordingSegment.objects.filter(session_id=session_id, segment=number).exists():
            yield None
        else:
            yield _reader(stack, stamp)


def _reader(stack: ExitStack, stamp: Stamp) -> SegmentReader | None:
    index = files.index_of(stamp)
    if index is None:
        return None
    head = index.head
    if (head.session_id, head.segment) != (stamp.session_id, stamp.segment):
        return None
    try:
        data_key = recording_keys.unwrap(keys.recordings_key(), head.wrapped, head.session_id, head.segment)
    except recording_keys.BadKey as error:
        log.warning("recording_key", session=head.session_id, segment=head.segment, text=str(error))
        return None
    try:
        return SegmentReader(stack.enter_context(files.mapped(stamp)), data_key, index)
    except (OSError, ValueError) as error:  # gone or shortened since it was looked at
        log.warning("recording_file", session=stamp.session_id, segment=stamp.segment, text=str(error))
        return None


def _stamps(recording: Recording) -> tuple[Stamp, ...]:
    return tuple(s.stamp for s in recording.segments if s.stamp is not None)


@contextmanager
def _readers(stamps: tuple[Stamp, ...]) -> Iterator[list[SegmentReader]]:
    with ExitStack() as stack:
        yield [r for r in (_reader(stack, stamp) for stamp in stamps) if r is not None]


def shells(recording: Recording) -> Sequence[cast.Shell]:
    """The shells of a recording, wall times."""
    return _shells(_stamps(recording))


@functools.lru_cache(maxsize=64)
def _shells(stamps: tuple[Stamp, ...]) -> Sequence[cast.Shell]:
    with _readers(stamps) as readers:
        damaged: list[tuple[int, int]] = []
        found = cast.shells(play(readers, cast.MARKS, damaged))
        if (damaged or len(readers) < len(stamps) or not found) and any(r.index.holds(cast.KINDS) for r in readers):
            # A shell whose beginning is lost is told by its output: all of it has to be opened.
            found = cast.shells(play(readers, cast.KINDS, []))
        return found


def shell_lines(
    recording: Recording, shell: cast.Shell, form_name: str, goes_on: Callable[[int], bool] = lambda _size: True
) -> Iterator[str]:
    """Yield a shell as `cast` or `txt`, line by line, from the files. `goes_on` is told the bytes of each frame before
    it is read; a no is the end.
    """
    write = cast.asciicast if form_name == "cast" else cast.transcript
    with opened(recording) as readers:
        frames = cast.of_shell(play(readers, cast.KINDS, [], shell.opened_ms), shell)
        yield from write(takewhile(lambda frame: goes_on(len(frame.payload)), frames), shell)


def screens(recording: Recording) -> Sequence[tuple[int, int, int]]:
    """When a screen began or changed its size: wall ms, width, height; 0, 0 when sharing stopped."""
    return _screens(_stamps(recording))


@functools.lru_cache(maxsize=64)
def _screens(stamps: tuple[Stamp, ...]) -> Sequence[tuple[int, int, int]]:
    found: list[tuple[int, int, int]] = []
    with _readers(stamps) as readers:
        for frame in play(readers, SCREEN_LANDMARKS, []):
            try:
                size = msgspec.json.decode(frame.payload, type=ScreenStarted) if frame.type == Screen.STARTED else None
            except NOT_UNDERSTOOD:
                continue
            found.append((frame.time_ms, size.width if size else 0, size.height if size else 0))
    return found
