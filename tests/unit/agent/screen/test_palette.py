"""Few colours: indices are those of the nearest colours, packing loses nothing, text stays legible."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.harness.film import film
from tests.unit.agent.screen.conftest import Reference

from farhand.agent.tools.screen import palette
from farhand.agent.tools.screen.codec import Encoder
from farhand.agent.tools.screen.modes import How
from farhand.protocol import screen as layout
from farhand.protocol.screen import Encoding

BITS = (1, 4, 8)
SIZES = (1, 2, 4, 8)


@given(st.sampled_from(SIZES), st.integers(1, 70), st.integers(1, 40), st.integers(0, 1 << 20))
def test_what_is_packed_comes_out_again(bits: int, width: int, height: int, seed: int) -> None:
    indices = np.random.default_rng(seed).integers(0, 1 << bits, (height, width), np.uint8)
    packed = palette.pack(indices, bits)
    assert len(packed) == height * ((width * bits + 7) // 8)
    assert (palette.unpack(packed, width, height, bits) == indices).all()
    with pytest.raises(ValueError, match="reshape"):
        palette.unpack(packed + b"x", width, height, bits)


@given(st.sampled_from(BITS), st.integers(1, 70), st.integers(1, 40), st.integers(0, 1 << 20), st.booleans())
def test_a_viewer_sees_the_colours_of_the_indices(bits: int, width: int, height: int, seed: int, dither: bool) -> None:
    chance = np.random.default_rng(seed)
    pixels = chance.choice(chance.integers(0, 1 << 32, 5, np.uint32), (height, width))
    data = Encoder().encode(pixels, (0, 0, width, height), How(Encoding.INDEXED, bits, dither))
    reference = Reference(width, height)
    reference.apply(layout.UPDATE_HEAD.pack(1, 0, 3, 0, 1) + data.rects[0])
    colours = np.array(layout.palette(bits), np.uint32)
    assert reference.same(colours[palette.indexed(pixels, bits, dither)])


@pytest.mark.parametrize("bits", BITS)
def test_palettes_hold_different_colours_with_black_and_white(bits: int) -> None:
    colours = layout.palette(bits)
    assert len(colours) == len(set(colours)) == 1 << bits
    assert {0x000000, 0xFFFFFF} <= set(colours)
    pixels = np.array([[0x000000, 0xFFFFFF]], np.uint32)
    assert [colours[index] for index in palette.indexed(pixels, bits, False)[0]] == [0x000000, 0xFFFFFF]


def test_other_palettes_are_refused() -> None:
    with pytest.raises(ValueError, match="no palette of 3 bits"):
        layout.palette(3)


@pytest.mark.parametrize("bits", [4, 8])
def test_the_nearest_colour_is_taken(bits: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 1 << 24, (64, 64), np.uint32)
    colours = np.array(layout.palette(bits), np.uint32)

    def parts(values: np.ndarray) -> np.ndarray:
        return np.stack([values >> 16 & 255, values >> 8 & 255, values & 255], axis=-1).astype(float)

    far = np.abs(parts(pixels) - parts(colours[palette.indexed(pixels, bits, False)])).mean()
    chance = np.abs(parts(pixels) - parts(np.random.default_rng(2).permutation(pixels.ravel()).reshape(64, 64))).mean()
    assert far < chance * (0.5 if bits == 4 else 0.2)


def test_dithered_pictures_keep_their_brightness() -> None:
    pixels = film(1)
    green = (pixels >> 8 & 255).mean()
    for bits in (4, 8):
        colours = np.array(layout.palette(bits), np.uint32)[palette.indexed(pixels, bits, True)]
        assert abs((colours >> 8 & 255).mean() - green) < 24
    light = palette.indexed(pixels, 1, True).mean() * 255
    assert abs(light - green) < 24


@pytest.mark.parametrize(
    "pair", [(0x000000, 0x0000EE), (0x202020, 0x808080), (0xFFFFFF, 0x909090), (0x204060, 0xE0E0A0)]
)
def test_text_of_any_two_colours_stays_legible_in_black_and_white(pair: tuple[int, int]) -> None:
    letters = np.random.default_rng(5).random((32, 64)) < 0.2
    if pair == (0x000000, 0x0000EE):
        letters[:] = letters | (np.arange(64) % 16 == 3)
    pixels = np.where(letters, pair[1], pair[0]).astype(np.uint32)
    found = palette.indexed(pixels, 1, False).astype(bool)
    assert (found == letters).all() or (found == ~letters).all()


def test_equal_text_is_equal_wherever_it_stands() -> None:
    pixels = np.random.default_rng(5).choice(np.array([0x112233, 0xF0F0F0, 0xAA0000], np.uint32), (32, 48))
    for bits in (4, 8):
        assert (palette.indexed(pixels[5:], bits, False) == palette.indexed(pixels, bits, False)[5:]).all()
