"""Users and teams: what is stored, who may, and that events tell it all."""

from typing import Any

import pytest
from tests.unit.web.accounts.snapshot import snapshot
from tests.unit.web.conftest import actor_for
from tests.unit.web.snapshots import proven

from farhand.web.accounts import queries, services, teams
from farhand.web.accounts.models import ApplianceUser, Team, TeamMember, User
from farhand.web.appliance.services import edit_security
from farhand.web.events.models import AuditRow
from farhand.web.project.service import SYSTEM, Actor, Conflict, Invalid, NotThere, Refused

pytestmark = pytest.mark.django_db
GOOD = "correct horse battery"


def test_every_change_of_users_is_told(admin: Actor) -> None:
    with proven(snapshot):
        user = services.create_user(
            admin, username="rep", display_name="Rep One", password=GOOD, permissions=["perm_support_allowed"]
        )
    assert user.check_password(GOOD)
    assert user.password.startswith("argon2$argon2id$")
    with proven(snapshot):
        services.edit_user(
            admin, user_id=user.id, display_name="Rep Two", permissions=["perm_view_support_reports.team_sessions"]
        )
    with proven(snapshot):
        services.disable_user(admin, user_id=user.id, disabled=True)
    with proven(snapshot):
        services.disable_user(admin, user_id=user.id, disabled=False)
    with proven(snapshot, expect_events=False):
        services.set_password(admin, user_id=user.id, password="another long password")
    changed = User.objects.get(id=user.id)
    assert changed.check_password("another long password")
    assert changed.display_name == "Rep Two"
    assert changed.may("perm_view_support_reports.user_sessions")


def test_own_profile_and_password(make_user: Any) -> None:
    me = actor_for(make_user("rep", "perm_change_display_name"))
    with proven(snapshot):
        services.change_profile(me, display_name="New Name")
    with pytest.raises(Invalid) as error:
        services.change_own_password(me, old="wrong", new="another long password")
    assert error.value.field == "old"
    with proven(snapshot, expect_events=False):
        services.change_own_password(me, old=GOOD, new="another long password")
    other = actor_for(make_user("other"))
    with pytest.raises(Refused):
        services.change_profile(other, display_name="X")


def test_every_change_of_teams_is_told(admin: Actor, make_user: Any) -> None:
    one, two = make_user("one"), make_user("two")
    with proven(snapshot):
        team = teams.create_team(admin, name="Desk")
    with proven(snapshot):
        teams.set_members(admin, team_id=team.id, members={one.id: "member", two.id: "lead"})
    with proven(snapshot):
        teams.edit_team(admin, team_id=team.id, name="Service Desk", comments="First line")
    with proven(snapshot):
        teams.set_members(admin, team_id=team.id, members={two.id: "manager"})
    assert list(TeamMember.objects.values_list("user_id", "role")) == [(two.id, "manager")]
    with pytest.raises(Invalid):
        teams.create_team(admin, name="service desk")
    with pytest.raises(Invalid):
        teams.set_members(admin, team_id=team.id, members={two.id: "king"})
    with proven(snapshot):
        teams.remove_team(admin, team_id=team.id)
    with pytest.raises(NotThere):
        teams.remove_team(admin, team_id=team.id)


def test_a_team_says_how_it_waits_and_where_it_is_reached(admin: Actor) -> None:
    team = teams.create_team(admin, name="Desk", code_name="desk", persistent_queue=True, portals=["b", "a", "a"])
    assert (team.persistent_queue, team.all_portals, team.portals) == (True, False, ["a", "b"])
    assert queries.is_persistent(f"team:{team.id}")
    teams.edit_team(admin, team_id=team.id, name="Desk")
    changed = Team.objects.get()
    assert (changed.persistent_queue, changed.all_portals, changed.portals) == (False, True, [])
    assert not queries.is_persistent(f"team:{team.id}")
    row = AuditRow.objects.get(action="accounts.team.edit")
    assert (row.fields["old"]["persistent_queue"], row.fields["persistent_queue"]) == (True, False)
    assert queries.queue_name(f"team:{team.id}") == "Desk"
    assert queries.queue_name("team:none") == queries.queue_name("nonsense") == ""


def test_a_team_with_sessions_stays(admin: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    team = teams.create_team(admin, name="Desk")
    monkeypatch.setattr(teams, "_in_use", [lambda ident: "Not yet." if ident == team.id else ""])
    with pytest.raises(Conflict, match="Not yet"):
        teams.remove_team(admin, team_id=team.id)


def test_the_console_switch_is_told(admin: Actor) -> None:
    #
    with proven(snapshot):
        edit_security(admin, web_console=False)
    with proven(snapshot):
        edit_security(admin, web_console=True)


def test_no_account_exceeds_its_creator(rep: Actor, make_user: Any, admin: Actor) -> None:
    setter = actor_for(make_user("setter", "perm_set_passwords"))
    with pytest.raises(Refused):
        services.set_password(setter, user_id=admin.subject.id, password="another long password")
    equal = make_user("equal")
    services.set_password(setter, user_id=equal.id, password="another long password")
    with pytest.raises(Refused):
        services.create_user(rep, username="x", display_name="X", password=GOOD, permissions=["perm_admin"])


def test_the_last_administrator_stays(admin: Actor, make_user: Any) -> None:
    with pytest.raises(Conflict):
        services.edit_user(admin, user_id=admin.subject.id, display_name="Admin", permissions=[])
    with pytest.raises(Conflict):
        services.disable_user(admin, user_id=admin.subject.id, disabled=True)
    with pytest.raises(Conflict):
        services.disable_user(SYSTEM, user_id=admin.subject.id, disabled=True)
    make_user("second", "perm_admin")
    services.disable_user(SYSTEM, user_id=admin.subject.id, disabled=True)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("username", {"username": "two words"}),
        ("username", {"username": ""}),
        ("username", {"username": "x" * 65}),
        ("username", {"username": "ADMIN"}),
        ("username", {"username": "a\u202eb"}),
        ("display_name", {"display_name": "line\x00break"}),
        ("email", {"email": "nowhere"}),
        ("password", {"password": "short"}),
        ("password", {"password": "password1234"}),
        ("password", {"password": "qwertyqwerty"}),
        ("password", {"password": "123456789012345"}),
        ("password", {"password": "operator-2024", "username": "operator"}),
        ("permissions", {"permissions": ["perm_everything"]}),
    ],
)
def test_bad_input_is_named(admin: Actor, field: str, values: dict[str, Any]) -> None:
    given = {"username": "operator", "display_name": "Operator", "password": GOOD, **values}
    with pytest.raises(Invalid) as error:
        services.create_user(admin, **given)
    assert error.value.field == field
    assert error.value.text.endswith(".")


def test_the_owner_of_the_machine_resets_the_appliance_account(admin: Actor) -> None:
    box = ApplianceUser.objects.create(username="box")
    services.set_appliance_password(SYSTEM, username="BOX", password="another long password")
    box.refresh_from_db()
    assert box.check_password("another long password")
    with pytest.raises(Refused):
        services.set_appliance_password(admin, username="box", password="yet another password")
    with pytest.raises(NotThere):
        services.set_appliance_password(SYSTEM, username="nobody", password="another long password")
