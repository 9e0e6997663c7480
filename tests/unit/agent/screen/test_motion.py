"""Which rectangle becomes a video: pictures that keep changing, close together; never text."""

import numpy as np
import pytest

from farhand.agent.tools.screen.motion import COOL, GAP, HOT, Motion
from farhand.agent.tools.screen.tiles import CELL, PHOTO_COLOURS

SHAPE = (45, 80)
EVERYWHERE = (slice(0, SHAPE[0]), slice(0, SHAPE[1]))
CENTRE = (10, 30, 20, 60)


def grid(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    out = np.zeros(SHAPE, np.bool_)
    for top, bottom, left, right in boxes:
        out[top:bottom, left:right] = True
    return out


class Screen:
    """A motion whose cells look like pictures where they are told to."""

    def __init__(self, width: int = 1280, height: int = 720) -> None:
        self.motion = Motion(width, height, SHAPE)
        self.now = 100.0
        self.frame = np.zeros((SHAPE[0] * CELL, SHAPE[1] * CELL), np.uint32)

    def run(self, seconds: float, cells: np.ndarray, colours: int | np.ndarray = 40, fps: float = 30) -> None:
        for _ in range(round(seconds * fps)):
            self.now += 1 / fps
            self.motion.changed(EVERYWHERE, cells, self.now)
            self.motion.looks(EVERYWHERE, np.broadcast_to(np.asarray(colours, np.uint8), SHAPE), self.frame)
            self.motion.review(self.now)


def test_a_picture_that_keeps_changing_becomes_a_region() -> None:
    screen = Screen()
    screen.run(HOT - 0.1, grid(CENTRE))
    assert screen.motion.region is None
    screen.run(0.5, grid(CENTRE))
    region = screen.motion.region
    assert region is not None
    assert region.rect == (20 * CELL, 10 * CELL, 40 * CELL, 20 * CELL)
    assert (region.film == grid(CENTRE)).all()


@pytest.mark.parametrize("colours", [2, PHOTO_COLOURS - 1])
def test_text_that_keeps_changing_does_not(colours: int) -> None:
    screen = Screen()
    screen.run(3, grid(CENTRE), colours)
    assert screen.motion.region is None


def test_rare_changes_do_not() -> None:
    screen = Screen()
    screen.run(10, grid(CENTRE), fps=1 / (GAP + 0.1))
    assert screen.motion.region is None


def test_small_things_do_not() -> None:
    screen = Screen()
    screen.run(3, grid((10, 17, 20, 27), (30, 33, 40, 43)))
    assert screen.motion.region is None


def test_it_is_over_soon_after_the_last_change() -> None:
    screen = Screen()
    screen.run(1.5, grid(CENTRE))
    region = screen.motion.region
    assert region is not None
    assert region.ends_at == pytest.approx(screen.now + COOL)
    screen.motion.review(screen.now + COOL - 0.01)
    assert screen.motion.region is region
    screen.motion.review(screen.now + COOL)
    assert screen.motion.region is None


def test_it_is_over_when_little_of_it_moves() -> None:
    screen = Screen()
    screen.run(1.5, grid(CENTRE))
    screen.run(GAP + 0.3, grid((10, 12, 20, 40)))
    assert screen.motion.region is None


def test_text_in_it_is_not_its_own() -> None:
    screen = Screen()
    colours = np.full(SHAPE, 40)
    colours[14:18, 28:36] = 3
    screen.run(1.5, grid(CENTRE), colours)
    region = screen.motion.region
    assert region is not None
    assert (region.film == (grid(CENTRE) & (colours == 40))).all()


def test_the_edges_of_a_film_are_film_and_text_beside_it_is_not() -> None:
    screen = Screen()
    chance = np.random.default_rng(1)
    screen.frame[:] = np.where(chance.random(screen.frame.shape) < 0.2, 0xFFFFFF, 0x202020)
    screen.frame[:, : 22 * CELL + 5] = chance.integers(0, 1 << 24, (SHAPE[0] * CELL, 22 * CELL + 5))
    colours = np.full(SHAPE, 15)
    colours[:, 4:20] = 40
    screen.run(2.5, grid((10, 30, 4, 30)), colours)
    region = screen.motion.region
    assert region is not None
    assert (region.film == grid((10, 30, 4, 23))).all()


def test_dark_scenes_of_a_film_are_still_film_but_text_over_it_is_not() -> None:
    screen = Screen()
    screen.run(1.5, grid(CENTRE))
    dark = np.full(SHAPE, 15)
    dark[14:18, 28:36] = 5
    screen.run(0.1, grid(CENTRE), dark)
    region = screen.motion.region
    assert region is not None
    assert (region.film == (grid(CENTRE) & (dark == 15))).all()


def test_of_two_the_larger_is_taken() -> None:
    screen = Screen()
    screen.run(1.5, grid((2, 12, 2, 14), (20, 40, 40, 75)))
    region = screen.motion.region
    assert region is not None
    assert region.rect == (40 * CELL, 20 * CELL, 35 * CELL, 20 * CELL)


def test_it_grows_with_its_picture_and_is_steady_otherwise() -> None:
    screen = Screen()
    screen.run(1.5, grid(CENTRE))
    region = screen.motion.region
    screen.run(1.5, grid((11, 30, 20, 59)))
    assert screen.motion.region is region
    screen.run(1.5, grid((5, 40, 10, 70)))
    assert screen.motion.region is not region
    assert screen.motion.region is not None
    assert screen.motion.region.rect == (10 * CELL, 5 * CELL, 60 * CELL, 35 * CELL)


@pytest.mark.parametrize(("size", "expected"), [((1280, 720), (1280, 720)), ((1278, 712), (1264, 712))])
def test_its_sides_halve_twice_and_stay_on_the_screen(size: tuple[int, int], expected: tuple[int, int]) -> None:
    screen = Screen(*size)
    screen.run(1.5, grid((0, 45, 0, 80)))
    region = screen.motion.region
    assert region is not None
    assert region.rect == (0, 0, *expected)
