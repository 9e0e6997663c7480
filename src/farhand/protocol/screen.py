"""The bytes of screen frames: heads, flags and encodings (docs/protocol/screen.md says the same for others).

Why it exists: the layout is written down once, for the agent that makes updates and the relay that records them.
Rules: little endian. A new encoding gets a new number; a number never changes its meaning, because recordings keep it.
"""

import struct
from enum import IntEnum, IntFlag
from typing import Final

UPDATE_HEAD: Final = struct.Struct("<IIBBH")
"""seq, milliseconds, flags, reserved, number of rectangles."""
RECT_HEAD: Final = struct.Struct("<HHHHBBHI")
"""x, y, width, height, encoding, argument, reserved, length of the data that follows."""
COPY_DATA: Final = struct.Struct("<hh")
ACK: Final = struct.Struct("<IH")
"""seq, time to decode and draw in 0.1 ms."""
CURSOR_HEAD: Final = struct.Struct("<HHHH")
"""Hot spot x and y, width, height; then RGBA, straight alpha."""


class Encoding(IntEnum):
    """How the data of a rectangle becomes pixels."""

    COPY = 0
    """i16 dx, dy: the rectangle at (x - dx, y - dy), as it was before this rectangle, moves here."""
    SOLID = 1
    """Four bytes B, G, R, 0."""
    ZSTD = 2
    """One zstd frame of width * height BGRX pixels, row by row; the fourth byte means nothing."""
    JPEG = 3
    """A JFIF picture of exactly this size. Lossy: the same place follows exactly once it is still."""


class Flag(IntFlag):
    """Flags of an update."""

    KEY = 1
    """A full picture begins here: forget what was drawn; this update and the next ones cover everything."""
    COMPLETE = 2
    """With this update the viewer has every cell as it is on the screen now (lossy ones included)."""


def acknowledgement(update: bytes) -> bytes | None:
    """Return the payload of the ACK (decoded in no time) for an UPDATE's payload, or None when that has no head."""
    return ACK.pack(UPDATE_HEAD.unpack_from(update)[0], 0) if len(update) >= UPDATE_HEAD.size else None


def is_key(update: bytes) -> bool:
    """Say whether a full picture begins with this UPDATE's payload."""
    return len(update) >= UPDATE_HEAD.size and bool(UPDATE_HEAD.unpack_from(update)[2] & Flag.KEY)
