"""Video through the pipeline: who gets which frames, what stays exact, what follows when it is over."""

import numpy as np
import pytest
from tests.harness.film import film
from tests.unit.agent.screen.conftest import Reference, Scene

from farhand.agent.tools.screen.pipeline import Pipeline
from farhand.agent.tools.screen.scroll import Scrolls
from farhand.agent.tools.screen.video import FULL_KBPS, LEAST_KBPS, Frame, Streams, full_rate
from farhand.agent.tools.screen.viewer import Mode
from farhand.agent.tools.screen.vpx import VideoError
from farhand.protocol import screen as layout
from farhand.protocol.screen import Colours, Encoding

VIDEO = Mode(video=True)
AREA = (160, 96, 320, 192)


def play(scene: Scene, frames: int, first: int = 0, area: tuple[int, int, int, int] = AREA) -> None:
    """Show so many pictures of the film, 30 a second."""
    x, y, width, height = area
    for number in range(first, first + frames):
        scene.screen[y : y + height, x : x + width] = film(number, width, height)
        scene.capture(area)
        scene.step(1 / 60)
        scene.step(1 / 60)


def cleared(scene: Scene) -> None:
    for reference in scene.references.values():
        reference.kinds.clear()
        reference.bytes = 0


def near(reference: Reference, screen: np.ndarray, area: tuple[int, int, int, int] = AREA) -> float:
    x, y, width, height = area
    parts = [
        np.ascontiguousarray(picture[y : y + height, x : x + width]).view(np.uint8).astype(int)
        for picture in (reference.picture & 0xFFFFFF, screen)
    ]
    return float(np.abs(parts[0] - parts[1]).mean())


def test_what_stays_hot_becomes_a_video_and_ends_exact() -> None:
    scene = Scene(640, 480, {2: VIDEO})
    scene.settle()
    play(scene, 40)
    cleared(scene)
    play(scene, 60, 40)
    reference = scene.references[2]
    assert set(reference.kinds) == {Encoding.VIDEO}
    assert 55 <= len(reference.kinds) <= 66
    assert reference.bytes < 2 * full_rate(320, 192) * 1000 / 8 * 1.2
    assert near(reference, scene.screen) < 8
    scene.step(1.0)
    assert scene.pipeline.region is None
    scene.settle()
    scene.check()


