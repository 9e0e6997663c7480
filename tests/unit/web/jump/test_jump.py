"""Jump Groups, enrolment, Jump Clients, Jumps, and what the relay's links do to the list."""

from typing import Any

import msgspec
import pytest
from django.db import DatabaseError
from tests.unit.web.conftest import Bus, actor_for
from tests.unit.web.snapshots import proven
from tests.unit.web.support.helpers import FACTS, Endpoint, snapshot

from farhand.kit import signing
from farhand.kit.ids import new_id
from farhand.protocol.bus import AgentRevoked, LinkUp, SessionEnd, SessionPut
from farhand.protocol.messages import AgentCredential, Facts, LegTicket
from farhand.web.appliance import keys
from farhand.web.events.models import AuditRow, Event
from farhand.web.jump import commands, queries, services, worker_services
from farhand.web.jump.models import Enrolment, JumpClient, JumpGroup
from farhand.web.project.service import SYSTEM, Actor, Conflict, Invalid, NotThere, Refused
from farhand.web.support import services as support
from farhand.web.support.models import Session

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def commits() -> Any:
    """Run what is due after a commit: the test's own transaction never commits."""
    from django.db import transaction

    original = transaction.on_commit
    transaction.on_commit = lambda function, using=None, robust=False: function()  # type: ignore[assignment]
    yield
    transaction.on_commit = original


@pytest.fixture
def group(claimed: None) -> JumpGroup:
    """A group without members."""
    return services.create_group(SYSTEM, name="Web Servers")


def member(actor: Actor, group: JumpGroup, role: str) -> Actor:
    """The actor with a role in the group."""
    roles = {row.user_id: row.role for row in queries.members_of(group.id)}
    services.set_members(SYSTEM, group_id=group.id, roles=roles | {actor.subject.id: role})
    return actor_for(actor.user)


def enrolled(group: JumpGroup, anonymous: Actor, endpoint: Endpoint | None = None, **how: Any) -> services.Enrolled:
    """A Jump Client in the group."""
    endpoint = endpoint or Endpoint()
    token = services.create_enrolment(SYSTEM, group_id=group.id, **how).token
    return services.enrol(
        anonymous, token=token, key=endpoint.key, proof=endpoint.proof("enrol", token), facts=FACTS, version="0.1"
    )


def up(agent_id: str, **facts: Any) -> LinkUp:
    """The relay's word that an agent is linked."""
    import msgspec

    return LinkUp(
        agent_id=agent_id,
        version="0.1",
        public_ip="192.0.2.1",
        since_ms=1_000,
        facts=msgspec.structs.replace(FACTS, **facts),
    )


def test_an_endpoint_enrols_with_its_own_key(group: JumpGroup, rep: Actor, anonymous: Actor) -> None:
    endpoint = Endpoint()
    rep = member(rep, group, "start_sessions")
    with proven(snapshot):
        done = enrolled(group, anonymous, endpoint, comments="rack 4")
    assert (done.name, done.group) == ("web-01", "Web Servers")
    credential = signing.open_token(bytes.fromhex(keys.issuer_public()), "agent", done.credential, AgentCredential)
    assert (credential.agent_id, credential.key) == (done.agent_id, endpoint.key)
    (item,) = queries.visible_items(rep.subject)
    assert (item["status"], item["last_accessed_ms"], item["comments"], item["method"]) == (
        "offline", None, "rack 4", "jump_client",
    )  # fmt: skip  # R-098
    assert AuditRow.objects.get(action="jump.client.enrol").source_ip == "192.0.2.7"


