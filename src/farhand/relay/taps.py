"""Recording: the relay's own viewer, leg 0xFFFF. One writer thread compresses, seals and writes the frames.

The event loop only copies a frame and puts it into a queue; the thread is woken for HAND_OVER bytes at once, or finds
them by itself soon (woken for every frame, both fight for the interpreter). Each incarnation of the relay writes its
own segment with its own keys: until `web` has sent them, frames wait here. Falling behind costs the recording a gap
that is journaled, never the session its speed.
"""

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from farhand.kit import signing
from farhand.kit.log import get_log
from farhand.protocol import frames
from farhand.protocol.bus import RecordingKeys
from farhand.protocol.channels import Kind, Screen, channel
from farhand.recording.writer import SegmentWriter
from farhand.relay.journal import sync_folder

log = get_log("recording")

MAX_EARLY = 64 << 20
"""Bytes of frames that may wait for the keys of a session."""
HOLD_BYTES = 16 << 20
"""Bytes that may wait for the disk before the endpoint is read no further."""
WAKE_BYTES = 256 * 1024
LOOK_S = 0.1
"""The thread looks at all taps at least this often (seconds), or when one has WAKE_BYTES more."""
SYNC_S = 5.0
SCREEN = channel(Kind.SCREEN)
REFRESH_S = 30.0
"""A key frame is asked for this often while the screen moves, so that the replay can seek."""
_SEQ = slice(0, 4)
_FLAGS = 8
_KEY_FLAG = 1
"""The head of an UPDATE: u32 number, u32 milliseconds, u8 flags (docs/protocol/screen.md)."""


class Sender(Protocol):
    """A leg's socket that can be read no further for a while."""

    def pause_for(self, who: object) -> None:
        """Stop reading because of `who`."""

    def resume_for(self, who: object) -> None:
        """`who` has room again."""


