"""Shells leave a recording as asciicast and as a transcript that a person can read."""

import json
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.recording.made import SHELL, STARTED, Site, shell_frames

from farhand.kit.ids import new_id
from farhand.protocol import channels
from farhand.protocol.frames import MAX_PAYLOAD
from farhand.recording import cast, entered
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


def shell_of(frames: list[tuple[int, int, int, bytes]], number: int = 1) -> cast.Shell:
    """A shell, found by its landmarks alone."""
    return cast.shells(played([f for f in frames if f[2] in form.LANDMARKS[cast.KIND]]))[number - 1]


def transcript(frames: list[tuple[int, int, int, bytes]], number: int = 1) -> str:
    return "".join(cast.transcript(played(frames), shell_of(frames, number)))


def text(*parts: bytes, cols: int = 20, rows: int = 5) -> list[str]:
    return transcript(output(*parts, cols=cols, rows=rows)).split("\n")[:-1]


def test_constants_are_those_of_the_live_protocol() -> None:
    assert cast.KIND == channels.Kind.SHELL
    wanted = (cast.OPENED, cast.DATA, cast.CLOSED, cast.RESIZED)
    assert wanted == (channels.Shell.OPENED, channels.Shell.DATA, channels.Shell.CLOSED, channels.Shell.RESIZED)
    assert form.MAX_PAYLOAD == MAX_PAYLOAD


def test_asciicast_of_a_recorded_shell() -> None:
    session_id = new_id()
    writer = SITE.writer(session_id)
    data = writer.head()
    for time, channel, kind, payload in shell_frames():
        if writer.add(STARTED + time, channel, kind, payload):
            data += b"".join(writer.cut(STARTED + time))
    data += b"".join(writer.close(STARTED + 3000, "ended"))
    reader = SegmentReader(data, b"d" * 32)
    (shell,) = cast.shells(play([reader], cast.MARKS))
    lines = [json.loads(line) for line in cast.asciicast(play([reader]), shell)]
    assert lines[0]["version"] == 2
    assert (lines[0]["width"], lines[0]["height"], lines[0]["timestamp"]) == (80, 24, STARTED // 1000)
    assert lines[1:3] == [[0.5, "o", "$ "], [1.2, "o", "printf h"]]
    # A character that came in two frames is whole.
    assert lines[3][2].startswith("ätte\r\n")
    assert [2.0, "r", "100x30"] in lines
    assert cast.shells(play([reader])) == [shell]
    assert (shell.by, shell.command, shell.status) == ("Rep", "/bin/sh", 0)
    assert shell.closed_ms == STARTED + 3000


def test_transcript_reads_like_the_screen() -> None:
    assert transcript(shell_frames()) == "$ printf hätte\nhätte\n$ exit\n"


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
    assert transcript(frames).split() == ["1", "2", "3", "4", "long", "long", "line", "end"]


def test_bytes_told_twice_count_once_and_missing_ones_are_marked() -> None:
    frames = output(b"hello ")
    frames.append((200, SHELL, cast.DATA, (3).to_bytes(8, "little") + b"lo world"))
    frames.append((300, SHELL, cast.DATA, (100).to_bytes(8, "little") + b"!"))
    events = [json.loads(line) for line in cast.asciicast(played(frames), shell_of(frames))][1:]
    assert [e[1:] for e in events] == [["o", "hello "], ["o", "world"], ["m", "gap of 89 bytes"], ["o", "!"]]


def test_several_shells_are_told_apart_and_numbers_may_come_again() -> None:
    one = shell_frames()
    second = [(t + 5000, channels.channel(channels.Kind.SHELL, 2), k, p) for t, _, k, p in one]
    third = [(t + 9000, c, k, p) for t, c, k, p in one]
    found = cast.shells(played(one + second + third))
    assert [(s.number, s.channel, s.opened_ms) for s in found] == [(1, 0x401, 0), (2, 0x402, 5000), (3, 0x401, 9000)]
    assert transcript(one + second + third, 3) == "$ printf hätte\nhätte\n$ exit\n"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from(SEQUENCES))))
def test_hostile_output_never_raises(parts: list[bytes]) -> None:
    frames = output(*parts)
    frames.append((10_000, SHELL, cast.RESIZED, b'{"cols":3,"rows":1}'))
    frames.append((10_000, SHELL, cast.DATA, b"short"))
    list(cast.transcript(played(frames), shell_of(frames)))
    list(cast.asciicast(played(frames), shell_of(frames)))
    list(entered.lines(played(frames), [shell_of(frames)]))


def test_what_an_endpoint_makes_up_is_no_shell_and_no_error() -> None:
    # Bad input: JSON nested beyond sense, and more shells than a session can have
    nested = b'{"shell":1,"by":' + b"[" * 200_000
    assert [shell.cols for shell in cast.shells(played([(0, SHELL, cast.OPENED, nested)]))] == [80]
    many = [(n, SHELL, kind, b"{}") for n in range(2000) for kind in (cast.OPENED, cast.CLOSED)]
    found = cast.shells(played(many))
    assert len(found) == cast.MAX_SHELLS
    assert len(list(cast.asciicast(played(many), found[-1]))) == 1


