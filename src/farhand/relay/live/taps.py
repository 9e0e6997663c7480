"""Recording: the relay's own viewer, leg 0xFFFF. One writer thread compresses, seals and writes the frames.

The event loop only copies a frame and puts it into a queue; the thread is woken for WAKE_BYTES at once, or finds them
by itself soon (woken for every frame, both fight for the interpreter). A segment is written with keys that no other was
written with: until `web` has sent them, frames wait here. Trouble costs the recording a gap that is journaled, never
the session its speed: `recorder` begins a new segment when the disk may have recovered.
"""

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from farhand.kit import signing
from farhand.kit.log import get_log
from farhand.protocol import frames, screen
from farhand.protocol.budgets import Budget
from farhand.protocol.bus import Policy, RecordingKeys
from farhand.protocol.channels import Kind, Screen, channel
from farhand.protocol.legs import Sender
from farhand.recording.keyframes import KeyFrames
from farhand.recording.writer import SegmentWriter
from farhand.relay.live.journal import KEEP_FREE, NO_SPACE, free_bytes, sync_folder
from farhand.relay.live.policy import UNCLAIMED

log = get_log("recording")

MAX_EARLY = 64 << 20
"""Bytes of frames that may wait for the keys of a session."""
MAX_EARLY_ALL = 256 << 20
"""Bytes of frames that may wait for keys in all sessions together."""
BURST_BYTES = 64 << 20
"""Bytes that one session may bring before its rate counts; as many over it are taken while its endpoint is stopped."""
HOLD_BYTES = 16 << 20
"""Bytes that may wait for the disk before the endpoint is read no further."""
WAKE_BYTES = 1024 * 1024
LOOK_S = 0.1
"""The thread looks at all taps at least this often (seconds), or when one has WAKE_BYTES more."""
SYNC_S = 5.0
FREE_S = 1.0
"""The thread looks this often whether the disk has room."""
LET_GO_BYTES = 8 << 20
"""Recordings are not read again soon: this often the kernel is told to keep no memory for them. Otherwise a busy one
takes all that is free: it costs the database its cache, and new pages cost more than what is written into them."""
SCREEN = channel(Kind.SCREEN)


class RecordingLimits(NamedTuple):
    """What one session may have recorded: bytes per second after a burst, and bytes in all."""

    per_second: int
    total: int


def recording_limits(policy: Policy) -> RecordingLimits:
    """The policy's limits."""
    return RecordingLimits(policy.recorded_bytes_per_second, policy.recorded_bytes)


class Recording(Protocol):
    """Who is told, in the event loop, how a tap fares."""

    def began(self, segment: int) -> None:
        """A segment is open and being written."""

    def stopped(self, reason: str) -> None:
        """Nothing is recorded from here on."""


