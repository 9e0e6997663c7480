"""The session machine in tens of thousands of random steps: whatever people and networks do, its rules hold."""

import contextlib
import itertools
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from farhand.rules import sessions
from farhand.rules.sessions import Impossible, Life

REPS = ["rep-1", "rep-2", "rep-3", "rep-4"]
USERS = st.sampled_from(REPS)
SEES = {user: ("user:" + user, "team:all") for user in REPS} | {"rep-4": ("user:rep-4", "team:other")}
QUEUES = st.sampled_from([*("user:" + user for user in REPS), "team:all", "team:other"])


class SessionMachine(RuleBasedStateMachine):
    """Any order of what people and networks do keeps the rules of the module."""

    life: Life
    history: list[str]

    @initialize(jump=st.booleans(), user=USERS, queue=QUEUES)
    def begin(self, jump: bool, user: str, queue: str) -> None:
        self.life = sessions.new_jump(user) if jump else sessions.consent(sessions.new_support(), queue)
        self.history = [self.life.state]
        self.ids = itertools.count()
        self.outside = itertools.count()

    def step(self, change: Callable[[], Life], entering: str = "") -> bool:
        """Apply a change, or find that it is impossible; nobody but `entering` may come in by it."""
        before = self.life
        try:
            after = change()
        except Impossible:
            return False
        assert set(after.members) - set(before.members) <= {entering}
        self.life = after
        self.history.append(after.state)
        return True

    def owner_only(self, change: Callable[[], Life], user: str) -> bool:
        """Former owners, guests and strangers keep no owner's rights."""
        before = self.life
        done = self.step(change)
        assert not done or (before.state == "active" and before.owner == user)
        return done

    @rule(user=USERS)
    def accept(self, user: str) -> None:
        before = self.life
        if self.step(lambda: sessions.accept(self.life, user, SEES[user]), user):
            assert before.state == "waiting"
            assert before.queue in SEES[user]
            assert self.life.owner == user
            assert set(before.members) <= set(self.life.members)
        else:
            assert before.state != "waiting" or before.queue not in SEES[user]

    @rule(to=QUEUES)
    def move(self, to: str) -> None:
        if self.step(lambda: sessions.move(self.life, to)):
            assert (self.life.queue, self.life.owner) == (to, "")

    @rule(user=USERS, to=QUEUES)
    def transfer(self, user: str, to: str) -> None:
        before = self.life
        if self.owner_only(lambda: sessions.transfer(self.life, user, str(next(self.ids)), to), user):
            assert self.life.owner == before.owner, "ownership passes when somebody accepts"

    @rule(user=USERS, to=QUEUES)
    def share(self, user: str, to: str) -> None:
        self.owner_only(lambda: sessions.share(self.life, user, str(next(self.ids)), to), user)

    @rule(user=USERS)
    def invite_external(self, user: str) -> None:
        self.owner_only(lambda: sessions.invite_external(self.life, user, str(next(self.ids)), "key"), user)

    @rule(user=USERS, which=st.integers(0, 5))
    def cancel(self, user: str, which: int) -> None:
        self.owner_only(lambda: sessions.cancel(self.life, user, self.some(which)), user)

    @rule(user=USERS, which=st.integers(0, 5))
    def decline(self, user: str, which: int) -> None:
        before = self.life
        if self.step(lambda: sessions.decline(self.life, user, self.some(which))):
            (gone,) = set(before.invitations) - set(self.life.invitations)
            assert gone.target == f"user:{user}"

    @rule(user=USERS, which=st.integers(0, 5))
    def join(self, user: str, which: int) -> None:
        before, ident = self.life, self.some(which)
        if self.step(lambda: sessions.join(self.life, user, ident, SEES[user]), user):
            used = sessions.invitation_of(before, ident)
            assert used.target in SEES[user]
            assert used not in self.life.invitations
            if used.kind == "transfer":
                assert self.life.owner == user
                assert before.owner in self.life.members
                assert not self.life.invitations
            else:
                assert self.life.owner == before.owner
                assert user in self.life.guests

    @rule(which=st.integers(0, 5))
    def join_external(self, which: int) -> None:
        member = f"external-{next(self.outside)}"
        if self.step(lambda: sessions.join_external(self.life, member, self.some(which)), member):
            assert member in self.life.externals

    @rule(user=USERS, member=USERS)
    def remove(self, user: str, member: str) -> None:
        if self.owner_only(lambda: sessions.remove(self.life, user, member), user):
            assert member not in self.life.members
            assert member != user

    @rule(user=USERS)
    def disconnect_customer(self, user: str) -> None:
        if self.owner_only(lambda: sessions.disconnect_customer(self.life, user), user):
            assert self.life.state == "active"

    @rule(user=USERS)
    def pause(self, user: str) -> None:
        before = self.life
        if self.owner_only(lambda: sessions.pause(self.life, user), user):
            assert self.life.state == "waiting"
            kept = [m for m in before.members if m != user and m not in before.externals]
            assert list(self.life.members) == kept

    @rule(user=USERS)
    def leave(self, user: str) -> None:
        before = self.life
        if not self.step(lambda: sessions.leave(self.life, user)):
            assert user not in before.members
            return
        assert user not in self.life.members
        others = set(before.members) - set(before.externals) - {user}
        if before.state == "active":
            assert (self.life.reason == "customer-lost") == (not before.customer and not others)
        if user != before.owner:
            assert (self.life.state, self.life.owner) == (before.state, before.owner)
        elif self.life.state == "waiting":
            offered = [one.target for one in before.invitations if one.kind == "transfer"]
            assert self.life.queue == (offered or [f"user:{before.owner}"])[0]

    @rule(gone=st.integers(0, 40_000), present=st.sets(USERS), queue=st.one_of(st.none(), QUEUES))
    def owner_lost(self, gone: int, present: set[str], queue: str | None) -> None:
        before = self.life
        self.step(lambda: sessions.owner_lost(self.life, gone, present, queue))
        if before.state != "active" or gone <= sessions.CONSOLE_GRACE_MS:
            assert self.life == before
        else:
            assert before.owner not in self.life.members
            offered = [one.target for one in before.invitations if one.kind == "transfer"]
            if self.life.state == "waiting":
                assert self.life.queue == (offered or [queue])[0]
            elif self.life.reason == "customer-lost":
                assert not before.customer
                assert not present & set(before.members) - {before.owner}
            else:
                assert self.life.owner in present or (queue is None and self.life.state == "ended")

    @rule(gone_ms=st.integers(0, 2 * sessions.CUSTOMER_GRACE_MS), rarely=st.integers(0, 5))
    def customer_goes(self, gone_ms: int, rarely: int) -> None:
        if rarely:
            return
        before = self.life
        self.step(lambda: sessions.customer_lost(self.life, gone_ms))
        over = before.kind == "support" and before.state in ("waiting", "active") and before.customer
        if over and gone_ms > sessions.CUSTOMER_GRACE_MS:
            assert (self.life.state, self.life.reason) == ("ended", "customer-lost")
        else:
            assert self.life == before

    @rule(queue=QUEUES)
    def route(self, queue: str) -> None:
        before = self.life
        if self.step(lambda: sessions.route(self.life, queue)):
            assert (self.life.state, self.life.queue, self.life.owner) == ("waiting", queue, before.owner)
        else:
            assert before.state != "waiting"

    @rule(reason=st.sampled_from(["ended", "customer-ended", "expired"]), rarely=st.integers(0, 9))
    def end(self, reason: str, rarely: int) -> None:
        if rarely:
            return
        before = self.life
        self.step(lambda: sessions.end(self.life, reason))
        if before.state == "ended":
            assert self.life == before

    def some(self, which: int) -> str:
        """An invitation that is open, or one that is not."""
        ids = [one.id for one in self.life.invitations]
        return ids[which] if which < len(ids) else "gone"

    @invariant()
    def rules_hold(self) -> None:
        if hasattr(self, "life"):
            self.life.check()
            assert self.life.owner not in self.life.externals
            assert self.life.state != "waiting" or not self.life.externals

    @invariant()
    def ended_is_final(self) -> None:
        if hasattr(self, "life") and "ended" in self.history:
            assert set(self.history[self.history.index("ended") :]) == {"ended"}


