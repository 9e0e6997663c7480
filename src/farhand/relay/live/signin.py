"""Who may come in: pure checks of what the three kinds of live connections present. No sockets.

Everything that is wrong raises `Refusal` with the code and the sentence that the peer gets.
"""

import contextlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from farhand.kit import signing
from farhand.protocol.messages import (
    AgentCredential,
    Auth,
    EventsTicket,
    Join,
    LegTicket,
    Listen,
    Message,
    Refuse,
    proof_body,
)
from farhand.relay.live.policy import PolicyFile

T = TypeVar("T", bound=Message)


class Refusal(Exception):
    """The answer is no; `message` is what the peer is sent."""

    def __init__(self, code: str, text: str, retry_after_s: int | None = None) -> None:
        super().__init__(code)
        self.message = Refuse(code=code, text=text, retry_after_s=retry_after_s)


class UsedTickets:
    """Single-use tickets that were used, until they would have expired anyway.

    Kept in a small file too, so that a restarted relay does not take one a second time.
    """

    def __init__(self, path: Path | None, now_ms: int) -> None:
        self._path = path
        self._used: dict[str, int] = {}
        if path is not None:
            with contextlib.suppress(OSError, ValueError):
                for line in path.read_text("ascii").splitlines():
                    jti, _, expires = line.partition(" ")
                    if expires.isdigit() and int(expires) > now_ms:
                        self._used[jti] = int(expires)
            self._rewrite()

    def use(self, jti: str, expires_ms: int, now_ms: int) -> bool:
        """Use a ticket; False when it was used before."""
        if jti in self._used:
            return False
        if len(self._used) >= 10_000:
            self._used = {known: until for known, until in self._used.items() if until > now_ms}
            self._rewrite()
        self._used[jti] = expires_ms
        if self._path is not None:
            with contextlib.suppress(OSError), self._path.open("a", encoding="ascii") as file:
                file.write(f"{jti} {expires_ms}\n")
        return True

    def _rewrite(self) -> None:
        if self._path is None:
            return
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._path.write_text("".join(f"{jti} {until}\n" for jti, until in self._used.items()), encoding="ascii")


class Admission:
    """Lets `rate` new links a second in and tells the others when their turn comes."""

    def __init__(self, rate: int, clock: Callable[[], float]) -> None:
        self.rate = rate
        self._clock = clock
        self._next = -math.inf
        self._promised = -math.inf

    def wait_s(self) -> int:
        """0 = come in; else the seconds after which to come again (1 to 60)."""
        now = self._clock()
        step = 1 / max(1, self.rate)
        self._next = max(self._next, now)
        if self._next - now + step <= 1 + 1e-9:
            self._next += step
            return 0
        self._promised = max(self._promised, now + 1) + step
        return min(60, math.ceil(self._promised - now))


def _open(policy: PolicyFile, kind: str, text: str, as_type: type[T]) -> T:
    for key in policy.now.issuer_keys:
        with contextlib.suppress(signing.BadToken):
            return signing.open_token(bytes.fromhex(key), kind, text, as_type)
    raise Refusal("bad-ticket", "This appliance did not issue what was presented. Ask for a new one.")


def _proof(key: str, proof: str | None, body: bytes) -> None:
    try:
        signing.check_bytes(bytes.fromhex(key), "proof", body, bytes.fromhex(proof or ""))
    except (signing.BadToken, ValueError) as error:
        raise Refusal("bad-proof", "The proof of the key does not hold for this connection.") from error


def _fresh(expires_ms: int, now_ms: int) -> None:
    if expires_ms <= now_ms:
        raise Refusal("expired", "This ticket has expired. Ask for a new one.")


def check_agent(policy: PolicyFile, auth: Auth, nonce: str, spki: str) -> AgentCredential:
    """The agent of a link: its credential, its key, and that it talks to this very appliance."""
    credential = _open(policy, "agent", auth.credential, AgentCredential)
    if policy.is_revoked(credential.agent_id):
        raise Refusal("revoked", "This client was removed from the appliance. Install it anew to use it again.")
    _proof(credential.key, auth.proof, proof_body(nonce, spki, auth.credential))
    return credential


def check_leg(policy: PolicyFile, join: Join, nonce: str, spki: str, now_ms: int) -> LegTicket:
    """The ticket of a leg; whether a single-use one was used is for `use_leg_ticket`, after its session was found."""
    ticket = _open(policy, "leg", join.ticket, LegTicket)
    _fresh(ticket.expires_ms, now_ms)
    if ticket.subject.startswith("agent:") and policy.is_revoked(ticket.subject.removeprefix("agent:")):
        raise Refusal("revoked", "This client was removed from the appliance.")
    if ticket.key is not None:
        _proof(ticket.key, join.proof, proof_body(nonce, spki, join.ticket))
    return ticket


def use_leg_ticket(used: UsedTickets, ticket: LegTicket, now_ms: int) -> None:
    """A ticket without a key serves once."""
    if ticket.key is None and not used.use(ticket.jti, ticket.expires_ms, now_ms):
        raise Refusal("used", "This ticket was used already. Ask for a new one.")


def check_events(policy: PolicyFile, used: UsedTickets, listen: Listen, now_ms: int) -> EventsTicket:
    """The ticket of a console's event socket."""
    ticket = _open(policy, "events", listen.ticket, EventsTicket)
    _fresh(ticket.expires_ms, now_ms)
    if not used.use(ticket.jti, ticket.expires_ms, now_ms):
        raise Refusal("used", "This ticket was used already. Ask for a new one.")
    return ticket