def test_a_token_serves_once_and_is_kept_as_a_hash(group: JumpGroup, anonymous: Actor) -> None:
    made = services.create_enrolment(SYSTEM, group_id=group.id)
    assert not made.token.startswith("-")
    assert made.token not in str(Enrolment.objects.values())
    assert made.token not in str(list(AuditRow.objects.values_list("fields", flat=True)))
    endpoint, other = Endpoint(), Endpoint()
    proof = endpoint.proof("enrol", made.token)
    with pytest.raises(Invalid, match="prove its key"):
        services.enrol(anonymous, token=made.token, key=other.key, proof=proof, facts=FACTS)
    services.enrol(anonymous, token=made.token, key=endpoint.key, proof=proof, facts=FACTS)
    with pytest.raises(Conflict, match="used or revoked"):
        services.enrol(anonymous, token=made.token, key=other.key, proof=other.proof("enrol", made.token), facts=FACTS)
    with pytest.raises(NotThere, match="not known"):
        services.enrol(anonymous, token="x" * 32, key=other.key, proof=other.proof("enrol", "x" * 32), facts=FACTS)


def test_expired_and_revoked_enrolments(group: JumpGroup, anonymous: Actor) -> None:
    endpoint = Endpoint()
    late = services.create_enrolment(SYSTEM, group_id=group.id)
    Enrolment.objects.filter(id=late.id).update(expires_ms=1)
    with pytest.raises(Conflict, match="expired"):
        services.enrol(
            anonymous, token=late.token, key=endpoint.key, proof=endpoint.proof("enrol", late.token), facts=FACTS
        )
    gone = services.create_enrolment(SYSTEM, group_id=group.id)
    services.revoke_enrolment(SYSTEM, enrolment_id=gone.id)
    with pytest.raises(Conflict, match="revoked"):
        services.enrol(
            anonymous, token=gone.token, key=endpoint.key, proof=endpoint.proof("enrol", gone.token), facts=FACTS
        )
    with pytest.raises(Conflict):
        services.revoke_enrolment(SYSTEM, enrolment_id=gone.id)
    assert not JumpClient.objects.exists()


def test_the_same_key_does_not_enrol_twice(group: JumpGroup, anonymous: Actor) -> None:
    endpoint = Endpoint()
    enrolled(group, anonymous, endpoint)
    with pytest.raises(Conflict, match="enrolled already"):
        enrolled(group, anonymous, endpoint)


def test_roles_decide(group: JumpGroup, rep: Actor, anonymous: Actor, make_user: Any) -> None:
    client = enrolled(group, anonymous)
    worker_services.apply_links(SYSTEM, up=[up(client.agent_id)])
    assert not queries.visible_items(rep.subject)
    for role in (None, "no_access"):
        actor = member(rep, group, role) if role else rep
        assert not queries.visible_items(actor.subject)
        with pytest.raises(Refused, match="no access"):
            services.start_jump(actor, client_id=client.agent_id, tab="t")
    starter = member(rep, group, "start_sessions")
    assert services.start_jump(starter, client_id=client.agent_id, tab="t").leg == 2
    for refused in (
        lambda: services.create_enrolment(starter, group_id=group.id),
        lambda: services.edit_client(starter, client_id=client.agent_id, name="x", group_id=group.id),
        lambda: services.remove_client(starter, client_id=client.agent_id),
        lambda: services.create_group(starter, name="Mine"),
        lambda: services.set_members(starter, group_id=group.id, roles={}),
    ):
        with pytest.raises(Refused):
            refused()
    administrator = member(starter, group, "administrator")
    services.create_enrolment(administrator, group_id=group.id)
    elsewhere = services.create_group(SYSTEM, name="Elsewhere")
    with pytest.raises(Refused):
        services.edit_client(administrator, client_id=client.agent_id, name="x", group_id=elsewhere.id)
    nobody = actor_for(make_user("nobody"))
    with pytest.raises(Refused):
        services.start_jump(nobody, client_id=client.agent_id, tab="t")


