"""Clipboard sharing of one session: who shares it, what goes which way, and what the record says of it.

Why it exists: consent, bounds and bookkeeping; the display's clipboard is the worker's. Runs in the event loop's
thread.

Rules: nothing is read before a representative takes it, and nothing goes either way before it is on record: who, which
way, which format, how many bytes, never what. Of files the clipboard holds the paths: the grants for files are needed
too, and the files themselves are the files tool's matter. A leg gives one thing at a time; a new one takes the place
of one that is not whole.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from farhand.agent.core.consent import Consent
from farhand.agent.core.desktop import Clipboard, Content, NotThereError
from farhand.agent.core.opening import Opening
from farhand.agent.core.tools import NotRecordedError, Tool, ToolPort
from farhand.agent.texts import _
from farhand.agent.tools.clipboard.worker import ClipboardWorker
from farhand.protocol.channels import Clip, Grant, Kind, channel
from farhand.protocol.clipboard import (
    CHUNK,
    FILES,
    FORMATS,
    MOST,
    PART,
    ClipboardDone,
    ClipboardHead,
    ClipboardOffer,
    ClipboardTake,
    fits,
    needs,
    read_files,
)
from farhand.protocol.messages import Stopped

_CHANNEL = channel(Kind.CLIPBOARD)
_RECORD_S = 30.0
"""How long a transfer waits until it is on record, in seconds."""
_AT_ONCE = 8
"""Transfers of one session that are under way; more are refused."""
_GONE = _("The clipboard is not shared any more.")
_Result = TypeVar("_Result")


@dataclass(slots=True)
class _Coming:
    """Content that a viewer gives, as far as it came."""

    head: ClipboardHead
    data: bytearray = field(default_factory=bytearray)


class ClipboardTool(Tool):
    """The `Tool` of channel kind CLIPBOARD."""

    kind = Kind.CLIPBOARD

    def __init__(self, port: ToolPort) -> None:
        self._port = port
        self._consent = Consent(port, self.kind, "clipboard", self._answered)
        self._waiting: set[int] = set()
        self._sharing: dict[int, str] = {}
        """Leg -> name."""
        self._coming: dict[int, _Coming] = {}
        self._formats: list[str] = []
        self._worker: ClipboardWorker | None = None
        self._opening: Opening | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers: set[asyncio.Future[Any]] = set()

    def on_frame(self, leg: int, frame_type: int, channel: int, payload: memoryview) -> None:
        """START, STOP, GIVE, GIVEN_PART, TAKE."""
        if frame_type == Clip.START:
            self._start(leg)
        elif frame_type == Clip.STOP:
            if leg in self._waiting or leg in self._sharing:
                self._stopped(leg, "stopped", "")
            self.viewer_left(leg)
        elif leg not in self._sharing:
            return  # it was just stopped
        elif frame_type == Clip.GIVE:
            self._give(leg, msgspec.json.decode(payload, type=ClipboardHead))
        elif frame_type == Clip.GIVEN_PART:
            self._given(leg, payload)
        elif frame_type == Clip.TAKE:
            take = msgspec.json.decode(payload, type=ClipboardTake)
            self._spawn(leg, take.transfer, self._take(leg, take))
        else:
            raise ValueError(f"frame type {frame_type} is not known on the clipboard channel")

    def viewer_left(self, leg: int) -> None:
        """It shares the clipboard no more; when nobody does it is let go."""
        self._waiting.discard(leg)
        self._consent.cancel(leg)
        self._coming.pop(leg, None)
        name = self._sharing.pop(leg, None)
        if name is None:
            return
        self._port.post("clipboard-stopped", by=name, leg=leg)
        if not self._sharing:
            self._drop_worker()

    def viewer_changed(self, leg: int, grants: Grant) -> None:
        """What it may give no longer is forgotten."""
        if not grants & Grant.CLIPBOARD_WRITE:
            self._coming.pop(leg, None)

    def resumed(self) -> None:
        """Parts are lost: what is not whole is given again. Viewers may not have heard what was copied."""
        self._coming.clear()
        for leg in self._sharing:
            self._welcome(leg)

    def close(self) -> None:
        """Stop at once: the session is over, or nobody may share it any more (a switch, the endpoint's own grant)."""
        self._consent.close()
        self._waiting.clear()
        sharing, self._sharing = self._sharing, {}
        for leg, name in sharing.items():
            self._port.post("clipboard-stopped", by=name, leg=leg)
        self._coming.clear()
        self._drop_worker()
        for task in list(self._tasks):
            task.cancel()

    # --- who shares it ---

    def _start(self, leg: int) -> None:
        abilities = self._port.abilities()
        if abilities is None:
            text = _("This computer has no display whose clipboard could be shared.")
            self._stopped(leg, "no-display", text)
        elif not abilities.clipboard.can:
            self._stopped(leg, "unsupported", abilities.clipboard.reason)
        elif self._consent.given(leg):
            self._share(leg)
        elif leg not in self._waiting:
            self._waiting.add(leg)
            self._port.post("clipboard-requested", by=self._port.name_of(leg), leg=leg)
            self._consent.ask(leg)

    def _answered(self, leg: int, allowed: bool) -> None:
        if leg not in self._waiting:
            return
        self._waiting.discard(leg)
        if allowed:
            self._share(leg)
        else:
            self._stopped(leg, "refused", _("The customer did not allow clipboard sharing."))
            self._port.post("clipboard-refused", by=self._port.name_of(leg), leg=leg)

    def _share(self, leg: int) -> None:
        if self._worker is None:
            self._worker = self._make_worker()
        if leg not in self._sharing:
            self._sharing[leg] = self._port.name_of(leg)
            self._port.post("clipboard-started", by=self._sharing[leg], leg=leg)
        self._welcome(leg)

    def _welcome(self, leg: int) -> None:
        self._port.send(Clip.STARTED, _CHANNEL, b"", leg)
        if self._formats:
            self._offer(leg)

    def _offer(self, leg: int) -> None:
        formats = [name for name in self._formats if name != FILES or self._may(leg, name, Grant.CLIPBOARD_READ)]
        payload = msgspec.json.encode(ClipboardOffer(formats=formats))
        self._port.send(Clip.OFFER, _CHANNEL, payload, leg)

    def _stopped(self, leg: int, reason: str, text: str) -> None:
        payload = msgspec.json.encode(Stopped(reason=reason, text=text[:512]))
        self._port.send(Clip.STOPPED, _CHANNEL, payload, leg)

    # --- what goes which way ---

    def _give(self, leg: int, head: ClipboardHead) -> None:
        self._coming.pop(leg, None)
        if head.format not in FORMATS:
            self._done(leg, head.transfer, _("This client does not know such content."))
        elif not 1 <= head.bytes <= MOST:
            text = _("The clipboard takes 1 byte to {most} MiB at once.").format(most=MOST >> 20)
            self._done(leg, head.transfer, text)
        else:
            self._coming[leg] = _Coming(head)

    def _given(self, leg: int, payload: memoryview) -> None:
        coming = self._coming.get(leg)
        if len(payload) < PART.size or len(payload) - PART.size > CHUNK:
            raise ValueError(f"a part has {PART.size} to {PART.size + CHUNK} bytes, {len(payload)} came")
        (transfer,) = PART.unpack_from(payload)
        if coming is None or coming.head.transfer != transfer:
            return  # of one that was refused or replaced
        coming.data += payload[PART.size :]
        if len(coming.data) < coming.head.bytes:
            return
        del self._coming[leg]
        content = Content(coming.head.format, bytes(coming.data))
        if len(content.data) > coming.head.bytes or not fits(content.format, content.data):
            self._done(leg, transfer, _("What came is not what was announced. Copy it again."))
        else:
            self._spawn(leg, transfer, self._put(leg, transfer, content))

    async def _put(self, leg: int, transfer: int, content: Content) -> None:
        await self._work(
            lambda clipboard: None
        )  # it is open now: nothing is put on record before that, or waits after it
        self._check(leg, content.format, Grant.CLIPBOARD_WRITE)
        await self._record("clipboard-given", leg, content)
        self._check(leg, content.format, Grant.CLIPBOARD_WRITE)
        await self._work(lambda clipboard: clipboard.write(content))
        self._done(leg, transfer)

    def _may(self, leg: int, name: str, way: Grant) -> bool:
        needed = needs(name, way)
        return self._port.grants_of(leg) & needed == needed

    def _check(self, leg: int, name: str, way: Grant) -> None:
        """Raise NotThereError when this representative may not do it, or not any more."""
        if leg not in self._sharing or not self._may(leg, name, way):
            if name == FILES:
                raise NotThereError(_("Your account may not transfer these files."))
            raise NotThereError(_("You may not do that any more."))

    async def _take(self, leg: int, take: ClipboardTake) -> None:
        if take.format not in FORMATS:
            raise NotThereError(_("This client does not know such content."))
        self._check(leg, take.format, Grant.CLIPBOARD_READ)
        data = await self._work(lambda clipboard: clipboard.read(take.format, MOST))
        content = Content(take.format, data)
        if not data or not fits(take.format, data):
            raise NotThereError(_("The clipboard does not hold that."))
        self._check(leg, take.format, Grant.CLIPBOARD_READ)
        await self._record("clipboard-taken", leg, content)
        self._check(leg, take.format, Grant.CLIPBOARD_READ)
        head = ClipboardHead(transfer=take.transfer, format=take.format, bytes=len(data))
        self._port.send(Clip.CONTENT, _CHANNEL, msgspec.json.encode(head), leg)
        for at in range(0, len(data), CHUNK):
            self._port.send(Clip.PART, _CHANNEL, PART.pack(take.transfer) + data[at : at + CHUNK], leg)

    async def _record(self, kind: str, leg: int, content: Content) -> None:
        by = self._sharing.get(leg, self._port.name_of(leg))
        async with asyncio.timeout(_RECORD_S):
            about: dict[str, str | int | bool] = {"format": content.format, "bytes": len(content.data)}
            if content.format == FILES:
                about["count"] = len(read_files(content.data).paths)
            await self._port.posted(kind, "", by=by, leg=leg, **about)

    def _done(self, leg: int, transfer: int, text: str = "") -> None:
        payload = msgspec.json.encode(ClipboardDone(transfer=transfer, text=text[:512]))
        self._port.send(Clip.DONE, _CHANNEL, payload, leg)

    def _spawn(self, leg: int, transfer: int, work: Coroutine[None, None, None]) -> None:
        if len(self._tasks) >= _AT_ONCE:
            work.close()
            self._done(leg, transfer, _("Too much goes through the clipboard at once. Try again in a moment."))
            return

        async def run() -> None:
            try:
                await work
            except (NotThereError, NotRecordedError) as error:
                self._done(leg, transfer, str(error))
            except TimeoutError:
                self._done(leg, transfer, _("It could not be recorded, and was not done. Try again."))

        task = self._port.loop.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- the worker ---

    async def _work(self, command: Callable[[Clipboard], _Result]) -> _Result:
        """Have the worker do it. Raises NotThereError, also when the clipboard is gone meanwhile."""
        worker, loop = self._worker, self._port.loop
        if worker is None:
            raise NotThereError(_GONE)
        answer: asyncio.Future[_Result] = loop.create_future()

        def settle(result: _Result | None, error: Exception | None) -> None:
            if answer.done():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(result)  # type: ignore[arg-type]

        def do(clipboard: Clipboard) -> None:
            try:
                result = command(clipboard)
            except NotThereError as error:
                _later(loop, settle, None, error)
            else:
                _later(loop, settle, result, None)

        self._answers.add(answer)
        worker.do(do)
        try:
            return await answer
        finally:
            self._answers.discard(answer)

    def _make_worker(self) -> ClipboardWorker:
        """The worker's words are taken only as long as it is the session's worker."""
        holder: list[ClipboardWorker] = []
        loop = self._port.loop
        opening = self._opening = Opening(loop, self._port.desktop)

        def later(call: Callable[..., None], *args: object) -> None:
            def do() -> None:
                if holder and self._worker is holder[0]:
                    call(*args)

            _later(loop, do)

        holder.append(
            ClipboardWorker(
                lambda: opening.wait().open_clipboard(),
                lambda formats: later(self._offered, formats),
                lambda reason, text: later(self._failed, reason, text),
            )
        )
        return holder[0]

    def _offered(self, formats: list[str]) -> None:
        self._formats = formats
        for leg in self._sharing:
            self._offer(leg)

    def _failed(self, reason: str, text: str) -> None:
        self._port.log("clipboard_failed", reason=reason, text=text)
        sharing, self._sharing = self._sharing, {}
        self._coming.clear()
        self._drop_worker()
        for leg, name in sharing.items():
            self._stopped(leg, reason, text)
            self._port.post("clipboard-stopped", text, by=name, leg=leg)

    def _drop_worker(self) -> None:
        worker, self._worker = self._worker, None
        opening, self._opening = self._opening, None
        self._formats = []
        if opening is not None:
            opening.cancel()  # first: the worker may be waiting for it
        for answer in self._answers:
            if not answer.done():
                answer.set_exception(NotThereError(_GONE))
        if worker is not None:
            worker.stop()


def _later(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *args: object) -> None:
    try:
        loop.call_soon_threadsafe(call, *args)
    except RuntimeError:
        # The loop is closed: the program ends, nobody is there to be told.
        return
