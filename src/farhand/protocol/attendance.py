"""What is recorded of a session, and since when: only what was begun for somebody.

A customer whom nobody has accepted yet shows nothing to anybody, and nothing of it is worth a disk. So each recorded
kind of channel has an attendance, which `Rule.attended` names: it follows the frames that begin and end something, says
whether the recorder may have a frame, and what the recorder asks of the endpoint. A session keeps one per kind. A new
kind is recorded by its rules in `channels`, which name one of these classes: without it this module is not imported.
"""

from typing import ClassVar, NamedTuple

import msgspec

from farhand.protocol.channels import RULES, Attended, Kind, Recorded, Rule, Screen, Shell, Way, channel, grants_to_use
from farhand.protocol.frames import EVERY_LEG, RECORDER_LEG
from farhand.protocol.messages import ScreenStart
from farhand.protocol.screen import Colours

RECORDER_START = ScreenStart(max_fps=8, colours=Colours.SETTLED, pointer=True)


class Mark(NamedTuple):
    """A frame that may begin or end something."""

    type: int
    channel: int
    to: int
    """The leg that it is addressed to, or that sent it when it is not the endpoint's."""
    receivers: frozenset[int]
    """Legs that get it, the recorder aside."""
    attended: bool
    """The control plane gave the session a representative, who may be away for a moment."""


class Ask(NamedTuple):
    """A frame to the endpoint in the recorder's name."""

    type: int
    channel: int
    payload: bytes = b""


class Attendance:
    """Nothing has to be begun: the recorder gets every frame that the rules record. Base of the others."""

    marks: ClassVar[frozenset[int]] = frozenset()
    """Frame types that `begin` and `end` must see."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.grants = grants_to_use(kind)
        """A viewer that has none of these is served no more."""

    def begin(self, mark: Mark) -> None:
        """A marked frame came: what it begins counts for the frame itself already."""

    def end(self, mark: Mark) -> None:
        """The marked frame went on its way: what it ends is over now."""

    def recorder_may(self, number: int) -> bool:
        """Say whether the recorder may have frames of this channel now."""
        return True

    def viewer_gone(self, leg: int) -> None:
        """This viewer is served no more: its socket is gone, or its grant."""

    def endpoint_gone(self) -> None:
        """The endpoint's socket is gone, or new: it serves nobody now."""

    def unattended(self) -> None:
        """The session has no representative any more."""

    def ask(self) -> Ask | None:
        """Return what the recorder asks of the endpoint now; it counts as asked."""
        return None


class OwnView(Attendance):
    """The screen. While a console is served the recorder has a view of its own, which counts once the endpoint said
    STARTED to it in a session with a representative."""

    marks = frozenset({Screen.START, Screen.STOP, Screen.STARTED, Screen.STOPPED})

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind)
        self._channel = channel(kind)
        self._watching: set[int] = set()
        """Consoles to which the endpoint said STARTED."""
        self._asked = False
        """The endpoint was asked to serve the recorder, and did not say that it stopped."""
        self._refused = False
        self._sees = False

    def begin(self, mark: Mark) -> None:
        """STARTED."""
        if mark.type == Screen.STARTED:
            if mark.to in (EVERY_LEG, RECORDER_LEG) and mark.attended:
                self._sees = True
            self._watching |= mark.receivers

    def end(self, mark: Mark) -> None:
        """STOP of a viewer, STOPPED of the endpoint."""
        if mark.type == Screen.STOP:
            self._watching.discard(mark.to)
        elif mark.type == Screen.STOPPED:
            if mark.to == EVERY_LEG:
                self._watching.clear()
            self._watching.discard(mark.to)
            if mark.to in (EVERY_LEG, RECORDER_LEG):
                self._sees = self._asked = False
                self._refused = mark.to == RECORDER_LEG

    def recorder_may(self, number: int) -> bool:
        """The view was begun."""
        return self._sees and number == self._channel

    def viewer_gone(self, leg: int) -> None:
        """It watches no more."""
        self._watching.discard(leg)

    def endpoint_gone(self) -> None:
        """Nobody watches."""
        self._watching.clear()
        self._asked = False

    def unattended(self) -> None:
        """What comes now is for nobody."""
        self._sees = False

    def ask(self) -> Ask | None:
        """START with the first watching console, STOP with the last."""
        refused, self._refused = self._refused, False
        wanted = bool(self._watching)
        if refused or wanted == self._asked:
            return None  # asking again at once what was just ended would be asking for ever
        self._asked = wanted
        if wanted:
            return Ask(Screen.START, self._channel, msgspec.json.encode(RECORDER_START))
        return Ask(Screen.STOP, self._channel)


class OpenChannel(Attendance):
    """Shells: each is a channel, which counts from OPENED in a session with a representative until all are told CLOSED.
    What is addressed to one viewer tells of shells that are open already."""

    marks = frozenset({Shell.OPENED, Shell.CLOSED})

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind)
        self._open: set[int] = set()

    def begin(self, mark: Mark) -> None:
        """OPENED; instance 0 is for opening only."""
        if mark.type == Shell.OPENED and mark.channel & 0xFF and mark.attended:
            self._open.add(mark.channel)

    def end(self, mark: Mark) -> None:
        """CLOSED."""
        if mark.type == Shell.CLOSED and mark.to == EVERY_LEG:
            self._open.discard(mark.channel)

    def recorder_may(self, number: int) -> bool:
        """The channel is open."""
        return number in self._open


CLASSES: dict[Attended, type[Attendance]] = {
    Attended.OWN_VIEW: OwnView,
    Attended.OPEN_CHANNEL: OpenChannel,
    Attended.ALWAYS: Attendance,
}


def classes_of(rules: dict[tuple[int, int, Way], Rule]) -> dict[Kind, type[Attendance]]:
    """Return the class of each recorded kind. Raises ValueError for a rule that does not name the one of its kind."""
    found: dict[Kind, type[Attendance]] = {}
    for (number, frame_type, _way), rule in rules.items():
        if rule.recorded is Recorded.NO and rule.attended is None:
            continue
        kind = Kind(number)
        if rule.recorded is Recorded.NO or rule.attended is None:
            raise ValueError(f"{kind.name} {frame_type}: what is recorded names its attendance, and nothing else does")
        if found.setdefault(kind, CLASSES[rule.attended]) is not CLASSES[rule.attended]:
            raise ValueError(f"{kind.name} {frame_type}: a kind has one attendance")
    return found


OF_KIND = classes_of(RULES)
MARKS = {(kind, frame_type) for kind, attendance in OF_KIND.items() for frame_type in attendance.marks}
"""(kind, frame type) of frames that change what is attended: the session machine sees each of them."""


def attendances() -> dict[int, Attendance]:
    """Return what a new session keeps: an attendance for each recorded kind."""
    return {kind: made(kind) for kind, made in OF_KIND.items()}