TestSessionMachine = SessionMachine.TestCase
TestSessionMachine.settings = settings(max_examples=300, stateful_step_count=50, deadline=None)


def supported(owner: str = "rep-1") -> Life:
    """A support session that somebody has accepted."""
    return sessions.accept(sessions.consent(sessions.new_support(), f"user:{owner}"), owner, SEES[owner])


def with_guest(*guests: str) -> Life:
    """A session of rep-1 with guests."""
    life = supported()
    for guest in guests:
        life = sessions.join(sessions.share(life, "rep-1", f"for {guest}", f"user:{guest}"), guest, f"for {guest}",
                             SEES[guest])  # fmt: skip
    return life


def test_a_session_begins_joining_and_consent_comes_once() -> None:
    joining = sessions.new_support()
    joining.check()
    waiting = sessions.consent(joining, "team:all")
    assert (waiting.state, waiting.queue, waiting.owner) == ("waiting", "team:all", "")
    with pytest.raises(Impossible, match="already started"):
        sessions.consent(waiting, "team:all")


def test_second_accept_is_told_who_was_first() -> None:
    with pytest.raises(Impossible, match="Somebody else"):
        sessions.accept(supported(), "rep-2", SEES["rep-2"])


def test_owner_leaves_longest_member_owns() -> None:
    left = sessions.leave(with_guest("rep-2", "rep-3"), "rep-1")
    assert (left.owner, left.state, left.queue, left.guests) == ("rep-2", "active", "user:rep-2", ("rep-3",))


