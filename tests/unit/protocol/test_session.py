"""Dialogues with the session machine: events in, commands out. Then everything in any order, with a failing disk."""

import itertools
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from farhand.protocol import channels, frames
from farhand.protocol.budgets import MAX_JOURNAL, MAX_WAITING, POSTS_AT_ONCE, POSTS_PER_SECOND
from farhand.protocol.bus import Journaled, LegDown, LegState, LegUp, SessionState
from farhand.protocol.channels import Control, Durable, Grant, Kind, Party, Screen, Shell, channel
from farhand.protocol.commands import (
    Again,
    Append,
    Close,
    Command,
    Deliver,
    Forward,
    Note,
    Send,
    Tell,
)
from farhand.protocol.legs import Leg
from farhand.protocol.messages import End, Entry, LegLimits, Limits, Post, PostRefused, Roster
from farhand.protocol.session import GONE_MS, MAX_ROUTES, Session

ALL = int(sum(Grant))
CHAT, SCREEN, SYSTEM, SHELL1 = channel(Kind.CHAT), channel(Kind.SCREEN), channel(Kind.SYSTEM), channel(Kind.SHELL, 1)
SID = "01900000-0000-7000-8000-000000000000"


def state(*consoles: int, epoch: int = 1, kind: Any = "jump", grants: dict[int, int] | None = None) -> SessionState:
    legs = [LegState(leg=1, party=Party.ENDPOINT, subject="agent:1", name="machine", grants=ALL)]
    for number in consoles or (2,):
        granted = (grants or {}).get(number, ALL)
        legs.append(LegState(leg=number, party=Party.CONSOLE, subject=f"user:{number}", name="rep", grants=granted))
    return SessionState(session_id=SID, kind=kind, epoch=epoch, legs=legs, record=False, recording=None)


def make(*consoles: int, **options: Any) -> Session:
    numbers = itertools.count()
    return Session(state(*consoles, **options), lambda: f"01900000-0000-7000-8000-{next(numbers):012d}")


def of(commands: list[Command], kind: type) -> list[Any]:
    return [command for command in commands if isinstance(command, kind)]


def sent(commands: list[Command], frame_type: int, as_type: Any, chan: int = 0) -> list[tuple[int, Any]]:
    out = []
    for command in of(commands, Send):
        frame = frames.parse(command.frame)
        if frame.type == frame_type and frame.channel == chan:
            out.append((command.leg.number, msgspec.json.decode(frame.payload, type=as_type)))
    return out


def post_bytes(number: int, text: str = "hi", kind: str = "chat") -> bytes:
    return msgspec.json.encode(Post(id=f"01900000-0000-7000-9000-{number:012d}", kind=kind, text=text))


def settle(session: Session, commands: list[Command]) -> list[Command]:
    """Play a disk that always works; return everything that was said."""
    out = list(commands)
    while appends := of(commands, Append):
        (append,) = appends
        commands = session.stored(append.entries)
        out += commands
    return out


def joined(session: Session, *legs: int) -> None:
    for leg in legs:
        settle(session, session.join(leg, 0, 0))


#
def test_a_portal_chat_says_and_hears_what_is_said_and_nothing_else() -> None:
    page = LegState(leg=3, party=Party.PORTAL, subject="customer:1", name="Carla", grants=ALL)
    decided = state(2, kind="support")
    session = Session(msgspec.structs.replace(decided, legs=[*decided.legs, page]), iter(map(str, range(99))).__next__)
    joined(session, 1, 2, 3)
    out = settle(session, session.frame(3, Durable.POST, CHAT, 3, post_bytes(1), 0))
    assert {command.leg.number for command in of(out, Deliver)} == {1, 2, 3}
    # Neither is it sent what the endpoint shows, even with every grant, nor may it speak to the endpoint.
    (forward,) = of(session.frame(1, Shell.DATA, SHELL1, 0, b"x", 0), Forward)
    assert {leg.number for leg in forward.legs} == {2}
    ended = settle(session, session.leg_end(3, "handed-over", 0))
    assert sent(ended, Control.END, End) == [(3, End(reason="handed-over"))]
    session.legs[3].joined = True
    for kind, chan in ((Durable.POST, SYSTEM), (Screen.START, SCREEN), (Shell.OPEN, SHELL1)):
        session.legs[3].joined = True
        assert of(session.frame(3, kind, chan, 3, post_bytes(2, kind="customer-ended"), 0), Close)


