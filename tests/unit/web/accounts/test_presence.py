"""Who has a console open: as the relay says it, with a grace for those who come back."""

from typing import Any

import pytest

from farhand.kit.ids import new_id
from farhand.web.accounts import presence, queries, services, teams
from farhand.web.project import service
from farhand.web.project.service import SYSTEM, Refused

pytestmark = pytest.mark.django_db


def test_messages_and_the_whole_list(make_user: Any) -> None:
    one, two = make_user("one"), make_user("two")
    presence.note(SYSTEM, user_id=one.id, here=True)
    presence.note(SYSTEM, user_id=one.id, here=True)
    presence.note(SYSTEM, user_id=new_id(), here=True)  # an account that was removed meanwhile
    assert queries.signed_in() == {one.id}
    presence.replace(SYSTEM, user_ids=[two.id, new_id()])
    assert queries.signed_in() == {two.id}
    presence.note(SYSTEM, user_id=two.id, here=False)
    presence.replace(SYSTEM, user_ids=[])
    assert queries.signed_in() == set()
    presence.replace(SYSTEM, user_ids=[one.id, two.id])
    services.disable_user(SYSTEM, user_id=two.id, disabled=True)
    assert queries.signed_in() == {one.id}


def test_nobody_else_says_so(rep: Any) -> None:
    for wish in (
        lambda: presence.note(rep, user_id=rep.subject.id, here=True),
        lambda: presence.replace(rep, user_ids=[rep.subject.id]),
    ):
        with pytest.raises(Refused):
            wish()


def test_a_queue_is_attended_a_while_longer(make_user: Any) -> None:
    lead = make_user("lead")
    team = teams.create_team(SYSTEM, name="Desk")
    teams.set_members(SYSTEM, team_id=team.id, members={lead.id: "lead"})
    queue, now = f"team:{team.id}", service.now_ms()
    assert not queries.is_attended(queue, 0)
    presence.note(SYSTEM, user_id=lead.id, here=True)
    assert queries.is_attended(queue, now + 10**9)
    assert queries.is_attended(f"user:{lead.id}", now + 10**9)
    presence.note(SYSTEM, user_id=lead.id, here=False)
    assert queries.is_attended(queue, now - 1)
    assert not queries.is_attended(queue, service.now_ms() + 1)


def test_only_who_was_named_for_it_is_listed(make_user: Any) -> None:
    shown = make_user("shown", "perm_support_allowed", "perm_show_on_public_list")
    away = make_user("away", "perm_support_allowed", "perm_show_on_public_list")
    idle = make_user("idle", "perm_show_on_public_list")
    admin = make_user("boss", "perm_admin")
    presence.replace(SYSTEM, user_ids=[shown.id, idle.id, admin.id])
    assert queries.listed_representatives() == [queries.Person(id=shown.id, name="Shown")]
    assert queries.listed_representatives([away.id, admin.id]) == []