def lines_of(*parts: bytes) -> list[tuple[int, str]]:
    frames = output(*parts, cols=80)
    return [(line.time_ms, line.text) for line in entered.lines(played(frames), [shell_of(frames)])]


def test_lines_that_were_entered_in_a_shell_with_line_editing() -> None:
    on, off = b"\x1b[?2004h", b"\x1b[?2004l\r"
    found = lines_of(
        on + b"\x1b[32mroot@host\x1b[0m:~# ", b"l", b"z", b"\x08\x1b[K", b"s -l", b"\r\n" + off,
        b"total > 0\r\n", b"\r\n$ not typed\r\n", on + b"root@host:~# ", b"\r\n" + off, on + b"root@host:~# ",
        b"echo '$ x' # y\r\n" + off + b"$ x\r\n",
    )  # fmt: skip
    assert found == [(500, "ls -l"), (1100, "echo '$ x' # y")]


def test_lines_that_were_entered_without_line_editing_by_their_echo() -> None:
    found = lines_of(
        b"$ ", b"ls", b"\r\n", b"one\r\ntwo\r\n$ ", b"su", b"\r\n", b"Password: ", b"\r\n", b"# ", b"id", b"\r\n0\r\n"
    )
    assert found == [(200, "ls"), (500, "su"), (1000, "id")]


def test_entered_lines_are_few_and_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entered, "MOST", 20)
    assert [len(text) for _, text in lines_of(b"$ " + b"x" * 70_000, b"\r\n")] == []
    assert [len(text) for _, text in lines_of(b"$ " + b"x" * 900, b"\r\n")] == [entered.LONGEST]
    many = [b"$ a", b"\r\n"] * (entered.MOST + 10)
    assert len(lines_of(*many)) == entered.MOST


@pytest.mark.parametrize("begin", ["\x1b]2;title", "\x1b[1;", "\x1b[1", "\x1b(", "\x1b%"], ids=repr)
def test_a_control_sequence_without_end_is_given_up(begin: str) -> None:
    paper = cast.Paper(20, 5)
    paper.print(begin)
    for _ in range(2 * cast.MOST_UNFINISHED // 4096):
        paper.print(begin[-1] * 4096)
    paper.print("\r\nhello")
    paper.flush()
    assert list(paper.taken())[-1] == "hello\n"


def test_saved_cursors_are_bounded() -> None:
    paper = cast.Paper(20, 5)
    paper.print("\x1b7" * 1000)
    assert len(paper.savepoints) == cast.MOST_SAVED


def test_letters_keep_their_marks_up_to_a_bound() -> None:
    marked = "e" + "\u0323" * 3
    assert text(marked.encode() + b" x")[0].count("\u0323") == 2, "one is composed with its letter"
    flood = text(("a" + "\u0301" * 20_000 + "b").encode())[0]
    assert (flood[0], flood[-1]) == ("\u00e1", "b")
    assert len(flood) <= cast.MOST_MARKS + 1


def test_a_frame_of_line_ends_is_read_in_one_go() -> None:
    size = 1 << 20
    frames = output(b"$ ls\r", b"\n" * (size - 8))
    assert [line.text for line in entered.lines(played(frames), [shell_of(frames)])] == ["ls"]


DEAR = (
    "\x1b#8", "\x1b[2J", "x\x1b[2J", "\x1b[?5h\x1b[?5l", "\x1b[?3h\x1b[?3l", "\x1b[K", "\x1b[J", "\x1b[1J",
    "\x1b[7K", "\x1b[7J", "\x1b[1000;1000Hx\x1b[2J", "\n", "x\n", "\x1bM", "\x1b[L", "\x1b[M", "\x1b[@", "\x1b[P",
    "\x1b[X", "\x1b[999X", "\x1b[H\x1b[L", "\x1b[H\x1b[@", "\x1bH\t", "\t", "\x1bc", "\x1b[?1049h\x1b[?1049l",
    "\x1b[2;999r\x1b[H\n",
)  # fmt: skip
"""Few bytes that make a terminal move, erase or fill much."""


@pytest.mark.parametrize("dear", DEAR)
def test_work_is_bounded_however_large_a_terminal_claims_to_be(dear: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cast, "MOST_COLUMNS", 200)  # a smaller one: to count steps takes long
    monkeypatch.setattr(cast, "MOST_LINES", 80)
    paper = cast.Paper(1000, 1000)
    assert (paper.columns, paper.lines) == (cast.MOST_COLUMNS, cast.MOST_LINES)
    paper.resize(1000, 1000)
    assert (paper.columns, paper.lines) == (cast.MOST_COLUMNS, cast.MOST_LINES)
    paper.print("x" * (paper.columns * paper.lines))
    steps = 0

    def count(_frame: object, event: str, _argument: object) -> object:
        nonlocal steps
        steps += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        paper.print(dear * 10)
    finally:
        sys.settrace(before)
    once = (
        3 * paper.columns * paper.lines
    )  # what was printed is taken off the screen, by the first sequence that clears it
    bound = once + 4 * (cast.MOST_LINES + cast.MOST_COLUMNS) * 10 * len(dear)
    assert steps < bound, f"{steps / 10 / len(dear)} steps a byte"
    assert bound < 10 * len(dear) * paper.columns * paper.lines, "going through all cells each time would be seen"
