"""The deploy tool of one session: has the client installed as a Jump Client when the site ordered it, and removed.

Why it exists: this outlives the session, so it is asked of the customer every time, in the site's own words: into
which Jump Group, and whether a password will be needed.

Rules: nothing is done on a console's word: what was ordered is fetched from the site, and counts for the leg that sent
it only. Then the customer is asked (where there is one), the yes is put on record, and only then it is done. What the
record does not take is not done, nor what the representative may not do any more by then. One order at a time: a
second one is refused, not queued.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec

from farhand.agent.core.errors import ClientError
from farhand.agent.core.tools import NotRecordedError, Question, Tool, ToolName, ToolPort
from farhand.agent.texts import _
from farhand.protocol.channels import Deploy, Grant, Kind, channel
from farhand.protocol.deploy import CarryOut, Deployable, Deployed, OrderInfo

_CHANNEL = channel(Kind.DEPLOY)
RECORD_S = 20.0
"""How long an order waits to be put on record."""


class _Refused(Exception):
    """It is not done; the message is a sentence for people."""


class DeployTool(Tool):
    """Serves the deploy channel (see `Tool`)."""

    kind = Kind.DEPLOY

    def __init__(self, port: ToolPort) -> None:
        self._port = port
        self._tasks: set[asyncio.Task[None]] = set()
        self._order: asyncio.Task[None] | None = None
        """The order that is being carried out, and whose it is."""
        self._leg = 0
        self._asking = False
        """It waits for the customer's answer."""

    # --- frames ---

    def on_frame(self, leg: int, frame_type: int, channel: int, payload: memoryview) -> None:
        """LIST, DO."""
        if frame_type == Deploy.LIST:
            self._start(self._look(leg))
        elif frame_type == Deploy.DO:
            order = msgspec.json.decode(payload, type=CarryOut).order
            if self._order is not None and not self._order.done():
                self._tell(leg, order, _("Too much is going on at once. Wait until something is done."))
                return
            self._leg = leg
            self._order = self._start(self._do(leg, self._port.name_of(leg), order))

    def runs_while_asked(self, frame_type: int, payload: memoryview) -> bool:
        """Only looking."""
        return frame_type == Deploy.LIST

    def viewer_left(self, leg: int) -> None:
        """It asks for nothing any more. What was begun is finished: half an installation helps nobody."""
        if leg == self._leg and self._asking and self._order is not None:
            self._order.cancel()

    def close(self) -> None:
        """Take the question back. What a thread does goes on to its end."""
        for task in self._tasks:
            task.cancel()

    # --- an order ---

    async def _do(self, leg: int, by: str, order: str) -> None:
        try:
            info = await asyncio.to_thread(self._port.deployment.fetch, order)
            if info.leg != leg or info.order != order:
                raise ClientError(_("This was ordered by somebody else, so it was not done."))
        except ClientError as error:
            self._tell(leg, order, str(error))
            return
        about: dict[str, str | int] = {"by": by, "leg": leg, "what": info.what, "name": info.name}
        self._port.post("deploy-requested", "", **about)
        try:
            await self._allowed(leg, by, info)
            await self._record(about)
            self._check(leg, by)
        except _Refused as refusal:
            self._port.post("deploy-refused", str(refusal), **about)
            self._tell(leg, order, str(refusal))
            return
        try:
            await self._act(leg, by, info)
        except ClientError as error:
            self._port.post("deploy-failed", str(error)[:512], **about)
            self._tell(leg, order, str(error))
            return
        self._tell(leg, order, "", done=True)
        await self._look(leg)

    async def _act(self, leg: int, by: str, info: OrderInfo) -> None:
        deployment = self._port.deployment
        named: dict[str, str | int] = {"by": by, "leg": leg, "name": info.name, "group": info.group}
        if info.what == "pin":
            pinned = await asyncio.to_thread(deployment.pin, info)
            self._port.post("pinned", "", **named, client=pinned.client_id)
            return
        # A Jump Client that goes takes its own session along, so this is told before.
        self._port.post("unpinned", "", **named, client=info.client_id)
        await asyncio.to_thread(deployment.unpin, info)

    async def _allowed(self, leg: int, by: str, info: OrderInfo) -> None:
        """Raise _Refused unless the customer allows it, where there is one."""
        self._check(leg, by)
        if not self._port.attended:
            return
        tool: ToolName = info.what
        if info.what == "pin" and info.password:
            tool = "pin-password"
        self._asking = True
        try:
            if not await self._port.ask(Question(tool, by, leg, about=info.group)):
                raise _Refused(_("The customer did not allow it."))
        except asyncio.CancelledError:
            self._port.post("deploy-refused", _("Who asked for it has left."), by=by, leg=leg, what=info.what)
            raise
        finally:
            self._asking = False

    async def _record(self, about: dict[str, str | int]) -> None:
        try:
            async with asyncio.timeout(RECORD_S):
                await self._port.posted("deploy-allowed", "", **about)
        except (TimeoutError, NotRecordedError) as error:
            raise _Refused(str(error) or _("It could not be put on record, so it was not done.")) from error

    def _check(self, leg: int, by: str) -> None:
        """Raise _Refused when the representative may not do it any more."""
        if not self._port.grants_of(leg) & Grant.PIN or self._port.name_of(leg) != by:
            raise _Refused(_("You may not do that any more."))

    # --- common ---

    async def _look(self, leg: int) -> None:
        deployment = self._port.deployment
        offer = await asyncio.to_thread(lambda: Deployable(pin=deployment.ability(), pinned=deployment.pinned()))
        self._port.send(Deploy.OFFERED, _CHANNEL, msgspec.json.encode(offer), leg)

    def _tell(self, leg: int, order: str, text: str, *, done: bool = False) -> None:
        message = Deployed(order=order, done=done, text=text[:512])
        self._port.send(Deploy.DONE, _CHANNEL, msgspec.json.encode(message), leg)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._port.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
