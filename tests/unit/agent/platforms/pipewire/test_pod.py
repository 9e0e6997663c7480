"""Values that are negotiated with PipeWire: what is strange is left out, never believed."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from farhand.agent.platforms.linux.pipewire.pod import ID, INT, ONE_OF, RECTANGLE, choice, read_thing, thing, value

FORMAT = thing(0x40003, 4, {1: value(ID, 2), 0x20001: choice(ONE_OF, ID, (8,), (12,)), 0x20003: value(RECTANGLE, 7, 5)})


def test_what_is_written_is_read() -> None:
    assert read_thing(FORMAT) == {1: (2,), 0x20001: (8,), 0x20003: (7, 5)}
    assert value(INT, -1) == struct.pack("=IIiI", 4, INT, -1, 0)
    assert len(FORMAT) % 8 == 0


@given(st.binary(max_size=200), st.integers(0, len(FORMAT)))
def test_strange_values_are_left_out(noise: bytes, cut: int) -> None:
    for data in (noise, FORMAT[:cut] + noise, FORMAT[:cut]):
        assert all(isinstance(key, int) for key in read_thing(data))
