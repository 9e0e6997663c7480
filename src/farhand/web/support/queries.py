"""Reading session keys and sessions, in the shapes that consoles, portals and reports use."""

from collections.abc import Collection
from typing import Any, Final

import msgspec
from django.db.models import Q, QuerySet
from django.utils.translation import gettext

from farhand.protocol.entries import ENTRIES
from farhand.rules import keys as key_rules
from farhand.rules import queues
from farhand.rules.access import Subject
from farhand.rules.text import gettext_noop as _
from farhand.web.accounts.queries import queue_name
from farhand.web.support.entrances import hash_of
from farhand.web.support.events import invitation_value, session_value, topics_of
from farhand.web.support.key_services import SETTINGS
from farhand.web.support.models import Invitation, Leg, Session, SessionEvent

ALIVE: Final = ("waiting", "active")

WEB_EVENTS: Final[dict[str, str]] = {
    "key-used": "Session Key Used",
    "help-asked": "Help Requested",
    "customer-started": "Session Start",
    "chat-started": "Session Start",
    "jumped": "Session Start",
    "accepted": "Session Assigned",
    "left": "Conference Member Departed",
    "returned": "Session Transferred To Queue",
    "paused": "Session Transferred To Queue",
    "transfer-offered": "Session Transferred To Queue",
    "transfer-accepted": "Session Transferred Away From Queue",
    "transfer-cancelled": "Session Transferred Away From Queue",
    "transfer-declined": "Session Transferred Away From Queue",
    "moved": "Session Transferred To Queue",
    "owner-changed": "Conference Owner Changed",
    "invited": "Session Invitation",
    "invitation-accepted": "Session Invitation",
    "invitation-cancelled": "Session Invitation",
    "invitation-declined": "Session Invitation",
    "member-removed": "Conference Member Departed",
    "customer-disconnected": "Conference Member Departed",
    "routed": "Session Transferred To Queue",
    "pin-password": "Pinned Session Password Modified",
    "ended": "Session End",
    "chat": "Chat Message",
    "rep-chat": "Chat Message",
}
"""Kinds of events of source `web`, and chat -> the field's name. Those of system entries stand with their kinds."""

EVENT_NAMES: Final = frozenset(
    (
        _("Session Key Used"),
        _("Session Start"),
        _("Session Assigned"),
        _("Session Transferred To Queue"),
        _("Session Transferred Away From Queue"),
        _("Conference Owner Changed"),
        _("Session End"),
        _("Chat Message"),
        _("Conference Member Added"),
        _("Conference Member Departed"),
        _("Screen Recording"),
        _("Command Shell Session Started"),
        _("Directory Created"),
        _("File Deleted"),
        _("File Download"),
        _("File Download Failed"),
        _("File Moved"),
        _("File Upload"),
        _("File Upload Failed"),
        _("Service Access Allowed"),
        # the field has no names for these
        _("Help Requested"),
        _("Session Invitation"),
        _("Message to the Customer"),
        _("Full Customer Client Requested"),
        _("Full Customer Client Started"),
        _("Command Shell Session Closed"),
        _("Service Access Requested"),
        _("Service Access Refused"),
        _("Service Access Ended"),
        _("Special Action"),
        _("Session Pinned to Queue"),
        _("Session Unpinned from Queue"),
        _("Pinned Session Password Modified"),
        _("Deployment Failed"),
        _("Canned Script"),
        _("Restart or Shutdown"),
        _("Clipboard Sent"),
        _("Secret Typed"),
        _("Mouse and Keyboard Disabled"),
        _("Mouse and Keyboard Enabled"),
        _("Clipboard Taken"),
        _("Entries Dropped"),
    )
)
"""Every name of an event, marked for the catalogs."""


class JoinInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer may know of the session that a join token leads to."""

    session_id: str
    state: str
    representative: str
    expires_ms: int
    helper: str
    """Name of the representative who is helping now; empty while nobody is."""
    said: str = ""
    """What a waiting customer was told last."""
    click_to_chat: bool = False
    client_asked: bool = False
    """A representative has asked for the full client."""


def alive() -> QuerySet[Session]:
    """All sessions that the relay hosts."""
    return Session.objects.filter(state__in=ALIVE).select_related("owner").order_by("created_ms")


def concerned() -> dict[str, list[str]]:
    """Of each session that the relay hosts, whose access matters to it: its members, whose queue it is in, and who
    is invited by name.
    """
    found: dict[str, dict[str, None]] = {}
    for session_id, members, queue in alive().values_list("id", "members", "queue"):
        found[session_id] = dict.fromkeys(members)
        if queue.startswith(queues.personal("")):
            found[session_id].setdefault(queues.parse(queue).owner_id)
    by_name = Invitation.objects.filter(session_id__in=list(found), target__startswith=queues.personal(""))
    for session_id, target in by_name.values_list("session_id", "target"):
        found[session_id].setdefault(queues.parse(target).owner_id)
    return {session_id: list(people) for session_id, people in found.items()}


def visible_sessions(subject: Subject) -> list[dict[str, Any]]:
    """The sessions in all queues that the subject sees, and those in which the subject is; oldest first. Collection
    `sessions`: an item for each of the subject's topics in which the session is told.
    """
    seen = queues.visible(subject)
    mine = Leg.objects.filter(user_id=subject.id, left_ms=None, session__state__in=ALIVE).values("session_id")
    rows = alive().filter(Q(queue__in=seen) | Q(id__in=mine))
    return [session_value(session, topic) for session in rows for topic in topics_of(session) if topic in seen]


def visible_invitations(subject: Subject) -> list[dict[str, Any]]:
    """The open invitations in all queues that the subject sees, oldest first. Collection `invitations`."""
    rows = Invitation.objects.filter(target__in=queues.visible(subject)).order_by("id")
    return [invitation_value(one) for one in rows.select_related("session", "sender")]


def invitation_for(queue: str, ident: str) -> Invitation | None:
    """An open invitation of this queue, with its session and who sent it."""
    return Invitation.objects.select_related("session", "sender").filter(id=ident, target=queue).first()


def session_by_id(ident: str) -> Session | None:
    """Return a session."""
    return Session.objects.select_related("owner", "creator").filter(id=ident).first()


def busy_clients(client_ids: list[str] | None = None) -> set[str]:
    """Return the ids of Jump Clients (of these, or all) that are in a session."""
    rows = Session.objects.filter(state__in=ALIVE).exclude(jump_client_id="")
    if client_ids is not None:
        rows = rows.filter(jump_client_id__in=client_ids)
    return set(rows.values_list("jump_client_id", flat=True))


def without_consoles(since_ms: int) -> list[str]:
    """Ids of active sessions in which no console of the owner has been since before `since_ms`."""
    return _ids(Session.objects.filter(state="active", consoles_gone_ms__lt=since_ms))


def without_customer(since_ms: int) -> list[str]:
    """Ids of living support sessions whose customer's client has been away since before `since_ms`."""
    rows = Session.objects.filter(kind="support", state__in=ALIVE, customer_removed=False)
    return _ids(rows.filter(customer_gone_ms__lt=since_ms))


def known_sessions(ids: Collection[str]) -> set[str]:
    """Which of these are ids of sessions that there are."""
    return set(Session.objects.filter(id__in=list(ids)).values_list("id", flat=True))


def over_since(ids: Collection[str], before_ms: int) -> dict[str, int]:
    """Which of these sessions ended before `before_ms`, and when."""
    rows = Session.objects.filter(id__in=list(ids), state="ended", ended_ms__lte=before_ms)
    return {ident: ended_ms for ident, ended_ms in rows.values_list("id", "ended_ms") if ended_ms is not None}


def over_before(before_ms: int, most: int) -> list[str]:
    """Ids of up to `most` sessions that ended before `before_ms`, the oldest first."""
    rows = Session.objects.filter(created_ms__lte=before_ms, state="ended", ended_ms__lte=before_ms)
    return _ids(rows.order_by("created_ms")[:most])


def never_joined(now_ms: int) -> list[str]:
    """Ids of joining sessions whose time is over."""
    return _ids(Session.objects.filter(state="joining", join_expires_ms__lte=now_ms))


