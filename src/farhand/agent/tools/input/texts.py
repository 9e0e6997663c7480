"""Texts that a viewer has typed at once, secret ones among them: on record and hidden first, then typed.

Why it exists: a secret is put on record (who typed one, never what), then the screen is hidden from the recorder, and
only then typed; when any of that fails nothing is typed. Runs in the event loop's thread.

Rules: one text at a time; it ends with the control of who sent it. Texts are never logged, and forgotten when typed.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from farhand.agent.core.desktop import InputSink
from farhand.agent.core.masking import Typing
from farhand.agent.core.tools import NotRecordedError, ToolPort
from farhand.agent.texts import _
from farhand.agent.tools.input.text import NotTypedError, type_text
from farhand.agent.tools.input.worker import InputWorker
from farhand.protocol.channels import Input, Kind, channel
from farhand.protocol.input import MOST_TEXT, SECRET, TEXT, keysym_of
from farhand.protocol.messages import InputTyped

_CHANNEL = channel(Kind.INPUT)
_WITHIN_S = 60.0
"""How long it may take to record, hide and type a text, in seconds."""


class Texts:
    """The text that is being typed in one session, if one is."""

    def __init__(self, port: ToolPort) -> None:
        self._port = port
        self._task: asyncio.Task[None] | None = None
        self._over = asyncio.Event()

    def take(self, leg: int, payload: memoryview, worker: InputWorker | None) -> None:
        """A TEXT came; `worker` is None when its sender has no control. Raises ValueError when it is none."""
        if not TEXT.size < len(payload) <= TEXT.size + MOST_TEXT:
            raise ValueError(f"a text has 1 to {MOST_TEXT} bytes")
        number, flags = TEXT.unpack_from(payload)
        try:
            text = bytes(payload[TEXT.size :]).decode()
        except UnicodeDecodeError:
            raise ValueError("a text is UTF-8") from None  # the error would carry the text
        for character in text:
            keysym_of(character)
        if worker is None:
            self._answer(leg, number, _("You do not have control of mouse and keyboard. Request it first."))
        elif self._task is not None:
            self._answer(leg, number, _("Another text is being typed. Try again in a moment."))
        else:
            self._over = asyncio.Event()
            self._task = self._port.loop.create_task(self._type(leg, number, text, bool(flags & SECRET), worker))
            self._task.add_done_callback(self._done)

    def give_up(self) -> None:
        """Type no further."""
        self._over.set()

    def _done(self, _task: "asyncio.Task[None]") -> None:
        self._task = None

    async def _type(self, leg: int, number: int, text: str, secret: bool, worker: InputWorker) -> None:
        over, said = self._over, ""
        try:
            async with asyncio.timeout(_WITHIN_S):
                if secret:
                    await self._port.posted("secret-typed", by=self._port.name_of(leg), leg=leg)
                async with self._hidden(secret) as typing:
                    await _performed(worker, text, typing, over, self._port.asking)
        except (NotTypedError, NotRecordedError) as error:
            said = str(error)
        except TimeoutError:
            said = _("It was not typed in time. Try again.")
        except Exception as error:  # noqa: BLE001  whatever it is, whoever waits for it must hear
            self._port.log("typing_failed", error=type(error).__name__)  # no more: the error could carry the text
            said = _("Typing failed. Check what was typed and try again.")
        finally:
            over.set()  # before anything is shown again: what still waits is not typed any more
        self._answer(leg, number, said)

    @contextlib.asynccontextmanager
    async def _hidden(self, secret: bool) -> AsyncIterator[Typing]:
        if not secret:
            yield Typing()
            return
        async with self._port.masking.secret() as typing:
            try:
                yield typing
            finally:
                self._over.set()

    def _answer(self, leg: int, number: int, text: str) -> None:
        typed = InputTyped(number=number, text=text[:512])
        self._port.send(Input.TYPED, _CHANNEL, msgspec.json.encode(typed), leg)


async def _performed(
    worker: InputWorker, text: str, typing: Typing, over: asyncio.Event, asked: Callable[[], bool]
) -> None:
    """Have the worker's thread type it. Raises NotTypedError, also when control ends before it was begun.

    While the customer is being asked nothing is typed: it could be the answer.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[None] = loop.create_future()

    def settle(error: NotTypedError | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(None)
        else:
            answer.set_exception(error)

    def why_not() -> str:
        if over.is_set():
            return _("Control ended before all was typed.")
        return _("Not all was typed, because the customer is being asked. Try again later.") if asked() else ""

    def do(sink: InputSink) -> None:
        try:
            type_text(sink, text, typing.touched, why_not)
        except NotTypedError as error:
            _later(loop, settle, error)
        else:
            _later(loop, settle, None)

    worker.do(do, must=True)
    ended = loop.create_task(over.wait())
    try:
        both: tuple[asyncio.Future[Any], ...] = (answer, ended)
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise NotTypedError(_("Control ended before all was typed."))
        answer.result()
    finally:
        ended.cancel()
        answer.cancel()


def _later(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *args: object) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: the program ends, nobody is there to be told
        loop.call_soon_threadsafe(call, *args)
