"""Access that changes reaches what is running: legs end, event sockets are closed, nothing else is touched."""

from typing import Any

import pytest
from tests.unit.web.accounts.snapshot import snapshot as accounts_snapshot
from tests.unit.web.conftest import Bus, actor_for
from tests.unit.web.snapshots import proven
from tests.unit.web.support.helpers import Desk, jumped, snapshot, waiting

from farhand.kit.clock import FakeClock
from farhand.protocol.actions import ACTIONS
from farhand.protocol.bus import LegState, ListenersEnd, SessionEnd, SessionPut
from farhand.protocol.channels import Grant
from farhand.protocol.messages import Limits
from farhand.rules.group_policies import Definition
from farhand.rules.sessions import CUSTOMER_GRACE_MS
from farhand.web.accounts import group_policies as policies
from farhand.web.accounts import services as accounts
from farhand.web.accounts import teams
from farhand.web.accounts.limits import FileLimits
from farhand.web.appliance import services as appliance
from farhand.web.appliance.queries import RECONNECT_TIMEOUT
from farhand.web.events.models import AuditRow
from farhand.web.jump import services as jump
from farhand.web.project.service import SYSTEM, Actor, Invalid, Refused
from farhand.web.support import collaboration, services, worker_services
from farhand.web.support.models import Session

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("commits")]
SUPPORT = ("perm_support_allowed", "perm_access_allowed", "perm_generate_session_key", "perm_jump_client")


def accepted(rep: Actor, anonymous: Actor) -> str:
    """A support session in which `rep` is, with two tabs."""
    session_id, _endpoint = waiting(rep, anonymous)
    services.accept(rep, session_id=session_id, tab="one")
    services.console_ticket(rep, session_id=session_id, tab="two")
    return session_id


def legs_at_relay(relay_bus: Bus, session_id: str) -> list[int]:
    """The legs that the relay was last told of."""
    puts = [m.session for m in relay_bus.sent if isinstance(m, SessionPut) and m.session.session_id == session_id]
    return [leg.leg for leg in puts[-1].legs]


def closed(relay_bus: Bus) -> list[str | None]:
    """Whose event sockets were closed."""
    return [message.user_id for message in relay_bus.sent if isinstance(message, ListenersEnd)]


def test_a_permission_that_is_taken_ends_the_legs(rep: Actor, anonymous: Actor, relay_bus: Bus, make_user: Any) -> None:
    session_id = accepted(rep, anonymous)
    other = actor_for(make_user("other", *SUPPORT))
    untouched = accepted(other, anonymous)
    relay_bus.sent.clear()
    accounts.edit_user(
        SYSTEM, user_id=rep.subject.id, display_name="Rep", permissions=[*rep.user.permissions, "perm_edit_sd_teams"]
    )
    assert closed(relay_bus) == []  # more is no less
    accounts.edit_user(SYSTEM, user_id=rep.subject.id, display_name="Rep", permissions=["perm_jump_client"])
    assert legs_at_relay(relay_bus, session_id) == [1]
    assert closed(relay_bus) == [rep.subject.id]
    session = Session.objects.get(id=session_id)
    assert (session.state, session.queue, session.members) == ("waiting", f"user:{rep.subject.id}", [])
    assert not session.legs.filter(user_id=rep.subject.id, left_ms=None).exists()
    event = session.events.get(source="web", kind="left")
    assert event.data == {"by": "Rep", "reason": "access-removed"}
    assert Session.objects.get(id=untouched).state == "active"
    assert [m.session.session_id for m in relay_bus.sent if isinstance(m, SessionPut)] == [session_id]


def test_a_group_policy_that_is_taken_ends_the_legs(
    admin: Actor, anonymous: Actor, relay_bus: Bus, make_user: Any
) -> None:
    """What a policy gives and takes reaches running sessions as what an account itself has does."""
    user = make_user("rep")
    policy = policies.create_policy(admin, name="First line")

    def write(status: str, *members: str) -> None:
        names = [*(name for name in SUPPORT if "." not in name), "perm_session_shell"]
        given = {name: Definition(status="final", value="allow") for name in names}
        given["perm_session_shell"] = Definition(status="final", value=status)
        fields = policies.Fields(name="First line", definitions=given, members=members)
        policies.edit_policy(admin, policy_id=policy.id, fields=fields)

    write("allow", user.id)
    session_id = accepted(actor_for(user), anonymous)
    relay_bus.sent.clear()
    write("deny", user.id)
    legs = [m.session.legs for m in relay_bus.sent if isinstance(m, SessionPut)][-1]
    assert {leg.leg: leg.grants & Grant.SHELL for leg in legs}[2] == 0
    write("deny")
    assert legs_at_relay(relay_bus, session_id) == [1]
    assert closed(relay_bus) == [user.id] * 2
    assert Session.objects.get(id=session_id).state == "waiting"


