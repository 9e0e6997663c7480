"""Shells of a recording: which there were, each as asciicast v2, each as a plain text transcript.

Everything streams: frames in, lines out; memory does not grow with the length of a shell. Input is hostile text from an
endpoint, so nothing in it may raise. Frame types are those of the shell channel (docs/protocol/shell.md); a test
holds the constants here equal to the live protocol's.
"""

import codecs
import json
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Any, Final

import msgspec
import pyte

from farhand.recording.reader import PlayedFrame

KIND: Final = 4
"""Channel kind of shells; bit KIND of `ChunkHead.kinds`."""
OPENED: Final = 17
DATA: Final = 18
CLOSED: Final = 19
RESIZED: Final = 20
KINDS: Final = 1 << KIND
MARKS: Final = 1 << 16 + KIND
"""Bits of `recording.format.kind_bits`: any frame of a shell; one that says where a shell begins or ends."""
MAX_SHELLS: Final = 255
"""A session has no more: their numbers are never used twice. What an endpoint makes up beyond is left out."""

_Side = Annotated[int, msgspec.Meta(ge=1, le=1000)]


class _Opened(msgspec.Struct):
    cols: _Side = 80
    rows: _Side = 24
    by: Annotated[str, msgspec.Meta(max_length=128)] = ""
    command: Annotated[str, msgspec.Meta(max_length=128)] = ""


class _Closed(msgspec.Struct):
    status: int | None = None


@dataclass(slots=True)
class Shell:
    """One shell of a session. Times as in the frames it was found by."""

    number: int
    """Counts from 1 in order of opening."""
    channel: int
    opened_ms: int
    closed_ms: int | None = None
    cols: int = 80
    rows: int = 24
    by: str = ""
    command: str = ""
    status: int | None = None
    """Exit status; negative for a signal; None while open or unknown."""


def shells(frames: Iterable[PlayedFrame]) -> list[Shell]:
    """Return the shells of a recording in order of opening. The LANDMARKS of shells alone are enough for that."""
    found: list[Shell] = []
    for _ in _tracked(frames, found):
        pass
    return found


