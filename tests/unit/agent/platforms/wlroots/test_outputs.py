"""Monitors as one picture, and where a pixel of it is on the desktop."""

import numpy as np

from farhand.agent.platforms.linux.wayland.layout import Seen, arrange
from farhand.agent.platforms.linux.wayland.picture import colours, seen_as
from farhand.agent.platforms.linux.wlroots.input import position


def boxes(*outputs: Seen) -> list[tuple[str, int, int, int, int, float]]:
    found = [one.monitor for one in arrange(list(outputs))]
    return [(one.name, one.x, one.y, one.width, one.height, one.scale) for one in found]


def test_monitors_of_one_scale_stand_as_a_person_sees_them() -> None:
    left = Seen(1, "A", size=(800, 600), position=(-800, 100), logical=(800, 600))
    right = Seen(2, "B", size=(1280, 720), position=(0, 0), logical=(720, 1280), transform=1)
    assert boxes(right, left) == [("A", 0, 100, 800, 600, 1.0), ("B", 800, 0, 720, 1280, 1.0)]
    placed = arrange([right, left])
    assert [one.monitor.primary for one in placed] == [True, False]
    assert position(placed, 0, 100) == (8, 100 * 16 + 8, 1520 * 16, 1280 * 16)
    assert position(placed, 800, 0)[:2] == (800 * 16 + 8, 8)
    assert position(placed, 5000, 5000)[:2] == (1519 * 16 + 8, 1279 * 16 + 8), "the nearest pixel that there is"
    hidpi = [Seen(n, "", size=(1600, 1200), position=(800 * n, 0), logical=(800, 600)) for n in (1, 2)]
    assert boxes(*hidpi) == [("output-1", 0, 0, 1600, 1200, 2.0), ("output-2", 1600, 0, 1600, 1200, 2.0)]


def test_monitors_of_several_scales_stand_side_by_side() -> None:
    one = Seen(1, "A", size=(1600, 1200), position=(0, 0), logical=(800, 600))
    two = Seen(2, "B", size=(800, 600), position=(0, 600), logical=(800, 600))
    assert boxes(one, two) == [("A", 0, 0, 1600, 1200, 2.0), ("B", 1600, 0, 800, 600, 1.0)]
    placed = arrange([one, two])
    assert position(placed, 0, 1)[:2] == (4, 12)
    assert position(placed, 1600, 0)[:2] == (8, 600 * 16 + 8)
    assert position(placed, 0, 0)[2:] == (800 * 16, 1200 * 16)
    assert arrange([]) == []


def test_colours_and_turns() -> None:
    pixels = np.array([[0x01020304, 0xFF00AA], [0xAA00FF, 0]], np.uint32)
    assert colours(pixels, False) is pixels
    assert colours(pixels, True).tolist() == [[0x01040302, 0xAA00FF], [0xFF00AA, 0]]
    for turn in range(8):
        assert sorted(seen_as(pixels, turn).flatten().tolist()) == sorted(pixels.flatten().tolist())
    assert seen_as(pixels, 0) is not None
