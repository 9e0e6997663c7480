"""Sessions: their way from joining to ended, who may do what, and what relay and consoles are told."""

from typing import Any

import pytest
from tests.unit.web.conftest import Bus, actor_for
from tests.unit.web.snapshots import proven
from tests.unit.web.support.helpers import FACTS, Endpoint, snapshot, start, use_key, waiting

from farhand.kit import signing
from farhand.protocol.bus import LegEnd, RecordWith, SessionEnd, SessionPut
from farhand.protocol.channels import Grant, Party
from farhand.protocol.messages import Entry, LegTicket
from farhand.recording import keys as recording_keys
from farhand.recording.format import CERTIFICATE_KIND, Certificate
from farhand.web.appliance import keys
from farhand.web.project.service import SYSTEM, Actor, Conflict, Invalid, Refused
from farhand.web.support import key_services, queries, services, worker_services
from farhand.web.support.models import RecordingSegment, Session, SessionEvent

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def commits(django_capture_on_commit_callbacks: Any) -> Any:
    """Run what is due after a commit: the test's own transaction never commits."""
    from django.db import transaction

    original = transaction.on_commit
    transaction.on_commit = lambda function, using=None, robust=False: function()  # type: ignore[assignment]
    yield
    transaction.on_commit = original


def entry(seq: int, kind: str, *, leg: int = 1, party: Party = Party.ENDPOINT, text: str = "") -> Entry:
    """A journal entry."""
    return Entry(seq=seq, time_ms=1_000 + seq, id=f"{seq:036d}", leg=leg, party=party, subject="x", name="Customer",
                 kind=kind, text=text)  # fmt: skip


def open_ticket(ticket: str) -> LegTicket:
    """Decode a ticket as the relay does."""
    return signing.open_token(bytes.fromhex(keys.issuer_public()), "leg", ticket, LegTicket)


def puts(relay_bus: Bus) -> list[Any]:
    """The session states that went to the relay."""
    return [message.session for message in relay_bus.sent if isinstance(message, SessionPut)]


def test_the_customer_shows_up_after_consent(rep: Actor, anonymous: Actor, relay_bus: Bus) -> None:
    used, endpoint = use_key(rep, anonymous), Endpoint()
    with proven(snapshot):
        started = start(anonymous, used.join, endpoint)
    (item,) = queries.visible_sessions(rep.subject)
    assert (item["id"], item["queue"], item["state"]) == (started.session_id, f"user:{rep.subject.id}", "waiting")
    assert item["details"] == {"public_ip": "192.0.2.7", "private_ip": "10.0.0.5", "user": "customer"}
    ticket = open_ticket(started.ticket)
    assert (ticket.leg, ticket.party, ticket.key) == (1, Party.ENDPOINT, endpoint.key)
    (state,) = puts(relay_bus)
    assert state.epoch >= ticket.epoch
    assert state.offer_to is None
    assert state.recording.segment == 1
    # sent again (its answer was lost): the same session, a new ticket
    assert start(anonymous, used.join, endpoint).session_id == started.session_id
    with pytest.raises(Conflict, match="another client"):
        start(anonymous, used.join, Endpoint())


def test_a_wrong_proof_or_join_is_refused(rep: Actor, anonymous: Actor) -> None:
    used, endpoint, other = use_key(rep, anonymous), Endpoint(), Endpoint()
    with pytest.raises(Invalid, match="prove its key"):
        services.start_customer(
            anonymous, join=used.join, key=endpoint.key, proof=other.proof("join", used.join), facts=FACTS
        )
    with pytest.raises(key_services.Expired):
        start(anonymous, "f" * 48, endpoint)
    assert Session.objects.get().state == "joining"


def test_accept_and_work_and_end(rep: Actor, anonymous: Actor, relay_bus: Bus) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    with proven(snapshot):
        ticket = services.accept(rep, session_id=session_id, tab="tab-1")
    opened = open_ticket(ticket.ticket)
    assert (ticket.leg, opened.leg, opened.party, opened.key) == (2, 2, Party.CONSOLE, None)
    assert opened.grants == ticket.grants
    assert Grant(ticket.grants) & Grant.SHELL
    assert ticket.session["state"] == "active"
    assert ticket.session["owner_name"] == "Rep"
    assert [leg.leg for leg in puts(relay_bus)[-1].legs] == [1, 2]
    assert puts(relay_bus)[-1].recording is None
    again = services.console_ticket(rep, session_id=session_id, tab="tab-1")
    second = services.console_ticket(rep, session_id=session_id, tab="tab-2")
    assert (again.leg, second.leg) == (2, 3)
    assert open_ticket(again.ticket).jti != opened.jti
    assert puts(relay_bus)[-1].epoch == open_ticket(second.ticket).epoch
    with proven(snapshot):
        services.end_session(rep, session_id=session_id)
    assert Session.objects.get(id=session_id).state == "ended"
    assert [m.reason for m in relay_bus.sent if isinstance(m, SessionEnd)] == ["ended"]
    services.end_session(SYSTEM, session_id=session_id)
    assert len([m for m in relay_bus.sent if isinstance(m, SessionEnd)]) == 1
    assert not queries.visible_sessions(rep.subject)


