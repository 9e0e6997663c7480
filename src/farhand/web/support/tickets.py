"""What the relay is handed about a session: signed tickets for its legs, its state, and the keys of its recording.

Rules: a console's ticket serves once and for two minutes; an endpoint's serves for a day, because it is bound to a
key that the endpoint must prove. Keys of a recording segment go to one incarnation of the relay, once: chunk numbers
are nonces.
"""

from typing import Final, Literal, cast

import msgspec

from farhand.kit import signing
from farhand.kit.ids import new_id
from farhand.protocol.bus import LegState, RecordingKeys, SessionState
from farhand.protocol.messages import EventsTicket, LegTicket, Limits
from farhand.recording import keys as recording_keys
from farhand.recording.format import CERTIFICATE_KIND, Certificate
from farhand.web.appliance import keys
from farhand.web.events.services import next_history
from farhand.web.support.models import Leg, RecordingSegment, Session

CONSOLE_TICKET_MS: Final = 120_000
ENDPOINT_TICKET_MS: Final = 24 * 3_600_000
GUEST_HISTORY_MS: Final = 600_000
"""A guest is told what was said in the ten minutes before."""


def leg_ticket(session: Session, leg: Leg, now_ms: int) -> str:
    """Sign the ticket of one leg. The endpoint's (leg 1) names the key that must be proved."""
    endpoint = leg.number == 1
    ticket = LegTicket(
        jti=new_id(),
        session_id=session.id,
        leg=leg.number,
        party=leg.party,
        subject=leg.subject,
        name=leg.name,
        grants=leg.grants,
        epoch=session.epoch,
        expires_ms=now_ms + (ENDPOINT_TICKET_MS if endpoint else CONSOLE_TICKET_MS),
        key=session.endpoint_key if endpoint else None,
    )
    return signing.sign_token(keys.issuer_key(), "leg", ticket)


def events_ticket(user_id: str, topics: list[str], now_ms: int) -> str:
    """Sign leave to listen to these topics; serves once and for two minutes."""
    ticket = EventsTicket(
        jti=new_id(), user_id=user_id, topics=topics, issued_ms=now_ms, expires_ms=now_ms + CONSOLE_TICKET_MS
    )
    return signing.sign_token(keys.issuer_key(), "events", ticket)


def session_state(session: Session, now_ms: int, recording: RecordingKeys | None = None) -> SessionState:
    """Build what the relay needs to host the session as it is in the database now.

    `recording` None means: keep the keys that you have, or ask for some.
    """
    legs = list(session.legs.filter(left_ms=None).order_by("number"))
    endpoint = next((leg for leg in legs if leg.number == 1), None)
    offered = session.jump_client_id if session.kind == "jump" and endpoint is not None else ""
    return SessionState(
        session_id=session.id,
        kind=cast(Literal["jump", "support"], session.kind),
        epoch=session.epoch,
        legs=[
            LegState(
                leg=leg.number,
                party=leg.party,
                subject=leg.subject,
                name=leg.name,
                grants=leg.grants,
                limits=msgspec.convert(leg.limits, Limits),
                since_ms=_since(session, leg),
            )
            for leg in legs
        ],
        record=session.record,
        recorded=session.recorded,
        recording=recording,
        offer_to=offered or None,
        offer_ticket=leg_ticket(session, endpoint, now_ms) if offered and endpoint is not None else None,
    )


def _since(session: Session, leg: Leg) -> int:
    """From when on a leg is told what was said: a guest's from a few minutes before that person came (R-241).

    Who was removed and is invited again has come anew: what was said in between was not for that person.
    """
    if leg.user_id not in session.guests:
        return 0
    here = session.legs.filter(user_id=leg.user_id, left_ms=None)
    first = here.order_by("created_ms").values_list("created_ms", flat=True).first() or leg.created_ms
    return max(0, first - GUEST_HISTORY_MS)


def new_segment(session: Session, relay_id: str, now_ms: int) -> RecordingKeys:
    """Make the keys of the session's next recording segment, and keep the data key wrapped.

    Call inside a transaction.
    """
    last = session.segments.order_by("-segment").values_list("segment", flat=True).first()
    number = (last or 0) + 1
    data_key = recording_keys.new_data_key()
    signer = signing.new_key()
    certificate = signing.sign_token(
        keys.issuer_key(),
        CERTIFICATE_KIND,
        Certificate(session_id=session.id, segment=number, key=signing.public_of(signer).hex()),
    )
    wrapped = recording_keys.wrap(keys.recordings_key(), data_key, session.id, number)
    origin, sequence = next_history()
    RecordingSegment.objects.create(
        origin=origin,
        sequence=sequence,
        session=session,
        segment=number,
        relay_id=relay_id,
        created_ms=now_ms,
        certificate=certificate,
        data_key=wrapped,
    )
    return RecordingKeys(
        segment=number,
        data_key=data_key.hex(),
        sign_seed=signing.seed_of(signer).hex(),
        certificate=certificate,
        wrapped=wrapped,
    )
