"""A film as tests show it: pictures that move as pictures do, the same ones each time."""

from typing import Any

import numpy as np
import numpy.typing as npt

_GRAIN = np.random.default_rng(0).normal(128, 2, (3, 512, 768))


def film(number: int, width: int = 320, height: int = 192) -> npt.NDArray[np.uint32]:
    """Return one picture (BGRX) of at most 768 x 512 of a moving scene: soft shapes that travel, with some grain."""
    x, y = np.arange(width), np.arange(height)[:, None]
    out: npt.NDArray[Any] = np.zeros((height, width), np.uint32)
    for n, (across, down, speed) in enumerate(((31, 47, 2.0), (23, 37, 1.3), (41, 29, 0.7))):
        top, left = number * 37 % (513 - height), number * 53 % (769 - width)
        wave = np.sin((x + number * speed) / across * 3) + np.cos((y - number * speed) / down * 3)
        part = wave * 50 + _GRAIN[n, top : top + height, left : left + width]
        out |= np.clip(part, 0, 255).astype(np.uint32) << (16 - 8 * n)
    return out
