"""Colleagues: accounts, teams and Jump Groups as the machine's owner and an administrator make them."""

import re
from collections.abc import Mapping

from tests.harness.appliance import Appliance
from tests.harness.console import Console
from tests.harness.visitor import Visitor

TEAMS = "/login/configuration/support-teams"
GROUPS = "/login/jump/groups"
ISSUES = "/login/configuration/issues"


def add_user(appliance: Appliance, username: str, password: str, *permissions: str) -> None:
    """Create an account on the command line; its display name is the user name, capitalized."""
    words = [word for name in permissions for word in ("--permission", name)]
    made = appliance.command(
        *("user", "create", username, "--display-name", username.capitalize(), *words, "--password-stdin"),
        stdin=f"{password}\n",
    )
    assert made.returncode == 0, made.stderr


def id_of(console: Console) -> str:
    """The id of a console's user."""
    return str(console.snapshot()["me"]["id"])


def add_team(admin: Visitor, name: str, roles: Mapping[str, str]) -> str:
    """Create a team of these members (user id -> role); gives its id."""
    page = admin.submit(f"{TEAMS}/new", {"name": name, "code_name": "", "comments": "", "all_portals": "on"})
    assert page.status == 200, page.text
    found = re.search(rf"{TEAMS}/([0-9a-f-]{{36}})/members", page.text)  # its own page comes next
    assert found, page.text
    fields = {f"role-{user}": role for user, role in roles.items()}
    saved = admin.submit(f"{TEAMS}/{found[1]}", fields, to=f"{TEAMS}/{found[1]}/members")
    assert saved.status == 200, saved.text
    return found[1]


def add_issue(admin: Visitor, description: str, team: str, **more: str) -> None:
    """Create an issue of a team (id), shown on all public portals."""
    fields = {"description": description, "team": team, "priority": "2", "all_portals": "on"}
    made = admin.submit(f"{ISSUES}/new", fields | more)
    assert made.status == 200, made.text
    assert description in made.text


def set_jump_group(admin: Visitor, group: str, roles: Mapping[str, str]) -> None:
    """Have these users (user id -> role), and no others, in a Jump Group."""
    fields = {f"role-{user}": role for user, role in roles.items()}
    saved = admin.submit(f"{GROUPS}/{group}", fields, to=f"{GROUPS}/{group}/members")
    assert saved.status == 200, saved.text


def first_group(console: Console) -> str:
    """The id of a Jump Group that a console sees."""
    topics = console.snapshot()["topics"]
    return str(next(topic for topic in topics if topic.startswith("group:"))).removeprefix("group:")
