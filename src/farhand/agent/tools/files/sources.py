"""What is downloaded: a file as it is, a folder as a ZIP archive made while it is sent. Runs in threads.

Rules: a source gives its bytes in order, hashes them, and is read once. To go on at an offset, the bytes before it are
read and hashed again: the viewer's hash of them proves that both have the same file. An archive of a folder that did
not change comes out the same again. A file that changed under the hand is an error, never a mixture.
"""

import hashlib
import os
import stat
import time
import zipfile
from collections.abc import Generator, Iterator
from typing import Protocol

from farhand.agent.tools.files.beneath import Parts, folder, open_file, parent, scan
from farhand.agent.tools.files.disk import is_part
from farhand.agent.tools.files.errors import FilesError, failure
from farhand.protocol.files import LARGE_CHUNK

BLOCK = 16 * LARGE_CHUNK
"""Bytes that are read at a time."""


class Source(Protocol):
    """Something to send."""

    size: int | None
    modified_ms: int

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size`; none at the end. Raises OSError, FilesError."""
        ...

    def hash_so_far(self) -> str:
        """SHA-256 of all bytes that were read."""
        ...

    def close(self) -> None:
        """Read no more."""
        ...


def open_source(parts: Parts) -> Source:
    """Open what is to be sent. Raises OSError, FilesError."""
    if not parts:
        return Archive(parts)
    with parent(parts) as (fd, name):
        mode = os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode
    return Archive(parts) if stat.S_ISDIR(mode) else WholeFile(parts)


def skip(source: Source, offset: int, sha256: str) -> bool:
    """Read up to `offset`; say whether its bytes are the viewer's. Otherwise the source must be opened again."""
    left = offset
    while left:
        data = source.read(min(BLOCK, left))
        if not data:
            return False
        left -= len(data)
    return source.hash_so_far() == sha256


class WholeFile:
    """A regular file, as long as it was when it was opened."""

    def __init__(self, parts: Parts) -> None:
        self._fd = open_file(parts)
        self._before = self._state()
        self._hash = hashlib.sha256()
        self._at = 0
        self.size: int | None = self._before[0]
        self.modified_ms = self._before[1] // 1_000_000

    def _state(self) -> tuple[int, int, int]:
        found = os.fstat(self._fd)
        return found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def read(self, size: int) -> bytes:
        """The next bytes."""
        data = os.pread(self._fd, min(size, self._before[0] - self._at), self._at)
        self._hash.update(data)
        self._at += len(data)
        ended = not data or self._at == self._before[0]
        # Its end is judged by what it says of itself: size and times. The kernel keeps them for every write.
        if ended and (self._at != self._before[0] or self._state()[:2] != self._before[:2]):
            raise failure("changed")
        return data

    def hash_so_far(self) -> str:
        """SHA-256 of what was read."""
        return self._hash.hexdigest()

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


class _Pieces:
    """A file object for the archive writer, which cannot be wound back: pieces are taken out as they come."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Keep a piece."""
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        """Return what came since the last time."""
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data


class Archive:
    """A folder as a ZIP archive without compression: files and folders, no links; names as UTF-8, sorted.

    What may not be read, or is no file, is left out and counted in `left_out`.
    """

    def __init__(self, parts: Parts) -> None:
        with folder(parts):
            pass  # it must be there now
        self._top = parts
        self._hash = hashlib.sha256()
        self._buffer = bytearray()
        self._pieces = self._make()
        self.size: int | None = None
        self.modified_ms = 0
        self.left_out = 0

    def read(self, size: int) -> bytes:
        """The next bytes."""
        while len(self._buffer) < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._buffer += piece
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._hash.update(data)
        return data

    def hash_so_far(self) -> str:
        """SHA-256 of what was read."""
        return self._hash.hexdigest()

    def close(self) -> None:
        """Close the file that is being read."""
        self._pieces.close()

    def _make(self) -> Generator[bytes, None, None]:
        out = _Pieces()
        with zipfile.ZipFile(out, "w", allowZip64=True) as archive:  # type: ignore[call-overload]
            for below in self._walk():
                name = "/".join(part.decode("utf-8", "backslashreplace") for part in below[len(self._top) :])
                if below[-1:] == (b"",):
                    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                    info.external_attr = (stat.S_IFDIR | 0o755) << 16 | 0x10
                    archive.writestr(info, b"")
                    yield out.take()
                else:
                    yield from self._add(archive, out, below, name)
        yield out.take()

    def _add(self, archive: zipfile.ZipFile, out: _Pieces, parts: Parts, name: str) -> Iterator[bytes]:
        try:
            source = WholeFile(parts)
        except (OSError, FilesError):
            self.left_out += 1
            return
        try:
            when = time.gmtime(min(max(source.modified_ms // 1000, 315_532_800), 4_354_819_198))
            info = zipfile.ZipInfo(name, when[:6])
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            with archive.open(info, "w", force_zip64=True) as target:
                while data := source.read(BLOCK):
                    target.write(data)
                    yield out.take()
        finally:
            source.close()
        yield out.take()

    def _walk(self) -> Iterator[Parts]:
        """All files below the folder; a folder is told by an empty last name, before what is in it."""
        stack = [self._top]
        while stack:
            parts = stack.pop()
            try:
                with folder(parts) as fd, scan(fd) as found:
                    listed = sorted((os.fsencode(entry.name), _kind(entry)) for entry in found)
            except OSError:
                self.left_out += 1
                continue
            if parts != self._top:
                yield (*parts, b"")
            for name, kind in listed:
                if kind == "file" and not is_part(name):
                    yield (*parts, name)
                elif kind == "other":
                    self.left_out += 1
            stack += [(*parts, name) for name, kind in reversed(listed) if kind == "folder"]


def _kind(entry: os.DirEntry[str]) -> str:
    try:
        if entry.is_dir(follow_symlinks=False):
            return "folder"
        return "file" if entry.is_file(follow_symlinks=False) else "other"
    except OSError:
        return "other"
