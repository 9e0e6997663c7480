"""A recording's screen in memory: drawn as the protocol says, refused when it does not fit, with its pointer."""

import numpy as np
import pytest
import simplejpeg
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from farhand.agent.tools.screen.codec import Encoder
from farhand.agent.tools.screen.modes import EXACT
from farhand.protocol import channels
from farhand.protocol import screen as layout
from farhand.recording import picture as module
from farhand.recording.picture import BLANK, KEY, Picture, PictureError, reduced

STARTED = b'{"width":64,"height":48}'


def rect(x: int, y: int, width: int, height: int, encoding: int, data: bytes, argument: int = 0) -> bytes:
    return layout.RECT_HEAD.pack(x, y, width, height, encoding, argument, 0, len(data)) + data


def update(*rects: bytes, flags: int = 0) -> bytes:
    return layout.UPDATE_HEAD.pack(1, 0, flags, 0, len(rects)) + b"".join(rects)


def solid(colour: int, x: int = 0, y: int = 0, width: int = 64, height: int = 48) -> bytes:
    return rect(x, y, width, height, 1, colour.to_bytes(4, "little"))


@pytest.fixture
def picture() -> Picture:
    """A small screen, blue all over."""
    made = Picture()
    assert made.take(channels.Screen.STARTED, STARTED)
    assert made.take(channels.Screen.UPDATE, update(solid(0x0000FF), flags=KEY))
    return made


def test_constants_are_those_of_the_live_protocol() -> None:
    numbers = {name: getattr(module, name) for name in ("STARTED", "STOPPED", "UPDATE", "CURSOR", "POINTER")}
    assert numbers == {one.name: one for one in channels.Screen if one.name in numbers}
    assert channels.Kind.SCREEN == module.KIND
    assert module.POINTER_DATA.format == layout.POINTER.format
    for name in ("UPDATE_HEAD", "RECT_HEAD", "COPY_DATA", "CURSOR_HEAD"):
        assert getattr(module, name).format == getattr(layout, name).format
    assert (module.KEY, module.COMPLETE) == (layout.Flag.KEY, layout.Flag.COMPLETE)


def test_every_encoding_is_drawn(picture: Picture) -> None:
    chance = np.random.default_rng(1)
    exact = chance.integers(0, 1 << 24, (8, 16), np.uint32)
    soft = np.full((16, 16, 4), (10, 200, 90, 0), np.uint8)
    picture.take(
        module.UPDATE,
        update(
            rect(16, 0, 16, 8, 2, zstandard.ZstdCompressor().compress(exact.tobytes())),
            rect(40, 30, 16, 8, 0, layout.COPY_DATA.pack(24, 30)),
            rect(0, 32, 16, 16, 3, simplejpeg.encode_jpeg(soft, 95, "BGRX")),
            solid(0x123456, 0, 0, 8, 8),
        ),
    )
    assert (picture.pixels[:8, 16:32] == exact).all()
    assert (picture.pixels[30:38, 40:56] == exact).all()
    assert (picture.pixels[:8, :8] == 0x123456).all()
    likeness = picture.pixels[32:48, :16].copy().view(np.uint8).reshape(16, 16, 4)[..., :3].astype(int)
    assert abs(likeness - soft[..., :3]).max() < 6
    # Overlapping copies take what was there before.
    picture.take(module.UPDATE, update(rect(17, 0, 16, 8, 0, layout.COPY_DATA.pack(1, 0))))
    assert (picture.pixels[:8, 17:33] == exact).all()


def test_after_something_is_missing_nothing_is_drawn_until_a_full_picture(picture: Picture) -> None:
    picture.lose()
    assert not picture.take(module.UPDATE, update(solid(0x111111)))
    assert (picture.pixels == 0x0000FF).all()
    assert picture.take(module.UPDATE, update(solid(0x222222), flags=KEY))
    assert (picture.pixels == 0x222222).all()
    assert picture.take(module.STARTED, b'{"width":10,"height":20}')
    assert (picture.size, picture.known) == ((10, 20), False)
    assert (picture.pixels == BLANK).all()
    picture.take(module.STOPPED, b"{}")
    assert picture.size == (0, 0)


def packed(size: int, value: int = 0) -> bytes:
    return zstandard.ZstdCompressor().compress(bytes([value]) * size)


