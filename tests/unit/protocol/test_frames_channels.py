"""Frames and the tables of access."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farhand.protocol import channels, frames
from farhand.protocol.channels import (
    CREDIT,
    RECORDER_GRANTS,
    RULES,
    UNSUPPORTED,
    Clip,
    Durable,
    Files,
    Grant,
    Input,
    Kind,
    Party,
    Recorded,
    Screen,
    Shell,
    Traffic,
    Way,
    channel,
)

EVERY = Grant(sum(Grant))


@given(st.integers(0, 255), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.binary(max_size=300))
def test_a_frame_comes_back_as_it_was(kind: int, chan: int, leg: int, payload: bytes) -> None:
    parsed = frames.parse(frames.build(kind, chan, leg, payload))
    assert (parsed.type, parsed.channel, parsed.leg, bytes(parsed.payload)) == (kind, chan, leg, payload)


@given(st.binary(max_size=64))
def test_bytes_are_a_frame_or_a_frame_error(data: bytes) -> None:
    try:
        parsed = frames.parse(data)
    except frames.FrameError:
        return
    assert frames.build(parsed.type, parsed.channel, parsed.leg, parsed.payload) == data


def test_payloads_over_the_limit_are_refused() -> None:
    with pytest.raises(frames.FrameError):
        frames.build(1, 1, 1, bytes(frames.MAX_PAYLOAD + 1))
    big = frames.HEADER.pack(1, 1, 1, 1, 0, frames.MAX_PAYLOAD + 1) + bytes(frames.MAX_PAYLOAD + 1)
    with pytest.raises(frames.FrameError):
        frames.parse(big)


@given(st.integers(0, 0xFFFF), st.integers(0, 255), st.sampled_from(Party))
def test_without_grants_nothing_passes(number: int, kind: int, party: Party) -> None:
    #
    assert not channels.may_send(party, Grant.NONE, number, kind)
    assert party is Party.ENDPOINT or not channels.may_receive(party, Grant.NONE, number, kind)


@given(st.integers(0, 0xFFFF), st.integers(0, 255), st.sampled_from(Party), st.integers(0, int(EVERY)))
def test_more_grants_never_allow_less(number: int, kind: int, party: Party, grants: int) -> None:
    if channels.may_send(party, Grant(grants), number, kind):
        assert channels.may_send(party, EVERY, number, kind)
    if channels.may_receive(party, Grant(grants), number, kind):
        assert channels.may_receive(party, EVERY, number, kind)


def test_the_directions_never_mix() -> None:
    for kind, number in itertools.product(range(256), (channel(k) for k in Kind)):
        viewer = channels.may_send(Party.CONSOLE, EVERY, number, kind)
        endpoint = channels.may_send(Party.ENDPOINT, EVERY, number, kind)
        if viewer and endpoint:
            assert (number, kind) == (channel(Kind.CHAT), Durable.POST)


#
@pytest.mark.parametrize("party", [Party.ENDPOINT, Party.PORTAL, Party.RECORDER])
def test_what_representatives_say_to_each_other_is_for_consoles_alone(party: Party) -> None:
    for kind in range(256):
        assert not channels.may_send(party, EVERY, channel(Kind.REPS), kind)
        assert not channels.may_receive(party, EVERY, channel(Kind.REPS), kind)
    assert channels.may_send(Party.CONSOLE, Grant.SYSTEM, channel(Kind.REPS), Durable.POST)
    assert channels.may_receive(Party.CONSOLE, Grant.SYSTEM, channel(Kind.REPS), Durable.ENTRY)


@pytest.mark.parametrize(
    ("party", "grant", "number", "kind", "allowed"),
    [
        (Party.CONSOLE, Grant.SCREEN_VIEW, channel(Kind.INPUT), Input.STATE, True),
        (Party.CONSOLE, Grant.SCREEN_CONTROL, channel(Kind.INPUT), Input.STATE, False),
        (Party.CONSOLE, EVERY, channel(Kind.INPUT), Input.KEY, False),
        (Party.CONSOLE, Grant.SHELL, channel(Kind.SHELL, 3), Shell.DATA, True),
        (Party.CONSOLE, EVERY, channel(Kind.SHELL, 3), Shell.INPUT, False),
        (Party.ENDPOINT, Grant.NONE, channel(Kind.SHELL, 3), Shell.INPUT, True),
        (Party.ENDPOINT, EVERY, channel(Kind.SHELL, 3), Shell.DATA, False),
        (Party.PORTAL, EVERY, channel(Kind.SCREEN), Screen.UPDATE, False),
        (Party.PORTAL, Grant.CHAT, channel(Kind.CHAT), Durable.ENTRY, True),
        (Party.CONSOLE, EVERY, channel(Kind.CHAT), Durable.POST, False),
        (Party.RECORDER, EVERY, channel(Kind.CHAT), Durable.ENTRY, False),
        (Party.RECORDER, RECORDER_GRANTS, channel(Kind.SHELL, 3), Shell.DATA, True),
        (Party.CONSOLE, Grant.SHELL, channel(Kind.SHELL, 3), UNSUPPORTED, True),
        (Party.CONSOLE, Grant.CHAT, channel(Kind.SHELL, 3), UNSUPPORTED, False),
    ],
)
def test_who_may_be_sent_what(party: Party, grant: Grant, number: int, kind: int, allowed: bool) -> None:
    assert channels.may_receive(party, grant, number, kind) is allowed


@pytest.mark.parametrize(
    ("party", "grant", "number", "kind", "allowed"),
    [
        (Party.CONSOLE, Grant.SHELL, channel(Kind.SHELL, 3), Shell.INPUT, True),
        (Party.CONSOLE, Grant.SHELL, channel(Kind.SHELL, 3), CREDIT, True),
        (Party.CONSOLE, Grant.SCREEN_VIEW, channel(Kind.SHELL, 3), Shell.INPUT, False),
        (Party.CONSOLE, Grant.SCREEN_VIEW, channel(Kind.INPUT), 3, False),
        (Party.CONSOLE, Grant.SYSTEM, channel(Kind.SYSTEM), Durable.POST, False),
        (Party.ENDPOINT, Grant.SYSTEM, channel(Kind.SYSTEM), Durable.POST, True),
        (Party.PORTAL, Grant.CHAT, channel(Kind.CHAT), Durable.POST, True),
        (Party.PORTAL, EVERY, channel(Kind.SCREEN), Screen.START, False),
        (Party.CONSOLE, Grant.CLIPBOARD_WRITE, channel(Kind.CLIPBOARD), Clip.GIVE, True),
        (Party.CONSOLE, Grant.CLIPBOARD_WRITE, channel(Kind.CLIPBOARD), Clip.TAKE, False),
        (Party.CONSOLE, Grant.CLIPBOARD_READ, channel(Kind.CLIPBOARD), Clip.GIVEN_PART, False),
        (Party.CONSOLE, Grant.FILES_WRITE, channel(Kind.FILES), Files.PUT, True),
        (Party.CONSOLE, Grant.FILES_WRITE, channel(Kind.FILES), Files.GET, False),
        (Party.CONSOLE, Grant.FILES_READ, channel(Kind.FILES), Files.DELETE, False),
        (Party.RECORDER, RECORDER_GRANTS, channel(Kind.SCREEN), Screen.START, True),
        (Party.RECORDER, RECORDER_GRANTS, channel(Kind.SHELL, 3), Shell.INPUT, False),
        (Party.RECORDER, EVERY, channel(Kind.INPUT), Input.KEY, False),
        (Party.ENDPOINT, Grant.SHELL, channel(Kind.SHELL, 3), UNSUPPORTED, True),
        (Party.CONSOLE, EVERY, channel(Kind.SHELL, 3), UNSUPPORTED, False),
        (Party.ENDPOINT, EVERY, channel(Kind.CHAT), UNSUPPORTED, False),
    ],
)
def test_the_tables(party: Party, grant: Grant, number: int, kind: int, allowed: bool) -> None:
    assert channels.may_send(party, grant, number, kind) is allowed


def test_the_recorder_has_one_set_of_grants_and_it_is_what_is_recorded() -> None:
    assert RECORDER_GRANTS == Grant.SCREEN_VIEW | Grant.SHELL
    for (kind, frame_type, _way), rule in RULES.items():
        if rule.recorded is not Recorded.NO:
            assert channels.may_receive(Party.RECORDER, RECORDER_GRANTS, channel(Kind(kind), 1), frame_type)


def test_every_tool_can_say_that_it_does_not_serve_something() -> None:
    asked = {kind for kind, _type, way in RULES if way is Way.TO_ENDPOINT}
    assert {kind for kind, frame_type, _way in RULES if frame_type == UNSUPPORTED} == asked
    assert not channels.is_recorded(channel(Kind.SHELL, 1), UNSUPPORTED, shared=True)


def test_what_is_typed_goes_before_pictures_and_those_before_files() -> None:
    assert [channels.traffic_of(channel(kind, 1)) for kind in Kind] == [
        Traffic.FIRST, Traffic.FIRST, Traffic.SCREEN, Traffic.FIRST, Traffic.FIRST, Traffic.BULK, Traffic.BULK,
        Traffic.FIRST, Traffic.FIRST, Traffic.BULK, Traffic.FIRST, Traffic.FIRST,
    ]  # fmt: skip
    assert channels.traffic_of(0xFFFF) is Traffic.FIRST
