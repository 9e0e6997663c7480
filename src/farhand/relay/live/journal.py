"""Session journals on disk: one writer thread appends for all sessions and fsyncs once per group.

The form of a file is `protocol.journal`. A batch is reported as stored only after fsync; when the disk refuses, what
was written of the batch is cut off again, so that a file never holds what was not acknowledged before something that
was. Damage in the middle of a file costs the entries that it hit and no others: see `_mend`.
"""

import bisect
import contextlib
import os
import queue
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from farhand.kit.log import get_log
from farhand.protocol.journal import encode_entry, read_damaged, read_entries
from farhand.protocol.messages import Entry
from farhand.protocol.unended import Unended

log = get_log("journal")


KEEP_FREE = 64 << 20
"""Bytes of the disk that only journals may still use: recordings stop before it (`taps`)."""
KEEP_FREE_POSTS = 16 << 20
"""Bytes of the disk that are left to the database and its audit: journals stop before it."""

NO_SPACE = "The disk of the appliance is nearly full. Free some space."


class JournalFile:
    """One session's journal. Opening reads it, cuts a torn tail, mends damage and remembers where each entry begins."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        data = path.read_bytes() if path.exists() else b""
        found, torn = read_damaged(data)
        if _is_damaged(found):
            data = _mend(path, data, found)
            found, torn = read_damaged(data)
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.spoiled = False
        """Something that was acknowledged cannot be read any more."""
        self.seen = {(entry.subject, entry.id): entry.seq for entry, _, _ in found}
        self.unended = Unended()
        """What has begun by the file as it was found, and not ended."""
        for entry, _, _ in found:
            self.unended.take(entry)
        self._seqs = [entry.seq for entry, _, _ in found]
        """Numbers of the entries in the file: without gaps, except where damage was mended."""
        self._ends = [end for _, _, end in found]
        self.size = self._ends[-1] if found else 0
        if torn:
            log.warning("journal_tail_cut", session=path.stem, bytes=torn)
            os.ftruncate(self.fd, self.size)
        os.fdatasync(self.fd)  # an earlier incarnation may have died before its own
        sync_folder(path.parent)

    @property
    def seq(self) -> int:
        """Highest entry on disk."""
        return self._seqs[-1] if self._seqs else 0

    def added(self, entries: Sequence[Entry], sizes: list[int]) -> None:
        """These entries are on disk now, as records of these sizes."""
        for entry, size in zip(entries, sizes, strict=True):
            self.size += size
            self._seqs.append(entry.seq)
            self._ends.append(self.size)

    def read(self, after: int, limit: int = 256) -> list[Entry]:
        """Up to `limit` entries behind number `after`; fewer, or none, where the disk does not give back what was
        written.
        """
        first = bisect.bisect_right(self._seqs, after)
        last = min(len(self._seqs), first + limit)
        if first >= last:
            return []
        begin = self._ends[first - 1] if first else 0
        try:
            data = os.pread(self.fd, self._ends[last - 1] - begin, begin)
        except OSError as error:
            log.error("journal_not_read", session=self.path.stem, reason=str(error))
            return []
        return [entry for entry, _ in read_entries(data)]

    def close(self) -> None:
        """No more entries. A file that was found damaged is mended, so that its last entries can be imported."""
        os.close(self.fd)
        if self.spoiled:
            try:
                data = self.path.read_bytes()
                found, _ = read_damaged(data)
                if _is_damaged(found):
                    _mend(self.path, data, found)
            except OSError as error:
                log.error("journal_not_mended", session=self.path.stem, reason=str(error))


class Batch(NamedTuple):
    """One append on its way."""

    file: JournalFile
    entries: tuple[Entry, ...]
    done: Callable[[str], None]
    """Called in the event loop: "" = stored, else why not."""


class JournalWriter:
    """The thread. `call_soon` brings results into the event loop; `write`, `sync` and `free` are the disk (tests break
    them)."""

    def __init__(
        self,
        call_soon: Callable[..., object],
        write: Callable[[int, bytes, int], int] = os.pwrite,
        sync: Callable[[int], None] = os.fdatasync,
        free: Callable[[Path], int] | None = None,
    ) -> None:
        self._call_soon = call_soon
        self._write = write
        self._sync = sync
        self._free = free or free_bytes
        self._queue: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def submit(self, batch: Batch) -> None:
        """Append a batch; a file has at most one batch on its way."""
        self._queue.put(batch)

    def stop(self) -> None:
        """Write what was submitted, then end the thread."""
        self._queue.put(None)
        self._thread.join(timeout=10)

    def _run(self) -> None:
        for group in self._groups():
            results = [(batch, *self._append(batch)) for batch in group]
            for batch, sizes, error in results:
                reason = error
                if not reason:
                    try:
                        self._sync(batch.file.fd)
                    except OSError as problem:
                        reason = str(problem)
                if reason:
                    with contextlib.suppress(OSError):
                        os.ftruncate(batch.file.fd, batch.file.size)
                with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
                    self._call_soon(self._report, batch, sizes, reason)

    def _groups(self) -> Iterator[list[Batch]]:
        while True:
            first = self._queue.get()
            group: list[Batch] = []
            while first is not None:
                group.append(first)
                if self._queue.empty() or len(group) >= 1000:
                    break
                first = self._queue.get()
            if group:
                yield group
            if first is None:
                return

    def _append(self, batch: Batch) -> tuple[list[int], str]:
        records = [encode_entry(entry) for entry in batch.entries]
        data = b"".join(records)
        offset = batch.file.size
        try:
            if self._free(batch.file.path.parent) < KEEP_FREE_POSTS + len(data):
                return [], NO_SPACE
            while data:
                count = self._write(batch.file.fd, data, offset)
                data, offset = data[count:], offset + count
        except OSError as error:
            return [], str(error)
        return [len(record) for record in records], ""

    @staticmethod
    def _report(batch: Batch, sizes: list[int], reason: str) -> None:
        if not reason:
            batch.file.added(batch.entries, sizes)
        batch.done(reason)


def free_bytes(path: Path) -> int:
    """Return how many bytes the disk under `path` still takes; raises OSError."""
    return shutil.disk_usage(path).free


def _is_damaged(found: list[tuple[Entry, int, int]]) -> bool:
    """Say whether something lies between the whole entries; what is behind them is a torn tail."""
    return bool(found) and found[-1][2] != sum(end - begin for _, begin, end in found)


def _mend(path: Path, data: bytes, found: list[tuple[Entry, int, int]]) -> bytes:
    """Put a damaged journal aside as `NAME.fhj.damaged`; leave all entries that are whole in its place; return them.

    Their numbers stay, so none is given twice; killed at any step, the file is the damaged or the mended one.
    """
    number, aside = 1, path.with_name(path.name + ".damaged")
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged{number}")
    new = path.with_name(path.name + ".new")
    with contextlib.suppress(FileNotFoundError):
        new.unlink()
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    whole = b"".join(data[begin:end] for _, begin, end in found)
    with os.fdopen(fd, "wb") as file:
        file.write(whole)
        file.flush()
        os.fsync(file.fileno())
    os.link(path, aside)
    os.replace(new, path)
    sync_folder(path.parent)
    kept, highest = len(found), found[-1][0].seq
    log.error("journal_damaged", session=path.stem, kept=kept, lost=highest - kept, aside=aside.name)
    return whole


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
