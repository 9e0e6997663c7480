"""What is recorded, and since when: the rules are the whole truth, and no kind is left out silently."""

import pytest
from tests.unit.protocol.test_session import joined, make, receivers

from farhand.protocol import attendance, channels
from farhand.protocol.attendance import Attendance, Mark, OpenChannel, OwnView, classes_of
from farhand.protocol.channels import RULES, Attended, Grant, Kind, Recorded, Rule, Screen, Shell, Way, channel
from farhand.protocol.frames import EVERY_LEG, RECORDER_LEG

SCREEN, SHELL1 = channel(Kind.SCREEN), channel(Kind.SHELL, 1)
CLIPBOARD_RULE = (Kind.CLIPBOARD, 18, Way.FROM_ENDPOINT)


def mark(frame_type: int, number: int, to: int = EVERY_LEG, *receivers: int, attended: bool = True) -> Mark:
    return Mark(frame_type, number, to, frozenset(receivers), attended)


def both(kept: Attendance, one: Mark) -> None:
    kept.begin(one)
    kept.end(one)


def test_everything_that_is_recorded_names_its_attendance() -> None:
    recorded = {(kind, rule.attended) for (kind, _, _), rule in RULES.items() if rule.recorded is not Recorded.NO}
    assert {kind for kind, _ in recorded} == set(attendance.OF_KIND)
    for kind, attended in recorded:
        assert attended is not None
        assert attendance.OF_KIND[Kind(kind)] is attendance.CLASSES[attended]
    assert set(attendance.CLASSES) == set(Attended)


@pytest.mark.parametrize(
    "rule",
    [
        Rule(Grant.SHELL, Recorded.SHARED),
        Rule(Grant.SHELL, Recorded.NO, Attended.ALWAYS),
        Rule(Grant.SHELL, Recorded.OWN, Attended.ALWAYS),
    ],
)
def test_rules_that_leave_it_open_are_refused(rule: Rule) -> None:
    with pytest.raises(ValueError, match="SHELL 99"):
        classes_of(RULES | {(Kind.SHELL, 99, Way.FROM_ENDPOINT): rule})


def test_every_marked_frame_has_a_rule() -> None:
    assert {(kind, frame_type) for kind, frame_type, _way in RULES} >= attendance.MARKS


def test_a_new_kind_is_recorded_by_its_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = Rule(Grant.SHELL, Recorded.SHARED, Attended.ALWAYS)
    monkeypatch.setitem(channels.RULES, CLIPBOARD_RULE, rule)
    monkeypatch.setattr(attendance, "OF_KIND", classes_of(RULES))
    session = make()
    recorder = session.add_recorder().number
    joined(session, 1, 2)
    assert receivers(session.frame(1, 18, channel(Kind.CLIPBOARD), 0, b"", 9)) == [2, recorder]
    assert receivers(session.frame(1, 18, channel(Kind.CLIPBOARD), 2, b"", 9)) == [2]


def test_a_screen_counts_from_started_to_stopped_for_a_representative() -> None:
    kept = OwnView(Kind.SCREEN)
    both(kept, mark(Screen.STARTED, SCREEN, RECORDER_LEG, attended=False))
    assert not kept.recorder_may(SCREEN)
    both(kept, mark(Screen.STARTED, SCREEN, RECORDER_LEG))
    assert kept.recorder_may(SCREEN)
    assert not kept.recorder_may(SCREEN + 1)
    kept.begin(mark(Screen.STOPPED, SCREEN, RECORDER_LEG))
    assert kept.recorder_may(SCREEN)  # STOPPED itself
    kept.end(mark(Screen.STOPPED, SCREEN, RECORDER_LEG))
    assert not kept.recorder_may(SCREEN)
    both(kept, mark(Screen.STARTED, SCREEN, EVERY_LEG, 2))
    kept.unattended()
    assert not kept.recorder_may(SCREEN)


def test_the_recorder_asks_for_the_screen_with_the_first_who_watches() -> None:
    kept = OwnView(Kind.SCREEN)
    assert kept.ask() is None
    both(kept, mark(Screen.STARTED, SCREEN, 2, 2))
    asked = kept.ask()
    assert asked is not None
    assert (asked.type, asked.channel, asked.payload) == (
        Screen.START,
        SCREEN,
        b'{"max_fps":8,"colours":"settled","video":[],"monitor":"","pointer":true}',
    )
    assert kept.ask() is None
    # The endpoint ends the recorder's view: asking again at once would be asking for ever. Somebody's START is new.
    both(kept, mark(Screen.STOPPED, SCREEN, RECORDER_LEG))
    assert kept.ask() is None
    both(kept, mark(Screen.START, SCREEN, 2, 1))
    assert kept.ask() is not None
    kept.viewer_gone(2)
    stop = kept.ask()
    assert stop is not None
    assert stop.type == Screen.STOP


def test_a_shell_counts_from_opened_until_all_are_told_closed() -> None:
    kept = OpenChannel(Kind.SHELL)
    both(kept, mark(Shell.OPENED, channel(Kind.SHELL)))
    both(kept, mark(Shell.OPENED, SHELL1, attended=False))
    assert not kept.recorder_may(channel(Kind.SHELL))
    assert not kept.recorder_may(SHELL1)
    both(kept, mark(Shell.OPENED, SHELL1))
    both(kept, mark(Shell.CLOSED, SHELL1, 2, 2))
    kept.endpoint_gone()
    assert kept.recorder_may(SHELL1)
    both(kept, mark(Shell.CLOSED, SHELL1))
    assert not kept.recorder_may(SHELL1)
