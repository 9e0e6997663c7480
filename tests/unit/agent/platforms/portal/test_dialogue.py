"""What a portal is asked, in which order, and which of its answers are taken."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farhand.agent.core.desktop import DesktopError
from farhand.agent.platforms.linux.portal.dialogue import (
    CAST,
    DESK,
    MOST_MONITORS,
    Agreed,
    Ask,
    Offer,
    Results,
    Stream,
    agree,
)

_MADE = {"session_handle": ("s", "/the/session")}
_ONE = (42, {"position": ("(ii)", (0, 0)), "size": ("(ii)", (800, 600)), "id": ("s", "eDP-1")})


def run(offer: Offer, *answers: Results, token: str = "", keep: bool = True) -> tuple[list[Ask], Agreed]:
    """All that was asked, and what came of it."""
    dialogue, asked = agree(offer, token, keep=keep), []
    ask = next(dialogue)
    for answer in answers:
        asked.append(ask)
        try:
            ask = dialogue.send(answer)
        except StopIteration as done:
            return asked, done.value
    raise AssertionError(f"it wants {ask}")


def started(*streams: Any, **more: Any) -> dict[str, Any]:
    """The last answer."""
    return {"streams": ("a(ua{sv})", list(streams)), **more}


def test_an_answer_is_brought_back_by_its_token_and_lasts() -> None:
    asked, agreed = run(
        Offer(2, 3, 7), _MADE, {}, {}, started(_ONE, devices=("u", 3), restore_token=("s", "new")), token="old"
    )
    assert [(ask.interface, ask.member) for ask in asked] == [
        (DESK, "CreateSession"),
        (DESK, "SelectDevices"),
        (CAST, "SelectSources"),
        (DESK, "Start"),
    ]
    devices, sources = asked[1].options, asked[2].options
    assert devices == {"types": ("u", 3), "persist_mode": ("u", 2), "restore_token": ("s", "old")}
    assert sources == {"types": ("u", 1), "multiple": ("b", True), "cursor_mode": ("u", 4)}
    assert asked[3].patience > asked[2].patience
    assert agreed == Agreed("/the/session", (Stream(42, "monitor-1", (0, 0), (800, 600)),), True, "new")
    assert "new" not in repr(agreed)


def test_what_a_portal_cannot_is_not_asked_of_it() -> None:
    asked, agreed = run(Offer(1, 3, 2), _MADE, {}, {}, started((7, {}), devices=("u", 2)), token="old")
    assert asked[1].options == {"types": ("u", 3)}, "an older one remembers nothing"
    assert asked[2].options["cursor_mode"] == ("u", 2)
    assert (agreed.controls, agreed.token) == (False, ""), "without a keyboard it is no control"
    assert agreed.streams == (Stream(7, "monitor-1", (0, 0), (0, 0)),)
    for offer in (Offer(0, 0, 1), Offer(2, 2, 1)):
        asked, agreed = run(offer, _MADE, {}, started(_ONE, devices=("u", 3)))
        assert [ask.interface for ask in asked] == [CAST] * 3
        assert not agreed.controls
    asked, _ = run(Offer(2, 7, 0), _MADE, {}, {}, started(_ONE), keep=False)
    assert asked[1].options["persist_mode"] == ("u", 1)
    assert "cursor_mode" not in asked[2].options


def test_an_answer_without_a_monitor_is_none() -> None:
    with pytest.raises(DesktopError, match="chose no monitor") as caught:
        run(Offer(2, 3, 7), _MADE, {}, {}, started(devices=("u", 3)))
    assert caught.value.reason == "refused"


@pytest.mark.parametrize(
    "answer",
    [
        {"streams": ("u", 1)},
        started(7),
        started((7, [])),
        started(("7", {})),
        started((7, {"size": ("(ii)", (1, 2, 3))})),
        started((7, {"position": ("(ii)", (0, 1 << 40))})),
        started((7, {"size": "not a variant"})),
        started(_ONE, devices=("s", "all")),
        started(_ONE, restore_token=("ay", b"")),
    ],
)
def test_a_strange_answer_is_said_so(answer: dict[str, Any]) -> None:
    with pytest.raises(DesktopError, match="unknown way"):
        run(Offer(2, 3, 7), _MADE, {}, {}, answer)


def test_a_session_has_a_path() -> None:
    for made in ({}, {"session_handle": ("s", "")}, {"session_handle": ("u", 1)}):
        with pytest.raises(DesktopError, match="unknown way"):
            run(Offer(2, 3, 7), made)


_VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.tuples(inner, inner) | st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
_NAMES = st.sampled_from(["streams", "devices", "restore_token", "session_handle"])


@settings(max_examples=25)
@given(
    st.lists(st.dictionaries(_NAMES, _VALUES | st.tuples(st.just("v"), _VALUES), max_size=4), min_size=4, max_size=4)
)
def test_whatever_is_answered_there_is_an_end(answers: list[dict[str, Any]]) -> None:
    answers[0].setdefault("session_handle", ("s", "/x"))
    try:
        _, agreed = run(Offer(2, 3, 7), *answers)
    except DesktopError:
        return
    assert agreed.session.startswith("/")
    assert 0 < len(agreed.streams) <= MOST_MONITORS
    assert len(agreed.token) <= 256
