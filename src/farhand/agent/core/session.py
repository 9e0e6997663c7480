"""One session as the endpoint lives it: its leg, from joining to the end, and what its tools may ask of it.

The leg is a socket that may be lost and taken up again (same ticket, `last_seq`); shells run on meanwhile, for up to
ten minutes. `toolbox` holds the tools and judges their frames, `posts` what must get into the journal.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from farhand.agent.core.deployment import Deployment, NoDeployment
from farhand.agent.core.desktop import Desktop, OpenDesktop
from farhand.agent.core.errors import ClientError, RefusedError, UnreachableError
from farhand.agent.core.link import ANSWER_TIMEOUT_S, judge_failure, prove
from farhand.agent.core.machine import Machine, NoMachine
from farhand.agent.core.masking import Masking
from farhand.agent.core.opening import Shared
from farhand.agent.core.orders import Orders
from farhand.agent.core.posts import Posts
from farhand.agent.core.reconnect import ReconnectPolicy
from farhand.agent.core.returning import NoReturn, Return, Returned
from farhand.agent.core.site import SiteGuard
from farhand.agent.core.toolbox import Toolbox
from farhand.agent.core.tools import Question, Sent
from farhand.agent.core.wire import Wire, first_frame, open_refusal, open_wire
from farhand.agent.texts import _
from farhand.kit.log import get_log
from farhand.protocol.channels import (
    DURABLE,
    TRAFFIC,
    UNSUPPORTED,
    Control,
    Durable,
    Grant,
    Kind,
    Party,
    kind_of,
    may_send,
)
from farhand.protocol.frames import EVERY_LEG, Frame
from farhand.protocol.messages import (
    NOT_UNDERSTOOD,
    Abilities,
    Ability,
    End,
    Entry,
    Grants,
    Join,
    LegLimits,
    Limits,
    PostRefused,
    Unsupported,
    Welcome,
)
from farhand.protocol.messages import Roster as RosterMessage
from farhand.protocol.scripts import RunScript, ScriptOrder

AWAY_S = 600.0
"""How long a session outlives its socket."""
GONE_S = 60.0
"""How long a session that the server does not know (any more) is tried again: a starting server learns it late."""
NEVER_KNOWN_S = 15.0
QUESTION_S = 60.0
LEAVE_S = 3.0
"""How long the customer waits for the server to note that the session is over."""

_GONE = frozenset({"bad-ticket", "expired", "used", "unknown-session", "revoked", "bad-proof"})


class Watcher(Protocol):
    """Who follows a session: the customer's window, or nobody."""

    def entry(self, entry: Entry) -> None:
        """A journaled fact came, in order."""
        ...

    def connected(self, connected: bool, representatives: list[str]) -> None:
        """The leg's socket came or went, or other representatives are here now."""
        ...


class NoWatcher:
    """Nobody sits there."""

    def entry(self, entry: Entry) -> None:
        """Nothing to show."""

    def connected(self, connected: bool, representatives: list[str]) -> None:
        """Nothing to show."""


async def no_desktop() -> Desktop | None:
    """A machine without one."""
    return None


@dataclass(kw_only=True)
class SessionSettings:
    """What a session is made of."""

    server: str
    site_key: str
    key: Ed25519PrivateKey
    session_id: str
    ticket: str
    path: str = "/live/leg"
    attended: bool = False
    abilities: Callable[[], Abilities | None] = lambda: None
    """What can be done on the desktop that `desktop` would open."""
    desktop: OpenDesktop = no_desktop
    machine: Machine = field(default_factory=NoMachine)
    returning: Return = field(default_factory=NoReturn)
    """How the client comes back into this session after a reboot."""
    masking: Masking = field(default_factory=Masking)
    """Shared by all sessions of a program."""
    deployment: Deployment = field(default_factory=NoDeployment)
    """What this client can install on its computer."""
    consent: Callable[[Question], Awaitable[bool]] | None = None
    watcher: Watcher = field(default_factory=NoWatcher)
    policy: ReconnectPolicy = field(default_factory=ReconnectPolicy)


