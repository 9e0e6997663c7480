"""Messages, bytes and bounds of clipboard frames (docs/protocol/clipboard.md says the same for others).

Why it exists: the layout is written down once; `tests/wire/clipboard.json` holds both languages to it. Little endian.
"""

import struct
from typing import Annotated, Final

import msgspec

from farhand.protocol.channels import Grant
from farhand.protocol.files import Path
from farhand.protocol.messages import NOT_UNDERSTOOD, Count, Line, Message, Name, Transfer

PART: Final = struct.Struct("<I")
"""Head of GIVEN_PART and PART: number of the transfer; the next bytes of its content follow."""
CHUNK: Final = 16 * 1024
"""Content in one part, in bytes, at most."""
MOST: Final = 4 * 1024 * 1024
"""Longest content, in bytes."""
FILES: Final = "files"
"""Files and folders of the endpoint: JSON of `ClipboardFiles`. The files themselves go by the files channel."""
TEXT: Final = "text"
"""UTF-8, lines ended by LF."""
PNG: Final = "png"
FORMATS: Final = (FILES, TEXT, PNG)
"""Names of formats, the one that is preferred first; others may come."""
PNG_HEAD: Final = b"\x89PNG\r\n\x1a\n"
MOST_FILES: Final = 10_000
"""Paths in one content."""


class ClipboardFiles(Message, frozen=True, kw_only=True):
    """Content of the format `files`."""

    paths: Annotated[list[Path], msgspec.Meta(min_length=1, max_length=MOST_FILES)]
    """Absolute."""
    others: Count = 0
    """What was copied beside them and is no file of that computer (something on a server, in the waste basket)."""


def needs(name: str, way: Grant) -> Grant:
    """Return the grants that content of this format needs, all of them; `way`: CLIPBOARD_READ or CLIPBOARD_WRITE."""
    if name != FILES:
        return way
    return way | (Grant.FILES_READ if way == Grant.CLIPBOARD_READ else Grant.FILES_WRITE)


def pack_files(paths: list[bytes], others: int = 0) -> bytes:
    """Return content of the format `files`."""
    return msgspec.json.encode(ClipboardFiles(paths=paths, others=others))


def read_files(content: bytes) -> ClipboardFiles:
    """Read content of the format `files`. Raises ValueError."""
    try:
        found = msgspec.json.decode(content, type=ClipboardFiles)
    except NOT_UNDERSTOOD as error:
        raise ValueError("this is no list of files") from error
    if not all(path.startswith(b"/") and b"\0" not in path for path in found.paths):
        raise ValueError("a path must be absolute")
    return found


def fits(name: str, content: bytes) -> bool:
    """Say whether these bytes are content of this format: text is UTF-8, a picture begins like one."""
    if name == PNG:
        return content.startswith(PNG_HEAD)
    try:
        if name == FILES:
            read_files(content)
        else:
            content.decode()
    except ValueError:
        return False
    return name in (FILES, TEXT)


class ClipboardHead(Message, frozen=True, kw_only=True):
    """GIVE and CONTENT: content of a clipboard follows in parts. `transfer` is the console's number for it."""

    transfer: Transfer
    format: Name
    """`files`, `text`, `png`; others may come."""
    bytes: Count


class ClipboardTake(Message, frozen=True, kw_only=True):
    """A viewer wants what the endpoint's clipboard holds."""

    transfer: Transfer
    format: Name


class ClipboardOffer(Message, frozen=True, kw_only=True):
    """Somebody at the endpoint copied something, which can be taken in these formats; none: nothing is there."""

    formats: Annotated[list[Name], msgspec.Meta(max_length=8)] = []


class ClipboardDone(Message, frozen=True, kw_only=True):
    """A transfer is over: what was given is in the endpoint's clipboard, or `text` says why not, for people."""

    transfer: Transfer
    text: Line = ""
