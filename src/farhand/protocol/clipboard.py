"""The bytes and bounds of clipboard frames (docs/protocol/clipboard.md says the same for others).

Why it exists: the layout is written down once; `tests/wire/clipboard.json` holds both languages to it. Little endian.
"""

import struct
from typing import Final

PART: Final = struct.Struct("<I")
"""Head of GIVEN_PART and PART: number of the transfer; the next bytes of its content follow."""
CHUNK: Final = 16 * 1024
"""Content in one part, in bytes, at most."""
MOST: Final = 4 * 1024 * 1024
"""Longest content, in bytes."""
TEXT: Final = "text"
"""UTF-8, lines ended by LF."""
PNG: Final = "png"
FORMATS: Final = (TEXT, PNG)
"""Names of formats, the one that is preferred first; others may come."""
PNG_HEAD: Final = b"\x89PNG\r\n\x1a\n"


def fits(name: str, content: bytes) -> bool:
    """Say whether these bytes are content of this format: text is UTF-8, a picture begins like one."""
    if name == PNG:
        return content.startswith(PNG_HEAD)
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return name == TEXT
