"""Ways to a file that nobody can bend: every folder is opened from the one before it, and no link is followed.

Why it exists: the agent may be stronger than those who own the folders that it works in, and a representative may be
limited to some folders. Who swaps a folder for a link between a look and the deed must gain nothing by it. Rules: a
path is a tuple of names; none is empty, `.` or `..`. As no link is ever followed, a path leads where its names say, so
limits are compared by name. A link is resolved only to show where it leads (`resolve`): the result is walked like any
other path.
"""

import contextlib
import os
import stat
from collections.abc import Iterator

from farhand.agent.tools.files.errors import FilesError, failure, sentence

Parts = tuple[bytes, ...]
Roots = tuple[Parts, ...] | None
"""Folders that a viewer is limited to; None: it is not limited."""

_WALK = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_MOST_PARTS = 1000


def parts_of(path: bytes) -> Parts:
    """Return the names of an absolute path. Raises FilesError for one that is not plain."""
    parts = tuple(path.split(b"/")[1:]) if path != b"/" else ()
    if not path.startswith(b"/") or len(parts) > _MOST_PARTS or not all(is_name(part) for part in parts):
        raise FilesError("name", sentence("name"))
    return parts


def is_name(name: bytes) -> bool:
    """Say whether this can be the name of something in a folder."""
    return name not in (b"", b".", b"..") and b"/" not in name and b"\0" not in name


def path_of(parts: Parts) -> bytes:
    """Return the path again."""
    return b"/" + b"/".join(parts)


def within(parts: Parts, roots: Roots) -> bool:
    """Say whether a path is one of these folders or below one."""
    return roots is None or any(parts[: len(root)] == root for root in roots)


def resolve(parts: Parts) -> Parts:
    """Return where a path leads now, links and all. Raises OSError."""
    return parts_of(os.path.realpath(path_of(parts), strict=True))


@contextlib.contextmanager
def folder(parts: Parts) -> Iterator[int]:
    """A descriptor of this folder, to name things in it by. Raises OSError; a link on the way is ENOTDIR or ELOOP."""
    fd = os.open(b"/", _WALK)
    try:
        for part in parts:
            below = os.open(part, _WALK, dir_fd=fd)
            os.close(fd)
            fd = below
        yield fd
    finally:
        os.close(fd)


@contextlib.contextmanager
def parent(parts: Parts) -> Iterator[tuple[int, bytes]]:
    """A descriptor of the folder that holds this, and the name in it. Raises OSError, FilesError for `/`."""
    if not parts:
        raise failure("no-permission")
    with folder(parts[:-1]) as fd:
        yield fd, parts[-1]


def open_file(parts: Parts) -> int:
    """Open a regular file for reading. Raises OSError, FilesError when it is something else."""
    with parent(parts) as (fd, name):
        found = os.open(name, _READ, dir_fd=fd)
    if not stat.S_ISREG(os.fstat(found).st_mode):
        os.close(found)
        raise failure("not-regular")
    return found


def roots_of(paths: list[str]) -> Roots:
    """Return limits as paths. One that no path of this machine can be (another system's form) allows nothing."""
    return (
        tuple(parts_of(os.fsencode(os.path.normpath(one))) for one in paths if one.startswith("/")) if paths else None
    )


def scan(fd: int) -> contextlib.AbstractContextManager[Iterator[os.DirEntry[str]]]:
    """Iterate over a folder that is held by a descriptor. Raises OSError."""
    readable = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=fd)
    try:
        return os.scandir(readable)  # duplicates the descriptor
    finally:
        os.close(readable)


def make_folders(parts: Parts) -> list[Parts]:
    """Make this folder and those above it that are missing; return which were made. Raises OSError."""
    made: list[Parts] = []
    fd = os.open(b"/", _WALK)
    try:
        for depth, part in enumerate(parts):
            try:
                below = os.open(part, _WALK, dir_fd=fd)
            except FileNotFoundError:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=fd)
                    made.append(parts[: depth + 1])
                below = os.open(part, _WALK, dir_fd=fd)
            os.close(fd)
            fd = below
    finally:
        os.close(fd)
    return made
