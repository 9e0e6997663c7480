"""The scripts tool of one session: runs what the site ordered, and tells what came of it.

Why it exists: see `protocol.scripts` and `core.orders`: the endpoint itself judges that the site ordered this text for
this leg, now, once.

Rules: the order is judged first, the customer is asked (where there is one; a yes holds for the session), then the run
is put on record, and only then it begins: what the record does not take is not run. Its output goes to the leg that
asked, the end of it into the record. It ends by itself, by CANCEL, at its time limit, when its leg loses the grant, or
with the session; a leg that leaves leaves it running.
"""

import asyncio
import threading
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from farhand.agent.core.consent import Consent
from farhand.agent.core.machine import MachineError, RunningScript
from farhand.agent.core.orders import OrderError
from farhand.agent.core.tools import NotRecordedError, Tool, ToolPort
from farhand.agent.texts import _
from farhand.agent.tools.scripts.output import Output
from farhand.protocol.channels import Grant, Kind, Scripts, channel
from farhand.protocol.scripts import (
    MAX_VALUES,
    PREFIX,
    CancelScript,
    RunScript,
    ScriptDone,
    ScriptOrder,
    ScriptOutput,
    ScriptStarted,
)

_CHANNEL = channel(Kind.SCRIPTS)
RECORD_S = 20.0
"""How long a run waits to be put on record."""
MAX_RUNS = 8
"""Scripts of one session that run or wait for an answer."""
NOTE_S = 10.0
"""How often a leg's refused order is put on record: once in so long for each run and reason, and for all that nobody
can read. Who sent it is always told; the record is for what is asked, not for a flood of it."""
MAX_BACKLOG = 262_144
"""Bytes that wait for a slow connection. Output that comes then is left out; its end is on record all the same."""


@dataclass(slots=True)
class _Run:
    leg: int
    by: str
    order: ScriptOrder
    text: str
    script: RunningScript | None = None
    reason: str = "ended"
    ended_by: str = ""
    """Who cancelled it: any representative with the grant may."""
    limit: asyncio.TimerHandle | None = None

    @property
    def about(self) -> dict[str, str | int]:
        order = self.order
        about: dict[str, str | int] = {
            "by": self.by, "leg": self.leg, "run": order.jti, "script": order.script_id, "name": order.name,
        }  # fmt: skip
        return about | {"ended_by": self.ended_by} if self.ended_by else about

    @property
    def values(self) -> str:
        """The values of its parameters as they go on record."""
        return "\n".join(f"{name}={value}" for name, value in self.order.parameters.items())


