"""Lines that somebody entered in the shells of a recording: places to jump to.

What is typed is not recorded, its echo is. A shell with line editing switches bracketed paste off (`ESC [ ? 2004 l`)
when it takes a line: exact. Where none does, a line counts as entered when output begins with the line's end, as
the terminal's own echo of Enter does, and it looks like a prompt with something behind it. Nothing rests on this but
a list of places: what was not echoed (a password) is not in it, and hostile output can at worst add lines to it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from farhand.recording.cast import CLOSED, DATA, OPENED, Paper, Shell
from farhand.recording.reader import PlayedFrame

MOST: Final = 5000
"""Lines of one recording."""
LONGEST: Final = 200
"""Characters of a line; what is over is cut."""
_KEPT: Final = 4096
"""Bytes of a line that are looked at: its end, with the echo of all editing."""
_PASTE_OFF: Final = b"\x1b[?2004l"
_PASTE_ON: Final = b"\x1b[?2004h"
_PROMPT: Final = re.compile(r"^.*?[$#%>\u276f\u279c]\s+(?=\S)")


class Line(NamedTuple):
    """One line that was entered. Its text comes from an endpoint: hostile until shown as text."""

    time_ms: int
    shell: int
    """Number of the shell (`Shell.number`)."""
    text: str


class _Terminal:
    """The unfinished line of one shell."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.edits = False
        """It says itself when it takes a line."""
        self._line = bytearray()
        self._at = 0

    def take(self, frame: PlayedFrame) -> Iterator[Line]:
        offset = int.from_bytes(frame.payload[:8], "little")
        raw = bytes(frame.payload[8:])[max(self._at - offset, 0) :]
        self._at = max(self._at, offset + len(frame.payload) - 8)
        self.edits = self.edits or _PASTE_ON in raw
        begin = 0
        while (end := raw.find(b"\n", begin)) >= 0:
            self._line += raw[begin:end]
            at_front = begin == 0 and not raw[:end].strip(b"\r")
            taken = raw.startswith(_PASTE_OFF, end + 1) if self.edits else at_front
            text = self._text() if taken else ""
            if text:
                yield Line(frame.time_ms, self.shell.number, text)
            self._line.clear()
            begin = end + 1
        self._line += raw[begin:]
        if len(self._line) > _KEPT:
            del self._line[:-_KEPT]

    def _text(self) -> str:
        paper = Paper(max(self.shell.cols, 20), max(self.shell.rows, 4))
        paper.print(bytes(self._line[-_KEPT:]).decode(errors="replace"))
        paper.flush()
        shown = [line.strip() for line in paper.taken() if line.strip()]
        last = shown[-1] if shown else ""
        found = _PROMPT.match(last)
        return last[found.end() :][:LONGEST] if found else ""


def lines(frames: Iterable[PlayedFrame], shells: Sequence[Shell]) -> Iterator[Line]:
    """Yield the lines that were entered in `shells`, in order of time; `frames` are all frames of shells."""
    ahead = sorted(shells, key=lambda shell: shell.opened_ms, reverse=True)
    live: dict[int, _Terminal] = {}
    count = 0
    for frame in frames:
        while ahead and ahead[-1].opened_ms <= frame.time_ms:
            if ahead[-1].channel in live and frame.type != OPENED:
                break  # the one before on this channel closes in the same millisecond
            shell = ahead.pop()
            live[shell.channel] = _Terminal(shell)
        terminal = live.get(frame.channel)
        if terminal is None:
            continue
        if frame.type == CLOSED:
            del live[frame.channel]
        elif frame.type == DATA and len(frame.payload) >= 8:
            for line in terminal.take(frame):
                yield line
                count += 1
                if count >= MOST:
                    return