#
def test_a_transfer_passes_ownership_when_it_is_accepted() -> None:
    life = sessions.share(with_guest("rep-2"), "rep-1", "i", "team:all")
    offered = sessions.transfer(life, "rep-1", "t", "team:all")
    assert offered.owner == "rep-1"
    with pytest.raises(Impossible, match="being transferred already"):
        sessions.transfer(offered, "rep-1", "u", "user:rep-3")
    with pytest.raises(Impossible, match="for somebody else"):
        sessions.join(offered, "rep-4", "t", SEES["rep-4"])
    taken = sessions.join(offered, "rep-3", "t", SEES["rep-3"])
    assert (taken.owner, taken.members, taken.invitations) == ("rep-3", ("rep-1", "rep-2", "rep-3"), ())
    for change in (
        lambda: sessions.transfer(taken, "rep-1", "x", "team:all"),
        lambda: sessions.share(taken, "rep-1", "x", "team:all"),
        lambda: sessions.remove(taken, "rep-1", "rep-2"),
    ):
        with pytest.raises(Impossible, match="Only the owner"):
            change()
    left = sessions.leave(taken, "rep-1")
    assert (left.state, left.owner) == ("active", "rep-3")


def test_who_goes_before_the_transfer_is_accepted_leaves_the_session_in_its_queue() -> None:
    offered = sessions.transfer(with_guest("rep-2"), "rep-1", "t", "team:other")
    for gone in (sessions.pause(offered, "rep-1"), sessions.leave(offered, "rep-1"),
                 sessions.owner_lost(offered, 15_001, ("rep-2",), "user:rep-1")):  # fmt: skip
        assert (gone.state, gone.queue, gone.owner, gone.members) == ("waiting", "team:other", "", ("rep-2",))


#
def test_no_two_invitations_for_the_same_representative_but_several_for_a_team() -> None:
    life = sessions.share(supported(), "rep-1", "1", "user:rep-2")
    with pytest.raises(Impossible, match="invited already"):
        sessions.share(life, "rep-1", "2", "user:rep-2")
    with pytest.raises(Impossible, match="already in the session"):
        sessions.share(life, "rep-1", "2", "user:rep-1")
    several = sessions.share(sessions.share(life, "rep-1", "3", "team:all"), "rep-1", "4", "team:all")
    assert [one.target for one in several.invitations] == ["user:rep-2", "team:all", "team:all"]
    assert [one.id for one in sessions.join(several, "rep-3", "3", SEES["rep-3"]).invitations] == ["1", "4"]
    transferring = sessions.transfer(several, "rep-1", "5", "user:rep-2")
    assert [one.id for one in transferring.invitations] == ["3", "4", "5"]
    for number in range(6, 6 + sessions.MAX_INVITATIONS - 3):
        several = sessions.share(several, "rep-1", str(number), "team:all")
    with pytest.raises(Impossible, match="Too many"):
        sessions.share(several, "rep-1", "more", "team:all")


