"""Messages and bytes of shell frames (docs/protocol/shell.md says the same for others).

Why it exists: the layout is written down once; `tests/wire/shell.json` holds both languages to it. Little endian.
"""

import struct
from typing import Final

from farhand.protocol.messages import U16, Count, Line, Message, Name, Side

OFFSET: Final = struct.Struct("<Q")
"""Head of DATA: how many bytes of this shell's output came before; the output follows."""
CREDIT_BYTES: Final = struct.Struct("<I")
"""CREDIT: bytes of DATA, without their heads, that were consumed."""


class ShellOpen(Message, frozen=True, kw_only=True):
    """Ask for a new shell. Sent on shell/0."""

    cols: Side = 80
    rows: Side = 24


class ShellAttach(Message, frozen=True, kw_only=True):
    """Receive this shell's output from byte `offset` on (sent again if the endpoint still has it)."""

    offset: Count = 0


class ShellResize(Message, frozen=True, kw_only=True):
    """New size of the terminal."""

    cols: Side
    rows: Side


class ShellOpened(Message, frozen=True, kw_only=True):
    """A shell exists. Its number is the channel's instance."""

    shell: U16
    cols: Side
    rows: Side
    by: Name = ""
    command: Name = ""
    opened_ms: Count = 0
    """When it was opened, by the endpoint's clock. The same number with another time is another shell: a new endpoint
    program counts from 1 again. 0: an older endpoint."""


class ShellClosed(Message, frozen=True, kw_only=True):
    """A shell is gone. `status` is its exit status, negative for a signal; None when it never started."""

    shell: U16
    status: int | None = None
    text: Line = ""
    end: Count | None = None
    """Offset behind its last byte of output: who has less has missed the rest."""


class ShellGap(Message, frozen=True, kw_only=True):
    """Output before `offset` is no longer kept; DATA goes on there. `modes` are the control sequences that bring a
    fresh terminal into the modes in force at `offset`."""

    offset: Count
    modes: Line = ""


class ShellDropped(Message, frozen=True, kw_only=True):
    """So many bytes of INPUT were not typed: the program in the shell takes none, and too much waits already."""

    bytes: Count
