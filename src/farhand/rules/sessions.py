"""The life of a session as a pure machine: created or joining, waiting, active, ended; who is in it, who is asked to.

    joining ──customer consents──▶ waiting ──accept──▶ active ──end──▶ ended
       └───────expires────────────▶ ended      ◀──pause, owner gone (15 s)──┘
    waiting or active support session ──customer's client gone (5 min)──▶ ended
    active session, customer disconnected ──last representative gone──▶ ended

Rules: an active session has exactly one owner, who is a member of it and no guest; a waiting session is in exactly one
queue and its owner is not in it, though other members may be (R-255); `ended` is final. Invitations stand only in an
active session, are all the owner's, and vanish with the ownership (R-238, R-240); no two are for the same
representative (R-239). A transfer is an invitation too: the owner stays owner until somebody accepts it (R-224), and
who goes before that leaves the session in the queue it is meant for (R-226). A guest came by an invitation; an external
one never owns (R-057) and is out when no owner is there (R-058). Every change is a function from state to state that
raises `Impossible` with a sentence for people. `sees`: the queues that the person sees; the machine lets nobody in
from another one.
"""

from collections.abc import Callable, Collection
from typing import Final, Literal

import msgspec

from farhand.rules import queues
from farhand.rules.text import gettext_noop as _

State = Literal["joining", "waiting", "active", "ended"]
Kind = Literal["jump", "support"]
InvitationKind = Literal["share", "transfer", "external"]

CONSOLE_GRACE_MS: Final = 15_000
"""A session whose owner's last console is gone for longer needs another owner, or waits."""
CUSTOMER_GRACE_MS: Final = 300_000
"""A support session whose customer's client is gone for longer ends; the site may set another time."""
MAX_INVITATIONS: Final = 20
"""Open invitations of one session."""

NOT_ACTIVE: Final = _("This session is not active.")
NOT_OWNER: Final = _("Only the owner of this session can do this.")
NOT_OPEN: Final = _("This invitation is not open any more.")


class Impossible(ValueError):
    """The session's state does not allow this; the message is for people."""


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody is asked into a session, or to take it over."""

    id: str
    kind: InvitationKind
    sender: str
    """User id; always the owner's."""
    target: str
    """The queue in which it stands: `user:ID` or `team:ID`. Of an external one: whatever its key is known by."""
    issue: str = ""
    """Name of the issue by which help was requested (R-232)."""


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """One session, as far as its life is concerned. `members` are user ids, longest first."""

    kind: Kind
    state: State
    queue: str = ""
    owner: str = ""
    """Of a waiting session: who had it last and can take it up again; empty when it was passed on."""
    members: tuple[str, ...] = ()
    guests: tuple[str, ...] = ()
    """Members who came by an invitation and never owned it."""
    externals: tuple[str, ...] = ()
    """Guests who have no account."""
    invitations: tuple[Invitation, ...] = ()
    customer: bool = True
    """False once the owner has disconnected the customer (R-244)."""
    reason: str = ""

    def check(self) -> None:
        """Raise AssertionError unless every rule of this module holds."""
        assert len(set(self.members)) == len(self.members)
        assert set(self.externals) <= set(self.guests) <= set(self.members)
        assert (self.state in ("waiting", "active")) == bool(self.queue)
        assert (self.state == "ended") == bool(self.reason)
        if self.state == "active":
            assert self.owner in self.members
            assert self.owner not in self.guests
            assert self.queue == queues.personal(self.owner)
        elif self.state == "waiting":
            assert self.owner not in self.members
            assert not self.externals
        else:
            assert not self.members
        assert self.state == "active" or not self.invitations
        assert all(one.sender == self.owner for one in self.invitations)
        for_one = [one.target for one in self.invitations if one.target.startswith("user:")]
        assert len(set(for_one)) == len(for_one)
        assert sum(one.kind == "transfer" for one in self.invitations) <= 1
        assert len({one.id for one in self.invitations}) == len(self.invitations) <= MAX_INVITATIONS


Fallback = Callable[[Life, Collection[str]], Life | None]
"""Where a session goes whose owner is gone: the first that does not answer None. It is given the members who are here;
the owner is not among its members any more."""


def new_jump(user_id: str) -> Life:
    """A Jump begins active, owned by who jumped, in that person's queue."""
    return Life(kind="jump", state="active", queue=queues.personal(user_id), owner=user_id, members=(user_id,))


def new_support() -> Life:
    """A used session key begins as joining: in no queue."""
    return Life(kind="support", state="joining")


def consent(life: Life, queue: str) -> Life:
    """The customer's client runs and consents: the session waits in this queue."""
    if life.state != "joining":
        raise Impossible(_("This session has already started."))
    return msgspec.structs.replace(life, state="waiting", queue=queue)


def route(life: Life, queue: str) -> Life:
    """A waiting session waits in another queue from now on."""
    if life.state != "waiting":
        raise Impossible(_("This session is not waiting."))
    return msgspec.structs.replace(life, queue=queue)