def test_a_film_is_not_searched_for_what_scrolls(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []
    monkeypatch.setattr(Scrolls, "search", lambda *words: searched.append(words))
    scene = Scene(640, 480, {2: VIDEO})
    scene.settle()
    play(scene, 40)
    assert searched
    searched.clear()
    play(scene, 20, 40)
    assert not searched


@pytest.mark.parametrize(
    "mode", [Mode(), Mode(colours=Colours.SETTLED, video=True), Mode(colours=Colours.FULL, video=True)]
)
def test_who_cannot_draw_it_or_wants_other_colours_gets_none(mode: Mode) -> None:
    scene = Scene(640, 480, {2: VIDEO, 3: mode})
    scene.settle()
    play(scene, 60)
    assert Encoding.VIDEO in scene.references[2].kinds
    assert Encoding.VIDEO not in scene.references[3].kinds
    assert near(scene.references[3], scene.screen) < 8
    scene.settle()
    scene.check()


def test_without_an_encoder_there_are_likenesses() -> None:
    def broken(width: int, height: int, kbps: int) -> None:
        raise VideoError("not here")

    for make in (None, broken):
        scene = Scene(640, 480, {2: VIDEO})
        scene.pipeline._make_video = make
        scene.settle()
        play(scene, 60)
        assert Encoding.VIDEO not in scene.references[2].kinds
        assert near(scene.references[2], scene.screen) < 8
        scene.settle()
        scene.check()


def test_text_in_and_around_the_video_is_exact_all_the_time() -> None:
    scene = Scene(640, 480, {2: VIDEO})
    scene.settle()
    chance = np.random.default_rng(7)
    letters = np.where(chance.random((64, 128)) < 0.2, 0xFFFFFF, 0x101010).astype(np.uint32)
    x, y, width, height = AREA
    for number in range(90):
        scene.screen[y : y + height, x : x + width] = film(number, width, height)
        if number % 10 == 0:
            letters = np.roll(letters, 5, axis=1)
        scene.screen[192:256, 256:384] = letters
        scene.screen[10:40, 500:600] = number * 0x010203
        scene.capture(AREA)
        scene.capture((500, 10, 100, 30))
        scene.step(1 / 60)
        scene.step(1 / 60)
        if number > 5:
            seen = scene.references[2].picture & 0xFFFFFF
            assert (seen[192:256, 256:384] == letters).all()
            assert (seen[10:40, 500:600] == number * 0x010203).all()
    assert scene.references[2].kinds[-2:].count(Encoding.VIDEO)
    scene.settle()
    scene.check()


def test_viewers_with_good_links_share_one_encoder() -> None:
    made = []
    scene = Scene(640, 480, {2: VIDEO, 3: VIDEO})
    real = scene.pipeline._make_video
    assert real is not None
    scene.pipeline._make_video = lambda *size: made.append(size) or real(*size)  # type: ignore[func-returns-value]
    scene.settle()
    play(scene, 60)
    assert len(made) == 1
    assert (scene.references[2].picture == scene.references[3].picture).all()


def test_whoever_joins_begins_with_a_key_frame() -> None:
    scene = Scene(640, 480, {2: VIDEO})
    scene.settle()
    play(scene, 60)
    scene.references[3] = Reference(640, 480)
    scene.pipeline.join(3, VIDEO, scene.now)
    play(scene, 20, 60)
    for leg in (2, 3):
        assert scene.references[leg].kinds[-1] == Encoding.VIDEO
        assert near(scene.references[leg], scene.screen) < 8
    scene.settle()
    scene.check()


@pytest.mark.parametrize("again", ["resume", "refresh", "start"])
def test_a_full_picture_during_a_video_needs_nothing_from_before(again: str) -> None:
    scene = Scene(640, 480, {2: VIDEO})
    scene.settle()
    play(scene, 60)
    scene.references[2] = late = Reference(640, 480)
    late.seqs = [-1]
    if again == "start":
        scene.pipeline.join(2, VIDEO, scene.now)
    else:
        getattr(scene.pipeline.viewers[2], again)()
    play(scene, 30, 60)
    assert Encoding.VIDEO in late.kinds
    assert near(late, scene.screen) < 8
    scene.settle()
    assert late.same(scene.screen)


@pytest.mark.parametrize(("x", "y", "frames"), [(192, 128, 8), (199, 117, 60)])
def test_a_window_over_the_video_is_exact_while_the_rest_plays_on(x: int, y: int, frames: int) -> None:
    scene = Scene(640, 480, {2: VIDEO})
    scene.settle()
    play(scene, 60)
    chance = np.random.default_rng(9)
    window = np.where(chance.random((64, 128)) < 0.15, 0x000000, 0xF4F4F4).astype(np.uint32)
    for number in range(60, 60 + frames):
        scene.screen[96:288, 160:480] = film(number)
        scene.screen[y : y + 64, x : x + 128] = window
        scene.capture(AREA)
        scene.step(1 / 60)
        scene.step(1 / 60)
    # A cell on the window's edge is half film; whole cells of it are exact.
    top, left, bottom, right = -(-y // 16) * 16, -(-x // 16) * 16, (y + 64) // 16 * 16, (x + 128) // 16 * 16
    seen = scene.references[2].picture & 0xFFFFFF
    assert (seen[top:bottom, left:right] == scene.screen[top:bottom, left:right]).all()
    assert scene.references[2].kinds[-1] == Encoding.VIDEO


def test_the_pipeline_rests_after_a_video() -> None:
    scene = Scene(640, 480, {2: VIDEO, 0xFFFF: Mode(8, Colours.SETTLED)})
    scene.settle()
    play(scene, 60)
    assert scene.pipeline.region is not None
    wake = scene.pipeline.wake_at(False, scene.now)
    assert wake is not None
    for _ in range(200):
        wake = scene.pipeline.wake_at(False, scene.now)
        if wake is None:
            break
        scene.step(max(0.0, wake - scene.now))
    assert wake is None
    scene.check()


# --- streams alone


class Fake:
    """An encoder whose frames tell what they are."""

    def __init__(self, width: int, height: int, kbps: int) -> None:
        self.size, self.kbps, self.count = (width, height), kbps, 0

    def aim(self, kbps: int) -> None:
        self.kbps = kbps

    def encode(self, pixels: np.ndarray, now: float, key: bool) -> bytes:
        assert pixels.shape == self.size[::-1]
        self.count += 1
        return b"%d %d" % (int(pixels[0, 0]), self.count)


class Studio:
    """Streams with fake encoders, and a picture for each version."""

    def __init__(self, width: int = 640, height: int = 360) -> None:
        self.made: list[Fake] = []
        self.streams = Streams(width, height, self._make)
        self.pixels = np.zeros((height, width), np.uint32)

    def _make(self, width: int, height: int, kbps: int) -> Fake:
        self.made.append(Fake(width, height, kbps))
        return self.made[-1]

    def take(self, viewer: str, version: int, rate: float | None = None) -> list[Frame]:
        self.pixels[:] = version
        return self.streams.take(viewer, rate, self.pixels, version, version / 30)


def test_frames_are_encoded_once_for_all_who_share() -> None:
    studio = Studio()
    for version in range(1, 10):
        frames = [studio.take(viewer, version) for viewer in ("a", "b")]
        if version == 1:
            assert [frame.key for found in frames for frame in found] == [True, True]
        else:
            assert frames[0][-1] == frames[1][-1]
    (encoder,) = studio.made
    assert encoder.kbps == FULL_KBPS
    assert encoder.count == 10


def test_who_missed_few_frames_gets_them_all_and_who_missed_many_begins_anew_alone() -> None:
    studio = Studio()
    studio.take("a", 1)
    studio.take("b", 1)
    for version in (2, 3):
        studio.take("a", version)
    got = studio.take("b", 3)
    assert [frame.data for frame in got] == [b"2 3", b"3 4"]
    for version in range(4, 10):
        studio.take("a", version)
    got = studio.take("b", 9)
    assert len(studio.made) == 2
    assert [frame.key for frame in got] == [True]
    assert [frame.data for frame in studio.take("b", 9)] == [b"9 2"]


def test_a_slow_link_has_an_encoder_of_its_own_that_follows_its_rate() -> None:
    studio = Studio()
    studio.take("fast", 1, 2_000_000)
    studio.take("slow", 1, 100_000)
    fast, slow = studio.made
    assert (fast.kbps, slow.kbps) == (FULL_KBPS, 600)
    studio.take("slow", 2, 98_000)
    assert slow.kbps == 600
    studio.take("slow", 3, 50_000)
    assert slow.kbps == 300
    studio.take("slow", 4, 10)
    assert slow.kbps == LEAST_KBPS
    studio.take("slow", 5, 1e9)
    assert slow.kbps == FULL_KBPS
    assert len(studio.made) == 2


def test_a_link_that_becomes_slow_leaves_the_others() -> None:
    studio = Studio()
    studio.take("a", 1)
    studio.take("b", 1)
    assert [frame.key for frame in studio.take("b", 2, 60_000)] == [True]
    assert [encoder.kbps for encoder in studio.made] == [FULL_KBPS, 360]


@pytest.mark.parametrize(("size", "rate"), [((1920, 1080), None), ((640, 360), 20_000)])
def test_large_and_starved_pictures_are_halved(size: tuple[int, int], rate: float | None) -> None:
    studio = Studio(*size)
    studio.take("a", 1, rate)
    assert studio.made[0].size == (size[0] // 2, size[1] // 2)


def test_the_pipeline_makes_real_encoders() -> None:
    assert Pipeline(640, 480)._make_video is not None
    assert layout.VIDEO_CODEC == "vp8"
