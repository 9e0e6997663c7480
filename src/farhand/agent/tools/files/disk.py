"""Listing and changing folders. Runs in threads; everything is reached by `beneath`. Raises OSError and FilesError."""

import ctypes
import errno
import itertools
import os
import stat
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from farhand.agent.tools.files.beneath import Parts, Roots, folder, parent, path_of, scan
from farhand.agent.tools.files.errors import failure
from farhand.protocol.files import PAGE, FileEntry, Volume

PART_PREFIX, PART_SUFFIX = b".farhand-", b".part"
"""The name under which an upload waits beside its target; not shown, not archived."""
SORTED = 20_000
"""Folders with more entries are shown in the order of the disk."""
_PSEUDO = frozenset(
    (
        "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs",
        "fusectl", "hugetlbfs", "mqueue", "nsfs", "overlay", "proc", "pstore", "ramfs", "rpc_pipefs", "securityfs",
        "squashfs", "sysfs", "tmpfs", "tracefs",
    )
)  # fmt: skip
"""File systems that are no place to keep files in."""
_NOREPLACE = 1
_AT_ONCE = 1000


def is_part(name: bytes) -> bool:
    """Say whether this is an unfinished upload."""
    return name.startswith(PART_PREFIX) and name.endswith(PART_SUFFIX)


def pages(parts: Parts) -> Generator[list[FileEntry], None, None]:
    """Return a folder page by page: folders first and by name, unless there are very many; at least one page."""
    with folder(parts) as fd, scan(fd) as found:
        names = (os.fsencode(entry.name) for entry in found)
        shown = (name for name in names if not is_part(name))
        first = list(itertools.islice(shown, SORTED + 1))
        if len(first) > SORTED:
            everything: Iterator[FileEntry | None] = (_entry(fd, name) for name in itertools.chain(first, shown))
        else:
            present = [entry for name in first if (entry := _entry(fd, name)) is not None]
            present.sort(key=_order)
            everything = iter(present)
        there = (entry for entry in everything if entry is not None)
        page = list(itertools.islice(there, PAGE))
        yield page
        while page := list(itertools.islice(there, PAGE)):
            yield page


def _order(entry: FileEntry) -> tuple[bool, bytes, bytes]:
    return "folder" not in (entry.kind, entry.to), entry.name.lower(), entry.name


def _entry(fd: int, name: bytes) -> FileEntry | None:
    try:
        found = os.stat(name, dir_fd=fd, follow_symlinks=False)
    except OSError:
        return None  # it went away meanwhile
    kind, to, size = _kind(found.st_mode), "", found.st_size
    if kind == "link":
        try:
            target = os.stat(name, dir_fd=fd)
            to, size = _kind(target.st_mode), target.st_size
        except OSError:
            to, size = "", 0
    shown = size if "file" in (kind, to) else 0
    return FileEntry(name=name, kind=kind, to=to, size=shown, modified_ms=found.st_mtime_ns // 1_000_000)


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "folder"
    if stat.S_ISREG(mode):
        return "file"
    return "link" if stat.S_ISLNK(mode) else "other"


def volumes(limited: Roots) -> list[Volume]:
    """Return where a viewer can begin: the folders that it is limited to, or home, root and what is mounted."""
    if limited is not None:
        return [_volume(path_of(parts), "folder") for parts in limited]
    found = [_volume(b"/", "root"), _volume(home(), "home")]
    known = {b"/"}
    try:
        lines = Path("/proc/self/mounts").read_bytes().splitlines()
    except OSError:
        lines = []
    for line in lines:
        fields = line.split(b" ")
        if len(fields) < 3 or fields[2].decode(errors="replace") in _PSEUDO:
            continue
        path = fields[1].decode("unicode_escape", "replace").encode("latin-1", "replace")
        if path in known or not os.path.isdir(path) or len(found) >= 64:
            continue
        known.add(path)
        found.append(_volume(path, "mount"))
    return found


def home() -> bytes:
    """Return the user's home folder, without links."""
    return os.path.realpath(os.fsencode(Path("~").expanduser()))


def _volume(path: bytes, kind: str) -> Volume:
    try:
        space = os.statvfs(path)
    except OSError:
        return Volume(path=path, kind=kind)
    return Volume(path=path, kind=kind, total=space.f_blocks * space.f_frsize, free=space.f_bavail * space.f_frsize)


def make(parts: Parts) -> None:
    """Make a folder."""
    with parent(parts) as (fd, name):
        os.mkdir(name, dir_fd=fd)


def rename(parts: Parts, to: Parts) -> None:
    """Give another name or place; nothing is replaced."""
    with parent(parts) as (fd, name), parent(to) as (to_fd, to_name):
        move(fd, name, to_fd, to_name)


def move(fd: int, name: bytes, to_fd: int, to_name: bytes) -> None:
    """Rename without replacing anything, in one step. Raises FileExistsError."""
    if _renameat2 is not None:
        if _renameat2(fd, name, to_fd, to_name, _NOREPLACE) == 0:
            return
        number = ctypes.get_errno()
        if number not in (errno.EINVAL, errno.ENOSYS):
            raise OSError(number, os.strerror(number))
    if stat.S_ISREG(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):  # a file system that cannot do that
        os.link(name, to_name, src_dir_fd=fd, dst_dir_fd=to_fd, follow_symlinks=False)
        os.unlink(name, dir_fd=fd)
        return
    try:
        os.stat(to_name, dir_fd=to_fd, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(name, to_name, src_dir_fd=fd, dst_dir_fd=to_fd)
        return
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))


def _load_renameat2() -> "Callable[[int, bytes, int, bytes, int], int] | None":
    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if function is not None:
        function.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    return function


_renameat2 = _load_renameat2()


class Removal:
    """Deletes a file, or a folder with all in it; no link is followed. `step` until it says False."""

    def __init__(self, parts: Parts) -> None:
        self._top = parts
        self._stack: list[Parts] = []
        self._begun = False
        self.count = 0
        """Things that were deleted."""
        self.size = 0
        """Bytes of the files among them."""

    def step(self) -> bool:
        """Delete some of it; say whether there is more. What cannot be deleted raises, and the rest stays."""
        if not self._begun:
            self._begun = True
            self._remove(self._top)
            return bool(self._stack)
        top = self._stack[-1]
        with folder(top) as fd, scan(fd) as found:
            names = [os.fsencode(entry.name) for entry in itertools.islice(found, _AT_ONCE)]
        if names:
            for name in names:
                self._remove((*top, name))
                if self._stack[-1] != top:
                    break
            return True
        with parent(top) as (fd, name):
            os.rmdir(name, dir_fd=fd)
        self.count += 1
        self._stack.pop()
        return bool(self._stack)

    def _remove(self, parts: Parts) -> None:
        with parent(parts) as (fd, name):
            found = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                self._stack.append(parts)
                return
            os.unlink(name, dir_fd=fd)
        self.count += 1
        self.size += found.st_size if stat.S_ISREG(found.st_mode) else 0


def check_deletable(parts: Parts, roots: Roots) -> None:
    """Raise FilesError for the root of the file system and for a folder that somebody is limited to."""
    if not parts or any(root[: len(parts)] == parts for root in roots or ()):
        raise failure("no-permission")
