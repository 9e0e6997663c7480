"""All changes of sessions that people and endpoints cause: a customer starts, representatives accept, leave and end.

Each is: rule, one transaction, audit row, events, and the relay told after the commit. What the worker does (imports,
legs, expiry) stands in `worker_services`, session keys in `key_services`, the storing itself in `lives`.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from django.utils.translation import gettext

from farhand.kit import signing
from farhand.protocol.messages import Facts
from farhand.rules import sessions as rules
from farhand.rules.access import Object, Subject, decide
from farhand.rules.queues import personal, visible
from farhand.web.accounts.queries import is_usable
from farhand.web.events.services import next_history
from farhand.web.project.service import Actor, Change, Conflict, Invalid, now_ms, service
from farhand.web.support import events, key_services, lives, queries, tickets
from farhand.web.support.models import Session

MAX_TAB = 64
MAX_VERSION = 128


class ConsoleTicket(msgspec.Struct, frozen=True, kw_only=True):
    """Leave for one console tab to take a leg."""

    session: dict[str, Any]
    ticket: str
    leg: int
    grants: int


class CustomerTicket(msgspec.Struct, frozen=True, kw_only=True):
    """Leave for a customer's client to take leg 1."""

    session_id: str
    ticket: str
    representative: str


class JumpTarget(msgspec.Struct, frozen=True, kw_only=True):
    """The Jump Client of a new session, as the session's report will know it for ever."""

    client_id: str
    group_id: str
    name: str
    key: str
    hostname: str
    platform: str
    os_name: str
    console_user: str
    public_ip: str
    private_ip: str
    version: str


def start_customer(actor: Actor, *, join: str, key: str, proof: str, facts: Facts, version: str = "") -> CustomerTicket:
    """The customer's client runs and its customer consents. Raises Invalid, NotThere, Conflict.

    `proof`: hex signature of kind `join` by `key` (hex) over the join token. Sent again with the same key it answers
    again.
    """
    session = queries.by_join(join, now_ms())
    if session is None:
        raise key_services.Expired(gettext("This invitation has ended. Ask your representative for a new session key."))
    check_proof(key, "join", join, proof)
    customer = Actor(
        subject=Subject(kind="customer", id=session.id),
        name=facts.user or facts.hostname or gettext("Customer"),
        source_ip=actor.source_ip,
    )
    return begin_support(customer, session_id=session.id, key=key, facts=facts, version=version)


@service("support.customer.start")
def begin_support(change: Change, *, session_id: str, key: str, facts: Facts, version: str) -> CustomerTicket:
    """Joining to waiting: the session shows up in its entry queue, for a key that of who made it (R-095)."""
    session = lives.locked(session_id)
    change.allow(lives.as_object(session))
    if session.state in ("waiting", "active") and session.click_to_chat and session.endpoint_key != key:
        return _client_of_chat(change, session, key, facts, version)
    if session.state != "joining":
        return _customer_again(change, session, key)
    queue = session.entry_queue or (personal(session.creator_id) if session.creator_id else "")
    if not is_usable(queue):
        raise Conflict(gettext("There is nobody any more who could help here. Ask for help again."))
    session.name = (str(session.request.get("name", "")) or change.actor.name)[:128]
    _know_client(change, session, key, facts, version)
    session.customer_gone_ms = change.now_ms
    lives.store(change, session, lives.step(lambda: rules.consent(lives.life_of(session), queue)))
    leg = lives.endpoint_leg(change, session, f"customer:{session.id}")
    lives.note(change, session, "customer-started", platform=facts.platform)
    lives.tell_relay(change, session, tickets.new_segment(session, "", change.now_ms))
    change.audit(hostname=facts.hostname, platform=facts.platform)
    return CustomerTicket(
        session_id=session.id,
        ticket=tickets.leg_ticket(session, leg, change.now_ms),
        representative=queries.representative_of(session),
    )


