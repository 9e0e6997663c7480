"""Get Next Session: which of the waiting ones is taken, and by whom it may be."""

from typing import Any

import pytest
from tests.unit.web.conftest import actor_for
from tests.unit.web.snapshots import proven
from tests.unit.web.support.helpers import Endpoint, snapshot, start, waiting

from farhand.web.accounts import teams
from farhand.web.events.models import AuditRow
from farhand.web.portals.queries import DEFAULT_ID
from farhand.web.project.service import SYSTEM, Actor, Conflict, Refused
from farhand.web.routing import requests
from farhand.web.routing import services as routing
from farhand.web.support import services
from farhand.web.support.entrances import Request
from farhand.web.support.models import Session

pytestmark = pytest.mark.django_db
PERMISSIONS = ("perm_support_allowed", "perm_generate_session_key", "perm_next_session_button")


@pytest.fixture
def come(anonymous: Actor) -> Any:
    """A function that lets a customer come by an issue of this priority to a team; gives the session's id."""

    def make(team_id: str, priority: int) -> str:
        fields = routing.Fields(
            description=f"{team_id[-4:]} {priority} {Session.objects.count()}", team=team_id, priority=priority
        )
        issue = routing.create_issue(SYSTEM, fields=fields)
        request = Request(name="Ada")
        used = requests.ask_for_help(anonymous, portal_id=DEFAULT_ID, issue_id=issue.id, request=request)
        start(anonymous, used.join, Endpoint())
        return used.session_id

    return make


def test_priority_first_then_who_has_waited_longest(make_user: Any, anonymous: Actor, come: Any) -> None:
    user = make_user("next", *PERMISSIONS, "perm_accept_team_sessions")
    mine, other = teams.create_team(SYSTEM, name="Mine"), teams.create_team(SYSTEM, name="Other")
    teams.set_members(SYSTEM, team_id=mine.id, members={user.id: "member"})
    actor = actor_for(user)
    own, _endpoint = waiting(actor, anonymous)
    low, _not_seen, high, medium = come(mine.id, 3), come(other.id, 1), come(mine.id, 1), come(mine.id, 2)
    Session.objects.filter(id=medium).update(queued_ms=1)
    taken = []
    for _ in range(4):
        with proven(snapshot):
            taken.append(services.accept_next(actor, tab="t").session["id"])
    assert taken == [high, medium, own, low]
    with pytest.raises(Conflict, match="Nobody is waiting"):
        services.accept_next(actor, tab="t")
    rows = AuditRow.objects.filter(action="support.session.next").order_by("sequence")
    assert [row.object for row in rows] == [f"session:{ident}" for ident in taken]


def test_what_one_may_not_accept_is_passed_over(make_user: Any, anonymous: Actor, come: Any) -> None:
    user = make_user("next", *PERMISSIONS)
    team = teams.create_team(SYSTEM, name="Mine")
    teams.set_members(SYSTEM, team_id=team.id, members={user.id: "member"})
    actor = actor_for(user)
    come(team.id, 1)
    own, _endpoint = waiting(actor, anonymous)
    assert services.accept_next(actor, tab="t").session["id"] == own
    with pytest.raises(Conflict):
        services.accept_next(actor, tab="t")


def test_the_button_is_a_permission(rep: Actor, make_user: Any, anonymous: Actor) -> None:
    waiting(rep, anonymous)
    for actor in (rep, actor_for(make_user("bare", "perm_next_session_button"))):
        with pytest.raises(Refused):
            services.accept_next(actor, tab="t")
