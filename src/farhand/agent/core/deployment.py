"""What a client can install on its computer to stay: itself, as a Jump Client; and taking that away again.

Why it exists: the tool that asks the customer knows no key, ticket or server. Rules: what was ordered is fetched from
the site over a proven connection, with the proof of the session's key; the key of a Jump Client is made here and
never leaves the computer; when a step fails, what was begun is removed. Every method that speaks with the site or
starts programs blocks: callers in an event loop use a thread. Messages: `protocol.deploy`.
"""

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from farhand import __version__
from farhand.agent.core.abilities import cannot
from farhand.agent.core.errors import ClientError
from farhand.agent.core.https import SiteClient
from farhand.agent.core.identity import Identity, IdentityStore
from farhand.agent.core.package import Package
from farhand.agent.core.site import SiteGuard
from farhand.agent.texts import _
from farhand.kit.signing import public_of, sign_bytes
from farhand.protocol.deploy import ENROL_KIND, PROOF_KIND, UNPIN_KIND, OrderInfo, Pinned
from farhand.protocol.messages import Ability, Facts, Hex32, Id, Message, Name, Signature, Token


class Keeper(Protocol):
    """How a Jump Client is kept running on this machine (`platforms.Service`)."""

    def start(self, file: Path, state: Path) -> str:
        """Install and start `file run --state STATE`; return a sentence about what will happen. Raises ClientError."""
        ...

    def stop(self, state: Path) -> None:
        """Stop the client and remove what `start` installed. Doing it twice is fine. Raises ClientError."""
        ...

    def stop_self(self, state: Path) -> None:
        """The same for a client that is this very process: returns, and the process ends soon after."""
        ...


class Deployment(Protocol):
    """What one session's client can install."""

    def ability(self) -> Ability:
        """Say whether this client can become a Jump Client now."""
        ...

    def pinned(self) -> Pinned | None:
        """Return the Jump Client that is installed for this person."""
        ...

    def fetch(self, order: str) -> OrderInfo:
        """Ask the site what was ordered. Raises ClientError."""
        ...

    def pin(self, order: OrderInfo) -> Pinned:
        """Redeem the order, install the Jump Client and start it. Raises ClientError; nothing is left then."""
        ...

    def unpin(self, order: OrderInfo) -> None:
        """Redeem the order and uninstall the Jump Client. Raises ClientError."""
        ...


class NoDeployment:
    """It can install nothing."""

    def ability(self) -> Ability:
        """Say so."""
        return cannot("no-deploying")

    def pinned(self) -> Pinned | None:
        """It does not look."""
        return None

    def fetch(self, order: str) -> OrderInfo:
        """It carries out no orders."""
        raise ClientError(self.ability().reason)

    def pin(self, order: OrderInfo) -> Pinned:
        """It carries out no orders."""
        raise ClientError(self.ability().reason)

    def unpin(self, order: OrderInfo) -> None:
        """It carries out no orders."""
        raise ClientError(self.ability().reason)


class _Order(Message, frozen=True, kw_only=True):
    """Body of `POST /api/endpoint/order`."""

    order: Id
    proof: Signature


class _Pin(Message, frozen=True, kw_only=True):
    """Body of `POST /api/endpoint/pin`."""

    order: Id
    proof: Signature
    key: Hex32
    key_proof: Signature
    facts: Facts
    version: Name


class _Enrolled(Message, frozen=True, kw_only=True):
    """Its answer."""

    agent_id: Id
    credential: Token
    name: Name = ""
    group: Name = ""


class _Unpin(Message, frozen=True, kw_only=True):
    """Body of `POST /api/endpoint/unpin`."""

    order: Id
    proof: Signature
    key_proof: Signature


class _Nothing(Message, frozen=True, kw_only=True):
    """An answer without content."""


class ClientDeployment:
    """See `Deployment`. `state`: the folder of the Jump Client that is, or would be, this person's."""

    def __init__(
        self,
        *,
        server: str,
        site_key: str,
        key: Ed25519PrivateKey,
        package: Package,
        keeper: Keeper,
        state: Path,
        facts: Callable[[], Facts],
        is_self: bool = False,
    ) -> None:
        """`key`: of the session's leg. `is_self`: the Jump Client of `state` is this very process."""
        self._server = server
        self._site_key = site_key
        self._key = key
        self._package = package
        self._keeper = keeper
        self._store = IdentityStore(state)
        self._state = state
        self._facts = facts
        self._is_self = is_self

    def ability(self) -> Ability:
        """A client file, and no Jump Client yet."""
        if self._store.enrolled:
            return cannot("pinned-already")
        if self._package.file is None:
            return cannot("no-client-file")
        return Ability(can=True)

    def pinned(self) -> Pinned | None:
        """The identity in the state folder, if it is one of this site."""
        if not self._store.enrolled:
            return None
        with contextlib.suppress(ClientError):
            identity = self._store.load()
            if identity.site_key == self._site_key:
                return Pinned(client_id=identity.agent_id, name=identity.name, group=identity.group)
        return None

    def fetch(self, order: str) -> OrderInfo:
        """Ask the site."""
        with self._site() as site:
            return site.post("/api/endpoint/order", _Order(order=order, proof=self._proof(order)), OrderInfo)

    def pin(self, order: OrderInfo) -> Pinned:
        """Make the key, redeem, store, copy, start."""
        file = self._package.file
        if self._store.enrolled or file is None:
            raise ClientError(self.ability().reason)
        try:
            return self._pin(order, file)
        except BaseException:
            with contextlib.suppress(ClientError):
                self._keeper.stop(self._state)
            self._store.forget()
            shutil.rmtree(self._state, ignore_errors=True)
            raise

    def _pin(self, order: OrderInfo, file: Path) -> Pinned:
        with self._site() as site:
            site.prove()  # before the key is made, so that a wrong site leaves nothing behind
            key = self._store.make_key()
            body = _Pin(
                order=order.order,
                proof=self._proof(order.order),
                key=public_of(key).hex(),
                key_proof=sign_bytes(key, ENROL_KIND, order.order.encode()).hex(),
                facts=self._facts(),
                version=__version__,
            )
            done = site.post("/api/endpoint/pin", body, _Enrolled)
        identity = Identity(
            server=self._server,
            site_key=self._site_key,
            agent_id=done.agent_id,
            credential=done.credential,
            name=done.name,
            group=done.group,
        )
        self._store.save(identity)
        self._keeper.start(Package(file, None).copy_to(self._state), self._state)
        return Pinned(client_id=done.agent_id, name=done.name, group=done.group)

    def unpin(self, order: OrderInfo) -> None:
        """Tell the site with the Jump Client's own key, then remove everything of it."""
        identity, key = self._store.load(), self._store.key()
        if identity.agent_id != order.client_id or identity.site_key != self._site_key:
            raise ClientError(_("This is not the Jump Client of this computer."))
        body = _Unpin(
            order=order.order,
            proof=self._proof(order.order),
            key_proof=sign_bytes(key, UNPIN_KIND, order.order.encode()).hex(),
        )
        with self._site() as site:
            site.post("/api/endpoint/unpin", body, _Nothing)
        if not self._is_self:
            self._keeper.stop(self._state)
        self._store.forget()
        if self._is_self:
            self._keeper.stop_self(self._state)
        shutil.rmtree(self._state, ignore_errors=True)

    def _site(self) -> SiteClient:
        return SiteClient(self._server, SiteGuard(self._site_key))

    def _proof(self, order: str) -> str:
        return sign_bytes(self._key, PROOF_KIND, order.encode()).hex()
