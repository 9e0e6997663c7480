"""Verifying recordings in the background: while a session runs, after its end, and again when somebody asks.

The worker calls `Checker.step` all the time; each call reads for a fraction of a second and goes on where the last
one ended, so that nothing else waits for a long recording. How far a pass is stands in the table, the index that it
finds is kept beside, and after a restart it goes on. Rules: a segment of a living session is verified up to its newest
signature; once nobody writes it any more the result is final, and changes only when somebody asks for a fresh pass.
"""

import time
from collections import deque
from typing import Final

from farhand.kit.log import get_log
from farhand.recording import format as form
from farhand.recording.index import Index
from farhand.recording.verifier import Findings, Verifier
from farhand.web.appliance import keys
from farhand.web.project.service import SYSTEM
from farhand.web.reports import files, queries
from farhand.web.reports.models import DONE, DUE, OPEN, RUNNING, RecordingCheck
from farhand.web.reports.services import Note, finish_check, note_check
from farhand.web.support.worker_services import LATE_KEYS_MS

log = get_log("reports")

PIECE: Final = 2 << 20
"""Bytes that are read between two looks at the clock."""
BUDGET_S: Final = 0.2
"""Time that one step takes at most, but for the rest of its piece."""
LOOK_MS: Final = 5_000
"""Time between two looks for segments that are to be verified."""
AGAIN_MS: Final = 30_000
"""A segment that grows is read on this often."""
SAVE_S: Final = 2.0
"""How far a pass is is stored this often."""
KEEP_BYTES: Final = 256 << 20
"""What was read after so many bytes is kept, so that a restart does not begin anew."""
SWEEP_MS: Final = 600_000
"""All sessions are looked at this often; in between those of the last days."""
RECENT_MS: Final = 3 * 86_400_000

Key = tuple[str, int]


class _Pass:
    """One segment on its way."""

    def __init__(self, key: Key, stamp: files.Stamp, verifier: Verifier, *, final: bool) -> None:
        self.key = key
        self.stamp = stamp
        self.verifier = verifier
        self.final = final
        self.saved_at = 0.0
        self.kept_at = verifier.offset


