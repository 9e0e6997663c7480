"""All changes of issues."""

from collections.abc import Collection
from typing import Any, Final

import msgspec
from django.utils.translation import gettext

from farhand.rules.access import Object
from farhand.web.accounts.queries import team_by_id
from farhand.web.portals.queries import portals
from farhand.web.project.service import Change, Conflict, Invalid, NotThere, service
from farhand.web.routing import queries
from farhand.web.routing.models import Issue

MAX_DESCRIPTION: Final = 128
MAX_CODE_NAME: Final = 64
MAX_ISSUES: Final = 500
PRIORITIES: Final = (1, 2, 3)
"""High, medium, low."""
_NO_EVENT: Final = "portals and menus ask for the issues of the moment"


class Fields(msgspec.Struct, frozen=True, kw_only=True):
    """An issue as an administrator writes it."""

    description: str
    team: str
    """Id."""
    code_name: str = ""
    priority: int = 2
    help_requests: bool = False
    all_portals: bool = True
    portals: Collection[str] = ()


@service("routing.issue.create", events=_NO_EVENT)
def create_issue(change: Change, *, fields: Fields) -> Issue:
    """Create an issue. Raises Refused, Invalid, Conflict."""
    change.allow(Object(kind="issue"))
    if Issue.objects.count() >= MAX_ISSUES:
        raise Conflict(gettext("There are as many issues as there can be. Remove one first."))
    issue = Issue(created_ms=change.now_ms)
    _fill(issue, fields)
    issue.save(force_insert=True)
    change.about("issue", issue.id)
    change.audit(**_told(issue))
    return issue


@service("routing.issue.edit", events=_NO_EVENT)
def edit_issue(change: Change, *, issue_id: str, fields: Fields) -> Issue:
    """Change an issue; sessions that came by it stay where they are. Raises Refused, Invalid, NotThere."""
    change.allow(Object(kind="issue", id=issue_id))
    issue = _issue(issue_id)
    before = _told(issue)
    _fill(issue, fields)
    issue.save()
    change.audit(old=before, **_told(issue))
    return issue


@service("routing.issue.remove", events=_NO_EVENT)
def remove_issue(change: Change, *, issue_id: str) -> None:
    """Remove an issue; sessions that came by it keep its description. Raises Refused, NotThere."""
    change.allow(Object(kind="issue", id=issue_id))
    issue = _issue(issue_id)
    change.audit(description=issue.description)
    issue.delete()


def _issue(ident: str) -> Issue:
    issue = queries.issue_by_id(ident)
    if issue is None:
        raise NotThere(gettext("There is no such issue any more."))
    return issue


def _fill(issue: Issue, fields: Fields) -> None:
    issue.description = " ".join(fields.description.split())
    if not 1 <= len(issue.description) <= MAX_DESCRIPTION or not issue.description.isprintable():
        raise Invalid("description", gettext("A description has 1 to 128 characters that can be printed."))
    others = Issue.objects.exclude(id=issue.id)
    if others.filter(description__iexact=issue.description).exists():
        raise Invalid("description", gettext("There is an issue of this description already. Choose another one."))
    issue.code_name = fields.code_name.strip()
    if len(issue.code_name) > MAX_CODE_NAME or not issue.code_name.isprintable():
        raise Invalid("code_name", gettext("A code name has at most 64 characters that can be printed."))
    if issue.code_name and others.filter(code_name__iexact=issue.code_name).exists():
        raise Invalid("code_name", gettext("There is an issue of this code name already. Choose another one."))
    team = team_by_id(fields.team)
    if team is None:
        raise Invalid("team", gettext("Choose the team in whose queue the customers wait."))
    issue.team_id = team.id
    if fields.priority not in PRIORITIES:
        raise Invalid("priority", gettext("Choose one of the offered priorities."))
    issue.priority = fields.priority
    issue.help_requests = fields.help_requests
    issue.all_portals = fields.all_portals
    known = {portal.id for portal in portals()}
    issue.portals = [] if fields.all_portals else sorted(set(fields.portals) & known)


def _told(issue: Issue) -> dict[str, Any]:
    """What audit rows say of an issue."""
    names = ("description", "code_name", "team_id", "priority", "help_requests", "all_portals", "portals")
    return {name: getattr(issue, name) for name in names}
