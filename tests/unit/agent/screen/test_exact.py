"""Exact pixels: each kind of place in its encoding, which loses nothing and takes few bytes."""

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from tests.harness.film import film
from tests.harness.letters import letters
from tests.unit.agent.screen.conftest import Reference

from farhand.agent.tools.screen.codec import Coded, Encoder
from farhand.agent.tools.screen.exact import WIDEST
from farhand.agent.tools.screen.modes import EXACT, How
from farhand.agent.tools.screen.tiles import CELL
from farhand.protocol import screen as layout
from farhand.protocol.screen import Encoding


def planes(data: bytes, width: int, height: int) -> np.ndarray:
    """Add up differences, pixel by pixel."""
    raw = zstandard.ZstdDecompressor().decompress(data)
    assert len(raw) == 3 * width * height
    green = raw[: width * height]
    values = []
    for plane, less in ((0, False), (1, True), (2, True)):
        out = bytearray()
        for at, difference in enumerate(raw[plane * width * height :][: width * height]):
            row, column = divmod(at, width)
            left, above = (out[at - 1] if column else None), (out[at - width] if row else None)
            near = [value for value in (left, above) if value is not None]
            mean = sum(near) // len(near) if near else 0
            out.append((difference + mean + (green[at] if less else 0)) % 256)
        values.append(np.frombuffer(bytes(out), np.uint8).reshape(height, width).astype(np.uint32))
    return values[2] << 16 | values[0] << 8 | values[1]


def coded(pixels: np.ndarray, how: How = EXACT) -> Coded:
    return Encoder().encode(pixels, (0, 0, pixels.shape[1], pixels.shape[0]), how)


def drawn(made: Coded, width: int, height: int) -> Reference:
    reference = Reference(width, height)
    reference.apply(layout.UPDATE_HEAD.pack(1, 0, 3, 0, len(made.rects)) + b"".join(made.rects))
    return reference


def bitmap(height: int = 96, width: int = 640) -> np.ndarray:
    """Letters without soft edges: of six kinds, in rows."""
    chance = np.random.default_rng(3)
    kinds = chance.random((6, 12, 8)) < 0.3
    rows = kinds[chance.integers(0, 6, (height // 12, width // 8))].swapaxes(1, 2).reshape(height, width)
    return np.where(rows, 0xE0E0E0, 0x101010).astype(np.uint32)


def smooth(height: int = 96, width: int = 640) -> np.ndarray:
    """Repeated letters with soft edges, in more colours than a palette has."""
    return np.tile(np.repeat(letters(96, 64), 2, axis=1), (-(-height // 96), -(-width // 128)))[:height, :width]


CONTENT = {
    "text": (bitmap(), {Encoding.PALETTE}, 0.1),
    "a picture": (film(3), {Encoding.PLANES}, 1.7),
    "a grey picture": (film(3) & 0xFF, {Encoding.PLANES}, 0.7),
    "smooth text": (smooth(), {Encoding.ZSTD}, 1.0),
    "dots": ((np.indices((96, 640)).sum(axis=0) % 2 * 0xFFFFFF).astype(np.uint32), {Encoding.PALETTE}, 0.02),
    "a slope": (np.arange(96, dtype=np.uint32)[:, None].repeat(640, axis=1) * 0x020301, {Encoding.PALETTE}, 0.02),
    "many slopes": (
        (np.indices((96, 640)) * np.array([2, 300])[:, None, None]).sum(axis=0).astype(np.uint32),
        {Encoding.PLANES},
        0.2,
    ),
}


@pytest.mark.parametrize("name", CONTENT)
def test_each_kind_of_place_has_its_encoding(name: str) -> None:
    pixels, encodings, most = CONTENT[name]
    made = coded(pixels)
    reference = drawn(made, pixels.shape[1], pixels.shape[0])
    assert reference.same(pixels)
    assert set(reference.kinds) == encodings
    assert made.exact
    assert made.size <= pixels.size * most


def test_wide_text_in_many_colours_is_cut_into_columns_on_cell_edges() -> None:
    made = coded(smooth(96, 1088))
    places = [layout.RECT_HEAD.unpack_from(one)[:4] for one in made.rects]
    assert sum(width for _, _, width, _ in places) == 1088
    assert all(width <= WIDEST and not left % CELL for left, _, width, _ in places)
    assert len({width for _, _, width, _ in places[:-1]}) == 1


@given(
    st.integers(1, 34),
    st.integers(1, 20),
    st.sampled_from([2, 5, 16, 40, 300, 1 << 24]),
    st.integers(1, 9),
    st.integers(0, 1 << 20),
)
def test_random_pixels_come_out_as_they_went_in(width: int, height: int, colours: int, run: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    known = chance.integers(0, 1 << 32, min(colours, 1000), np.uint32)
    pixels = np.repeat(chance.choice(known, (height, width)), run, axis=1)[:height, :width]
    made = coded(pixels)
    assert drawn(made, width, height).same(pixels)
    for one in made.rects:
        _, _, wide, tall, encoding, *_ = layout.RECT_HEAD.unpack_from(one)
        if encoding == Encoding.PLANES:
            assert (planes(one[layout.RECT_HEAD.size :], wide, tall) == pixels & 0xFFFFFF).all()


@pytest.mark.parametrize("bits", [4, 8])
def test_few_colours_stay_exact_where_fewer_would_save_nothing(bits: int) -> None:
    how = How(Encoding.PALETTE, bits)
    text, soft = coded(bitmap(), how), coded(smooth(), how)
    assert drawn(text, 640, 96).same(bitmap())
    assert (text.exact, soft.exact) == (True, False)
    assert soft.rects == coded(smooth(), How(Encoding.INDEXED, bits)).rects
    assert soft.size < coded(smooth()).size


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_what_uses_few_colours_of_a_palette_costs_no_more_than_exact_pixels(bits: int) -> None:
    assert coded(bitmap(), How(Encoding.INDEXED, bits)).size <= coded(bitmap()).size