def test_tools_come_and_go_in_a_running_session(rep: Actor, anonymous: Actor, relay_bus: Bus) -> None:
    """More as well as less, by account and by site, for consoles and for the endpoint; no console starts anew."""
    session_id = accepted(rep, anonymous)
    waits, _endpoint = waiting(rep, anonymous)
    relay_bus.sent.clear()

    def told(ident: str = session_id) -> dict[int, LegState]:
        puts = [m.session for m in relay_bus.sent if isinstance(m, SessionPut) and m.session.session_id == ident]
        return {leg.leg: leg for leg in puts[-1].legs}

    def edit(*permissions: str, limits: FileLimits | None = None) -> None:
        accounts.edit_user(
            SYSTEM,
            user_id=rep.subject.id,
            display_name="Rep",
            permissions=[*rep.user.permissions, *permissions],
            limits=limits,
        )

    edit("perm_session_files.download", "perm_session_clipboard.both", "perm_session_shell.deny")
    assert (
        told()[2].grants & (Grant.FILES_READ | Grant.FILES_WRITE | Grant.SHELL) == Grant.FILES_READ | Grant.FILES_WRITE
    )
    assert told()[2].grants == told()[3].grants
    edit("perm_session_files.download", "perm_session_clipboard.both", limits=FileLimits(files_read=("/srv",)))
    assert told()[2].grants & Grant.SHELL
    assert (told()[2].limits, told()[1].limits) == (Limits(files_read=["/srv"]), Limits())
    clipboard = Grant.CLIPBOARD_READ | Grant.CLIPBOARD_WRITE
    appliance.edit_security(SYSTEM, web_console=True, clipboard=False)
    assert [leg.grants & clipboard for leg in told().values()] == [0, 0, 0]
    assert told(waits)[1].grants & clipboard == 0
    appliance.edit_security(SYSTEM, web_console=True, clipboard=True)
    assert [leg.grants & clipboard for leg in told().values()] == [clipboard] * 3
    assert closed(relay_bus) == []


def test_a_switch_decides_whether_shells_are_recorded(rep: Actor, anonymous: Actor, relay_bus: Bus) -> None:
    def told() -> list[int]:
        puts = [m.session for m in relay_bus.sent if isinstance(m, SessionPut) and m.session.session_id == session_id]
        return [Grant(state.recorded) & Grant.SHELL for state in puts]

    session_id = accepted(rep, anonymous)
    assert told()[-1] == Grant.SHELL
    relay_bus.sent.clear()
    appliance.edit_security(SYSTEM, web_console=True, shell_recording=False)
    assert told() == [Grant.NONE], "a running session follows"
    appliance.edit_security(SYSTEM, web_console=True)
    assert told() == [Grant.NONE], "nothing new is nothing to tell"
    later, _endpoint = waiting(rep, anonymous)
    assert Session.objects.get(id=later).recorded == Grant.SCREEN_VIEW
    appliance.edit_security(SYSTEM, web_console=True, shell_recording=True)
    assert told() == [Grant.NONE, Grant.SHELL]


#
def test_special_actions_that_are_not_offered_any_more_reach_what_runs(
    rep: Actor, admin: Actor, anonymous: Actor, relay_bus: Bus
) -> None:
    session_id = accepted(rep, anonymous)
    relay_bus.sent.clear()

    def told() -> dict[int, list[str]]:
        (put,) = (one.session for one in relay_bus.sent if isinstance(one, SessionPut))
        relay_bus.sent.clear()
        assert put.session_id == session_id
        return {leg.leg: leg.limits.actions_off for leg in put.legs}

    appliance.choose_actions(admin, offered=[name for name in ACTIONS if name not in {"terminal", "lock-screen"}])
    assert told() == {1: [], 2: ["lock-screen", "terminal"], 3: ["lock-screen", "terminal"]}
    with pytest.raises(Invalid, match="no special action format-disk"):
        appliance.choose_actions(admin, offered=["format-disk"])
    with pytest.raises(Refused):
        appliance.choose_actions(rep, offered=[])
    appliance.choose_actions(admin, offered=ACTIONS)
    assert told() == {1: [], 2: [], 3: []}
    appliance.choose_actions(admin, offered=ACTIONS)
    assert not any(isinstance(one, SessionPut) for one in relay_bus.sent)
    assert AuditRow.objects.filter(action="appliance.actions.edit").count() == 4  # the refused one too


