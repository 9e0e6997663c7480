"""A session's dialogue with a site, over real sockets: joining, grants, tools, posts, loss, end."""

import asyncio
import contextlib
import sys
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
from tests.unit.agent.fake_site import (
    AGENT_ID,
    ALL,
    NONCE,
    NOW_MS,
    SESSION_ID,
    FakeSite,
    Peer,
    TlsPair,
    acknowledge,
    console,
    welcome,
)
from tests.unit.agent.orders import message, order

from farhand.agent.core import posts as posts_module
from farhand.agent.core import roster as roster_module
from farhand.agent.core import session as session_module
from farhand.agent.core import toolbox as toolbox_module
from farhand.agent.core.desktop import UnsupportedError
from farhand.agent.core.link import Link
from farhand.agent.core.orders import OrderError
from farhand.agent.core.reconnect import ReconnectPolicy
from farhand.agent.core.session import Session, SessionSettings
from farhand.agent.core.tools import TOOL_PACKAGES, NotRecordedError, Question, Sent, Tool, ToolPort
from farhand.agent.unattended import Sessions, enrol
from farhand.kit.signing import check_bytes, new_key, public_of
from farhand.protocol.channels import UNSUPPORTED, Control, Durable, Grant, Kind, Screen, Shell, channel
from farhand.protocol.frames import RECORDER_LEG
from farhand.protocol.messages import (
    Auth,
    End,
    Facts,
    Grants,
    LegLimits,
    Limits,
    Offer,
    PostRefused,
    Refuse,
    Roster,
    Unsupported,
    Welcome,
    proof_body,
)
from farhand.protocol.shell import ShellOpen


class Recorded(Tool):
    """A tool that remembers what reaches it."""

    kind = Kind.SCREEN

    def __init__(self, port: ToolPort) -> None:
        self.port = port
        self.frames: list[tuple[int, int, bytes]] = []
        self.told: list[tuple[str, int]] = []
        self.closed = False

    def on_frame(self, leg: int, frame_type: int, channel: int, payload: memoryview) -> None:
        self.frames.append((leg, frame_type, bytes(payload)))
        if payload == b"cannot":
            raise UnsupportedError("Not on this desktop.")
        if payload == b"crash":
            raise RuntimeError("broken")
        self.port.send(Screen.CURSOR, channel, b"seen")

    def viewer_joined(self, leg: int) -> None:
        self.told.append(("joined", leg))

    def viewer_left(self, leg: int) -> None:
        self.told.append(("left", leg))

    def viewer_changed(self, leg: int, grants: Grant) -> None:
        self.told.append((f"changed {int(grants)}", leg))

    def limits_changed(self, leg: int, limits: Limits) -> None:
        self.told.append((f"limits {''.join(limits.files_write)}", leg))

    def runs_while_asked(self, frame_type: int, payload: memoryview) -> bool:
        return payload != b"not now"

    def resumed(self) -> None:
        self.told.append(("resumed", 0))

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> list[Recorded]:
    """The screen tool is replaced by one that remembers; the list holds every one that was made."""
    made: list[Recorded] = []

    def make(port: ToolPort) -> Recorded:
        made.append(Recorded(port))
        return made[-1]

    module = ModuleType("recorded_tool")
    module.make = make  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "recorded_tool", module)
    monkeypatch.setitem(TOOL_PACKAGES, Kind.SCREEN, "recorded_tool")
    return made


class Quick(ReconnectPolicy):
    """Tries again at once."""

    def lost(self) -> float:
        return 0.0

    def failed(self, how: object, retry_after_s: float | None = None) -> float:
        return 0.01


@contextlib.asynccontextmanager
async def running(tmp_path: Path, **changes: object):
    """A site, and a session that is joining it; yields (site, session, its task, the agent's key)."""
    key = new_key()
    async with FakeSite(TlsPair.make(tmp_path, "site")) as site:
        settings = SessionSettings(
            server=site.url,
            site_key=site.site_key,
            key=key,
            session_id=SESSION_ID,
            ticket="ticket-1",
            policy=Quick(),
            **changes,
        )
        session = Session(settings)
        task = asyncio.ensure_future(session.run())
        try:
            yield site, session, task, key
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


SCREEN = channel(Kind.SCREEN)


