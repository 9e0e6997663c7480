"""Recordings and reports are kept for as many days as the site says, counted from the end of their session.

Rules: a recording goes first, and its report says so; with a report goes everything, the recording and the relay's
journal too. Each removal is decided by a service with its audit row; from then on nothing can be opened any more, for
the keys are gone. The files are the relay's to remove (`FilesRemove`). What is still on disk at the next round is asked
for again, recordings and journals: so nothing depends on a message, and what a restored backup brings back goes again.
Where the disk of recordings is away nothing is removed and nothing is said to be.
"""

import math
import os
import shutil
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from django.conf import settings

from farhand.kit.ids import is_id
from farhand.kit.log import get_log
from farhand.protocol.bus import FilesRemove
from farhand.rules.access import Object
from farhand.web.appliance.queries import recording_days, report_days
from farhand.web.events.services import next_history
from farhand.web.jobs import services as job_services
from farhand.web.project import bus
from farhand.web.project.service import SYSTEM, Change, service
from farhand.web.reports import files, queries
from farhand.web.reports.models import RecordingCheck, RemovedRecording
from farhand.web.reports.services import subject_of
from farhand.web.support import erasing
from farhand.web.support.queries import known_sessions, over_before, over_since

log = get_log("reports")
AT_ONCE: Final = 2000
"""Recordings on disk that one step looks at."""
MOST: Final = 100
"""Recordings, and reports, that one step removes."""


@service("reports.recording.expire", events="no console shows recordings")
def expire_recording(change: Change, *, session_id: str, days: int) -> bool:
    """Remove the recording of a session that ended at least `days` days ago; False when it did not."""
    change.allow(Object(kind="session", id=session_id))
    ended_ms = over_since([session_id], change.now_ms - days * queries.DAY_MS).get(session_id)
    if ended_ms is None:
        change.nothing()
        return False
    size = _size(session_id)
    if not RemovedRecording.objects.filter(session_id=session_id).exists():
        origin, sequence = next_history()
        RemovedRecording.objects.create(
            origin=origin, sequence=sequence, session_id=session_id, removed_ms=change.now_ms, days=days, size=size
        )
    RecordingCheck.objects.filter(session_id=session_id).delete()
    segments = erasing.forget_recording(change, session_id)
    _drop_made(change, session_id)
    change.audit(days=days, ended_ms=ended_ms, segments=segments, bytes=size)
    return True


@service("reports.session.expire", events="consoles show living sessions only")
def expire_report(change: Change, *, session_id: str, days: int) -> bool:
    """Remove the report of a session that ended at least `days` days ago, with its recording; False when it did not."""
    change.allow(Object(kind="session", id=session_id))
    ended_ms = over_since([session_id], change.now_ms - days * queries.DAY_MS).get(session_id)
    if ended_ms is None or not erasing.forget_session(change, session_id):
        change.nothing()
        return False
    _drop_made(change, session_id)
    change.audit(days=days, ended_ms=ended_ms, bytes=_size(session_id))
    return True


def removed(session_id: str) -> RemovedRecording | None:
    """When and by which rule the recording of a session was removed, if it was."""
    return RemovedRecording.objects.filter(session_id=session_id).first()


class Remover:
    """Goes round the recordings on disk, some at each step."""

    def __init__(self) -> None:
        self._after = ""
        self._after_journal = ""

    def step(self, now_ms: int) -> int:
        """Remove what is over; return how many recordings and reports that were."""
        count = self._reports(now_ms) + self._recordings(now_ms)
        self._journals(now_ms)
        return count

    def _reports(self, now_ms: int) -> int:
        days = report_days()
        late = over_before(now_ms - days * queries.DAY_MS, MOST)
        return sum(expire_report(SYSTEM, session_id=session_id, days=days) for session_id in late)

    def _recordings(self, now_ms: int) -> int:
        names = sorted(name for name in _on_disk() if name > self._after)[:AT_ONCE]
        self._after = names[-1] if len(names) == AT_ONCE else ""
        known = known_sessions(names)
        gone = set(RemovedRecording.objects.filter(session_id__in=names).values_list("session_id", flat=True))
        days = recording_days()
        before_ms = now_ms - days * queries.DAY_MS
        count = 0
        for session_id in sorted(over_since([name for name in names if name not in gone], before_ms)):
            if count >= MOST:
                self._after = ""  # these are for the next step
                break
            count += expire_recording(SYSTEM, session_id=session_id, days=days)
        # What no report tells of was forgotten with it, or is of a time that a restored backup knows nothing of.
        lost = [name for name in names if name not in known and _made_ms(name) < before_ms]
        _ask_again([*gone, *lost], known)
        return count

    def _journals(self, now_ms: int) -> None:
        """Ask again for journals that no report tells of: the relay was away when their reports went."""
        there = _journals_on_disk()
        names = sorted(name for name in there if name > self._after_journal)[:AT_ONCE]
        self._after_journal = names[-1] if len(names) == AT_ONCE else ""
        before_ms = now_ms - report_days() * queries.DAY_MS
        known = known_sessions(names)
        lost = [name for name in names if name not in known and _written_ms(there[name]) < before_ms]
        if len(lost) > MOST:
            self._after_journal = lost[MOST - 1]  # the others are for the next step
        _ask_again(lost, known)


def _ask_again(session_ids: Sequence[str], known: set[str]) -> None:
    for session_id in session_ids[:MOST]:
        bus.publish(FilesRemove(session_id=session_id, journal=session_id not in known))


def _on_disk() -> list[str]:
    """The sessions that have recordings on disk."""
    try:
        return [name for name in os.listdir(_folder()) if is_id(name)]
    except OSError:
        return []


def _journals_on_disk() -> dict[str, list[Path]]:
    """The sessions that have journals on disk, with their files: also what was put aside of one."""
    found: dict[str, list[Path]] = {}
    folder = Path(settings.FARHAND_DATA) / "relay" / "journal"
    with suppress(OSError):
        for name in os.listdir(folder):
            session_id, kind, _ = name.partition(".fhj")
            if kind and is_id(session_id):
                found.setdefault(session_id, []).append(folder / name)
    return found


def _folder() -> Path:
    return Path(settings.FARHAND_DATA) / "relay" / "recordings"


def _written_ms(paths: Sequence[Path]) -> float:
    """When one of these files was last written; infinite when none is there any more."""
    times = []
    for path in paths:
        with suppress(OSError):
            times.append(path.stat(follow_symlinks=False).st_mtime_ns / 1e6)
    return max(times, default=math.inf)


def _size(session_id: str) -> int:
    try:
        return sum(entry.stat(follow_symlinks=False).st_size for entry in os.scandir(_folder() / session_id))
    except OSError:
        return 0


def _made_ms(session_id: str) -> int:
    """When an id was made (UUIDv7)."""
    return uuid.UUID(session_id).int >> 80


def _drop_made(change: Change, session_id: str) -> None:
    """Remove what was made of the recording: indexes and thumbnails, videos."""
    job_services.drop_about(change, subject_of(session_id))
    folder = files.kept_path(session_id, "")
    change.after_commit(lambda: shutil.rmtree(folder, ignore_errors=True))
