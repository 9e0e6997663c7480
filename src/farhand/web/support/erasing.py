"""Forgetting sessions that are over for long enough: the keys of their recordings, or all that is known of them.

Called by the services that apply the rules of retention (`farhand.web.reports.retention`), inside their transaction.
Rules: only sessions that have ended; what the relay has on disk it removes itself, once this is committed; whatever
else speaks of the session (its checks, the note that its recording was removed) goes with its row.
"""

from farhand.protocol.bus import FilesRemove
from farhand.web.project import bus
from farhand.web.project.service import Change
from farhand.web.support.models import RecordingSegment, Session


def forget_recording(change: Change, session_id: str) -> int:
    """Forget the keys of a session's recording, and have its files removed; return how many segments it had."""
    count, _ = RecordingSegment.objects.filter(session_id=session_id).delete()
    _remove_files(change, session_id, journal=False)
    return count


def forget_session(change: Change, session_id: str) -> bool:
    """Forget a session altogether; False when there is none that has ended."""
    rows = Session.objects.filter(id=session_id, state="ended")
    if not rows.exists():
        return False
    rows.delete()
    _remove_files(change, session_id, journal=True)
    return True


def _remove_files(change: Change, session_id: str, *, journal: bool) -> None:
    message = FilesRemove(session_id=session_id, journal=journal)
    change.after_commit(lambda: _publish(message))


def _publish(message: FilesRemove) -> None:
    bus.publish(message)