def test_a_jump_starts_at_once(group: JumpGroup, rep: Actor, anonymous: Actor, relay_bus: Bus) -> None:
    endpoint = Endpoint()
    client = enrolled(group, anonymous, endpoint)
    rep = member(rep, group, "start_sessions")
    with pytest.raises(Conflict, match="offline"):
        services.start_jump(rep, client_id=client.agent_id, tab="t")
    worker_services.apply_links(SYSTEM, up=[up(client.agent_id)])
    with proven(snapshot):
        ticket = services.start_jump(rep, client_id=client.agent_id, tab="t")
    (state,) = [message.session for message in relay_bus.sent if isinstance(message, SessionPut)]
    assert (state.kind, state.offer_to, [leg.leg for leg in state.legs]) == ("jump", client.agent_id, [1, 2])
    assert state.recording.segment == 1
    offer = signing.open_token(bytes.fromhex(keys.issuer_public()), "leg", state.offer_ticket, LegTicket)
    assert (offer.leg, offer.key, offer.subject) == (1, endpoint.key, f"agent:{client.agent_id}")
    (item,) = queries.visible_items(rep.subject)
    assert item["status"] == "in_use"
    assert item["last_accessed_ms"]
    assert (ticket.session["kind"], ticket.session["state"], ticket.session["owner_id"]) == (
        "jump",
        "active",
        rep.subject.id,
    )
    again = services.start_jump(rep, client_id=client.agent_id, tab="t")
    assert (again.session["id"], again.leg) == (ticket.session["id"], 2)
    with proven(snapshot):
        support.end_session(rep, session_id=ticket.session["id"])
    assert queries.visible_items(rep.subject)[0]["status"] == "active"  # the Jump Client stays
    assert JumpClient.objects.get().revoked_ms is None


def test_links_come_and_go(group: JumpGroup, anonymous: Actor) -> None:
    one, two = enrolled(group, anonymous), enrolled(group, anonymous)
    with proven(snapshot):
        assert worker_services.apply_links(SYSTEM, up=[up(one.agent_id), up(two.agent_id)], complete=True) == 2
    with proven(snapshot, expect_events=False):
        assert worker_services.apply_links(SYSTEM, up=[up(one.agent_id), up(two.agent_id)], complete=True) == 0
    with proven(snapshot):
        assert worker_services.apply_links(SYSTEM, up=[up(one.agent_id, hostname="<script>")]) == 1
    with proven(snapshot):
        assert worker_services.apply_links(SYSTEM, down=[(two.agent_id, 5_000), (new_id(), 1)]) == 1
    assert JumpClient.objects.get(id=two.agent_id).since_ms == 5_000
    with proven(snapshot):
        assert worker_services.apply_links(SYSTEM, up=[], complete=True) == 1
    assert not JumpClient.objects.filter(online=True).exists()
    with pytest.raises(Refused):
        worker_services.apply_links(anonymous, up=[])


def test_edit_moves_an_item_between_topics(group: JumpGroup, admin: Actor, anonymous: Actor) -> None:
    client = enrolled(group, anonymous)
    other = services.create_group(SYSTEM, name="Database Servers")
    with proven(snapshot):
        services.edit_client(admin, client_id=client.agent_id, name="db-01", group_id=other.id, comments="moved")
    told = {(event.topic, event.op) for event in Event.objects.order_by("-id")[:2]}
    assert told == {(f"group:{group.id}", "remove"), (f"group:{other.id}", "put")}
    with proven(snapshot):
        services.edit_group(admin, group_id=other.id, name="Databases")
    with pytest.raises(Conflict, match="cannot be removed"):
        services.remove_group(admin, group_id=other.id)
    services.remove_group(admin, group_id=group.id)


