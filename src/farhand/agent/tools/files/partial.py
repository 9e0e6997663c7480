"""An upload on its way to the disk: under a hidden name beside its target until its hash is right. Runs in threads.

Rules: the final name appears in one step, with whole content, or never. What is there of an upload stays when the
connection goes, and is taken up again by its key; it is taken away when the upload is cancelled or fails for good. Only
a plain file of our own user is ever taken up: in a folder that others can write to, somebody may have left another one.
"""

import functools
import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

from farhand.agent.tools.files import leftovers
from farhand.agent.tools.files.beneath import Parts, is_name, parent
from farhand.agent.tools.files.disk import PART_PREFIX, PART_SUFFIX, move
from farhand.agent.tools.files.errors import failure

_OPEN = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = _OPEN | os.O_CREAT | os.O_EXCL
_BLOCK = 1 << 20
_LONGEST_NAME = 255


Identity = tuple[int, int, int, int] | None
"""Device, inode, size and time of a file; None: there is none."""


def identity_of(parts: Parts) -> Identity:
    """Say which file is there."""
    try:
        with parent(parts) as (fd, name):
            return _identity(os.stat(name, dir_fd=fd, follow_symlinks=False))
    except OSError:
        return None


def _identity(found: os.stat_result) -> Identity:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


class Partial:
    """An upload that is being written. Raises OSError and FilesError everywhere."""

    def __init__(self, parts: Parts, key: str, size: int, *, replace: bool, fresh: bool) -> None:
        self._size = size
        self._replace = replace
        self._hash = hashlib.sha256()
        self.have = 0
        """Bytes that are written."""
        with parent(parts) as (fd, name):
            if not is_name(name) or len(name) > _LONGEST_NAME:
                raise failure("name")
            self._name = name
            self._folder = os.dup(fd)
        self._part = PART_PREFIX + key.encode() + PART_SUFFIX
        self._where: Parts = (*parts[:-1], self._part)
        self._fd = -1
        try:
            self._check_target()
            leftovers.begun(self._where)
            self._open(fresh)
            space = os.fstatvfs(self._fd)
            if size - self.have > space.f_bavail * space.f_frsize:
                self.discard()
                raise failure("no-space")
        except BaseException:
            self.close()
            raise

    def _check_target(self) -> None:
        with suppress(FileNotFoundError):
            found = os.stat(self._name, dir_fd=self._folder, follow_symlinks=False)
            if not self._replace or not stat.S_ISREG(found.st_mode):
                raise failure("exists")

    def _open(self, fresh: bool) -> None:
        with suppress(OSError):
            if fresh:  # mostly nothing is there
                self._fd = os.open(self._part, _NEW, 0o600, dir_fd=self._folder)
                return
            self._fd = os.open(self._part, _OPEN, dir_fd=self._folder)
            found = os.fstat(self._fd)
            plain = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_nlink == 1
            if not plain or found.st_size > self._size:
                os.close(self._fd)
                self._fd = -1
        if self._fd < 0:
            with suppress(OSError):
                os.unlink(self._part, dir_fd=self._folder)
            self._fd = os.open(self._part, _NEW, 0o600, dir_fd=self._folder)
            return
        while data := os.pread(self._fd, _BLOCK, self.have):
            self._hash.update(data)
            self.have += len(data)

    def hash_so_far(self) -> str:
        """SHA-256 of what is written."""
        return self._hash.hexdigest()

    def write(self, pieces: list[bytes]) -> None:
        """Append, at most IOV_MAX pieces. Where nothing but zeros comes, the file has a hole."""
        for piece in pieces:
            self._hash.update(piece)
        size = sum(map(len, pieces))
        if all(not piece[0] and piece == bytes(len(piece)) for piece in pieces):
            os.ftruncate(self._fd, self.have + size)
        else:
            written = os.pwritev(self._fd, pieces, self.have)
            if written < size:  # the disk is nearly full, or the block very large
                self._write_rest(b"".join(pieces)[written:], self.have + written)
        self.have += size

    def _write_rest(self, data: bytes, at: int) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._fd, view, at)
            at += written
            view = view[written:]

    def finish(self, size: int, sha256: str, modified_ms: int) -> Identity:
        """All has come: check it, put it on the disk for good and give it its name. Return which file it is."""
        if size != self.have or size != self._size or sha256 != self.hash_so_far():
            self.discard()
            raise failure("hash")
        self._take_over_mode()
        os.utime(self._fd, ns=(modified_ms * 1_000_000, modified_ms * 1_000_000))
        os.fsync(self._fd)
        try:
            if self._replace:
                os.rename(self._part, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            else:
                move(self._folder, self._part, self._folder, self._name)
        except OSError:
            self.discard()
            raise
        leftovers.over(self._where)
        with suppress(OSError):
            _sync_folder(self._folder)
        return _identity(os.fstat(self._fd))

    def _take_over_mode(self) -> None:
        """As a program of this user would make it; over another file, as that one is."""
        mode = 0o666 & ~_umask()
        with suppress(OSError):
            found = os.stat(self._name, dir_fd=self._folder, follow_symlinks=False)
            if stat.S_ISREG(found.st_mode):
                mode = found.st_mode & 0o777
        with suppress(PermissionError):  # file systems without modes
            os.fchmod(self._fd, mode)

    def discard(self) -> None:
        """Take away what came."""
        with suppress(OSError):
            os.unlink(self._part, dir_fd=self._folder)
        leftovers.over(self._where)

    def close(self) -> None:
        """Leave it as it is."""
        for fd in (self._fd, self._folder):
            if fd >= 0:
                os.close(fd)
        self._fd = self._folder = -1


def _sync_folder(fd: int) -> None:
    readable = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=fd)
    try:
        os.fsync(readable)
    finally:
        os.close(readable)


@functools.cache
def _umask() -> int:
    """The process's mask, read without changing it (proc(5)): changing it is felt by other threads. Nobody does, so it
    is read once."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    return 0o022
