"""/login > Console Settings > Canned Scripts, as browsers of administrators and of others see it."""

from typing import Any

import pytest
from django.test import Client

from farhand.web.accounts import teams
from farhand.web.project.service import SYSTEM, Actor
from farhand.web.scripts import queries
from farhand.web.scripts.models import CannedScript

pytestmark = pytest.mark.django_db
LIST = "/login/console-settings/canned-scripts"


def form(**more: Any) -> dict[str, Any]:
    """The form as a browser sends it."""
    fields = {
        "name": "Free <b>disk</b>", "description": "Removes old logs", "everybody": "on", "platforms": ["linux"],
        "contexts": ["user", "system"], "time_limit_s": "30", "parameters": "DAYS: Older than = 30\r\nNOTE?: Remark",
        "text": "  find /var/log -mtime +$PARAM_DAYS\r\n",
    }  # fmt: skip
    return {name: value for name, value in (fields | more).items() if value is not None}


@pytest.fixture
def page(admin: Actor, sign_in: Any) -> Client:
    """A signed-in administrator."""
    client: Client = sign_in(admin.user)
    return client


#
def test_a_script_is_added_changed_and_removed(page: Client) -> None:
    team = teams.create_team(SYSTEM, name="Databases")
    assert "There is no canned script yet" in page.get(LIST).content.decode()
    empty = page.get(f"{LIST}/new").content.decode()
    assert "Databases" in empty
    assert f'href="{LIST}"' in empty
    made = page.post(f"{LIST}/new", form())
    assert (made.status_code, made.headers["Location"]) == (302, LIST)
    script = CannedScript.objects.get()
    assert script.text == "  find /var/log -mtime +$PARAM_DAYS\n"
    listed = page.get(LIST).content.decode()
    assert "Free &lt;b&gt;disk&lt;/b&gt;" in listed
    assert "Linux" in listed
    assert "Everybody" in listed
    address = f"{LIST}/{script.id}"
    shown = page.get(address).content.decode()
    assert "DAYS: Older than = 30\nNOTE?: Remark" in shown
    assert "  find /var/log" in shown
    page.post(address, form(name="Disk", everybody=None, teams=[team.id], contexts=["system"]))
    changed = queries.script_by_id(script.id)
    assert changed
    assert (changed.name, changed.contexts, queries.team_ids(changed)) == ("Disk", ["system"], (team.id,))
    assert "Databases" in page.get(LIST).content.decode()
    teams.remove_team(SYSTEM, team_id=team.id)
    assert "Nobody: its teams were removed" in page.get(LIST).content.decode()
    assert "Remove the canned script Disk?" in page.get(f"{address}/remove").content.decode()
    page.post(f"{address}/remove")
    assert not CannedScript.objects.exists()
    assert page.get(address).status_code == 404
    assert page.post(f"{address}/remove").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"text": ""}, {"time_limit_s": "x"}, {"time_limit_s": "3601"}, {"platforms": None},
     {"contexts": ["root"]}, {"parameters": "lower: x"}, {"everybody": None}, {"everybody": None, "teams": ["x"]}],
)  # fmt: skip
def test_what_is_wrong_is_said_and_nothing_is_lost(page: Client, wrong: dict[str, Any]) -> None:
    answer = page.post(f"{LIST}/new", form(**wrong))
    shown = answer.content.decode()
    assert answer.status_code == 400
    assert 'role="alert"' in shown
    assert "Removes old logs" in shown
    assert not CannedScript.objects.exists()


def test_who_may_not(rep: Actor, sign_in: Any, browser: Client, make_user: Any) -> None:
    for path in (LIST, f"{LIST}/new", f"{LIST}/{'0' * 36}", f"{LIST}/{'0' * 36}/remove"):
        assert sign_in(rep.user).get(path).status_code == 403
        assert sign_in(rep.user).post(path, form()).status_code == 403
        assert browser.get(path).headers["Location"].startswith("/login/sign-in?next=")
    assert not CannedScript.objects.exists()
    editor = sign_in(make_user("editor", "perm_edit_canned_scripts"))
    assert f'href="{LIST}"' in editor.get(LIST).content.decode()
    assert editor.post(f"{LIST}/new", form()).status_code == 302