def begin_jump(change: Change, target: JumpTarget, tab: str) -> ConsoleTicket:
    """Begin a Jump for the calling representative's tab; the caller has asked the rules. Raises Invalid."""
    user = change.actor.subject.id
    life = rules.new_jump(user)
    origin, sequence = next_history()
    session = Session.objects.create(
        recorded=lives.recorded_now(),
        origin=origin,
        sequence=sequence,
        kind=life.kind,
        state=life.state,
        queue=life.queue,
        owner_id=user,
        creator_id=user,
        entry_queue=life.queue,
        last_queue=life.queue,
        members=list(life.members),
        jump_client_id=target.client_id,
        jump_group_id=target.group_id,
        name=target.name[:128],
        hostname=target.hostname,
        platform=target.platform,
        os_name=target.os_name,
        console_user=target.console_user,
        public_ip=target.public_ip[:64],
        private_ip=target.private_ip,
        client_version=target.version,
        endpoint_key=target.key,
        created_ms=change.now_ms,
        started_ms=change.now_ms,
        consoles_gone_ms=change.now_ms,
    )
    lives.endpoint_leg(change, session, f"agent:{target.client_id}")
    lives.note(change, session, "jumped", item=target.name[:128])
    events.tell(change, session)
    return ticket_for(change, session, tab, first=True)


def own_jump(change: Change, client_id: str, tab: str) -> ConsoleTicket | None:
    """Give the calling representative's tab a ticket for the own running Jump to this client, if there is one."""
    running = queries.own_jump(client_id, change.actor.subject.id)
    return ticket_for(change, lives.locked(running), tab) if running else None


def end_jumps(change: Change, client_id: str, reason: str, text: str) -> None:
    """End all living sessions with a Jump Client; the caller has asked the rules."""
    for session_id in queries.of_client(client_id):
        lives.finish(change, lives.locked(session_id), reason, text)


def ticket_for(change: Change, session: Session, tab: str, *, first: bool = False) -> ConsoleTicket:
    """Give the calling representative's tab a leg, tell the relay, and sign the ticket."""
    if not 1 <= len(tab) <= MAX_TAB or not tab.isascii() or not tab.isprintable():
        raise Invalid("tab", gettext("This console tab did not name itself. Reload the page."))
    leg = lives.console_leg(change, session, tab)
    lives.tell_relay(change, session, tickets.new_segment(session, "", change.now_ms) if first else None)
    return ConsoleTicket(
        session=events.session_value(session),
        ticket=tickets.leg_ticket(session, leg, change.now_ms),
        leg=leg.number,
        grants=leg.grants,
    )


@service("support.session.accept")
def accept(change: Change, *, session_id: str, tab: str) -> ConsoleTicket:
    """Take a waiting session: owner, active, in the own personal queue (R-079). Raises Refused, Conflict, NotThere."""
    session = lives.locked(session_id)
    life = lives.life_of(session)
    if life.state == "active":
        # Said before the rule about queues: the session has just left the queue, and that is what the person must know.
        change.allow(Object(kind="session", id=session.id, queue=f"user:{change.actor.subject.id}",
                            facts={"session_kind": session.kind}), lives.context(change))  # fmt: skip
        raise Conflict(gettext("Somebody else has already accepted this session."))
    change.allow(lives.as_object(session), lives.context(change))
    return _taken(change, session, tab)


@service("support.session.next")
def accept_next(change: Change, *, tab: str) -> ConsoleTicket:
    """Get Next Session: take the one that is due first in the queues that one sees, by priority, then by how long it
    has waited; those that one may not accept are passed over. Raises Refused, Conflict when nobody waits.
    """
    context = lives.context(change)
    change.allow(Object(kind="session", facts={"session_kind": "support"}), context)
    subject = change.actor.subject
    for session_id in queries.waiting_in(visible(subject)).values_list("id", flat=True):
        session = lives.locked(session_id)
        if session.state == "waiting" and decide(subject, "support.session.accept", lives.as_object(session), context):
            change.about("session", session.id)
            return _taken(change, session, tab)
    raise Conflict(gettext("Nobody is waiting in your queues."))


@service("support.session.ticket", events="a further tab of a member changes nothing that a list shows")
def console_ticket(change: Change, *, session_id: str, tab: str) -> ConsoleTicket:
    """Give a member's tab a fresh ticket with the grants of now. Raises Refused, NotThere, Conflict."""
    session = lives.locked(session_id)
    change.allow(lives.as_object(session), lives.context(change))
    return ticket_for(change, session, tab)


@service("support.session.leave")
def leave(change: Change, *, session_id: str) -> None:
    """Leave a session (R-256). Of the owner's the longest of the others becomes owner; with none it waits, or ends when
    its customer has been disconnected.
    """
    session = lives.locked(session_id)
    change.allow(lives.as_object(session), lives.context(change))
    _go(change, session, "left", rules.leave)


