"""Agents' links: who is linked now, admission, offers. The newest link of an agent replaces the older."""

import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from farhand.kit.log import get_log
from farhand.protocol.bus import LinkDown, Links, LinkUp
from farhand.protocol.channels import Control
from farhand.protocol.frames import Frame, control_frame
from farhand.protocol.messages import NOT_UNDERSTOOD, AgentCredential, Auth, Facts, Offer, Refuse, Welcome
from farhand.relay.live.signin import Admission, Refusal, check_agent
from farhand.relay.live.sockets import POLICY_VIOLATION, LiveSocket

if TYPE_CHECKING:
    from farhand.relay.live.plane import Live

log = get_log("links")

_auth = msgspec.json.Decoder(Auth)
_facts = msgspec.json.Decoder(Facts)
_up = msgspec.json.Decoder(LinkUp)
AGENT_S = 1.0
"""Shortest time between two links of one agent."""
MIN_FACTS_S = 1.0
"""An agent's facts are passed on at most this often; the newest wins at its next link."""


class LinkSocket(LiveSocket):
    """The link of one agent."""

    first = Control.AUTH
    area = "link"

    def __init__(self, live: "Live", address: str) -> None:
        super().__init__(live, address)
        self.agent_id = ""
        self._up = b""
        """The agent's `LinkUp`, encoded: there are thousands of links, and it is hardly ever read."""
        self._facts_at = 0.0

    def on_first(self, payload: memoryview) -> None:
        """AUTH: the signatures first, so that nobody else takes an agent's turn; then admission."""
        auth = _auth.decode(payload)
        credential: AgentCredential = check_agent(self.live.policy, auth, self.nonce, self.spki)
        wait = self.live.links.wait_s(credential.agent_id)
        if wait:
            raise Refusal("busy", "Many clients are reconnecting. Come again a little later.", wait)
        self.agent_id = credential.agent_id
        now_ms = self.live.clock.now_ms()
        up = LinkUp(
            agent_id=self.agent_id, version=auth.version, public_ip=self.address, since_ms=now_ms, facts=auth.facts
        )
        self._up = msgspec.json.encode(up)
        self.welcome()
        self.send(control_frame(Control.WELCOME, Welcome(server_ms=now_ms)))
        self.live.links.put(self, up)

    @property
    def up(self) -> LinkUp:
        """What the control plane is told of this link, once it has signed in."""
        return _up.decode(self._up)

    def on_later(self, frame: Frame) -> None:
        """FACTS and OFFER_ANSWER."""
        if frame.channel == 0 and frame.type == Control.FACTS:
            now = self.live.clock.monotonic()
            try:
                facts = _facts.decode(frame.payload)
            except NOT_UNDERSTOOD:
                self.bad_message("These facts are not understood.")
                return
            if now - self._facts_at >= MIN_FACTS_S:
                self._facts_at = now
                up = msgspec.structs.replace(self.up, facts=facts)
                self._up = msgspec.json.encode(up)
                self.live.tell(up)
        elif frame.channel != 0 or frame.type != Control.OFFER_ANSWER:
            self.bad_message("A link takes facts and answers to offers only.")

    def on_gone(self) -> None:
        """The link is gone."""
        if self.agent_id:
            self.live.links.gone(self)


class LinkTable:
    """All agents that are linked. `on_up` is told of each new link (sessions make their offers then)."""

    def __init__(self, live: "Live", on_up: Callable[[str], None]) -> None:
        self._live = live
        self._on_up = on_up
        self._by_agent: dict[str, LinkSocket] = {}
        self.admission = Admission(live.policy.now.links_per_second, live.clock.monotonic)
        self._admitted: dict[str, float] = {}

    def wait_s(self, agent_id: str) -> int:
        """0 = this agent may link now; else the seconds after which to come again. An agent that comes again within
        AGENT_S waits, and takes nobody's turn."""
        now = self._live.clock.monotonic()
        if now - self._admitted.get(agent_id, -math.inf) < AGENT_S:
            return math.ceil(AGENT_S)
        wait = self.admission.wait_s()
        if not wait:
            # Oldest first, as each is put at the end: what is past is forgotten here.
            self._admitted.pop(agent_id, None)
            self._admitted[agent_id] = now
            for known, at in list(itertools.islice(self._admitted.items(), 2)):
                if now - at >= AGENT_S:
                    del self._admitted[known]
        return wait

    def put(self, link: LinkSocket, up: LinkUp) -> None:
        """An agent signed in."""
        older = self._by_agent.get(link.agent_id)
        self._by_agent[link.agent_id] = link
        if older is not None:
            older.agent_id = ""
            older.finish(POLICY_VIOLATION, "replaced by a newer link")
        log.info("agent_linked", agent=link.agent_id, address=link.address)
        self._live.tell(up)
        self._on_up(link.agent_id)

    def gone(self, link: LinkSocket) -> None:
        """An agent's link closed."""
        if self._by_agent.get(link.agent_id) is link:
            del self._by_agent[link.agent_id]
            log.info("agent_unlinked", agent=link.agent_id)
            self._live.tell(LinkDown(agent_id=link.agent_id, at_ms=self._live.clock.now_ms()))

    def revoke(self, agent_id: str) -> None:
        """Close an agent's link; the policy keeps it out."""
        link = self._by_agent.get(agent_id)
        if link is not None:
            link.refuse(Refuse(code="revoked", text="This client was removed from the appliance."))

    def offer(self, agent_id: str, offer: Offer) -> bool:
        """Offer a session to an agent; False when it is not linked."""
        link = self._by_agent.get(agent_id)
        if link is None or link.closing:
            return False
        link.send(control_frame(Control.OFFER, offer))
        return True

    def message(self, relay_id: str) -> Links:
        """Everybody who is linked, for the bus."""
        return Links(relay_id=relay_id, links=[link.up for link in self._by_agent.values()])
