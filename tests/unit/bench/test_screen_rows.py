"""The screen's lines of the bench: medians of runs, the peer beside them, and what was not seen."""

from tests.bench.marks import NUMBERS, code
from tests.bench.screen_rows import Figures, rows
from tests.bench.viewing import Seen, delays


def seen(fps: float) -> Seen:
    """A run."""
    return Seen(fps, 20.0, 30.0, 100.0, 25.0, 3.0, 0.0)


def test_runs_become_lines_with_their_load_and_their_peer() -> None:
    ours = Figures({"page": [seen(28), seen(31), seen(33)], "keys": [[5.0, 7.0, 9.0]]}, {"page": [1.0, 3.0, 2.0]})
    peer = Figures({"page": [seen(9)]}, {})
    found = {row.key: row for row in rows(ours, peer)}
    assert (found["screen.page_fps"].measured, found["screen.page_fps"].verdict) == ("31 fps [28-33]", "met")
    assert found["screen.page_fps"].load == 2.0
    assert found["screen.page_fps"].yardstick == "noVNC + TigerVNC 9 fps"
    assert found["screen.key_p50"].values == [7.0]


def test_a_run_in_which_nothing_was_seen_has_no_delays_and_says_so() -> None:
    nothing = Seen(0.0, float("inf"), float("inf"), 10.0, 1.0, 1.0, 0.0)
    ours = Figures({"slow_page": [nothing]}, {}, failed={"keys": "only 3 of 40 keys changed the picture"})
    found = {row.key: row for row in rows(ours, Figures({}, {}, problem="Not installed: novnc"))}
    assert found["screen.slow_page_fps"].verdict == "missed"
    assert found["screen.slow_page_p50"].verdict == "not measured"
    assert "only 3 of 40" in found["screen.key_p50"].note
    assert found["screen.peer"].note == "Not installed: novnc"


def test_a_mark_holds_its_number_and_a_check() -> None:
    for number in (0, 1, 4095, NUMBERS + 7):
        word = int("".join("01"[white] for white in code(number)), 2)
        assert word >> 4 == number % NUMBERS
    assert len({tuple(code(number)) for number in range(NUMBERS)}) == NUMBERS


def test_delays_are_those_of_pictures_that_were_drawn_in_this_run() -> None:
    drawn = {NUMBERS + 1: 10.0, NUMBERS + 2: 10.1}
    assert delays([(1, 10_020.0), (2, 10_150.0), (9, 10_160.0)], drawn) == [20.0, 50.0]
