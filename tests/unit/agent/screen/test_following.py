"""Encoders follow the line: real pictures through the real pipeline over modelled links, in simulated time."""

import functools
from collections.abc import Callable

import numpy as np
import pytest
from tests.harness.film import film
from tests.harness.letters import letters
from tests.harness.simagent import Pixels, Watching
from tests.harness.simlinks import MBIT, Link, Net
from tests.harness.simnet import Path
from tests.unit.agent.screen.conftest import Reference

from farhand.agent.tools.screen.modes import RECIPES, thrift
from farhand.agent.tools.screen.viewer import Mode
from farhand.protocol.screen import Colours, Encoding

WIDTH, HEIGHT = 512, 336
LARGE, SMALL = (480, 288), (400, 240)


def page(size: tuple[int, int]) -> Callable[[int], Pixels]:
    """A white page with a film of this size on it."""

    @functools.cache
    def picture(number: int) -> Pixels:
        screen = np.full((HEIGHT, WIDTH), 0xF4F4F4, np.uint32)
        screen[16 : 16 + size[1], 16 : 16 + size[0]] = film(number, *size)
        return screen

    return lambda number: picture(number % 150)


def scrolled(step: int) -> Callable[[int], Pixels]:
    """A long page of words with soft edges on white, moved up by so many pixels for each picture."""
    chance = np.random.default_rng(5)
    glyphs = letters(40 * 12, 8).reshape(40, 12, 8)
    long = np.full((6000, WIDTH), 0xFFFFFF, np.uint32)
    for top in range(8, 5980, 20):
        for left in range(32, 32 + 8 * int(chance.integers(20, 50)), 8):
            if chance.random() > 0.15:
                long[top : top + 12, left : left + 8] = glyphs[chance.integers(40)]
    return lambda number: long[number * step :][:HEIGHT]


# link, rate, pictures a second at least, delay of 95 of 100 at most in ms.
@pytest.mark.parametrize(
    ("link", "least", "most"),
    [
        ("20 Mbit/s + 20 ms", 29, 45),
        ("2 Mbit/s + 100 ms", 27, 160),
        ("0.5 Mbit/s + 20 ms", 15, 120),
    ],
)
@pytest.mark.parametrize("video", [True, False])
def test_a_film_is_seen_at_its_own_rate_on_every_line(link: str, least: float, most: float, video: bool) -> None:
    if not video and "0.5 Mbit" in link:
        least, most = 0, 1e9  # single pictures of this size do not go over such a line in time, however coarse
    net = Net(link)
    seen = Reference(WIDTH, HEIGHT)
    watching = Watching(net, Mode(video=video), page(LARGE), until=7, draw=seen.apply)
    net.clock.run(7)
    assert watching.fps(3, 7) >= least
    assert watching.delay(3, 7) * 1000 <= most or not least
    assert watching.rate(3, 7) <= net.link.rate * 1.1
    assert (Encoding.VIDEO in seen.kinds) is video
    # Whatever the line, the picture is exact soon after it stands still.
    net.clock.run(9 + 2 * seen.picture.nbytes / net.link.rate)
    assert seen.same(watching.screen)


def test_a_video_goes_down_with_its_line_and_comes_back() -> None:
    net = Net(Link(20 * MBIT, 1e5, Path(0.02, 0.02), rates=[(6, 0.5 * MBIT), (14, 20 * MBIT)]))
    watching = Watching(net, Mode(video=True), page(LARGE), until=22)
    net.clock.run(22)
    spans = ((3, 6), (10, 14), (19, 22))
    before, narrow, after = (watching.rate(*span) for span in spans)
    assert narrow < 0.5 * MBIT < before
    assert after > before * 0.9
    assert [watching.fps(*span) > 18 for span in spans] == [True] * 3
    assert watching.delay(10, 14) < 0.12


def test_single_pictures_get_coarser_before_they_get_fewer() -> None:
    costs = []
    for link in ("20 Mbit/s + 20 ms", "2 Mbit/s + 20 ms"):
        net = Net(link)
        watching = Watching(net, Mode(), page(SMALL), until=5)
        net.clock.run(5)
        assert watching.fps(3, 5) > 28
        costs.append(watching.rate(3, 5))
    assert costs[1] < costs[0] * 0.75


@pytest.mark.parametrize(("link", "colours"), [("20 Mbit/s + 20 ms", 0), ("0.5 Mbit/s + 20 ms", 1)])
def test_text_that_is_scrolled_loses_colours_only_on_a_slow_line(link: str, colours: int) -> None:
    net = Net(link)
    seen = Reference(WIDTH, HEIGHT)
    watching = Watching(net, Mode(), scrolled(12), until=7, draw=seen.apply)
    net.clock.run(7)
    assert watching.fps(3, 7) >= 12
    assert watching.delay(3, 7, 0.5) < 0.15
    assert (Encoding.INDEXED in seen.kinds) == bool(colours)
    assert Encoding.COPY in seen.kinds
    net.clock.run(9 + seen.picture.nbytes / net.link.rate)
    assert seen.same(watching.screen)


def test_text_that_comes_once_is_exact_on_a_slow_line() -> None:
    first, second = scrolled(0)(0), scrolled(1)(3000)
    seen = Reference(WIDTH, HEIGHT)
    net = Net("2 Mbit/s + 20 ms")
    watching = Watching(net, Mode(), lambda number: second if number == 60 else first, until=2.2, draw=seen.apply)
    net.clock.run(1.9)
    seen.kinds.clear()
    net.clock.run(6)
    assert seen.same(watching.screen)
    assert Encoding.INDEXED not in seen.kinds


def test_thrift_has_few_steps_and_keeps_the_kind_of_likeness() -> None:
    moving = RECIPES[Colours.FULL].moving
    assert thrift(3.0).of(moving) == moving
    amounts = [thrift(share / 100).of(moving).amount for share in range(100, -1, -1)]
    assert amounts == sorted(amounts, reverse=True)
    assert 3 <= len(set(amounts)) <= 6
    assert min(amounts) >= 1
    assert thrift(0.5).of(moving).fine is moving.fine
