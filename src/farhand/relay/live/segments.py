"""Recordings on disk: the thread that writes the segment files of all sessions.

The event loop makes a segment's bytes (`taps`: they are sealed there) and puts them into the tap's queue; the thread
opens, appends, flushes and closes. So only what may wait for a disk is done here, and the two hardly ever want the
interpreter at the same time: it is woken for WAKE_BYTES at once, or finds them by itself soon. Trouble with a file ends
that segment and no other; `recorder` begins a new one when the disk may have recovered.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from farhand.kit.log import get_log
from farhand.protocol.bus import RecordingKeys
from farhand.relay.live.journal import KEEP_FREE, NO_SPACE, free_bytes, sync_folder

if TYPE_CHECKING:
    from farhand.relay.live.taps import RecordingLimits, Tap

log = get_log("recording")

HOLD_BYTES = 16 << 20
"""Bytes that may wait for the disk before the endpoint is read no further."""
WAKE_BYTES = 1024 * 1024
LOOK_S = 0.1
"""The thread looks at all taps at least this often (seconds), or when one has WAKE_BYTES more."""
WRITE_BYTES = 1 << 20
"""So much is written at once, if so much waits."""
SYNC_S = 5.0
FREE_S = 1.0
"""The thread looks this often whether the disk has room."""
LET_GO_BYTES = 32 << 20
"""Recordings are not read again soon: this often the kernel is told to keep no memory for them. Otherwise a busy one
takes all that is free: it costs the database its cache, and new pages cost more than what is written into them."""


class Begin(NamedTuple):
    """In a tap's queue: a segment begins with these bytes."""

    number: int
    parts: list[bytes]


class Piece(NamedTuple):
    """Bytes to be appended; with them `taken` bytes of the tap are done."""

    parts: list[bytes]
    taken: int


class Seal(NamedTuple):
    """The last bytes of a segment. `problem`: it does not end well, and the tap is told why."""

    parts: list[bytes]
    problem: str = ""


def create_file(path: Path) -> int:
    """Create a segment's file, which must not be there, and return its descriptor. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


class SegmentFile:
    """The open file of one tap; for the thread alone."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.size = 0
        self.synced = time.monotonic()
        self._let_go = 0

    def write(self, parts: list[bytes]) -> None:
        """Append parts. Raises OSError."""
        left = sum(map(len, parts))
        while left:
            sent = os.writev(self.fd, parts)
            self.size += sent
            left -= sent
            if left:
                parts = [b"".join(parts)[sent:]]
        if self.size - self._let_go >= LET_GO_BYTES:
            # Starts writing to the disk what is new, frees what has arrived there. Waits for nothing.
            since = max(0, self._let_go - LET_GO_BYTES)
            os.posix_fadvise(self.fd, since, self.size - since, os.POSIX_FADV_DONTNEED)
            self._let_go = self.size
        now = time.monotonic()
        if now - self.synced >= SYNC_S:
            self.synced = now
            os.fdatasync(self.fd)

    def close(self) -> None:
        """Flush and close; an error here has no remedy any more."""
        with contextlib.suppress(OSError):
            os.fsync(self.fd)
        with contextlib.suppress(OSError):
            os.close(self.fd)