async def seen(peer: Peer) -> None:
    await peer.take(lambda frame: frame.channel == SCREEN and bytes(frame.payload) == b"seen")


async def test_the_proof_is_bound_to_this_connection(tmp_path: Path) -> None:
    async with running(tmp_path) as (site, _session, _task, key):
        join = await welcome(await site.peer(0))
        assert join.ticket == "ticket-1"
        body = proof_body(NONCE, site.pair.spki, "ticket-1")
        check_bytes(public_of(key), "proof", body, bytes.fromhex(join.proof))


async def test_a_slow_joining_does_not_set_the_sites_time_back(tmp_path: Path) -> None:
    async with running(tmp_path) as (site, session, _task, _key):
        peer = await site.peer(0)
        await peer.take(lambda frame: frame.channel == 0 and frame.type == Control.JOIN)  # so HELLO was heard
        await asyncio.sleep(0.3)
        peer.control(Control.WELCOME, Welcome(leg=1, grants=ALL, roster=[console()]))
        session.post("screen-started")
        await peer.take_post("screen-started")
        over = order(session_id=SESSION_ID, issued_ms=NOW_MS, expires_ms=NOW_MS + 250)
        with pytest.raises(OrderError, match="too late"):
            session.take_order(2, message(over, site=site.site, stated_ms=NOW_MS))


async def test_grants_are_checked_here_too(tmp_path: Path, tools: list[Recorded]) -> None:
    async with running(tmp_path) as (site, _session, _task, _key):
        peer = await site.peer(0)
        await welcome(peer, console(2), console(3, Grant.CHAT))
        peer.send(Screen.START, SCREEN, b"no", leg=3)  # lacks the grant
        peer.send(Screen.START, SCREEN, b"no", leg=9)  # not in the session
        peer.send(Screen.STARTED, SCREEN, b"no", leg=2)  # not a viewer's frame
        peer.send(Screen.START, SCREEN, b"yes", leg=2)
        peer.send(Screen.START, SCREEN, b"record", leg=RECORDER_LEG)
        await seen(peer)
        await seen(peer)
        assert tools[0].frames == [(2, Screen.START, b"yes"), (RECORDER_LEG, Screen.START, b"record")]
        peer.control(Control.ROSTER, Roster(legs=[console(2, Grant.CHAT), console(4)]))
        peer.send(Screen.START, SCREEN, b"late", leg=2)
        peer.send(Screen.START, SCREEN, b"new", leg=4)
        await seen(peer)
        assert tools[0].told == [("left", 2), ("joined", 4)]
        assert tools[0].frames[2:] == [(4, Screen.START, b"new")]
        peer.control(Control.GRANTS, Grants(grants=ALL & ~Grant.SCREEN_VIEW, epoch=2))
        peer.send(Screen.START, SCREEN, b"late", leg=4)
        peer.control(Control.END, End(reason="ended"))
        await peer.wait_gone()
        assert tools[0].closed
        assert len(tools[0].frames) == 3


async def test_a_tool_that_fails_takes_nothing_with_it(tmp_path: Path, tools: list[Recorded]) -> None:
    async with running(tmp_path) as (site, _session, _task, _key):
        peer = await site.peer(0)
        await welcome(peer, console())
        peer.send(Screen.START, SCREEN, b"crash", leg=2)
        peer.send(Screen.START, SCREEN, b"again", leg=2)
        await seen(peer)
        assert [tool.closed for tool in tools] == [True, False]


async def test_posts_are_repeated_until_they_are_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posts_module, "POST_AGAIN_S", 0.01)
    async with running(tmp_path) as (site, session, _task, _key):
        peer = await site.peer(0)
        await welcome(peer)
        session.post("screen-started", by="rep2")
        session.chat("hello")
        first, second = await peer.take_post("screen-started"), await peer.take_post("chat")
        acknowledge(peer, first, 1)
        refused = PostRefused(id=second.id, code="not-stored", text="The disk is full.")
        peer.send(Durable.REFUSED, channel(Kind.CHAT), msgspec.json.encode(refused))
        assert await peer.take_post("chat") == second
        peer.transport.disconnect(graceful=False)
        again = await site.peer(1)
        join = await welcome(again)
        assert join.last_seq == 1
        assert await again.take_post("chat") == second
        acknowledge(again, second, 2)
        with pytest.raises(ValueError, match="4096"):
            session.chat("x" * 4097)


