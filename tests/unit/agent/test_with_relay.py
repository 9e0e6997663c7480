"""The agent against the relay itself: link, offer, leg, shell, entries, a viewer that comes back, the end."""

import asyncio
import contextlib
import struct
from pathlib import Path

import pytest
from tests.unit.agent.core.test_session import Quick
from tests.unit.relay.harness import ALL_GRANTS, Harness

from farhand.agent.core.identity import Identity
from farhand.agent.core.link import Link
from farhand.agent.platforms import here
from farhand.agent.unattended import Sessions
from farhand.kit import signing
from farhand.kit.ids import new_id
from farhand.protocol.bus import LegState, LegUp, LinkUp, SessionEnd, SessionPut, SessionState
from farhand.protocol.channels import Kind, Party, Shell, channel
from farhand.protocol.messages import AgentCredential, LegTicket
from farhand.protocol.shell import ShellOpen, ShellOpened

SHELL1 = channel(Kind.SHELL, 1)
FAR = 4_000_000_000_000


async def shell_says(console, text: bytes) -> None:
    """Read output until `text` has come."""
    seen = bytearray()
    while text not in seen:
        _leg, payload = await console.until(Shell.DATA, SHELL1)
        (offset,) = struct.unpack_from("<Q", payload)
        seen[offset:] = payload[8:]


async def test_a_jump_client_serves_a_session_through_the_relay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # R-096 R-181 R-250
    monkeypatch.setattr("farhand.agent.tools.shell.terminal.login_shell", lambda: "/bin/sh")
    relay = await Harness(tmp_path).start()
    key, agent_id, session_id = signing.new_key(), new_id(), new_id()
    public = signing.public_of(key).hex()
    identity = Identity(
        server=f"https://127.0.0.1:{relay.port}",
        site_key=signing.public_of(relay.site).hex(),
        agent_id=agent_id,
        credential=signing.sign_token(
            relay.issuer, "agent", AgentCredential(agent_id=agent_id, key=public, issued_ms=0)
        ),
    )
    sessions = Sessions(identity, key, None, here())
    task = asyncio.ensure_future(Link(identity, key, sessions, lambda: here().facts(), Quick()).run())
    try:
        assert (await relay.heard(LinkUp)).facts.platform == "linux"
        ticket = LegTicket(
            jti=new_id(), session_id=session_id, leg=1, party=Party.ENDPOINT, subject=f"agent:{agent_id}", name="box",
            grants=ALL_GRANTS, epoch=1, expires_ms=FAR, key=public,
        )  # fmt: skip
        state = SessionState(
            session_id=session_id, kind="jump", epoch=1, record=False, recording=None,
            legs=[
                LegState(leg=1, party=Party.ENDPOINT, subject=f"agent:{agent_id}", name="box", grants=ALL_GRANTS),
                LegState(leg=2, party=Party.CONSOLE, subject=f"user:{new_id()}", name="rep", grants=ALL_GRANTS),
            ],
            offer_to=agent_id, offer_ticket=relay.token(ticket),
        )  # fmt: skip
        relay.tell(SessionPut(session=state))
        await relay.heard(LegUp, lambda message: message.leg == 1)
        console = await relay.join(state, 2)
        console.send(Shell.OPEN, channel(Kind.SHELL), ShellOpen(cols=90, rows=20))
        opened = await console.message(Shell.OPENED, ShellOpened, SHELL1)
        assert (opened.cols, opened.by) == (90, "rep")
        entry = await console.entry("shell-opened")
        assert entry.data == {"by": "rep", "leg": 2, "shell": 1, "open": 1}
        console.send(Shell.INPUT, SHELL1, b"stty size; MARK=kept; echo one-$((1+1))\n")
        await shell_says(console, b"one-2")
        # a viewer that takes the leg again hears of the shell and catches up
        console.close()
        console = await relay.join(state, 2)
        await console.message(Shell.OPENED, ShellOpened, SHELL1)
        console.send(Shell.ATTACH, SHELL1, b'{"offset":0}')
        console.send(Shell.INPUT, SHELL1, b"echo $MARK-$((2+2))\n")
        await shell_says(console, b"kept-4")
        relay.tell(SessionEnd(session_id=session_id, reason="ended"))
        async with asyncio.timeout(60):
            while sessions._running:  # noqa: ASYNC110  nothing tells it
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await sessions.close()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await relay.stop()
