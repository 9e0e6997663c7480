"""What the session machine asks of its driver. One small class per command; `Command` is any of them.

A command says what has to be done, never how: the driver has the sockets, the files and the bus.
"""

from typing import NamedTuple

from farhand.protocol.bus import FromRelay
from farhand.protocol.legs import Leg
from farhand.protocol.messages import Entry


class Send(NamedTuple):
    """Write these bytes (a whole frame, of this channel) to one leg."""

    leg: Leg
    channel: int
    frame: bytes


class Forward(NamedTuple):
    """Write the frame that is being handled to these legs, as it came."""

    legs: tuple[Leg, ...]


class Close(NamedTuple):
    """Close this leg's socket after what was sent."""

    leg: Leg
    text: str


class Append(NamedTuple):
    """Put these entries on disk, in order, then say `stored`, or `not_stored` for all of them."""

    entries: tuple[Entry, ...]


class Deliver(NamedTuple):
    """This leg may be behind: send it the ENTRYs after `leg.sent`."""

    leg: Leg


class Again(NamedTuple):
    """Send this one ENTRY again: its sender asks for the acknowledgement."""

    leg: Leg
    seq: int


class Tell(NamedTuple):
    """Publish on the bus."""

    message: FromRelay


class Note(NamedTuple):
    """One structured log line."""

    event: str
    fields: dict[str, object]


Command = Send | Forward | Close | Append | Deliver | Again | Tell | Note
