"""/console and its JSON: who gets in, what the snapshot holds, how a no looks."""

from typing import Any

import pytest
from django.test import Client
from tests.unit.web.conftest import actor_for
from tests.unit.web.support.helpers import waiting

from farhand.kit import signing
from farhand.protocol.messages import EventsTicket
from farhand.web.appliance import keys
from farhand.web.appliance.models import SiteSetting
from farhand.web.jump import services as jump
from farhand.web.portals import services as portals
from farhand.web.project.service import SYSTEM, Actor
from farhand.web.scripts import services as scripts
from farhand.web.support.models import SessionKey

pytestmark = pytest.mark.django_db
HOST = {"host": "localhost:8443"}
SCRIPTS = "sessions/0199a000-0000-7000-8000-000000000001/scripts"
WISH: dict[str, Any] = {"tab": "t", "script_id": "0199a000-0000-7000-8000-000000000002", "context": "user"}


@pytest.fixture
def console(rep: Actor) -> Client:
    """A signed-in console that has to prove its origin."""
    client = Client(headers=HOST, enforce_csrf_checks=True)
    client.force_login(rep.user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture(autouse=True)
def built(monkeypatch: pytest.MonkeyPatch) -> None:
    """A front end that has been built."""
    from farhand.web.design.templatetags import farhand

    entry = {"console/src/main.ts": {"file": "assets/console.js", "isEntry": True, "name": "main"}}
    monkeypatch.setattr(farhand, "manifest", lambda: entry)


def post(client: Client, path: str, body: Any = None, **headers: str) -> Any:
    """POST as the console does: JSON, with the token of the page."""
    page = client.get("/console", secure=True).content.decode()
    token = page.split('name="csrf-token" content="')[1].split('"')[0]
    sent = {"X-CSRFToken": token, "Origin": "https://localhost:8443", **headers}
    return client.post(
        f"/api/console/{path}", {} if body is None else body, "application/json", headers=sent, secure=True
    )


def test_the_page_loads_the_console(console: Client) -> None:
    answer = console.get("/console")
    assert answer.status_code == 200
    page = answer.content.decode()
    assert 'src="/static/built/assets/console.js"' in page
    nonce = page.split('name="csp-nonce" nonce="')[1].split('"')[0]
    policy = answer.headers["Content-Security-Policy"]
    assert f"'nonce-{nonce}'" in policy
    assert "'wasm-unsafe-eval'" in policy
    assert "wasm" not in console.get("/login/my-account/profile").headers["Content-Security-Policy"]
    assert "<script>" not in page


def test_the_switch_decides(console: Client, browser: Client) -> None:
    SiteSetting.objects.filter(key="web_console").update(value=False)
    for client in (console, browser):
        answer = client.get("/console")
        assert answer.status_code == 403
        assert "switched off" in answer.content.decode()
    answer = console.get("/api/console/snapshot")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "refused")


def test_sign_in_at_the_console(rep: Actor, browser: Client) -> None:
    assert "Username" in browser.get("/console").content.decode()
    wrong = browser.post("/console", {"username": "rep", "password": "wrong password"})
    assert wrong.status_code == 403
    assert "not right" in wrong.content.decode()
    right = browser.post("/console", {"username": "rep", "password": "correct horse battery"})
    assert (right.status_code, right.headers["Location"]) == (302, "/console")
    assert browser.get("/api/console/snapshot").json()["me"]["username"] == "rep"


def test_the_snapshot_and_its_ticket(console: Client, rep: Actor, anonymous: Actor) -> None:
    group = jump.create_group(SYSTEM, name="General")
    jump.set_members(SYSTEM, group_id=group.id, roles={rep.subject.id: "start_sessions"})
    session_id, _endpoint = waiting(rep, anonymous)
    answer = console.get("/api/console/snapshot").json()
    user = rep.subject.id
    assert answer["me"]["id"] == user
    assert set(answer["topics"]) == {f"user:{user}", "site", f"group:{group.id}"} == set(answer["me"]["topics"])
    assert answer["topics"][f"user:{user}"] > 0
    assert [queue["id"] for queue in answer["collections"]["queues"]] == [f"user:{user}"]
    assert [session["id"] for session in answer["collections"]["sessions"]] == [session_id]
    assert answer["collections"]["jump_items"] == []
    ticket = signing.open_token(bytes.fromhex(keys.issuer_public()), "events", answer["events_ticket"], EventsTicket)
    assert (ticket.user_id, set(ticket.topics)) == (user, set(answer["topics"]))
    fresh = post(console, "events-ticket").json()["events_ticket"]
    assert fresh != answer["events_ticket"]


