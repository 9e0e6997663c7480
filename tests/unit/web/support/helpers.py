"""What tests of support and jump share: an endpoint with a key, and everything that consoles could see."""

from collections.abc import Callable
from typing import Any

from tests.unit.web.conftest import actor_for
from tests.unit.web.snapshots import Snapshot

from farhand.kit import signing
from farhand.protocol.bus import LinkUp
from farhand.protocol.messages import Facts
from farhand.web.accounts import presence, teams
from farhand.web.accounts import queries as accounts
from farhand.web.accounts.models import Presence
from farhand.web.jump import services as jump
from farhand.web.jump.events import item_value
from farhand.web.jump.queries import clients
from farhand.web.jump.worker_services import apply_links
from farhand.web.project.service import SYSTEM, Actor
from farhand.web.support import collaboration, key_services, queries, services
from farhand.web.support.events import invitation_value, session_value, topics_of
from farhand.web.support.models import Invitation

FACTS = Facts(
    hostname="web-01", platform="linux", os_name="Debian 12", user="customer", private_ip="10.0.0.5", display=True
)
SUPPORT = ("perm_support_allowed", "perm_generate_session_key", "perm_collaborate", "perm_accept_team_sessions")


class Endpoint:
    """A machine with a key of its own."""

    def __init__(self) -> None:
        self.secret = signing.new_key()
        self.key = signing.public_of(self.secret).hex()

    def proof(self, kind: str, text: str) -> str:
        """Sign a token."""
        return signing.sign_bytes(self.secret, kind, text.encode()).hex()


def snapshot() -> Snapshot:
    """All sessions, invitations and Jump Items in all topics."""
    busy = queries.busy_clients()
    return {
        "sessions": {
            f"{session.id} {topic}": session_value(session, topic)
            for session in queries.alive()
            for topic in topics_of(session)
        },
        "invitations": {one.id: invitation_value(one) for one in Invitation.objects.all()},
        "jump_items": {client.id: item_value(client, client.id in busy) for client in clients()},
    }


def use_key(rep: Actor, anonymous: Actor, **how: Any) -> key_services.UsedKey:
    """A fresh key of `rep`, used by a customer."""
    made = key_services.create_session_key(rep)
    return key_services.use_session_key(anonymous, key=made.shown, **how)


def start(anonymous: Actor, join: str, endpoint: Endpoint) -> services.CustomerTicket:
    """The customer's client runs and its customer consents."""
    return services.start_customer(
        anonymous, join=join, key=endpoint.key, proof=endpoint.proof("join", join), facts=FACTS, version="0.1"
    )


def waiting(rep: Actor, anonymous: Actor) -> tuple[str, Endpoint]:
    """A customer who waits in the queue of `rep`: session id and the customer's machine."""
    endpoint = Endpoint()
    return start(anonymous, use_key(rep, anonymous).join, endpoint).session_id, endpoint


def jumped(rep: Actor, anonymous: Actor, tab: str = "t") -> tuple[Actor, str, str, str]:
    """A Jump that `rep` has started: the actor with the role for it, and ids of session, Jump Group and agent."""
    group = jump.create_group(SYSTEM, name="Web Servers")
    jump.set_members(SYSTEM, group_id=group.id, roles={rep.subject.id: "start_sessions"})
    endpoint, token = Endpoint(), jump.create_enrolment(SYSTEM, group_id=group.id).token
    agent = jump.enrol(
        anonymous, token=token, key=endpoint.key, proof=endpoint.proof("enrol", token), facts=FACTS, version="0.1"
    ).agent_id
    apply_links(SYSTEM, up=[LinkUp(agent_id=agent, version="0.1", public_ip="192.0.2.1", since_ms=1, facts=FACTS)])
    actor = actor_for(rep.user)
    return actor, jump.start_jump(actor, client_id=agent, tab=tab).session["id"], group.id, agent


def topics(rep: Actor) -> list[str]:
    """The topics of a representative's own things."""
    return accounts.topics_of_accounts(rep.subject.id)


class Desk:
    """A team of people who are all signed in: `rep`, who has a customer, `ann`, `bob`; and `eve` of another team."""

    def __init__(self, rep: Actor, make_user: Callable[..., Any]) -> None:
        made = {name: make_user(name, *SUPPORT) for name in ("ann", "bob", "eve")}
        self.team = teams.create_team(SYSTEM, name="Desk").id
        self.other = teams.create_team(SYSTEM, name="Other").id
        mates = (rep.subject.id, made["ann"].id, made["bob"].id)
        teams.set_members(SYSTEM, team_id=self.team, members=dict.fromkeys(mates, "member"))
        teams.set_members(SYSTEM, team_id=self.other, members={made["eve"].id: "lead"})
        self._people = [*mates, made["eve"].id]
        self.everybody_here()
        self.rep = actor_for(rep.user)
        self.ann, self.bob, self.eve = (actor_for(made[name]) for name in ("ann", "bob", "eve"))

    def everybody_here(self) -> None:
        """All have a console open."""
        presence.replace(SYSTEM, user_ids=self._people)

    def nobody_here(self) -> None:
        """All have gone, long ago."""
        presence.replace(SYSTEM, user_ids=[])
        Presence.objects.update(gone_ms=1)

    def queue(self, actor: Actor) -> str:
        """A person's personal queue."""
        return f"user:{actor.subject.id}"

    def session(self, anonymous: Actor) -> str:
        """A session that `rep` has accepted."""
        session_id, _endpoint = waiting(self.rep, anonymous)
        services.accept(self.rep, session_id=session_id, tab="rep")
        return session_id

    def invited(self, session_id: str) -> str:
        """The id of the newest invitation of a session."""
        return Invitation.objects.filter(session_id=session_id).order_by("-id")[0].id

    def joined(self, anonymous: Actor, *guests: Actor) -> str:
        """A session of `rep` with guests."""
        session_id = self.session(anonymous)
        for guest in guests:
            collaboration.share(self.rep, session_id=session_id, target=self.queue(guest))
            collaboration.accept_invitation(
                guest, session_id=session_id, invitation_id=self.invited(session_id), tab=guest.name
            )
        return session_id
