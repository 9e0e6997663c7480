"""A recording becomes a film: pictures when something changes, gaps that are not shown, idle time left out."""

import struct
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from tests.unit.recording.made import SCREEN, STARTED, Site

from farhand.kit.ids import new_id
from farhand.protocol.channels import Screen
from farhand.recording import film as module
from farhand.recording.film import film
from farhand.recording.picture import RECT_HEAD, UPDATE_HEAD
from farhand.recording.reader import SegmentReader

SITE = Site()
KEY = b"d" * 32
COMPLETE = 3


def update(colour: int, *, flags: int = 0, side: int = 16) -> bytes:
    head = UPDATE_HEAD.pack(1, 0, flags, 0, 1)
    return head + RECT_HEAD.pack(0, 0, side, side, 1, 0, 0, 4) + struct.pack("<I", colour)


def recorded(*frames: tuple[int, int, bytes], started: int = STARTED, end: int = 0) -> SegmentReader:
    writer = SITE.writer(new_id(), started_ms=started, data_key=KEY)
    data = writer.head()
    for time, kind, payload in frames:
        if writer.add(
            started + time, SCREEN, kind, payload, kind == Screen.UPDATE and bool(len(payload) > 8 and payload[8] & 1)
        ):
            data += b"".join(writer.cut(started + time))
    return SegmentReader(data + b"".join(writer.close(started + end, "ended")), KEY)


BEGIN = (0, int(Screen.STARTED), b'{"width":16,"height":16}'), (100, int(Screen.UPDATE), update(1, flags=COMPLETE))


def shots(*readers: SegmentReader, **how: bool) -> Iterator[tuple[int, int | None]]:
    """(film time, colour; None = not known) of each picture."""
    for shot in film(readers, **how):
        known = shot.picture.known and bool(shot.picture.pixels.size)
        yield shot.at_ms, int(shot.picture.pixels[0, 0]) if known else None


def test_the_film_begins_with_the_first_picture_and_keeps_time() -> None:
    reader = recorded(*BEGIN, (600, Screen.UPDATE, update(2)), (1000, Screen.UPDATE, update(3)), end=1500)
    assert list(shots(reader))[:-1] == [(0, 1), (500, 2), (900, 3)]


def test_it_has_a_bounded_number_of_pictures_a_second() -> None:
    many = [(100 + n * 10, int(Screen.UPDATE), update(n)) for n in range(1, 200)]
    times = [at for at, _ in shots(recorded(*BEGIN, *many, end=2100))]
    assert all(b - a >= 1000 // module.FPS for a, b in pairwise(times))
    assert 15 <= len(times) <= 22


def test_a_picture_that_stays_is_given_again_and_idle_time_can_be_left_out() -> None:
    reader = recorded(*BEGIN, (3_600_100, Screen.UPDATE, update(2)), end=3_600_200)
    whole = list(shots(reader))
    assert len(whole) > 700
    assert (3_600_000, 2) in whole
    short = list(shots(reader, skip_idle=True))
    assert len(short) < 5
    assert (module.IDLE_KEPT_MS, 2) in short


def test_what_was_not_recorded_or_is_damaged_is_not_shown() -> None:
    first = recorded(*BEGIN, end=1000)
    second = recorded(*BEGIN, started=STARTED + 10_000, end=1000)
    colours = [colour for _, colour in shots(first, second)]
    assert colours[0] == 1
    assert None in colours
    assert 1 in colours[colours.index(None) :]

    reader = recorded(*BEGIN, (2000, Screen.UPDATE, update(2)), (4000, Screen.UPDATE, update(3)), end=4000)
    place = next(n for n, chunk in enumerate(reader.index) if chunk.start_ms == 2000)
    chunk = reader.index[place]
    data = bytearray(reader._data)
    data[chunk.offset + chunk.size - 3] ^= 1
    colours = [colour for _, colour in shots(SegmentReader(bytes(data), KEY))]
    assert set(colours) == {1, None}


@pytest.mark.parametrize("wrong", [b"", b"garbage", update(9, side=99)])
def test_frames_that_do_not_fit_end_the_picture_until_the_next_full_one(wrong: bytes) -> None:
    reader = recorded(
        *BEGIN, (500, Screen.UPDATE, wrong or bytes(9)), (1000, Screen.UPDATE, update(4, flags=COMPLETE)), end=1500
    )
    assert [colour for _, colour in shots(reader)][:3] == [1, None, 4]


def test_a_recording_without_a_screen_is_no_film() -> None:
    assert list(film([recorded(end=100)])) == []
    assert list(film([])) == []


def test_a_pointer_that_moves_is_a_change_of_the_film() -> None:
    shape = (150, int(Screen.CURSOR), struct.pack("<HHHH", 0, 0, 1, 1) + b"\xff\xff\xff\xff")
    places = [(at, int(Screen.POINTER), struct.pack("<HH", x, 0)) for at, x in ((160, 0), (800, 3))]
    reader = recorded(*BEGIN, shape, *places, end=1500)
    seen = [(shot.at_ms, [int(n) for n in np.flatnonzero(shot.picture.shown()[0] != 1)]) for shot in film([reader])]
    assert (700, [3]) in seen
    assert any(at < 700 and white == [0] for at, white in seen)
