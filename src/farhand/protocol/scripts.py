"""Messages of the scripts channel: an order to run a canned script, and what comes of it.

The permission for canned scripts is less than the one for a shell: whoever has it chooses among scripts that an
administrator wrote, and never says what they do. So an endpoint takes no text on a console's word. The site signs an
ORDER: one run of one text (its SHA-256) by one leg of one session, with these values, for a minute. Endpoints pin the
site key alone, so the order comes with the site key's statement about the issuer key that signed it. Rules: values
reach a script as environment variables and nowhere else; everything has a cap.
"""

from typing import Annotated, Final

import msgspec

from farhand.protocol.actions import Context
from farhand.protocol.messages import Count, Hex32, Id, Line, Message, Token, Word

MAX_TEXT: Final = 65_536
"""Longest script, in bytes of UTF-8."""
MAX_VALUE: Final = 512
"""Longest value of a parameter, in characters."""
MAX_PARAMETERS: Final = 16
MAX_VALUES: Final = 4096
"""Longest list of all values, a line `NAME=value` each, in characters: the record takes so many, and a script whose
values are not on record is not run."""
MAX_TIME_LIMIT_S: Final = 3600
ORDER_MS: Final = 60_000
"""How long an order holds."""
MAX_OUTPUT: Final = 1 << 20
"""Output of one run that is sent while it comes, in bytes; of what comes after it only the end is kept."""
PREFIX: Final = "PARAM_"
"""Parameter `HOST` is the environment variable `PARAM_HOST`."""

ORDER_KIND: Final = "script-order"
STATEMENT_KIND: Final = "issuer"

ParameterName = Annotated[str, msgspec.Meta(pattern=r"^[A-Z][A-Z0-9_]{0,31}\Z", max_length=32)]
Value = Annotated[str, msgspec.Meta(max_length=MAX_VALUE, pattern=r"^[^\x00]*\Z")]
Tail = Annotated[str, msgspec.Meta(max_length=4096)]
Chunk = Annotated[str, msgspec.Meta(max_length=16_384)]


class IssuerStatement(Message, frozen=True, kw_only=True):
    """Kind `issuer`: the site key certifies the Ed25519 key that signs orders."""

    key: Hex32
    issued_ms: Count
    expires_ms: Count


class ScriptOrder(Message, frozen=True, kw_only=True):
    """Kind `script-order`: the issuer key lets one leg have one script run once."""

    jti: Id
    """The run's id; an endpoint takes each once."""
    session_id: Id
    leg: Annotated[int, msgspec.Meta(ge=1, le=0xFFFF)]
    script_id: Id
    name: Word
    context: Context
    time_limit_s: Annotated[int, msgspec.Meta(ge=1, le=MAX_TIME_LIMIT_S)]
    sha256: Hex32
    """Of the text in UTF-8."""
    parameters: Annotated[dict[ParameterName, Value], msgspec.Meta(max_length=MAX_PARAMETERS)] = {}
    issued_ms: Count
    expires_ms: Count


class RunScript(Message, frozen=True, kw_only=True):
    """RUN: the order, the statement about its issuer, and the text itself."""

    order: Token
    issuer: Token
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT, pattern=r"^[^\x00]*\Z")]


class CancelScript(Message, frozen=True, kw_only=True):
    """CANCEL: end this run now."""

    run: Id


class ScriptStarted(Message, frozen=True, kw_only=True):
    """STARTED: it is on record and runs."""

    run: Id
    name: Word = ""


class ScriptOutput(Message, frozen=True, kw_only=True):
    """OUTPUT: what it wrote, standard output and errors as they came. Bytes that are no UTF-8 are replaced."""

    run: Id
    offset: Count
    """Characters of output that were sent before these; a larger one than expected means that some were lost."""
    text: Chunk


class ScriptDone(Message, frozen=True, kw_only=True):
    """DONE: it is over, or was not run at all."""

    run: Annotated[str, msgspec.Meta(max_length=36)] = ""
    """Empty: the order could not be read, so nobody knows which run it was to be."""
    ran: bool = False
    status: int | None = None
    """Exit status, negative for a signal; None when it was not run, or nobody knows."""
    reason: Annotated[str, msgspec.Meta(max_length=32)] = "ended"
    """`ended`: by itself; `cancelled`, `time-limit`: it was ended; `refused`: it was not run; `failed`: it could not
    be run."""
    text: Line = ""
    """For people: why it was not run."""
    output_bytes: Count = 0
    tail: Tail = ""
    """The end of its output, as it is in the session's log."""