class Session:
    """Runs one session until its end; it is the `ToolPort` of its tools."""

    def __init__(self, settings: SessionSettings) -> None:
        self._settings = settings
        self._guard = SiteGuard(settings.site_key)
        self._ticket = settings.ticket
        self._renewed = asyncio.Event()
        self._wire: Wire | None = None
        self._log = get_log("agent.session").bind(session=settings.session_id)
        self._toolbox = Toolbox(self, self._log, self.asking, self._refuse_frame)
        self._desktop = Shared(settings.desktop)
        self._posts = Posts(self._send_post, self._log.warning)
        self._orders = Orders(settings.site_key, settings.session_id)
        self._last_seq = 0
        self._returned = Returned()
        self._joined = False
        self._end: End | None = None
        self._open_questions = 0
        self._acknowledged = asyncio.Event()

    # --- life ---

    async def run(self) -> End:
        """Serve the session; return how it ended. Tools are closed when this returns or is cancelled."""
        loop = asyncio.get_running_loop()
        lost_at = loop.time()
        try:
            while self._end is None:
                try:
                    wire = await self._join()
                except ClientError as error:
                    pause = self._settings.policy.failed(*judge_failure(error))
                    self._end = self._give_up(error, loop.time() - lost_at, pause)
                else:
                    await self._serve(wire)
                    lost_at = loop.time()
                    pause = self._settings.policy.lost()
                if self._end is None:
                    await self._wait(pause)
        finally:
            self._toolbox.close()
            self._desktop.close()
            self._posts.end()
            if self._wire is not None:
                self._wire.close()
        self._log.info("session_ended", reason=self._end.reason)
        return self._end

    def renew(self, ticket: str) -> None:
        """Use this ticket from now on; a waiting session tries at once."""
        self._ticket = ticket
        self._renewed.set()

    async def leave(self) -> None:
        """The customer ends the session: say so durably, leave, and be done."""
        self.post("customer-ended")
        if not await self._until(lambda: not len(self._posts)):
            self._log.warning("end_not_acknowledged")
        if self._wire is not None and self._end is None:
            self._wire.send_control(Control.LEAVE)
            await self._until(lambda: False)
        if self._end is None:
            self._end = End(reason="left", text=_("You have ended the session."), uninstall=True)
        self._renewed.set()
        if self._wire is not None:
            self._wire.close()

    async def _until(self, condition: Callable[[], bool]) -> bool:
        """Wait for `condition`, or for the end; False when neither came in time."""
        try:
            async with asyncio.timeout(LEAVE_S):
                while not condition() and self._end is None:
                    self._acknowledged.clear()
                    await self._acknowledged.wait()
        except TimeoutError:
            return False
        return True

    async def _wait(self, pause: float) -> None:
        """Wait for `pause` seconds, or less when a new ticket or the end comes."""
        self._renewed.clear()
        try:
            async with asyncio.timeout(pause):
                await self._renewed.wait()
        except TimeoutError:
            pass

    def _give_up(self, error: ClientError, away_s: float, pause: float) -> End | None:
        code = error.code if isinstance(error, RefusedError) else ""
        limit = AWAY_S
        if code in _GONE:
            limit = GONE_S if self._joined else NEVER_KNOWN_S
        self._log.warning("leg_failed", reason=str(error), code=code, away_s=round(away_s))
        if away_s + pause < limit:
            return None
        return End(reason="expired", text=str(error), uninstall=self._settings.attended)

    async def _join(self) -> Wire:
        wire = await open_wire(self._settings.server, self._settings.path, self._guard)
        try:
            proof = prove(self._settings.key, wire, self._ticket)
            wire.send_control(
                Control.JOIN,
                Join(ticket=self._ticket, last_seq=self._last_seq, proof=proof),
            )
            kind, payload = await first_frame(wire, ANSWER_TIMEOUT_S)
            if kind == Control.REFUSE:
                raise open_refusal(payload)
            if kind == Control.END:
                self._on_end(payload)
                wire.close()
            elif kind == Control.WELCOME:
                self._on_welcome(wire, payload)
            else:
                raise UnreachableError(_("The server broke the protocol: it may need an update."))
        except BaseException:
            wire.drop(_("the leg was not taken"))
            raise
        return wire

    def _on_welcome(self, wire: Wire, payload: bytes) -> None:
        try:
            welcome = msgspec.json.decode(payload, type=Welcome)
        except NOT_UNDERSTOOD as error:
            raise UnreachableError(_("The server broke the protocol: it may need an update.")) from error
        self._settings.policy.connected()
        again, self._joined = self._joined, True
        assert wire.hello is not None
        self._orders.server_time(wire.hello.server_ms, wire.heard_hello)
        if not again:
            self._returned.joined(welcome.seq)
        self._wire = wire
        self._toolbox.set_grants(Grant(welcome.grants))
        self._toolbox.forget_limits()
        self._toolbox.set_roster(welcome.roster)
        self._log.info("leg_joined", leg=welcome.leg, again=again)
        self._posts.again()
        if again:
            self._toolbox.resumed()

    async def _serve(self, wire: Wire) -> None:
        closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def gone(why: str) -> None:
            self._wire = None
            if not closed.done():
                closed.set_result(why)

        self._tell_watcher()
        wire.attach(self._on_frame, gone)
        try:
            why = await closed
        finally:
            self._wire = None
            wire.close()
            self._toolbox.lost()
        if self._end is None:
            self._log.info("leg_lost", reason=why)
        self._tell_watcher()

    # --- frames from the server ---

    def _on_frame(self, frame: Frame) -> None:
        kind = kind_of(frame.channel)
        if kind is Kind.CONTROL:
            self._on_control(frame.type, bytes(frame.payload))
        elif kind in DURABLE:
            if frame.type == Durable.ENTRY:
                self._on_entry(frame.payload)
            elif frame.type == Durable.REFUSED:
                self._on_refused(frame.payload)
        else:
            self._toolbox.on_frame(frame)

    def _on_control(self, frame_type: int, payload: bytes) -> None:
        try:
            if frame_type == Control.ROSTER:
                self._toolbox.set_roster(msgspec.json.decode(payload, type=RosterMessage).legs)
                self._tell_watcher()
            elif frame_type == Control.GRANTS:
                self._toolbox.set_grants(Grant(msgspec.json.decode(payload, type=Grants).grants))
            elif frame_type == Control.LIMITS:
                told = msgspec.json.decode(payload, type=LegLimits)
                self._toolbox.set_limits(told.leg, told.limits)
            elif frame_type == Control.END:
                self._on_end(payload)
            elif frame_type == Control.REFUSE and self._wire is not None:
                self._wire.drop(str(open_refusal(payload)))
        except (ValueError, *NOT_UNDERSTOOD) as error:
            self._log.warning("bad_control_message", type=frame_type, reason=str(error))

    def _on_end(self, payload: bytes) -> None:
        try:
            end = msgspec.json.decode(payload, type=End)
        except NOT_UNDERSTOOD:
            end = End(reason="ended")
        if end.reason == "refused":
            # The relay did not like a frame; the session itself goes on.
            self._log.error("leg_refused", reason=end.text)
        else:
            self._end = end
        self._acknowledged.set()
        if self._wire is not None:
            self._wire.close()

    def _on_entry(self, payload: bytes | memoryview) -> None:
        try:
            entry = msgspec.json.decode(payload, type=Entry)
        except NOT_UNDERSTOOD as error:
            self._log.warning("bad_entry", reason=str(error))
            return
        if self._posts.kept(entry):
            self._acknowledged.set()
        if entry.seq > self._last_seq:
            self._last_seq = entry.seq
            if self._returned.entry(entry):
                self.post("power-returned")
            self._settings.watcher.entry(entry)

    def _on_refused(self, payload: bytes | memoryview) -> None:
        try:
            self._posts.refused(msgspec.json.decode(payload, type=PostRefused))
        except NOT_UNDERSTOOD as error:
            self._log.warning("bad_entry", reason=str(error))
        self._acknowledged.set()

    def _tell_watcher(self) -> None:
        self._settings.watcher.connected(self._wire is not None, self._toolbox.roster.consoles())

    # --- what tools and the customer's window ask for (ToolPort) ---

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that everything runs in."""
        return asyncio.get_running_loop()

    @property
    def attended(self) -> bool:
        """A customer sits there and is asked."""
        return self._settings.attended

    def abilities(self) -> Abilities | None:
        """What can be done on this machine's desktop now."""
        return self._settings.abilities()

    async def desktop(self) -> Desktop | None:
        """The session's desktop."""
        return await self._desktop.get()

    @property
    def machine(self) -> Machine:
        """The machine itself."""
        return self._settings.machine

    def take_order(self, leg: int, message: RunScript) -> ScriptOrder:
        """Judge a leg's order for a script and take it, once. Raises OrderError."""
        return self._orders.take(leg, message)

    def returning(self) -> Ability:
        """Say whether the client comes back after a reboot."""
        return self._settings.returning.ability()

    def will_return(self, returns: bool) -> None:
        """Prepare for it, or not after all. Raises MachineError."""
        if returns:
            self._settings.returning.prepare()
        else:
            self._settings.returning.forget()

    @property
    def deployment(self) -> Deployment:
        """What can be installed here to stay."""
        return self._settings.deployment

    @property
    def masking(self) -> Masking:
        """What of the screen must not be recorded."""
        return self._settings.masking

    def backlog(self, kind: Kind) -> int:
        """Bytes that go out of this leg's socket before a new frame of this kind would."""
        return self._wire.backlog(TRAFFIC[kind]) if self._wire is not None else 0

    def send(
        self, frame_type: int, channel: int, payload: bytes | bytearray | memoryview = b"", leg: int = EVERY_LEG
    ) -> Sent:
        """Send one frame to every viewer (leg 0) or to one."""
        if not may_send(Party.ENDPOINT, self._toolbox.grants, channel, frame_type):
            return Sent.NOT_GRANTED
        if self._wire is None or not self._wire.send(frame_type, channel, payload, leg):
            return Sent.AWAY
        return Sent.YES

    def post(self, kind: str, text: str = "", **data: str | int | bool) -> None:
        """Note what has happened in the session's journal."""
        self._posts.note(kind, text, data)

    async def posted(self, kind: str, text: str = "", **data: str | int | bool) -> int:
        """Put something on record before it is done. Raises NotRecordedError."""
        return await self._posts.recorded(kind, text, data)

    def chat(self, text: str) -> None:
        """Say something in the chat. Raises ValueError when it is empty or longer than 4096 characters, and
        NotRecordedError when too much waits already."""
        if not 1 <= len(text) <= 4096:
            raise ValueError(_("A message has 1 to 4096 characters."))
        self._posts.chat(text)

    async def ask(self, question: Question) -> bool:
        """Ask the customer; no answer in 60 s means no. Cancelling takes the question back."""
        consent = self._settings.consent
        if not self._settings.attended or consent is None:
            return not self._settings.attended
        self._open_questions += 1
        self._toolbox.question_opened()
        try:
            async with asyncio.timeout(QUESTION_S):
                return await consent(question)
        except TimeoutError:
            return False
        finally:
            self._open_questions -= 1

    def asking(self) -> bool:
        """A question stands open before the customer."""
        return self._open_questions > 0

    def name_of(self, leg: int) -> str:
        """Name of the party on this leg."""
        return self._toolbox.roster.name_of(leg) or _("Representative")

    def grants_of(self, leg: int) -> Grant:
        """Grants of this leg as the agent knows them."""
        return self._toolbox.roster.grants_of(leg)

    def limits_of(self, leg: int) -> Limits:
        """How far the grants of this leg go."""
        return self._toolbox.limits_of(leg)

    def log(self, event: str, **fields: object) -> None:
        """Write one log line."""
        self._log.info(event, **fields)

    def _refuse_frame(self, frame: Frame, answer: Unsupported) -> None:
        """Not judged by the own table: it may be older than the frame that is answered. The relay's is not."""
        if self._wire is not None:
            self._wire.send(UNSUPPORTED, frame.channel, msgspec.json.encode(answer), frame.leg)

    def _send_post(self, frame_type: int, channel: int, payload: bytes) -> None:
        if self._wire is not None:
            self._wire.send(frame_type, channel, payload)
