"""The public portal, as a customer's browser sees it."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.web.support.helpers import Endpoint, start

from farhand.rules import keys as rules
from farhand.rules.access import Subject
from farhand.web.accounts import presence, teams
from farhand.web.appliance import keys
from farhand.web.jump import queries
from farhand.web.portal.packages import NotAZip, with_comment
from farhand.web.portals import services as portals
from farhand.web.project.service import SYSTEM, Actor
from farhand.web.routing import services as routing
from farhand.web.routing.requests import MAX_OPEN_OF_ADDRESS
from farhand.web.support import key_services, services
from farhand.web.support.models import Session

COOKIE = "__Host-farhand-join"


@pytest.fixture
def client_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A built client."""
    path = tmp_path / "farhand-client-linux.pyz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("__main__.py", "print('client')")
    monkeypatch.setattr(queries, "client_file", lambda: path)
    return path


@pytest.mark.django_db
def test_a_key_leads_to_the_help_page(rep: Actor, browser: Client, client_file: Path) -> None:
    made = key_services.create_session_key(rep)
    home = browser.get("/").content.decode()
    assert 'for="key">Session Key' in home
    assert 'name="language"' in home
    sent = browser.post("/start", {"key": made.shown.replace("-", " ")})
    assert (sent.status_code, sent.headers["Location"]) == (302, "/help")
    cookie = sent.cookies[COOKIE]
    assert cookie["secure"]
    assert cookie["httponly"]
    page = browser.get("/help").content.decode()
    assert "Rep will help you" in page
    assert f"--join {cookie.value}" in page
    assert "There is no client for Windows and macOS yet" in page
    assert Session.objects.get().queue == ""


@pytest.mark.django_db
def test_the_token_of_the_address(rep: Actor, browser: Client, client_file: Path) -> None:
    made = key_services.create_session_key(rep)
    assert "session-token-form" in browser.get("/s").content.decode()
    assert browser.post("/start", {"token": made.token}).status_code == 302
    again = Client().post("/start", {"token": made.token})
    assert again.status_code == 404
    assert "used already" in again.content.decode()


@pytest.mark.django_db
def test_wrong_keys_get_a_page(claimed: None, browser: Client) -> None:
    short = browser.post("/start", {"key": "123"})
    assert (short.status_code, "twelve digits" in short.content.decode()) == (400, True)
    for _ in range(rules.FREE_FAILURES + 1):
        assert browser.post("/start", {"key": "000000000000"}).status_code == 404
    slow = browser.post("/start", {"key": "000000000000"})
    assert slow.status_code == 429
    assert int(slow.headers["Retry-After"]) >= 1
    assert "Wait" in slow.content.decode()
    hostile = browser.post("/start", {"key": "<script>alert(1)</script>"}).content.decode()
    assert "<script>alert" not in hostile


@pytest.mark.django_db
def test_the_page_follows_the_session(rep: Actor, anonymous: Actor, browser: Client, client_file: Path) -> None:
    made = key_services.create_session_key(rep)
    join = browser.post("/start", {"key": made.key}).cookies[COOKIE].value
    assert browser.get("/help/state").json()["state"] == "joining"
    session_id = start(anonymous, join, Endpoint()).session_id
    assert browser.get("/help/state").json() == {"state": "waiting", "text": "Waiting for Rep."}
    services.accept(rep, session_id=session_id, tab="t")
    assert browser.get("/help/state").json() == {"state": "active", "text": "Rep is helping you."}
    services.end_session(rep, session_id=session_id)
    assert browser.get("/help/state").json()["state"] == "ended"
    assert "You can close this page" in browser.get("/help").content.decode()
    assert browser.post("/help/download").status_code == 404


@pytest.mark.django_db
def test_without_a_join_there_is_nothing(claimed: None, browser: Client) -> None:
    assert browser.get("/help").status_code == 404
    assert browser.get("/help/state").json()["state"] == "ended"
    assert browser.post("/help/download").status_code == 404
    browser.cookies[COOKIE] = "x" * 5000
    assert browser.get("/help").status_code == 404
    for path in ("/start", "/help/download"):
        assert browser.get(path).status_code == 405


@pytest.mark.django_db
def test_the_download_carries_the_way_in(rep: Actor, browser: Client, client_file: Path) -> None:
    made = key_services.create_session_key(rep)
    join = browser.post("/start", {"key": made.key}).cookies[COOKIE].value
    answer = browser.post("/help/download")
    data = b"".join(answer.streaming_content)  # type: ignore[arg-type]
    assert len(data) == int(answer.headers["Content-Length"])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert json.loads(archive.comment) == {
            "server": "https://localhost:8443", "site_key": keys.site_public(), "join": join,
        }  # fmt: skip
        assert archive.read("__main__.py") == b"print('client')"
    assert data[: -len(archive.comment) - 2] == client_file.read_bytes()[:-2]


