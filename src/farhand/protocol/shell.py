"""The bytes of shell frames that are not JSON (docs/protocol/shell.md says the same for others).

Why it exists: the layout is written down once; `tests/wire/shell.json` holds both languages to it. Little endian.
"""

import struct
from typing import Final

OFFSET: Final = struct.Struct("<Q")
"""Head of DATA: how many bytes of this shell's output came before; the output follows."""
CREDIT_BYTES: Final = struct.Struct("<I")
"""CREDIT: bytes of DATA, without their heads, that were consumed."""
