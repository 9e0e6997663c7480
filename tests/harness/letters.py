"""Something like a page of text, as tests show it: inks on white, soft edges, more colours than a palette has."""

import numpy as np
import numpy.typing as npt

_INKS = np.array([0x202020, 0x806040, 0x4060C0, 0xA0A0A0, 0x606060], np.uint32)


def letters(height: int, width: int, seed: int = 4) -> npt.NDArray[np.uint32]:
    """Return a page (BGRX), the same one each time: a third of it is ink, a part of that as dark as it can be."""
    chance = np.random.default_rng(seed)
    ink = _INKS[chance.integers(0, len(_INKS), (height, width))]
    weight = np.clip(chance.integers(-176, 100, (height, width)), 0, 64).astype(np.uint32)
    out = np.zeros((height, width), np.uint32)
    for shift in (0, 8, 16):
        out |= (255 * (64 - weight) + (ink >> shift & 255) * weight) // 64 << shift
    return out