def test_join_welcomes_tells_and_journals() -> None:
    session = make()
    out = settle(session, session.join(1, 0, 5))
    assert of(out, Tell)[0].message == LegUp(session_id=SID, leg=1)
    assert [entry.kind for append in of(out, Append) for entry in append.entries] == ["leg-joined"]
    out = settle(session, session.join(2, 0, 6))
    assert [leg for leg, _ in sent(out, Control.ROSTER, Roster)] == [1]
    assert session.seq == 2


def test_a_session_has_begun_when_somebody_has_joined_it() -> None:
    session = make()
    settle(session, session.note("recording-gap", 1, {"reason": "full"}))
    assert session.seq == 1
    assert not session.begun
    joined(session, 1)
    assert session.begun
    assert Session(state(), lambda: SID, seq=2, seen={("relay", SID): 1, ("agent:1", SID): 2}).begun


def test_a_short_absence_is_no_event_a_long_one_is() -> None:
    session = make()
    joined(session, 1, 2)
    out = session.closed(2, 1000)
    assert of(out, Tell)[0].message == LegDown(session_id=SID, leg=2)
    assert session.tick(1000 + GONE_MS - 1) == []
    back = settle(session, session.join(2, 0, 2000))
    assert not of(back, Append)
    session.closed(2, 3000)
    (append,) = of(session.tick(3000 + GONE_MS), Append)
    assert [(entry.kind, entry.leg) for entry in append.entries] == [("leg-left", 2)]


def test_a_post_is_shown_only_after_stored() -> None:
    session = make()
    joined(session, 1, 2)
    out = session.frame(2, Durable.POST, CHAT, 2, post_bytes(1), 9)
    assert [type(command) for command in out] == [Append]
    after = session.stored(out[0].entries)  # type: ignore[union-attr]
    assert {command.leg.number for command in of(after, Deliver)} == {1, 2}
    assert of(after, Tell)[-1].message == Journaled(session_id=SID, seq=3)


def test_posts_wait_for_the_batch_on_its_way() -> None:
    session = make()
    joined(session, 1, 2)
    first = session.frame(2, Durable.POST, CHAT, 2, post_bytes(1), 9)
    assert session.frame(2, Durable.POST, CHAT, 2, post_bytes(2), 9) == []
    assert session.frame(1, Durable.POST, CHAT, 0, post_bytes(3), 9) == []
    (append,) = of(session.stored(first[0].entries), Append)  # type: ignore[union-attr]
    assert [entry.seq for entry in append.entries] == [4, 5]


def test_a_failed_disk_refuses_posts_and_keeps_our_own_facts() -> None:
    session = make()
    joined(session, 1)
    out = session.join(2, 0, 0)  # leg-joined is on its way
    assert of(out, Append)
    session.frame(2, Durable.POST, CHAT, 2, post_bytes(1), 9)
    failed = session.not_stored("full")
    assert of(failed, Note)[0].event == "journal_not_written"
    (append,) = of(session.tick(10), Append)
    assert [entry.kind for entry in append.entries] == ["leg-joined", "chat"]
    failed = session.not_stored("full")
    assert [leg for leg, _ in sent(failed, Durable.REFUSED, PostRefused, CHAT)] == [2]
    out = settle(session, session.frame(2, Durable.POST, CHAT, 2, post_bytes(1), 11))
    stored = [entry for append in of(out, Append) for entry in append.entries]
    assert [(entry.kind, entry.seq) for entry in stored] == [("leg-joined", 2), ("chat", 3)]


def test_a_repeated_post_is_answered_from_the_journal() -> None:
    session = make()
    joined(session, 1, 2)
    settle(session, session.frame(2, Durable.POST, CHAT, 2, post_bytes(1), 9))
    (again,) = session.frame(2, Durable.POST, CHAT, 2, post_bytes(1), 9)
    assert isinstance(again, Again)
    assert (again.leg.number, again.seq) == (2, 3)
    other = settle(session, session.frame(1, Durable.POST, CHAT, 0, post_bytes(1), 9))
    assert of(other, Append)  # the same id of another party is another post


def test_too_many_posts_are_refused_not_kept() -> None:
    session = make()
    joined(session, 1, 2)
    for number in range(MAX_WAITING + 1):
        session.frame(2, Durable.POST, CHAT, 2, post_bytes(number), 50 * number)
    out = session.frame(2, Durable.POST, CHAT, 2, post_bytes(99_999), 60_000)
    assert [one.code for _, one in sent(out, Durable.REFUSED, PostRefused, CHAT)] == ["too-many"]


