"""Asking for help at a public portal without a session key: by an issue, or by a representative's name.

Anybody on the network can do this, so it is bounded: of the sessions that began here and that nobody has accepted yet,
so many may be of one address (IPv6: of one /64), and so many there may be in all. The session waits nowhere before the
customer's client runs, as with a key.
"""

from typing import Final

from django.utils.translation import gettext

from farhand.rules import queues
from farhand.rules.access import Object
from farhand.rules.keys import address_bucket
from farhand.web.portals.queries import name_of, portal_by_id, representatives_of
from farhand.web.project.service import Change, Conflict, Invalid, NotThere, ServiceError, service
from farhand.web.routing import queries
from farhand.web.routing.models import HelpRequest
from farhand.web.support import entrances, lives
from farhand.web.support.entrances import Entrance, Request
from farhand.web.support.key_services import UsedKey
from farhand.web.support.queries import not_accepted, representative_of

MAX_OPEN_OF_ADDRESS: Final = 10
MAX_OPEN: Final = 500
MAX_NAME: Final = 64
MAX_EMAIL: Final = 254
MAX_DETAILS: Final = 2000
LIMITS: Final = (("name", MAX_NAME), ("company", MAX_NAME), ("email", MAX_EMAIL), ("details", MAX_DETAILS))


class TooMany(ServiceError):
    """Too many requests that nobody has accepted, of this address or of all."""

    code = "too-many"
    status = 429


@service("routing.help.ask", events="R-021: nothing is in a queue before the customer's client runs")
def ask_for_help(
    change: Change, *, portal_id: str, issue_id: str = "", representative_id: str = "", request: Request
) -> UsedKey:
    """Begin a session by an issue that the portal shows, or by a representative whom it lists (R-014, R-015).

    Raises Invalid, NotThere, Conflict, TooMany.
    """
    change.allow(Object(kind="portal", id=portal_id))
    _check(request)
    entrance = (
        _by_issue(portal_id, issue_id, request) if issue_id else _by_person(portal_id, representative_id, request)
    )
    bucket = address_bucket(change.actor.source_ip)
    session, join = entrances.begin(change, entrance)
    _bound(bucket)  # only now: taking a history number makes rivals wait for each other
    HelpRequest.objects.create(session_id=session.id, bucket=bucket, created_ms=change.now_ms)
    lives.note(change, session, "help-asked", issue=entrance.request.issue, queue=representative_of(session))
    change.about("session", session.id)
    change.audit(portal=entrance.portal, queue=entrance.queue, issue=issue_id)
    return UsedKey(
        session_id=session.id,
        join=join,
        representative=representative_of(session),
        expires_ms=session.join_expires_ms,
    )


@service("routing.help.forget", audit="what was asked stands in the sessions", events="requests show nowhere")
def forget_over(change: Change) -> int:
    """Forget requests that are accepted or over; returns how many."""
    change.allow(Object(kind="portal"))
    known = set(HelpRequest.objects.values_list("session_id", flat=True))
    over = known - not_accepted(known)
    HelpRequest.objects.filter(session_id__in=over).delete()
    return len(over)


def _by_issue(portal_id: str, issue_id: str, request: Request) -> Entrance:
    portal = portal_by_id(portal_id)
    issue = next((one for one in queries.issues_of(portal_id) if one.id == issue_id), None)
    if portal is None or not portal.issue_form or issue is None:
        raise NotThere(gettext("This issue cannot be chosen any more. Choose another one."))
    if not request.name:
        raise Invalid("name", gettext("Enter your name, so that we know whom we help."))
    return Entrance(
        queue=f"team:{issue.team_id}",
        portal=name_of(portal),
        priority=issue.priority,
        issue_id=issue.id,
        request=_with_issue(request, issue.description),
    )


def _by_person(portal_id: str, user_id: str, request: Request) -> Entrance:
    portal = portal_by_id(portal_id)
    if portal is None or all(one.id != user_id for one in representatives_of(portal)):
        raise Conflict(gettext("This representative is not available any more. Choose another way to get help."))
    return Entrance(queue=queues.personal(user_id), portal=name_of(portal), request=request)


def _with_issue(request: Request, issue: str) -> Request:
    return Request(
        name=request.name,
        company=request.company,
        email=request.email,
        issue=issue,
        details=request.details,
        language=request.language,
    )


def _check(request: Request) -> None:
    for field, longest in LIMITS:
        text = getattr(request, field)
        if len(text) > longest or "\0" in text:
            raise Invalid(field, gettext("This text is too long: at most %(count)d characters.") % {"count": longest})
    if request.name and not request.name.isprintable():
        raise Invalid("name", gettext("A name has 1 to 64 characters that can be printed."))
    if request.email and ("@" not in request.email or any(c.isspace() for c in request.email)):
        raise Invalid("email", gettext("This is not a mail address."))


def _bound(bucket: str) -> None:
    rows = list(HelpRequest.objects.values_list("session_id", "bucket"))
    open_ones = not_accepted([ident for ident, _bucket in rows])
    if sum(1 for ident, where in rows if where == bucket and ident in open_ones) >= MAX_OPEN_OF_ADDRESS:
        text = gettext(
            "%(count)d requests for help from your network are open already. Wait until somebody has taken one."
        )
        raise TooMany(text % {"count": MAX_OPEN_OF_ADDRESS})
    if len(open_ones) >= MAX_OPEN:
        raise TooMany(gettext("Very many people are asking for help at the moment. Please try again later."))
