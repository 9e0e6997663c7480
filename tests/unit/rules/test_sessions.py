"""The session machine against a plain model of it, in thousands of random steps."""

import contextlib

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from farhand.rules import sessions

USERS = st.sampled_from(["rep-1", "rep-2", "rep-3"])
QUEUES = st.sampled_from(["user:rep-1", "user:rep-2", "team:desk"])


class SessionMachine(RuleBasedStateMachine):
    """Any order of what people and networks do keeps the rules of the module."""

    life: sessions.Life
    history: list[str]

    @initialize(jump=st.booleans(), user=USERS)
    def begin(self, jump: bool, user: str) -> None:
        self.life = sessions.new_jump(user) if jump else sessions.new_support()
        self.history = [self.life.state]

    def step(self, new: sessions.Life) -> None:
        self.life = new
        self.history.append(new.state)

    @rule(gone_ms=st.integers(0, 2 * sessions.CUSTOMER_GRACE_MS))
    def customer_goes(self, gone_ms: int) -> None:
        before = self.life
        self.step(sessions.customer_lost(self.life, gone_ms))
        over = before.kind == "support" and before.state in ("waiting", "active")
        if over and gone_ms > sessions.CUSTOMER_GRACE_MS:
            assert (self.life.state, self.life.reason) == ("ended", "customer-lost")
        else:
            assert self.life == before

    @rule(queue=QUEUES)
    def consent(self, queue: str) -> None:
        before = self.life
        with contextlib.suppress(sessions.Impossible):
            self.step(sessions.consent(self.life, queue))
            assert before.state == "joining"
            assert self.life.queue == queue
            assert not self.life.owner

    @rule(queue=QUEUES)
    def route(self, queue: str) -> None:
        before = self.life
        try:
            self.step(sessions.route(self.life, queue))
        except sessions.Impossible:
            assert before.state != "waiting"
        else:
            assert (self.life.state, self.life.queue, self.life.owner) == ("waiting", queue, before.owner)

    @rule(user=USERS)
    def accept(self, user: str) -> None:
        before = self.life
        try:
            self.step(sessions.accept(self.life, user))
        except sessions.Impossible:
            assert before.state != "waiting"
        else:
            assert self.life.owner == user
            assert self.life.members == (user,)
            assert self.life.queue == f"user:{user}"

    @rule(user=USERS)
    def share(self, user: str) -> None:
        with contextlib.suppress(sessions.Impossible):
            self.step(sessions.share(self.life, user))

    @rule(user=USERS)
    def leave(self, user: str) -> None:
        before = self.life
        try:
            self.step(sessions.leave(self.life, user))
        except sessions.Impossible:
            assert user not in before.members
        else:
            assert user not in self.life.members
            if self.life.state == "waiting":
                assert self.life.queue == f"user:{before.owner}"

    @rule(gone=st.integers(0, 40_000))
    def consoles_lost(self, gone: int) -> None:
        before = self.life
        self.step(sessions.consoles_lost(self.life, gone))
        if before.state == "active":
            assert (self.life.state == "waiting") == (gone > sessions.CONSOLE_GRACE_MS)
            assert self.life.owner == before.owner
        else:
            assert self.life == before

    @rule(reason=st.sampled_from(["ended", "customer-ended", "expired"]), rarely=st.integers(0, 5))
    def end(self, reason: str, rarely: int) -> None:
        if rarely:
            return
        before = self.life
        self.step(sessions.end(self.life, reason))
        if before.state == "ended":
            assert self.life == before

    @invariant()
    def rules_hold(self) -> None:
        if hasattr(self, "life"):
            self.life.check()

    @invariant()
    def ended_is_final(self) -> None:
        if hasattr(self, "life") and "ended" in self.history:
            assert set(self.history[self.history.index("ended") :]) == {"ended"}

    @invariant()
    def joining_never_comes_back(self) -> None:
        if hasattr(self, "life"):
            later = [state for state in self.history if state != "joining"]
            assert self.history == ["joining"] * (len(self.history) - len(later)) + later


TestSessionMachine = SessionMachine.TestCase
TestSessionMachine.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)


def test_second_accept_is_told_who_was_first() -> None:
    taken = sessions.accept(sessions.consent(sessions.new_support(), "team:desk"), "rep-1")
    with pytest.raises(sessions.Impossible, match="Somebody else"):
        sessions.accept(taken, "rep-2")


def test_owner_leaves_longest_member_owns() -> None:
    life = sessions.share(sessions.share(sessions.new_jump("rep-1"), "rep-2"), "rep-3")
    left = sessions.leave(life, "rep-1")
    assert (left.owner, left.state, left.queue) == ("rep-2", "active", "user:rep-2")
