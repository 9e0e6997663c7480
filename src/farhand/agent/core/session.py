"""One session as the endpoint lives it: its leg, its tools, and what must not get lost.

The leg is a socket that may be lost and taken up again (same ticket, `last_seq`); shells run on meanwhile, for up to
ten minutes. Posts are repeated with the same id until their ENTRY comes back. The relay enforces grants; so does this
side, with its own copy.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from farhand.agent.core.errors import ClientError, RefusedError, UnreachableError
from farhand.agent.core.link import ANSWER_TIMEOUT_S, judge_failure, prove
from farhand.agent.core.reconnect import ReconnectPolicy
from farhand.agent.core.roster import Roster
from farhand.agent.core.site import SiteGuard
from farhand.agent.core.tools import Question, Tool, load_factory
from farhand.agent.core.wire import Wire, first_frame, open_refusal, open_wire
from farhand.agent.texts import _
from farhand.kit.ids import new_id
from farhand.kit.log import get_log
from farhand.protocol.channels import (
    DURABLE,
    Control,
    Durable,
    Grant,
    Input,
    Kind,
    Party,
    channel,
    grants_to_use,
    kind_of,
    may_send,
)
from farhand.protocol.frames import EVERY_LEG, Frame
from farhand.protocol.messages import NOT_UNDERSTOOD, End, Entry, Grants, Join, Post, PostRefused, Welcome
from farhand.protocol.messages import Roster as RosterMessage

AWAY_S = 600.0
"""How long a session outlives its socket."""
GONE_S = 60.0
"""How long a session that the server does not know (any more) is tried again: a starting server learns it late."""
NEVER_KNOWN_S = 15.0
QUESTION_S = 60.0
POST_AGAIN_S = 5.0
LEAVE_S = 3.0
"""How long the customer waits for the server to note that the session is over."""
MAX_PENDING_POSTS = 500

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
    display: Callable[[], str | None] = lambda: None
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
        self._grants = Grant.NONE
        self._roster = Roster()
        self._tools: dict[Kind, Tool] = {}
        self._pending: dict[str, tuple[Kind, Post]] = {}
        self._last_seq = 0
        self._joined = False
        self._end: End | None = None
        self._open_questions = 0
        self._acknowledged = asyncio.Event()
        self._warned: set[tuple[int, int]] = set()
        self._log = get_log("agent.session").bind(session=settings.session_id)

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
            self._close_tools()
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
        if not await self._until(lambda: not self._pending):
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
        self._wire = wire
        self._grants = Grant(welcome.grants)
        self._set_roster(self._roster.replace(welcome.roster))
        self._log.info("leg_joined", leg=welcome.leg, again=again)
        for post_id in list(self._pending):
            self._send_post(post_id)
        if again:
            for tool in list(self._tools.values()):
                tool.resumed()

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
        elif kind is not None:
            self._on_tool_frame(kind, frame)

    def _on_control(self, frame_type: int, payload: bytes) -> None:
        try:
            if frame_type == Control.ROSTER:
                self._set_roster(self._roster.replace(msgspec.json.decode(payload, type=RosterMessage).legs))
                self._tell_watcher()
            elif frame_type == Control.GRANTS:
                self._set_grants(Grant(msgspec.json.decode(payload, type=Grants).grants))
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
        if self._pending.pop(entry.id, None) is not None:
            self._acknowledged.set()
        if entry.seq > self._last_seq:
            self._last_seq = entry.seq
            self._settings.watcher.entry(entry)

    def _on_refused(self, payload: bytes | memoryview) -> None:
        """A post was not kept: later again when the disk was full or many came at once, never again when there are
        too many."""
        try:
            refused = msgspec.json.decode(payload, type=PostRefused)
        except NOT_UNDERSTOOD as error:
            self._log.warning("bad_entry", reason=str(error))
            return
        self._log.warning("post_refused", code=refused.code, reason=refused.text)
        if refused.code in {"not-stored", "busy"}:
            asyncio.get_running_loop().call_later(POST_AGAIN_S, self._send_post, refused.id)
        else:
            self._pending.pop(refused.id, None)

    def _on_tool_frame(self, kind: Kind, frame: Frame) -> None:
        if not grants_to_use(kind) & self._grants or not self._roster.may_send(frame.leg, frame.channel, frame.type):
            self._warn_once("frame_without_grant", frame)
            return
        if kind is Kind.INPUT and self._open_questions and not _lets_go(frame):
            return  # nobody may press `Allow` from afar
        tool = self._tools.get(kind)
        if tool is None:
            factory = load_factory(kind)
            if factory is None:
                self._warn_once("no_such_tool", frame)
                return
            tool = self._tools[kind] = factory(self)
        try:
            tool.on_frame(frame.leg, frame.type, frame.channel, memoryview(frame.payload))
        except (ValueError, *NOT_UNDERSTOOD) as error:
            self._log.warning("bad_frame", kind=kind.name, type=frame.type, leg=frame.leg, reason=str(error))
        except Exception:  # noqa: BLE001  one broken tool must not take the session and the other tools with it
            self._log.exception("tool_failed", kind=kind.name, type=frame.type, leg=frame.leg)
            del self._tools[kind]
            tool.close()

    def _warn_once(self, event: str, frame: Frame) -> None:
        if (frame.leg, frame.channel) not in self._warned and len(self._warned) < 100:
            self._warned.add((frame.leg, frame.channel))
            self._log.warning(event, leg=frame.leg, channel=frame.channel, type=frame.type)

    def _set_roster(self, roster: Roster) -> None:
        old, self._roster = self._roster, roster
        for kind, tool in list(self._tools.items()):
            before, now = old.viewers(kind), roster.viewers(kind)
            for leg in before - now:
                tool.viewer_left(leg)
            for leg in now - before:
                tool.viewer_joined(leg)

    def _set_grants(self, grants: Grant) -> None:
        self._grants = grants
        for kind in [kind for kind in self._tools if not grants_to_use(kind) & grants]:
            self._tools.pop(kind).close()

    def _close_tools(self) -> None:
        tools, self._tools = self._tools, {}
        for tool in tools.values():
            tool.close()

    def _tell_watcher(self) -> None:
        self._settings.watcher.connected(self._wire is not None, self._roster.consoles())

    # --- what tools and the customer's window ask for (ToolPort) ---

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that everything runs in."""
        return asyncio.get_running_loop()

    @property
    def attended(self) -> bool:
        """A customer sits there and is asked."""
        return self._settings.attended

    @property
    def display(self) -> str | None:
        """X display to share; None when there is none now."""
        return self._settings.display()

    @property
    def backlog(self) -> int:
        """Bytes that wait in this leg's socket."""
        return self._wire.backlog if self._wire is not None else 0

    def send(
        self, frame_type: int, channel: int, payload: bytes | bytearray | memoryview = b"", leg: int = EVERY_LEG
    ) -> bool:
        """Send one frame to every viewer (leg 0) or to one; False when it could not be sent."""
        if self._wire is None or not may_send(Party.ENDPOINT, self._grants, channel, frame_type):
            return False
        return self._wire.send(frame_type, channel, payload, leg)

    def post(self, kind: str, text: str = "", **data: str | int | bool) -> None:
        """Add a system entry to the session's journal."""
        self._post(Kind.SYSTEM, Post(id=new_id(), kind=kind, text=text[:4096], data=dict(data)))

    def chat(self, text: str) -> None:
        """Say something in the chat. Raises ValueError when it is empty or longer than 4096 characters."""
        if not 1 <= len(text) <= 4096:
            raise ValueError(_("A message has 1 to 4096 characters."))
        self._post(Kind.CHAT, Post(id=new_id(), kind="chat", text=text))

    async def ask(self, question: Question) -> bool:
        """Ask the customer; no answer in 60 s means no. Cancelling takes the question back."""
        consent = self._settings.consent
        if not self._settings.attended or consent is None:
            return not self._settings.attended
        self._open_questions += 1
        try:
            async with asyncio.timeout(QUESTION_S):
                return await consent(question)
        except TimeoutError:
            return False
        finally:
            self._open_questions -= 1

    def name_of(self, leg: int) -> str:
        """Name of the party on this leg."""
        return self._roster.name_of(leg) or _("Representative")

    def grants_of(self, leg: int) -> Grant:
        """Grants of this leg as the agent knows them."""
        return self._roster.grants_of(leg)

    def log(self, event: str, **fields: object) -> None:
        """Write one log line."""
        self._log.info(event, **fields)

    def _post(self, kind: Kind, post: Post) -> None:
        if len(self._pending) >= MAX_PENDING_POSTS:
            raise ValueError(_("Too much waits to be sent: the connection is away."))
        self._pending[post.id] = (kind, post)
        self._send_post(post.id)

    def _send_post(self, post_id: str) -> None:
        waiting = self._pending.get(post_id)
        if waiting is not None and self._wire is not None:
            self._wire.send(Durable.POST, channel(waiting[0]), msgspec.json.encode(waiting[1]))


def _lets_go(frame: Frame) -> bool:
    """Say whether an input frame only gives something up: control, or a key that would stay pressed otherwise."""
    return frame.type == Input.RELEASE or (frame.type == Input.KEY and bytes(frame.payload[:1]) == b"\0")