@given(
    st.integers(1, 40),
    st.integers(1, 24),
    st.sampled_from([1, 2, 3, 16, 17, 256, 400, 1 << 24]),
    st.integers(0, 1 << 20),
)
@settings(deadline=None)
def test_exact_pixels_come_out_as_they_went_in(width: int, height: int, colours: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    known = chance.integers(0, 1 << 32, colours, np.uint32) if colours <= 400 else None
    pixels = (
        chance.integers(0, 1 << 32, (height, width), np.uint32)
        if known is None
        else chance.choice(known, (height, width))
    )
    made = Picture(64, 48)
    coded = Encoder().encode(pixels, (0, 0, width, height), EXACT)
    made.draw(memoryview(b"".join(coded.rects)), len(coded.rects))
    assert not ((made.pixels[:height, :width] ^ pixels) & 0xFFFFFF).any()


BAD = [
    update(solid(1))[:-1],
    update(solid(1)) + b"x",
    update(solid(1))[:5],
    update(solid(1))[:20],
    update(rect(0, 0, 0, 4, 1, bytes(4))),
    update(solid(1, 60, 0, 8, 8)),
    update(*[solid(1)] * 5),
    update(*[rect(0, 0, 64, 48, 0, layout.COPY_DATA.pack(0, 0))] * 17),
    update(solid(1, 0, 47, 8, 8)),
    update(rect(0, 0, 8, 8, 1, b"123")),
    update(rect(0, 0, 8, 8, 0, b"123")),
    update(rect(0, 0, 8, 8, 0, layout.COPY_DATA.pack(1, 0))),
    update(rect(0, 0, 8, 8, 0, layout.COPY_DATA.pack(-60, 0))),
    update(rect(0, 0, 8, 8, 9, b"")),
    update(rect(0, 0, 8, 8, 2, b"garbage")),
    update(rect(0, 0, 8, 8, 2, zstandard.ZstdCompressor().compress(bytes(8 * 8 * 4 - 4)))),
    update(rect(0, 0, 8, 8, 2, zstandard.ZstdCompressor(write_content_size=False).compress(bytes(256)))),
    update(rect(0, 0, 8, 8, 2, zstandard.ZstdCompressor().compress(bytes(1 << 24)))),
    update(rect(0, 0, 8, 8, 6, b"", 1)),
    update(rect(0, 0, 8, 8, 6, b"\x01" + bytes(6) + packed(8), 3)),
    update(rect(0, 0, 8, 8, 6, b"\x02" + bytes(9) + packed(8), 1)),
    update(rect(0, 0, 8, 8, 6, b"\x01" + bytes(5), 1)),
    update(rect(0, 0, 8, 8, 6, b"\x01" + bytes(6) + packed(9), 1)),
    update(rect(0, 0, 8, 8, 6, b"\x00" + bytes(3) + packed(8, 1), 1)),
    update(rect(0, 0, 8, 8, 6, b"\x04" + bytes(15) + packed(32, 0x50), 4)),
    update(rect(0, 0, 8, 8, 7, packed(8 * 8 * 4))),
    update(rect(0, 0, 8, 8, 3, b"\xff\xd8\xff\xe0garbage")),
    update(rect(0, 0, 8, 8, 3, simplejpeg.encode_jpeg(np.zeros((16, 8, 3), np.uint8)))),
]


@pytest.mark.parametrize("payload", BAD)
def test_an_update_that_does_not_fit_is_refused(picture: Picture, payload: bytes) -> None:
    with pytest.raises(PictureError):
        picture.take(module.UPDATE, payload)
    assert not picture.known
    assert picture.take(module.UPDATE, update(solid(7), flags=KEY))
    assert (picture.pixels == 7).all()


def test_an_update_covers_the_screen_several_times_at_most(picture: Picture) -> None:
    copies = [rect(0, 0, 64, 48, 0, layout.COPY_DATA.pack(0, 0))] * module.MOST_COPIED
    assert picture.take(module.UPDATE, update(*[solid(7)] * module.MOST_COVERED, *copies))
    assert (picture.pixels == 7).all()


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (module.STARTED, b'{"width":32767,"height":32767}'),
        (module.STARTED, b'{"width":0,"height":5}'),
        (module.STARTED, b'{"width":-5,"height":-5}'),
        (module.STARTED, b"[" * 100_000),
    ],
)
def test_other_frames_that_do_not_fit_are_refused(picture: Picture, kind: int, payload: bytes) -> None:
    with pytest.raises(PictureError):
        picture.take(kind, payload)