class ScriptsTool(Tool):
    """Serves the scripts channel (see `Tool`)."""

    kind = Kind.SCRIPTS

    def __init__(self, port: ToolPort) -> None:
        self._port = port
        self._consent = Consent(port, self.kind, "scripts", self._answered)
        self._waiting: dict[int, list[_Run]] = {}
        """Runs that wait for the customer's answer, by leg."""
        self._runs: dict[str, _Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._noted: dict[tuple[int, str, str], float] = {}
        """Leg, run (empty: not readable) and reason of orders that were refused -> when that was put on record."""

    # --- frames ---

    def on_frame(self, leg: int, frame_type: int, channel: int, payload: memoryview) -> None:
        """RUN, CANCEL."""
        if frame_type == Scripts.RUN:
            self._wish(leg, msgspec.json.decode(payload, type=RunScript))
        elif frame_type == Scripts.CANCEL:
            self._cancel(leg, msgspec.json.decode(payload, type=CancelScript).run)

    def runs_while_asked(self, frame_type: int, payload: memoryview) -> bool:
        """Only ending one: a script could bring something in front of the question, or answer it."""
        return frame_type == Scripts.CANCEL

    def viewer_left(self, leg: int) -> None:
        """It asks for nothing any more. What was begun goes on, unless the leg is still there without the grant."""
        self._consent.cancel(leg)
        self._waiting.pop(leg, None)
        grants = self._port.grants_of(leg)
        if grants and not grants & Grant.SCRIPTS:
            for run in self._runs.values():
                if run.leg == leg:
                    self._end(run, "cancelled")

    def close(self) -> None:
        """Take back questions, and end what runs, at once. Its end goes on record when it has been read out; of what is
        only being started, here."""
        self._consent.close()
        for task in self._tasks:
            task.cancel()
        for run in list(self._runs.values()):
            run.reason = "cancelled"
            if run.script is not None:
                run.script.kill()
            if run.limit is not None:
                run.limit.cancel()
            else:
                self._over(run, None, 0, "", "")

    # --- from the order to the run ---

    def _wish(self, leg: int, message: RunScript) -> None:
        by = self._port.name_of(leg)
        try:
            order = self._port.take_order(leg, message)
        except OrderError as error:
            self._not_ordered(leg, by, error)
            return
        run = _Run(leg, by, order, message.text)
        if len(run.values) > MAX_VALUES:
            text = _("The values of the parameters are longer than the record takes, so the script was not run.")
            self._not_ordered(leg, by, OrderError(text, order))
            return
        if len(self._runs) + sum(len(waiting) for waiting in self._waiting.values()) >= MAX_RUNS:
            text = _("Too many scripts run in this session. Wait until one has ended.")
            self._tell(leg, Scripts.DONE, ScriptDone(run=order.jti, reason="refused", text=text))
            return
        self._port.post("script-requested", "", **run.about)
        if self._consent.given(leg):
            self._begin(run)
        else:
            self._waiting.setdefault(leg, []).append(run)
            self._consent.ask(leg)

    def _answered(self, leg: int, allowed: bool) -> None:
        for run in self._waiting.pop(leg, []):
            if allowed:
                self._begin(run)
            else:
                self._refuse(run, _("The customer did not allow it."))

    def _not_ordered(self, leg: int, by: str, error: OrderError) -> None:
        order = error.order
        named: dict[str, str | int] = {}
        if order is not None:
            named = {"run": order.jti, "script": order.script_id, "name": order.name}
        run = order.jti if order is not None else ""
        if self._to_note((leg, run, str(error))):
            self._port.post("script-refused", str(error), **named, by=by, leg=leg)
        self._tell(leg, Scripts.DONE, ScriptDone(run=run, reason="refused", text=str(error)))

    def _to_note(self, refusal: tuple[int, str, str]) -> bool:
        """Say whether a refusal goes on record, and remember it."""
        now = self._port.loop.time()
        self._noted = {about: at for about, at in self._noted.items() if now - at < NOTE_S}
        if refusal in self._noted:
            return False
        self._noted[refusal] = now
        return True

    def _refuse(self, run: _Run, text: str, reason: str = "refused") -> None:
        self._port.post("script-refused", text, **run.about)
        self._tell(run.leg, Scripts.DONE, ScriptDone(run=run.order.jti, reason=reason, text=text[:512]))

    def _begin(self, run: _Run) -> None:
        self._runs[run.order.jti] = run
        task = self._port.loop.create_task(self._run(run))
        self._tasks.add(task)
        task.add_done_callback(partial(self._begun, run))

    def _begun(self, run: _Run, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:  # a fault of this program: who asked must hear of an end all the same
            self._port.log("script_failed", run=run.order.jti, error=repr(error))
            run.reason = "failed"
            self._over(run, None, 0, "", _("The script could not be started: {reason}.").format(reason=error))

    async def _run(self, run: _Run) -> None:
        order = run.order
        try:
            async with asyncio.timeout(RECORD_S):
                await self._port.posted(
                    "script-started",
                    order.name,
                    **run.about,
                    context=order.context,
                    sha256=order.sha256,
                    parameters=run.values,
                )
        except (TimeoutError, NotRecordedError) as error:
            self._runs.pop(order.jti, None)
            text = str(error) or _("It could not be put on record, so it was not run.")
            self._tell(run.leg, Scripts.DONE, ScriptDone(run=order.jti, reason="refused", text=text[:512]))
            return
        if run.reason == "ended" and not self._consent.may(run.leg, run.by):
            run.reason = "cancelled"  # who asked has left, or lost the grant, while it was put on record
        if run.reason != "ended":
            self._over(run, None, 0, "", "")
            return
        await self._start(run)

    async def _start(self, run: _Run) -> None:
        environment = {PREFIX + name: value for name, value in run.order.parameters.items()}
        starting = asyncio.ensure_future(
            asyncio.to_thread(self._port.machine.start_script, run.text, run.order.context, environment)
        )
        try:
            run.script = script = await asyncio.shield(starting)
        except MachineError as error:
            run.reason = "failed"
            self._over(run, None, 0, "", str(error))
            return
        except asyncio.CancelledError:
            starting.add_done_callback(_kill_late)
            raise
        loop = self._port.loop
        run.limit = loop.call_later(run.order.time_limit_s, self._end, run, "time-limit")
        self._tell(run.leg, Scripts.STARTED, ScriptStarted(run=run.order.jti, name=run.order.name))
        if run.reason != "ended":
            script.end()
        output = Output(script, lambda offset, text: _call(loop, self._output, run, offset, text))
        threading.Thread(target=self._read, args=(loop, run, script, output), name="script", daemon=True).start()

    def _read(self, loop: asyncio.AbstractEventLoop, run: _Run, script: RunningScript, output: Output) -> None:
        """The reading thread. The run is over with it, whatever happened."""
        status: int | None = None
        fault: OSError | None = None
        try:
            output.read()
        except OSError as error:
            fault = error
            script.kill()  # nobody reads what it writes
        try:
            status = script.close()
        except OSError as error:
            fault = error
        _call(loop, self._read_out, run, status, output, fault)

    def _read_out(self, run: _Run, status: int | None, output: Output, fault: OSError | None) -> None:
        if fault is None:
            self._over(run, status, output.size, output.tail, "")
            return
        run.reason = "failed"
        text = _("What the script wrote could not be read to its end: {reason}.").format(reason=fault)
        self._over(run, status, output.size, "", text)

    def _output(self, run: _Run, offset: int, text: str) -> None:
        if self._port.backlog(self.kind) < MAX_BACKLOG:
            self._tell(run.leg, Scripts.OUTPUT, ScriptOutput(run=run.order.jti, offset=offset, text=text))

    # --- its end ---

    def _cancel(self, leg: int, ident: str) -> None:
        by = self._port.name_of(leg)
        if ident in self._runs:
            self._end(self._runs[ident], "cancelled", by)
        elif (run := self._no_longer_waiting(ident)) is not None:
            run.ended_by = by
            self._refuse(run, _("{name} cancelled it before it began.").format(name=by), "cancelled")
        else:  # its RUN may never have come
            text = _("This script does not run.")
            self._tell(leg, Scripts.DONE, ScriptDone(run=ident, reason="refused", text=text))

    def _no_longer_waiting(self, ident: str) -> _Run | None:
        """Take a run back that waits for the customer's answer, with the question if it is the only one."""
        for leg, waiting in self._waiting.items():
            for run in waiting:
                if run.order.jti == ident:
                    waiting.remove(run)
                    if not waiting:
                        del self._waiting[leg]
                        self._consent.cancel(leg)
                    return run
        return None

    def _end(self, run: _Run, reason: str, by: str = "") -> None:
        if run.reason == "ended":
            run.reason, run.ended_by = reason, by
            if run.script is not None:
                run.script.end()

    def _over(self, run: _Run, status: int | None, size: int, tail: str, text: str) -> None:
        self._runs.pop(run.order.jti, None)
        if run.limit is not None:
            run.limit.cancel()
        about = run.about
        if status is not None:
            about["status"] = status
        self._port.post("script-ended", tail or text, **about, reason=run.reason, bytes=size)
        done = ScriptDone(
            run=run.order.jti,
            ran=run.script is not None,
            status=status,
            reason=run.reason,
            text=text[:512],
            output_bytes=size,
            tail=tail,
        )
        self._tell(run.leg, Scripts.DONE, done)

    def _tell(self, leg: int, frame_type: int, message: msgspec.Struct) -> None:
        self._port.send(frame_type, _CHANNEL, msgspec.json.encode(message), leg)


def _call(loop: asyncio.AbstractEventLoop, function: Any, *arguments: Any) -> None:
    """Call in the event loop, from a thread; nobody is there any more when the loop has been closed."""
    try:
        loop.call_soon_threadsafe(function, *arguments)
    except RuntimeError:
        return


def _kill_late(starting: "asyncio.Future[RunningScript]") -> None:
    """The session ended while it was being started."""
    if not starting.cancelled() and starting.exception() is None:
        script = starting.result()
        script.kill()
        script.close()
