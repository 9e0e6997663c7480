"""The Jump Client: enrol once, then stay linked and take up the sessions that are offered."""

import asyncio
import os
import signal
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from farhand import __version__
from farhand.agent.core.deployment import ClientDeployment, Deployment, NoDeployment
from farhand.agent.core.errors import ClientError
from farhand.agent.core.identity import Identity, IdentityStore
from farhand.agent.core.link import Link
from farhand.agent.core.masking import Masking
from farhand.agent.core.package import Package
from farhand.agent.core.session import Session, SessionSettings
from farhand.agent.core.site import SiteGuard
from farhand.agent.platforms import Platform, here
from farhand.agent.texts import _
from farhand.kit.log import configure_log, get_log
from farhand.kit.net import silence_libraries
from farhand.kit.process import AlreadyLocked, hold_lock
from farhand.kit.signing import public_of, sign_bytes
from farhand.protocol.messages import Facts, Hex32, Id, Message, Name, Offer, Signature, Token

MAX_SESSIONS = 16
"""Sessions that one machine takes part in at the same time."""
LOCK_FILE = "lock"
SETTLED_S = 1.0
"""After this time everything that an idle client needs is loaded."""


class Enrol(Message, frozen=True, kw_only=True):
    """Body of `POST /api/agent/enrol`. `proof` is over the token, kind `enrol`."""

    token: Token
    key: Hex32
    proof: Signature
    facts: Facts
    version: Name


class Enrolled(Message, frozen=True, kw_only=True):
    """Its answer."""

    agent_id: Id
    credential: Token
    name: Name = ""
    group: Name = ""


def check_site_key(text: str) -> str:
    """Return a site key in lower case. Raises ClientError."""
    key = text.strip().lower()
    if len(key) != 64 or any(character not in "0123456789abcdef" for character in key):
        raise ClientError(_("The site key must have 64 characters, 0-9 and a-f."))
    return key


def enrol(server: str, site_key: str, token: str, state: Path, platform: Platform | None = None) -> Identity:
    """Enrol this machine with a single-use token and store its identity in `state`. Raises ClientError."""
    from farhand.agent.core.https import SiteClient  # not in an idle client

    store = IdentityStore(state)
    if store.enrolled:
        raise ClientError(
            _("A Jump Client is installed in {folder} already: run `uninstall` first.").format(folder=state)
        )
    platform = platform if platform is not None else here()
    server, site_key = server.rstrip("/"), check_site_key(site_key)
    with SiteClient(server, SiteGuard(site_key)) as site:
        site.prove()  # before the key is made, so that a wrong site leaves nothing behind
        key = store.make_key()
        body = Enrol(
            token=token,
            key=public_of(key).hex(),
            proof=sign_bytes(key, "enrol", token.encode()).hex(),
            facts=platform.facts(),
            version=__version__,
        )
        answer = site.post("/api/agent/enrol", body, Enrolled)
    identity = Identity(
        server=server,
        site_key=site_key,
        agent_id=answer.agent_id,
        credential=answer.credential,
        name=answer.name,
        group=answer.group,
    )
    store.save(identity)
    return identity


class Sessions:
    """The sessions of this machine; opens a leg for each offer."""

    def __init__(
        self,
        identity: Identity,
        key: Ed25519PrivateKey,
        display: str | None,
        platform: Platform,
        deployment: Deployment | None = None,
    ) -> None:
        """`deployment`: how this client uninstalls itself; None: it cannot."""
        self._deployment: Deployment = deployment if deployment is not None else NoDeployment()
        self._identity = identity
        self._key = key
        self._display = display
        self._platform = platform
        self._masking = Masking()
        self._running: dict[str, tuple[Session, asyncio.Task[None]]] = {}
        self._log = get_log("agent.sessions")

    def take_offer(self, offer: Offer) -> bool:
        """Open a leg, or give the running one its new ticket."""
        known = self._running.get(offer.session_id)
        if known is not None:
            known[0].renew(offer.ticket)
            return True
        if len(self._running) >= MAX_SESSIONS:
            self._log.warning("too_many_sessions", session=offer.session_id)
            return False
        session = Session(
            SessionSettings(
                server=self._identity.server,
                site_key=self._identity.site_key,
                key=self._key,
                session_id=offer.session_id,
                ticket=offer.ticket,
                path=offer.path if offer.path.startswith("/") else "/live/leg",
                abilities=lambda: self._platform.abilities(self._display),
                desktop=lambda: self._platform.desktop(self._display),
                machine=self._platform.machine(self._display),
                returning=self._platform.service_returns(),
                masking=self._masking,
                deployment=self._deployment,
            )
        )
        task = asyncio.get_running_loop().create_task(self._run(offer.session_id, session))
        self._running[offer.session_id] = (session, task)
        return True

    async def _run(self, session_id: str, session: Session) -> None:
        try:
            await session.run()
        finally:
            self._running.pop(session_id, None)

    async def close(self) -> None:
        """Leave all sessions; their tools end."""
        tasks = [task for _session, task in self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def serve(
    identity: Identity,
    key: Ed25519PrivateKey,
    display: str | None,
    platform: Platform,
    deployment: Deployment | None = None,
) -> None:
    """Stay linked until SIGTERM or SIGINT."""
    sessions = Sessions(identity, key, display, platform, deployment)
    link = Link(identity, key, sessions, lambda: platform.facts(display))
    task = asyncio.ensure_future(link.run())
    loop = asyncio.get_running_loop()
    loop.call_later(SETTLED_S, platform.give_back_memory)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await asyncio.wait({task})
    finally:
        await sessions.close()
    if not task.cancelled():
        task.result()


def run(state: Path, display: str | None, package: Package) -> None:
    """Run the Jump Client of this state folder in the foreground. Raises ClientError."""
    store = IdentityStore(state)
    identity, key, platform = store.load(), store.key(), here(state)
    try:
        lock = hold_lock(state / LOCK_FILE)
    except AlreadyLocked as error:
        raise ClientError(_("The Jump Client of {folder} is running already.").format(folder=state)) from error
    configure_log("client")
    silence_libraries()
    deployment = ClientDeployment(
        server=identity.server,
        site_key=identity.site_key,
        key=key,
        package=package,
        keeper=platform.service(),
        state=state,
        facts=platform.facts,
        is_self=True,
    )
    try:
        asyncio.run(serve(identity, key, display, platform, deployment))
    finally:
        os.close(lock)