def test_a_disabled_user_is_out_of_everything(rep: Actor, anonymous: Actor, relay_bus: Bus) -> None:
    session_id = accepted(rep, anonymous)
    _actor, jump_id, _group, _agent = jumped(rep, anonymous)
    relay_bus.sent.clear()
    accounts.disable_user(SYSTEM, user_id=rep.subject.id, disabled=True)
    ends = {message.session_id: message.reason for message in relay_bus.sent if isinstance(message, SessionEnd)}
    assert ends == {session_id: "removed", jump_id: "removed"}  # nobody could ever take them up again
    assert closed(relay_bus) == [rep.subject.id]
    relay_bus.sent.clear()
    accounts.disable_user(SYSTEM, user_id=rep.subject.id, disabled=False)
    assert closed(relay_bus) == []


def test_what_waits_for_a_disabled_user_does_not_wait_for_ever(desk: Desk, anonymous: Actor, relay_bus: Bus) -> None:
    """A customer who waits, and a session that was paused while a guest stayed in it (R-255)."""
    waits, _endpoint = waiting(desk.rep, anonymous)
    paused, from_team = desk.joined(anonymous, desk.ann), waiting(desk.rep, anonymous)[0]
    collaboration.transfer(desk.rep, session_id=from_team, target=f"team:{desk.team}")
    services.accept(desk.rep, session_id=from_team, tab="rep")
    for session_id in (paused, from_team):
        services.pause(desk.rep, session_id=session_id)
    with proven(lambda: snapshot() | accounts_snapshot()):
        accounts.disable_user(SYSTEM, user_id=desk.bob.subject.id, disabled=True)
        appliance.edit_security(SYSTEM, web_console=True, clipboard=False)
    assert set(Session.objects.values_list("state", flat=True)) == {"waiting"}
    with proven(lambda: snapshot() | accounts_snapshot()):
        accounts.disable_user(SYSTEM, user_id=desk.rep.subject.id, disabled=True)
    ends = {message.session_id: message.reason for message in relay_bus.sent if isinstance(message, SessionEnd)}
    assert ends == {waits: "removed", paused: "removed"}, "nobody could ever take them up"
    session = Session.objects.get(id=from_team)
    assert (session.state, session.queue, session.owner_id) == ("waiting", f"team:{desk.team}", None)
    services.accept(desk.ann, session_id=from_team, tab="ann")


def test_the_console_switch_leaves_what_waits(rep: Actor, anonymous: Actor) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    appliance.edit_security(SYSTEM, web_console=False)
    assert Session.objects.get(id=session_id).state == "waiting"


def test_a_paused_jump_ends_with_the_role_for_it(rep: Actor, anonymous: Actor) -> None:
    actor, session_id, group, _agent = jumped(rep, anonymous)
    services.pause(actor, session_id=session_id)
    jump.set_members(SYSTEM, group_id=group, roles={rep.subject.id: "no_access"})
    session = Session.objects.get(id=session_id)
    assert (session.state, session.end_reason) == ("ended", "removed")


@pytest.mark.parametrize("how", ["disabled", "less"])
def test_nobody_stays_invited_who_could_not_come(desk: Desk, anonymous: Actor, how: str) -> None:
    transferred, shared = desk.session(anonymous), desk.session(anonymous)
    for session_id in (transferred, shared):
        collaboration.share(desk.rep, session_id=session_id, target=desk.queue(desk.bob))
    collaboration.transfer(desk.rep, session_id=transferred, target=desk.queue(desk.ann))
    collaboration.share(desk.rep, session_id=shared, target=desk.queue(desk.ann))
    with proven(lambda: snapshot() | accounts_snapshot()):
        if how == "disabled":
            accounts.disable_user(SYSTEM, user_id=desk.ann.subject.id, disabled=True)
        else:
            accounts.edit_user(SYSTEM, user_id=desk.ann.subject.id, display_name="Ann", permissions=[])
    for session_id, kind in ((transferred, "transfer-cancelled"), (shared, "invitation-cancelled")):
        session = Session.objects.get(id=session_id)
        assert [one.target for one in session.invitations.all()] == [desk.queue(desk.bob)]
        assert session.events.get(kind=kind).data == {"to": "Ann"}
    services.leave(desk.rep, session_id=transferred)
    session = Session.objects.get(id=transferred)
    assert (session.state, session.queue) == ("waiting", desk.queue(desk.rep)), "not where nobody sees it"


