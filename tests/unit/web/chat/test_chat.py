"""Team chat and favourites: who may, what is stored and told, and what is forgotten."""

from typing import Any

import pytest
from django.test import Client
from tests.unit.web.conftest import actor_for
from tests.unit.web.snapshots import Snapshot, proven

from farhand.kit.clock import FakeClock
from farhand.kit.ids import new_id
from farhand.web.accounts import teams
from farhand.web.accounts.favourites import favourites_of, set_favourite
from farhand.web.accounts.models import User
from farhand.web.chat.models import TeamMessage
from farhand.web.chat.queries import SHOWN_MS, visible_messages
from farhand.web.chat.services import expire_messages, post_message
from farhand.web.events.models import AuditRow
from farhand.web.project import service
from farhand.web.project.service import SYSTEM, Actor, Invalid, Refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(rep: Actor, make_user: Any) -> Any:
    """A team in which `rep` is, and `eve` is not."""
    made = teams.create_team(SYSTEM, name="Desk")
    teams.set_members(SYSTEM, team_id=made.id, members={rep.subject.id: "member"})
    return made


def member(rep: Actor) -> Actor:
    """`rep` with the teams of now."""
    return actor_for(User.objects.get(id=rep.subject.id))


def test_messages_are_stored_and_told_once(rep: Actor, team: Any) -> None:
    actor = member(rep)

    def taken() -> Snapshot:
        return {"team_chat": {one["id"]: one for one in visible_messages(actor.subject, service.now_ms())}}

    post = new_id()
    with proven(taken):
        message = post_message(actor, team_id=team.id, text=" Lunch?\r\nAt noon. ", post=post)
    assert message.text == "Lunch?\nAt noon."
    with proven(taken, expect_events=False):
        assert post_message(actor, team_id=team.id, text="Lunch?", post=post).id == message.id
    row = AuditRow.objects.get(action="chat.message.post", outcome="done")
    assert row.fields == {"message": message.id, "length": 15}
    assert [one["sender_name"] for one in visible_messages(actor.subject, service.now_ms())] == ["Rep"]


def test_nobody_else_writes_or_reads(rep: Actor, team: Any, make_user: Any, admin: Actor) -> None:
    post_message(member(rep), team_id=team.id, text="Lunch?", post=new_id())
    for stranger in (actor_for(make_user("eve", "perm_support_allowed")), admin):
        with pytest.raises(Refused):
            post_message(stranger, team_id=team.id, text="Me too", post=new_id())
        assert visible_messages(stranger.subject, service.now_ms()) == []
    teams.set_members(SYSTEM, team_id=team.id, members={})
    with pytest.raises(Refused):
        post_message(member(rep), team_id=team.id, text="Still here", post=new_id())


@pytest.mark.parametrize("text", ["", " \n ", "x" * 4097, "a\x00b", "\x1b[31m"])
def test_what_cannot_be_shown_is_refused(rep: Actor, team: Any, text: str) -> None:
    with pytest.raises(Invalid):
        post_message(member(rep), team_id=team.id, text=text, post=new_id())


def test_a_week_is_kept(rep: Actor, team: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    monkeypatch.setattr(service, "_clock", clock)
    actor = member(rep)
    post_message(actor, team_id=team.id, text="Old", post=new_id())
    clock.advance(SHOWN_MS / 1000 - 1)
    post_message(actor, team_id=team.id, text="New", post=new_id())
    assert expire_messages(SYSTEM) == 0
    clock.advance(2)
    assert [one["text"] for one in visible_messages(actor.subject, clock.now_ms())] == ["New"]
    assert expire_messages(SYSTEM) == 1
    assert [one.text for one in TeamMessage.objects.all()] == ["New"]


def test_a_star_is_remembered(rep: Actor, team: Any, make_user: Any) -> None:
    actor = member(rep)

    def taken() -> Snapshot:
        return {"favourites": {one["id"]: one for one in favourites_of(actor.subject.id)}}

    with proven(taken):
        set_favourite(actor, team_id=team.id, favourite=True)
    with proven(taken, expect_events=False):
        set_favourite(actor, team_id=team.id, favourite=True)
    assert favourites_of(actor.subject.id) == [{"id": f"team:{team.id}", "topic": f"user:{actor.subject.id}"}]
    with proven(taken):
        set_favourite(actor, team_id=team.id, favourite=False)
    with pytest.raises(Refused):
        set_favourite(actor_for(make_user("eve")), team_id=team.id, favourite=True)


def test_the_console_asks_by_its_endpoints(rep: Actor, team: Any, sign_in: Any) -> None:
    browser: Client = sign_in(rep.user)
    here = f"/api/console/teams/{team.id}"

    def post(path: str, body: dict[str, Any]) -> Any:
        return browser.post(f"{here}/{path}", body, content_type="application/json")

    assert post("messages", {"text": "Lunch?", "post": new_id()}).status_code == 200
    assert post("favourite", {"favourite": True}).status_code == 200
    assert post("messages", {"text": "x" * 5000, "post": new_id()}).status_code == 400
    assert post("favourite", {"favourite": "yes"}).status_code == 400
    collections = browser.get("/api/console/snapshot").json()["collections"]
    assert [one["text"] for one in collections["team_chat"]] == ["Lunch?"]
    assert [one["id"] for one in collections["favourites"]] == [f"team:{team.id}"]
