"""The files behind reports: the relay's recordings, and what was made of them.

Files are named by the session's id and the segment's number from the database, never by text of a request; they are
mapped, never read whole. Beside the recordings (`relay/recordings/`, which the relay writes) stands what is made of
them in `reports/SESSION/`: `N.index` (the index of segment N), `N.pass` (a verification that was interrupted),
`previews` (thumbnails, sealed by the recordings key). All of these may be removed at any time.
"""

import contextlib
import functools
import mmap
import os
import secrets
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


def not_needed(stamp: Stamp, begin: int, end: int) -> None:
    """Tell the kernel that these bytes of a file are not read again soon: its memory is for others."""
    with contextlib.suppress(OSError):
        handle = os.open(stamp.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.posix_fadvise(handle, begin, end - begin, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)


@functools.lru_cache(maxsize=64)
def index_of(stamp: Stamp) -> Index | None:
    """The index of a file as it is now: the one that is kept, read on to the file's end, or a new one."""
    try:
        with mapped(stamp) as view:
            index = _kept_index(stamp, view)
            if index is None:
                return Index.build(view)
            index.grow(view)
            return index
    except (form.FormatError, OSError, ValueError) as error:
        log.warning("recording_head", session=stamp.session_id, segment=stamp.segment, text=str(error))
        return None


def _kept_index(stamp: Stamp, view: mmap.mmap) -> Index | None:
    kept = read_kept(stamp.session_id, f"{stamp.segment}.index")
    if not kept:
        return None
    try:
        index = Index.load(kept)
    except form.FormatError:
        return None
    # It is of this file: its head is, and the file has not become shorter.
    head = form.pack_head(index.head)
    return index if index.read_to <= stamp.size and view[: len(head)] == head else None


def kept_path(session_id: str, name: str) -> Path:
    """Where something that was made of a session's recordings is kept."""
    return Path(settings.FARHAND_DATA) / "reports" / session_id / name


def keep(session_id: str, name: str, content: bytes) -> None:
    """Keep something whole or not at all. It is not flushed to the disk: it can be made again. Raises OSError."""
    path = kept_path(session_id, name)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f".{name}.{secrets.token_hex(6)}")
    try:
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise


def read_kept(session_id: str, name: str) -> bytes:
    """What is kept under this name; empty when nothing is."""
    try:
        return kept_path(session_id, name).read_bytes()
    except OSError:
        return b""


def drop(session_id: str, name: str) -> None:
    """Keep this no longer."""
    with contextlib.suppress(OSError):
        kept_path(session_id, name).unlink()
