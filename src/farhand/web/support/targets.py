"""To whom a session can be transferred, and with whom it can be shared: people who could, and teams.

Rules: who is listed is available (at a console, or, to be shared with, by mail: R-233) and could be in this session;
own teams always, others with the permission and when one of their people is available (R-234). A choice is judged by
the same functions that make the lists, so that a list that has grown old does no harm.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec
from django.utils.translation import gettext

from farhand.rules import queues
from farhand.rules.access import Context, Object, Subject, decide
from farhand.rules.permissions import SHARE_OTHER_TEAM, TRANSFER_OTHER_TEAM
from farhand.web.accounts import queries as accounts
from farhand.web.mail import queries as mail
from farhand.web.mail.letters import is_address
from farhand.web.project.service import Conflict, Invalid
from farhand.web.support import lives
from farhand.web.support.models import Session

Purpose = Literal["transfer", "share"]
COULD: Mapping[Purpose, str] = {"transfer": "support.session.could_own", "share": "support.session.could_join"}
BEYOND: Mapping[Purpose, str] = {"transfer": TRANSFER_OTHER_TEAM, "share": SHARE_OTHER_TEAM}
NOBODY: Mapping[str, list[Any]] = {"teams": [], "representatives": []}


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """A support issue for which help may be requested: its team gets the invitation."""

    id: str
    name: str
    team_id: str


Issues = Callable[[], list[Issue]]
_issues: list[Issues] = []


def register_issues(function: Issues) -> None:
    """The area `routing` tells here how to find the issues for which help may be requested."""
    _issues.append(function)


def issues_for_help(_subject: Subject) -> list[Issue]:
    """The issues for which this representative may request help (R-232)."""
    return [issue for find in _issues for issue in find()]


def by_mail(purpose: Purpose) -> dict[str, str]:
    """Users who are at no console and can be invited by a message to this address (R-234, R-235): into a session of
    somebody else, not to take one over.
    """
    if purpose != "share" or not mail.is_ready():
        return {}
    here = accounts.signed_in()
    return {
        user_id: address
        for user_id, address in accounts.available_by_mail().items()
        if user_id not in here and is_address(address)
    }


def available(purpose: Purpose) -> set[str]:
    """Ids of the users who can be reached for this."""
    return accounts.signed_in() | by_mail(purpose).keys()


def offered(subject: Subject, session_id: str, now_ms: int) -> dict[str, dict[str, list[Any]]]:
    """What the dialogs Transfer and Share list for this representative in this session; empty lists for who may not."""
    session = Session.objects.filter(id=session_id).first()
    context = lives.circumstances(now_ms)
    lists: dict[str, dict[str, list[Any]]] = {}
    for purpose in COULD:
        action = f"support.session.{purpose}"
        allowed = session is not None and decide(subject, action, lives.as_object(session), context).allowed
        lists[purpose] = _lists(subject, session, purpose, context) if allowed and session else dict(NOBODY)
    issues = issues_for_help(subject) if lists["share"] != NOBODY else []
    lists["share"]["issues"] = [{"id": one.id, "name": one.name} for one in issues]
    return lists


def _lists(subject: Subject, session: Session, purpose: Purpose, context: Context) -> dict[str, list[Any]]:
    beyond = subject.has(BEYOND[purpose])
    obj, here, mailed = lives.as_object(session), available(purpose), by_mail(purpose)
    people: list[dict[str, Any]] = []
    staffed: set[str] = set()
    for user in accounts.users().filter(id__in=here, is_active=True).exclude(id=subject.id):
        other = accounts.subject_of(user)
        if decide(other, COULD[purpose], obj, context).allowed:
            staffed |= other.teams
            if beyond or other.teams & subject.teams:
                mine = sorted(other.teams if beyond else other.teams & subject.teams)
                people.append({"id": user.id, "name": user.display_name, "teams": mine, "by_mail": user.id in mailed})
    teams = [
        {"id": team.id, "name": team.name, "own": team.id in subject.teams}
        for team in accounts.teams()
        if team.id in subject.teams or (beyond and team.id in staffed)
    ]
    people.sort(key=lambda one: str(one["name"]).casefold())
    return {"teams": teams, "representatives": people}


def chosen(session: Session, queue: str) -> Object:
    """The session with what policies must know of a chosen queue. Raises Invalid when there is no such queue."""
    obj = lives.as_object(session)
    return msgspec.structs.replace(obj, facts={**obj.facts, "target_teams": _teams_of(queue)})


def check(session: Session, queue: str, purpose: Purpose, context: Context) -> None:
    """Raise Conflict when whom this queue belongs to could not take it up now."""
    parsed = queues.parse(queue)
    if parsed.kind == "team":
        return
    user = accounts.user_by_id(parsed.owner_id)
    name = user.display_name if user else ""
    if user is None or user.id not in available(purpose):
        raise Conflict(
            gettext("%(name)s is not signed in to a console any more. Choose somebody else.") % {"name": name}
        )
    if not decide(accounts.subject_of(user), COULD[purpose], lives.as_object(session), context).allowed:
        raise Conflict(gettext("%(name)s has no access to this session. Choose somebody else.") % {"name": name})


def _teams_of(queue: str) -> frozenset[str]:
    try:
        parsed = queues.parse(queue)
    except ValueError as error:
        raise Invalid("target", gettext("Choose a queue or a representative of the list.")) from error
    if parsed.kind == "team":
        if accounts.team_by_id(parsed.owner_id) is None:
            raise Conflict(gettext("This team does not exist any more. Choose another one."))
        return frozenset((parsed.owner_id,))
    if accounts.user_by_id(parsed.owner_id) is None:
        raise Conflict(gettext("This representative's account does not exist any more. Choose somebody else."))
    return frozenset(team.id for team in accounts.teams_of(parsed.owner_id))