class TapRoom:
    """The writer thread and the folder of recordings.

    `call_soon` brings what taps are told into the event loop; `create` makes a file (tests break it).
    """

    def __init__(
        self,
        folder: Path,
        limits: "RecordingLimits",
        call_soon: Callable[..., object],
        create: Callable[[Path], int] = create_file,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self.create = create
        self.free: Callable[[Path], int] = free_bytes
        self.limits = limits
        self.early = 0
        """Bytes that wait for keys, in all taps; for the event loop alone."""
        self.unsettled: set[Tap] = set()
        """Taps with frames that are to be cut or signed when their time comes; for the event loop alone."""
        self._looked_at = 0.0
        self._call_soon = call_soon
        self._open: list[Tap] = []
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    # --- for the event loop

    def is_new(self, session_id: str, keys: RecordingKeys) -> bool:
        """Say whether nothing was ever recorded with these keys: a segment is written in one go."""
        return not self._path(session_id, keys.segment).exists()

    def has_room(self) -> bool:
        """Say whether the disk takes recordings; what is left below is for journals and the database."""
        try:
            return self.free(self.folder) >= KEEP_FREE
        except OSError as error:
            log.error("disk_not_known", reason=str(error))
            return False

    def open(self, tap: "Tap") -> None:
        """Take what this tap has in its queue from now on."""
        with self._lock:
            self._open.append(tap)
        self._woken.set()

    def wake(self) -> None:
        """There is work: do not wait for the next look."""
        self._woken.set()

    def stop(self) -> None:
        """Seal all segments and end the thread."""
        with self._lock:
            taps = tuple(self._open)
        for tap in taps:
            tap.end("relay-stopped")
        self._stopping = True
        self._woken.set()
        self._thread.join(timeout=10)

    def _look(self) -> None:
        """Cut what has waited long enough."""
        now_ms = time.time_ns() // 1_000_000
        for tap in tuple(self.unsettled):
            tap.look(now_ms)

    # --- the thread

    def in_loop(self, call: Callable[..., object], *args: object) -> None:
        """Have this called in the event loop."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._call_soon(call, *args)

    def _path(self, session_id: str, number: int) -> Path:
        return self.folder / session_id / f"{number}.fhr"

    def _run(self) -> None:
        while True:
            self._woken.wait(LOOK_S if self._open or self._stopping else None)
            self._woken.clear()
            stop = self._stopping
            with self._lock:
                taps = tuple(self._open)
            full = self._is_full(time.monotonic()) if taps else False
            for tap in taps:
                self._guard(tap)
                if full:
                    self.in_loop(tap.end, NO_SPACE, NO_SPACE)
                if tap.holds and tap.waiting < HOLD_BYTES // 4 and time.monotonic() >= tap.owed_until:
                    self.in_loop(tap.release)
            if stop:
                return
            if self.unsettled:
                self.in_loop(self._look)

    def _is_full(self, now: float) -> bool:
        """Look at the disk once a second."""
        if now - self._looked_at < FREE_S:
            return False
        self._looked_at = now
        return not self.has_room()

    def _guard(self, tap: "Tap") -> None:
        try:
            problem = self._drain(tap)
        except Exception as error:  # noqa: BLE001  one session's disk trouble must not end the recording of all others
            problem = str(error) or type(error).__name__
        if problem:
            tap.broken = problem
            self._forget(tap)
            self.in_loop(tap.recording.stopped, problem)

    def _forget(self, tap: "Tap") -> None:
        """Take nothing more from this tap."""
        with self._lock, contextlib.suppress(ValueError):
            self._open.remove(tap)
        file, tap.file = tap.file, None
        tap.items.clear()
        tap.done_bytes = tap.put_bytes
        if file is not None:
            file.close()
        self.in_loop(tap.release)

    def _drain(self, tap: "Tap") -> str:
        """Write what is in the tap's queue; return why its segment ended, if it did not end well. Raises OSError."""
        items = tap.items
        while items:
            item = items.popleft()
            if isinstance(item, Piece):
                parts, taken, size = item.parts, item.taken, sum(map(len, item.parts))
                while items and size < WRITE_BYTES and isinstance(more := items[0], Piece):
                    items.popleft()
                    parts, taken, size = parts + more.parts, taken + more.taken, size + sum(map(len, more.parts))
                if tap.file is not None:
                    tap.file.write(parts)
                tap.done_bytes += taken
            elif isinstance(item, Begin):
                path = self._path(tap.session_id, item.number)
                tap.file = SegmentFile(self.create(path))
                tap.file.write(item.parts)
                sync_folder(path.parent)
                self.in_loop(tap.recording.began, item.number)
            else:
                if tap.file is not None:
                    tap.file.write(item.parts)
                if not item.problem:
                    self._forget(tap)
                return item.problem
        return ""