# withdrawn, ownership given up or passed on, ended, accepted, declined
@pytest.mark.parametrize("way", ["cancel", "pause", "leave", "lost", "transfer", "end", "accept", "decline"])
def test_the_ways_an_invitation_vanishes(way: str) -> None:
    life = sessions.share(with_guest("rep-3"), "rep-1", "i", "user:rep-2")
    ways: dict[str, Callable[[], Life]] = {
        "cancel": lambda: sessions.cancel(life, "rep-1", "i"),
        "pause": lambda: sessions.pause(life, "rep-1"),
        "leave": lambda: sessions.leave(life, "rep-1"),
        "lost": lambda: sessions.owner_lost(life, 15_001, (), "user:rep-1"),
        "transfer": lambda: sessions.join(
            sessions.transfer(life, "rep-1", "t", "user:rep-3"), "rep-3", "t", SEES["rep-3"]
        ),
        "end": lambda: sessions.end(life, "ended"),
        "accept": lambda: sessions.join(life, "rep-2", "i", SEES["rep-2"]),
        "decline": lambda: sessions.decline(life, "rep-2", "i"),
    }
    after = ways[way]()
    after.check()
    assert not after.invitations
    for again in (lambda: sessions.join(after, "rep-2", "i", SEES["rep-2"]),
                  lambda: sessions.decline(after, "rep-2", "i")):  # fmt: skip
        with pytest.raises(Impossible, match="not open any more"):
            again()


def test_nobody_declines_for_a_team() -> None:
    life = sessions.share(supported(), "rep-1", "i", "team:all")
    with pytest.raises(Impossible, match="by name"):
        sessions.decline(life, "rep-2", "i")


#
def test_a_session_without_its_customer_ends_when_the_last_representative_goes() -> None:
    alone = sessions.disconnect_customer(supported(), "rep-1")
    transferring = sessions.transfer(alone, "rep-1", "t", "team:all")
    for over in (sessions.leave(alone, "rep-1"), sessions.leave(transferring, "rep-1"),
                 sessions.owner_lost(alone, 15_001, (), "user:rep-1")):  # fmt: skip
        assert (over.state, over.reason, over.members) == ("ended", "customer-lost", ())
    assert sessions.pause(alone, "rep-1").state == "waiting", "who pauses comes back"
    shared = sessions.disconnect_customer(with_guest("rep-2"), "rep-1")
    assert sessions.leave(shared, "rep-2").state == "active"
    assert sessions.leave(shared, "rep-1").owner == "rep-2"
    assert sessions.owner_lost(shared, 15_001, ("rep-2",), None).owner == "rep-2"


#
def test_a_paused_session_is_taken_up_again_with_those_who_stayed() -> None:
    paused = sessions.pause(with_guest("rep-2"), "rep-1")
    assert (paused.state, paused.queue, paused.owner, paused.members) == ("waiting", "user:rep-1", "rep-1", ("rep-2",))
    back = sessions.accept(paused, "rep-1", SEES["rep-1"])
    assert (back.owner, back.members, back.guests) == ("rep-1", ("rep-2", "rep-1"), ("rep-2",))
    moved = sessions.move(paused, "team:other")
    with pytest.raises(Impossible, match="not in one of your queues"):
        sessions.accept(moved, "rep-1", SEES["rep-1"])


#
def test_an_external_member_never_owns_and_needs_an_owner() -> None:
    life = sessions.invite_external(supported(), "rep-1", "i", "key")
    with pytest.raises(Impossible, match="somebody else"):
        sessions.join(life, "rep-2", "i", ("key",))
    life = sessions.join_external(life, "guest", "i")
    assert life.externals == ("guest",)
    alone = sessions.leave(life, "rep-1")
    assert (alone.state, alone.owner, alone.members) == ("waiting", "rep-1", ())
    other = sessions.share(life, "rep-1", "j", "user:rep-2")
    heir = sessions.leave(sessions.join(other, "rep-2", "j", SEES["rep-2"]), "rep-1")
    assert (heir.owner, heir.members) == ("rep-2", ("guest", "rep-2"))


#
def test_a_disconnected_customer_does_not_end_the_session() -> None:
    with pytest.raises(Impossible, match="no customer"):
        sessions.disconnect_customer(sessions.new_jump("rep-1"), "rep-1")
    life = sessions.disconnect_customer(supported(), "rep-1")
    assert sessions.customer_lost(life, 10**9) == life
    with pytest.raises(Impossible, match="disconnected already"):
        sessions.disconnect_customer(life, "rep-1")


def test_rules_for_a_lost_representative_are_tried_in_order() -> None:
    rest = sessions._less(with_guest("rep-2"), "rep-1")
    assert sessions._fall(rest, (lambda life, present: None,), ()).reason == "representative-lost"
    with contextlib.suppress(Impossible):
        assert sessions._fall(rest, sessions.GONE, ()).queue == "user:rep-1"
