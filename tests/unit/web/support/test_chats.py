"""Click-to-chat: a session without a client, for chat alone, until the full client takes over the same session."""

from typing import Any

import pytest
from tests.unit.web.conftest import Bus
from tests.unit.web.snapshots import proven
from tests.unit.web.support.helpers import Endpoint, snapshot, start, use_key
from tests.unit.web.support.test_sessions import open_ticket

from farhand.protocol.bus import LegEnd, SessionEnd, SessionNote, SessionPut
from farhand.protocol.channels import Grant, Party
from farhand.protocol.legs import EVERY_GRANT
from farhand.web.accounts import services as accounts
from farhand.web.accounts.models import User
from farhand.web.events.models import AuditRow
from farhand.web.portals import queries as portals
from farhand.web.portals import services as portal_services
from farhand.web.project.service import SYSTEM, Actor, Conflict, Refused
from farhand.web.support import chats, collaboration, key_services, queries, services, worker_services
from farhand.web.support.key_services import Expired
from farhand.web.support.models import Leg, Session

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("commits")]
CHAT = Grant.CHAT | Grant.SYSTEM


@pytest.fixture
def join(rep: Actor, anonymous: Actor) -> str:
    """The join token of a customer who has used a key of `rep` at the default portal."""
    made = key_services.create_session_key(rep)
    name = portals.name_of(portals.default())
    return key_services.use_session_key(anonymous, key=made.shown, portal=name).join


def state(relay_bus: Bus) -> Any:
    """What the relay was told of the session last."""
    return [message.session for message in relay_bus.sent if isinstance(message, SessionPut)][-1]


def grants(relay_bus: Bus) -> dict[int, Grant]:
    return {leg.leg: Grant(leg.grants) for leg in state(relay_bus).legs}


def leg_is(session_id: str, leg: int, *, connected: bool = True) -> None:
    worker_services.note_leg(SYSTEM, session_id=session_id, leg=leg, connected=connected)


def accepted(rep: Actor, anonymous: Actor, join: str) -> str:
    """A chat that `rep` has accepted: the session's id."""
    ticket = open_ticket(chats.chat(anonymous, join).ticket)
    leg_is(ticket.session_id, ticket.leg)
    services.accept(rep, session_id=ticket.session_id, tab="t")
    return ticket.session_id


#
def test_a_customer_chats_without_a_client(rep: Actor, anonymous: Actor, join: str, relay_bus: Bus) -> None:
    with proven(snapshot):
        started = chats.chat(anonymous, join)
    ticket = open_ticket(started.ticket)
    assert (ticket.leg, ticket.party, ticket.key) == (2, Party.PORTAL, None)
    assert (started.name, started.client_asked) == ("Customer", False)
    (item,) = queries.visible_sessions(rep.subject)
    assert (item["queue"], item["state"], item["click_to_chat"]) == (f"user:{rep.subject.id}", "waiting", True)
    with proven(snapshot):
        leg_is(ticket.session_id, 2)
    assert queries.visible_sessions(rep.subject)[0]["customer_connected"]
    services.accept(rep, session_id=ticket.session_id, tab="t")
    # Nobody has a grant for anything else, whatever the account may do.
    assert grants(relay_bus) == {2: CHAT, 3: CHAT}
    # After a reload: another ticket, for the same leg.
    again = open_ticket(chats.chat(anonymous, join).ticket)
    assert (again.leg, again.jti == ticket.jti) == (2, False)
    leg_is(ticket.session_id, 2, connected=False)
    assert Session.objects.get().customer_gone_ms is not None
    assert queries.without_customer(1 << 60) == [ticket.session_id], "who does not come back has left"


