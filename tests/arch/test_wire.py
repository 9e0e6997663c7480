"""What is written twice, because two languages or two floors need it, says the same everywhere."""

import math
import re
from enum import IntEnum, IntFlag
from pathlib import Path

import pytest

from farhand.protocol import attendance, channels, clipboard, screen
from farhand.protocol.channels import (
    RULES,
    Actions,
    Clip,
    Control,
    Deploy,
    Durable,
    Files,
    Grant,
    Input,
    Kind,
    Party,
    Screen,
    Scripts,
    Shell,
)
from farhand.recording import cast
from farhand.recording import format as form
from farhand.web.reports import recordings

WIRE = Path(__file__).resolve().parents[2] / "web/console/src/wire"
ENDPOINTS_ONLY = {"LIMITS", "AUTH", "OFFER", "OFFER_ANSWER", "FACTS"}
"""Control frames that no browser speaks."""


def constants(source: str, name: str) -> dict[str, int]:
    """The numbers of `export const NAME = { A: 1, ... } as const`."""
    found = re.search(rf"export const {name} = {{(.*?)}} as const", source, re.DOTALL)
    assert found, name
    return {key: int(value, 0) for key, value in re.findall(r"(\w+): (\w+)", found[1])}


@pytest.mark.parametrize(
    "numbers", [Kind, Party, Grant, Control, Durable, Screen, Input, Shell, Actions, Files, Clip, Scripts, Deploy]
)
def test_the_console_has_the_numbers_of_the_protocol(numbers: type[IntEnum] | type[IntFlag]) -> None:
    expected = {one.name: int(one) for one in numbers if one.name and (one or numbers is Kind)}
    if numbers is Control:
        expected = {name: value for name, value in expected.items() if name not in ENDPOINTS_ONLY}
    assert constants((WIRE / "channels.ts").read_text(), numbers.__name__) == expected


def test_the_console_has_the_other_constants() -> None:
    source = (WIRE / "channels.ts").read_text()
    found = dict(re.findall(r"export const (\w+) = ([0-9xa-f* ]+);", source))
    assert int(found["CREDIT"], 0) == channels.CREDIT
    assert int(found["UNSUPPORTED"], 0) == channels.UNSUPPORTED
    sizes = {"SHELL_WINDOW": channels.SHELL_WINDOW, "CLIP_CHUNK": clipboard.CHUNK, "CLIP_MOST": clipboard.MOST}
    for name, size in sizes.items():
        assert math.prod(int(factor) for factor in found[name].split("*")) == size


def test_recordings_mark_the_landmarks_of_the_table() -> None:
    marked = {(kind, frame_type) for (kind, frame_type, _way), rule in RULES.items() if rule.landmark}
    assert marked == {(kind, frame_type) for kind, types in form.LANDMARKS.items() for frame_type in types}
    assert form.kind_bits(channels.channel(Kind.SCREEN), Screen.STARTED) & ~0xFFFF == recordings.SCREEN_LANDMARKS
    assert (cast.KIND, cast.OPENED) == (Kind.SHELL, Shell.OPENED)


def test_only_what_an_endpoint_sends_is_recorded() -> None:
    recorded = {(kind, way) for (kind, _, way), rule in RULES.items() if rule.recorded is not channels.Recorded.NO}
    assert recorded == {(kind, channels.Way.FROM_ENDPOINT) for kind in attendance.OF_KIND}


def test_the_head_of_an_update_is_read_as_it_is_written() -> None:
    for flags in screen.Flag:
        update = screen.UPDATE_HEAD.pack(7, 1000, flags, 0, 0)
        assert screen.acknowledgement(update) == screen.ACK.pack(7, 0)
        assert screen.is_key(update) is bool(flags & screen.Flag.KEY)
    assert screen.acknowledgement(b"short") is None
    assert not screen.is_key(b"short")


def test_the_console_draws_with_the_numbers_of_the_protocol() -> None:
    screens = WIRE.parent / "live/screen/encodings"
    table = (screens / "indexed.ts").read_text()
    found = re.search(r"export const SIXTEEN = \[(.*?)\]", table, re.DOTALL)
    assert found
    assert tuple(int(colour, 16) for colour in re.findall(r"0x[0-9a-f]{6}", found[1])) == screen.SIXTEEN
    video = (screens / "video.ts").read_text()
    assert constants(video, "VideoFlag") == {flag.name: int(flag) for flag in screen.VideoFlag}
    assert f'const CODEC = "{screen.VIDEO_CODEC}";' in video
    assert f"const CELL = {screen.MASK_CELL};" in video
    numbers = re.findall(r"^    \[(\d+), ", (screens / "index.ts").read_text(), re.MULTILINE)
    assert [int(number) for number in numbers] == sorted(screen.Encoding)


def test_the_console_offers_the_colours_of_the_protocol() -> None:
    found = re.search(r"export const COLOURS = \[(.*?)\] as const", (WIRE / "port.ts").read_text())
    assert found
    assert set(re.findall(r'"(\w+)"', found[1])) == set(screen.Colours) - {screen.Colours.SETTLED}