def test_removing_ends_everything(group: JumpGroup, rep: Actor, admin: Actor, anonymous: Actor, relay_bus: Bus) -> None:
    endpoint = Endpoint()
    client = enrolled(group, anonymous, endpoint)
    rep = member(rep, group, "start_sessions")
    worker_services.apply_links(SYSTEM, up=[up(client.agent_id)])
    services.start_jump(rep, client_id=client.agent_id, tab="t")
    with proven(snapshot):
        services.remove_client(admin, client_id=client.agent_id)
    assert [m.agent_id for m in relay_bus.sent if isinstance(m, AgentRevoked)] == [client.agent_id]
    assert [m.reason for m in relay_bus.sent if isinstance(m, SessionEnd)] == ["removed"]
    assert not Session.objects.filter(state="active").exists()
    assert queries.revoked_ids() == [client.agent_id]
    assert worker_services.apply_links(SYSTEM, up=[up(client.agent_id)]) == 0
    with pytest.raises(Conflict):
        enrolled(group, anonymous, endpoint)
    with pytest.raises(NotThere):
        services.start_jump(rep, client_id=client.agent_id, tab="t")


def test_the_command_is_one_checked_line(claimed: None, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "client.pyz"
    file.write_bytes(b"PK")
    monkeypatch.setattr(queries, "client_file", lambda: file)
    token = "A" * 32
    line = commands.linux_command("https://support.example:8443", token)
    assert "\n" not in line
    assert line.startswith('cd "$(mktemp -d)" && curl -fsSk --pinnedpubkey \'sha256//')
    assert f"--site-key {keys.site_public()} --token {token}" in line
    assert queries.client_sha256(file) in line
    for server in ("https://x'; rm -rf /", "http://support.example", "https://a b", "https://support.example/x", ""):
        with pytest.raises(Invalid):
            commands.linux_command(server, token)
    for bad in ("$(id)", "a b" * 8, "-" + "A" * 31, "A" * 300):
        with pytest.raises(Invalid):
            commands.linux_command("https://support.example", bad)
    monkeypatch.setattr(queries, "client_file", lambda: None)
    with pytest.raises(Conflict, match="missing"):
        commands.linux_command("https://support.example", token)


@pytest.mark.parametrize(
    "names", [{"name": ""}, {"name": "x" * 65}, {"name": "a\x00b"}, {"name": "A", "code_name": "Ä b"}]
)
def test_wrong_names_of_groups(claimed: None, names: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        services.create_group(SYSTEM, **names)


def test_names_are_unique(group: JumpGroup) -> None:
    with pytest.raises(Invalid, match="of this name"):
        services.create_group(SYSTEM, name="Web Servers")
    with pytest.raises(Invalid, match="code name"):
        services.create_group(SYSTEM, name="Other", code_name="web-servers")


def test_the_claim_makes_the_first_groups(make_user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from farhand.web.project.service import Change

    user = make_user("admin", "perm_admin")
    monkeypatch.setenv("FARHAND_DEMO", "1")
    services.make_first_groups(Change(SYSTEM, "accounts.appliance.claim"), user)
    subject = actor_for(user).subject
    assert [group.name for group in queries.editable_groups(subject)] == ["Demo", "General"]
    assert set(subject.groups.values()) == {"administrator"}


def test_an_agent_whose_words_no_database_takes_stops_no_other(
    group: JumpGroup, anonymous: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = enrolled(group, anonymous, Endpoint()), enrolled(group, anonymous, Endpoint())
    real = worker_services._up

    def poisoned(change: Any, client: Any, link: Any) -> bool:
        if client.id == bad.agent_id:
            raise DatabaseError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
        return real(change, client, link)

    monkeypatch.setattr(worker_services, "_up", poisoned)
    assert worker_services.apply_links(SYSTEM, up=[up(bad.agent_id), up(good.agent_id)], complete=True) == 1
    assert JumpClient.objects.get(id=good.agent_id).online
    assert not JumpClient.objects.get(id=bad.agent_id).online


def test_a_nul_in_what_an_endpoint_says_is_refused() -> None:
    for message, as_type in (({"hostname": "a\0"}, Facts), ({"user": "\0"}, Facts)):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(msgspec.json.encode(message), type=as_type)
