"""Many idle agent links in one process: they sign in as agents do and come back by the agent's own reconnect policy."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import picows
from picows import WSListener, WSMsgType

from farhand.agent.core.reconnect import Failure, ReconnectPolicy
from farhand.kit import signing
from farhand.kit.net import MAX_MESSAGE, TLS_BUFFER, endpoint_context
from farhand.protocol import frames
from farhand.protocol.channels import Control
from farhand.protocol.messages import Auth, Facts, Hello, Refuse, proof_body

Following = Callable[[], Awaitable[dict[str, Any]]]
Say = Callable[..., None]
SMALL = 4096


class LinkClient(WSListener):
    """One socket of a link."""

    def __init__(self, link: "Link") -> None:
        self._link = link
        self.transport: Any = None
        self.closed = asyncio.get_running_loop().create_future()
        self.welcome = False
        self.retry_after_s: int | None = None

    def on_ws_connected(self, transport: Any) -> None:
        """Called by picows."""
        self.transport = transport

    def on_ws_disconnected(self, _transport: Any) -> None:
        """Called by picows."""
        if not self.closed.done():
            self.closed.set_result(None)

    def on_ws_frame(self, transport: Any, frame: Any) -> None:
        """Called by picows."""
        if frame.msg_type != WSMsgType.BINARY:
            return
        got = frames.parse(frame.get_payload_as_memoryview())
        if got.type == Control.HELLO:
            transport.send(WSMsgType.BINARY, self._link.auth(msgspec.json.decode(got.payload, type=Hello)))
        elif got.type == Control.WELCOME:
            self.welcome = True
            self._link.welcomed()
        elif got.type == Control.REFUSE:
            self.retry_after_s = msgspec.json.decode(got.payload, type=Refuse).retry_after_s


class Link:
    """One agent that stays linked."""

    def __init__(self, spec: dict[str, Any], agent: dict[str, str], address: str) -> None:
        self._spec = spec
        self._address = address
        self._credential = agent["credential"]
        self._key = signing.key_from_seed(bytes.fromhex(agent["seed"]))
        self._policy = ReconnectPolicy()
        self.back_at = 0.0
        self.tries = 0
        self.linked = False

    def auth(self, hello: Hello) -> bytes:
        """The AUTH frame that answers a HELLO."""
        proof = signing.sign_bytes(self._key, "proof", proof_body(hello.nonce, self._spec["spki"], self._credential))
        facts = Facts(hostname="endpoint", platform="linux", os_name="Linux", user="operator", private_ip="192.0.2.1")
        body = Auth(credential=self._credential, proof=proof.hex(), version="0.0.0", facts=facts)
        return frames.build(Control.AUTH, 0, 0, msgspec.json.encode(body))

    def welcomed(self) -> None:
        """The relay has let us in."""
        self.linked = True
        self.back_at = time.time()
        self._policy.connected()

    async def keep(self, first_pause: float) -> None:
        """Stay linked until cancelled."""
        pause = first_pause
        context = endpoint_context()
        while True:
            await asyncio.sleep(pause)
            self.tries += 1
            try:
                async with asyncio.timeout(15):
                    _transport, client = await picows.ws_connect(
                        lambda: LinkClient(self), f"wss://127.0.0.1:{self._spec['port']}/live/link",
                        ssl_context=context, websocket_handshake_timeout=15, proxy=None, max_redirects=0,
                        max_frame_size=MAX_MESSAGE, read_buffer_init_size=SMALL, local_addr=(self._address, 0),
                        ssl_incoming_bio_size=TLS_BUFFER, ssl_outgoing_bio_size=TLS_BUFFER,
                    )  # fmt: skip
            except (OSError, TimeoutError, picows.WSError):
                pause = self._policy.failed(Failure.RESTARTING)
                continue
            assert isinstance(client, LinkClient)
            await client.closed
            self.linked = False
            if client.welcome:
                pause = self._policy.lost()
            else:
                pause = self._policy.failed(Failure.RESTARTING, client.retry_after_s)


async def links(spec: dict[str, Any], following: Following, say: Say) -> None:
    """Hold the links of `agents`; each command is answered with how many are linked and when the last one came back."""
    everybody = [
        Link(spec, agent, f"127.0.0.{spec['first_address'] + index % 20}") for index, agent in enumerate(spec["agents"])
    ]
    # At `rate` links a second from each process: the first linking is not what is measured.
    tasks = [asyncio.ensure_future(link.keep(index / spec["rate"])) for index, link in enumerate(everybody)]
    say(ready=True)
    while tasks:
        await following()
        say(
            linked=sum(link.linked for link in everybody),
            last=max(link.back_at for link in everybody),
            tries=sum(link.tries for link in everybody),
        )