#
def test_the_full_client_takes_over_the_same_session(rep: Actor, anonymous: Actor, join: str, relay_bus: Bus) -> None:
    session_id = accepted(rep, anonymous, join)
    with proven(snapshot):
        chats.request_client(rep, session_id=session_id)
    note = SessionNote(session_id=session_id, kind="client-requested", data={"by": "Rep"})
    assert note in relay_bus.sent
    assert chats.chat(anonymous, join).client_asked
    assert queries.visible_sessions(rep.subject)[0]["client_asked"]
    endpoint = Endpoint()
    with proven(snapshot):
        started = start(anonymous, join, endpoint)
    assert started.session_id == session_id
    assert open_ticket(started.ticket).key == endpoint.key
    assert grants(relay_bus) == {1: CHAT, 2: CHAT, 3: CHAT}, "the page chats on until the client is there"
    assert chats.chat(anonymous, join).ticket
    assert start(anonymous, join, endpoint).session_id == session_id
    again = Endpoint()
    with proven(snapshot):
        ticket = start(anonymous, join, again).ticket
    assert open_ticket(ticket).key == again.key, "the first client may have died before it was there"
    assert Leg.objects.filter(session_id=session_id, number=1).count() == 1
    with proven(snapshot):
        leg_is(session_id, 1)
    with pytest.raises(Conflict, match="another client"):
        start(anonymous, join, Endpoint())
    assert LegEnd(session_id=session_id, leg=2, reason="handed-over") in relay_bus.sent
    assert SessionNote(session_id=session_id, kind="client-started", data={}) in relay_bus.sent
    found = grants(relay_bus)
    assert set(found) == {1, 3}
    assert found[1] == EVERY_GRANT & ~(Grant.NONE)
    assert Grant.SCREEN_CONTROL | Grant.SHELL in found[3]
    (item,) = queries.visible_sessions(rep.subject)
    assert (item["click_to_chat"], item["client_asked"], item["hostname"]) == (False, False, "web-01")
    with pytest.raises(Conflict, match="taken over"):
        chats.chat(anonymous, join)
    with pytest.raises(Conflict):
        chats.request_client(rep, session_id=session_id)
    # Told again, as after a restart of the worker: nothing more happens.
    before = len(relay_bus.sent)
    leg_is(session_id, 1)
    assert len(relay_bus.sent) == before


def test_only_who_is_in_the_session_asks_for_the_client(rep: Actor, admin: Actor, anonymous: Actor, join: str) -> None:
    session_id = open_ticket(chats.chat(anonymous, join).ticket).session_id
    with pytest.raises(Refused):
        chats.request_client(admin, session_id=session_id)
    services.accept(rep, session_id=session_id, tab="t")
    with pytest.raises(Refused):
        chats.request_client(admin, session_id=session_id)


def test_a_portal_without_click_to_chat(rep: Actor, anonymous: Actor, join: str) -> None:
    fields = portal_services.Fields(languages=["en"], click_to_chat=False)
    portal_services.edit_portal(SYSTEM, portal_id=portals.DEFAULT_ID, fields=fields)
    with pytest.raises(Conflict, match="no chat in the browser"):
        chats.chat(anonymous, join)
    assert Session.objects.get().state == "joining"
    # The client is the other way.
    start(anonymous, join, Endpoint())
    with pytest.raises(Conflict, match="taken over"):
        chats.chat(anonymous, join)


def test_the_customer_ends_it(rep: Actor, anonymous: Actor, join: str, relay_bus: Bus) -> None:
    session_id = accepted(rep, anonymous, join)
    with proven(snapshot):
        chats.end(anonymous, join)
    assert Session.objects.get().end_reason == "customer-ended"
    assert any(isinstance(one, SessionEnd) and one.session_id == session_id for one in relay_bus.sent)
    rows = AuditRow.objects.filter(action="support.customer.end").count()
    chats.end(anonymous, join)
    assert AuditRow.objects.filter(action="support.customer.end").count() == rows
    with pytest.raises(Expired):
        chats.chat(anonymous, join)
    with pytest.raises(Expired):
        chats.chat(anonymous, "0" * 48)


#
def test_the_owner_disconnects_a_customer_who_chats(rep: Actor, anonymous: Actor, join: str, relay_bus: Bus) -> None:
    session_id = accepted(rep, anonymous, join)
    collaboration.disconnect_customer(rep, session_id=session_id)
    assert LegEnd(session_id=session_id, leg=2, reason="removed") in relay_bus.sent
    with pytest.raises(Expired, match="disconnected you"):
        chats.chat(anonymous, join)
    with pytest.raises(Expired, match="disconnected you"):
        start(anonymous, join, Endpoint())


def test_more_access_gives_nothing_that_a_chat_does_not_have(
    rep: Actor, admin: Actor, anonymous: Actor, join: str, relay_bus: Bus
) -> None:
    accepted(rep, anonymous, join)
    user = User.objects.get(id=rep.subject.id)
    accounts.edit_user(
        admin,
        user_id=user.id,
        display_name=user.display_name,
        email="",
        permissions=[*user.permissions, "perm_session_files.manage"],
    )
    assert set(grants(relay_bus).values()) == {CHAT}


def test_a_used_key_of_no_portal_leads_to_the_client(rep: Actor, anonymous: Actor) -> None:
    with pytest.raises(Conflict):
        chats.chat(anonymous, use_key(rep, anonymous, portal="gone.example").join)
