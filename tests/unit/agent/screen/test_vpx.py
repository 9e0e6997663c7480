"""The encoder itself: planes like everybody else's, frames that a decoder shows, a rate that is followed."""

import av
import numpy as np
import pytest
from tests.harness.film import film

from farhand.agent.tools.screen import vpx
from farhand.agent.tools.screen.planes import Planes, halved
from farhand.agent.tools.screen.vpx import VideoError, Vp8Encoder


def shown(decoder: av.CodecContext, data: bytes) -> np.ndarray:
    """Return the picture as height x width x (B, G, R)."""
    (frame,) = decoder.decode(av.Packet(data))
    return frame.to_ndarray(format="bgr24").astype(int)


def channels(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels).view(np.uint8).reshape(*pixels.shape, 4)[..., :3].astype(int)


@pytest.mark.parametrize("size", [(2, 2), (64, 64), (320, 192), (322, 70)])
def test_planes_are_those_of_the_standard(size: tuple[int, int]) -> None:
    width, height = size
    chance = np.random.default_rng(width)
    pixels = chance.integers(0, 1 << 32, (height, width), np.uint32)
    planes = Planes(width, height)
    planes.fill(pixels)
    blue, green, red = np.moveaxis(channels(pixels).astype(float), 2, 0)
    luma = 16 + (65.738 * red + 129.057 * green + 25.064 * blue) / 256
    mean = [part.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3)) for part in (red, green, blue)]
    u = 128 + (-37.945 * mean[0] - 74.494 * mean[1] + 112.439 * mean[2]) / 256
    v = 128 + (112.439 * mean[0] - 94.154 * mean[1] - 18.285 * mean[2]) / 256
    expected = np.concatenate([part.ravel() for part in (luma, u, v)])
    assert np.abs(planes.data - expected).max() < 1.5


def test_sides_of_planes_are_even() -> None:
    for size in ((3, 2), (2, 3), (0, 2)):
        with pytest.raises(ValueError, match="even"):
            Planes(*size)


def test_half_the_size_is_the_mean_of_four() -> None:
    pixels = np.random.default_rng(3).integers(0, 1 << 32, (34, 62), np.uint32)
    expected = channels(pixels).reshape(17, 2, 31, 2, 3).sum(axis=(1, 3)) // 4
    assert (channels(halved(pixels)) == expected).all()


def test_every_picture_gives_one_frame_that_looks_like_it() -> None:
    encoder, decoder = Vp8Encoder(320, 192, 900), av.CodecContext.create("vp8", "r")
    for number in range(30):
        data = encoder.encode(film(number), 10 + number / 30, key=number in (0, 20))
        assert bool(data[0] & 1) is (number not in (0, 20))
        picture = shown(decoder, data)
        assert np.abs(picture - channels(film(number))).mean() < 6
    encoder.close()
    encoder.close()


def test_a_key_frame_needs_nothing_from_before() -> None:
    encoder = Vp8Encoder(320, 192, 900)
    for number in range(5):
        encoder.encode(film(number), number / 30, key=number == 0)
    picture = shown(av.CodecContext.create("vp8", "r"), encoder.encode(film(9), 1.0, key=True))
    assert np.abs(picture - channels(film(9))).mean() < 8


def test_another_rate_is_followed_without_a_key_frame() -> None:
    encoder = Vp8Encoder(320, 192, 800)
    sizes = []
    for number in range(120):
        if number == 60:
            encoder.aim(200)
            assert encoder.kbps == 200
        data = encoder.encode(film(number), number / 30, key=not number)
        assert bool(data[0] & 1) is bool(number)
        sizes.append(len(data))
    assert sum(sizes[30:60]) / sum(sizes[90:]) > 2


def test_time_that_stands_still_or_runs_back_is_no_matter() -> None:
    encoder = Vp8Encoder(64, 64, 200)
    for at in (5.0, 5.0, 4.0, 900.0):
        assert encoder.encode(film(1, 64, 64), at, key=False)


def test_a_library_of_another_interface_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert vpx.available()
    monkeypatch.setattr(vpx, "_ENCODER_ABI", 1)
    with pytest.raises(VideoError, match="ABI"):
        Vp8Encoder(64, 64, 200)
    assert not vpx.available()


def test_a_machine_without_the_library_has_no_video(monkeypatch: pytest.MonkeyPatch) -> None:
    vpx._library.cache_clear()
    monkeypatch.setattr(vpx.Path, "glob", lambda self, pattern: iter(()))
    try:
        assert not vpx.available()
    finally:
        monkeypatch.undo()
        vpx._library.cache_clear()
    assert vpx.available()
