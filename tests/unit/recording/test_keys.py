"""A wrapped data key opens for its own session and segment under the appliance's key, and for nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farhand.recording.keys import BadKey, new_data_key, unwrap, wrap

KEK = bytes(range(32))


def test_a_wrapped_key_comes_back_and_is_never_the_same_text() -> None:
    data_key = new_data_key()
    wrapped = wrap(KEK, data_key, "session-a", 3)
    assert unwrap(KEK, wrapped, "session-a", 3) == data_key
    assert wrap(KEK, data_key, "session-a", 3) != wrapped
    with pytest.raises(ValueError, match="32 bytes"):
        wrap(KEK, b"short", "session-a", 3)


@pytest.mark.parametrize(("kek", "session", "segment"), [(bytes(32), "a", 1), (KEK, "b", 1), (KEK, "a", 2)])
def test_it_opens_for_its_own_place_only(kek: bytes, session: str, segment: int) -> None:
    wrapped = wrap(KEK, new_data_key(), "a", 1)
    with pytest.raises(BadKey, match="does not open"):
        unwrap(kek, wrapped, session, segment)


@given(st.text(max_size=120))
def test_other_text_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(BadKey):
        unwrap(KEK, text, "a", 1)