def test_others_may_not(rep: Actor, anonymous: Actor, make_user: Any, admin: Actor) -> None:
    other = actor_for(make_user("other", "perm_support_allowed", "perm_jump_client"))
    session_id, _endpoint = waiting(rep, anonymous)
    assert not queries.visible_sessions(other.subject)
    with pytest.raises(Refused, match="not in one of your queues"):
        services.accept(other, session_id=session_id, tab="t")
    services.accept(rep, session_id=session_id, tab="t")
    with pytest.raises(Conflict, match="Somebody else"):
        services.accept(other, session_id=session_id, tab="t")
    for refused in (services.console_ticket, services.leave, services.end_session):
        with pytest.raises(Refused):
            refused(other, session_id=session_id, **({"tab": "t"} if refused is services.console_ticket else {}))
    with pytest.raises(Refused):
        services.end_session(anonymous, session_id=session_id)
    services.end_session(admin, session_id=session_id)


def test_a_permission_that_is_taken_away_gives_no_ticket(rep: Actor, anonymous: Actor) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    services.accept(rep, session_id=session_id, tab="t")
    rep.user.permissions = []
    rep.user.save()
    with pytest.raises(Refused, match="not allowed to give remote support"):
        services.console_ticket(actor_for(rep.user), session_id=session_id, tab="t")


@pytest.mark.parametrize("tab", ["", "x" * 65, "a\nb", "ü"])
def test_a_tab_needs_a_name(rep: Actor, anonymous: Actor, tab: str) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    with pytest.raises(Invalid, match="Reload"):
        services.accept(rep, session_id=session_id, tab=tab)


def test_leaving_returns_the_session_to_the_own_queue(rep: Actor, anonymous: Actor, relay_bus: Bus) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    services.accept(rep, session_id=session_id, tab="t")
    with proven(snapshot):
        services.leave(rep, session_id=session_id)
    session = Session.objects.get(id=session_id)
    assert (session.state, session.queue) == ("waiting", f"user:{rep.subject.id}")
    assert [(m.leg, m.reason) for m in relay_bus.sent if isinstance(m, LegEnd)] == [(2, "left")]
    assert [leg.leg for leg in puts(relay_bus)[-1].legs] == [1]
    assert services.accept(rep, session_id=session_id, tab="t").leg == 3


def test_lost_consoles_return_the_session_after_the_grace(rep: Actor, anonymous: Actor) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    services.accept(rep, session_id=session_id, tab="t")
    worker_services.note_leg(SYSTEM, session_id=session_id, leg=2, connected=True)
    assert not worker_services.return_lost(SYSTEM, session_id=session_id)
    worker_services.note_leg(SYSTEM, session_id=session_id, leg=2, connected=False)
    assert not worker_services.return_lost(SYSTEM, session_id=session_id)
    Session.objects.filter(id=session_id).update(consoles_gone_ms=1)
    with proven(snapshot):
        assert worker_services.return_lost(SYSTEM, session_id=session_id)
    assert Session.objects.get(id=session_id).state == "waiting"
    assert not worker_services.return_lost(SYSTEM, session_id=session_id)


def test_the_customer_is_seen_to_come_and_go(rep: Actor, anonymous: Actor) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    with proven(snapshot):
        worker_services.note_leg(SYSTEM, session_id=session_id, leg=1, connected=True)
    assert queries.visible_sessions(rep.subject)[0]["customer_connected"]
    with proven(snapshot, expect_events=False):
        worker_services.note_leg(SYSTEM, session_id=session_id, leg=1, connected=True)
    with proven(snapshot):
        worker_services.note_leg(SYSTEM, session_id=session_id, leg=1, connected=False)


def test_imports_are_idempotent_and_end_sessions(rep: Actor, anonymous: Actor, relay_bus: Bus) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    services.accept(rep, session_id=session_id, tab="t")
    first = [
        entry(1, "leg-joined"),
        entry(2, "chat", text="hello\x00"),
        entry(3, "leg-joined", leg=2, party=Party.CONSOLE),
    ]
    with proven(snapshot):
        assert worker_services.import_entries(SYSTEM, session_id=session_id, entries=first, offset=300) == 3
    assert worker_services.import_entries(SYSTEM, session_id=session_id, entries=first, offset=300) == 0
    overlapping = [first[2], entry(4, "customer-ended")]
    with proven(snapshot):
        assert worker_services.import_entries(SYSTEM, session_id=session_id, entries=overlapping, offset=400) == 1
    session = Session.objects.get(id=session_id)
    assert (session.state, session.end_reason, session.imported_seq, session.journal_offset) == (
        "ended", "customer-ended", 4, 400,
    )  # fmt: skip
    assert [event.seq for event in session.events.filter(source="relay").order_by("seq")] == [1, 2, 3, 4]
    assert [queries.event_name(event) for event in queries.history(session_id).filter(kind="chat")] == ["Chat Message"]
    assert len([m for m in relay_bus.sent if isinstance(m, SessionEnd)]) == 1
    assert worker_services.import_entries(SYSTEM, session_id="0" * 36, entries=first, offset=1) == 0


