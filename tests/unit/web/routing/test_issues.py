"""Issues and requests for help: what decides the queue, who edits it, and how much one address may ask for."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from tests.unit.web.conftest import actor_for
from tests.unit.web.snapshots import proven
from tests.unit.web.support.helpers import Endpoint, snapshot, start

from farhand.rules.access import Subject
from farhand.web.accounts import presence, teams
from farhand.web.events.models import AuditRow
from farhand.web.portals import queries as portals
from farhand.web.portals import services as portal_services
from farhand.web.project.service import SYSTEM, Actor, Conflict, Invalid, NotThere, Refused
from farhand.web.routing import queries, requests, services
from farhand.web.routing.models import HelpRequest, Issue
from farhand.web.routing.services import Fields
from farhand.web.support import queries as support
from farhand.web.support import services as sessions
from farhand.web.support.entrances import Request
from farhand.web.support.models import Session
from farhand.web.support.targets import Issue as HelpIssue

pytestmark = pytest.mark.django_db
LIST = "/login/configuration/issues"
HERE = portals.DEFAULT_ID
Make = Callable[..., Issue]


@pytest.fixture
def team(rep: Actor) -> Any:
    """A team with one representative."""
    found = teams.create_team(SYSTEM, name="Desk")
    teams.set_members(SYSTEM, team_id=found.id, members={rep.subject.id: "member"})
    return found


@pytest.fixture
def make(admin: Actor, team: Any) -> Make:
    """A function that has the administrator write an issue."""
    return lambda description="Printer", **more: services.create_issue(
        admin, fields=Fields(**{"description": description, "team": team.id} | more)
    )


def ask(actor: Actor, **how: Any) -> Any:
    return requests.ask_for_help(actor, **{"portal_id": HERE, "request": Request(name="Ada")} | how)


#
def test_the_issue_decides_queue_and_priority(make: Make, team: Any, rep: Actor, anonymous: Actor) -> None:
    issue = make(priority=1)
    wish = Request(name="Ada", company="Works", email="ada@example.org", details="It <b>burns</b>", language="de")
    used = ask(anonymous, issue_id=issue.id, request=wish)
    assert used.representative == "Desk"
    member = actor_for(rep.user)
    assert support.visible_sessions(member.subject) == []
    with proven(snapshot):
        start(anonymous, used.join, Endpoint())
    (item,) = support.visible_sessions(member.subject)
    assert (item["queue"], item["priority"], item["name"]) == (f"team:{team.id}", 1, "Ada")
    assert item["queued_ms"] >= item["created_ms"]
    assert item["request"] == {
        "name": "Ada", "company": "Works", "email": "ada@example.org", "issue": "Printer",
        "details": "It <b>burns</b>", "language": "de",
    }  # fmt: skip
    with proven(snapshot):
        sessions.accept(member, session_id=used.session_id, tab="t")
    session = Session.objects.get()
    assert (session.last_queue, session.queued_ms, session.issue_id) == (f"team:{team.id}", None, issue.id)
    row = AuditRow.objects.get(action="routing.help.ask")
    assert (row.object, row.fields["queue"]) == (f"session:{session.id}", f"team:{team.id}")
    assert "ada@example.org" not in str(row.fields)


#
def test_a_listed_representative_gets_the_customer(rep: Actor, make_user: Any, anonymous: Actor) -> None:
    shown = make_user("shown", "perm_support_allowed", "perm_show_on_public_list")
    with pytest.raises(Conflict, match="not available"):
        ask(anonymous, representative_id=shown.id)
    presence.replace(SYSTEM, user_ids=[shown.id, rep.subject.id])
    used = ask(anonymous, representative_id=shown.id)
    start(anonymous, used.join, Endpoint())
    (item,) = support.visible_sessions(actor_for(shown).subject)
    assert (item["queue"], item["name"]) == (f"user:{shown.id}", "Ada")
    for other in (rep.subject.id, "", "x" * 36):
        with pytest.raises(Conflict, match="not available"):
            ask(anonymous, representative_id=other)


#
def test_portals_show_what_they_may(make: Make, team: Any, make_user: Any, anonymous: Actor) -> None:
    shown = make_user("shown", "perm_support_allowed", "perm_show_on_public_list")
    presence.replace(SYSTEM, user_ids=[shown.id])
    shop = portal_services.create_portal(
        SYSTEM,
        fields=portal_services.Fields(
            name="Shop", hosts=["shop.example"], languages=["en"], all_representatives=False, issue_form=True
        ),
    )
    everywhere = make("Everywhere")
    there = make("There", all_portals=False, portals=[shop.id, "unknown"])
    assert there.portals == [shop.id]
    assert [issue.id for issue in queries.issues_of(HERE)] == [everywhere.id]
    assert {issue.id for issue in queries.issues_of(shop.id)} == {everywhere.id, there.id}
    ask(anonymous, portal_id=shop.id, issue_id=there.id)
    assert Session.objects.get().portal == "Shop"
    with pytest.raises(NotThere):
        ask(anonymous, issue_id=there.id)
    with pytest.raises(Conflict):
        ask(anonymous, portal_id=shop.id, representative_id=shown.id)
    teams.edit_team(SYSTEM, team_id=team.id, name="Desk", portals=[HERE])
    assert queries.issues_of(shop.id) == []
    portal_services.edit_portal(
        SYSTEM, portal_id=HERE, fields=portal_services.Fields(languages=["en"], issue_form=False)
    )
    with pytest.raises(NotThere):
        ask(anonymous, issue_id=everywhere.id)
    for strange in ("nowhere", ""):
        with pytest.raises(NotThere):
            ask(anonymous, portal_id=strange, issue_id=everywhere.id)


def test_what_a_customer_writes_is_bounded(make: Make, anonymous: Actor) -> None:
    issue = make()
    for field, text in (
        ("name", ""), ("name", "x" * 65), ("name", "a\x1bb"), ("company", "x" * 65), ("email", "x" * 255),
        ("email", "nobody"), ("email", "a @b"), ("details", "x" * 2001), ("details", "a\0b"),
    ):  # fmt: skip
        with pytest.raises(Invalid) as error:
            ask(anonymous, issue_id=issue.id, request=Request(**{"name": "Ada"} | {field: text}))
        assert error.value.field == field
    assert not Session.objects.exists()


def test_open_requests_are_bounded_by_address_and_in_all(
    make: Make, rep: Actor, anonymous: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue = make()
    first = ask(anonymous, issue_id=issue.id)
    for _ in range(requests.MAX_OPEN_OF_ADDRESS - 1):
        ask(anonymous, issue_id=issue.id)
    with pytest.raises(requests.TooMany, match="from your network"):
        ask(anonymous, issue_id=issue.id)
    assert Session.objects.count() == requests.MAX_OPEN_OF_ADDRESS
    elsewhere = Actor(subject=Subject(kind="anonymous"), source_ip="2001:db8::1")
    neighbour = Actor(subject=Subject(kind="anonymous"), source_ip="2001:db8::2")
    ask(elsewhere, issue_id=issue.id)
    assert HelpRequest.objects.filter(bucket="address:2001:db8::").count() == 1
    monkeypatch.setattr(requests, "MAX_OPEN", requests.MAX_OPEN_OF_ADDRESS + 1)
    with pytest.raises(requests.TooMany, match="Very many people"):
        ask(neighbour, issue_id=issue.id)
    # One that is taken makes room.
    start(anonymous, first.join, Endpoint())
    sessions.accept(actor_for(rep.user), session_id=first.session_id, tab="t")
    ask(anonymous, issue_id=issue.id)
    assert requests.forget_over(SYSTEM) == 1
    assert requests.forget_over(SYSTEM) == 0


def test_what_is_written_down_and_who_may(make: Make, admin: Actor, rep: Actor, team: Any) -> None:
    issue = make(code_name="printer", help_requests=True)
    assert queries.help_issues() == [HelpIssue(id=issue.id, name="Printer", team_id=team.id)]
    services.edit_issue(admin, issue_id=issue.id, fields=Fields(description="Printers", team=team.id, priority=3))
    assert queries.help_issues() == []
    row = AuditRow.objects.get(action="routing.issue.edit")
    assert (row.fields["old"]["priority"], row.fields["priority"]) == (2, 3)
    for wish in (
        lambda: services.create_issue(rep, fields=Fields(description="Mine", team=team.id)),
        lambda: services.edit_issue(rep, issue_id=issue.id, fields=Fields(description="Mine", team=team.id)),
        lambda: services.remove_issue(rep, issue_id=issue.id),
        lambda: requests.forget_over(rep),
    ):
        with pytest.raises(Refused):
            wish()
    with pytest.raises(Conflict, match="Printers"):
        teams.remove_team(admin, team_id=team.id)
    services.remove_issue(admin, issue_id=issue.id)
    with pytest.raises(NotThere):
        services.remove_issue(admin, issue_id=issue.id)
    teams.remove_team(admin, team_id=team.id)


def test_a_team_with_customers_stays(make: Make, admin: Actor, team: Any, anonymous: Actor) -> None:
    issue = make()
    used = ask(anonymous, issue_id=issue.id)
    services.remove_issue(admin, issue_id=issue.id)
    with pytest.raises(Conflict, match="sessions"):
        teams.remove_team(admin, team_id=team.id)
    sessions.end_session(SYSTEM, session_id=used.session_id)
    teams.remove_team(admin, team_id=team.id)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"description": " "}, "description"),
        ({"description": "x" * 129}, "description"),
        ({"description": "TAKEN"}, "description"),
        ({"code_name": "x" * 65}, "code_name"),
        ({"code_name": "CODE"}, "code_name"),
        ({"team": "nobody"}, "team"),
        ({"priority": 0}, "priority"),
        ({"priority": 4}, "priority"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(make: Make, wrong: dict[str, Any], field: str) -> None:
    make("Taken", code_name="code")
    with pytest.raises(Invalid) as error:
        make(**wrong)
    assert error.value.field == field
    assert Issue.objects.count() == 1


def test_the_pages(admin: Actor, rep: Actor, team: Any, sign_in: Any, browser: Client) -> None:
    page = sign_in(admin.user)
    assert "There is no issue yet" in page.get(LIST).content.decode()
    given = {
        "description": "Printer <b>", "team": team.id, "priority": "1", "help_requests": "on", "portals": [HERE],
    }  # fmt: skip
    assert page.post(f"{LIST}/new", given).headers["Location"] == LIST
    issue = Issue.objects.get()
    assert (issue.priority, issue.help_requests, issue.all_portals, issue.portals) == (1, True, False, [HERE])
    listed = page.get(LIST).content.decode()
    assert "Printer &lt;b&gt;" in listed
    assert "localhost:8443" in listed
    address = f"{LIST}/{issue.id}"
    assert "selected>Desk" in page.get(address).content.decode()
    assert page.post(address, given | {"priority": "9"}).status_code == 400
    assert page.post(address, given | {"all_portals": "on"}).status_code == 302
    assert "Remove the issue" in page.get(f"{address}/remove").content.decode()
    for path in (LIST, f"{LIST}/new", address, f"{address}/remove"):
        assert sign_in(rep.user).get(path).status_code == 403
        assert browser.get(path).headers["Location"].startswith("/login/sign-in?next=")
    page.post(f"{address}/remove")
    assert page.get(address).status_code == 404