def test_a_flood_of_posts_is_slowed_down_and_nobody_else_is() -> None:
    session = make()
    joined(session, 1, 2)
    codes = []
    for number in range(POSTS_AT_ONCE + 10):
        out = settle(session, session.frame(1, Durable.POST, CHAT, 0, post_bytes(number), 9))
        codes += [one.code for _, one in sent(out, Durable.REFUSED, PostRefused, CHAT)]
    assert codes == ["busy"] * 10
    assert of(session.frame(2, Durable.POST, CHAT, 2, post_bytes(1), 9), Append)
    # The refused one comes again with the same id and is taken.
    later = session.frame(1, Durable.POST, CHAT, 0, post_bytes(POSTS_AT_ONCE), 9 + 2000 // POSTS_PER_SECOND)
    assert not sent(later, Durable.REFUSED, PostRefused, CHAT)


def test_the_posts_of_a_session_have_a_budget_of_bytes_that_a_restart_does_not_renew() -> None:
    session = Session(state(), lambda: "01900000-0000-7000-8000-000000000000", size=MAX_JOURNAL - 6000)
    joined(session, 1, 2)
    first = session.frame(1, Durable.POST, CHAT, 0, post_bytes(1, "x" * 4000), 9)
    assert of(first, Append)
    out = session.frame(1, Durable.POST, CHAT, 0, post_bytes(2, "x" * 4000), 9)
    assert [one.code for _, one in sent(out, Durable.REFUSED, PostRefused, CHAT)] == ["too-many"]
    session.not_stored("full")
    assert of(session.frame(1, Durable.POST, CHAT, 0, post_bytes(2, "x" * 4000), 9), Append)  # bytes given back


def receivers(commands: list[Command]) -> list[int]:
    return [leg.number for command in of(commands, Forward) for leg in command.legs]


def waiting_customer() -> Session:
    """A support session that nobody has accepted: it has leg 1 only, and it is recorded."""
    legs = [LegState(leg=1, party=Party.ENDPOINT, subject="agent:1", name="customer", grants=ALL)]
    nobody = SessionState(session_id=SID, kind="support", epoch=1, legs=legs, record=True, recording=None)
    session = Session(nobody, lambda: "01900000-0000-7000-8000-000000000000")
    session.add_recorder()
    joined(session, 1)
    return session


def test_nothing_of_a_customer_whom_nobody_accepted_is_recorded() -> None:
    session = waiting_customer()
    opened = msgspec.json.encode({"shell": 1, "cols": 80, "rows": 24})
    for kind, chan, to in (
        (Shell.OPENED, SHELL1, 0), (Shell.DATA, SHELL1, 0), (Shell.RESIZED, SHELL1, 0), (Shell.CLOSED, SHELL1, 0),
        (Screen.STARTED, SCREEN, frames.RECORDER_LEG), (Screen.STARTED, SCREEN, 0),
        (Screen.UPDATE, SCREEN, frames.RECORDER_LEG), (Screen.CURSOR, SCREEN, 0), (Screen.STOPPED, SCREEN, 0),
    ):  # fmt: skip
        assert receivers(session.frame(1, kind, chan, to, opened, 9)) == []
    # Once it is accepted, what its endpoint tells the console of is recorded from then on.
    session.put(state(2, epoch=2, kind="support"), 9)
    joined(session, 1, 2)
    assert receivers(session.frame(1, Shell.DATA, SHELL1, 0, b"", 9)) == [2]
    session.frame(1, Shell.OPENED, SHELL1, 2, opened, 9)
    assert sorted(receivers(session.frame(1, Shell.DATA, SHELL1, 0, b"", 9))) == [2, frames.RECORDER_LEG]


def test_only_a_tool_that_was_begun_is_recorded() -> None:
    session = make()
    recorder = session.add_recorder().number
    joined(session, 1, 2)

    def frame(kind: int, chan: int, to: int = 0) -> list[int]:
        return receivers(session.frame(1, kind, chan, to, b"{}", 9))

    assert frame(Shell.DATA, SHELL1) == [2]
    assert frame(Shell.OPENED, SHELL1) == [2, recorder]
    assert frame(Shell.DATA, SHELL1) == [2, recorder]
    assert frame(Shell.DATA, SHELL1 + 1) == [2]
    session.closed(2, 10)  # the representative's connection is lost for a moment: the record goes on
    assert frame(Shell.DATA, SHELL1) == [recorder]
    joined(session, 2)
    assert frame(Shell.CLOSED, SHELL1) == [2, recorder]
    assert frame(Shell.DATA, SHELL1) == [2]
    assert frame(Shell.OPENED, channel(Kind.SHELL)) == [2]  # shell/0 is for opening only
    assert frame(Screen.UPDATE, SCREEN, recorder) == []
    frame(Screen.STARTED, SCREEN, 2)
    assert frame(Screen.STARTED, SCREEN, recorder) == [recorder]
    assert frame(Screen.UPDATE, SCREEN, recorder) == [recorder]
    assert frame(Screen.STOPPED, SCREEN, recorder) == [recorder]
    assert frame(Screen.STOPPED, SCREEN, recorder) == []
    assert frame(Screen.UPDATE, SCREEN, recorder) == []


def test_routes_that_a_hostile_endpoint_makes_up_are_not_kept_for_ever() -> None:
    session = make()
    joined(session, 1, 2)
    for number in range(2 * MAX_ROUTES):
        session.frame(1, Shell.DATA, SHELL1, number, b"", 9)
    assert len(session.legs[1].routes) <= MAX_ROUTES


def test_only_the_endpoint_writes_system_lines_and_not_those_of_the_relay() -> None:
    for leg, kind, good in ((1, "shell-opened", True), (1, "leg-joined", False), (2, "shell-opened", False)):
        session = make()
        joined(session, 1, 2)
        out = session.frame(leg, Durable.POST, SYSTEM, 0 if leg == 1 else 2, post_bytes(1, kind=kind), 9)
        assert bool(of(out, Append)) is good
        assert bool(of(out, Close)) is not good


def test_bad_posts_close_the_leg() -> None:
    bad = [b"", b"{", b"\xff", b"[]", b'{"id":"x","kind":"chat"}', post_bytes(1, ""), post_bytes(1, kind="other")]
    bad += [post_bytes(1, "x" * 4096) + b" " * 40_000, b'{"id":"\\ud800","kind":"chat"}']
    for payload in bad:
        session = make()
        joined(session, 1, 2)
        out = session.frame(2, Durable.POST, CHAT, 2, payload, 9)
        assert [one.reason for _, one in sent(out, Control.END, End)] == ["refused"]
        assert [command.leg.number for command in of(out, Close)] == [2]


def test_routes_are_remembered_and_forgotten() -> None:
    session = make(2, 3)
    joined(session, 1, 2, 3)
    (forward,) = session.frame(1, Shell.DATA, SHELL1, 0, b"", 9)
    assert [leg.number for leg in forward.legs] == [2, 3]  # type: ignore[union-attr]
    endpoint = session.legs[1]
    assert len(endpoint.routes) == 1
    session.put(state(2, 3, epoch=2, grants={3: int(Grant.CHAT)}), 9)
    assert not endpoint.routes
    (forward,) = session.frame(1, Shell.DATA, SHELL1, 0, b"", 9)
    assert [leg.number for leg in forward.legs] == [2]  # type: ignore[union-attr]
    session.closed(2, 10)
    assert not endpoint.routes


def test_missing_grants_drop_and_are_logged_once() -> None:
    session = make(grants={2: int(Grant.CHAT)})
    joined(session, 1, 2)
    first = session.frame(2, Shell.INPUT, SHELL1, 2, b"x", 9)
    assert [type(command) for command in first] == [Note]
    assert session.frame(2, Shell.INPUT, SHELL1, 2, b"x", 9) == []


def test_a_removed_leg_is_told_closed_and_journaled() -> None:
    session = make(2, 3, kind="support")
    joined(session, 1, 2, 3)
    out = session.put(state(2, epoch=2, kind="support"), 9)
    assert [(leg, one.reason, one.uninstall) for leg, one in sent(out, Control.END, End)] == [(3, "removed", False)]
    assert [command.leg.number for command in of(out, Close)] == [3]
    assert 3 not in session.legs


def test_a_customer_client_removes_itself_a_jump_client_never() -> None:
    # whatever ends the session, also what the relay has no name for
    reasons = ("ended", "customer-ended", "expired", "from-the-future")
    for (kind, expected), reason in itertools.product((("support", True), ("jump", False)), reasons):
        session = make(kind=kind)
        joined(session, 1, 2)
        told = dict(sent(session.end(reason, "", 9), Control.END, End))
        assert (told[1].reason, told[1].uninstall) == (reason, expected)
        assert told[2].uninstall is False


def test_a_client_that_is_expelled_stays_installed() -> None:
    session = make(kind="support")
    joined(session, 1)
    ((_, told),) = sent(session.frame(1, Shell.INPUT, SHELL1, 0, b"", 9), Control.END, End)
    assert not told.uninstall


def test_the_recorder_follows_the_watchers() -> None:
    session = make(2, 3)
    session.add_recorder()
    joined(session, 1, 2, 3)

    def asked(commands: list[Command]) -> list[int]:
        return [
            frames.parse(command.frame).type
            for command in of(commands, Send)
            if frames.parse(command.frame).leg == frames.RECORDER_LEG
        ]

    assert asked(session.frame(1, Screen.STARTED, SCREEN, 2, b"", 1)) == [Screen.START]
    assert asked(session.frame(1, Screen.STARTED, SCREEN, 3, b"", 1)) == []
    assert asked(session.frame(2, Screen.STOP, SCREEN, 2, b"", 1)) == []
    assert asked(session.closed(3, 1)) == [Screen.STOP]
    joined(session, 3)
    assert asked(session.frame(1, Screen.STARTED, SCREEN, 3, b"", 1)) == [Screen.START]
    assert asked(session.frame(1, Screen.STOPPED, SCREEN, 0, b"", 1)) == []
    session.frame(1, Screen.STARTED, SCREEN, 3, b"", 1)
    session.closed(1, 2)
    joined(session, 1)
    assert asked(session.frame(1, Screen.STARTED, SCREEN, 3, b"", 1)) == [Screen.START]


def test_a_console_that_was_not_there_to_be_served_keeps_no_recorder_going() -> None:
    session = make(2, 3)
    session.add_recorder()
    joined(session, 1, 2)
    assert not of(session.frame(1, Screen.STARTED, SCREEN, 3, b"", 1), Send)  # 3 has not joined
    assert of(session.frame(1, Screen.STARTED, SCREEN, 2, b"", 1), Send)


def test_a_console_that_may_no_longer_watch_ends_the_record_of_the_screen() -> None:
    session = make(2)
    session.add_recorder()
    joined(session, 1, 2)
    session.frame(1, Screen.STARTED, SCREEN, 2, b"", 1)
    out = session.put(state(2, epoch=2, grants={2: int(Grant.SHELL)}), 9)
    asked = [frames.parse(command.frame) for command in of(out, Send)]
    assert [one.type for one in asked if one.leg == frames.RECORDER_LEG] == [Screen.STOP]


def limited(session_state: SessionState, limits: dict[int, Limits]) -> SessionState:
    legs = [msgspec.structs.replace(leg, limits=limits.get(leg.leg, Limits())) for leg in session_state.legs]
    return msgspec.structs.replace(session_state, legs=legs)


def told(commands: list[Command]) -> list[tuple[int, int, list[str]]]:
    """(told leg, leg that is limited, folders to read) of each LIMITS."""
    return [(to, one.leg, one.limits.files_read) for to, one in sent(commands, Control.LIMITS, LegLimits)]


def test_limits_reach_the_endpoint_alone_at_its_join_and_when_they_change() -> None:
    home = Limits(files_read=["/home"])
    session = Session(limited(state(2, 3), {2: home}), lambda: SID)
    assert told(session.join(2, 0, 0)) == []
    assert told(session.join(1, 0, 0)) == [(1, 2, ["/home"])]
    assert told(session.join(3, 0, 0)) == []
    # A running session hears of a change, before the roster that tells of the grants that came with it.
    out = session.put(limited(state(2, 3, epoch=2, grants={3: 0}), {2: Limits(files_read=["/srv"]), 3: home}), 9)
    assert told(out) == [(1, 2, ["/srv"]), (1, 3, ["/home"])]
    to_endpoint = [frames.parse(one.frame).type for one in of(out, Send) if one.leg.number == 1]
    assert to_endpoint == [Control.LIMITS, Control.LIMITS, Control.ROSTER]
    assert told(session.put(limited(state(2, 3, epoch=3), {2: Limits(files_read=["/srv"]), 3: home}), 9)) == []
    # Back with a new socket it is told all again; a number that somebody else gets later takes no limits over.
    session.closed(1, 10)
    assert told(session.put(limited(state(2, epoch=4), {2: home}), 11)) == []
    assert told(session.join(1, 0, 12)) == [(1, 2, ["/home"])]
    assert told(session.put(limited(state(3, epoch=5), {}), 13)) == []
    assert told(session.put(limited(state(2, 3, epoch=6), {}), 14)) == [(1, 2, [])]


def test_the_longest_limits_fit_into_a_frame() -> None:
    worst = ["\x01" * 1024] * 64
    limits = msgspec.convert({"files_read": worst, "files_write": worst, "actions_off": ["a" * 64] * 32}, Limits)
    session = Session(limited(state(2), {2: limits}), lambda: SID)
    assert len(told(session.join(1, 0, 0))) == 1


def test_end_is_journaled_last() -> None:
    session = make()
    joined(session, 1, 2)
    out = settle(session, session.end("ended", "", 9))
    assert of(out, Append)[-1].entries[-1].kind == "session-ended"
    assert session.settled
    assert session.end("ended", "", 9) == []


def begun(session: Session, number: int, kind: str, **data: str | int) -> None:
    post = Post(id=f"01900000-0000-7000-9000-{number:012d}", kind=kind, text="", data=dict(data))
    settle(session, session.frame(1, Durable.POST, SYSTEM, 0, msgspec.json.encode(post), 9))


def appended(commands: list[Command]) -> list[tuple[str, dict[str, Any]]]:
    return [(entry.kind, entry.data) for append in of(commands, Append) for entry in append.entries]


def test_what_runs_ends_on_record_with_the_session() -> None:
    session = make()
    joined(session, 1, 2)
    who = {"by": "rep", "leg": 2}
    script = {**who, "script": "S", "name": "Greet"}
    begun(session, 1, "shell-opened", **who, shell=1, open=1)
    begun(session, 2, "shell-opened", **who, shell=2, open=2)
    begun(session, 3, "script-started", **script, run="a", sha256="0")
    begun(session, 4, "script-started", **script, run="b")
    begun(session, 5, "script-ended", **script, run="a", reason="ended")
    begun(session, 6, "shell-opened", **who, shell=3, open=3)
    begun(session, 7, "shell-closed", **who, shell=1, open=2)
    begun(session, 8, "shell-opened", **who, shell="odd", open=True)  # hostile, and still bounded and told
    out = settle(session, session.end("ended", "", 9))
    why = {"reason": "session-ended"}
    assert appended(out) == [
        ("script-ended", {**script, **why, "run": "b"}),
        ("shell-closed", {**who, **why, "shell": 2, "open": 2}),
        ("shell-closed", {**who, **why, "shell": 3, "open": 1}),
        ("shell-closed", {**who, **why, "shell": "odd", "open": 0}),
        ("session-ended", {"reason": "ended"}),
    ]


def test_what_a_client_began_that_is_gone_ends_when_another_one_joins() -> None:
    session = make()
    joined(session, 1, 2)
    begun(session, 1, "shell-opened", by="rep", leg=2, shell=1, open=1)
    session.closed(1, 10)
    assert appended(settle(session, session.join(1, session.seq, 11))) == []  # the same one, back
    session.closed(1, 12)
    out = settle(session, session.join(1, 0, 13))
    assert appended(out) == [("shell-closed", {"by": "rep", "leg": 2, "shell": 1, "open": 0, "reason": "lost"})]
    begun(session, 2, "shell-opened", by="rep", leg=2, shell=1, open=1)  # its numbers begin anew
    assert [kind for kind, _ in appended(session.end("ended", "", 14))] == ["shell-closed"]


def test_an_end_is_told_of_what_is_still_on_its_way_to_the_disk() -> None:
    session = make()
    joined(session, 1)
    post = Post(id="01900000-0000-7000-9000-000000000001", kind="shell-opened", text="", data={"shell": 1})
    first = session.frame(1, Durable.POST, SYSTEM, 0, msgspec.json.encode(post), 9)
    assert session.end("ended", "", 9)
    assert [kind for kind, _ in appended(settle(session, first))] == ["shell-opened", "shell-closed", "session-ended"]


class Driver(RuleBasedStateMachine):
    """Everything in any order, with a disk that fails now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.session = make(2, 3)
        self.session.add_recorder()
        self.epoch = 1
        self.now = 0
        self.disk: list[Entry] = []
        self.flight: tuple[Entry, ...] | None = None
        self.acknowledged: set[tuple[str, str]] = set()
        self.number = 0

    def do(self, commands: list[Command]) -> None:
        for command in commands:
            if isinstance(command, Append):
                assert self.flight is None, "two batches on their way"
                self.flight = command.entries
            elif isinstance(command, Forward):
                for leg in command.legs:
                    assert leg.joined
            elif isinstance(command, Send):
                assert frames.parse(command.frame).channel == command.channel
            elif isinstance(command, Again):
                assert command.seq <= len(self.disk)

    @rule(leg=st.sampled_from((1, 2, 3)), seq=st.integers(0, 5))
    def join(self, leg: int, seq: int) -> None:
        if leg in self.session.legs and not self.session.ended:
            self.do(self.session.join(leg, seq, self.now))

    @rule(leg=st.sampled_from((1, 2, 3)))
    def close(self, leg: int) -> None:
        self.do(self.session.closed(leg, self.now))

    @rule(
        leg=st.sampled_from((1, 2, 3)),
        kind=st.integers(0, 35),
        chan=st.sampled_from([channel(kind, n) for kind in Kind for n in (0, 1)]),
        to=st.sampled_from((0, 1, 2, 3, 0xFFFF)),
    )
    def frame(self, leg: int, kind: int, chan: int, to: int) -> None:
        sender = self.session.legs.get(leg)
        if sender is None or not sender.joined:
            return
        commands = self.session.frame(leg, kind, chan, to, b"{}", self.now)
        for forward in of(commands, Forward):
            assert channels.may_send(sender.party, sender.grants, chan, kind)
            for receiver in forward.legs:
                assert receiver is not sender
                assert channels.may_receive(receiver.party, receiver.grants, chan, kind)
        self.do(commands)

    @rule(leg=st.sampled_from((1, 2, 3)), fresh=st.booleans())
    def post(self, leg: int, fresh: bool) -> None:
        sender = self.session.legs.get(leg)
        if sender is None or not sender.joined:
            return
        self.number += fresh
        self.do(self.session.frame(leg, Durable.POST, CHAT, 0 if leg == 1 else leg, post_bytes(self.number), self.now))

    @rule(
        grants=st.dictionaries(st.sampled_from((2, 3)), st.integers(0, ALL)),
        only=st.sampled_from(((2,), (2, 3))),
        older=st.booleans(),
    )
    def put(self, grants: dict[int, int], only: tuple[int, ...], older: bool) -> None:
        before = {leg.number: leg.grants for leg in self.session.legs.values()}
        epoch = self.epoch - 1 if older else self.epoch + 1
        self.epoch = max(epoch, self.epoch)
        self.do(self.session.put(state(*only, epoch=epoch, grants=grants), self.now))
        if older:
            assert before == {leg.number: leg.grants for leg in self.session.legs.values()}

    @rule(ok=st.booleans())
    def disk_answers(self, ok: bool) -> None:
        if self.flight is None:
            return
        entries, self.flight = self.flight, None
        if ok:
            self.disk += entries
            self.do(self.session.stored(entries))
        else:
            self.do(self.session.not_stored("full"))

    @rule(ms=st.integers(0, 20_000))
    def tick(self, ms: int) -> None:
        self.now += ms
        self.do(self.session.tick(self.now))

    @rule()
    def end(self) -> None:
        if self.number % 7 == 6:
            self.do(self.session.end("ended", "", self.now))

    @invariant()
    def the_disk_counts_without_gaps_and_without_doubles(self) -> None:
        assert [entry.seq for entry in self.disk] == list(range(1, len(self.disk) + 1))
        assert self.session.seq == len(self.disk)
        keys = [(entry.subject, entry.id) for entry in self.disk]
        assert len(keys) == len(set(keys))

    @invariant()
    def remembered_routes_hold(self) -> None:
        for leg in self.session.legs.values():
            for key, receivers in leg.routes.items():
                self.check_route(leg, key, receivers)

    def check_route(self, leg: Leg, key: int, receivers: tuple[Leg, ...]) -> None:
        kind, chan = key >> 32, key >> 16 & 0xFFFF
        assert channels.may_send(leg.party, leg.grants, chan, kind)
        for receiver in receivers:
            assert receiver.joined
            assert channels.may_receive(receiver.party, receiver.grants, chan, kind)


Driver.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestDriver = Driver.TestCase
