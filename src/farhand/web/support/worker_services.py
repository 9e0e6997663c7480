"""Changes of sessions that the worker brings: journals, legs that come and go, expiry, fresh recording keys.

All are idempotent: the worker may be killed at any step and does the same again.
"""

import uuid
from collections.abc import Sequence

from django.utils.translation import gettext

from farhand.protocol.channels import Party
from farhand.protocol.messages import Entry
from farhand.rules import sessions as rules
from farhand.rules.access import Object
from farhand.web.accounts.queries import queue_name
from farhand.web.appliance.queries import reconnect_timeout_ms
from farhand.web.events.services import next_history
from farhand.web.project.service import Change, service
from farhand.web.support import chats, events, lives, tickets
from farhand.web.support.models import RecordingSegment, RelaySeen, Session, SessionEvent

SYSTEM_OBJECT = Object(kind="session")
LATE_KEYS_MS = 120_000
"""Keys are made for a session that ended at most this long ago; the relay waits for them half as long."""
REPEAT_MS = 4_000
"""A relay that asks twice for keys within this time has the first answer on its way."""


@service("support.session.import", audit="the entries are history themselves")
def import_entries(change: Change, *, session_id: str, entries: Sequence[Entry], offset: int) -> int:
    """Store journal entries that are new, apply what they mean, and remember the journal's offset; returns how many.

    An entry is known by (session, seq): one that was imported before is passed over. `offset` is where the file is read
    next: behind these entries, or 0 with none when the file has to be read anew.
    """
    change.allow(Object(kind="session", id=session_id))
    session = Session.objects.select_for_update(of=("self",)).filter(id=session_id).first()
    if session is None:
        change.nothing()
        return 0
    known = set(
        session.events.filter(source="relay", seq__in=[entry.seq for entry in entries]).values_list("seq", flat=True)
    )
    new = sorted(
        {entry.seq: entry for entry in entries if entry.seq not in known}.values(), key=lambda entry: entry.seq
    )
    if new:
        origin, sequence = next_history(len(new))
        SessionEvent.objects.bulk_create(
            [_row(session, entry, origin, sequence + index) for index, entry in enumerate(new)]
        )
    session.journal_offset = offset
    session.imported_seq = max([session.imported_seq, *(entry.seq for entry in new)])
    session.save(update_fields=["journal_offset", "imported_seq"])
    for entry in new:
        _apply(change, session, entry)
    return len(new)


@service("support.session.note_leg", audit="the journal says who joined and left")
def note_leg(change: Change, *, session_id: str, leg: int, connected: bool) -> None:
    """A leg's socket came or went."""
    change.allow(Object(kind="session", id=session_id))
    session = Session.objects.select_for_update(of=("self",)).filter(id=session_id).first()
    if session is None or not _leg_is(change, session, leg, connected):
        change.nothing()


@service("support.session.forget_legs")
def forget_legs(change: Change, *, relay_id: str) -> int:
    """Nobody is connected to a new incarnation of the relay but who joined since. Returns how many sessions changed.

    Nothing happens for the incarnation that is known already. Journals are imported first. An incarnation's id
    carries the time at which it began (UUIDv7).
    """
    change.allow(SYSTEM_OBJECT)
    seen = RelaySeen.objects.select_for_update().filter(key="relay").first()
    if seen is not None and seen.relay_id == relay_id:
        change.nothing()
        return 0
    RelaySeen.objects.update_or_create(key="relay", defaults={"relay_id": relay_id})
    began_ms = uuid.UUID(relay_id).int >> 80
    changed = 0
    for session in Session.objects.select_for_update(of=("self",)).filter(state__in=("waiting", "active")):
        joined = set(
            session.events.filter(source="relay", kind="leg-joined", time_ms__gte=began_ms).values_list(
                "leg", flat=True
            )
        )
        numbers = list(session.legs.filter(connected=True).exclude(number__in=joined).values_list("number", flat=True))
        for number in numbers:
            _leg_is(change, session, number, connected=False)
        changed += bool(numbers)
    change.audit(relay=relay_id, sessions=changed)
    return changed


@service("support.session.return_to_queue")
def return_lost(change: Change, *, session_id: str) -> bool:
    """Another member's, or into a queue (`lives.queue_of_lost`), or over, when no console of the owner has been there
    for longer than the grace; False when not so.
    """
    change.allow(Object(kind="session", id=session_id))
    session = lives.locked(session_id)
    before = lives.life_of(session)
    gone_ms = 0 if session.consoles_gone_ms is None else change.now_ms - session.consoles_gone_ms
    present = [member for member in session.members if lives.is_here(session, member)]
    after = rules.owner_lost(before, gone_ms, present, lives.queue_of_lost(session))
    if after == before:
        change.nothing()
        return False
    if after.state == "ended":
        text = gettext("The connection to the representative is lost, so the session was ended.")
        return lives.finish(change, session, after.reason, text)
    if after.state == "waiting":
        lives.note(change, session, "returned", queue=queue_name(after.queue))
    lives.store(change, session, after)
    lives.tell_relay(change, session)
    return True


