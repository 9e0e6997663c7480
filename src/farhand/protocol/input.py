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
BLOCK: Final = struct.Struct("<B")
"""What is wanted: one of the next three."""
GIVE_BACK, DISABLE, STILL = 0, 1, 2
"""Of BLOCK: give mouse and keyboard back, disable them, leave them disabled (the answer to BLOCKED)."""
BUTTONS: Final = 0x1F
"""Bits of buttons that mean something: left, middle, right, back, forward."""

TEXT: Final = struct.Struct("<HB")
"""Head of TEXT: the viewer's number for it, flags (`SECRET`); UTF-8 follows."""
MOST_TEXT: Final = 4096
"""Longest text, in bytes."""
SECRET: Final = 1
"""Flag of a text that no recording may show."""
_UNICODE: Final = 0x01000000
_NAMED: Final = {"\n": 0xFF0D, "\t": 0xFF09}


def keysym_of(character: str) -> int:
    """Return the X keysym that types a character; line end and tab are keys. Raises ValueError for other control
    characters."""
    code = ord(character)
    if character in _NAMED:
        return _NAMED[character]
    if code < 0x20 or 0x7F <= code < 0xA0:
        raise ValueError("a text that is typed has no control characters but line ends and tabs")
    return code if code <= 0xFF else _UNICODE + code
