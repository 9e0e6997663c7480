"""A viewer that looks at one monitor: it gets that place of the picture, exactly, and nothing of the others."""

import subprocess

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.agent.screen.conftest import Scene
from tests.unit.agent.screen.test_display import Painter, session, truth, until  # noqa: F401
from tests.unit.agent.screen.test_pipeline import change, paint

from farhand.agent.tools.screen.tiles import CELL, cells
from farhand.agent.tools.screen.viewer import Mode
from farhand.protocol.channels import Screen

NOTHING = 0xABCDEF  # what the reference shows where it was sent nothing


@given(st.lists(change, max_size=10))
def test_random_scenes_end_exact_in_the_place_that_is_looked_at(changes):
    left, top, width, height = area = (210, 100, 300, 220)
    scene = Scene(640, 480, {2: Mode()})
    scene.pipeline.viewers[2].look(area)
    for kind, x, y, w, h, seed, pause, _silent in changes:
        scene.capture(paint(scene.screen, kind, x, y, w, h, seed))
        scene.step(pause, ())
    scene.settle()
    inside = (slice(top, top + height), slice(left, left + width))
    assert np.array_equal(scene.references[2].picture[inside] & 0xFFFFFF, scene.screen[inside] & 0xFFFFFF)
    outside = np.ones(scene.screen.shape, np.bool_)
    outside[top // CELL * CELL : cells(top + height) * CELL, left // CELL * CELL : cells(left + width) * CELL] = False
    assert (scene.references[2].picture[outside] == NOTHING).all()


def xrandr(display: str, *words: str) -> None:
    subprocess.run(["xrandr", "--display", display, *words], check=True, timeout=60, capture_output=True)


@pytest.mark.display
async def test_a_monitor_is_chosen_goes_and_comes_back(session):  # noqa: F811  # R-175
    port = session()
    xrandr(port.display, "--setmonitor", "left", "320/80x600/160+0+0", "screen")
    xrandr(port.display, "--setmonitor", "*right", "480/120x400/105+320+96", "none")
    painter = Painter(port.display, x=200, y=150, width=300, height=100)
    painter.fill(0x123456, 0, 0, 300, 100)
    port.start(monitor="right")
    port.start(leg=3)

    def started(leg):
        return [msgspec.json.decode(payload) for to, payload in port.of(Screen.STARTED) if to == leg]

    def same(leg, rows=slice(None), columns=slice(None)):
        picture = port.references[leg].picture[rows, columns] if leg in port.references else None
        return picture is not None and np.array_equal(picture & 0xFFFFFF, truth(port.display)[rows, columns] & 0xFFFFFF)

    right = (slice(96, 496), slice(320, 800))
    await until(lambda: same(2, *right) and same(3))
    assert [one["monitor"] for one in (started(2)[-1], started(3)[-1])] == ["right", ""]
    assert [(m["id"], m["x"], m["y"], m["width"], m["height"], m["primary"]) for m in started(2)[-1]["monitors"]] == [
        ("right", 320, 96, 480, 400, True),
        ("left", 0, 0, 320, 600, False),
    ]
    assert (port.references[2].picture[:96] == NOTHING).all()

    xrandr(port.display, "--delmonitor", "right")
    await until(lambda: started(2)[-1]["monitor"] == "" and same(2))
    assert [m["id"] for m in started(2)[-1]["monitors"]] == ["left"]
    xrandr(port.display, "--setmonitor", "*right", "400/100x304/80+400+0", "none")
    await until(lambda: started(2)[-1]["monitor"] == "right" and same(2, slice(0, 304), slice(400, 800)))
    painter.fill(0x654321, 0, 0, 300, 100)
    await until(lambda: same(2, slice(0, 304), slice(400, 800)) and same(3))
    assert (port.references[2].picture[320:] == NOTHING).all()
    painter.close()
