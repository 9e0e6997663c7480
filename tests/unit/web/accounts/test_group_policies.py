"""Group policies: who may write them, what their members get, and that events tell it all."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.web.accounts.snapshot import snapshot
from tests.unit.web.conftest import actor_for
from tests.unit.web.snapshots import proven

from farhand.rules.group_policies import Definition
from farhand.web.accounts import group_policies as policies
from farhand.web.accounts import queries, services, teams
from farhand.web.accounts.group_policies import Fields
from farhand.web.accounts.models import GroupPolicy, User
from farhand.web.events.models import AuditRow
from farhand.web.jump import services as jump
from farhand.web.project.service import SYSTEM, Actor, Conflict, Invalid, Refused

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Any]


def said(**given: str) -> dict[str, Definition]:
    """Definitions in short: `said(perm_admin="final:allow")`."""
    split = {name: text.split(":") for name, text in given.items()}
    return {name: Definition(status=status, value=value) for name, (status, value) in split.items()}  # type: ignore[arg-type]


def make(actor: Actor, name: str, **fields: Any) -> GroupPolicy:
    """A policy that is written."""
    policy = policies.create_policy(actor, name=name)
    return policies.edit_policy(
        actor, policy_id=policy.id, fields=Fields(**{"name": name, "position": policy.position, **fields})
    )


def me(ident: str) -> User:
    """A user as stored."""
    return User.objects.get(id=ident)


def test_members_get_what_is_defined_and_it_is_told(admin: Actor, make_user: MakeUser) -> None:
    rep, other = make_user("rep"), make_user("other", "perm_jump_client")
    team = teams.create_team(admin, name="Desk")
    with proven(snapshot):
        policy = make(
            admin,
            "First line",
            definitions=said(perm_support_allowed="defined:allow", perm_jump_client="final:deny"),
            members=[rep.id, other.id],
            teams={team.id: "lead"},
        )
    assert me(rep.id).may("perm_support_allowed")
    assert not me(other.id).may("perm_jump_client")
    subject = queries.subject_of(me(rep.id))
    assert (subject.teams, subject.led_teams) == ({team.id}, {team.id})
    assert queries.people_of([team.id]) == {rep.id, other.id}
    assert [found.id for found in queries.teams_of(rep.id)] == [team.id]
    with proven(snapshot):
        services.edit_user(admin, user_id=rep.id, display_name="Rep", permissions=["perm_support_allowed.deny"])
    assert not me(rep.id).may("perm_support_allowed")
    with proven(snapshot):
        policies.remove_policy(admin, policy_id=policy.id)
    assert me(other.id).may("perm_jump_client")
    assert queries.team_roles(rep.id) == {}


def test_the_order_counts(admin: Actor, make_user: MakeUser) -> None:
    rep = make_user("rep")
    first = make(admin, "First", definitions=said(perm_jump_client="defined:allow"), members=[rep.id])
    second = make(admin, "Second", definitions=said(perm_jump_client="defined:deny"), members=[rep.id])
    assert not me(rep.id).may("perm_jump_client")
    policies.edit_policy(
        admin,
        policy_id=second.id,
        fields=Fields(name="Second", position=1, definitions=said(perm_jump_client="defined:deny"), members=[rep.id]),
    )
    assert me(rep.id).may("perm_jump_client")
    assert [policy.id for policy in queries.group_policies()] == [second.id, first.id]


def test_roles_in_jump_groups_are_added(admin: Actor, make_user: MakeUser) -> None:
    rep, group = make_user("rep"), jump.create_group(admin, name="Servers")
    policy = make(admin, "Servers", members=[rep.id], jump_groups={group.id: "start_sessions"})
    assert queries.subject_of(rep).groups == {group.id: "start_sessions"}
    jump.set_members(admin, group_id=group.id, roles={rep.id: "administrator"})
    assert queries.subject_of(rep).groups == {group.id: "administrator"}
    for wrong in ({group.id: "king"}, {"nowhere": "administrator"}):
        with pytest.raises(Invalid):
            policies.edit_policy(admin, policy_id=policy.id, fields=Fields(name="S", jump_groups=wrong))


def test_only_administrators_write_policies(make_user: MakeUser, admin: Actor) -> None:
    weak = actor_for(make_user("weak", "perm_set_passwords", "perm_edit_sd_teams"))
    policy = make(admin, "One")
    for call in (
        lambda: policies.create_policy(weak, name="Two"),
        lambda: policies.edit_policy(weak, policy_id=policy.id, fields=Fields(name="One")),
        lambda: policies.remove_policy(weak, policy_id=policy.id),
    ):
        with pytest.raises(Refused):
            call()
    boss = make_user("boss")
    make(admin, "Bosses", definitions=said(perm_admin="defined:allow"), members=[boss.id])
    with pytest.raises(Refused):  # by the policy this account is stronger than one's own
        services.set_password(weak, user_id=boss.id, password="another long password")


def test_the_last_administrator_stays_one(admin: Actor, make_user: MakeUser) -> None:
    with pytest.raises(Conflict):
        make(admin, "Nobody", definitions=said(perm_admin="final:deny"), members=[admin.subject.id])
    boss = make_user("boss")
    policy = make(admin, "Bosses", definitions=said(perm_admin="final:allow"), members=[boss.id])
    services.edit_user(SYSTEM, user_id=admin.subject.id, display_name="Admin", permissions=[])
    with pytest.raises(Conflict):
        policies.remove_policy(SYSTEM, policy_id=policy.id)
    with pytest.raises(Conflict):
        services.disable_user(SYSTEM, user_id=boss.id, disabled=True)


def test_what_is_wrong_is_said(admin: Actor) -> None:
    policy = make(admin, "One")
    make(admin, "Two")
    for fields, field in (
        (Fields(name="two"), "name"),
        (Fields(name="One", definitions=said(perm_admin="final:control")), "perm_admin"),
        (Fields(name="One", members=["nobody"]), "members"),
        (Fields(name="One", teams={"nowhere": "member"}), "teams"),
        (Fields(name="One", teams={"nowhere": "king"}), "teams"),
    ):
        with pytest.raises(Invalid) as error:
            policies.edit_policy(admin, policy_id=policy.id, fields=fields)
        assert error.value.field == field
    rows = AuditRow.objects.filter(action="accounts.group_policy.edit", outcome="done")
    assert rows.count() == 2


def test_a_new_order_leaves_what_others_change_alone(admin: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (policies.create_policy(admin, name=name) for name in ("First", "Second"))
    saved: list[tuple[str, Any]] = []
    save = GroupPolicy.save

    def noted(self: GroupPolicy, *args: Any, **how: Any) -> None:
        saved.append((self.name, how.get("update_fields")))
        save(self, *args, **how)

    monkeypatch.setattr(GroupPolicy, "save", noted)
    policies.edit_policy(admin, policy_id=second.id, fields=Fields(name="Second", position=1))
    assert ("First", ["position"]) in saved
    assert [one.id for one in GroupPolicy.objects.order_by("position")] == [second.id, first.id]