@service("support.session.pause")
def pause(change: Change, *, session_id: str) -> None:
    """The owner goes, the others stay; the session waits in the owner's personal queue (R-255)."""
    session = lives.locked(session_id)
    change.allow(lives.as_object(session), lives.context(change))
    _go(change, session, "paused", rules.pause)


def _go(change: Change, session: Session, kind: str, how: Callable[[rules.Life, str], rules.Life]) -> None:
    user_id = change.actor.subject.id
    mine = lives.legs_of(session, user_id)
    lives.note(change, session, kind)
    after = lives.step(lambda: how(lives.life_of(session), user_id))
    if after.state == "ended":
        lives.finish(change, session, after.reason)
        return
    lives.store(change, session, after)
    lives.end_legs(change, session, mine, "left")
    lives.tell_relay(change, session)


@service("support.session.end")
def end_session(change: Change, *, session_id: str) -> None:
    """End the session for all (R-253). Ending an ended one changes nothing."""
    session = lives.locked(session_id)
    change.allow(lives.as_object(session), lives.context(change))
    text = gettext("The representative ended the session.")
    if not lives.finish(change, session, "ended", text):
        change.nothing()


def _taken(change: Change, session: Session, tab: str) -> ConsoleTicket:
    subject = change.actor.subject
    life = lives.step(lambda: rules.accept(lives.life_of(session), subject.id, visible(subject)))
    lives.store(change, session, life)
    session.consoles_gone_ms = change.now_ms
    session.save(update_fields=["consoles_gone_ms"])
    lives.note(change, session, "accepted")
    return ticket_for(change, session, tab)


def check_proof(key: str, kind: str, text: str, proof: str) -> None:
    """Raise Invalid unless `proof` (hex) is the signature of `key` (hex) over `text` for `kind`."""
    try:
        signing.check_bytes(bytes.fromhex(key), kind, text.encode(), bytes.fromhex(proof))
    except (signing.BadToken, ValueError) as error:
        raise Invalid(
            "proof", gettext("The client could not prove its key. Download it again and start it anew.")
        ) from error


def _know_client(change: Change, session: Session, key: str, facts: Facts, version: str) -> None:
    """Write down the client that runs, and on which computer."""
    session.endpoint_key = key
    session.hostname, session.platform, session.os_name = facts.hostname, facts.platform, facts.os_name
    session.console_user, session.private_ip = facts.user, facts.private_ip
    session.client_version = version[:MAX_VERSION]
    session.public_ip = change.actor.source_ip[:64] or session.public_ip


def _client_of_chat(change: Change, session: Session, key: str, facts: Facts, version: str) -> CustomerTicket:
    """The full client of a click-to-chat runs (R-023): it is given leg 1 of the same session. The page chats on until
    that leg has joined (`chats.hand_over`). Until then another one may come: the first has died, or was thrown away.
    """
    if not lives.legs_of_customer(session).exists():
        raise key_services.Expired(gettext("Your representative has disconnected you from this session."))
    _know_client(change, session, key, facts, version)
    session.save()
    leg = session.legs.filter(number=1, left_ms=None).first()
    leg = leg or lives.endpoint_leg(change, session, f"customer:{session.id}")
    lives.tell_relay(change, session)
    events.tell(change, session)
    change.audit(hostname=facts.hostname, platform=facts.platform, click_to_chat=True)
    return CustomerTicket(
        session_id=session.id,
        ticket=tickets.leg_ticket(session, leg, change.now_ms),
        representative=queries.representative_of(session),
    )


def _customer_again(change: Change, session: Session, key: str) -> CustomerTicket:
    if session.state == "ended":
        raise key_services.Expired(gettext("This session has ended. Ask your representative for a new session key."))
    if session.endpoint_key != key:
        raise Conflict(gettext("This session has been started by another client already."))
    leg = session.legs.filter(number=1, left_ms=None).first()
    if leg is None:
        raise key_services.Expired(gettext("Your representative has disconnected you from this session."))
    change.nothing()
    return CustomerTicket(
        session_id=session.id,
        ticket=tickets.leg_ticket(session, leg, change.now_ms),
        representative=queries.representative_of(session),
    )
