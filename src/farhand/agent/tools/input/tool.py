"""Control of keyboard and pointer in one session: who has it, and what they do with it.

Why it exists: one leg at a time may act; it asked, the customer (where there is one) agreed, and the session's record
says so. Runs in the event loop's thread; strokes are made in the worker's.

Rules: input of a leg that has no control is dropped. Whoever asks last gets control: the one who had it sees so in
STATE. When control ends for whatever reason, nothing stays pressed. Nobody is told of having control before the
desktop takes strokes: what is typed until then would be lost.
"""

from collections.abc import Callable

import msgspec

from farhand.agent.core.consent import Consent
from farhand.agent.core.opening import Opening
from farhand.agent.core.tools import Tool, ToolPort
from farhand.agent.tools.input.block import Block
from farhand.agent.tools.input.texts import Texts
from farhand.agent.tools.input.worker import InputWorker, Stroke
from farhand.protocol.channels import Grant, Input, Kind, channel
from farhand.protocol.frames import EVERY_LEG
from farhand.protocol.input import BLOCK, BUTTONS, DISABLE, KEY, LAYOUTS, POINTER, WHEEL
from farhand.protocol.messages import InputState

_CHANNEL = channel(Kind.INPUT)


class InputTool(Tool):
    """The `Tool` of channel kind INPUT."""

    kind = Kind.INPUT

    def __init__(self, port: ToolPort) -> None:
        self._port = port
        self._consent = Consent(port, self.kind, "control", self._answered, Grant.SCREEN_CONTROL)
        self._pending = 0
        self._holder = 0
        self._holder_name = ""
        self._worker: InputWorker | None = None
        self._taken = False
        """The desktop takes the worker's strokes."""
        self._opening: Opening | None = None
        self._closed = False
        self._texts = Texts(port)
        self._block = Block(port, lambda: self._holder if self._taken else 0)

    def on_frame(self, leg: int, frame_type: int, channel: int, payload: memoryview) -> None:
        """REQUEST, RELEASE, KEY, POINTER, WHEEL, TEXT, BLOCK."""
        if frame_type == Input.REQUEST:
            self._request(leg)
        elif frame_type == Input.RELEASE:
            self._control_over(leg)
        elif frame_type == Input.BLOCK:
            self._wish_block(leg, payload)
        elif frame_type == Input.TEXT:
            self._texts.take(leg, payload, self._worker if leg == self._holder else None)
        else:
            stroke = _stroke(frame_type, payload)
            if leg == self._holder and self._worker is not None:
                self._worker.do(stroke if self.runs_while_asked(frame_type, payload) else self._unless_asked(stroke))

    def runs_while_asked(self, frame_type: int, payload: memoryview) -> bool:
        """Only what gives something up: control, or a key that would stay pressed. Nobody presses `Allow` from afar.
        A BLOCK that is no end of one is refused then."""
        up = frame_type == Input.KEY and bytes(payload[:1]) == b"\0"
        return up or frame_type in (Input.RELEASE, Input.BLOCK)

    def _unless_asked(self, stroke: Stroke) -> Stroke:
        """What waited when a question came up must not answer it."""
        return lambda sink: None if self._port.asking() else stroke(sink)

    def viewer_joined(self, leg: int) -> None:
        """Tell it who has control, if anybody has."""
        if self._holder or self._pending:
            self._tell_one(leg)
        self._block.tell_one(leg)

    def viewer_left(self, leg: int) -> None:
        """It has control no more, and asks for it no more."""
        self._block.left(leg)
        self._control_over(leg)

    def viewer_changed(self, leg: int, grants: Grant) -> None:
        """What it may do no longer ends."""
        if not grants & Grant.PRIVACY:
            self._block.left(leg)
        if not grants & Grant.SCREEN_CONTROL:
            self._control_over(leg)

    def question_opened(self) -> None:
        """Whoever sits there must be able to answer."""
        self._block.question_opened()

    def lost(self) -> None:
        """Nobody hears any more that something is to end: nothing stays blocked or pressed."""
        self._block.end("lost")
        if self._worker is not None:
            self._worker.do(lambda sink: sink.release(), must=True)

    def _control_over(self, leg: int) -> None:
        self._consent.cancel(leg)
        if leg == self._pending:
            self._pending = 0
            self._tell()
        if leg == self._holder:
            self._give_up()
            self._tell()

    def resumed(self) -> None:
        """The one in control may have let go of keys that nobody heard of: let go of all."""
        if self._worker is not None:
            self._worker.do(lambda sink: sink.release(), must=True)
        self._tell()

    def close(self) -> None:
        """Let go and stop at once."""
        self._closed = True
        self._consent.close()
        self._block.end("control")
        if self._holder:
            self._port.post("control-released", by=self._holder_name, leg=self._holder)
        self._holder = 0
        self._drop_worker()

    def _wish_block(self, leg: int, payload: memoryview) -> None:
        if len(payload) != BLOCK.size:
            raise ValueError(f"this input frame has {BLOCK.size} bytes, {len(payload)} came")
        (wanted,) = BLOCK.unpack(payload)
        if wanted == DISABLE and leg == self._holder and self._worker is not None:
            # What the person holds is let go of for them when it begins: nothing of ours may be among it.
            self._worker.do(lambda sink: sink.release(), must=True)
        self._block.wish(leg, wanted)

    def _request(self, leg: int) -> None:
        name = self._port.name_of(leg)
        abilities = self._port.abilities()
        if abilities is None or not abilities.control.can:
            self._port.log("input_not_possible", leg=leg, reason="" if abilities is None else abilities.control.reason)
            self._tell(refused_for=leg)
        elif self._consent.given(leg):
            self._grant(leg)
        elif self._pending != leg:
            before, self._pending = self._pending, leg
            self._consent.cancel(before)
            self._port.post("control-requested", by=name, leg=leg)
            self._tell(refused_for=before)
            self._consent.ask(leg)

    def _answered(self, leg: int, allowed: bool) -> None:
        if leg != self._pending:
            return
        self._pending = 0
        if allowed:
            self._grant(leg)
        else:
            self._port.post("control-refused", by=self._port.name_of(leg), leg=leg)
            self._tell(refused_for=leg)

    def _grant(self, leg: int) -> None:
        if self._closed:
            return
        if self._holder != leg:
            if self._holder:
                self._give_up()
            self._holder, self._holder_name = leg, self._port.name_of(leg)
            self._port.post("control-granted", by=self._holder_name, leg=leg)
        if self._worker is None:
            self._worker = self._make_worker()
        self._tell()

    def _make_worker(self) -> InputWorker:
        holder: list[InputWorker] = []
        opening = self._opening = Opening(self._port.loop, self._port.desktop)

        loop = self._port.loop  # asked for here: in the worker's thread no loop runs

        def later(call: Callable[..., None], *args: object) -> None:
            def do() -> None:
                if holder and self._worker is holder[0]:
                    call(*args)

            try:
                loop.call_soon_threadsafe(do)
            except RuntimeError:
                # The loop is closed: the program ends, nobody is there to be told.
                return

        def ended(text: str) -> None:
            later(self._failed, text)

        def opened() -> None:
            self._taken = True
            self._tell()

        holder.append(InputWorker(lambda: opening.wait().open_input(), lambda: later(opened), ended))
        return holder[0]

    def _failed(self, text: str) -> None:
        self._port.log("input_failed", text=text)
        leg = self._holder
        self._drop_worker()
        self._give_up()
        self._tell(refused_for=leg)

    def _drop_worker(self) -> None:
        self._texts.give_up()
        worker, self._worker = self._worker, None
        self._taken = False
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.cancel()  # first: the worker may be waiting for it
        if worker is not None:
            worker.stop()

    def _give_up(self) -> None:
        self._texts.give_up()
        self._block.left(self._holder)
        if self._worker is not None:
            self._worker.do(lambda sink: sink.release(), must=True)
        if self._holder:
            self._port.post("control-released", by=self._holder_name, leg=self._holder)
        self._holder, self._holder_name = 0, ""

    def _tell(self, refused_for: int = 0) -> None:
        self._port.send(Input.STATE, _CHANNEL, msgspec.json.encode(self._state()), EVERY_LEG)
        if refused_for:
            self._tell_one(refused_for, refused=True)

    def _tell_one(self, leg: int, *, refused: bool = False) -> None:
        self._port.send(Input.STATE, _CHANNEL, msgspec.json.encode(self._state(refused=refused)), leg)

    def _state(self, *, refused: bool = False) -> InputState:
        holder, pending = (self._holder, 0) if self._taken else (0, self._holder)
        return InputState(leg=holder, pending=self._pending or pending, refused=refused)


def _stroke(frame_type: int, payload: memoryview) -> Stroke:
    layout = LAYOUTS.get(frame_type)
    if layout is None:
        raise ValueError(f"frame type {frame_type} is not known on the input channel")
    if len(payload) != layout.size:
        raise ValueError(f"this input frame has {layout.size} bytes, {len(payload)} came")
    if frame_type == Input.KEY:
        down, keysym = KEY.unpack(payload)
        return lambda sink: sink.key(keysym, bool(down))
    if frame_type == Input.POINTER:
        x, y, buttons = POINTER.unpack(payload)
        return lambda sink: sink.pointer(x, y, buttons & BUTTONS)
    dx, dy = WHEEL.unpack(payload)
    return lambda sink: sink.wheel(dx, dy)
