"""Uploads of which nothing came any more: what they left beside their targets is taken away after some days.

Why it exists: what an upload has brought stays when the connection goes, so that it can go on. When the program or the
machine goes too, nobody would come back for it. So each upload that is on its way has a note in a folder of the
client's own: where its hidden file is.

Rules: nothing is looked for and nothing is guessed: only the very file that a note names is removed, if its name is one
of an unfinished upload and it is a plain file of our own user that has not been written for days. A note that cannot be
written stops no upload.
"""

import hashlib
import os
import stat
import time
from contextlib import suppress
from pathlib import Path

from farhand.agent.core.files import make_private_folder, read_bounded
from farhand.agent.tools.files.beneath import Parts, parent, parts_of, path_of
from farhand.agent.tools.files.disk import is_part
from farhand.agent.tools.files.errors import FilesError

AGE_S = 3 * 86_400.0
"""An upload that goes on after so long begins anew."""
AT_ONCE = 500
"""Notes that one sweep looks at."""
_LONGEST = 8192
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


def notes_folder() -> Path:
    """Where the notes are (XDG Base Directory Specification: what is not worth a backup)."""
    return Path(_folder())


def _folder() -> str:
    state = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local/state")
    return os.path.join(state, "farhand", "uploads")


def begun(part: Parts) -> None:
    """An upload writes this hidden file from now on."""
    path = path_of(part)
    note = _note(path)
    with suppress(OSError):
        try:
            handle = os.open(note, _WRITE, 0o600)
        except FileNotFoundError:
            make_private_folder(notes_folder())
            handle = os.open(note, _WRITE, 0o600)
        try:
            os.write(handle, path)
        finally:
            os.close(handle)


def over(part: Parts) -> None:
    """That file has its name, or is gone."""
    with suppress(OSError):
        os.unlink(_note(path_of(part)))


def sweep() -> int:
    """Remove what was left days ago; return how many files that were."""
    removed = 0
    now = time.time()
    for note in _notes():
        with suppress(OSError, ValueError, FilesError):
            if now - note.stat(follow_symlinks=False).st_mtime < AGE_S:
                continue
            gone, mine = _remove(parts_of(read_bounded(note, _LONGEST)), now)
            removed += mine
            if gone:
                note.unlink()
    return removed


def _remove(part: Parts, now: float) -> tuple[bool, bool]:
    """Say whether there is nothing more to do about this file, and whether it was removed."""
    if not part or not is_part(part[-1]):  # the note was cut short: what it names now was never ours
        return True, False
    try:
        with parent(part) as (fd, name):
            found = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if now - found.st_mtime < AGE_S:
                return False, False
            plain = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_nlink == 1
            if plain:
                os.unlink(name, dir_fd=fd)
            return True, plain
    except (FileNotFoundError, NotADirectoryError):
        return True, False


def _notes() -> list[Path]:
    found: list[Path] = []
    with suppress(OSError), os.scandir(notes_folder()) as entries:
        for entry in entries:
            found.append(Path(entry.path))
            if len(found) == AT_ONCE:
                break
    return found


def _note(path: bytes) -> str:
    """Of thousands of files a minute: without `pathlib`, which takes longer than the disk."""
    return os.path.join(_folder(), hashlib.sha256(path).hexdigest()[:32])
