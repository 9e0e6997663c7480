"""What comes beside PipeWire's pictures, the pointer's shape and place: what is strange is left out, never believed."""

import struct

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from farhand.agent.platforms.linux.pipewire.metas import read_cursor, read_place


def cursor(kind: int = 11, width: int = 2, height: int = 1, stride: int = 8, offset: int = 20, at: int = 28) -> bytes:
    head = struct.pack("=IIiiiiI", 1, 0, 5, 6, 1, 0, at) + struct.pack("=IIIiI", kind, width, height, stride, offset)
    return head + bytes([1, 2, 3, 255, 4, 5, 6, 128])


def test_the_pointers_shape_is_premultiplied_argb() -> None:
    shape = read_cursor(cursor())
    assert shape is not None
    assert shape[:4] == (1, 0, 2, 1)
    assert np.frombuffer(shape[4], np.uint32).tolist() == [0xFF010203, 0x80040506]
    assert read_cursor(cursor(kind=12)) == (1, 0, 2, 1, bytes([1, 2, 3, 255, 4, 5, 6, 128]))
    for wrong in (
        cursor(kind=3),
        cursor(width=0),
        cursor(width=500),
        cursor(stride=4),
        cursor(stride=-8),
        cursor(height=2),
        cursor(offset=4),
        cursor(at=0),
        cursor(at=5000),
    ):
        assert read_cursor(wrong) is None


@given(st.binary(max_size=120))
@example(b"")
def test_a_strange_shape_is_none(noise: bytes) -> None:
    for data in (noise, cursor()[:28] + noise, cursor()[: len(noise)]):
        shape = read_cursor(data)
        assert shape is None or len(shape[4]) == shape[2] * shape[3] * 4
        place = read_place(data)
        assert place is None or len(place) == 2


def test_the_pointers_place_is_told_while_it_is_there() -> None:
    assert read_place(cursor()) == (5, 6)
    assert read_place(bytes(4) + cursor()[4:]) is None, "no pointer has number 0"
