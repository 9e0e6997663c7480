"""Small pictures of a recording, and the lines that were entered in its shells: to find the way by.

They are made by a job when a recording is complete and kept in one file beside it, sealed by the recordings key:
they show what the recording shows.
"""

import functools
from typing import Final

import msgspec

from farhand.kit.log import get_log
from farhand.recording import keys as recording_keys
from farhand.web.appliance import keys
from farhand.web.reports import files

log = get_log("reports")
VERSION: Final = 1
NAME: Final = "previews"


class Thumbnail(msgspec.Struct, frozen=True, array_like=True):
    """The screen at one moment."""

    at_ms: int
    """Wall time."""
    jpeg: bytes


class Entered(msgspec.Struct, frozen=True, array_like=True):
    """A line that was entered in a shell. Its text comes from an endpoint."""

    at_ms: int
    shell: int
    text: str


class Previews(msgspec.Struct, frozen=True, kw_only=True):
    """All of one session, in order of time."""

    version: int = VERSION
    thumbnails: list[Thumbnail] = []
    entered: list[Entered] = []


NONE: Final = Previews()


def store(session_id: str, previews: Previews) -> None:
    """Keep them. Raises OSError."""
    plain = msgspec.msgpack.encode(previews)
    files.keep(session_id, NAME, recording_keys.seal(keys.recordings_key(), _what(session_id), plain))


def load(session_id: str) -> Previews:
    """The previews of a session; `NONE` while there are none."""
    try:
        stamp = files.kept_path(session_id, NAME).stat()
    except OSError:
        return NONE
    return _load(session_id, stamp.st_size, stamp.st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _load(session_id: str, _size: int, _changed_ns: int) -> Previews:
    try:
        sealed = files.read_kept(session_id, NAME)
        found = msgspec.msgpack.decode(
            recording_keys.unseal(keys.recordings_key(), _what(session_id), sealed), type=Previews
        )
    except (recording_keys.BadKey, msgspec.DecodeError) as error:
        log.warning("previews_not_read", session=session_id, text=str(error))
        return NONE
    return found if found.version == VERSION else NONE


def _what(session_id: str) -> str:
    return f"previews {session_id}"
