"""The client file as one customer gets it: the same bytes for all, with this session's way in as its ZIP comment.

A ZIP's comment stands at its very end, behind its length in the end record (APPNOTE 4.3.16): so the file is sent as
it is but for the last bytes, and nothing is unpacked or written.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

END_RECORD: Final = b"PK\x05\x06"
END_SIZE: Final = 22
BLOCK: Final = 1 << 17


class NotAZip(ValueError):
    """The client file has no end record: it is not what was built."""


def with_comment(path: Path, comment: bytes) -> tuple[int, Iterator[bytes]]:
    """Return the size and the blocks of the ZIP at `path` with `comment` (up to 65,535 bytes) in place of its own."""
    if len(comment) > 0xFFFF:
        raise ValueError("a ZIP comment has at most 65,535 bytes")
    size = path.stat().st_size
    with path.open("rb") as file:
        start = max(0, size - END_SIZE - 0xFFFF)
        file.seek(start)
        tail = file.read()
    at = tail.rfind(END_RECORD)
    if at < 0 or len(tail) - at < END_SIZE:
        raise NotAZip(f"{path.name} is not a client file")
    body = start + at + END_SIZE - 2
    end = struct.pack("<H", len(comment)) + comment
    return body + len(end), _blocks(path, body, end)


def _blocks(path: Path, body: int, end: bytes) -> Iterator[bytes]:
    with path.open("rb") as file:
        left = body
        while left:
            block = file.read(min(BLOCK, left))
            if not block:
                raise NotAZip(f"{path.name} became shorter while it was sent")
            left -= len(block)
            yield block
    yield end