class Tap:
    """The recorder of one session; the `port` of leg 0xFFFF. `to_endpoint` writes a frame to the endpoint.

    The event loop appends to `items`, the thread takes from its other end; neither needs a lock for that.
    """

    def __init__(self, room: "TapRoom", session_id: str, to_endpoint: Callable[[bytes], None]) -> None:
        self.session_id = session_id
        self.items: deque[Any] = deque()
        self.put_bytes = 0
        """Bytes taken in so far; written by the event loop alone."""
        self.done_bytes = 0
        """Bytes that are done with; written by the thread alone."""
        self.broken = ""
        """Why nothing is recorded any more; "" while all is well."""
        self.keys: RecordingKeys | None = None
        self.segment: _Segment | None = None
        self._room = room
        self._to_endpoint = to_endpoint
        self._refreshed = time.monotonic()
        self._woken_at = 0
        self._dropping = False
        self._held: set[Sender] = set()

    @property
    def queued(self) -> int:
        """Bytes that wait for the thread."""
        return self.put_bytes - self.done_bytes

    def forward(self, data: bytes | memoryview, channel_number: int) -> None:
        """Take a frame that passes the relay."""
        kind = data[1]
        payload = bytes(data[frames.HEADER_SIZE :])
        if channel_number == SCREEN and kind == Screen.UPDATE and len(payload) >= 4:
            self._answer(payload)
        if self.broken or (self.keys is None and self.put_bytes > MAX_EARLY):
            if not self._dropping:
                self._dropping = True
                self._room.gap(self, self.broken or "no keys came")
            return
        self._dropping = False
        self.put_bytes += len(payload) + 64
        self.items.append((time.time_ns() // 1_000_000, channel_number, kind, payload))
        if self.put_bytes - self._woken_at > WAKE_BYTES:
            self._woken_at = self.put_bytes
            self._room.wake()

    def use(self, keys: RecordingKeys) -> None:
        """Record with these keys from now on; what waited for them goes first."""
        self.items.appendleft(keys)
        self.keys = keys
        self._room.open(self)

    def close(self, reason: str) -> None:
        """Seal the segment."""
        self.items.append(reason)
        self._room.wake()

    def hold(self, sender: "Sender") -> None:
        """The disk is slower than the session: read no more from the sender until most of it is written."""
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

    def _answer(self, payload: bytes) -> None:
        """Acknowledge an update at once (u32 number, u16 decode time 0), and ask for a key frame now and then."""
        self._to_endpoint(frames.build(Screen.ACK, SCREEN, frames.RECORDER_LEG, payload[_SEQ] + b"\0\0"))
        now = time.monotonic()
        if now - self._refreshed >= REFRESH_S:
            self._refreshed = now
            self._to_endpoint(frames.build(Screen.REFRESH, SCREEN, frames.RECORDER_LEG))


class _Segment:
    """The open file of one tap, inside the thread."""

    def __init__(self, path: Path, session_id: str, keys: RecordingKeys, now_ms: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.writer = SegmentWriter(
            session_id,
            keys.segment,
            bytes.fromhex(keys.data_key),
            signing.key_from_seed(bytes.fromhex(keys.sign_seed)),
            keys.certificate,
            keys.wrapped,
            now_ms,
        )
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self.synced = time.monotonic()
        self.write(self.writer.head())
        sync_folder(path.parent)

    def write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self.fd, data) :]
        now = time.monotonic()
        if now - self.synced >= SYNC_S:
            self.synced = now
            os.fdatasync(self.fd)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.fsync(self.fd)
        os.close(self.fd)


class TapRoom:
    """The writer thread and the folder of recordings.

    `call_soon` brings `on_gap(session_id, reason)` and releases of senders into the event loop.
    """

    def __init__(self, folder: Path, call_soon: Callable[..., object], on_gap: Callable[[str, str], None]) -> None:
        self.folder = folder
        self._call_soon = call_soon
        self._on_gap = on_gap
        self._open: list[Tap] = []
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def is_new(self, session_id: str, keys: RecordingKeys) -> bool:
        """Say whether nothing was ever recorded with these keys: a segment belongs to one incarnation."""
        return not self._path(session_id, keys).exists()

    def open(self, tap: Tap) -> None:
        """Take what this tap collects from now on."""
        with self._lock:
            self._open.append(tap)
        self._woken.set()

    def wake(self) -> None:
        """There is work: do not wait for the next look."""
        self._woken.set()

    def gap(self, tap: Tap, reason: str) -> None:
        """Part of a session is not recorded: say so in its journal."""
        log.warning("recording_gap", session=tap.session_id, reason=reason)
        self._in_loop(self._on_gap, tap.session_id, reason)

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
            self._woken.wait(LOOK_S)
            self._woken.clear()
            stop = self._stopping
            with self._lock:
                taps = tuple(self._open)
            for tap in taps:
                self._guard(tap, self._drain)
                if stop:
                    self._guard(tap, self._seal)
                if tap.holds and tap.queued < HOLD_BYTES // 4:
                    self._in_loop(tap.release)
            if stop:
                return

    def _guard(self, tap: Tap, do: Callable[[Tap], None]) -> None:
        try:
            do(tap)
        except Exception as error:  # noqa: BLE001  one session's disk trouble must not end the recording of all others
            tap.broken = str(error) or type(error).__name__
            segment, tap.segment = tap.segment, None
            if segment is not None:
                segment.close()
            self._forget(tap)
            self.gap(tap, tap.broken)

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
                tap.segment = _Segment(self._path(tap.session_id, item), tap.session_id, item, started)
            elif isinstance(item, str):
                self._seal(tap, item)
                return
            elif tap.segment is not None:
                time_ms, channel_number, kind, payload = item
                is_update = channel_number == SCREEN and kind == Screen.UPDATE and len(payload) > _FLAGS
                is_key = is_update and bool(payload[_FLAGS] & _KEY_FLAG)
                if tap.segment.writer.add(time_ms, channel_number, kind, payload, is_key):
                    tap.segment.write(tap.segment.writer.cut(time_ms))
                tap.done_bytes += len(payload) + 64
        now_ms = time.time_ns() // 1_000_000
        if tap.segment is not None and tap.segment.writer.due(now_ms):
            tap.segment.write(tap.segment.writer.cut(now_ms))

    def _seal(self, tap: Tap, reason: str = "relay-stopped") -> None:
        segment, tap.segment = tap.segment, None
        self._forget(tap)
        if segment is not None:
            try:
                segment.write(segment.writer.close(time.time_ns() // 1_000_000, reason))
            finally:
                segment.close()