@service("support.session.expire")
def expire_join(change: Change, *, session_id: str) -> bool:
    """End a joining session whose customer never ran the client in time; False when it is not such a one."""
    change.allow(Object(kind="session", id=session_id))
    session = lives.locked(session_id)
    if session.state != "joining" or session.join_expires_ms > change.now_ms:
        change.nothing()
        return False
    return lives.finish(change, session, "expired", gettext("The time to start the client is over."))


@service("support.session.abandon")
def end_abandoned(change: Change, *, session_id: str) -> bool:
    """End a support session whose customer's client has been gone for longer than the site allows."""
    change.allow(Object(kind="session", id=session_id))
    session = lives.locked(session_id)
    life = lives.life_of(session)
    gone_ms = 0 if session.customer_gone_ms is None else change.now_ms - session.customer_gone_ms
    if rules.customer_lost(life, gone_ms, reconnect_timeout_ms()) == life:
        change.nothing()
        return False
    return lives.finish(change, session, "customer-lost")


@service("support.session.renew_keys", events="recording keys are for the relay alone")
def renew_keys(change: Change, *, session_id: str, relay_id: str) -> bool:
    """Answer a relay that has no recording keys for a session with those of a new segment; False when there is no
    need. A session that has just ended gets them too: the relay keeps what happened in it until they come.
    """
    change.allow(Object(kind="session", id=session_id))
    session = Session.objects.select_for_update(of=("self",)).filter(id=session_id).first()
    if session is None or not session.record or not _may_be_written(session, change.now_ms):
        change.nothing()
        return False
    last = RecordingSegment.objects.filter(session=session).order_by("-segment").first()
    if last is not None and last.relay_id == relay_id and 0 <= change.now_ms - last.created_ms < REPEAT_MS:
        change.nothing()
        return False
    lives.tell_keys(change, session, relay_id, tickets.new_segment(session, relay_id, change.now_ms))
    return True


def _may_be_written(session: Session, now_ms: int) -> bool:
    if session.state == "ended":
        return session.ended_ms is not None and now_ms - session.ended_ms < LATE_KEYS_MS
    return session.state in ("waiting", "active")


def _row(session: Session, entry: Entry, origin: str, sequence: int) -> SessionEvent:
    return SessionEvent(
        origin=origin,
        sequence=sequence,
        session=session,
        source="relay",
        seq=entry.seq,
        time_ms=entry.time_ms,
        kind=_kept(entry.kind),
        leg=entry.leg,
        party=entry.party,
        subject=_kept(entry.subject),
        name=_kept(entry.name),
        text=_kept(entry.text),
        data={_kept(key): _kept(value) if isinstance(value, str) else value for key, value in entry.data.items()},
    )


def _kept(text: str) -> str:
    """A text as a database keeps it: not all of them take NUL, and a journal of before may hold one."""
    return text.replace("\x00", "\ufffd")


def _apply(change: Change, session: Session, entry: Entry) -> None:
    if entry.kind in {"leg-joined", "leg-left"}:
        _leg_is(change, session, entry.leg, connected=entry.kind == "leg-joined")
    elif entry.kind == "customer-ended" and entry.party == Party.ENDPOINT:
        lives.finish(change, session, "customer-ended", gettext("The customer ended the session."))
    elif entry.kind == "session-ended":
        lives.finish(change, session, "ended")


def _leg_is(change: Change, session: Session, number: int, connected: bool) -> bool:
    """Apply that a leg is connected or not; a session that is over is not touched. Says whether anything changed."""
    if session.state not in ("waiting", "active"):
        return False
    legs = session.legs.filter(number=number, left_ms=None, connected=not connected)
    changed = bool(legs.update(connected=connected))
    here = session.legs.filter(left_ms=None, connected=True)
    if number == 1 and connected and session.click_to_chat:
        chats.hand_over(change, session)
        changed = True
    customer = lives.legs_of_customer(session).filter(connected=True).exists()
    consoles = here.filter(party=Party.CONSOLE, user_id=session.owner_id or "").exists()
    gone = None if consoles else (session.consoles_gone_ms or change.now_ms)
    customer_gone = None if customer else (session.customer_gone_ms or change.now_ms)
    before = (session.customer_connected, session.consoles_gone_ms, session.customer_gone_ms)
    told = customer != session.customer_connected
    if before != (customer, gone, customer_gone):
        session.customer_connected, session.consoles_gone_ms, session.customer_gone_ms = customer, gone, customer_gone
        session.save(update_fields=["customer_connected", "consoles_gone_ms", "customer_gone_ms"])
        changed = True
    if told:
        events.tell(change, session)
    return changed
