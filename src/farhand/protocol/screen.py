"""The bytes of screen frames: heads, flags and encodings (docs/protocol/screen.md says the same for others).

Why it exists: the layout is written down once, for the agent that makes updates and the relay that records them.
Rules: little endian. A new encoding gets a new number; a number never changes its meaning, because recordings keep it.
"""

import struct
from enum import IntEnum, IntFlag, StrEnum
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
POINTER: Final = struct.Struct("<HH")
"""x, y of the pointer's hot spot in pixels of the whole picture."""
NOWHERE: Final = 0xFFFF
"""x and y of a pointer that is outside of the picture."""


class Encoding(IntEnum):
    """How the data of a rectangle becomes pixels."""

    COPY = 0
    """i16 dx, dy: the rectangle at (x - dx, y - dy), as it was before this rectangle, moves here."""
    SOLID = 1
    """Four bytes B, G, R, 0."""
    ZSTD = 2
    """One zstd frame of width * height BGRX pixels, row by row; the fourth byte means nothing."""
    JPEG = 3
    """A JFIF picture of exactly this size. Lossy: the same place follows in its final form once it is still."""
    INDEXED = 4
    """One zstd frame of palette indices; `argument` is their size in bits: 1, 4 or 8 (see `palette`). Row by row, each
    filled up to a whole byte, the leftmost pixel in the highest bits."""
    VIDEO = 5
    """The next frame of the viewer's one VP8 stream, drawn over the rectangle (scaled if it has another size).
    `argument`: `VideoFlag`. Lossy, as JPEG."""
    PALETTE = 6
    """A byte: number of colours less one, then three bytes B, G, R of each, then one zstd frame of indices into these
    colours, packed as those of INDEXED; `argument` is their size in bits: 1, 2, 4 or 8."""
    PLANES = 7
    """One zstd frame of three planes of width * height bytes, row by row: differences of green; those of blue less
    those of green; those of red less those of green. A difference is the value less the mean, rounded down, of its
    neighbours on the left and above; of the one neighbour in the first row and column; less nothing in the corner.
    Modulo 256."""


class VideoFlag(IntFlag):
    """Bits of `argument` of a VIDEO rectangle."""

    KEY = 1
    """A key frame: a new stream begins."""
    MASKED = 2
    """Before the frame stands one bit for each cell of MASK_CELL x MASK_CELL pixels of the rectangle, row by row
    without gaps, the first cell in the highest bit, filled up to a byte at the very end. Only set cells are drawn."""


MASK_CELL: Final = 16
MOST_COLOURS: Final = 256
"""Colours of a PALETTE rectangle."""
VIDEO_CODEC: Final = "vp8"
"""The name by which viewers that can draw VIDEO say so (START)."""


class Colours(StrEnum):
    """What a viewer wants for its bandwidth (START). Words that are not known here are VIDEO."""

    VIDEO = "video"
    """Likenesses and video while pictures move, exact pixels once they are still."""
    BLACK_WHITE = "bw"
    FEW = "few"
    """16 colours; moving pictures as coarse likenesses."""
    MORE = "more"
    """256 colours; moving pictures as fair likenesses."""
    FULL = "full"
    """Good likenesses with all colours while pictures move, exact pixels once they are still."""
    SETTLED = "settled"
    """As VIDEO, but no video: every full picture stands alone. The recorder's."""

    @classmethod
    def _missing_(cls, value: object) -> "Colours":
        return cls.VIDEO


SIXTEEN: Final = (
    0x000000, 0x303030, 0x606060, 0x909090, 0xC0C0C0, 0xE8E8E8, 0xFFFFFF, 0xE03030,
    0x30B030, 0x3060E0, 0xE8D030, 0x30B8C8, 0xB040B0, 0xE88020, 0xD8A880, 0x202070,
)  # fmt: skip
"""The palette of four bits, 0xRRGGBB."""


def palette(bits: int) -> tuple[int, ...]:
    """Return the 0xRRGGBB colours of an INDEXED rectangle with indices of 1, 4 or 8 bits.

    Eight bits: 216 colours of six levels each (red counts most), then 40 greys between black and white.
    """
    if bits == 1:
        return 0x000000, 0xFFFFFF
    if bits == 4:
        return SIXTEEN
    if bits == 8:
        cube = [(n // 36 * 51) << 16 | (n // 6 % 6 * 51) << 8 | n % 6 * 51 for n in range(216)]
        return *cube, *((255 * n + 20) // 41 * 0x010101 for n in range(1, 41))
    raise ValueError(f"there is no palette of {bits} bits")


class Flag(IntFlag):
    """Flags of an update."""

    KEY = 1
    """A full picture begins here: forget what was drawn; this update and the next ones cover everything."""
    COMPLETE = 2
    """With this update the viewer has every cell as it is on the screen now (lossy ones included)."""


def acknowledgement(update: bytes) -> bytes | None:
    """Return the payload of the ACK (decoded in no time) for an UPDATE's payload, or None when that has no head."""
    return ACK.pack(UPDATE_HEAD.unpack_from(update)[0], 0) if len(update) >= UPDATE_HEAD.size else None


def flags_of(update: bytes) -> int:
    """Return the flags (`Flag`) of an UPDATE's payload; 0 when it has no head."""
    return int(UPDATE_HEAD.unpack_from(update)[2]) if len(update) >= UPDATE_HEAD.size else 0


def is_key(update: bytes) -> bool:
    """Say whether a full picture begins with this UPDATE's payload."""
    return bool(flags_of(update) & Flag.KEY)
