"""Shells leave a recording as asciicast and as a transcript that a person can read."""

import json
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.recording.made import SHELL, STARTED, Site, shell_frames

from farhand.kit.ids import new_id
from farhand.protocol import channels
from farhand.protocol.frames import MAX_PAYLOAD
from farhand.recording import cast
from farhand.recording import format as form
from farhand.recording.reader import PlayedFrame, SegmentReader, play

SITE = Site()
SEQUENCES = [b"\x1b[", b"\x1b[?1049h", b"\x1b[2J", b"\x1b]0;", b"5;9r", b"\x1bM", b"\r\n"]


def played(frames: list[tuple[int, int, int, bytes]]) -> Iterator[PlayedFrame]:
    return (PlayedFrame(t, c, k, memoryview(p)) for t, c, k, p in frames)


def output(*parts: bytes, cols: int = 20, rows: int = 5) -> list[tuple[int, int, int, bytes]]:
    frames = [(0, SHELL, cast.OPENED, b'{"shell":1,"cols":%d,"rows":%d}' % (cols, rows))]
    at = 0
    for n, part in enumerate(parts):
        frames.append((n * 100, SHELL, cast.DATA, at.to_bytes(8, "little") + part))
        at += len(part)
    return frames


def text(*parts: bytes, cols: int = 20, rows: int = 5) -> list[str]:
    return "".join(cast.transcript(played(output(*parts, cols=cols, rows=rows)), 1)).split("\n")[:-1]


def test_constants_are_those_of_the_live_protocol() -> None:
    assert cast.KIND == channels.Kind.SHELL
    wanted = (cast.OPENED, cast.DATA, cast.CLOSED, cast.RESIZED)
    assert wanted == (channels.Shell.OPENED, channels.Shell.DATA, channels.Shell.CLOSED, channels.Shell.RESIZED)
    assert form.MAX_PAYLOAD == MAX_PAYLOAD
    screen, shell = channels.Screen, channels.Shell
    marks = {
        channels.Kind.SCREEN: {screen.STARTED, screen.STOPPED},
        channels.Kind.SHELL: {shell.OPENED, shell.CLOSED, shell.RESIZED},
    }
    assert marks == form.LANDMARKS


def test_asciicast_of_a_recorded_shell() -> None:
    session_id = new_id()
    writer = SITE.writer(session_id)
    data = writer.head()
    for time, channel, kind, payload in shell_frames():
        if writer.add(STARTED + time, channel, kind, payload):
            data += writer.cut(STARTED + time)
    data += writer.close(STARTED + 3000, "ended")
    reader = SegmentReader(data, b"d" * 32)
    lines = [json.loads(line) for line in cast.asciicast(play([reader]), 1)]
    assert lines[0]["version"] == 2
    assert (lines[0]["width"], lines[0]["height"], lines[0]["timestamp"]) == (80, 24, STARTED // 1000)
    assert lines[1:3] == [[0.5, "o", "$ "], [1.2, "o", "printf h"]]
    # A character that came in two frames is whole.
    assert lines[3][2].startswith("ätte\r\n")
    assert [2.0, "r", "100x30"] in lines
    assert list(cast.asciicast(play([reader]), 2)) == []
    (shell,) = cast.shells(play([reader]))
    assert (shell.by, shell.command, shell.status) == ("Rep", "/bin/sh", 0)
    assert shell.closed_ms == STARTED + 3000


def test_transcript_reads_like_the_screen() -> None:
    assert "".join(cast.transcript(played(shell_frames()), 1)) == "$ printf hätte\nhätte\n$ exit\n"


def test_wrapped_lines_are_whole_and_others_stay_apart() -> None:
    assert text(b"0123456789" * 7 + b"\r\nshort\r\n") == ["0123456789" * 7, "short"]
    assert text(b"x" * 20 + b"\r\n" + b"y" * 20 + b"\r\n") == ["x" * 20, "y" * 20]


def test_long_output_keeps_every_line() -> None:
    lines = [f"line {n}" for n in range(200)]
    assert text("\r\n".join(lines).encode() + b"\r\n") == lines


def test_cleared_screens_are_kept_and_full_screen_programs_are_not() -> None:
    assert text(b"before\r\n\x1b[H\x1b[2Jafter\r\n") == ["before", "after"]
    assert text(b"a\r\n\x1b[?1049h\x1b[2JEDITOR\r\nEDITOR\x1b[?1049lb\r\n") == ["a", "b"]


def test_resize_loses_no_line() -> None:
    frames = output(b"1\r\n2\r\n3\r\n4\r\nlong long line")
    frames.append((900, SHELL, cast.RESIZED, b'{"cols":8,"rows":2}'))
    frames.append((950, SHELL, cast.DATA, (26).to_bytes(8, "little") + b"\r\nend"))
    assert "".join(cast.transcript(played(frames), 1)).split() == ["1", "2", "3", "4", "long", "long", "line", "end"]


def test_bytes_told_twice_count_once_and_missing_ones_are_marked() -> None:
    frames = output(b"hello ")
    frames.append((200, SHELL, cast.DATA, (3).to_bytes(8, "little") + b"lo world"))
    frames.append((300, SHELL, cast.DATA, (100).to_bytes(8, "little") + b"!"))
    events = [json.loads(line) for line in cast.asciicast(played(frames), 1)][1:]
    assert [e[1:] for e in events] == [["o", "hello "], ["o", "world"], ["m", "gap of 89 bytes"], ["o", "!"]]


def test_several_shells_are_told_apart_and_numbers_may_come_again() -> None:
    one = shell_frames()
    second = [(t + 5000, channels.channel(channels.Kind.SHELL, 2), k, p) for t, _, k, p in one]
    third = [(t + 9000, c, k, p) for t, c, k, p in one]
    found = cast.shells(played(one + second + third))
    assert [(s.number, s.channel, s.opened_ms) for s in found] == [(1, 0x401, 0), (2, 0x402, 5000), (3, 0x401, 9000)]
    assert "".join(cast.transcript(played(one + second + third), 3)) == "$ printf hätte\nhätte\n$ exit\n"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from(SEQUENCES))))
def test_hostile_output_never_raises(parts: list[bytes]) -> None:
    frames = output(*parts)
    frames.append((10_000, SHELL, cast.RESIZED, b'{"cols":3,"rows":1}'))
    frames.append((10_000, SHELL, cast.DATA, b"short"))
    list(cast.transcript(played(frames), 1))
    list(cast.asciicast(played(frames), 1))
    list(cast.shells(played(frames)))


def test_what_an_endpoint_makes_up_is_no_shell_and_no_error() -> None:
    # Bad input: JSON nested beyond sense, and more shells than a session can have
    nested = b'{"shell":1,"by":' + b"[" * 200_000
    assert [shell.cols for shell in cast.shells(played([(0, SHELL, cast.OPENED, nested)]))] == [80]
    many = [(n, SHELL, kind, b"{}") for n in range(2000) for kind in (cast.OPENED, cast.CLOSED)]
    assert len(cast.shells(played(many))) == cast.MAX_SHELLS
    assert list(cast.asciicast(played(many), cast.MAX_SHELLS + 1)) == []
