"""Users & Security > Group Policies, and what the page of a user says of them."""

import re
from typing import Any

import pytest
from django.test import Client
from tests.unit.web.login.test_pages import GOOD, assert_labelled

from farhand.web.accounts import teams
from farhand.web.accounts.models import GroupPolicy, User
from farhand.web.jump import services as jump
from farhand.web.project.service import SYSTEM

pytestmark = pytest.mark.django_db
LIST = "/login/users-security/group-policies"
USERS = "/login/users-security/users"


def test_an_administrator_keeps_group_policies(browser: Client, make_user: Any) -> None:
    make_user("admin", "perm_admin")
    browser.post("/login/sign-in", {"username": "admin", "password": GOOD})
    rep = make_user("rep", "perm_jump_client")
    team, group = teams.create_team(SYSTEM, name="Desk"), jump.create_group(SYSTEM, name="Servers")
    assert b"Create Group Policy" in browser.get(LIST).content
    made = browser.post(f"{LIST}/new", {"name": "First line", "comments": "Everybody"})
    policy = GroupPolicy.objects.get(name="First line")
    address = f"{LIST}/{policy.id}"
    assert made["Location"] == address
    assert_labelled(browser.get(address).content.decode())
    entered = {
        "name": "First line",
        "position": "1",
        "members": [rep.id],
        "perm_support_allowed": "defined:allow",
        "perm_jump_client": "final:deny",
        "perm_session_screen": "final:view",
        f"team-{team.id}": "lead",
        f"group-{group.id}": "start_sessions",
    }
    assert browser.post(address, {**entered, "perm_support_allowed": "final:king"}).status_code == 400
    assert browser.post(address, entered)["Location"] == LIST
    assert "Rep" in browser.get(LIST).content.decode()
    for page in ("", f"/{team.id}"):  # who is in a team by a policy is not hidden there
        shown = browser.get(f"/login/configuration/support-teams{page}").content.decode()
        assert "All members of the group policy First line (Team Lead)" in shown
    form = browser.get(address).content.decode()
    assert re.search(r'value="final:deny" selected[^>]*>Final: Not allowed', form)
    assert re.search(r'value="lead" selected', form)
    page = browser.get(f"{USERS}/{rep.id}").content.decode()
    assert "Group policy First line: Not allowed. This is final." in page
    assert "Group policy First line: Allowed. A choice here goes before it." in page
    assert "As the group policy says" in page
    assert_labelled(page)
    # What is final cannot be chosen, what is defined can be answered; own settings below what is final stay.
    browser.post(
        f"{USERS}/{rep.id}",
        {"display_name": "Rep", "perm_support_allowed": "deny", "perm_session_screen": "control"},
    )
    user = User.objects.get(id=rep.id)
    assert user.permissions == ["perm_jump_client", "perm_support_allowed.deny"]
    assert user.held() == {"perm_session_screen.view"}
    assert browser.get(f"{address}/remove").status_code == 200
    assert browser.post(f"{address}/remove")["Location"] == LIST
    assert User.objects.get(id=rep.id).held() == {"perm_jump_client"}
    assert browser.get(address).status_code == 404


def test_only_administrators_see_group_policies(sign_in: Any, make_user: Any) -> None:
    browser = sign_in(make_user("rep", "perm_set_passwords"))
    for address in (LIST, f"{LIST}/new"):
        assert browser.get(address).status_code == 403
