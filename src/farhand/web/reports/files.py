"""The files behind reports: the relay's recordings.

Files are named by the session's id and the segment's number from the database, never by text of a request; they are
mapped, never read whole.
"""

import functools
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from django.conf import settings

from farhand.kit.log import get_log
from farhand.recording import format as form
from farhand.recording.index import Index

log = get_log("reports")


class Stamp(msgspec.Struct, frozen=True):
    """A file as it is now; what was computed for it holds as long as this is equal."""

    path: str
    size: int
    changed_ns: int
    session_id: str
    segment: int


def stamp_of(session_id: str, segment: int) -> Stamp | None:
    """Look at a segment's file; None when it is not there or empty."""
    path = Path(settings.FARHAND_DATA) / "relay" / "recordings" / session_id / f"{segment}.fhr"
    try:
        found = path.stat(follow_symlinks=False)
    except OSError:
        return None
    if not found.st_size:
        return None
    return Stamp(str(path), found.st_size, found.st_mtime_ns, session_id, segment)


@contextmanager
def mapped(stamp: Stamp) -> Iterator[mmap.mmap]:
    """Map a segment's file. Raises OSError or ValueError when it is gone or has become shorter."""
    handle = os.open(stamp.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        # The length of the stamp, not of the file: a file that grows stays what was looked at.
        view = mmap.mmap(handle, stamp.size, access=mmap.ACCESS_READ)
    finally:
        os.close(handle)
    try:
        yield view
    finally:
        view.close()


@functools.lru_cache(maxsize=64)
def index_of(stamp: Stamp) -> Index | None:
    """The index of a file as it is now; None when its head cannot be read."""
    try:
        with mapped(stamp) as view:
            return Index.build(view)
    except (form.FormatError, OSError, ValueError) as error:
        log.warning("recording_head", session=stamp.session_id, segment=stamp.segment, text=str(error))
        return None