def asciicast(frames: Iterable[PlayedFrame], shell: Shell) -> Iterator[str]:
    """Yield the lines of a shell as asciicast v2 (https://docs.asciinema.org/manual/asciicast/v2/).

    `frames` are those of the recording from the shell's opening on, or more. Bytes that are missing (damaged chunks, a
    relay that was gone) become a marker `gap of N bytes`.
    """
    head = {"version": 2, "width": shell.cols, "height": shell.rows, "timestamp": shell.opened_ms // 1000}
    yield json.dumps({**head, "title": f"Shell {shell.number}", "env": {"TERM": "xterm-256color"}}) + "\n"
    last = 0.0
    for time_ms, event, data in _events(frames, shell):
        last = max((time_ms - shell.opened_ms) / 1000, last)
        yield json.dumps([round(last, 3), event, data], ensure_ascii=False) + "\n"


def transcript(frames: Iterable[PlayedFrame], shell: Shell) -> Iterator[str]:
    """Yield the lines of a shell as a person would have read them, without control sequences. `frames` as above.

    Lines that the terminal wrapped are whole again; full-screen programs are left out; what was cleared is kept.
    """
    paper = Paper(shell.cols, shell.rows)
    for _, event, data in _events(frames, shell):
        if event == "o":
            paper.print(data)
        elif event == "r":
            columns, _, lines = data.partition("x")
            paper.resize(int(lines), int(columns))
        else:
            paper.print(f"\r\n[{data}]\r\n")
        yield from paper.taken()
    paper.flush()
    yield from paper.taken()


def of_shell(frames: Iterable[PlayedFrame], shell: Shell) -> Iterator[PlayedFrame]:
    """Yield the frames of one shell, the last of which is its CLOSED."""
    for frame in frames:
        if frame.channel != shell.channel or frame.time_ms < shell.opened_ms:
            continue
        yield frame
        if frame.type == CLOSED:
            return


def _events(frames: Iterable[PlayedFrame], shell: Shell) -> Iterator[tuple[int, str, str]]:
    """Yield (time, event, data) of one shell: asciicast's `o`, `r`, `m`."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    at = 0
    for frame in of_shell(frames, shell):
        if frame.type == DATA and len(frame.payload) >= 8:
            offset = int.from_bytes(frame.payload[:8], "little")
            raw = frame.payload[8:]
            if offset > at:
                yield frame.time_ms, "m", f"gap of {offset - at} bytes"
                decoder.reset()
            new = raw[max(at - offset, 0) :]
            at = max(at, offset + len(raw))
            text = decoder.decode(bytes(new))
            if text:
                yield frame.time_ms, "o", text
        elif frame.type == RESIZED:
            size = _decode(frame.payload, _Opened)
            yield frame.time_ms, "r", f"{size.cols}x{size.rows}"


def _tracked(frames: Iterable[PlayedFrame], found: list[Shell]) -> Iterator[tuple[Shell, PlayedFrame]]:
    """Yield each shell frame with its shell; `found` grows as shells open. An OPENED told twice opens once."""
    live: dict[int, Shell] = {}
    for frame in frames:
        if frame.channel >> 8 != KIND:
            continue
        shell = live.get(frame.channel)
        if shell is None:
            if frame.type not in (OPENED, DATA) or len(found) >= MAX_SHELLS:
                continue
            opened = _decode(frame.payload, _Opened) if frame.type == OPENED else _Opened()
            shell = Shell(
                number=len(found) + 1,
                channel=frame.channel,
                opened_ms=frame.time_ms,
                cols=opened.cols,
                rows=opened.rows,
                by=opened.by,
                command=opened.command,
            )
            live[frame.channel] = shell
            found.append(shell)
        if frame.type == CLOSED:
            shell.closed_ms = frame.time_ms
            shell.status = _decode(frame.payload, _Closed).status
            del live[frame.channel]
        yield shell, frame


def _decode(payload: memoryview, as_type: type[Any]) -> Any:
    """Decode an endpoint's JSON; what is not understood counts as said nothing."""
    try:
        return msgspec.json.decode(payload, type=as_type)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return as_type()


MOST_MARKS: Final = 32
"""Characters of one cell: a letter and the marks that are written over it. What comes on top is left out."""
MOST_SAVED: Final = 16
"""Cursors that are remembered at a time."""
MOST_UNFINISHED: Final = 1 << 16
"""Characters after which a control sequence that does not end is given up."""


MOST_COLUMNS: Final = 640
MOST_LINES: Final = 240
"""A terminal that claims to be larger is read as one of this size: more than a large monitor shows in tiny letters. A
few bytes of output may move a whole line, or all lines: that is what it costs."""
MOST_STOPS: Final = 128
"""Tab stops: all of them are looked at for each tab."""


class _Stream(pyte.Stream):
    """A parser that does not collect a control sequence without end."""

    _unfinished = 0

    def feed(self, data: str) -> None:
        super().feed(data)
        self._unfinished = 0 if self._taking_plain_text else self._unfinished + len(data)
        if self._unfinished > MOST_UNFINISHED:
            raise ValueError("a control sequence does not end")


class Paper(pyte.Screen):
    """A terminal whose lines are taken off as they leave the screen, so it needs no history.

    What hostile output can make it hold is bounded: marks over a letter, saved cursors, sequences without end. So is
    what it can make it do: no sequence fills the screen or goes through all its cells; what has no text is not kept.
    """

    def __init__(self, columns: int, lines: int) -> None:
        self._out: list[str] = []
        self._parts: list[str] = []
        self._length = 0
        self._drawing = False
        self._aside: tuple[dict[int, Any], Any] | None = None
        super().__init__(min(columns, MOST_COLUMNS), min(lines, MOST_LINES))
        self._stream = _Stream(self)

    def print(self, text: str) -> None:
        """Take output. A sequence that the terminal trips over is dropped."""
        try:
            self._stream.feed(text)
        except (TypeError, ValueError, IndexError, KeyError, AttributeError, AssertionError):
            self._drawing = False
            self._stream = _Stream(self)

    def taken(self) -> Iterator[str]:
        """Yield the lines that left the screen since the last call, each with its line end."""
        out, self._out = self._out, []
        yield from out

    def flush(self) -> None:
        """Take all lines off the screen; blank ones at its end are none."""
        if self._aside is not None:
            self._main_screen()
        last = max((y for y, line in self.buffer.items() if self._text(line).strip()), default=-1)
        for y in range(last + 1):
            self._take(self.buffer.get(y, {}))
        if self._parts:
            self._end_line(strip=True)

    # What pyte calls while it reads:

    def draw(self, data: str) -> None:
        self._drawing = True
        if data.isascii():
            super().draw(data)
        else:
            for marks, run in groupby(data, lambda character: unicodedata.combining(character) > 0):
                text = "".join(run)
                super().draw(text[: self._room_for_marks()] if marks else text)
        self._drawing = False

    def _room_for_marks(self) -> int:
        """How many marks the letter before the cursor may still take."""
        x, y = self.cursor.x - 1, self.cursor.y
        if x < 0:
            x, y = self.columns - 1, y - 1
        return max(MOST_MARKS - len(self.buffer[y][x].data), 0) if y >= 0 else 0

    def save_cursor(self) -> None:
        super().save_cursor()
        del self.savepoints[:-MOST_SAVED]

    def linefeed(self) -> None:
        line: Any = self.buffer[self.cursor.y]
        line.wrapped = self._drawing
        super().linefeed()

    def index(self) -> None:
        margins = self.margins
        top, bottom = (margins.top, margins.bottom) if margins is not None else (0, self.lines - 1)
        if self.cursor.y == bottom and top == 0 and self._aside is None:
            self._take(self.buffer[0])
        super().index()

    def erase_in_display(self, how: int = 0, *args: Any, **kwargs: Any) -> None:
        if how in (2, 3) and self._aside is None:
            self.flush()
        erased = {0: range(self.cursor.y + 1, self.lines), 1: range(self.cursor.y)}.get(how, range(self.lines))
        for y in [y for y in self.buffer if y in erased]:
            del self.buffer[y]
        if how in (0, 1):
            self.erase_in_line(how)

    def erase_in_line(self, how: int = 0, private: bool = False) -> None:
        erased = {0: range(self.cursor.x, self.columns), 1: range(self.cursor.x + 1)}.get(how, range(self.columns))
        self._erase(erased)

    def erase_characters(self, count: int | None = None) -> None:
        self._erase(range(self.cursor.x, min(self.cursor.x + (count or 1), self.columns)))

    def _erase(self, cells: range) -> None:
        line: Any = self.buffer.get(self.cursor.y, {})
        for x in [x for x in line if x in cells]:
            del line[x]

    def alignment_display(self) -> None:
        """A test picture: it would fill the screen, and says nothing."""

    def set_tab_stop(self) -> None:
        if len(self.tabstops) < MOST_STOPS:
            super().set_tab_stop()

    def set_mode(self, *modes: int, **kwargs: Any) -> None:
        modes = self._of_text(modes, kwargs)
        if kwargs.get("private") and {47, 1047, 1049} & set(modes) and self._aside is None:
            cursor = (self.cursor.x, self.cursor.y)
            self._aside = (dict(self.buffer), cursor)
            self.buffer.clear()
        super().set_mode(*modes, **kwargs)

    @staticmethod
    def _of_text(modes: tuple[int, ...], kwargs: dict[str, Any]) -> tuple[int, ...]:
        """Leave out what changes the look of the whole screen: 132 columns (DECCOLM), reversed colours (DECSCNM)."""
        return tuple(mode for mode in modes if not (kwargs.get("private") and mode in (3, 5)))

    def reset_mode(self, *modes: int, **kwargs: Any) -> None:
        modes = self._of_text(modes, kwargs)
        if kwargs.get("private") and {47, 1047, 1049} & set(modes) and self._aside is not None:
            self._main_screen()
        super().reset_mode(*modes, **kwargs)

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        """New size. Lines above a shrunk screen leave it; long lines keep their text."""
        lines, columns = min(lines or self.lines, MOST_LINES), min(columns or self.columns, MOST_COLUMNS)
        for _ in range(max(self.cursor.y - (lines - 1), 0)):
            if self._aside is None:
                self._take(self.buffer[0])
            for y in range(self.lines - 1):
                self.buffer[y] = self.buffer[y + 1]
            self.buffer.pop(self.lines - 1, None)
            self.cursor.y -= 1
        for y in [y for y in self.buffer if y >= lines]:
            del self.buffer[y]
        self.lines, self.columns = lines, columns
        self.cursor.x = min(self.cursor.x, columns - 1)
        self.margins = None

    def _main_screen(self) -> None:
        if self._aside is None:
            return
        rows, (x, y) = self._aside
        self._aside = None
        self.buffer.clear()
        self.buffer.update({row: line for row, line in rows.items() if row < self.lines})
        self.cursor.x, self.cursor.y = min(x, self.columns - 1), min(y, self.lines - 1)

    def _take(self, line: Any) -> None:
        goes_on = getattr(line, "wrapped", False)
        text = self._text(line)
        self._parts.append(text if goes_on else text.rstrip())
        self._length += len(text)
        if not goes_on or self._length > 65_536:
            self._end_line()

    def _end_line(self, *, strip: bool = False) -> None:
        text = "".join(self._parts)
        self._out.append((text.rstrip() if strip else text) + "\n")
        self._parts, self._length = [], 0

    @staticmethod
    def _text(line: Any) -> str:
        return "".join(line[x].data for x in range(max(line, default=-1) + 1))