class Checker:
    """What is to be verified, and the pass that is on its way. For one thread."""

    def __init__(self) -> None:
        self._queue: deque[Key] = deque()
        self._pass: _Pass | None = None
        self._looked_ms = 0
        self._swept_ms = 0

    def step(self, now_ms: int, budget_s: float = BUDGET_S) -> bool:
        """Work for about `budget_s` seconds, one piece at least; say whether there is more to do."""
        self._look(now_ms)
        until = time.monotonic() + budget_s
        while self._pass is not None or self._begin(now_ms):
            assert self._pass is not None
            self._advance(self._pass)
            if time.monotonic() >= until:
                break
        return self._pass is not None or bool(self._queue)

    def _look(self, now_ms: int) -> None:
        due = RecordingCheck.objects.filter(state=DUE).values_list("session_id", "segment")[: queries.MOST_SEGMENTS]
        for key in due:
            if key not in self._queue and (self._pass is None or self._pass.key != key):
                self._queue.appendleft(key)
            elif self._pass is not None and self._pass.key == key:
                self._pass = None  # asked for anew in the middle
                self._queue.appendleft(key)
        if now_ms - self._looked_ms < LOOK_MS:
            return
        self._looked_ms = now_ms
        busy = {*self._queue, *([self._pass.key] if self._pass is not None else [])}
        for key in self._wanted(now_ms):
            if key not in busy:
                self._queue.append(key)

    def _wanted(self, now_ms: int) -> list[Key]:
        """Segments that nobody has verified to their end yet."""
        recent = now_ms - self._swept_ms < SWEEP_MS
        found = queries.unverified(checked_before=now_ms - AGAIN_MS, created_after=now_ms - RECENT_MS if recent else 0)
        if not recent and len(found) < queries.MOST_SEGMENTS:
            self._swept_ms = now_ms
        return found

    def _begin(self, now_ms: int) -> bool:
        """Take up the next segment; False when there is none."""
        while self._queue:
            key = self._queue.popleft()
            session = queries.session_by_id(key[0])
            if session is None:
                continue
            over = session.state == "ended"
            late = over and now_ms - (session.ended_ms or session.created_ms) > LATE_KEYS_MS
            row = RecordingCheck.objects.filter(session_id=key[0], segment=key[1]).first()
            stamp = files.stamp_of(*key)
            asked = row is not None and row.state == DUE
            if asked:
                _note(key, stamp, Findings(), 0, RUNNING, fresh=True)
            if stamp is None:
                if late or row is not None:
                    _note(key, None, Findings(), 0, DONE if late else OPEN)
                continue
            if row is not None and row.state == OPEN and _is_of(row, stamp) and not late:
                continue
            verifier = _taken_up(stamp) if row is not None and row.state in (OPEN, RUNNING) else None
            if verifier is None or verifier.offset > stamp.size:
                verifier = Verifier([bytes.fromhex(keys.issuer_public())], key)
            self._pass = _Pass(key, stamp, verifier, final=late)
            return True
        return False

    def _advance(self, now: _Pass) -> None:
        """Read one piece."""
        verifier, stamp = now.verifier, now.stamp
        begin = verifier.offset
        try:
            with files.mapped(stamp) as view:
                ended = verifier.advance(view, PIECE, final=now.final)
                if ended and verifier.findings().closed:
                    now.final = True
                    verifier.advance(view, final=True)
        except (OSError, ValueError) as error:  # gone or shortened since it was looked at
            log.warning("recording_file", session=stamp.session_id, segment=stamp.segment, text=str(error))
            self._pass = None
            return
        files.not_needed(stamp, begin, verifier.offset)
        found = verifier.findings()
        if ended:
            _keep(now, whole=now.final)
            _note(now.key, stamp, found, verifier.offset, DONE if now.final else OPEN)
            self._pass = None
            return
        if verifier.offset - now.kept_at >= KEEP_BYTES:
            _keep(now, whole=False)
            now.kept_at = verifier.offset
        if time.monotonic() - now.saved_at >= SAVE_S:
            now.saved_at = time.monotonic()
            _note(now.key, stamp, found, verifier.offset, RUNNING)


def _is_of(row: RecordingCheck, stamp: files.Stamp) -> bool:
    return (row.size, row.changed_ns) == (stamp.size, stamp.changed_ns)


def _taken_up(stamp: files.Stamp) -> Verifier | None:
    """The pass that was interrupted, or None."""
    state = files.read_kept(stamp.session_id, f"{stamp.segment}.pass")
    kept = files.read_kept(stamp.session_id, f"{stamp.segment}.index")
    if not state:
        return None
    try:
        index = Index.load(kept) if kept else None
        issuers = [bytes.fromhex(keys.issuer_public())]
        return Verifier.resume(issuers, (stamp.session_id, stamp.segment), state, index)
    except form.FormatError:
        return None


def _keep(now: _Pass, *, whole: bool) -> None:
    session_id, segment = now.key
    try:
        if now.verifier.index is not None:
            files.keep(session_id, f"{segment}.index", now.verifier.index.dump())
        if whole:
            files.drop(session_id, f"{segment}.pass")
        else:
            files.keep(session_id, f"{segment}.pass", now.verifier.state())
    except OSError as error:  # a full disk: it is made again the next time
        log.warning("index_not_kept", session=session_id, segment=segment, reason=str(error))


def _note(
    key: Key, stamp: files.Stamp | None, found: Findings, offset: int, state: str, *, fresh: bool = False
) -> None:
    note = Note(
        session_id=key[0],
        segment=key[1],
        state=state,
        size=stamp.size if stamp is not None else 0,
        changed_ns=stamp.changed_ns if stamp is not None else 0,
        offset=offset,
        findings=found,
        fresh=fresh,
    )
    if state == DONE:
        finish_check(SYSTEM, note=note)
    else:
        note_check(SYSTEM, note=note)