def test_a_session_key(console: Client) -> None:
    answer = post(console, "session-keys", {"lifetime_s": 1800}).json()
    assert set(answer) == {"key", "shown", "url", "expires_ms", "portal", "token", "mail"}
    assert (answer["mail"]["local"], answer["mail"]["server"]) == (True, False)
    assert set(answer["mail"]["texts"]) == {"en", "de", "fr", "nl"}
    assert answer["url"] in answer["mail"]["texts"]["de"]["body"]
    assert answer["url"].startswith("https://localhost:8443/#k=")
    assert answer["portal"] == "localhost:8443"
    assert SessionKey.objects.get().expires_ms == answer["expires_ms"]


def test_a_key_for_another_portal(console: Client) -> None:
    fields = portals.Fields(name="Shop", hosts=["shop.example"], languages=["en"])
    shop = portals.create_portal(SYSTEM, fields=fields)
    listed = console.get("/api/console/snapshot").json()["collections"]["portals"]
    assert [(one["name"], one["default"]) for one in listed] == [("localhost:8443", True), ("Shop", False)]
    answer = post(console, "session-keys", {"portal_id": shop.id}).json()
    assert answer["url"].startswith("https://shop.example:8443/#k=")
    assert answer["portal"] == "Shop"
    gone = post(console, "session-keys", {"portal_id": "0" * 36})
    assert (gone.status_code, gone.json()["error"]["field"]) == (400, "portal_id")


def test_get_next_session(make_user: Any, anonymous: Actor) -> None:
    user = make_user("next", "perm_support_allowed", "perm_generate_session_key", "perm_next_session_button")
    session_id, _endpoint = waiting(actor_for(user), anonymous)
    client = Client(headers=HOST, enforce_csrf_checks=True)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert post(client, "sessions/next", {"tab": "one"}).json()["session"]["id"] == session_id
    assert post(client, "sessions/next", {"tab": "one"}).status_code == 409


def test_accept_ticket_leave_end(console: Client, rep: Actor, anonymous: Actor) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    accepted = post(console, f"sessions/{session_id}/accept", {"tab": "one"})
    assert set(accepted.json()) == {"session", "ticket", "leg", "grants"}
    assert post(console, f"sessions/{session_id}/ticket", {"tab": "two"}).json()["leg"] == 3
    assert post(console, f"sessions/{session_id}/leave").json() == {}
    assert post(console, f"sessions/{session_id}/accept", {"tab": "one"}).status_code == 200
    assert post(console, f"sessions/{session_id}/end").json() == {}
    gone = post(console, f"sessions/{session_id}/ticket", {"tab": "one"})
    assert (gone.status_code, gone.json()["error"]["code"]) == (403, "refused")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("session-keys", {"lifetime_s": "600"}, 400),
        ("session-keys", {"lifetime_s": 600, "more": 1}, 400),
        ("session-keys", {"lifetime_s": 7}, 400),
        ("session-keys", [], 400),
        ("session-keys", {"portal_id": "x"}, 400),
        ("sessions/next", {}, 400),
        ("sessions/next", {"tab": "t"}, 403),
        ("session-keys", {"lifetime_s": True}, 400),
        ("sessions/0199a000-0000-7000-8000-000000000001/accept", {"tab": "t"}, 404),
        ("sessions/not-an-id/accept", {"tab": "t"}, 404),
        ("sessions/0199a000-0000-7000-8000-000000000001/accept", {}, 400),
        ("sessions/0199a000-0000-7000-8000-000000000001/accept", {"tab": "t" * 65}, 400),
        ("jump-items/0199a000-0000-7000-8000-000000000001/jump", {"tab": None}, 400),
        ("jump-items/0199a000-0000-7000-8000-000000000001/jump", {"tab": "t"}, 404),
        (SCRIPTS, WISH, 404),
        (SCRIPTS, WISH | {"context": "root"}, 400),
        (SCRIPTS, WISH | {"script_id": "x"}, 400),
        (SCRIPTS, WISH | {"parameters": {"A": 1}}, 400),
        (SCRIPTS, WISH | {"parameters": {str(n): "" for n in range(65)}}, 400),
        (SCRIPTS, WISH | {"text": "rm -r /"}, 400),
    ],
)
def test_wrong_input_has_one_sentence(console: Client, path: str, body: Any, status: int) -> None:
    answer = post(console, path, body)
    assert answer.status_code == status
    assert set(answer.json()["error"]) <= {"code", "text", "field"}
    assert answer.json()["error"]["text"].endswith(".")


