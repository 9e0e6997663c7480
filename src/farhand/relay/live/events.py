"""Event sockets of consoles: numbered changes of topics, fanned out, with a short memory for those who come back.

State wins: a console that sees a gap in the numbers of a topic fetches its snapshot again. The memory here only makes
that rare. It never claims to be complete when it is not.
"""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from farhand.kit.log import get_log
from farhand.protocol.bus import ConsoleDown, ConsoleUp
from farhand.protocol.channels import Control
from farhand.protocol.frames import control_frame
from farhand.protocol.messages import Event, EventsTicket, Gap, Listen, Welcome
from farhand.relay.live.signin import Refusal, check_events
from farhand.relay.live.sockets import POLICY_VIOLATION, LiveSocket

if TYPE_CHECKING:
    from farhand.relay.live.plane import Live

log = get_log("events")

KEPT = 1000
"""Events that are kept per topic."""
TICKETS_LIVE_MS = 600_000
"""No ticket of an event socket lives longer than this."""

_listen = msgspec.json.Decoder(Listen)


class Topic:
    """One topic: its last number, recent events, listeners."""

    __slots__ = ("last", "listeners", "recent")

    def __init__(self) -> None:
        self.last: int | None = None
        self.recent: deque[tuple[int, bytes]] = deque(maxlen=KEPT)
        self.listeners: set[EventSocket] = set()

    def add(self, n: int, frame: bytes) -> bool:
        """Keep an event; False when it is not new."""
        if self.last is not None and n <= self.last:
            return False
        if self.last is not None and n != self.last + 1:
            self.recent.clear()  # what lies between was never here
        self.last = n
        self.recent.append((n, frame))
        return True

    def since(self, have: int) -> list[bytes] | None:
        """The events after number `have`; None when some of them are not here."""
        if self.last is None or have >= self.last:
            return []
        if not self.recent or self.recent[0][0] > have + 1:
            return None
        return [frame for n, frame in self.recent if n > have]


class EventSocket(LiveSocket):
    """The event socket of one console."""

    first = Control.LISTEN
    area = "events"

    def __init__(self, live: "Live", address: str) -> None:
        super().__init__(live, address)
        self.topics: list[str] = []
        self.user_id = ""

    def on_first(self, payload: memoryview) -> None:
        """LISTEN: the ticket says to which topics, `have` where each of them goes on."""
        listen = _listen.decode(payload)
        ticket = check_events(self.live.policy, self.live.used, listen, self.live.clock.now_ms())
        if self.live.events.is_outdated(ticket):
            raise Refusal("expired", "This ticket has expired. Ask for a new one.")
        self.welcome()
        self.topics, self.user_id = ticket.topics, ticket.user_id
        self.send(control_frame(Control.WELCOME, Welcome(server_ms=self.live.clock.now_ms())))
        self.live.events.listen(self, listen.have)

    def on_gone(self) -> None:
        """The console left."""
        self.live.events.gone(self)

    def end(self) -> None:
        """The user's access was reduced: the console comes back with a ticket for what is left."""
        self.live.events.gone(self)
        self.finish(POLICY_VIOLATION, "access changed")


class EventRoom:
    """All topics that somebody published or listens to. `tell` hears which users have a console open."""

    def __init__(self, tell: Callable[[ConsoleUp | ConsoleDown], None]) -> None:
        self._tell = tell
        self._topics: dict[str, Topic] = {}
        self._sockets: dict[str, set[EventSocket]] = {}
        self._reduced: dict[str, int] = {}
        """User id (empty: everybody) to the moment before which tickets hold no more; old ones are forgotten."""

    def listen(self, socket: EventSocket, have: dict[str, int]) -> None:
        """Send what was missed, then all that comes."""
        if socket.user_id not in self._sockets:
            self._tell(ConsoleUp(user_id=socket.user_id))
        self._sockets.setdefault(socket.user_id, set()).add(socket)
        gaps = []
        for name in socket.topics:
            topic = self._topics.setdefault(name, Topic())
            topic.listeners.add(socket)
            missed = topic.since(have[name]) if name in have else []
            if missed is None:
                gaps.append(name)
            else:
                for frame in missed:
                    socket.send(frame)
        if gaps:
            socket.send(control_frame(Control.GAP, Gap(topics=gaps)))

    def gone(self, socket: EventSocket) -> None:
        """Fan out to this socket no more."""
        mine = self._sockets.get(socket.user_id)
        if mine is not None:
            mine.discard(socket)
            if not mine:
                del self._sockets[socket.user_id]
                self._tell(ConsoleDown(user_id=socket.user_id))
        for name in socket.topics:
            topic = self._topics.get(name)
            if topic is not None:
                topic.listeners.discard(socket)
                if topic.last is None and not topic.listeners:
                    del self._topics[name]

    def users(self) -> list[str]:
        """Users who have a console open."""
        return sorted(self._sockets)

    def end(self, user_id: str | None, at_ms: int) -> None:
        """A user's access (None: everybody's) was reduced at `at_ms`: close the sockets, outdate the tickets."""
        self._reduced = {known: since for known, since in self._reduced.items() if since > at_ms - TICKETS_LIVE_MS}
        self._reduced[user_id or ""] = at_ms
        for sockets in [self._sockets.get(user_id, set())] if user_id else list(self._sockets.values()):
            for socket in tuple(sockets):
                socket.end()

    def is_outdated(self, ticket: EventsTicket) -> bool:
        """Say whether a ticket is from before its user's access was reduced."""
        return ticket.issued_ms <= max(self._reduced.get("", -1), self._reduced.get(ticket.user_id, -1))

    def publish(self, events: list[Event]) -> None:
        """Fan out; (topic, n) that came before is dropped."""
        for event in events:
            topic = self._topics.setdefault(event.topic, Topic())
            frame = control_frame(Control.EVENT, event)
            if topic.add(event.n, frame):
                for socket in tuple(topic.listeners):
                    socket.send(frame)
