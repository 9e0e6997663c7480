"""Screen sharing of one session: who may watch, who does, and what the session's record says of it.

Why it exists: consent, bookkeeping and words; pictures are the worker's. Runs in the event loop's thread.

Rules: nothing is captured before the customer (where there is one) has allowed it, and nothing after the last
representative has stopped watching. The recorder watches only while somebody else does.
"""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial

import msgspec

from farhand.agent.core.consent import Consent
from farhand.agent.core.masking import Mask
from farhand.agent.core.opening import Opening
from farhand.agent.core.tools import Tool, ToolPort
from farhand.agent.texts import _
from farhand.agent.tools.screen.fields import RecordedFields
from farhand.agent.tools.screen.viewer import Mode
from farhand.agent.tools.screen.worker import Out, ScreenWorker
from farhand.protocol.channels import Kind, Screen, channel
from farhand.protocol.frames import RECORDER_LEG
from farhand.protocol.messages import ScreenStart, Stopped
from farhand.protocol.screen import ACK, VIDEO_CODEC

_CHANNEL = channel(Kind.SCREEN)


class ScreenTool(Tool):
    """The `Tool` of channel kind SCREEN."""

    kind = Kind.SCREEN

    def __init__(self, port: ToolPort) -> None:
        self._port = port
        self._consent = Consent(port, self.kind, "screen", self._answered)
        self._waiting: dict[int, Mode] = {}
        self._viewers: dict[int, str] = {}
        self._worker: ScreenWorker | None = None
        self._opening: Opening | None = None
        self._backlog = 0
        """What waited in the leg's socket when it was last looked at."""
        self._closed = False
        self._fields = RecordedFields(port)
        self._hiding: set[asyncio.Future[None]] = set()
        port.masking.add(self._hide)

    def on_frame(self, leg: int, frame_type: int, channel: int, payload: memoryview) -> None:
        """START, STOP, ACK, REFRESH."""
        if frame_type == Screen.ACK:
            if len(payload) != ACK.size:
                raise ValueError(f"an acknowledgement has {ACK.size} bytes, {len(payload)} came")
            seq, decode = ACK.unpack(payload)
            if self._worker is not None and leg in self._viewers:
                self._worker.acked(leg, seq, decode / 10_000)
        elif frame_type == Screen.START:
            self._start(leg, msgspec.json.decode(payload, type=ScreenStart))
        elif frame_type == Screen.STOP:
            if leg in self._waiting or leg in self._viewers:
                self._stopped(leg, "stopped", "")
            self.viewer_left(leg)
        elif frame_type == Screen.REFRESH:
            if self._worker is not None and leg in self._viewers:
                self._worker.refresh(leg)
        else:
            raise ValueError(f"frame type {frame_type} is not known on the screen channel")

    def viewer_left(self, leg: int) -> None:
        """Serve it no more; without representatives nobody is served."""
        self._waiting.pop(leg, None)
        self._consent.cancel(leg)
        name = self._viewers.pop(leg, None)
        if name is None:
            return
        if self._worker is not None:
            self._worker.leave(leg)
        if leg == RECORDER_LEG:
            self._fields.end()
        else:
            self._port.post("screen-stopped", by=name, leg=leg)
        if not any(other != RECORDER_LEG for other in self._viewers):
            if RECORDER_LEG in self._viewers:
                self._stopped(RECORDER_LEG, "stopped", "")
            self._stop_worker()

    def resumed(self) -> None:
        """All viewers begin anew."""
        if self._worker is not None:
            self._worker.resume()

    def close(self) -> None:
        """Stop at once: the session is over, or nobody may look any more (a switch, the endpoint's own grant)."""
        if self._closed:
            return
        self._closed = True
        self._consent.close()
        self._waiting.clear()
        viewers = dict(self._viewers)
        self._stop_worker()
        for leg, name in viewers.items():
            if leg != RECORDER_LEG:
                self._port.post("screen-stopped", by=name, leg=leg)
        self._port.masking.remove(self._hide)

    def _start(self, leg: int, start: ScreenStart) -> None:
        if leg == RECORDER_LEG and not self._viewers:
            self._stopped(leg, "stopped", "")
            return
        mode = Mode(start.max_fps, start.colours, VIDEO_CODEC in start.video, start.monitor, start.pointer)
        abilities = self._port.abilities()
        if abilities is None:
            text = _("This computer has no display that can be shared. Somebody must be signed in to a desktop there.")
            self._stopped(leg, "no-display", text)
            self._port.log("screen_no_display", leg=leg)
        elif not abilities.see.can:
            self._stopped(leg, "unsupported", abilities.see.reason)
        elif leg == RECORDER_LEG or self._consent.given(leg):
            self._serve(leg, mode)
        else:
            if leg not in self._waiting:
                self._port.post("screen-requested", by=self._port.name_of(leg), leg=leg)
            self._waiting[leg] = mode
            self._consent.ask(leg)

    def _answered(self, leg: int, allowed: bool) -> None:
        mode = self._waiting.pop(leg, None)
        if mode is None:
            return
        if allowed:
            self._serve(leg, mode)
        else:
            self._stopped(leg, "refused", _("The customer did not allow screen sharing."))
            self._port.post("screen-refused", by=self._port.name_of(leg), leg=leg)

    def _serve(self, leg: int, mode: Mode) -> None:
        if self._closed:
            return
        if self._worker is None:
            self._worker = self._make_worker()
        if leg not in self._viewers and leg != RECORDER_LEG:
            self._port.post("screen-started", by=self._port.name_of(leg), leg=leg)
        self._viewers[leg] = self._port.name_of(leg)
        if leg != RECORDER_LEG:
            self._worker.join(leg, mode)
            return
        self._fields.begin(partial(self._record, self._worker, mode))

    def _record(self, worker: ScreenWorker, mode: Mode) -> None:
        if worker is self._worker and RECORDER_LEG in self._viewers:
            worker.join(RECORDER_LEG, mode)

    def _make_worker(self) -> ScreenWorker:
        """The worker's words are taken only as long as it is the session's worker."""
        holder: list[ScreenWorker] = []
        loop = self._port.loop  # asked for here: in the worker's thread no loop runs
        opening = self._opening = Opening(loop, self._port.desktop)

        def later(call: Callable[..., None], *args: object) -> None:
            def do() -> None:
                if holder and self._worker is holder[0]:
                    call(*args)

            try:
                loop.call_soon_threadsafe(do)
            except RuntimeError:
                # The loop is closed: the program ends, nobody is there to be told.
                return

        def backlog() -> int:
            # A socket may be asked in its own thread only: a busy one is looked at again for the next turn.
            if self._backlog:
                later(self._look)
            return self._backlog

        holder.append(
            ScreenWorker(
                lambda: opening.wait().open_screen(),
                lambda frames: later(self._send, frames),
                lambda reason, text: later(self._failed, reason, text),
                backlog,
                lambda: opening.wait().monitors(),
                self._port.masking.mask,
            )
        )
        return holder[0]

    def _send(self, frames: list[Out]) -> None:
        for frame_type, leg, payload in frames:
            if leg in self._viewers:
                self._port.send(frame_type, _CHANNEL, payload, leg)
        self._look()

    def _look(self) -> None:
        self._backlog = self._port.backlog(Kind.SCREEN)

    def _failed(self, reason: str, text: str) -> None:
        self._port.log("screen_failed", reason=reason, text=text)
        viewers, self._viewers = self._viewers, {}
        self._stop_worker()
        for leg, name in viewers.items():
            self._stopped(leg, reason, text)
            if leg != RECORDER_LEG:
                self._port.post("screen-stopped", text, by=name, leg=leg)

    def _stop_worker(self) -> None:
        self._fields.end()
        worker, self._worker = self._worker, None
        opening, self._opening = self._opening, None
        self._viewers.clear()
        if opening is not None:
            opening.cancel()  # first: the worker may be waiting for it
        if worker is not None:
            worker.stop()
        for done in self._hiding:
            if not done.done():
                done.set_result(None)
        self._hiding.clear()

    def _hide(self, mask: Mask) -> "asyncio.Future[None]":
        """Nothing is captured, or the worker hides it: then the future is done."""
        loop = self._port.loop
        done: asyncio.Future[None] = loop.create_future()
        if self._worker is None:
            done.set_result(None)
            return done
        self._hiding.add(done)

        def settle() -> None:
            if done in self._hiding:
                self._hiding.discard(done)
                if not done.done():
                    done.set_result(None)

        def hidden() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the program ends
                loop.call_soon_threadsafe(settle)

        self._worker.hide(mask, hidden)
        return done

    def _stopped(self, leg: int, reason: str, text: str) -> None:
        payload = msgspec.json.encode(Stopped(reason=reason, text=text[:512]))
        self._port.send(Screen.STOPPED, _CHANNEL, payload, leg)
