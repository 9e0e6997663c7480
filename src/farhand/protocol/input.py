"""The bytes of input frames (docs/protocol/input.md says the same for others).

Why it exists: the layout is written down once; `tests/wire/input.json` holds both languages to it. Little endian.
"""

import struct
from typing import Final

from farhand.protocol.channels import Input

KEY: Final = struct.Struct("<BI")
"""1 = pressed, 0 = released; X keysym."""
POINTER: Final = struct.Struct("<HHB")
"""x, y in pixels of the screen; buttons that are held."""
WHEEL: Final = struct.Struct("<bb")
"""Clicks to the right and down."""
LAYOUTS: Final[dict[int, struct.Struct]] = {Input.KEY: KEY, Input.POINTER: POINTER, Input.WHEEL: WHEEL}
"""By frame type; each payload is exactly so long."""
BUTTONS: Final = 0x1F
"""Bits of buttons that mean something: left, middle, right, back, forward."""
