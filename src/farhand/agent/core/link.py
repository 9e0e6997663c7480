"""The link of a Jump Client: one socket to its site, kept for ever, on which it is offered sessions.

HELLO (judged by `wire`) -> AUTH with the credential and a proof bound to this TLS key -> WELCOME; then OFFER comes,
FACTS go when they change. A lost link never ends a session: legs are sockets of their own.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from farhand import __version__
from farhand.agent.core.errors import ClientError, RefusedError, UnreachableError, WrongSiteError, was_refused
from farhand.agent.core.identity import Identity
from farhand.agent.core.reconnect import Failure, ReconnectPolicy
from farhand.agent.core.site import SiteGuard
from farhand.agent.core.wire import Wire, first_frame, open_refusal, open_wire
from farhand.agent.texts import _
from farhand.kit.log import get_log
from farhand.kit.signing import sign_bytes
from farhand.protocol.channels import Control
from farhand.protocol.frames import Frame
from farhand.protocol.messages import NOT_UNDERSTOOD, Auth, Facts, Offer, OfferAnswer, proof_body

ANSWER_TIMEOUT_S = 15.0
FACTS_EVERY_S = 20.0
"""How often facts are looked at; they are sent when something other than the uptime differs."""


class OfferTaker(Protocol):
    """Who opens legs."""

    def take_offer(self, offer: Offer) -> bool:
        """Open a leg for this session (or give a running one its new ticket); False when there are too many."""
        ...


def prove(key: Ed25519PrivateKey, wire: Wire, presented: str) -> str:
    """Return the proof (hex) for a ticket or credential on this wire: bound to its nonce and TLS key."""
    assert wire.hello is not None
    return sign_bytes(key, "proof", proof_body(wire.hello.nonce, wire.spki, presented)).hex()


def judge_failure(error: ClientError) -> tuple[Failure, float | None]:
    """Say how a failed try counts for the reconnect policy, and what the server wished."""
    if isinstance(error, RefusedError):
        return Failure.RESTARTING, error.retry_after_s
    restarting = isinstance(error, UnreachableError) and was_refused(error.__cause__)
    return (Failure.RESTARTING if restarting else Failure.SILENT), None


class Link:
    """Keeps one link. `run()` returns only when it is cancelled."""

    def __init__(
        self,
        identity: Identity,
        key: Ed25519PrivateKey,
        offers: OfferTaker,
        facts: Callable[[], Facts],
        policy: ReconnectPolicy | None = None,
    ) -> None:
        self._identity = identity
        self._key = key
        self._offers = offers
        self._facts = facts
        self._guard = SiteGuard(identity.site_key)
        self._policy = policy if policy is not None else ReconnectPolicy()
        self._log = get_log("agent.link")
        self._told = ""
        self.linked = asyncio.Event()

    async def run(self) -> None:
        """Link, and link again whenever the link is lost."""
        while True:
            try:
                wire = await self._connect()
            except ClientError as error:
                pause = self._policy.failed(*judge_failure(error))
                self._tell(error)
                await asyncio.sleep(pause)
                continue
            self._policy.connected()
            self._told = ""
            self._log.info("linked", server=self._identity.server)
            try:
                why = await self._serve(wire)
            finally:
                self.linked.clear()
                wire.close()
            pause = self._policy.lost()
            self._log.info("link_lost", reason=why, again_in_s=round(pause, 1))
            await asyncio.sleep(pause)

    def _tell(self, error: ClientError) -> None:
        """One line per new reason: an appliance that is away for a day must not fill a disk."""
        if str(error) != self._told:
            self._told = str(error)
            event = "wrong_site" if isinstance(error, WrongSiteError) else "link_failed"
            self._log.warning(event, reason=self._told, server=self._identity.server)

    async def _connect(self) -> Wire:
        wire = await open_wire(self._identity.server, "/live/link", self._guard)
        try:
            self._sent = self._facts()
            auth = Auth(
                credential=self._identity.credential,
                proof=prove(self._key, wire, self._identity.credential),
                version=__version__,
                facts=self._sent,
            )
            wire.send_control(Control.AUTH, auth)
            kind, payload = await first_frame(wire, ANSWER_TIMEOUT_S)
            if kind == Control.REFUSE:
                raise open_refusal(payload)
            if kind != Control.WELCOME:
                raise UnreachableError(_("The server broke the protocol: it may need an update."))
        except BaseException:
            wire.drop(_("the link was not made"))
            raise
        return wire

    async def _serve(self, wire: Wire) -> str:
        closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def gone(why: str) -> None:
            if not closed.done():
                closed.set_result(why)

        wire.attach(lambda frame: self._on_frame(wire, frame), gone)
        self.linked.set()
        while True:
            done, _pending = await asyncio.wait({closed}, timeout=FACTS_EVERY_S)
            if done:
                return closed.result()
            self._send_facts(wire)

    def _send_facts(self, wire: Wire) -> None:
        facts = self._facts()
        if msgspec.structs.replace(facts, uptime_s=0) != msgspec.structs.replace(self._sent, uptime_s=0):
            self._sent = facts
            wire.send_control(Control.FACTS, facts)

    def _on_frame(self, wire: Wire, frame: Frame) -> None:
        if frame.channel != 0 or frame.type not in {Control.OFFER, Control.REFUSE}:
            return  # a newer server may say more
        if frame.type == Control.REFUSE:
            wire.drop(str(open_refusal(bytes(frame.payload))))
            return
        try:
            offer = msgspec.json.decode(frame.payload, type=Offer)
        except NOT_UNDERSTOOD as error:
            self._log.warning("bad_offer", reason=str(error))
            return
        accepted = self._offers.take_offer(offer)
        text = "" if accepted else _("This machine is in too many sessions.")
        wire.send_control(Control.OFFER_ANSWER, OfferAnswer(session_id=offer.session_id, accepted=accepted, text=text))
