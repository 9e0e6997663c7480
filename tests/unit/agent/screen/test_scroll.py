"""What scrolls is found where it was found last, and what it explains is not compared."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farhand.agent.tools.screen.scroll import Scrolls, move
from farhand.agent.tools.screen.tiles import Pixels, Rect, Scroll

RECT: Rect = (0, 0, 320, 320)


def page(at: int, fixed: bool = False) -> Pixels:
    """A screen of a long page; `fixed`: a column at its left and a badge at its top stand still."""
    long = np.random.default_rng(1).integers(0, 1 << 24, (2000, 320), np.uint32)
    picture = long[at : at + 320].copy()
    if fixed:
        picture[:, :64] = 0x123456 + np.arange(320, dtype=np.uint32)[:, None]
    return picture


def test_it_looks_where_something_scrolled_last_and_names_what_is_left() -> None:
    scrolls = Scrolls()
    assert scrolls.again(RECT, page(30), page(0)) is None
    found = scrolls.search(RECT, RECT, page(30), page(0))
    assert found is not None
    assert found.scroll == (-30, 0, 290)
    for at in (60, 90, 120):
        found = scrolls.again(RECT, page(at), page(at - 30))
        assert found is not None
        assert found.scroll == (-30, 0, 290)
        assert found.bands is not None
        assert found.bands.tolist() == [False] * 18 + [True] * 2


def test_beside_what_stands_still_it_goes_on_in_the_narrower_box() -> None:
    scrolls = Scrolls()
    box: Rect = (64, 0, 256, 320)
    part = np.s_[:, 64:]
    assert scrolls.search(RECT, box, page(30, True)[part], page(0, True)[part]) is not None
    assert scrolls.again(RECT, page(60, True), page(30, True)) is None  # not all of it moves
    assert scrolls.search(RECT, box, page(60, True)[part], page(30, True)[part]) is not None
    for at in (90, 120):
        found = scrolls.again(RECT, page(at, True), page(at - 30, True))
        assert found is not None
        assert found.box == box
        assert found.bands is None


def test_another_change_of_the_frame_is_not_taken_for_the_last_picture() -> None:
    scrolls = Scrolls()
    scrolls.search(RECT, RECT, page(30), page(0))
    scrolls.again(RECT, page(60), page(30))
    scrolls.changed((400, 0, 16, 16))
    scrolls.changed((16, 16, 32, 32))
    painted = page(60)
    painted[16:48, 16:48] = 0
    found = scrolls.again(RECT, page(90), painted)
    assert found is not None
    assert found.bands is not None
    assert found.bands[:3].tolist() == [True, True, False]  # what is painted moved to rows 0 to 18


def test_a_row_that_stands_still_in_part_moves_with_the_rest() -> None:
    old, new = page(0), page(30)
    old[:16, :48] = new[:16, :48] = 0xFF
    found = Scrolls().search(RECT, RECT, new, old)
    assert found is not None
    assert found.scroll == (-30, 0, 290)
    old[:16] = new[:16] = 0xFF
    found = Scrolls().search(RECT, RECT, new, old)
    assert found is not None
    assert found.scroll == (-30, 16, 290)


def test_it_is_forgotten_once_nothing_scrolls() -> None:
    scrolls = Scrolls()
    scrolls.search(RECT, RECT, page(30), page(0))
    assert scrolls.again(RECT, page(30), page(30)) is None  # nothing changed: it may go on
    assert scrolls.again(RECT, page(60), page(30)) is not None
    for at in (700, 1400):  # two boxes
        assert scrolls.again(RECT, page(at), page(60)) is None
    assert scrolls.again(RECT, page(90), page(60)) is None


@given(dy=st.integers(-60, 60).filter(bool), top=st.integers(60, 100), rows=st.integers(1, 100))
def test_rows_move_in_place_as_by_a_copy(dy: int, top: int, rows: int) -> None:
    picture = page(0)
    wanted = picture.copy()
    wanted[top : top + rows] = picture[top - dy : top - dy + rows]
    move(picture, Scroll(dy, top, top + rows))
    assert (picture == wanted).all()


@pytest.mark.parametrize("dy", [-30, 30])
def test_both_directions(dy: int) -> None:
    found = Scrolls().search(RECT, RECT, page(300 - dy), page(300))
    assert found is not None
    assert found.scroll.dy == dy
