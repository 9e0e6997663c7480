"""What each colour mode sends for text and for pictures, while they move and once they are still.

Why it exists: a mode is a row of this table, nothing else. The order of cost on the same changing scene is: black and
white, few, more, full. Lossy 4:2:0 pictures and video never touch text in any mode.
"""

from typing import NamedTuple

from farhand.protocol.screen import Colours, Encoding


class How(NamedTuple):
    """One way to encode a rectangle."""

    encoding: Encoding
    amount: int = 0
    """Quality of JPEG (1 to 100), bits of INDEXED (1, 4, 8)."""
    fine: bool = False
    """JPEG: all of the colour (4:4:4, else 4:2:0). INDEXED: dithered, so it depends on the place."""


class Recipe(NamedTuple):
    """A colour mode."""

    plain: How
    """Text and windows; always the final form."""
    moving: How
    """Pictures that have just changed."""
    still: How
    """The final form of pictures."""
    video: bool = False
    """A rectangle that stays hot may become a video."""

    @property
    def placed(self) -> bool:
        """Text depends on its place too: moved pixels are likenesses."""
        return self.plain.amount == 1


EXACT = How(Encoding.ZSTD)
_LIKENESS = How(Encoding.JPEG, 78)

RECIPES: dict[Colours, Recipe] = {
    Colours.VIDEO: Recipe(EXACT, _LIKENESS, EXACT, video=True),
    Colours.BLACK_WHITE: Recipe(
        How(Encoding.INDEXED, 1), How(Encoding.INDEXED, 1, True), How(Encoding.INDEXED, 1, True)
    ),
    Colours.FEW: Recipe(How(Encoding.INDEXED, 4), How(Encoding.JPEG, 30), How(Encoding.INDEXED, 4, True)),
    Colours.MORE: Recipe(How(Encoding.INDEXED, 8), How(Encoding.JPEG, 55), How(Encoding.INDEXED, 8, True)),
    Colours.FULL: Recipe(EXACT, How(Encoding.JPEG, 90, True), EXACT),
    Colours.SETTLED: Recipe(EXACT, _LIKENESS, EXACT),
}