class Tap:
    """The recorder of one session; the `port` of leg 0xFFFF. `to_endpoint` writes a frame (its bytes, its channel).

    The event loop appends to `items`, the thread takes from its other end; neither needs a lock for that.
    """

    def __init__(
        self, room: "TapRoom", session_id: str, to_endpoint: Callable[[bytes, int], None], recording: Recording
    ) -> None:
        self.session_id = session_id
        self.recording = recording
        self.items: deque[Any] = deque()
        self.put_bytes = 0
        """Bytes taken in so far; written by the event loop alone."""
        self.done_bytes = 0
        """Bytes that are done with; written by the thread alone."""
        self.broken = ""
        """Why nothing is recorded now; "" while all is well."""
        self.keys: RecordingKeys | None = None
        self.segment: _Segment | None = None
        self._room = room
        self._to_endpoint = to_endpoint
        self._key_frames = KeyFrames(time.monotonic())
        self._woken_at = 0
        self._dropping = False
        self._held: set[Sender] = set()
        self._early = 0
        """Bytes that wait for keys."""
        self._budget = Budget(room.limits.per_second, BURST_BYTES, time.monotonic())
        self.owed_until = 0.0
        """When (monotonic) what came too fast is made up for."""

    @property
    def waiting(self) -> int:
        """Bytes that wait for the thread."""
        return self.put_bytes - self.done_bytes

    @property
    def queued(self) -> int:
        """What a sender must know: bytes that wait, or enough to stop it while it is faster than its rate."""
        return self.waiting if self._budget.left >= 0 else HOLD_BYTES + self.waiting

    def forward(self, data: bytes | memoryview, channel_number: int) -> None:
        """Take a frame that passes the relay."""
        kind = data[1]
        payload = bytes(data[frames.HEADER_SIZE :])
        if channel_number == SCREEN and kind == Screen.UPDATE:
            self._answer(payload)
        size = len(payload) + 64
        problem = self.broken or self._too_much(size)
        if problem:
            if not self._dropping:
                self._dropping = True
                if not self.broken:
                    self.recording.stopped(problem)
            return
        self._dropping = False
        self.put_bytes += size
        self.items.append((time.time_ns() // 1_000_000, channel_number, kind, payload))
        if self.put_bytes - self._woken_at > WAKE_BYTES:
            self._woken_at = self.put_bytes
            self._room.wake()

    def _too_much(self, size: int) -> str:
        """Say why a frame of this size is not taken; "" = it is, and counted."""
        if self.put_bytes + size > self._room.limits.total:
            return "the session's recording has reached its largest size"
        if self.keys is None:
            if self.waiting + size > MAX_EARLY or self._room.early + size > MAX_EARLY_ALL:
                return "no keys came"
            self._early += size
            self._room.early += size
        now = time.monotonic()
        if self._budget.refilled(now) < -BURST_BYTES:
            return "too much came at once"
        left = self._budget.spend(size, now)
        if left < 0:
            self.owed_until = now - left / self._budget.rate
        return ""

    def _early_over(self) -> None:
        """Nothing waits for keys any more."""
        self._room.early -= self._early
        self._early = 0

    def use(self, keys: RecordingKeys) -> None:
        """Record with these keys from now on; what waited for them goes first, and a gap ends with a full picture."""
        if self.broken or self._dropping:
            self._refresh()
        self.broken = ""
        self._early_over()
        self.items.appendleft(keys)
        self.keys = keys
        self._room.open(self)

    def give_up(self) -> bool:
        """Nobody will bring keys: forget what waits for them. Says whether there was something."""
        if self.keys is not None or not self.waiting:
            return False
        self._early_over()
        self.items.clear()
        self.done_bytes = self.put_bytes
        return True

    def close(self, reason: str) -> None:
        """Seal the segment; without keys, when `use` brings some (or never, after `give_up`)."""
        self.items.append(reason)
        self._room.wake()

    def hold(self, sender: Sender) -> None:
        """The disk is slower than the session, or the session too fast: read no more from the sender until most of it
        is written and made up for.
        """
        if self.queued > HOLD_BYTES and not self.broken and self.keys is not None and sender not in self._held:
            self._held.add(sender)
            sender.pause_for(self)

    def release(self) -> None:
        """The thread has caught up, or gave up."""
        held, self._held = self._held, set()
        for sender in held:
            sender.resume_for(self)

    @property
    def holds(self) -> bool:
        """Some sender is not read."""
        return bool(self._held)

    def _answer(self, update: bytes) -> None:
        """Acknowledge an update at once, and ask for a full picture now and then."""
        answer = screen.acknowledgement(update)
        if answer is None:
            return
        self._to_endpoint(frames.build(Screen.ACK, SCREEN, frames.RECORDER_LEG, answer), SCREEN)
        flags = screen.flags_of(update)
        key, complete = bool(flags & screen.Flag.KEY), bool(flags & screen.Flag.COMPLETE)
        if self._key_frames.took(len(update), key, complete, time.monotonic()):
            self._refresh()

    def _refresh(self) -> None:
        self._key_frames.asked(time.monotonic())
        self._to_endpoint(frames.build(Screen.REFRESH, SCREEN, frames.RECORDER_LEG), SCREEN)


def create_file(path: Path) -> int:
    """Create a segment's file, which must not be there, and return its descriptor. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


class _Segment:
    """The open file of one tap, inside the thread."""

    def __init__(self, fd: int, session_id: str, keys: RecordingKeys, now_ms: int) -> None:
        self.fd = fd
        self.size = 0
        self.synced = time.monotonic()
        self._let_go = 0
        self.writer = SegmentWriter(
            session_id,
            keys.segment,
            bytes.fromhex(keys.data_key),
            signing.key_from_seed(bytes.fromhex(keys.sign_seed)),
            keys.certificate,
            keys.wrapped,
            now_ms,
        )

    def write(self, data: bytes) -> None:
        while data:
            sent = os.write(self.fd, data)
            self.size += sent
            data = data[sent:]
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
        with contextlib.suppress(OSError):
            os.fsync(self.fd)
        with contextlib.suppress(OSError):
            os.close(self.fd)


def _stop_full(tap: Tap) -> None:
    """What came is written; nothing more is. `Recorder` begins a new segment when there is room again."""
    if tap.segment is not None:
        tap.segment.write(tap.segment.writer.cut(time.time_ns() // 1_000_000))
        raise OSError(NO_SPACE)


class TapRoom:
    """The writer thread and the folder of recordings.

    `call_soon` brings what taps are told into the event loop; `create` makes a file (tests break it).
    """

    def __init__(
        self, folder: Path, call_soon: Callable[..., object], create: Callable[[Path], int] = create_file
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self.create = create
        self.free: Callable[[Path], int] = free_bytes
        self.limits = recording_limits(UNCLAIMED)
        self.early = 0
        """Bytes that wait for keys, in all taps; for the event loop alone."""
        self._looked_at = 0.0
        self._call_soon = call_soon
        self._open: list[Tap] = []
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def is_new(self, session_id: str, keys: RecordingKeys) -> bool:
        """Say whether nothing was ever recorded with these keys: a segment is written in one go."""
        return not self._path(session_id, keys).exists()

    def has_room(self) -> bool:
        """Say whether the disk takes recordings; what is left below is for journals and the database."""
        try:
            return self.free(self.folder) >= KEEP_FREE
        except OSError as error:
            log.error("disk_not_known", reason=str(error))
            return False

    def open(self, tap: Tap) -> None:
        """Take what this tap collects from now on."""
        with self._lock:
            self._open.append(tap)
        self._woken.set()

    def wake(self) -> None:
        """There is work: do not wait for the next look."""
        self._woken.set()

    def stop(self) -> None:
        """Seal all segments and end the thread."""
        self._stopping = True
        self._woken.set()
        self._thread.join(timeout=10)

    def _in_loop(self, call: Callable[..., object], *args: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._call_soon(call, *args)

    def _path(self, session_id: str, keys: RecordingKeys) -> Path:
        return self.folder / session_id / f"{keys.segment}.fhr"

    def _run(self) -> None:
        while True:
            self._woken.wait(LOOK_S if self._open or self._stopping else None)
            self._woken.clear()
            stop = self._stopping
            with self._lock:
                taps = tuple(self._open)
            full = self._is_full(time.monotonic()) if taps else False
            for tap in taps:
                self._guard(tap, self._drain)
                if full:
                    self._guard(tap, _stop_full)
                if stop:
                    self._guard(tap, self._seal)
                if tap.holds and tap.waiting < HOLD_BYTES // 4 and time.monotonic() >= tap.owed_until:
                    self._in_loop(tap.release)
            if stop:
                return

    def _is_full(self, now: float) -> bool:
        """Look at the disk once a second."""
        if now - self._looked_at < FREE_S:
            return False
        self._looked_at = now
        return not self.has_room()

    def _guard(self, tap: Tap, do: Callable[[Tap], None]) -> None:
        try:
            do(tap)
        except Exception as error:  # noqa: BLE001  one session's disk trouble must not end the recording of all others
            tap.broken = str(error) or type(error).__name__
            segment, tap.segment = tap.segment, None
            if segment is not None:
                segment.close()
            self._forget(tap)
            self._in_loop(tap.recording.stopped, tap.broken)

    def _forget(self, tap: Tap) -> None:
        with self._lock, contextlib.suppress(ValueError):
            self._open.remove(tap)
        tap.items.clear()
        tap.done_bytes = tap.put_bytes
        self._in_loop(tap.release)

    def _drain(self, tap: Tap) -> None:
        items = tap.items
        while items:
            item = items.popleft()
            if isinstance(item, RecordingKeys):
                now_ms = time.time_ns() // 1_000_000
                started = min(now_ms, items[0][0]) if items and isinstance(items[0], tuple) else now_ms
                self._begin(tap, item, started)
            elif isinstance(item, str):
                self._seal(tap, item)
                return
            elif tap.segment is not None:
                time_ms, channel_number, kind, payload = item
                is_key = channel_number == SCREEN and kind == Screen.UPDATE and screen.is_key(payload)
                if tap.segment.writer.add(time_ms, channel_number, kind, payload, is_key):
                    tap.segment.write(tap.segment.writer.cut(time_ms))
                tap.done_bytes += len(payload) + 64
        now_ms = time.time_ns() // 1_000_000
        if tap.segment is not None and tap.segment.writer.due(now_ms):
            tap.segment.write(tap.segment.writer.cut(now_ms))

    def _begin(self, tap: Tap, keys: RecordingKeys, now_ms: int) -> None:
        path = self._path(tap.session_id, keys)
        tap.segment = _Segment(self.create(path), tap.session_id, keys, now_ms)
        tap.segment.write(tap.segment.writer.head())
        sync_folder(path.parent)
        self._in_loop(tap.recording.began, keys.segment)

    def _seal(self, tap: Tap, reason: str = "relay-stopped") -> None:
        segment, tap.segment = tap.segment, None
        self._forget(tap)
        if segment is not None:
            try:
                segment.write(segment.writer.close(time.time_ns() // 1_000_000, reason))
            finally:
                segment.close()