def of_client(client_id: str) -> list[str]:
    """Ids of living sessions with a Jump Client."""
    return _ids(Session.objects.filter(jump_client_id=client_id, state__in=ALIVE))


def own_jump(client_id: str, user_id: str) -> str | None:
    """Id of the active session that this user owns with a Jump Client."""
    rows = Session.objects.filter(jump_client_id=client_id, state="active", owner_id=user_id)
    return rows.values_list("id", flat=True).first()


class JournalPlace(msgspec.Struct, frozen=True, kw_only=True):
    """How far a session's journal is imported: bytes, last number; `over`: nothing more will be written to it."""

    offset: int
    seq: int
    over: bool


def journal_places(session_ids: Collection[str]) -> dict[str, JournalPlace]:
    """How far the journals of these sessions are imported; those that do not exist are left out."""
    rows = Session.objects.filter(id__in=session_ids).values_list("id", "journal_offset", "imported_seq", "state")
    return {ident: JournalPlace(offset=offset, seq=seq, over=state == "ended") for ident, offset, seq, state in rows}


def by_join(join: str, now_ms: int) -> Session | None:
    """Return the session of a join token, unless its time is over before it started."""
    if not 16 <= len(join) <= 128:
        return None
    session = Session.objects.select_related("creator", "owner").filter(join_hash=hash_of("join", join)).first()
    if session is None or (session.state == "joining" and session.join_expires_ms <= now_ms):
        return None
    return session


def join_info(join: str, now_ms: int) -> JoinInfo | None:
    """Tell what the holder of a join token may know, or None when it leads nowhere."""
    session = by_join(join, now_ms)
    if session is None:
        return None
    helping = session.owner if session.state == "active" else None
    return JoinInfo(
        session_id=session.id,
        state=session.state,
        representative=representative_of(session),
        expires_ms=session.join_expires_ms,
        helper=helping.display_name if helping else "",
        said=str(session.routed.get("said", "")) if session.state == "waiting" else "",
        click_to_chat=session.click_to_chat,
        client_asked=session.client_asked_ms is not None,
    )


def representative_of(session: Session) -> str:
    """Name of who will help: the person or the team in whose queue the session waits, or will."""
    return queue_name(session.queue or session.entry_queue) or gettext("a representative")


def waiting_in(queues_seen: Collection[str]) -> QuerySet[Session]:
    """Sessions that wait in these queues, the next one first: by priority, then by how long they have waited."""
    return Session.objects.filter(state="waiting", queue__in=list(queues_seen)).order_by("priority", "queued_ms", "id")


def all_waiting() -> QuerySet[Session]:
    """Every support session that waits in a queue, oldest first."""
    return Session.objects.filter(state="waiting", kind="support").order_by("created_ms")


def not_accepted(ids: Collection[str]) -> set[str]:
    """Which of these sessions are joining or waiting."""
    rows = Session.objects.filter(id__in=list(ids), state__in=("joining", "waiting"))
    return set(rows.values_list("id", flat=True))


def uses_queue(queue: str) -> bool:
    """Say whether a session that has not ended waits in this queue, or would once its customer comes, or an invitation
    stands in it.
    """
    here = Q(queue=queue) | Q(state="joining", entry_queue=queue)
    asked = Invitation.objects.filter(target=queue).exists()
    return asked or Session.objects.exclude(state="ended").filter(here).exists()


def lifetimes() -> list[int]:
    """The lifetimes that the dialog offers, in seconds."""
    return [one for one in key_rules.LIFETIMES_S if key_rules.lifetime_allowed(one, SETTINGS)]


def event_name(event: SessionEvent) -> str:
    """The field's name of a session event, translated; a kind from the future is shown by itself."""
    known = ENTRIES.get(event.kind)
    name = known.event if known else WEB_EVENTS.get(event.kind)
    return gettext(name) if name else event.kind


def _ids(rows: QuerySet[Session]) -> list[str]:
    return list(rows.values_list("id", flat=True))


def history(session_id: str) -> QuerySet[SessionEvent]:
    """Everything that happened in a session, in order of time."""
    return SessionEvent.objects.filter(session_id=session_id).order_by("time_ms", "source", "seq")
