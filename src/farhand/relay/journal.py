"""Session journals on disk: one writer thread appends for all sessions and fsyncs once per group.

The form of a file is `protocol.journal`. A batch is reported as stored only after fsync; when the disk refuses, what
was written of the batch is cut off again, so that a file never holds what was not acknowledged before something that
was.
"""

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from farhand.kit.log import get_log
from farhand.protocol.journal import encode_entry, read_entries
from farhand.protocol.messages import Entry

log = get_log("journal")


class JournalFile:
    """One session's journal. Opening reads it, cuts a damaged tail and remembers where each entry begins."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.seen: dict[tuple[str, str], int] = {}
        self._ends: list[int] = []
        self.size = 0
        data = path.read_bytes()
        for entry, end in read_entries(data):
            if entry.seq != len(self._ends) + 1:
                break
            self._ends.append(end)
            self.seen[entry.subject, entry.id] = entry.seq
            self.size = end
        if self.size != len(data):
            log.warning("journal_tail_cut", session=path.stem, bytes=len(data) - self.size)
            os.ftruncate(self.fd, self.size)
        sync_folder(path.parent)

    @property
    def seq(self) -> int:
        """Highest entry on disk."""
        return len(self._ends)

    def added(self, sizes: list[int]) -> None:
        """These records are on disk now."""
        for size in sizes:
            self.size += size
            self._ends.append(self.size)

    def read(self, after: int, limit: int = 256) -> list[Entry]:
        """Up to `limit` entries behind number `after`."""
        if after >= self.seq:
            return []
        last = min(self.seq, after + limit)
        begin = self._ends[after - 1] if after else 0
        data = os.pread(self.fd, self._ends[last - 1] - begin, begin)
        return [entry for entry, _ in read_entries(data)]

    def close(self) -> None:
        """No more entries."""
        os.close(self.fd)


class Batch(NamedTuple):
    """One append on its way."""

    file: JournalFile
    entries: tuple[Entry, ...]
    done: Callable[[str], None]
    """Called in the event loop: "" = stored, else why not."""


class JournalWriter:
    """The thread. `call_soon` brings results into the event loop; `write` and `sync` are the disk (tests break
    them)."""

    def __init__(
        self,
        call_soon: Callable[..., object],
        write: Callable[[int, bytes, int], int] = os.pwrite,
        sync: Callable[[int], None] = os.fdatasync,
    ) -> None:
        self._call_soon = call_soon
        self._write = write
        self._sync = sync
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
            while data:
                count = self._write(batch.file.fd, data, offset)
                data, offset = data[count:], offset + count
        except OSError as error:
            return [], str(error)
        return [len(record) for record in records], ""

    @staticmethod
    def _report(batch: Batch, sizes: list[int], reason: str) -> None:
        if not reason:
            batch.file.added(sizes)
        batch.done(reason)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