async def test_an_act_waits_until_it_is_on_record(tmp_path: Path) -> None:
    async with running(tmp_path) as (site, session, task, _key):
        peer = await site.peer(0)
        await welcome(peer)
        act = asyncio.ensure_future(session.posted("shell-opened", by="rep2", leg=2))
        post = await peer.take_post("shell-opened")
        assert not act.done()
        acknowledge(peer, post, 7)
        assert await act == 7
        never = asyncio.ensure_future(session.posted("shell-closed", by="rep2", leg=2))
        post = await peer.take_post("shell-closed")
        refused = PostRefused(id=post.id, code="too-many", text="The journal is full.")
        peer.send(Durable.REFUSED, channel(Kind.SYSTEM), msgspec.json.encode(refused))
        with pytest.raises(NotRecordedError, match="journal is full"):
            await never
        last = asyncio.ensure_future(session.posted("shell-closed"))
        await peer.take_post("shell-closed")
        peer.control(Control.END, End(reason="ended"))
        await task
        with pytest.raises(NotRecordedError, match="has ended"):
            await last
        session.post("shell-closed")  # too late, and no harm


async def test_a_frame_that_is_not_sent_says_why(tmp_path: Path) -> None:
    async with running(tmp_path) as (site, session, _task, _key):
        assert session.send(Screen.CURSOR, SCREEN) is Sent.NOT_GRANTED
        peer = await site.peer(0)
        await welcome(peer, grants=ALL & ~Grant.SHELL)
        peer.send(Durable.ENTRY, channel(Kind.CHAT), b"?")  # not understood, and no harm
        session.chat("are you there?")
        await peer.take_post("chat")
        assert session.send(Screen.CURSOR, SCREEN) is Sent.YES
        assert session.send(Shell.DATA, channel(Kind.SHELL, 1)) is Sent.NOT_GRANTED
        peer.transport.disconnect(graceful=False)
        await peer.wait_gone()
        await site.peer(1)
        assert session.send(Screen.CURSOR, SCREEN) is Sent.AWAY