def test_pictures_are_made_smaller_by_averages() -> None:
    picture = np.zeros((40, 60), np.uint32)
    picture[:, 30:] = 0xFF8040
    small = reduced(picture, 20, 20)
    assert small.shape == (13, 20, 4)
    assert small[5, 5].tolist() == [0, 0, 0, 0]
    assert small[5, 15].tolist() == [0x40, 0x80, 0xFF, 0]
    assert reduced(picture, 100, 100).shape == (40, 60, 4)
    assert reduced(np.zeros((1, 5000), np.uint32), 100, 100).shape == (1, 5000, 4)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(15, 24), st.binary(max_size=80)), max_size=12), st.data())
def test_hostile_frames_raise_nothing_else(frames: list[tuple[int, bytes]], data: st.DataObject) -> None:
    picture = Picture(16, 16)
    for kind, raw in frames:
        payload = raw
        if kind == module.UPDATE and data.draw(st.booleans()):
            head = layout.UPDATE_HEAD.pack(1, 0, 1, 0, 1)
            sides = [data.draw(st.integers(0, 18)) for _ in range(4)]
            payload = head + layout.RECT_HEAD.pack(*sides, data.draw(st.integers(0, 5)), 0, 0, len(raw)) + raw
        try:
            picture.take(kind, payload)
        except PictureError:
            continue


def cursor(hot: tuple[int, int], *rows: bytes) -> bytes:
    width = len(rows[0]) // 4
    return layout.CURSOR_HEAD.pack(*hot, width, len(rows)) + b"".join(rows)


def test_the_pointer_is_drawn_where_it_was(picture: Picture) -> None:
    red, half, none = b"\xff\0\0\xff", b"\xff\xff\xff\x80", b"\0\0\0\0"
    assert not picture.take(module.CURSOR, cursor((1, 0), red + half, none + red))
    assert picture.shown() is picture.pixels
    assert picture.take(module.POINTER, layout.POINTER.pack(10, 20))
    assert not picture.take(module.POINTER, layout.POINTER.pack(10, 20))
    seen = picture.shown()
    assert [int(seen[20, 9]), int(seen[20, 10]), int(seen[21, 9]), int(seen[21, 10])] == [
        0xFF0000, 0x8080FF, 0x0000FF, 0xFF0000,
    ]  # fmt: skip
    assert (picture.pixels == 0x0000FF).all()
    # At the edges a part of it is drawn; outside of the picture, nothing.
    picture.take(module.POINTER, layout.POINTER.pack(0, 47))
    assert [int(picture.shown()[47, 0]), int((picture.shown() != 0x0000FF).sum())] == [0x8080FF, 1]
    assert picture.take(module.POINTER, layout.POINTER.pack(layout.NOWHERE, layout.NOWHERE))
    assert picture.shown() is picture.pixels
    picture.take(module.POINTER, layout.POINTER.pack(10, 20))
    picture.take(channels.Screen.STOPPED, b"{}")
    assert picture.pointer is None


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (module.CURSOR, b"1234567"),
        (module.CURSOR, layout.CURSOR_HEAD.pack(0, 0, 2, 2) + bytes(15)),
        (module.CURSOR, layout.CURSOR_HEAD.pack(0, 0, 257, 1) + bytes(257 * 4)),
        (module.POINTER, b"123"),
        (module.POINTER, b"12345"),
    ],
)
def test_a_pointer_that_does_not_fit_is_refused(picture: Picture, kind: int, payload: bytes) -> None:
    with pytest.raises(PictureError):
        picture.take(kind, payload)


@given(st.binary(max_size=8), st.integers(0, 300), st.integers(0, 300), st.integers(0, 70), st.integers(0, 70))
@settings(max_examples=200, deadline=None)
def test_any_pointer_anywhere_leaves_the_screen_as_it_is(head: bytes, hx: int, hy: int, x: int, y: int) -> None:
    picture = Picture(64, 48)
    picture.take(module.CURSOR, layout.CURSOR_HEAD.pack(hx, hy, 5, 3) + (head * 60)[:60].ljust(60, b"x"))
    picture.take(module.POINTER, layout.POINTER.pack(x, y))
    assert picture.shown().shape == (48, 64)
    assert (picture.pixels == BLANK).all()
