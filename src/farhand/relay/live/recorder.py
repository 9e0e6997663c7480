"""The recorder of one session, in the event loop: its tap, the keys it records with, what the journal says of it.

`taps` records; here is decided when. Rules: the journal says `recording-gap` when frames are lost and
`recording-started` when a segment is really being written, each once, however often is tried in between.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from farhand.kit.log import get_log
from farhand.protocol.bus import NeedKeys, RecordingKeys
from farhand.relay.live.journal import NO_SPACE
from farhand.relay.live.taps import Tap

if TYPE_CHECKING:
    from farhand.relay.live.plane import Live

log = get_log("recording")

ASK_S = 5.0
"""Keys are asked for again after this time."""
LATE_S = 60.0
"""What an ended session brought before its keys came waits for them this long (seconds)."""
PAUSES_S = (1.0, 30.0)
"""First and longest pause before a new segment is begun after trouble; each is twice the one before."""

Note = Callable[[str, dict[str, str | int | bool]], None]


class Recorder:
    """Keeps one session recorded. `note(kind, data)` writes a line of its journal."""

    def __init__(self, live: "Live", session_id: str, to_endpoint: Callable[[bytes, int], None], note: Note) -> None:
        self.tap = Tap(live.taps, session_id, to_endpoint, self)
        self._live = live
        self._session_id = session_id
        self._note = note
        self._gap = False
        """The journal's last word is that nothing is recorded."""
        self._over = False
        self._pause = 0.0
        self._began_at = 0.0
        self._again_at = 0.0
        self._ask_at = 0.0
        self._late_at = 0.0
        self._keys: RecordingKeys | None = None
        """The newest that were sent; no segment may have been written with them yet."""

    @property
    def wants_keys(self) -> bool:
        """Nothing is written for want of keys, and it is time to have some."""
        return self.tap.keys is None and not self.settled and self._now() >= self._again_at

    @property
    def settled(self) -> bool:
        """The session is over, and nothing more will be written: all is, or no keys came for it in time."""
        return self._over and (self.tap.keys is not None or not self.tap.waiting or self._now() >= self._late_at)

    def need(self) -> NeedKeys:
        """The question for keys."""
        return NeedKeys(session_id=self._session_id, relay_id=self._live.relay_id)

    def mind(self, keys: RecordingKeys | None) -> None:
        """Record with `keys` if nobody did yet, else ask for others. Called at every decision and once a second, also
        after the end of the session until all is settled.
        """
        self._keys = keys or self._keys
        if not self.wants_keys:
            return
        if not self._live.taps.has_room():
            # Not even keys: each that is asked for is a row of the database.
            if not self._gap:
                self.stopped(NO_SPACE)
            return
        if self._keys is not None and self._live.taps.is_new(self._session_id, self._keys):
            self.tap.use(self._keys)
        elif self._now() >= self._ask_at:
            self._ask_at = self._now() + ASK_S
            self._live.tell(self.need())

    def close(self, reason: str) -> None:
        """The session is over: seal the segment; what still waits for keys is sealed when they come."""
        self._over = True
        self._late_at = self._now() + LATE_S
        self.tap.end(reason)

    def leave(self) -> None:
        """All is settled: forget what no keys came for."""
        if self.tap.give_up():
            log.error("recording_lost", session=self._session_id, reason="no keys came for it")

    def _now(self) -> float:
        return self._live.clock.monotonic()

    def began(self, segment: int) -> None:
        """A segment is being written."""
        self._gap = False
        self._began_at = self._live.clock.monotonic()
        if not self._over:
            self._note("recording-started", {"segment": segment})

    def stopped(self, reason: str) -> None:
        """Frames are lost from here on. After trouble with the disk another segment is tried, later and later."""
        log.warning("recording_gap", session=self._session_id, reason=reason)
        now = self._live.clock.monotonic()
        if self.tap.broken:
            if not self._gap and now - self._began_at > PAUSES_S[1]:
                self._pause = 0.0  # it went well for a while
            self._pause = min(max(2 * self._pause, PAUSES_S[0]), PAUSES_S[1])
            self._again_at = now + self._pause
            self.tap.keys = None
        if not self._gap and not self._over:
            self._note("recording-gap", {"reason": reason[:200]})
        self._gap = True
