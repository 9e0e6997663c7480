"""Finding words in what the shells of a session printed (R-185).

A transcript is made anew from the recording at each search and kept nowhere: what is encrypted on the disk stays so.
Making it takes time, so a search reads no more than MAX_SEARCHED bytes and no longer than MAX_SECONDS, whether lines
come of it or not (a full-screen program leaves none), and says which shells it did not finish.
"""

import re
import time
from typing import Final

import msgspec

from farhand.web.reports import recordings

MAX_WORDS: Final = 200
"""Characters that can be looked for."""
MAX_FOUND: Final = 200
"""Lines that are shown."""
MAX_SEARCHED: Final = 8 << 20
"""Bytes of output that one search reads."""
MAX_SECONDS: Final = 20.0
"""How long one search reads: hostile output can make every byte of it dear."""
MAX_LINE: Final = 400
"""Characters that are shown of a line, around what was found."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line with what was looked for."""

    shell: int
    line: int
    """Counts from 1 in the transcript."""
    before: str
    match: str
    after: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found."""

    words: str
    lines: list[Line]
    more: bool
    """There is more than is shown."""
    left_out: list[int]
    """Shells that were not searched, or not to their end: there is too much."""


def find(recording: recordings.Recording, words: str) -> Found:
    """Look for `words` in all shells; upper and lower case are the same. Longer words are cut at MAX_WORDS."""
    words = words[:MAX_WORDS]
    wanted = re.compile(re.escape(words), re.IGNORECASE)
    lines: list[Line] = []
    left_out: list[int] = []
    room, until = MAX_SEARCHED, time.monotonic() + MAX_SECONDS

    def goes_on(size: int) -> bool:
        nonlocal room
        room = room - size if time.monotonic() < until else 0
        return room > 0

    for shell in recordings.shells(recording):
        read = recordings.shell_lines(recording, shell, "txt", goes_on) if room > 0 else ()
        for number, text in enumerate(read, 1):
            match = wanted.search(text.rstrip("\n"))
            if match is None:
                continue
            if len(lines) == MAX_FOUND:
                return Found(words=words, lines=lines, more=True, left_out=left_out)
            lines.append(_shown(shell.number, number, match))
        if room <= 0:
            left_out.append(shell.number)
    return Found(words=words, lines=lines, more=False, left_out=left_out)


def _shown(shell: int, number: int, match: re.Match[str]) -> Line:
    text, (start, end) = match.string, match.span()
    side = MAX_LINE // 2
    before, after = text[max(start - side, 0) : start], text[end : end + side]
    return Line(
        shell=shell,
        line=number,
        before=f"…{before}" if start > side else before,
        match=match[0],
        after=f"{after}…" if len(text) - end > side else after,
    )