def accept(life: Life, user_id: str, sees: Collection[str]) -> Life:
    """A representative takes a waiting session: owner, and into the own queue. Who is in it already stays."""
    if life.state == "active":
        raise Impossible(_("Somebody else has already accepted this session."))
    if life.state != "waiting":
        raise Impossible(_("This session is not waiting."))
    if life.queue not in sees:
        raise Impossible(_("This session is not in one of your queues."))
    return _owned(life, user_id)


def move(life: Life, target: str) -> Life:
    """A waiting session goes to another queue (R-081): whoever had it has no right to it any more."""
    if life.state == "active":
        raise Impossible(_("Somebody else has already accepted this session."))
    if life.state != "waiting":
        raise Impossible(_("This session is not waiting."))
    if life.queue == target:
        raise Impossible(_("This session is in this queue already."))
    return msgspec.structs.replace(life, queue=target, owner="")


def transfer(life: Life, user_id: str, invitation_id: str, target: str) -> Life:
    """The owner offers the session to a queue (R-223); it is passed on when somebody accepts.

    A share invitation for the same person gives way.
    """
    _owns(life, user_id)
    if target == life.queue:
        raise Impossible(_("You own this session already."))
    if any(one.kind == "transfer" for one in life.invitations):
        raise Impossible(_("This session is being transferred already. Cancel that transfer first."))
    others = tuple(one for one in life.invitations if one.target != target or not target.startswith("user:"))
    invitation = Invitation(id=invitation_id, kind="transfer", sender=user_id, target=target)
    return _invited(msgspec.structs.replace(life, invitations=others), invitation)


def share(life: Life, user_id: str, invitation_id: str, target: str, issue: str = "") -> Life:
    """The owner asks one representative, or any of a team, into the session (R-228, R-229)."""
    _owns(life, user_id)
    if any(queues.personal(member) == target for member in life.members):
        raise Impossible(_("This representative is already in the session."))
    if target.startswith("user:") and any(one.target == target for one in life.invitations):
        raise Impossible(_("This representative is invited already. Cancel that invitation first."))
    return _invited(life, Invitation(id=invitation_id, kind="share", sender=user_id, target=target, issue=issue))


def invite_external(life: Life, user_id: str, invitation_id: str, key: str) -> Life:
    """The owner invites somebody without an account, by a key (R-050)."""
    _owns(life, user_id)
    return _invited(life, Invitation(id=invitation_id, kind="external", sender=user_id, target=key))


def cancel(life: Life, user_id: str, invitation_id: str) -> Life:
    """The owner withdraws an invitation or a transfer (R-237)."""
    _owns(life, user_id)
    return _without(life, invitation_of(life, invitation_id))


def decline(life: Life, user_id: str, invitation_id: str) -> Life:
    """Who was invited by name says no. Of a team's invitation nobody can say so for the others."""
    invitation = invitation_of(life, invitation_id)
    if invitation.target != queues.personal(user_id):
        raise Impossible(_("Only the person who was invited by name can decline."))
    return _without(life, invitation)


def join(life: Life, user_id: str, invitation_id: str, sees: Collection[str]) -> Life:
    """Somebody accepts an invitation: a guest; or a transfer: the owner, and all other invitations vanish."""
    invitation = invitation_of(life, invitation_id)
    if invitation.kind == "external" or invitation.target not in sees:
        raise Impossible(_("This invitation is for somebody else."))
    if invitation.kind == "transfer":
        if user_id == life.owner:
            raise Impossible(_("You own this session already."))
        return _owned(life, user_id)
    if user_id in life.members:
        raise Impossible(_("You are in this session already."))
    life = _without(life, invitation)
    return msgspec.structs.replace(life, members=(*life.members, user_id), guests=(*life.guests, user_id))


def join_external(life: Life, member_id: str, invitation_id: str) -> Life:
    """Who holds the key of an external invitation comes in: once."""
    invitation = invitation_of(life, invitation_id)
    if invitation.kind != "external":
        raise Impossible(_("This invitation is for somebody else."))
    if member_id in life.members:
        raise Impossible(_("You are in this session already."))
    return msgspec.structs.replace(
        _without(life, invitation),
        members=(*life.members, member_id),
        guests=(*life.guests, member_id),
        externals=(*life.externals, member_id),
    )


def remove(life: Life, user_id: str, member_id: str) -> Life:
    """The owner removes another member (R-243)."""
    _owns(life, user_id)
    if member_id == user_id:
        raise Impossible(_("You cannot remove yourself. Close the session instead."))
    if member_id not in life.members:
        raise Impossible(_("This representative is not in the session any more."))
    return _less(life, member_id)


def disconnect_customer(life: Life, user_id: str) -> Life:
    """The owner disconnects the customer and keeps the session (R-244)."""
    _owns(life, user_id)
    if life.kind == "jump":
        raise Impossible(_("There is no customer in this session."))
    if not life.customer:
        raise Impossible(_("The customer is disconnected already."))
    return msgspec.structs.replace(life, customer=False)


def pause(life: Life, user_id: str) -> Life:
    """The owner goes and comes back later: the session waits in the owner's queue, the others stay (R-255)."""
    _owns(life, user_id)
    return _fall(_less(life, user_id), PAUSED, ())