@pytest.mark.django_db
def test_a_missing_client_is_said(rep: Actor, browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "client_file", lambda: None)
    made = key_services.create_session_key(rep)
    browser.post("/start", {"key": made.key})
    assert "missing on this appliance" in browser.get("/help").content.decode()
    assert browser.post("/help/download").status_code == 404


@given(
    old=st.binary(max_size=300),
    new=st.binary(max_size=3000).map(lambda text: text.replace(b"PK\x05\x06", b"")),
    content=st.binary(max_size=500),
)
def test_comments_replace_each_other(old: bytes, new: bytes, content: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.pyz"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a", content)
            archive.comment = old.replace(b"PK\x05\x06", b"")
        size, blocks = with_comment(path, new)
        data = b"".join(blocks)
        assert len(data) == size
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.comment == new
            assert archive.read("a") == content


#
@pytest.mark.django_db
def test_the_ways_to_get_help(rep: Actor, make_user: Any, browser: Client, client_file: Path) -> None:
    plain = browser.get("/").content.decode()
    assert "With an issue" not in plain
    assert "With a representative" not in plain
    shown = make_user("shown", "perm_support_allowed", "perm_show_on_public_list")
    presence.replace(SYSTEM, user_ids=[shown.id, rep.subject.id])
    team = teams.create_team(SYSTEM, name="Desk")
    issue = routing.create_issue(SYSTEM, fields=routing.Fields(description="My <b>printer</b>", team=team.id))
    page = browser.get("/").content.decode()
    assert "My &lt;b&gt;printer&lt;/b&gt;" in page
    assert f'name="representative" value="{shown.id}">Shown<' in page
    assert rep.subject.id not in page
    wrong = browser.post("/ask", {"issue": issue.id, "name": "", "details": "It burns"})
    assert (wrong.status_code, "It burns" in wrong.content.decode()) == (400, True)
    assert browser.post("/ask", {"issue": "x" * 5000, "name": "Ada"}).status_code == 400
    assert browser.get("/ask").status_code == 405
    sent = browser.post("/ask", {"issue": issue.id, "name": "Ada", "email": "ada@example.org"})
    assert (sent.status_code, sent.headers["Location"]) == (302, "/help")
    assert "Desk will help you" in browser.get("/help").content.decode()
    start(Actor(subject=Subject(kind="anonymous")), browser.cookies[COOKIE].value, Endpoint())
    assert browser.get("/help/state").json() == {"state": "waiting", "text": "Waiting for Desk."}
    assert "Back to the session with Desk" in browser.get("/").content.decode()
    sent = browser.post("/ask", {"representative": shown.id})
    assert sent.status_code == 302
    assert "Shown will help you" in browser.get("/help").content.decode()
    presence.replace(SYSTEM, user_ids=[])
    gone = browser.post("/ask", {"representative": shown.id})
    assert (gone.status_code, "not available any more" in gone.content.decode()) == (409, True)
    for _ in range(MAX_OPEN_OF_ADDRESS):
        last = browser.post("/ask", {"issue": issue.id, "name": "Ada"})
    assert (last.status_code, "from your network" in last.content.decode()) == (429, True)


#
@pytest.mark.django_db
def test_a_portal_has_its_own_host_and_languages(claimed: None) -> None:
    fields = portals.Fields(name="Shop", hosts=["shop.example"], languages=["de", "fr"], session_keys=False)
    portals.create_portal(SYSTEM, fields=fields)
    shop = Client(secure=True, headers={"host": "shop.example", "accept-language": "nl,fr;q=0.5"})
    page = shop.get("/").content.decode()
    assert '<html lang="de">' in page
    assert 'value="nl"' not in page
    assert 'id="key"' not in page
    for accepted, language in (("fr", "fr"), ("de-AT", "de"), ("en", "de")):
        found = Client(secure=True, headers={"host": "shop.example", "accept-language": accepted}).get("/")
        assert f'<html lang="{language}">' in found.content.decode()
    main = Client(secure=True, headers={"host": "localhost:8443", "accept-language": "nl"})
    assert '<html lang="nl">' in main.get("/").content.decode()
    chosen = main.post("/language", {"language": "fr", "next": "/"})
    assert chosen.cookies["__Host-farhand-language"]["max-age"] > 86_400
    assert '<html lang="fr">' in main.get("/").content.decode()


@pytest.mark.django_db
def test_a_portal_without_the_session_key_form_takes_no_typed_keys(rep: Actor) -> None:
    fields = portals.Fields(name="Shop", hosts=["shop.example"], languages=["en"], session_keys=False)
    portals.create_portal(SYSTEM, fields=fields)
    made = key_services.create_session_key(rep)
    shop = Client(secure=True, headers={"host": "shop.example"})
    refused = shop.post("/start", {"key": made.key})
    assert (refused.status_code, "is not known" in refused.content.decode()) == (404, True)
    assert COOKIE not in refused.cookies
    assert not Session.objects.exists()
    assert shop.post("/start", {"token": made.token}).status_code == 302, "links go on"


def test_what_is_no_zip(tmp_path: Path) -> None:
    path = tmp_path / "c.pyz"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(NotAZip):
        with_comment(path, b"x")
