"""/login > Jump, as an administrator's browser sees it."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from tests.unit.web.support.helpers import FACTS, Endpoint

from farhand.web.jump import queries, services
from farhand.web.jump.models import Enrolment, JumpClient, JumpGroup
from farhand.web.project.service import SYSTEM, Actor

pytestmark = pytest.mark.django_db
CLIENTS, GROUPS = "/login/jump/clients", "/login/jump/groups"


@pytest.fixture
def page(admin: Actor, sign_in: Any) -> Client:
    """A signed-in administrator."""
    client: Client = sign_in(admin.user)
    return client


@pytest.fixture
def client_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A built client."""
    path = tmp_path / "farhand-client-linux.pyz"
    path.write_bytes(b"PK")
    monkeypatch.setattr(queries, "client_file", lambda: path)
    return path


def test_groups(page: Client, rep: Actor) -> None:
    assert "There is no Jump Group yet" in page.get(GROUPS).content.decode()
    made = page.post(f"{GROUPS}/new", {"name": "Web Servers", "code_name": "", "comments": "rack"})
    group = JumpGroup.objects.get()
    assert (made.status_code, made.headers["Location"], group.code_name) == (302, f"{GROUPS}/{group.id}", "web-servers")
    twice = page.post(f"{GROUPS}/new", {"name": "Web Servers"})
    assert (twice.status_code, "of this name already" in twice.content.decode()) == (400, True)
    page.post(f"{GROUPS}/{group.id}/members", {f"role-{rep.subject.id}": "start_sessions"})
    assert queries.roles_of(rep.subject.id) == {group.id: "start_sessions"}
    assert "Start Sessions Only" in page.get(f"{GROUPS}/{group.id}").content.decode()
    page.post(f"{GROUPS}/{group.id}", {"name": "Web", "code_name": "web"})
    assert "Web" in page.get(GROUPS).content.decode()
    assert "Remove the Jump Group Web?" in page.get(f"{GROUPS}/{group.id}/remove").content.decode()
    page.post(f"{GROUPS}/{group.id}/remove")
    assert not JumpGroup.objects.exists()


def test_an_enrolment_shows_its_command_once(page: Client, client_file: Path) -> None:
    assert "Create one under Jump" in page.get(f"{CLIENTS}/enrol").content.decode()
    group = services.create_group(SYSTEM, name="General")
    form = {"group_id": group.id, "name": "<b>web</b>", "comments": "", "expires_s": "86400"}
    shown = page.post(f"{CLIENTS}/enrol", form).content.decode()
    assert "install --server https://localhost:8443 --site-key" in shown
    assert "data-copy-from" in shown
    listed = page.get(CLIENTS).content.decode()
    assert "--token" not in listed
    assert "&lt;b&gt;web&lt;/b&gt;" in listed
    enrolment = Enrolment.objects.get()
    page.post(f"{CLIENTS}/enrolments/{enrolment.id}/revoke")
    assert Enrolment.objects.get().revoked_ms
    wrong = page.post(f"{CLIENTS}/enrol", form | {"expires_s": "5"})
    assert wrong.status_code == 400


def test_without_a_client_file_no_enrolment_is_left(page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "client_file", lambda: None)
    group = services.create_group(SYSTEM, name="General")
    answer = page.post(f"{CLIENTS}/enrol", {"group_id": group.id, "expires_s": "3600"})
    assert (answer.status_code, "is missing on this appliance" in answer.content.decode()) == (400, True)
    assert Enrolment.objects.get().revoked_ms


def test_a_client_is_edited_and_removed(page: Client, anonymous: Actor) -> None:
    group = services.create_group(SYSTEM, name="General")
    token, endpoint = services.create_enrolment(SYSTEM, group_id=group.id).token, Endpoint()
    made = services.enrol(
        anonymous, token=token, key=endpoint.key, proof=endpoint.proof("enrol", token), facts=FACTS, version="0.1"
    )
    listed = page.get(CLIENTS).content.decode()
    assert "web-01" in listed
    assert "Offline" in listed
    assert "Never" in listed
    address = f"{CLIENTS}/{made.agent_id}"
    assert endpoint.key in page.get(address).content.decode()
    page.post(address, {"name": "db-01", "group_id": group.id, "comments": "moved"})
    assert JumpClient.objects.get().name == "db-01"
    assert page.post(address, {"name": "", "group_id": group.id}).status_code == 400
    assert page.post(address, {"name": "x", "group_id": "0" * 36}).status_code == 400
    assert "Remove the Jump Client db-01?" in page.get(f"{address}/remove").content.decode()
    page.post(f"{address}/remove")
    assert JumpClient.objects.get().revoked_ms
    assert page.get(address).status_code == 404


def test_who_may_not(rep: Actor, sign_in: Any, browser: Client) -> None:
    for path in (CLIENTS, f"{CLIENTS}/enrol", GROUPS, f"{GROUPS}/new"):
        assert sign_in(rep.user).get(path).status_code == 403
        assert browser.get(path).headers["Location"].startswith("/login/sign-in?next=")
    group = services.create_group(SYSTEM, name="General")
    services.set_members(SYSTEM, group_id=group.id, roles={rep.subject.id: "administrator"})
    assert sign_in(rep.user).get(CLIENTS).status_code == 200
    menu = sign_in(rep.user).get(CLIENTS).content.decode()
    assert 'href="/login/jump/clients"' in menu
    assert 'href="/login/jump/groups"' not in menu
