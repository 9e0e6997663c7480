"""What each colour mode sends for text and for pictures, while they move and once they are still.

Why it exists: a mode is a row of this table, nothing else. The order of cost on the same changing scene is: black and
white, few, more, full. Lossy 4:2:0 pictures and video never touch text in any mode.
"""

from typing import NamedTuple

from farhand.protocol.screen import Colours, Encoding


class How(NamedTuple):
    """One way to encode a rectangle."""

    encoding: Encoding
    """ZSTD stands for all exact ones: `exact` chooses by what the pixels are. PALETTE: exact where INDEXED of so
    many bits would hardly be less, else that."""
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
    follows: bool = False
    """What moves gets coarser on a slow line. In the other modes a person has chosen what it looks like."""

    @property
    def placed(self) -> bool:
        """Text depends on its place too: moved pixels are likenesses."""
        return self.plain.amount == 1


class Thrift(NamedTuple):
    """How far a likeness goes down for a slow line."""

    bytes: float
    """About this share of the bytes comes of it."""
    quality: float

    def of(self, how: How) -> How:
        """The likeness so reduced."""
        return how._replace(amount=max(1, round(how.amount * self.quality)))


# Few steps, so that viewers of similar lines share their encodings. Measured with soft and with hard pictures.
_THRIFT = (Thrift(1.0, 1.0), Thrift(0.73, 0.75), Thrift(0.56, 0.5), Thrift(0.45, 0.35), Thrift(0.35, 0.2))


# Text that moves on a slow line has fewer colours, which leaves its edges where they are; 4:2:0 would not.
_FEWER = (
    (1.0, None),
    (0.5, How(Encoding.PALETTE, 8)),
    (0.3, How(Encoding.PALETTE, 4)),
    (0.16, How(Encoding.PALETTE, 1)),
)


def fewer(share: float) -> tuple[float, How | None]:
    """Return how text is sent that may have this share of its exact form's bytes, and the share that this needs.

    None: exactly. The strongest reduction if none is enough.
    """
    return next((step for step in _FEWER if step[0] <= share), _FEWER[-1])


def thrift(share: float) -> Thrift:
    """Return the least reduction that needs no more than this share of the bytes; the strongest one if none does."""
    return next((step for step in _THRIFT if step.bytes <= share), _THRIFT[-1])


EXACT = How(Encoding.ZSTD)
_LIKENESS = How(Encoding.JPEG, 78)

RECIPES: dict[Colours, Recipe] = {
    Colours.VIDEO: Recipe(EXACT, _LIKENESS, EXACT, video=True, follows=True),
    Colours.BLACK_WHITE: Recipe(
        How(Encoding.INDEXED, 1), How(Encoding.INDEXED, 1, True), How(Encoding.INDEXED, 1, True)
    ),
    Colours.FEW: Recipe(How(Encoding.INDEXED, 4), How(Encoding.JPEG, 30), How(Encoding.INDEXED, 4, True)),
    Colours.MORE: Recipe(How(Encoding.INDEXED, 8), How(Encoding.JPEG, 55), How(Encoding.INDEXED, 8, True)),
    Colours.FULL: Recipe(EXACT, How(Encoding.JPEG, 90, True), EXACT),
    Colours.SETTLED: Recipe(EXACT, _LIKENESS, EXACT, follows=True),
}
