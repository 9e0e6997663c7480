"""The pointer's shape where a compositor does not tell it: an arrow, black with a white edge."""

import struct

_PICTURE = (
    "#...........",
    "##..........",
    "#o#.........",
    "#oo#........",
    "#ooo#.......",
    "#oooo#......",
    "#ooooo#.....",
    "#oooooo#....",
    "#ooooooo#...",
    "#oooooooo#..",
    "#ooooo#####.",
    "#oo#oo#.....",
    "#o#.#oo#....",
    "##..#oo#....",
    "#....#oo#...",
    ".....#oo#...",
    "......##....",
)
_WORDS = {"#": 0xFFFFFFFF, "o": 0xFF000000, ".": 0}
ARROW = (
    0,
    0,
    len(_PICTURE[0]),
    len(_PICTURE),
    b"".join(struct.pack("=I", _WORDS[letter]) for row in _PICTURE for letter in row),
)
"""As `ScreenSource.cursor` returns it."""
