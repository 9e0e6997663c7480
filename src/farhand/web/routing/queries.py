"""Reading issues: which of them a portal shows, which of them representatives may ask for help by."""

from django.db.models import QuerySet
from django.utils.translation import gettext

from farhand.web.routing.models import Issue
from farhand.web.support.queries import uses_queue
from farhand.web.support.targets import Issue as HelpIssue


def issues() -> QuerySet[Issue]:
    """All issues by description, with their teams."""
    return Issue.objects.select_related("team").order_by("description")


def issue_by_id(ident: str) -> Issue | None:
    """Return an issue."""
    return issues().filter(id=ident).first()


def issues_of(portal_id: str) -> list[Issue]:
    """Issues that a public portal shows: those that may be shown there, of teams that may be reached there."""
    return [
        issue
        for issue in issues()
        if (issue.all_portals or portal_id in issue.portals)
        and (issue.team.all_portals or portal_id in issue.team.portals)
    ]


def help_issues() -> list[HelpIssue]:
    """Issues by which representatives may ask for help in a session (R-232)."""
    return [
        HelpIssue(id=issue.id, name=issue.description, team_id=issue.team_id)
        for issue in issues()
        if issue.help_requests
    ]


def keeps_team(team_id: str) -> str:
    """Why a team cannot be removed now, as a sentence; empty when nothing of this area keeps it."""
    if uses_queue(f"team:{team_id}"):
        return gettext("There are sessions in this team's queue. Finish or move them first.")
    names = Issue.objects.filter(team_id=team_id).values_list("description", flat=True)[:3]
    if names:
        return gettext("This team has issues (%(names)s). Give them to another team first.") % {
            "names": ", ".join(names)
        }
    return ""
