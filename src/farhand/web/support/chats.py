"""Click-to-chat: a customer chats in the portal's page, with nothing downloaded, until the full client takes over.

The page is a party of its own at the relay (`Party.PORTAL`), with a leg beside the endpoint's, which stays free. Rules:
while a session is a click-to-chat, every leg has the grants for chat and for following it, and no more; the full client
is given leg 1 of the same session; once it has joined, the page's leg ends, and all legs are decided anew.
"""

import msgspec
from django.utils.translation import gettext

from farhand.protocol.bus import SessionNote
from farhand.protocol.channels import Party
from farhand.rules import sessions as rules
from farhand.rules.access import Subject
from farhand.rules.queues import personal
from farhand.web.accounts.queries import is_usable
from farhand.web.portals.queries import offers_chat
from farhand.web.project.service import Actor, Change, Conflict, now_ms, service
from farhand.web.support import events, lives, queries, tickets
from farhand.web.support.key_services import Expired
from farhand.web.support.models import Session


class ChatTicket(msgspec.Struct, frozen=True, kw_only=True):
    """Leave for the portal's page to take its leg once."""

    ticket: str
    name: str
    """The customer's, as others see it."""
    client_asked: bool
    """A representative has asked for the full client."""


def chat(actor: Actor, join: str) -> ChatTicket:
    """The holder of a join token chats, or comes back to the chat. Raises Expired, Conflict."""
    session = _of(join)
    return begin_chat(_customer(actor, session), session_id=session.id)


def end(actor: Actor, join: str) -> None:
    """The holder of a join token ends the session. Raises Expired."""
    session = _of(join)
    end_by_customer(_customer(actor, session), session_id=session.id)


@service("support.customer.chat")
def begin_chat(change: Change, *, session_id: str) -> ChatTicket:
    """Joining to waiting without a client (R-022); later a fresh ticket for the same leg."""
    session = lives.locked(session_id)
    change.allow(lives.as_object(session))
    if session.state == "joining":
        return _begin(change, session)
    if session.state == "ended":
        raise Expired(gettext("This session has ended."))
    leg = lives.legs_of_customer(session).filter(party=Party.PORTAL).first()
    if leg is None and session.click_to_chat:
        raise Expired(gettext("Your representative has disconnected you from this session."))
    if leg is None:
        raise Conflict(gettext("The client has taken over this session. Go on there."))
    change.nothing()
    return _ticket(change, session, tickets.leg_ticket(session, leg, change.now_ms))


@service("support.customer.end")
def end_by_customer(change: Change, *, session_id: str) -> None:
    """The customer ends the session from the portal. Ending an ended one changes nothing."""
    session = lives.locked(session_id)
    change.allow(lives.as_object(session))
    if not lives.finish(change, session, "customer-ended", gettext("The customer ended the session.")):
        change.nothing()


@service("support.session.request_client")
def request_client(change: Change, *, session_id: str) -> None:
    """Run Full Customer Client, Elevate: the customer of a click-to-chat is asked in the page to download and run the
    client (R-214, R-215). It may be asked again. Raises Refused, NotThere, Conflict.
    """
    session = lives.locked(session_id)
    change.allow(lives.as_object(session), lives.context(change))
    if session.state != "active" or not session.click_to_chat:
        raise Conflict(gettext("The full customer client runs already."))
    session.client_asked_ms = change.now_ms
    session.save(update_fields=["client_asked_ms"])
    lives.say_to_all(
        change, SessionNote(session_id=session.id, kind="client-requested", data={"by": change.actor.name})
    )
    events.tell(change, session)


def hand_over(change: Change, session: Session) -> None:
    """The full client's leg has joined a click-to-chat: the page's leg ends, and the session is one like others."""
    pages = lives.legs_of_customer(session).filter(party=Party.PORTAL)
    numbers = list(pages.values_list("number", flat=True))
    session.click_to_chat = False
    session.save(update_fields=["click_to_chat"])
    lives.say_to_all(change, SessionNote(session_id=session.id, kind="client-started", data={}))
    lives.end_legs(change, session, numbers, "handed-over")
    pages.update(left_ms=change.now_ms, connected=False)
    lives.regrant(change, session)
    lives.tell_relay(change, session)
    events.tell(change, session)


def _begin(change: Change, session: Session) -> ChatTicket:
    if not offers_chat(session.portal):
        raise Conflict(gettext("There is no chat in the browser here. Download the client to go on."))
    queue = session.entry_queue or (personal(session.creator_id) if session.creator_id else "")
    if not is_usable(queue):
        raise Conflict(gettext("There is nobody any more who could help here. Ask for help again."))
    session.click_to_chat = True
    session.public_ip = change.actor.source_ip[:64] or session.public_ip
    session.customer_gone_ms = change.now_ms
    lives.store(change, session, lives.step(lambda: rules.consent(lives.life_of(session), queue)))
    leg = lives.portal_leg(change, session)
    lives.note(change, session, "chat-started")
    lives.tell_relay(change, session, tickets.new_segment(session, "", change.now_ms))
    return _ticket(change, session, tickets.leg_ticket(session, leg, change.now_ms))


def _ticket(_change: Change, session: Session, ticket: str) -> ChatTicket:
    return ChatTicket(ticket=ticket, name=session.name, client_asked=session.client_asked_ms is not None)


def _of(join: str) -> Session:
    session = queries.by_join(join, now_ms())
    if session is None:
        raise Expired(gettext("The time to start this session is over. Ask your representative for a new session key."))
    return session


def _customer(actor: Actor, session: Session) -> Actor:
    return Actor(subject=Subject(kind="customer", id=session.id), name=session.name, source_ip=actor.source_ip)
