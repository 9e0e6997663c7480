"""Recording: the relay's own viewer, leg 0xFFFF, in the event loop.

A frame that passes is copied into the chunk of its second, and a chunk that is full is sealed at once: packing,
encrypting and hashing a quarter of a megabyte takes a third of a millisecond, less than it costs to have a second
thread do it that wants the same interpreter (docs/decisions/0011-recording-in-the-loop.md). Only the disk is another
thread's (`segments`). A segment is written with keys that no other was written with: until `web` has sent them, frames
wait here. Trouble costs the recording a gap that is journaled, never the session its speed: `recorder` begins a new
segment when the disk may have recovered.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from farhand.kit import signing
from farhand.protocol import frames, screen
from farhand.protocol.budgets import Budget
from farhand.protocol.bus import Policy, RecordingKeys
from farhand.protocol.channels import Kind, Screen, channel
from farhand.protocol.legs import Sender
from farhand.recording.keyframes import KeyFrames
from farhand.recording.writer import SegmentWriter
from farhand.relay.live.segments import HOLD_BYTES, WAKE_BYTES, Begin, Piece, Seal, SegmentFile, TapRoom

MAX_EARLY = 64 << 20
"""Bytes of frames that may wait for the keys of a session."""
MAX_EARLY_ALL = 256 << 20
"""Bytes of frames that may wait for keys in all sessions together."""
BURST_BYTES = 64 << 20
"""Bytes that one session may bring before its rate counts; as many over it are taken while its endpoint is stopped."""
OVERHEAD = 64
"""Bytes that a waiting frame is counted as beside its payload."""
GRANT_BYTES = 256 * 1024
"""So much of a session is taken between two looks at its limits, while it is within them."""
BACKLOG_BYTES = 256 * 1024
"""So much of what waited for keys is sealed before others have their turn."""
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


class Early(NamedTuple):
    """A frame that waits for keys, or behind others that did."""

    time_ms: int
    channel: int
    kind: int
    payload: bytes


class Tap:
    """The recorder of one session; the `port` of leg 0xFFFF. `to_endpoint` writes a frame (its bytes, its channel).

    The event loop appends to `items`, the thread takes from its other end; neither needs a lock for that.
    """

    def __init__(
        self, room: TapRoom, session_id: str, to_endpoint: Callable[[bytes, int], None], recording: Recording
    ) -> None:
        self.session_id = session_id
        self.recording = recording
        self.items: deque[Begin | Piece | Seal] = deque()
        self.file: SegmentFile | None = None
        """For the thread alone."""
        self.queued = 0
        """What a sender must know: nothing, or enough to stop it while the disk is slower than the session, or the
        session faster than its rate.
        """
        self.put_bytes = 0
        """Bytes taken in so far; written by the event loop alone."""
        self.done_bytes = 0
        """Bytes that are done with; written by the thread alone."""
        self.broken = ""
        """Why nothing is recorded now; "" while all is well."""
        self.keys: RecordingKeys | None = None
        self._writer: SegmentWriter | None = None
        self._backlog: deque[Early] = deque()
        self._end = ""
        """Reason of an end that waits for keys."""
        self._room = room
        self._to_endpoint = to_endpoint
        self._key_frames = KeyFrames(time.monotonic())
        self._recorded = 0
        """Of `put_bytes`, what the writer has."""
        self._sealed = 0
        """Of these, what is in the thread's queue or done."""
        self._unsettled = False
        """It is among those that the room looks at."""
        self._woken_at = 0
        self._dropping = False
        self._held: set[Sender] = set()
        self._early = 0
        """Bytes that wait for keys."""
        self._budget = Budget(room.limits.per_second, BURST_BYTES, time.monotonic())
        self._owes = False
        """More came than its rate allows."""
        self._granted = 0
        """Bytes that are taken without looking at any limit."""
        self.owed_until = 0.0
        """When (monotonic) what came too fast is made up for."""

    @property
    def waiting(self) -> int:
        """Bytes that wait for the thread."""
        return self.put_bytes - self.done_bytes

    def forward(self, data: bytes | memoryview, channel_number: int) -> None:
        """Take a frame that passes the relay."""
        kind = data[1]
        payload = bytes(data[frames.HEADER_SIZE :])
        if channel_number == SCREEN and kind == Screen.UPDATE:
            self._answer(payload)
        if self._writer is None and self.keys is not None:
            return  # it has ended
        size = len(payload) + OVERHEAD
        if (size > self._granted or self.broken) and not self._more(size):
            return
        self._granted -= size
        self.put_bytes += size
        self.queued = HOLD_BYTES + size if self._owes or self.put_bytes - self.done_bytes > HOLD_BYTES else 0
        now_ms = time.time_ns() // 1_000_000
        writer = self._writer
        if writer is None or self._backlog:
            self._backlog.append(Early(now_ms, channel_number, kind, payload))
        else:
            self._record(writer, now_ms, channel_number, kind, payload)

    def _record(self, writer: SegmentWriter, now_ms: int, channel_number: int, kind: int, payload: bytes) -> None:
        try:
            is_key = channel_number == SCREEN and kind == Screen.UPDATE and screen.is_key(payload)
            due = writer.add(now_ms, channel_number, kind, payload, is_key)
            self._recorded += len(payload) + OVERHEAD
            if due:
                self._cut(writer, now_ms)
            elif not self._unsettled:
                self._unsettled = True
                self._room.unsettled.add(self)
        except Exception as error:  # noqa: BLE001  a fault here must not end the session that is recorded
            self._leave(Seal([], str(error) or type(error).__name__))

    def _cut(self, writer: SegmentWriter, now_ms: int) -> None:
        parts = writer.cut(now_ms)
        self.items.append(Piece(parts, self._recorded - self._sealed))
        self._sealed = self._recorded
        self._unsettled = not writer.settled
        (self._room.unsettled.add if self._unsettled else self._room.unsettled.discard)(self)
        if self._recorded - self._woken_at > WAKE_BYTES:
            self._woken_at = self._recorded
            self._room.wake()

    def _leave(self, seal: Seal) -> None:
        """These are the last bytes of the segment."""
        self._writer = None
        self._backlog.clear()
        self._unsettled = False
        self._room.unsettled.discard(self)
        self.broken = self.broken or seal.problem
        self.items.append(seal)
        self._room.wake()

    def look(self, now_ms: int) -> None:
        """Cut what has waited long enough."""
        if self._writer is not None and self._writer.due(now_ms):
            self._cut(self._writer, now_ms)

    def _more(self, size: int) -> bool:
        """Look at the limits, and grant so many bytes and some more; say whether they allow it."""
        problem = self.broken or self._too_much(size)
        if problem:
            if not self._dropping:
                self._dropping = True
                if not self.broken:
                    self.recording.stopped(problem)
            self._granted = self.queued = 0
            return False
        self._dropping = False
        return True

    def _too_much(self, size: int) -> str:
        """Say why a frame of this size is not taken; "" = it is, and counted."""
        room = self._room.limits.total - self.put_bytes
        if size > room:
            return "the session's recording has reached its largest size"
        now = time.monotonic()
        left = self._budget.refilled(now)
        if left < -BURST_BYTES:
            return "too much came at once"
        grant = size
        if self.keys is None:
            if self.waiting + size > MAX_EARLY or self._room.early + size > MAX_EARLY_ALL:
                return "no keys came"
            self._early += size
            self._room.early += size
        elif left >= GRANT_BYTES:
            grant = min(max(size, GRANT_BYTES), room)
        left = self._budget.spend(grant - self._granted, now)
        self._granted = grant
        self._owes = left < 0
        if self._owes:
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
        now_ms = time.time_ns() // 1_000_000
        self._writer = SegmentWriter(
            self.session_id,
            keys.segment,
            bytes.fromhex(keys.data_key),
            signing.key_from_seed(bytes.fromhex(keys.sign_seed)),
            keys.certificate,
            keys.wrapped,
            min(now_ms, self._backlog[0].time_ms) if self._backlog else now_ms,
        )
        # The thread has let go of this tap: what it did not take any more is gone.
        self.items.clear()
        self._recorded = self._sealed = self._woken_at = self.done_bytes = self.put_bytes - self._early
        self._early_over()
        self.items.append(Begin(keys.segment, [self._writer.head()]))
        self.keys = keys
        self._room.open(self)
        self._catch_up()
        if self._end:
            self.end(self._end)

    def _catch_up(self) -> None:
        """Seal what waited, a part at a time."""
        until = self._recorded + BACKLOG_BYTES
        while self._backlog and self._writer is not None:
            if self._recorded > until:
                self._room.in_loop(self._catch_up)
                return
            self._record(self._writer, *self._backlog.popleft())

    def give_up(self) -> bool:
        """Nobody will bring keys: forget what waits for them. Says whether there was something."""
        if self.keys is not None or not self.waiting:
            return False
        self._early_over()
        self._backlog.clear()
        self.done_bytes = self.put_bytes
        return True

    def end(self, reason: str, problem: str = "") -> None:
        """Seal the segment; without keys, when `use` brings some (or never, after `give_up`). With a problem it is
        only left as it is.
        """
        if self._writer is None:
            self._end = "" if self.keys is not None or problem else reason
            return
        while self._backlog and self._writer is not None:
            self._record(self._writer, *self._backlog.popleft())
        if self._writer is not None:
            now_ms = time.time_ns() // 1_000_000
            parts = self._writer.cut(now_ms) if problem else self._writer.close(now_ms, reason)
            self._leave(Seal(parts, problem))

    def hold(self, sender: Sender) -> None:
        """The disk is slower than the session, or the session too fast: read no more from the sender until most of it
        is written and made up for.
        """
        if self.queued and not self.broken and self.keys is not None and sender not in self._held:
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