def test_a_console_cannot_speak_for_the_customer(rep: Actor, anonymous: Actor) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    forged = [entry(1, "customer-ended", leg=2, party=Party.CONSOLE)]
    worker_services.import_entries(SYSTEM, session_id=session_id, entries=forged, offset=1)
    assert Session.objects.get(id=session_id).state == "waiting"


def test_recording_keys_are_wrapped_certified_and_never_sent_twice(
    rep: Actor, anonymous: Actor, relay_bus: Bus
) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    first = puts(relay_bus)[0].recording
    relay_bus.sent.clear()
    relay_id = "0199a000-0000-7000-8000-000000000001"
    assert worker_services.renew_keys(SYSTEM, session_id=session_id, relay_id=relay_id)
    assert not worker_services.renew_keys(SYSTEM, session_id=session_id, relay_id=relay_id)
    (answer,) = [m for m in relay_bus.sent if isinstance(m, RecordWith)]
    assert (answer.session_id, answer.relay_id) == (session_id, relay_id)
    second = answer.keys
    assert (first.segment, second.segment) == (1, 2)
    assert first.data_key != second.data_key
    kek = keys.recordings_key()
    for one in (first, second):
        row = RecordingSegment.objects.get(session_id=session_id, segment=one.segment)
        assert row.data_key == one.wrapped
        assert recording_keys.unwrap(kek, one.wrapped, session_id, one.segment).hex() == one.data_key
        certificate = signing.open_token(
            bytes.fromhex(keys.issuer_public()), CERTIFICATE_KIND, one.certificate, Certificate
        )
        public = signing.public_of(signing.key_from_seed(bytes.fromhex(one.sign_seed))).hex()
        assert (certificate.session_id, certificate.segment, certificate.key) == (session_id, one.segment, public)


def test_a_session_that_has_just_ended_still_gets_keys(rep: Actor, anonymous: Actor, relay_bus: Bus) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    services.accept(rep, session_id=session_id, tab="t")
    services.end_session(rep, session_id=session_id)
    relay_id = "0199a000-0000-7000-8000-000000000002"
    assert worker_services.renew_keys(SYSTEM, session_id=session_id, relay_id=relay_id)
    Session.objects.filter(id=session_id).update(ended_ms=1)
    assert not worker_services.renew_keys(
        SYSTEM, session_id=session_id, relay_id="0199a000-0000-7000-8000-000000000003"
    )


def test_a_new_relay_forgets_who_was_connected_but_not_who_joined_since(rep: Actor, anonymous: Actor) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    services.accept(rep, session_id=session_id, tab="t")
    old, new = "00000000-0000-7000-8000-000000000001", "00000000-07d0-7000-8000-000000000001"  # began at 0 and 2000 ms
    worker_services.forget_legs(SYSTEM, relay_id=old)
    entries = [entry(1, "leg-joined"), entry(2, "leg-joined", leg=2, party=Party.CONSOLE)]
    worker_services.import_entries(SYSTEM, session_id=session_id, entries=entries, offset=1)
    worker_services.forget_legs(SYSTEM, relay_id=old)
    assert Session.objects.get(id=session_id).customer_connected
    SessionEvent.objects.filter(seq=1, source="relay").update(time_ms=2500)
    with proven(snapshot, expect_events=False):
        worker_services.forget_legs(SYSTEM, relay_id=new)
    session = Session.objects.get(id=session_id)
    assert session.customer_connected
    assert session.consoles_gone_ms is not None


def test_a_join_that_was_never_started_expires(rep: Actor, anonymous: Actor) -> None:
    used = use_key(rep, anonymous)
    assert not worker_services.expire_join(SYSTEM, session_id=used.session_id)
    Session.objects.filter(id=used.session_id).update(join_expires_ms=1)
    assert worker_services.expire_join(SYSTEM, session_id=used.session_id)
    assert Session.objects.get(id=used.session_id).state == "ended"


def test_system_changes_are_for_farhand_alone(rep: Actor, anonymous: Actor) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    for actor in (rep, anonymous):
        with pytest.raises(Refused):
            worker_services.import_entries(actor, session_id=session_id, entries=[], offset=0)
        with pytest.raises(Refused):
            worker_services.note_leg(actor, session_id=session_id, leg=1, connected=True)
        with pytest.raises(Refused):
            worker_services.renew_keys(actor, session_id=session_id, relay_id="x")
