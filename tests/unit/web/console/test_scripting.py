"""Client scripting: which addresses are understood, where they lead, and what they match."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.web.conftest import actor_for

from farhand.web.appliance.models import SiteSetting
from farhand.web.console import scripting
from farhand.web.jump import queries, services
from farhand.web.jump.models import JumpClient
from farhand.web.project.errors import Invalid
from farhand.web.project.service import SYSTEM, Actor

HOST = {"host": "localhost:8443"}
URL = "/api/client_script?type=web_console&operation=execute&action=start_jump_item_session"
QUERY = parse_qs(urlsplit(URL).query)


#
@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"type": ["mobile"]}, "web_console, rep"),
        ({"operation": ["generate"]}, "Expected: execute."),
        ({"action": ["generate_session_key"]}, "Expected: start_jump_item_session."),
        ({"search_string": []}, "given twice"),
        ({"search_string": ["a", "b"]}, "given twice"),
        ({"search_string": [" "]}, "Give a search_string"),
        ({"search_string": ["x" * 256]}, "255"),
        ({"search_string": ["a\0b"]}, "printable"),
        ({"client.host": ["web"]}, "client.hostname"),
        ({"jump.method": ["teleport"]}, "pinned"),
        ({"session.custom.ticket": ["7"]}, "no session attribute ticket"),
        ({f"p{n}": ["1"] for n in range(20)}, "too many parameters"),
    ],
)
def test_what_is_not_understood_is_told(changed: dict[str, list[str]], says: str) -> None:
    with pytest.raises(Invalid) as told:
        scripting.parse({**QUERY, "search_string": ["web"], **changed})
    assert says in told.value.text


#
def test_a_command_is_understood_and_keeps_its_criteria() -> None:
    criteria = {"search_string": "a&b", "client.hostname": "web", "jump.method": "pinned", "client.tag": "ü"}
    command = scripting.parse({**QUERY, **{name: [value] for name, value in criteria.items()}})
    assert command.parameters == criteria
    assert scripting.parse(parse_qs(command.as_query())) == command


@given(st.dictionaries(st.text(max_size=20), st.lists(st.text(max_size=300), max_size=2), max_size=20))
def test_any_parameters_are_answered(given_: dict[str, list[str]]) -> None:
    with pytest.raises(Invalid) as told:
        scripting.parse({**given_, "type": ["web_console"], "operation": ["none"]})
    assert told.value.text


#
@pytest.mark.django_db
def test_the_desktop_console_gets_a_script_file(claimed: None) -> None:
    query = "type=rep&operation=generate&action=start_jump_item_session&search_string=a%20b%26c"
    answer = Client(headers=HOST).get(f"/api/client_script?{query}", secure=True)
    assert answer.content == b"BRCS1.0\naction=start_jump_item_session&search_string=a%20b%26c\n"
    assert ".brcs-" in answer.headers["Content-Disposition"]
    assert answer.headers["Content-Disposition"].startswith("attachment")


#
@pytest.mark.django_db
def test_who_is_not_signed_in_does_so_first_and_then_goes_on(rep: Actor) -> None:
    client = Client(headers=HOST)
    to = client.get(f"{URL}&search_string=web", secure=True).headers["Location"]
    assert to.startswith("/login/sign-in?next=")
    client.force_login(rep.user, backend="django.contrib.auth.backends.ModelBackend")
    back = client.get(to, secure=True).headers["Location"]
    assert back == f"{URL}&search_string=web"
    console = client.get(back, secure=True).headers["Location"]
    assert urlsplit(console).path == "/console"
    assert parse_qs(urlsplit(console).query) == {**QUERY, "search_string": ["web"]}


@pytest.mark.django_db
def test_a_wrong_address_and_a_closed_console_say_so(rep: Actor) -> None:
    client = Client(headers=HOST)
    wrong = client.get("/api/client_script?type=web_console", secure=True)
    assert wrong.status_code == 400
    assert "operation is not understood here" in wrong.content.decode()
    SiteSetting.objects.filter(key="web_console").update(value=False)
    assert client.get(f"{URL}&search_string=web", secure=True).status_code == 403


@pytest.fixture
def farm(rep: Actor) -> Actor:
    """A representative who may Jump to three clients of one group, and not to the fourth."""
    mine, other = (services.create_group(SYSTEM, name=name) for name in ("Mine", "Other"))
    services.set_members(SYSTEM, group_id=mine.id, roles={rep.subject.id: "start_sessions"})
    rows: list[dict[str, Any]] = [
        {"name": "one", "hostname": "Web-1", "comments": "Berlin", "tag": "front", "private_ip": "10.0.0.1"},
        {"name": "two", "hostname": "web-2", "comments": "Paris", "tag": "front", "public_ip": "192.0.2.20"},
        {"name": "three", "hostname": "db", "comments": "near web", "tag": "back"},
        {"name": "four", "hostname": "web-4", "comments": "", "tag": ""},
    ]
    for number, row in enumerate(rows):
        JumpClient.objects.create(group=other if row["name"] == "four" else mine, key=f"{number:064x}", **row)
    return actor_for(rep.user)


#
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("criteria", "names"),
    [
        ({"search_string": "WEB"}, ["one", "three", "two"]),
        ({"search_string": "192.0.2"}, ["two"]),
        ({"search_string": "10.0.0"}, ["one"]),
        ({"search_string": "front"}, []),
        ({"client.tag": "front", "client.comments": "berlin"}, ["one"]),
        ({"client.hostname": "web"}, ["one", "two"]),
        ({"client.public_ip": "20", "client.private_ip": "10"}, []),
        ({"search_string": "web", "jump.method": "pinned"}, ["one", "three", "two"]),
        ({"search_string": "web", "jump.method": "rdp"}, []),
    ],
)
def test_criteria_match_what_the_representative_sees(farm: Actor, criteria: dict[str, str], names: list[str]) -> None:
    assert [item["name"] for item in queries.matching(farm.subject, criteria)] == names


@pytest.mark.django_db
def test_the_console_asks_for_the_matches(farm: Actor) -> None:
    client = Client(headers=HOST)
    client.force_login(farm.user, backend="django.contrib.auth.backends.ModelBackend")
    query = urlsplit(URL).query
    answer = client.get(f"/api/console/script-matches?{query}&client.hostname=DB", secure=True)
    assert [item["hostname"] for item in answer.json()["items"]] == ["db"]
    wrong = client.get(f"/api/console/script-matches?{query}", secure=True)
    assert wrong.status_code == 400
    assert "search_string" in wrong.json()["error"]["text"]
