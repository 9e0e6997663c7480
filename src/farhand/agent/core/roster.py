"""Who is in the session and what each may do: the agent's own copy, against which every frame is judged again."""

from collections.abc import Iterable

from farhand.protocol.channels import RECORDER_GRANTS, Grant, Kind, Party, grants_to_use, may_send
from farhand.protocol.frames import RECORDER_LEG
from farhand.protocol.messages import LegInfo


class Roster:
    """The legs of one session other than the agent's own."""

    def __init__(self) -> None:
        self._legs: dict[int, LegInfo] = {}

    def replace(self, legs: Iterable[LegInfo]) -> "Roster":
        """Return a roster with these legs."""
        other = Roster()
        other._legs = {info.leg: info for info in legs}
        return other

    def name_of(self, leg: int) -> str:
        """Return the name of the party on this leg, "" when the roster does not know it."""
        info = self._legs.get(leg)
        return info.name if info is not None else ""

    def grants_of(self, leg: int) -> Grant:
        """Return the grants of this leg; none when the roster does not know it."""
        if leg == RECORDER_LEG:
            return RECORDER_GRANTS
        info = self._legs.get(leg)
        return Grant(info.grants) if info is not None else Grant.NONE

    def is_console(self, leg: int) -> bool:
        """Say whether a representative's console is on this leg."""
        info = self._legs.get(leg)
        return info is not None and info.party == Party.CONSOLE

    def may_send(self, leg: int, number: int, frame_type: int) -> bool:
        """Say whether this leg may send this frame to the endpoint."""
        if leg == RECORDER_LEG:
            return may_send(Party.RECORDER, RECORDER_GRANTS, number, frame_type)
        return self.is_console(leg) and may_send(Party.CONSOLE, self.grants_of(leg), number, frame_type)

    def viewers(self, kind: Kind) -> dict[int, Grant]:
        """Return the consoles that hold a grant for tools of this kind, each with its grants for them."""
        needed = grants_to_use(kind)
        consoles = (
            (leg, Grant(info.grants) & needed) for leg, info in self._legs.items() if info.party == Party.CONSOLE
        )
        return {leg: grants for leg, grants in consoles if grants}

    def consoles(self) -> list[str]:
        """Return the names of the representatives that are here."""
        return [info.name for _leg, info in sorted(self._legs.items()) if info.party == Party.CONSOLE]
