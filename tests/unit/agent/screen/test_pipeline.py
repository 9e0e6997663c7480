"""Random scenes through the pipeline: every viewer's picture equals the screen once it is still."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.agent.screen.conftest import Reference, Scene

from farhand.agent.tools.screen import codec
from farhand.agent.tools.screen.viewer import Mode
from farhand.protocol import screen as layout
from farhand.protocol.screen import Colours


def paint(screen, kind, x, y, w, h, seed):
    height, width = screen.shape
    x, y = x % width, y % height
    w, h = max(1, min(w, width - x)), max(1, min(h, height - y))
    chance = np.random.default_rng(seed)
    part = screen[y : y + h, x : x + w]
    if kind == "fill":
        part[:] = seed * 0x01020304 & 0xFFFFFF
    elif kind == "noise":
        part[:] = chance.integers(0, 1 << 24, (h, w), np.uint32)
    elif kind == "text":
        part[:] = np.where(chance.random((h, w)) < 0.2, 0x202020, 0xFFFFFF)
    elif kind == "scroll":
        by = seed % 97 - 48
        if by > 0 and h > by:
            part[by:] = part[: h - by].copy()
            part[:by] = seed
        elif by < 0 and h > -by:
            part[:by] = part[-by:].copy()
            part[by:] = seed
    return x, y, w, h


change = st.tuples(
    st.sampled_from(["fill", "noise", "text", "scroll", "scroll"]),
    st.integers(0, 700),
    st.integers(0, 500),
    st.sampled_from([1, 15, 16, 33, 200, 333, 700]),
    st.sampled_from([1, 16, 40, 130, 300, 500]),
    st.integers(1, 1 << 20),
    st.sampled_from([0.0, 0.004, 0.02, 0.3]),
    st.sampled_from([(), (2,), (3,), (2, 3)]),
)


NOTHING = ("fill", 0, 0, 1, 1, 1, 0.0, ())


@given(st.sampled_from([(640, 480), (683, 389), (33, 17), (400, 300)]), st.lists(change, max_size=14))
@example(  # what scrolls, on a screen that is no multiple of a cell wide
    (683, 389),
    [
        *[NOTHING] * 9,
        ("noise", 0, 0, 1, 130, 5, 0.3, (2, 3)),
        ("scroll", 0, 2, 700, 130, 33, 0.3, (2, 3)),
        ("scroll", 0, 7, 700, 130, 14, 0.3, (2, 3)),
    ],
)
def test_random_scenes_end_exact_for_every_viewer(size, changes):
    scene = Scene(*size, {2: Mode(), 3: Mode(colours=Colours.FULL), 0xFFFF: Mode(8)})
    held = {}
    for kind, x, y, w, h, seed, pause, silent in changes:
        rect = paint(scene.screen, kind, x, y, w, h, seed)
        scene.capture(rect)
        for leg, payload in scene.step(pause, silent):
            if leg in silent:
                held.setdefault(leg, []).append(layout.UPDATE_HEAD.unpack_from(payload)[0])
    for leg, seqs in held.items():
        for seq in seqs:
            scene.pipeline.viewers[leg].pace.acked(seq, 0.001, scene.now + 0.05)
    scene.settle()
    scene.check()


def texts(height, width, seed):
    chance = np.random.default_rng(seed)
    return np.where(chance.random((height, width)) < 0.15, 0xE0E0E0, 0x101010).astype(np.uint32)


def test_a_viewer_in_step_gets_a_scroll_as_a_copy():
    scene = Scene(800, 600, {2: Mode(), 3: Mode()})
    scene.screen[:] = texts(600, 800, 1)
    scene.capture((0, 0, 800, 600))
    scene.settle()
    before = scene.references[2].bytes
    scene.screen[100:480, 64:640] = scene.screen[117:497, 64:640].copy()
    scene.screen[480:497, 64:640] = texts(17, 576, 2)
    scene.capture((64, 100, 576, 397))
    scene.settle()
    scene.check()
    assert layout.Encoding.COPY in scene.references[2].kinds
    assert scene.references[2].bytes - before < 12_000


def test_viewers_share_the_bytes_of_the_same_rectangles():
    scene = Scene(640, 480, {2: Mode(), 3: Mode()})
    scene.settle()
    scene.screen[:] = texts(480, 640, 5)
    scene.capture((0, 0, 640, 480))
    scene.step(0.02)
    made = scene.pipeline._made
    assert made
    assert scene.references[2].bytes == scene.references[3].bytes
    assert len(made) == len({key for key, _ in made})


def test_pictures_come_as_likeness_first_and_exactly_when_still():
    scene = Scene(640, 480, {2: Mode()})
    scene.settle()
    y, x = np.mgrid[0:480, 0:640]
    for frame in range(5):
        red = (np.sin((x + frame * 9) / 31) * 60 + 120).astype(np.uint32)
        green = (np.cos((y - frame * 5) / 23) * 60 + 120).astype(np.uint32)
        scene.screen[:] = red << 16 | green << 8 | ((x * y) >> 9 & 255).astype(np.uint32)
        scene.capture((0, 0, 640, 480))
        scene.step(0.03)
    assert layout.Encoding.JPEG in scene.references[2].kinds
    assert not scene.references[2].same(scene.screen)
    scene.settle()
    scene.check()


def test_a_pattern_of_few_colours_is_no_picture():
    scene = Scene(640, 480, {2: Mode()})
    scene.screen[::2, ::2] = 0xFFFFFF
    scene.screen[1::2, 1::2] = 0xFFFFFF
    scene.capture((0, 0, 640, 480))
    scene.settle()
    scene.check()
    assert layout.Encoding.JPEG not in scene.references[2].kinds


def test_a_full_picture_needs_nothing_that_was_before():
    scene = Scene(640, 480, {2: Mode()})
    scene.screen[:] = texts(480, 640, 5)
    scene.capture((0, 0, 640, 480))
    scene.settle()
    scene.pipeline.viewers[2].refresh()
    scene.references[2] = late = Reference(640, 480)
    scene.now += 1
    first = scene.pipeline.updates(scene.now)
    assert layout.UPDATE_HEAD.unpack_from(first[0][1])[2] & layout.Flag.KEY
    for _, payload in first:
        scene.pipeline.viewers[2].pace.acked(late.apply(payload), 0, scene.now)
    scene.settle()
    assert late.same(scene.screen)


def test_an_update_without_content_begins_no_full_picture():
    scene = Scene(320, 240, {2: Mode()})
    first = [payload for _ in range(50) for _, payload in scene.step(0.02)]
    heads = [layout.UPDATE_HEAD.unpack_from(payload) for payload in first]
    assert [count for *_, count in heads].count(0) >= 1, "no probe was sent: this test would show nothing"
    assert all(not flags & layout.Flag.KEY for _, _, flags, _, count in heads if not count)
    assert sum(1 for _, _, flags, _, count in heads if count and flags & layout.Flag.KEY) == 1


def test_large_updates_are_split_into_messages():
    scene = Scene(1920, 1080, {2: Mode(colours=Colours.FULL)})
    scene.settle()
    scene.pipeline.viewers[2].pace.window = 4 << 20
    scene.screen[:] = np.random.default_rng(3).integers(0, 1 << 24, (1080, 1920), np.uint32)
    scene.capture((0, 0, 1920, 1080))
    sizes = [len(payload) for _ in range(200) for _, payload in scene.step(0.02)]
    assert max(sizes) <= 600 * 1024
    assert sum(sizes) > 4_000_000
    scene.settle()
    scene.check()


def test_a_rate_is_kept():
    scene = Scene(320, 240, {2: Mode(max_fps=8), 3: Mode(max_fps=60)})
    scene.settle()
    before = {leg: len(reference.seqs) for leg, reference in scene.references.items()}
    for number in range(600):
        paint(scene.screen, "fill", 10, 10, 40, 40, number + 1)
        scene.capture((10, 10, 40, 40))
        scene.step(0.005)
    got = {leg: len(reference.seqs) - before[leg] for leg, reference in scene.references.items()}
    assert 20 <= got[2] <= 26
    assert 150 <= got[3] <= 185


def test_a_silent_viewer_holds_up_nobody_and_gets_the_newest_later():
    scene = Scene(320, 240, {2: Mode(), 3: Mode()})
    scene.settle()
    for number in range(100):
        paint(scene.screen, "noise", 0, 0, 320, 240, number + 1)
        scene.capture((0, 0, 320, 240))
        scene.step(0.02, silent=(3,))
    assert len(scene.references[2].seqs) > 60
    assert len(scene.references[3].seqs) < 20
    scene.pipeline.viewers[3].resume()
    scene.settle()
    assert scene.references[3].same(scene.screen)


@pytest.mark.parametrize("bad", [(0, 0, 16, 16), (8, 0, 320, 240), (0, 0, 0, 0)])
def test_pixels_that_do_not_fit_are_refused(bad):
    scene = Scene(320, 240, {2: Mode()})
    with pytest.raises(ValueError, match="do not fit"):
        scene.pipeline.absorb(bad, np.zeros((240, 320), np.uint32), 1.0)


def test_a_cursor_is_turned_into_straight_alpha():
    half_red = 0x80800000
    data = codec.cursor(1, 0, 2, 1, np.array([half_red, 0xFF00FF00], np.uint32).tobytes())
    assert layout.CURSOR_HEAD.unpack_from(data) == (1, 0, 2, 1)
    assert data[8:] == bytes([255, 0, 0, 128, 0, 255, 0, 255])
    assert codec.cursor(0, 0, 2, 2, b"short") == bytes(8)
    assert codec.cursor(0, 0, 999, 1, bytes(999 * 4)) == bytes(8)


@given(
    st.lists(
        st.tuples(
            st.integers(-60, 60).filter(bool),
            st.integers(0, 300),
            st.booleans(),
            st.sampled_from(["text", "photo"]),
            st.integers(0, 430),
            st.integers(0, 350),
        ),
        min_size=1,
        max_size=9,
    )
)
def test_what_a_viewer_lacks_travels_with_scrolls(steps):
    """A viewer that is silent for a while misses changes inside what scrolls; lossy places move along too."""
    scene = Scene(512, 448, {2: Mode(), 3: Mode()})
    scene.screen[:] = texts(448, 512, 1)
    scene.capture((0, 0, 512, 448))
    scene.settle()
    silent, unanswered = False, []
    for number, (dy, top, silent, kind, x, y) in enumerate(steps):
        spot = scene.screen[y : y + 80, x : x + 80]
        seed = np.random.default_rng(number)
        if kind == "photo":
            spot[:] = seed.integers(0, 1 << 24, spot.shape, np.uint32)
        else:
            spot[:] = texts(*spot.shape, number + 50)
        scene.capture((x, y, spot.shape[1], spot.shape[0]))
        sent = scene.step(0.02, silent=(3,) if silent else ())
        area = scene.screen[top:]
        if dy > 0:
            area[dy:] = area[:-dy].copy()
            area[:dy] = texts(dy, 512, number + 99)
        else:
            area[:dy] = area[-dy:].copy()
            area[dy:] = texts(-dy, 512, number + 99)
        scene.capture((0, top, 512, 448 - top))
        sent += scene.step(0.02, silent=(3,) if silent else ())
        unanswered += [layout.UPDATE_HEAD.unpack_from(payload)[0] for leg, payload in sent if leg == 3 and silent]
    for seq in unanswered:
        scene.pipeline.viewers[3].pace.acked(seq, 0, scene.now)
    scene.settle()
    scene.check()