def test_the_console_switch_empties_all_consoles(rep: Actor, admin: Actor, anonymous: Actor, relay_bus: Bus) -> None:
    session_id = accepted(rep, anonymous)
    relay_bus.sent.clear()
    appliance.edit_security(admin, web_console=True)
    assert closed(relay_bus) == []
    appliance.edit_security(admin, web_console=False)
    assert closed(relay_bus) == [None]
    assert legs_at_relay(relay_bus, session_id) == [1]
    assert Session.objects.get(id=session_id).state == "waiting"
    appliance.edit_security(admin, web_console=True)
    assert services.accept(rep, session_id=session_id, tab="one").leg == 4


def test_a_jump_group_role_that_is_taken_ends_the_jump(rep: Actor, anonymous: Actor, relay_bus: Bus) -> None:
    actor, session_id, group, _agent = jumped(rep, anonymous)
    relay_bus.sent.clear()
    jump.set_members(SYSTEM, group_id=group, roles={rep.subject.id: "administrator"})
    assert Session.objects.get(id=session_id).state == "active"
    jump.set_members(SYSTEM, group_id=group, roles={rep.subject.id: "no_access"})
    assert [m.reason for m in relay_bus.sent if isinstance(m, SessionEnd)] == ["removed"]
    assert rep.subject.id in closed(relay_bus)
    with pytest.raises(Refused):
        services.console_ticket(actor_for(actor.user), session_id=session_id, tab="t")


def test_a_team_that_is_left_is_heard_no_more(rep: Actor, anonymous: Actor, relay_bus: Bus) -> None:
    session_id = accepted(rep, anonymous)
    team = teams.create_team(SYSTEM, name="Desk")
    teams.set_members(SYSTEM, team_id=team.id, members={rep.subject.id: "member"})
    assert closed(relay_bus) == []
    teams.set_members(SYSTEM, team_id=team.id, members={})
    assert closed(relay_bus) == [rep.subject.id]
    teams.set_members(SYSTEM, team_id=team.id, members={rep.subject.id: "member"})
    teams.remove_team(SYSTEM, team_id=team.id)
    assert closed(relay_bus) == [rep.subject.id] * 2
    assert Session.objects.get(id=session_id).state == "active"


def test_a_new_password_ends_the_event_sockets(rep: Actor, relay_bus: Bus) -> None:
    accounts.set_password(SYSTEM, user_id=rep.subject.id, password="another horse battery")
    assert closed(relay_bus) == [rep.subject.id]


def test_a_customer_who_stays_away_ends_the_session(
    rep: Actor, anonymous: Actor, relay_bus: Bus, clock: FakeClock
) -> None:
    session_id = accepted(rep, anonymous)

    def is_there(there: bool) -> None:
        worker_services.note_leg(SYSTEM, session_id=session_id, leg=1, connected=there)

    is_there(True)
    clock.advance(3600)
    assert not worker_services.end_abandoned(SYSTEM, session_id=session_id)
    is_there(False)
    clock.advance(CUSTOMER_GRACE_MS / 1000 - 1)
    is_there(False)  # said again: the time runs on
    assert not worker_services.end_abandoned(SYSTEM, session_id=session_id)
    is_there(True)
    is_there(False)
    clock.advance(CUSTOMER_GRACE_MS / 1000)
    assert not worker_services.end_abandoned(SYSTEM, session_id=session_id)
    clock.advance(1)
    assert worker_services.end_abandoned(SYSTEM, session_id=session_id)
    assert not worker_services.end_abandoned(SYSTEM, session_id=session_id)
    session = Session.objects.get(id=session_id)
    assert (session.state, session.end_reason) == ("ended", "customer-lost")
    assert [message.reason for message in relay_bus.sent if isinstance(message, SessionEnd)] == ["customer-lost"]


def test_the_site_may_wait_longer_and_a_jump_waits_for_ever(rep: Actor, anonymous: Actor, clock: FakeClock) -> None:
    session_id, _endpoint = waiting(rep, anonymous)
    _actor, jump_id, _group, _agent = jumped(rep, anonymous)
    appliance.put_setting(RECONNECT_TIMEOUT, 900)
    clock.advance(890)
    assert not worker_services.end_abandoned(SYSTEM, session_id=session_id)
    clock.advance(20)
    assert not worker_services.end_abandoned(SYSTEM, session_id=jump_id)
    assert worker_services.end_abandoned(SYSTEM, session_id=session_id)  # its client never came
