"""The recorder of one session, in the event loop: its tap, the keys it records with, what the journal says of it.

`taps` writes; here is decided when. Rules: the journal says `recording-gap` when frames are lost and
`recording-started` when a segment is really being written, each once, however often is tried in between.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from farhand.kit.log import get_log
from farhand.protocol.bus import NeedKeys, RecordingKeys
from farhand.relay.journal import NO_SPACE
from farhand.relay.taps import Tap

if TYPE_CHECKING:
    from farhand.relay.live import Live

log = get_log("recording")

ASK_S = 5.0
"""Keys are asked for again after this time."""
PAUSES_S = (1.0, 30.0)
"""First and longest pause before a new segment is begun after trouble; each is twice the one before."""

Note = Callable[[str, dict[str, str | int | bool]], None]


class Recorder:
    """Keeps one session recorded. `note(kind, data)` writes a line of its journal."""

    def __init__(self, live: "Live", session_id: str, to_endpoint: Callable[[bytes], None], note: Note) -> None:
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

    def mind(self, keys: RecordingKeys | None) -> None:
        """Record with `keys` if nobody did yet, else ask for others. Called at every decision and once a second."""
        now = self._live.clock.monotonic()
        if self._over or self.tap.keys is not None or now < self._again_at:
            return
        if not self._live.taps.has_room():
            # Not even keys: each that is asked for is a row of the database.
            if not self._gap:
                self.stopped(NO_SPACE)
            return
        if keys is not None and self._live.taps.is_new(self._session_id, keys):
            self.tap.use(keys)
        elif now >= self._ask_at:
            self._ask_at = now + ASK_S
            self._live.tell(NeedKeys(session_id=self._session_id, relay_id=self._live.relay_id))

    def close(self, reason: str) -> None:
        """The session is over: seal the segment."""
        self._over = True
        self.tap.close(reason)

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
