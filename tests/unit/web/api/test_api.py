"""What endpoints ask over HTTP, and every wrong way to ask it."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from tests.unit.web.support.helpers import Endpoint, use_key

from farhand.kit import signing
from farhand.protocol.messages import SiteStatement
from farhand.web.appliance import keys
from farhand.web.jump import queries, services
from farhand.web.jump.models import JumpClient
from farhand.web.project.service import SYSTEM, Actor
from farhand.web.support.models import Session

pytestmark = pytest.mark.django_db
FACTS = {"hostname": "web-01", "platform": "linux", "user": "customer"}


def post(client: Client, path: str, body: Any) -> Any:
    """POST JSON without any cookie or token, as endpoints do."""
    return Client(enforce_csrf_checks=True).post(path, body, "application/json")


def test_the_site_proves_itself(browser: Client, claimed: None) -> None:
    answer = browser.get("/api/agent/site").json()
    statement = signing.open_token(bytes.fromhex(answer["site_key"]), "site", answer["statement"], SiteStatement)
    assert statement.spki == keys.tls_spki()
    assert answer["name"] == "Farhand"


def test_enrol(browser: Client, claimed: None) -> None:
    group = services.create_group(SYSTEM, name="General")
    token, endpoint = services.create_enrolment(SYSTEM, group_id=group.id).token, Endpoint()
    body = {
        "token": token,
        "key": endpoint.key,
        "proof": endpoint.proof("enrol", token),
        "facts": FACTS,
        "version": "0.1",
    }
    answer = post(browser, "/api/agent/enrol", body)
    assert answer.status_code == 200
    assert set(answer.json()) == {"agent_id", "credential", "name", "group"}
    again = post(browser, "/api/agent/enrol", body)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")
    assert JumpClient.objects.count() == 1


def test_info_and_start(browser: Client, rep: Actor, anonymous: Actor) -> None:
    used, endpoint = use_key(rep, anonymous), Endpoint()
    info = post(browser, "/api/customer/info", {"join": used.join}).json()
    assert info == {"representative": "Rep", "site": "Farhand", "expires_ms": used.expires_ms}
    body = {"join": used.join, "key": endpoint.key, "proof": endpoint.proof("join", used.join), "facts": FACTS}
    started = post(browser, "/api/customer/start", body).json()
    assert set(started) == {"session_id", "ticket", "representative"}
    assert Session.objects.get().state == "waiting"
    unknown = post(browser, "/api/customer/info", {"join": "0" * 48})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "expired")


@pytest.mark.parametrize("path", ["/api/agent/enrol", "/api/customer/info", "/api/customer/start"])
@pytest.mark.parametrize(
    "body",
    [
        "", "[]", "null", "{}", '{"join": 1}', '{"join": "$(id)", "token": "a[$(id)]"}', '{"join": "x", "token": "x"}',
        '{"token": "' + "a" * 40 + '", "join": "' + "a" * 500 + '"}', "\x00", "{" * 5000, b"\xc0\xaf",
        '{"x": ' + "[" * 25_000 + "]" * 25_000 + "}", '{"join": "' + "\\ud800" * 3 + '"}',
        json.dumps({"join": "a" * 40, "token": "a" * 40, "key": "Z" * 64, "proof": "0" * 128, "facts": {}}),
        json.dumps({"join": "a" * 40, "token": "a" * 40, "key": "0" * 64, "proof": "0" * 128, "facts": {"hostname":
        "x" * 200}}),
    ],
)  # fmt: skip
def test_malformed_bodies(browser: Client, claimed: None, path: str, body: Any) -> None:
    answer = post(browser, path, body)
    expected = {400, 404} if path.endswith("info") and body and "a" * 40 in str(body) else {400}
    assert answer.status_code in expected
    assert answer.json()["error"]["text"]
    assert not JumpClient.objects.exists()


def test_a_large_body_is_refused(browser: Client, claimed: None) -> None:
    answer = post(browser, "/api/customer/info", {"join": "a" * 100_000})
    assert (answer.status_code, answer.json()["error"]["text"]) == (400, "This request is too large.")


def test_get_changes_nothing(browser: Client, claimed: None) -> None:
    for path in ("/api/agent/enrol", "/api/customer/info", "/api/customer/start"):
        assert browser.get(path).status_code == 405


def test_the_client_file(browser: Client, claimed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "farhand-client-linux.pyz"
    file.write_bytes(b"x" * 300_000)
    monkeypatch.setattr(queries, "client_file", lambda: file)
    answer = browser.get("/dl/client/linux")
    blocks = list(answer.streaming_content)
    assert b"".join(blocks) == file.read_bytes()
    assert max(map(len, blocks)) == 1 << 17
    assert "attachment" in answer.headers["Content-Disposition"]
    monkeypatch.setattr(queries, "client_file", lambda: None)
    assert browser.get("/dl/client/linux").status_code == 404
