"""Colour modes: what a viewer has in the end is its mode's final form; each mode costs less than the next."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.harness.film import film
from tests.harness.letters import letters
from tests.unit.agent.screen.conftest import Reference, Scene
from tests.unit.agent.screen.test_pipeline import change, paint

from farhand.agent.tools.screen import palette
from farhand.agent.tools.screen.modes import RECIPES, How
from farhand.agent.tools.screen.viewer import Mode
from farhand.protocol.screen import Colours, Encoding

REDUCED = {2: Colours.BLACK_WHITE, 3: Colours.FEW, 4: Colours.MORE}
RISING = (Colours.BLACK_WHITE, Colours.FEW, Colours.MORE, Colours.FULL)


def form(screen: np.ndarray, how: How) -> np.ndarray:
    """Return a whole screen as this way shows it."""
    if how.encoding is not Encoding.INDEXED:
        return screen & 0xFFFFFF
    return palette.colours(how.amount)[palette.indexed(screen, how.amount, how.fine)]


def in_final_form(reference: Reference, screen: np.ndarray, colours: Colours) -> bool:
    """Say whether every cell is as text or as a still picture of this mode."""
    seen = reference.picture & 0xFFFFFF
    recipe = RECIPES[colours]
    same = np.array([seen == form(screen, how) for how in (recipe.plain, recipe.still)])
    height, width = (side // 16 * 16 for side in screen.shape)
    cells = same[:, :height, :width].reshape(2, height // 16, 16, width // 16, 16).all(axis=(2, 4))
    return bool(cells.any(axis=0).all())


@given(st.sampled_from([(640, 480), (683, 389), (400, 300)]), st.lists(change, max_size=12))
def test_random_scenes_end_in_the_modes_final_form(size: tuple[int, int], changes: list) -> None:
    scene = Scene(*size, {leg: Mode(colours=colours) for leg, colours in REDUCED.items()})
    for kind, x, y, w, h, seed, pause, _ in changes:
        scene.capture(paint(scene.screen, kind, x, y, w, h, seed))
        scene.step(pause)
    scene.settle()
    for leg, colours in REDUCED.items():
        assert in_final_form(scene.references[leg], scene.screen, colours), colours
        few = {2: 2, 3: 16, 4: 256}[leg]
        assert len(np.unique(scene.references[leg].picture & 0xFFFFFF)) <= few


def test_the_same_scene_costs_less_with_fewer_colours() -> None:
    """Text that scrolls, a picture that moves, and both while they are still."""
    scene = Scene(640, 480, {leg: Mode(colours=colours) for leg, colours in enumerate(RISING, 2)})
    page = letters(2000, 256)
    for number in range(40):
        scene.screen[:, :256] = page[number * 7 : number * 7 + 480]
        scene.screen[100:292, 300:620] = film(number)
        scene.capture((0, 0, 640, 480))
        scene.step(1 / 30)
    moving = [reference.bytes for reference in scene.references.values()]
    scene.settle()
    total = [reference.bytes for reference in scene.references.values()]
    still = [whole - part for whole, part in zip(total, moving, strict=True)]
    for costs in (moving, still, total):
        assert costs == sorted(costs)
        assert all(more > 1.2 * less for less, more in itertools.pairwise(costs)), costs


def test_another_mode_repaints_what_is_there() -> None:
    scene = Scene(640, 480, {2: Mode()})
    scene.screen[100:292, 300:620] = film(1)
    scene.capture((0, 0, 640, 480))
    scene.settle()
    last = scene.references[2].seqs[-1]
    for colours in (Colours.FEW, Colours.BLACK_WHITE, Colours.MORE, Colours.FULL):
        scene.pipeline.join(2, Mode(colours=colours), scene.now)
        scene.settle()
        assert in_final_form(scene.references[2], scene.screen, colours)
    # Numbers go on: an acknowledgement that is still under way is not taken for another update's.
    assert scene.references[2].seqs == list(range(1, scene.references[2].seqs[-1] + 1))
    assert scene.references[2].seqs[-1] > last