def leave(life: Life, user_id: str) -> Life:
    """A member leaves. Of the owner's session the longest of the others becomes owner; with none it waits, or ends when
    its customer has been disconnected.
    """
    if user_id not in life.members:
        raise Impossible(_("You are not in this session."))
    rest = _less(life, user_id)
    return rest if life.owner != user_id else _fall(rest, GONE, rest.members)


def owner_lost(life: Life, gone_ms: int, present: Collection[str], queue: str | None) -> Life:
    """No console of the owner has been there for `gone_ms`; `present`: members whose consoles are; `queue`: where it
    waits when nobody takes it over, None: it ends.
    """
    if life.state != "active" or gone_ms <= CONSOLE_GRACE_MS:
        return life

    def to_queue(left: Life, _present: Collection[str]) -> Life | None:
        return None if queue is None else _waiting(left, queue, left.owner)

    return _fall(_less(life, life.owner), (to_end, to_transfer, to_longest, to_queue), present)


def customer_lost(life: Life, gone_ms: int, grace_ms: int = CUSTOMER_GRACE_MS) -> Life:
    """The customer's client has been gone for `gone_ms`: after the grace a support session is over.

    A Jump goes on: its machine comes back by itself, and its representative can end it. So does a session whose owner
    has disconnected the customer, until its representatives are gone (`to_end`).
    """
    over = life.kind == "support" and life.state in ("waiting", "active") and life.customer
    return end(life, "customer-lost") if over and gone_ms > grace_ms else life


def end(life: Life, reason: str) -> Life:
    """The session is over. Ending twice changes nothing: the first reason stays."""
    if life.state == "ended":
        return life
    return msgspec.structs.replace(
        life, state="ended", members=(), guests=(), externals=(), invitations=(), queue="", reason=reason or "ended"
    )


def invitation_of(life: Life, invitation_id: str) -> Invitation:
    """Return an open invitation. Raises Impossible."""
    for one in life.invitations:
        if one.id == invitation_id:
            return one
    raise Impossible(NOT_OPEN)


# --- where a session goes whose owner is gone


def to_end(life: Life, present: Collection[str]) -> Life | None:
    """Nowhere: the customer has been disconnected, and nobody is here either."""
    here = any(member in present and member not in life.externals for member in life.members)
    return None if life.customer or here else end(life, "customer-lost")


def to_transfer(life: Life, _present: Collection[str]) -> Life | None:
    """Into the queue to which the owner was transferring it."""
    offered = next((one for one in life.invitations if one.kind == "transfer"), None)
    return None if offered is None else _waiting(life, offered.target, "")


def to_longest(life: Life, present: Collection[str]) -> Life | None:
    """To the longest sharing representative who is here."""
    heirs = (member for member in life.members if member in present and member not in life.externals)
    heir = next(heirs, None)
    return None if heir is None else _owned(life, heir)


def to_owner_queue(life: Life, _present: Collection[str]) -> Life | None:
    """Into the queue of who owned it."""
    return _waiting(life, queues.personal(life.owner), life.owner)


PAUSED: Final[tuple[Fallback, ...]] = (to_transfer, to_owner_queue)
GONE: Final[tuple[Fallback, ...]] = (to_end, to_transfer, to_longest, to_owner_queue)
"""Tried in order. Queues of teams (the last one, the one of entry, a fallback queue) are further rules of this form."""


def _fall(life: Life, rules: tuple[Fallback, ...], present: Collection[str]) -> Life:
    for rule in rules:
        found = rule(life, present)
        if found is not None:
            return found
    return end(life, "representative-lost")


def _owns(life: Life, user_id: str) -> None:
    if life.state != "active":
        raise Impossible(NOT_ACTIVE)
    if user_id != life.owner:
        raise Impossible(NOT_OWNER)


def _owned(life: Life, user_id: str) -> Life:
    """Owned by this person from now on; what the owner of before asked for is void."""
    return msgspec.structs.replace(
        life,
        state="active",
        owner=user_id,
        queue=queues.personal(user_id),
        members=life.members if user_id in life.members else (*life.members, user_id),
        guests=tuple(guest for guest in life.guests if guest != user_id),
        invitations=(),
    )


def _waiting(life: Life, queue: str, owner: str) -> Life:
    life = msgspec.structs.replace(life, state="waiting", queue=queue, owner=owner, invitations=())
    for member in life.externals:
        life = _less(life, member)
    return life


def _less(life: Life, member_id: str) -> Life:
    def others(ids: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(one for one in ids if one != member_id)

    return msgspec.structs.replace(
        life, members=others(life.members), guests=others(life.guests), externals=others(life.externals)
    )


def _invited(life: Life, invitation: Invitation) -> Life:
    if len(life.invitations) >= MAX_INVITATIONS:
        raise Impossible(_("Too many invitations of this session are open. Cancel some of them first."))
    return msgspec.structs.replace(life, invitations=(*life.invitations, invitation))


def _without(life: Life, invitation: Invitation) -> Life:
    return msgspec.structs.replace(life, invitations=tuple(one for one in life.invitations if one != invitation))
