"""The life of a session as a pure machine: created or joining, waiting, active, ended.

    joining ──customer consents──▶ waiting ──accept──▶ active ──end──▶ ended
       └───────expires────────────▶ ended      ◀──last console gone (15 s), pause──┘
    waiting or active support session ──customer's client gone (5 min)──▶ ended

Rules: an active session has exactly one owner, who is a member of it; a waiting session is in exactly one queue and has
no members; `ended` is final. Every change is a function from state to state that raises `Impossible` with a sentence
for people. A Jump starts active (its representative is there first); a support session starts joining, and is in no
queue until the customer's client runs and consents.
"""

from typing import Final, Literal

import msgspec

from farhand.rules import queues
from farhand.rules.text import gettext_noop as _

State = Literal["joining", "waiting", "active", "ended"]
Kind = Literal["jump", "support"]

CONSOLE_GRACE_MS: Final = 15_000
"""A session whose last console is gone for longer goes back to its owner's queue."""
CUSTOMER_GRACE_MS: Final = 300_000
"""A support session whose customer's client is gone for longer ends; the site may set another time."""


class Impossible(ValueError):
    """The session's state does not allow this; the message is for people."""


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """One session, as far as its life is concerned. `members` are user ids, longest first."""

    kind: Kind
    state: State
    queue: str = ""
    owner: str = ""
    members: tuple[str, ...] = ()
    reason: str = ""

    def check(self) -> None:
        """Raise AssertionError unless every rule of this module holds."""
        assert (self.state == "active") == bool(self.members)
        assert self.state != "active" or self.owner in self.members
        assert len(set(self.members)) == len(self.members)
        assert (self.state in ("waiting", "active")) == bool(self.queue)
        assert (self.state == "ended") == bool(self.reason)


def new_jump(user_id: str) -> Life:
    """A Jump begins active, owned by who jumped, in that person's queue."""
    return Life(kind="jump", state="active", queue=queues.personal(user_id), owner=user_id, members=(user_id,))


def new_support() -> Life:
    """A used session key begins as joining: in no queue."""
    return Life(kind="support", state="joining")


def consent(life: Life, queue: str) -> Life:
    """The customer's client runs and consents: the session waits in its entry queue."""
    if life.state != "joining":
        raise Impossible(_("This session has already started."))
    return msgspec.structs.replace(life, state="waiting", queue=queue)


def route(life: Life, queue: str) -> Life:
    """A waiting session waits in another queue from now on."""
    if life.state != "waiting":
        raise Impossible(_("This session is not waiting."))
    return msgspec.structs.replace(life, queue=queue)


def accept(life: Life, user_id: str) -> Life:
    """A representative takes a waiting session: owner, and into the own queue."""
    if life.state == "active":
        raise Impossible(_("Somebody else has already accepted this session."))
    if life.state != "waiting":
        raise Impossible(_("This session is not waiting."))
    return msgspec.structs.replace(
        life, state="active", owner=user_id, members=(user_id,), queue=queues.personal(user_id)
    )


def leave(life: Life, user_id: str) -> Life:
    """A member leaves. Of several, the longest member becomes owner; the last one leaves the session in its owner's
    queue.
    """
    if life.state != "active" or user_id not in life.members:
        raise Impossible(_("You are not in this session."))
    rest = tuple(member for member in life.members if member != user_id)
    if not rest:
        return msgspec.structs.replace(life, state="waiting", members=(), queue=queues.personal(life.owner))
    owner = life.owner if life.owner in rest else rest[0]
    return msgspec.structs.replace(life, members=rest, owner=owner, queue=queues.personal(owner))


def share(life: Life, user_id: str) -> Life:
    """Another representative becomes a member of an active session."""
    if life.state != "active":
        raise Impossible(_("This session is not active."))
    if user_id in life.members:
        raise Impossible(_("This representative is already in the session."))
    return msgspec.structs.replace(life, members=(*life.members, user_id))


def consoles_lost(life: Life, gone_ms: int) -> Life:
    """No console has been there for `gone_ms`: after the grace the session waits in its owner's queue again."""
    if life.state != "active" or gone_ms <= CONSOLE_GRACE_MS:
        return life
    return msgspec.structs.replace(life, state="waiting", members=(), queue=queues.personal(life.owner))


def customer_lost(life: Life, gone_ms: int, grace_ms: int = CUSTOMER_GRACE_MS) -> Life:
    """The customer's client has been gone for `gone_ms`: after the grace a support session is over.

    A Jump goes on: its machine comes back by itself, and its representative can end it.
    """
    if life.kind != "support" or life.state not in ("waiting", "active") or gone_ms <= grace_ms:
        return life
    return end(life, "customer-lost")


def end(life: Life, reason: str) -> Life:
    """The session is over. Ending twice changes nothing: the first reason stays."""
    if life.state == "ended":
        return life
    return msgspec.structs.replace(life, state="ended", members=(), queue="", reason=reason or "ended")