async def test_grants_that_change_within_a_kind_reach_its_tool(
    tmp_path: Path, tools: list[Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    both = Grant.SCREEN_VIEW | Grant.SCREEN_CONTROL
    for module in (toolbox_module, roster_module):
        monkeypatch.setattr(module, "grants_to_use", lambda _kind: both)
    async with running(tmp_path) as (site, _session, _task, _key):
        peer = await site.peer(0)
        await welcome(peer, console(2), console(3))
        peer.send(Screen.START, SCREEN, b"", leg=2)
        await seen(peer)
        for grants in (ALL & ~Grant.SCREEN_CONTROL, ALL & ~Grant.SCREEN_CONTROL & ~Grant.SHELL, ALL & ~both):
            peer.control(Control.ROSTER, Roster(legs=[console(2, grants), console(3)]))
        peer.send(Screen.START, SCREEN, b"", leg=3)
        await seen(peer)
        assert tools[0].told == [(f"changed {int(Grant.SCREEN_VIEW)}", 2), ("left", 2)]


async def test_limits_reach_the_tools_and_end_with_the_socket(tmp_path: Path, tools: list[Recorded]) -> None:
    async with running(tmp_path) as (site, session, _task, _key):
        peer = await site.peer(0)
        await welcome(peer, console(2), console(3))
        peer.control(Control.LIMITS, LegLimits(leg=3, limits=Limits(files_read=["/home"])))
        peer.send(Screen.START, SCREEN, b"", leg=2)
        await seen(peer)
        assert (session.limits_of(2), session.limits_of(3)) == (Limits(), Limits(files_read=["/home"]))
        for _ in range(2):  # the second says nothing new
            peer.control(Control.LIMITS, LegLimits(leg=2, limits=Limits(files_write=["/tmp"])))
        peer.send(Screen.START, SCREEN, b"", leg=2)
        await seen(peer)
        assert tools[0].told == [("limits /tmp", 2)]
        peer.transport.disconnect(graceful=False)
        again = await site.peer(1)
        await welcome(again, console(2), console(3))
        again.control(Control.LIMITS, LegLimits(leg=2, limits=Limits(files_write=["/srv"])))
        again.send(Screen.START, SCREEN, b"", leg=2)
        await seen(again)
        assert (session.limits_of(2), session.limits_of(3)) == (Limits(files_write=["/srv"]), Limits())
        assert tools[0].told[1:] == [("limits ", 3), ("limits ", 2), ("resumed", 0), ("limits /srv", 2)]


async def test_what_nobody_serves_here_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(TOOL_PACKAGES, Kind.SHELL)
    async with running(tmp_path) as (site, _session, _task, _key):
        peer = await site.peer(0)
        await welcome(peer, console(2), console(3, Grant.CHAT))
        later = 99 << 8
        for number, frame_type, leg in (
            (channel(Kind.SHELL), Shell.OPEN, 3),  # lacks the grant: silence
            (later, 1, 9),  # not in the session: silence
            (channel(Kind.SHELL), Shell.OPEN, 2),
            (channel(Kind.CLIPBOARD, 4), 99, 2),
            (later, 1, 2),
            (SCREEN, 99, 2),
        ):
            peer.send(frame_type, number, b"{}", leg=leg)
        answers = []
        for _ in range(4):
            frame = await peer.take(lambda frame: frame.type == UNSUPPORTED)
            answers.append((frame.channel, frame.leg, msgspec.json.decode(frame.payload, type=Unsupported).reason))
        assert answers == [
            (channel(Kind.SHELL), 2, "no-tool"),
            (channel(Kind.CLIPBOARD, 4), 2, "unknown"),
            (later, 2, "unknown"),
            (SCREEN, 2, "unknown"),
        ]


async def test_what_a_desktop_cannot_do_is_answered(tmp_path: Path, tools: list[Recorded]) -> None:
    async with running(tmp_path) as (site, _session, _task, _key):
        peer = await site.peer(0)
        await welcome(peer, console())
        peer.send(Screen.START, SCREEN, b"cannot", leg=2)
        frame = await peer.take(lambda frame: frame.type == UNSUPPORTED)
        answer = msgspec.json.decode(frame.payload, type=Unsupported)
        assert answer == Unsupported(type=Screen.START, reason="not-possible", text="Not on this desktop.")
        assert not tools[0].closed


async def test_a_shell_survives_a_lost_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("farhand.agent.tools.shell.terminal.login_shell", lambda: "/bin/sh")
    async with running(tmp_path) as (site, _session, _task, _key):
        peer = await site.peer(0)
        await welcome(peer, console())
        shell = channel(Kind.SHELL, 1)
        peer.send(Shell.OPEN, channel(Kind.SHELL), msgspec.json.encode(ShellOpen()), leg=2)
        await peer.take(lambda frame: frame.type == Shell.OPENED and frame.channel == shell)
        peer.send(Shell.INPUT, shell, b"export KEPT=yes-$((1+1))\n", leg=2)
        peer.transport.disconnect(graceful=False)
        again = await site.peer(1)
        await welcome(again, console())
        await again.take(lambda frame: frame.type == Shell.OPENED and frame.channel == shell)
        again.send(Shell.INPUT, shell, b"echo $KEPT\n", leg=2)
        await again.take(lambda frame: frame.type == Shell.DATA and b"yes-2" in bytes(frame.payload))


async def test_a_new_ticket_is_used_when_the_old_one_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as (site, session, _task, _key):
        peer = await site.peer(0)
        await peer.take_control(Control.JOIN)
        session.renew("ticket-2")
        peer.control(Control.REFUSE, Refuse(code="expired", text="This ticket has expired."))
        assert (await welcome(await site.peer(1))).ticket == "ticket-2"


async def test_a_session_that_nobody_knows_is_over_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "NEVER_KNOWN_S", 0.0)
    async with running(tmp_path) as (site, _session, task, _key):
        peer = await site.peer(0)
        await peer.take_control(Control.JOIN)
        peer.control(Control.REFUSE, Refuse(code="unknown-session", text="This session is over."))
        end = await asyncio.wait_for(task, 60)
        assert (end.reason, end.text) == ("expired", "This session is over.")


async def test_no_answer_means_no_and_who_goes_takes_the_question_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "QUESTION_S", 0.05)
    taken_back: list[str] = []

    async def consent(question: Question) -> bool:
        try:
            return question.tool == "screen" or await asyncio.Event().wait()
        except asyncio.CancelledError:
            taken_back.append(question.tool)
            raise

    async with running(tmp_path, attended=True, consent=consent) as (_site, session, _task, _key):
        assert await session.ask(Question("screen", "rep"))
        assert not await session.ask(Question("control", "rep"))
        asked = asyncio.ensure_future(session.ask(Question("shell", "rep")))
        await asyncio.sleep(0)
        asked.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asked
        assert taken_back == ["control", "shell"]


