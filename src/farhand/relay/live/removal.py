"""Removing the files of sessions that are over, when the control plane says that their time is.

The relay wrote them, so it takes them away: it alone knows whether something is still being written. Rules: only by
the id of a session, never a name of another kind; one after the other in a thread of its own, because removing
gigabytes takes a while; what is gone already is no error.
"""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from farhand.kit.ids import is_id
from farhand.kit.log import get_log
from farhand.relay.live.journal import sync_folder

log = get_log("removal")


class Removal:
    """Removes below `folder`, which is `relay/` of the data folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="removal")
        self._asked: set[tuple[str, bool]] = set()
        """What is being done, and waits: a session, and whether its journal goes too."""

    def remove(self, session_id: str, *, journal: bool) -> None:
        """Remove a session's recording, and its journal. The caller knows that nobody writes them."""
        if not is_id(session_id):
            log.error("files_not_removed", session=session_id, reason="this is not the id of a session")
        elif (session_id, journal) not in self._asked:
            self._asked.add((session_id, journal))
            self._pool.submit(self._remove, session_id, journal)

    def stop(self) -> None:
        """What was not begun is asked for again."""
        self._pool.shutdown(cancel_futures=True)

    def _remove(self, session_id: str, journal: bool) -> None:
        try:
            size = remove_recording(self._folder / "recordings", session_id)
            if journal:
                size += remove_journal(self._folder / "journal", session_id)
            log.info("files_removed", session=session_id, bytes=size, journal=journal)
        except OSError as error:
            log.error("files_not_removed", session=session_id, reason=str(error))
        finally:
            self._asked.discard((session_id, journal))


def remove_recording(folder: Path, session_id: str) -> int:
    """Remove the segments of a session; return how many bytes they had. Raises OSError."""
    place = folder / session_id
    if not place.is_dir() or place.is_symlink():
        return 0
    size = sum(entry.stat(follow_symlinks=False).st_size for entry in os.scandir(place))
    shutil.rmtree(place)
    sync_folder(folder)
    return size


def remove_journal(folder: Path, session_id: str) -> int:
    """Remove a session's journal and what was put aside of it; return how many bytes they had. Raises OSError."""
    size = 0
    for path in folder.glob(f"{session_id}.fhj*"):
        size += path.stat(follow_symlinks=False).st_size
        path.unlink()
    sync_folder(folder)
    return size
