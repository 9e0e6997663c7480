"""Reading issues and rules for waiting sessions: who shows an issue, what is to be done with a session now."""

from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec
from django.db.models import Q, QuerySet
from django.utils.translation import gettext

from farhand.rules import routing
from farhand.rules.permissions import SUPPORT_ALLOWED
from farhand.web.accounts.queries import is_attended, is_persistent, is_usable, teams, users
from farhand.web.appliance.queries import FALLBACK
from farhand.web.appliance.queries import get as setting
from farhand.web.routing.models import Issue, WaitingRule
from farhand.web.support.queries import uses_queue
from farhand.web.support.targets import Issue as HelpIssue

PERSONAL_QUEUES: Final = routing.PERSONAL


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
    if WaitingRule.objects.filter(Q(source=f"team:{team_id}") | Q(target=f"team:{team_id}")).exists():
        return gettext("Rules for waiting sessions name this team. Change them first.")
    return ""


def rules() -> QuerySet[WaitingRule]:
    """The rules for waiting sessions, in their order."""
    return WaitingRule.objects.order_by("position", "id")


def rule_by_id(ident: str) -> WaitingRule | None:
    """Return a rule."""
    return WaitingRule.objects.filter(id=ident).first()


def pure_rules() -> list[routing.Rule]:
    """The rules as `farhand.rules.routing` asks them."""
    return [
        routing.Rule(
            id=row.id,
            source=row.source,
            when=cast(routing.When, row.when),
            after_ms=row.after_s * 1000,
            target=row.target,
            text=row.text,
        )
        for row in rules()
    ]


def step_for(
    queue: str, queued_ms: int, routed: dict[str, Any], rules: Sequence[routing.Rule], now_ms: int
) -> routing.Step | None:
    """What is to be done with a session that has waited in this queue since `queued_ms`; None: nothing now."""
    return routing.next_step(
        queue,
        now_ms - queued_ms,
        msgspec.convert(routed, routing.Trail),
        rules,
        attended=lambda one: is_persistent(one) or is_attended(one, now_ms - routing.GRACE_MS),
        usable=is_usable,
    )


def queue_choices() -> list[tuple[str, str]]:
    """Queues into which sessions can be sent: teams, then people who give support; id and name."""
    people = [user for user in users() if user.is_active and user.may(SUPPORT_ALLOWED)]
    return [
        *((f"team:{team.id}", team.name) for team in teams()),
        *((f"user:{user.id}", f"{user.display_name} ({user.username})") for user in people),
    ]


def source_choices() -> list[tuple[str, str]]:
    """Queues that a rule can be of; id and name."""
    return [*((f"team:{team.id}", team.name) for team in teams()), (PERSONAL_QUEUES, gettext("Every personal queue"))]


def fallback() -> routing.Fallback:
    """What is done with a session whose representative is lost."""
    return msgspec.convert(setting(FALLBACK), routing.Fallback)


def queue_of_lost(kind: str, owner_id: str, last: str, entry: str) -> str | None:
    """The queue for a session whose representative is lost; None: it ends."""
    return routing.fallback_queue(kind, owner_id, last, entry, fallback(), usable=is_usable, persistent=is_persistent)
