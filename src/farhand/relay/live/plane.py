"""The live side as a whole: which socket belongs to which path, and the ways between links, sessions, events and the
bus."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from picows import WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener

from farhand.kit.bus import BusPeer
from farhand.kit.clock import Clock, SystemClock
from farhand.kit.ids import new_id
from farhand.kit.log import get_log
from farhand.kit.net import READ_BUFFER, SMALL_READ_BUFFER, CertificateError, ServerCertificate, hand_over
from farhand.protocol.bus import (
    AgentRevoked,
    FilesRemove,
    LegEnd,
    ListenersEnd,
    Policy,
    Publish,
    RecordWith,
    SessionEnd,
    SessionNote,
    SessionPut,
    Sessions,
)
from farhand.relay.door import heads
from farhand.relay.door.edge import Edge
from farhand.relay.door.shares import Place
from farhand.relay.live.events import EventRoom, EventSocket
from farhand.relay.live.journal import JournalWriter
from farhand.relay.live.legsockets import LegSocket
from farhand.relay.live.links import LinkSocket, LinkTable
from farhand.relay.live.policy import PolicyFile
from farhand.relay.live.removal import Removal
from farhand.relay.live.segments import TapRoom
from farhand.relay.live.sessions import SessionTable
from farhand.relay.live.signin import UsedTickets
from farhand.relay.live.sockets import SERVICE_RESTART, LiveSocket, Wheel
from farhand.relay.live.taps import recording_limits
from farhand.relay.timing import LEAVE_S

log = get_log("live")

UPGRADE_S = 10.0
SOCKETS: dict[str, type[LiveSocket]] = {"/live/link": LinkSocket, "/live/leg": LegSocket, "/live/events": EventSocket}


class Live:
    """Everything that lives as long as the relay does. `folder` is `relay/` in the data folder."""

    edge: Edge

    def __init__(
        self, folder: Path, certificate: ServerCertificate, tell: Callable[[Any], None], clock: Clock | None = None
    ) -> None:
        loop = asyncio.get_running_loop()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self.clock = clock or SystemClock()
        self.tell = tell
        self.relay_id = new_id()
        self._certificate = certificate
        self.policy = PolicyFile(folder / "policy.json")
        self.used = UsedTickets(folder / "used-tickets", self.clock.now_ms())
        self.wheel = Wheel()
        self.writer = JournalWriter(loop.call_soon_threadsafe)
        self.sessions = SessionTable(self)
        limits = recording_limits(self.policy.now)
        self.taps = TapRoom(folder / "recordings", limits, loop.call_soon_threadsafe)
        self.removal = Removal(folder)
        self.links = LinkTable(self, self.sessions.linked)
        self.events = EventRoom(tell)

    def spki(self) -> str:
        """The SPKI of the certificate that is served."""
        return self._certificate.spki

    def reload_certificate(self) -> None:
        """Serve the certificate that is on disk now; a bad pair changes nothing."""
        try:
            if self._certificate.reload():
                log.info("certificate_loaded", spki=self._certificate.spki)
        except CertificateError as error:
            log.error("certificate_kept", reason=str(error))

    # --- the bus

    def on_bus(self, message: Any) -> None:
        """A message of the control plane."""
        match message:
            case Policy():
                self.reload_certificate()
                revoked = set(message.revoked_agents) - set(self.policy.now.revoked_agents)
                self.policy.put(message)
                self.links.admission.rate = message.links_per_second
                self.taps.limits = recording_limits(message)
                for agent_id in revoked:
                    self.links.revoke(agent_id)
            case Sessions():
                self.sessions.put_all(message.sessions, message.read_ms)
            case SessionPut():
                self.sessions.put(message.session)
            case SessionEnd():
                self.sessions.end(message.session_id, message.reason, message.text)
            case SessionNote():
                self.sessions.note(message.session_id, message.kind, message.data)
            case RecordWith():
                if message.relay_id == self.relay_id:
                    self.sessions.record_with(message.session_id, message.keys)
            case LegEnd():
                self.sessions.leg_end(message.session_id, message.leg, message.reason)
            case Publish():
                self.events.publish(message.events)
            case FilesRemove():
                if not self.sessions.has(message.session_id):
                    self.removal.remove(message.session_id, journal=message.journal)
            case ListenersEnd():
                self.events.end(message.user_id, message.at_ms)
            case AgentRevoked():
                self.policy.revoke(message.agent_id)
                self.links.revoke(message.agent_id)

    def greet(self, peer: BusPeer) -> None:
        """State for a client of the bus that just connected."""
        who = self.links.message(self.relay_id)
        peer.send(msgspec.structs.replace(who, journals=self.sessions.durable(), consoles=self.events.users()))
        for message in self.sessions.report():
            peer.send(message)

    # --- the port

    def take(self, transport: Any, head: bytes, address: str, place: Place) -> None:
        """A connection whose first bytes are `GET /live/`; it has a place at the door, which the end of the connection
        gives back in any case."""

        def judge(request: WSUpgradeRequest) -> Any:
            answer = self.judge(request, address)
            if isinstance(answer, LiveSocket):
                answer.place = place
            return answer

        if transport.is_closing():
            return
        if not head.isascii():
            # No client that speaks the protocol sends such a head, and the WebSocket library breaks over some of them.
            transport.write(heads.page(400, "A WebSocket begins with a request in ASCII."))
            transport.close()
            return
        # Links are thousands and idle; should the path not be in the first bytes, the larger buffer does no harm.
        size = SMALL_READ_BUFFER if head.startswith(b"GET /live/link") else READ_BUFFER
        hand_over(transport, judge, head, UPGRADE_S, size)

    def hosts(self) -> Sequence[str]:
        """The host names that are served now; before the claim any, so that it can be claimed."""
        policy = self.policy.now
        return policy.hosts if policy.claimed else ("*",)

    def judge(self, request: WSUpgradeRequest, address: str) -> Any:
        """Say which socket an upgrade request gets: path, Host and Origin must hold, in every mode."""
        headers = request.headers
        hosts, origins = headers.getall("Host", []), headers.getall("Origin", [])
        policy = self.policy.now
        kind = SOCKETS.get(request.path.decode("latin-1").partition("?")[0])
        if kind is None:
            return _no(404, "There is nothing at this address.")
        if not policy.claimed:
            return _no(503, "This appliance has not been claimed yet.")
        if self.edge.draining:
            return _no(503, "The appliance is restarting. Come again in a moment.")
        if len(hosts) != 1 or not heads.host_allowed(hosts[0], policy.hosts):
            self.edge.complain("host_refused", address=address, host=",".join(hosts)[:200])
            return _no(421, "This appliance does not have that name.")
        if len(origins) > 1 or (origins and not heads.origin_allowed(origins[0], hosts[0])):
            self.edge.complain("origin_refused", address=address, origin=",".join(origins)[:200])
            return _no(403, "Pages of another site may not connect here.")
        if not origins and self.policy.certifies_another(self.spki()):
            return _no(503, "The appliance is starting. Come again in a moment.")
        return kind(self, address)

    # --- time

    async def tick(self) -> None:
        """Once a second, for ever."""
        while True:
            await asyncio.sleep(1)
            self.sessions.tick()

    async def close(self) -> None:
        """Tell every live socket to come back, then put all that waits on disk."""
        for socket in self.wheel.sockets():
            socket.finish(SERVICE_RESTART, "the appliance restarts")
        for _ in range(round(LEAVE_S / 0.05)):
            if not self.wheel.sockets():
                break
            await asyncio.sleep(0.05)
        self.writer.stop()
        self.taps.stop()
        self.removal.stop()
        await asyncio.sleep(0)  # results of the writer that are on their way


def _no(status: int, text: str) -> WSUpgradeResponseWithListener:
    extra = {"Retry-After": "2"} if status == 503 else None
    return WSUpgradeResponseWithListener(WSUpgradeResponse.create_error_response(status, text.encode(), extra), None)
