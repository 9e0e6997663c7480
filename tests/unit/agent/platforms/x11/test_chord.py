"""Ctrl-Alt-Del in what keyboards tell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farhand.agent.platforms.linux.x11.chord import Chord

PC = {37: 0xFFE3, 105: 0xFFE4, 64: 0xFFE9, 108: 0xFE03, 119: 0xFFFF, 91: 0xFF9F, 38: 0x61}
ROWS = [[PC.get(key, 0)] for key in range(8, 256)]


@pytest.mark.parametrize("control", [37, 105])
@pytest.mark.parametrize("alt", [64, 108])
@pytest.mark.parametrize("delete", [119, 91])
@pytest.mark.parametrize("rows", [ROWS, []], ids=["mapped", "a map without them"])
def test_it_is_heard(control: int, alt: int, delete: int, rows: list[list[int]]) -> None:
    chord = Chord(8, rows)
    assert not chord.pressed(7, control)
    assert not chord.pressed(7, alt)
    assert not chord.pressed(7, 38)
    assert chord.pressed(7, delete)


def test_keys_where_the_map_has_them() -> None:
    chord = Chord(8, [[0xFFE3], [0xFFE9], [0, 0xFFFF]])
    assert [chord.pressed(7, key) for key in (10, 9, 8)] == [False, False, True]


def test_what_was_held_before_counts() -> None:
    assert Chord(8, ROWS).pressed(7, 119, 4 | 8 | 16)


def test_two_keyboards_count_together_and_what_was_let_go_does_not() -> None:
    chord = Chord(8, ROWS)
    chord.pressed(7, 37)
    chord.pressed(7, 64)
    chord.released(7, 64)
    assert not chord.pressed(8, 119)
    assert chord.pressed(8, 108)


@given(st.lists(st.integers(0, 255)))
def test_it_is_never_heard_without_delete(keys: list[int]) -> None:
    chord = Chord(8, ROWS)
    for key in keys:
        if key not in (119, 91):
            assert not chord.pressed(7, key, 4 | 8)