def test_no_json_no_answer(console: Client) -> None:
    page = console.get("/console", secure=True).content.decode()
    token = page.split('name="csrf-token" content="')[1].split('"')[0]
    sent = {"X-CSRFToken": token, "Origin": "https://localhost:8443"}
    answer = console.post("/api/console/session-keys", b"\xff{", "application/json", headers=sent, secure=True)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad-request")


def test_only_this_origin_and_only_with_the_token(console: Client) -> None:
    for headers in (
        {"X-CSRFToken": "x" * 32},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8443"},
    ):
        answer = post(console, "session-keys", {"lifetime_s": 600}, **headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "csrf")
    assert not SessionKey.objects.exists()


def test_signed_out_is_401(browser: Client, claimed: None) -> None:
    answer = browser.get("/api/console/snapshot")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "signed-out")


def test_logout_says_that_it_happened(console: Client) -> None:
    answer = post(console, "logout").json()
    assert "signed out" in console.get(answer["redirect"]).content.decode()
    assert console.get("/api/console/snapshot").status_code == 401


def test_a_get_changes_nothing(console: Client, rep: Actor, anonymous: Actor) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    for path in (
        "session-keys",
        f"sessions/{session_id}/accept",
        f"sessions/{session_id}/end",
        "logout",
        "events-ticket",
    ):
        assert console.get(f"/api/console/{path}").status_code == 405


def test_anothers_session_is_out_of_reach(rep: Actor, anonymous: Actor, make_user: Any) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    other = actor_for(make_user("other", "perm_support_allowed"))
    client = Client(headers=HOST, enforce_csrf_checks=True)
    client.force_login(other.user, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/api/console/snapshot").json()["collections"]["sessions"] == []
    assert post(client, f"sessions/{session_id}/accept", {"tab": "t"}).status_code == 403


#
def test_canned_scripts_of_a_session(make_user: Any, anonymous: Actor) -> None:
    helper = actor_for(
        make_user("helper", "perm_support_allowed", "perm_generate_session_key", "perm_session_scripts.allow")
    )
    client = Client(headers=HOST, enforce_csrf_checks=True)
    client.force_login(helper.user, backend="django.contrib.auth.backends.ModelBackend")
    session, _endpoint = waiting(helper, anonymous)
    fields = scripts.Fields(name="Ping", text="ping", parameters="HOST: Host = here", everybody=True, time_limit_s=9)
    script = scripts.create_script(actor_for(make_user("admin", "perm_admin")), fields=fields)
    post(client, f"sessions/{session}/accept", {"tab": "one"})
    (listed,) = client.get(f"/api/console/sessions/{session}/scripts").json()["scripts"]
    parameter = {"name": "HOST", "label": "Host", "default": "here", "required": True}
    assert listed == {
        "id": script.id, "name": "Ping", "description": "", "contexts": ["user"], "parameters": [parameter],
        "time_limit_s": 9,
    }  # fmt: skip
    wish = {"tab": "one", "script_id": script.id, "context": "user", "parameters": {"HOST": "there"}}
    ordered = post(client, f"sessions/{session}/scripts", wish)
    assert set(ordered.json()) == {"run", "order", "issuer", "text"}
    assert post(client, f"sessions/{session}/scripts", wish, **{"X-CSRFToken": ""}).status_code == 403
    refused = post(client, f"sessions/{session}/scripts", wish | {"context": "system"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "refused")
