"""What a server sends may be anything: the agent gives up on the message, never on itself."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farhand.agent.core.wire import open_refusal
from farhand.protocol.messages import NOT_UNDERSTOOD, End, Offer

NESTED = b'{"x": ' + b"[" * 25_000 + b"]" * 25_000 + b"}"


@pytest.mark.parametrize("payload", [NESTED, b"", b"\xc0\xaf", b"[]", b'{"code": 1}', b'{"code": "\\ud800"}'])
def test_a_refusal_that_is_not_understood_is_still_a_refusal(payload: bytes) -> None:
    assert open_refusal(payload).code == "bad-message"


@given(st.binary(max_size=200) | st.just(NESTED))
def test_decoding_raises_nothing_else(payload: bytes) -> None:
    for message in (End, Offer):
        try:
            msgspec.json.decode(payload, type=message)
        except NOT_UNDERSTOOD:
            continue
