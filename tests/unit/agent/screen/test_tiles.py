"""Rectangles are cut along cell edges into pieces that cover them exactly."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from farhand.agent.tools.screen.tiles import CELL, Rect, narrow, split

RECTS = st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 700), st.integers(1, 400))


def covered(rect: Rect, pieces: list[Rect]) -> None:
    """Each pixel of the rectangle is in one piece, none is outside, and pieces begin on cell edges of it."""
    x, y, width, height = rect
    seen = np.zeros((height, width), np.uint8)
    for left, top, wide, tall in pieces:
        assert wide > 0
        assert tall > 0
        assert not (left - x) % CELL
        assert not (top - y) % CELL
        assert left + wide <= x + width
        assert top + tall <= y + height
        seen[top - y : top - y + tall, left - x : left - x + wide] += 1
    assert (seen == 1).all()


@given(RECTS, st.integers(1, 100_000), st.sampled_from([None, 16, 320]))
def test_pieces_are_even_and_have_about_the_wanted_area(rect: Rect, area: int, widest: int | None) -> None:
    rect = rect[0] * CELL, rect[1] * CELL, rect[2], rect[3]
    pieces = split(rect, area, widest)
    covered(rect, pieces)
    if rect[2] * rect[3] <= area:
        assert pieces == [rect]
        return
    assert all(wide * tall <= max(area, CELL * CELL) for _, _, wide, tall in pieces)
    assert all(wide <= (widest or rect[2]) for _, _, wide, _ in pieces)


@given(RECTS, st.sampled_from([16, 320]))
def test_columns_are_about_as_wide_as_each_other(rect: Rect, widest: int) -> None:
    pieces = narrow(rect, widest)
    covered(rect, pieces)
    assert all(wide <= widest and tall == rect[3] for _, _, wide, tall in pieces)
    assert len(pieces) <= -(-rect[2] // widest)