async def test_a_tool_says_what_runs_while_the_customer_is_asked(tmp_path: Path, tools: list[Recorded]) -> None:
    answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async with running(tmp_path, attended=True, consent=lambda _question: answer) as (site, session, _task, _key):
        peer = await site.peer(0)
        await welcome(peer, console())
        asked = asyncio.ensure_future(session.ask(Question("shell", "rep2")))
        await asyncio.sleep(0)
        for payload in (b"not now", b"always"):
            peer.send(Screen.START, SCREEN, payload, leg=2)
        await seen(peer)
        answer.set_result(False)
        assert not await asked
        peer.send(Screen.START, SCREEN, b"not now", leg=2)
        await seen(peer)
        assert [payload for _leg, _kind, payload in tools[0].frames] == [b"always", b"not now"]


async def test_without_a_customer_nobody_is_asked(tmp_path: Path) -> None:
    async with running(tmp_path) as (_site, session, _task, _key):
        assert await session.ask(Question("shell", "rep"))


async def test_enrol_link_and_offer(tmp_path: Path) -> None:
    async with FakeSite(TlsPair.make(tmp_path, "site")) as site:
        site.answers["/api/agent/enrol"] = (
            200,
            {"agent_id": AGENT_ID, "credential": "cred", "name": "box", "group": "g"},
        )
        state = tmp_path / "state"
        identity = await asyncio.to_thread(enrol, site.url, site.site_key.upper(), "token", state)
        _method, _path, body = site.requests[-1]
        check_bytes(bytes.fromhex(body["key"]), "enrol", b"token", bytes.fromhex(body["proof"]))
        assert body["facts"]["platform"] == "linux"
        with pytest.raises(Exception, match="run `uninstall` first"):
            enrol(site.url, site.site_key, "token", state)

        from farhand.agent.core.identity import IdentityStore
        from farhand.agent.platforms import here

        key = IdentityStore(state).key()
        sessions = Sessions(identity, key, None, here())
        display = False
        link = Link(identity, key, sessions, lambda: Facts(hostname="box", display=display), Quick())
        task = asyncio.ensure_future(link.run())
        try:
            peer = await site.peer(0)
            auth = msgspec.json.decode(await peer.take_control(Control.AUTH), type=Auth)
            check_bytes(
                bytes.fromhex(body["key"]),
                "proof",
                proof_body(NONCE, site.pair.spki, "cred"),
                bytes.fromhex(auth.proof),
            )
            peer.control(Control.WELCOME, Welcome())
            peer.control(Control.OFFER, Offer(session_id=SESSION_ID, ticket="t1"))
            answer = msgspec.json.decode(await peer.take_control(Control.OFFER_ANSWER))
            assert answer == {"session_id": SESSION_ID, "accepted": True, "text": ""}
            leg = await site.peer(1)
            assert leg.path == "/live/leg"
            assert (await welcome(leg)).ticket == "t1"
            # the link may go: the session stays, and the client comes back
            peer.transport.disconnect(graceful=False)
            back = await site.peer(2)
            assert back.path == "/live/link"
            await back.take_control(Control.AUTH)
            assert not leg.gone
            leg.control(Control.END, End(reason="ended", uninstall=True))
            await leg.wait_gone()
            assert state.exists()
        finally:
            task.cancel()
            await sessions.close()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def test_a_silent_connection_is_noticed(tmp_path: Path) -> None:
    from farhand.agent.core.site import SiteGuard
    from farhand.agent.core.wire import open_wire

    async with FakeSite(TlsPair.make(tmp_path, "site")) as site:
        wire = await open_wire(site.url, "/live/link", SiteGuard(site.site_key), silence_s=3)
        gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        wire.attach(lambda _frame: None, gone.set_result)
        for _ in range(8):  # pings keep it
            await asyncio.sleep(0.5)
            site.peers[0].transport.send_ping(b"?")
        assert not gone.done()
        assert "nothing was heard" in await asyncio.wait_for(gone, 60)
