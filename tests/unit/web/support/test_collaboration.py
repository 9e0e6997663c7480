"""Sharing and passing on sessions: who may, who is listed, what consoles and relay are told, and who is too late."""

from typing import Any

import pytest
from tests.unit.web.accounts.snapshot import snapshot as accounts_snapshot
from tests.unit.web.conftest import Bus, actor_for
from tests.unit.web.snapshots import Snapshot, proven
from tests.unit.web.support.helpers import SUPPORT, Desk, jumped, snapshot, waiting

from farhand.kit.clock import FakeClock
from farhand.protocol.bus import LegEnd, SessionEnd, SessionPut
from farhand.rules.sessions import CONSOLE_GRACE_MS
from farhand.web.accounts import presence, teams
from farhand.web.accounts import services as accounts
from farhand.web.events.models import AuditRow
from farhand.web.jump import services as jump
from farhand.web.mail import services as mail
from farhand.web.mail.models import Message
from farhand.web.mail.queries import letter_of
from farhand.web.project import service
from farhand.web.project.service import SYSTEM, Actor, Conflict, Invalid, NotThere, Refused
from farhand.web.routing import services as routing
from farhand.web.support import collaboration, queries, services, targets, tickets, worker_services
from farhand.web.support.models import Invitation, Session

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("commits")]


def row(session_id: str) -> Session:
    """The session as it is stored."""
    return Session.objects.get(id=session_id)


def everything() -> Snapshot:
    """What consoles see of accounts, too."""
    return snapshot() | accounts_snapshot()


def kinds(session_id: str) -> list[str]:
    """What the report names, in order, of what the control plane did."""
    return [queries.event_name(one) for one in queries.history(session_id).filter(source="web")]


#
def test_a_named_person_is_invited_joins_and_is_a_guest(desk: Desk, anonymous: Actor, relay_bus: Bus) -> None:
    session_id = desk.session(anonymous)
    with proven(snapshot):
        collaboration.share(desk.rep, session_id=session_id, target=desk.queue(desk.ann))
    (seen,) = queries.visible_invitations(desk.ann.subject)
    assert (seen["kind"], seen["sender_name"], seen["session_id"]) == ("share", "Rep", session_id)
    assert queries.visible_invitations(desk.bob.subject) == []
    assert queries.visible_sessions(desk.ann.subject) == []
    with proven(snapshot):
        ticket = collaboration.accept_invitation(desk.ann, session_id=session_id, invitation_id=seen["id"], tab="t")
    assert [one["name"] for one in ticket.session["members"]] == ["Rep", "Ann"]
    session = row(session_id)
    assert (session.owner_id, session.guests) == (desk.rep.subject.id, [desk.ann.subject.id])
    (mine,) = queries.visible_sessions(desk.ann.subject)
    assert (mine["topic"], mine["queue"]) == (desk.queue(desk.ann), desk.queue(desk.rep))
    assert queries.visible_invitations(desk.ann.subject) == []
    states = [m.session for m in relay_bus.sent if isinstance(m, SessionPut)]
    assert [leg.name for leg in states[-1].legs] == ["customer", "Rep", "Ann"]
    with pytest.raises(NotThere, match="not open any more"):
        collaboration.accept_invitation(desk.ann, session_id=session_id, invitation_id=seen["id"], tab="t")
    # a guest decides nothing
    for change in (
        lambda: collaboration.share(desk.ann, session_id=session_id, target=desk.queue(desk.bob)),
        lambda: collaboration.transfer(desk.ann, session_id=session_id, target=f"team:{desk.team}"),
        lambda: collaboration.remove_member(desk.ann, session_id=session_id, user_id=desk.rep.subject.id),
        lambda: services.pause(desk.ann, session_id=session_id),
        lambda: services.end_session(desk.ann, session_id=session_id),
    ):
        with pytest.raises(Refused, match=r"[Oo]nly the owner"):
            change()
    with proven(snapshot):
        services.leave(desk.ann, session_id=session_id)
    assert (row(session_id).state, row(session_id).members) == ("active", [desk.rep.subject.id])
    assert queries.visible_sessions(desk.ann.subject) == []


#
def test_any_representative_of_a_team_joins_and_the_second_is_too_late(desk: Desk, anonymous: Actor) -> None:
    session_id = desk.session(anonymous)
    for _ in range(2):
        collaboration.share(desk.rep, session_id=session_id, target=f"team:{desk.team}")
    first, second = (one["id"] for one in queries.visible_invitations(desk.ann.subject))
    with pytest.raises(Refused, match="somebody else"):
        collaboration.accept_invitation(desk.eve, session_id=session_id, invitation_id=first, tab="t")
    with pytest.raises(Conflict, match="by name"):
        collaboration.decline_invitation(desk.ann, session_id=session_id, invitation_id=first)
    collaboration.accept_invitation(desk.ann, session_id=session_id, invitation_id=first, tab="t")
    with pytest.raises(NotThere, match="not open any more"):
        collaboration.accept_invitation(desk.bob, session_id=session_id, invitation_id=first, tab="t")
    with pytest.raises(Conflict, match="in this session already"):
        collaboration.accept_invitation(desk.ann, session_id=session_id, invitation_id=second, tab="t")
    collaboration.accept_invitation(desk.bob, session_id=session_id, invitation_id=second, tab="t")
    assert len(row(session_id).members) == 3


#
@pytest.mark.parametrize("to_team", [False, True])
def test_a_transfer_passes_the_session_on_when_accepted(desk: Desk, anonymous: Actor, to_team: bool) -> None:
    session_id = desk.session(anonymous)
    target = f"team:{desk.team}" if to_team else desk.queue(desk.ann)
    collaboration.share(desk.rep, session_id=session_id, target=desk.queue(desk.bob))
    with proven(snapshot):
        collaboration.transfer(desk.rep, session_id=session_id, target=target)
    assert row(session_id).owner_id == desk.rep.subject.id
    with pytest.raises(Conflict, match="being transferred already"):
        collaboration.transfer(desk.rep, session_id=session_id, target=target)
    with proven(snapshot):
        collaboration.accept_invitation(
            desk.ann, session_id=session_id, invitation_id=desk.invited(session_id), tab="t"
        )
    session = row(session_id)
    assert (session.owner_id, session.queue) == (desk.ann.subject.id, desk.queue(desk.ann))
    assert session.members == [desk.rep.subject.id, desk.ann.subject.id]
    assert not session.invitations.exists()
    assert kinds(session_id)[-3:] == [
        "Session Transferred To Queue",
        "Session Transferred Away From Queue",
        "Conference Owner Changed",
    ]
    with pytest.raises(Refused, match="Only the owner"):
        collaboration.transfer(desk.rep, session_id=session_id, target=target)
    services.console_ticket(desk.rep, session_id=session_id, tab="another")  # stays, without any permission for it
    services.leave(desk.rep, session_id=session_id)
    assert row(session_id).state == "active"
    services.end_session(desk.ann, session_id=session_id)


#
def test_a_waiting_session_is_moved_to_another_queue(desk: Desk, anonymous: Actor) -> None:
    session_id, _endpoint = waiting(desk.rep, anonymous)
    with pytest.raises(Refused, match="not in one of your queues"):
        collaboration.transfer(desk.ann, session_id=session_id, target=f"team:{desk.team}")
    with proven(snapshot):
        collaboration.transfer(desk.rep, session_id=session_id, target=f"team:{desk.team}")
    with pytest.raises(Conflict, match="in this queue already"):
        collaboration.transfer(desk.ann, session_id=session_id, target=f"team:{desk.team}")
    with pytest.raises(Conflict, match="in this team's queue"):
        teams.remove_team(SYSTEM, team_id=desk.team)
    with proven(snapshot):
        collaboration.transfer(desk.ann, session_id=session_id, target=desk.queue(desk.bob))
    services.accept(desk.bob, session_id=session_id, tab="t")
    with pytest.raises(Refused):
        collaboration.transfer(desk.rep, session_id=session_id, target=f"team:{desk.team}")


#
def test_invitations_are_withdrawn_declined_and_never_doubled(desk: Desk, anonymous: Actor) -> None:
    session_id = desk.session(anonymous)
    collaboration.share(desk.rep, session_id=session_id, target=desk.queue(desk.ann))
    with pytest.raises(Conflict, match="invited already"):
        collaboration.share(desk.rep, session_id=session_id, target=desk.queue(desk.ann))
    invitation = desk.invited(session_id)
    with pytest.raises(Refused):
        collaboration.cancel_invitation(desk.ann, session_id=session_id, invitation_id=invitation)
    with pytest.raises(Refused, match="somebody else"):
        collaboration.decline_invitation(desk.bob, session_id=session_id, invitation_id=invitation)
    with proven(snapshot):
        collaboration.cancel_invitation(desk.rep, session_id=session_id, invitation_id=invitation)
    with pytest.raises(Conflict, match="not open any more"):
        collaboration.cancel_invitation(desk.rep, session_id=session_id, invitation_id=invitation)
    collaboration.transfer(desk.rep, session_id=session_id, target=desk.queue(desk.ann))
    with proven(snapshot):
        collaboration.decline_invitation(desk.ann, session_id=session_id, invitation_id=desk.invited(session_id))
    assert row(session_id).owner_id == desk.rep.subject.id
    for end in (
        lambda: services.end_session(desk.rep, session_id=session_id),
        lambda: services.pause(desk.rep, session_id=desk.session(anonymous)),
    ):
        ids = [session_id]
        with proven(snapshot):
            end()
        assert not Invitation.objects.filter(session_id__in=ids).exists()


#
def test_the_owner_removes_a_member(desk: Desk, anonymous: Actor, relay_bus: Bus) -> None:
    session_id = desk.joined(anonymous, desk.ann)
    with proven(snapshot):
        collaboration.remove_member(desk.rep, session_id=session_id, user_id=desk.ann.subject.id)
    assert [(m.leg, m.reason) for m in relay_bus.sent if isinstance(m, LegEnd)] == [(3, "removed")]
    states = [m.session for m in relay_bus.sent if isinstance(m, SessionPut)]
    assert [leg.leg for leg in states[-1].legs] == [1, 2]
    with pytest.raises(Conflict, match="not in the session any more"):
        collaboration.remove_member(desk.rep, session_id=session_id, user_id=desk.ann.subject.id)
    with pytest.raises(Conflict, match="cannot remove yourself"):
        collaboration.remove_member(desk.rep, session_id=session_id, user_id=desk.rep.subject.id)
    with pytest.raises(Refused):
        services.console_ticket(desk.ann, session_id=session_id, tab="t")


#
def test_the_owner_goes_on_without_the_customer(desk: Desk, anonymous: Actor, relay_bus: Bus, clock: FakeClock) -> None:
    session_id = desk.joined(anonymous, desk.ann)
    with pytest.raises(Refused, match="Only the owner"):
        collaboration.disconnect_customer(desk.ann, session_id=session_id)
    relay_bus.sent.clear()
    with proven(snapshot):
        collaboration.disconnect_customer(desk.rep, session_id=session_id)
    assert [(m.leg, m.reason) for m in relay_bus.sent if isinstance(m, LegEnd)] == [(1, "removed")]
    states = [m.session for m in relay_bus.sent if isinstance(m, SessionPut)]
    assert [leg.leg for leg in states[-1].legs] == [2, 3]
    clock.advance(3600)
    assert not worker_services.end_abandoned(SYSTEM, session_id=session_id)
    assert row(session_id).state == "active"
    with pytest.raises(Conflict, match="disconnected already"):
        collaboration.disconnect_customer(desk.rep, session_id=session_id)
    assert kinds(session_id)[-1] == "Conference Member Departed"
    # When the last representative goes, nobody is left who could end it.
    services.leave(desk.ann, session_id=session_id)
    assert row(session_id).state == "active"
    with proven(snapshot):
        services.leave(desk.rep, session_id=session_id)
    assert (row(session_id).state, row(session_id).end_reason) == ("ended", "customer-lost")
    ends = [(m.session_id, m.reason) for m in relay_bus.sent if isinstance(m, SessionEnd)]
    assert ends == [(session_id, "customer-lost")]


#
def test_a_guest_is_told_what_was_said_in_the_last_minutes(
    desk: Desk, anonymous: Actor, relay_bus: Bus, clock: FakeClock
) -> None:
    session_id = desk.session(anonymous)
    clock.advance(3600)
    came = service.now_ms()
    collaboration.share(desk.rep, session_id=session_id, target=desk.queue(desk.ann))
    collaboration.accept_invitation(desk.ann, session_id=session_id, invitation_id=desk.invited(session_id), tab="1")
    clock.advance(3600)
    services.console_ticket(desk.ann, session_id=session_id, tab="2")
    state = [m.session for m in relay_bus.sent if isinstance(m, SessionPut)][-1]
    since = came - tickets.GUEST_HISTORY_MS
    assert [leg.since_ms for leg in state.legs] == [0, 0, since, since]
    # Who was removed and is invited again is not told what was said in between.
    collaboration.remove_member(desk.rep, session_id=session_id, user_id=desk.ann.subject.id)
    assert not row(session_id).legs.filter(user_id=desk.ann.subject.id, left_ms=None).exists()
    clock.advance(3600)
    came = service.now_ms()
    collaboration.share(desk.rep, session_id=session_id, target=desk.queue(desk.ann))
    collaboration.accept_invitation(desk.ann, session_id=session_id, invitation_id=desk.invited(session_id), tab="1")
    state = [m.session for m in relay_bus.sent if isinstance(m, SessionPut)][-1]
    assert [leg.since_ms for leg in state.legs] == [0, 0, came - tickets.GUEST_HISTORY_MS]


#
def test_a_paused_session_waits_while_the_others_stay(desk: Desk, anonymous: Actor, relay_bus: Bus) -> None:
    session_id = desk.joined(anonymous, desk.ann)
    relay_bus.sent.clear()
    with proven(snapshot):
        services.pause(desk.rep, session_id=session_id)
    assert [(m.leg, m.reason) for m in relay_bus.sent if isinstance(m, LegEnd)] == [(2, "left")]
    session = row(session_id)
    assert (session.state, session.queue, session.members) == (
        "waiting", desk.queue(desk.rep), [desk.ann.subject.id],
    )  # fmt: skip
    services.console_ticket(desk.ann, session_id=session_id, tab="again")
    with proven(snapshot):
        services.accept(desk.rep, session_id=session_id, tab="rep")
    assert row(session_id).members == [desk.ann.subject.id, desk.rep.subject.id]
    services.pause(desk.rep, session_id=session_id)
    services.leave(desk.ann, session_id=session_id)
    assert (row(session_id).state, row(session_id).members) == ("waiting", [])


#
def test_who_has_extended_availability_is_invited_by_mail(desk: Desk, anonymous: Actor, sign_in: Any) -> None:
    session_id = desk.session(anonymous)
    ann = desk.ann.user

    def listed(purpose: str = "share") -> list[tuple[str, bool]]:
        people = targets.offered(desk.rep.subject, session_id, service.now_ms())[purpose]["representatives"]
        return [(one["name"], one["by_mail"]) for one in people]

    presence.note(SYSTEM, user_id=ann.id, here=False)
    with pytest.raises(Refused):
        accounts.set_available(desk.ann, on=True)
    accounts.edit_user(
        SYSTEM,
        user_id=ann.id,
        display_name="Ann",
        permissions=[*SUPPORT, "perm_extended_availability_mode_allowed"],
    )
    ann.refresh_from_db()
    with pytest.raises(Invalid, match="no mail address"):
        accounts.set_available(actor_for(ann), on=True)
    type(ann).objects.filter(id=ann.id).update(email="ann@example.com")
    accounts.set_available(actor_for(ann), on=True)
    assert listed() == [("Bob", False)], "there is no mail server"
    mail.edit_settings(
        SYSTEM, fields=mail.Fields(host="127.0.0.1", port=25, security="none", sender="help@example.com")
    )
    assert listed() == [("Ann", True), ("Bob", False)]
    assert listed("transfer") == [("Bob", False)], "a session is passed to who is there"
    collaboration.share(desk.rep, session_id=session_id, target=desk.queue(desk.ann))
    collaboration.share(desk.rep, session_id=session_id, target=desk.queue(desk.bob))
    letters = [letter_of(one) for one in Message.objects.all()]
    open_ = Invitation.objects.get(target=desk.queue(desk.ann))
    assert [one and (one.to, one.sender_name) for one in letters] == [("ann@example.com", "Rep")]
    assert letters[0]
    assert f"/login/invitations/{open_.id}" in letters[0].text

    browser = sign_in(ann)
    page = browser.get(f"/login/invitations/{open_.id}").content.decode()
    assert "Rep invites you into this session." in page
    assert sign_in(desk.bob.user).get(f"/login/invitations/{open_.id}").status_code == 404, "it is somebody else's"
    browser.post(f"/login/invitations/{open_.id}", {"off": "1"})
    assert not Invitation.objects.filter(id=open_.id).exists()
    over = browser.get(f"/login/invitations/{open_.id}")
    assert (over.status_code, b"This invitation is over" in over.content) == (404, True)
    assert listed() == [("Bob", False)]

    again = browser.post("/login/my-account/availability", {"extended_availability": "on"}, follow=True)
    assert b"Your extended availability has been saved." in again.content
    assert listed() == [("Ann", True), ("Bob", False)]
    presence.note(SYSTEM, user_id=ann.id, here=True)
    assert listed() == [("Ann", False), ("Bob", False)]


#
def test_only_who_is_here_and_could_come_is_listed(desk: Desk, anonymous: Actor, make_user: Any, admin: Actor) -> None:
    session_id = desk.session(anonymous)

    def names(actor: Actor, purpose: str) -> tuple[list[str], list[str]]:
        lists = targets.offered(actor.subject, session_id, service.now_ms())[purpose]
        return [one["name"] for one in lists["representatives"]], [one["name"] for one in lists["teams"]]

    assert names(desk.rep, "share") == names(desk.rep, "transfer") == (["Ann", "Bob"], ["Desk"])
    assert names(desk.ann, "share") == ([], [])
    accounts.edit_user(SYSTEM, user_id=desk.bob.subject.id, display_name="Bob", permissions=["perm_support_allowed"])
    assert names(desk.rep, "share") == (["Ann"], ["Desk"])
    assert names(desk.rep, "transfer") == (["Ann", "Bob"], ["Desk"])
    presence.note(SYSTEM, user_id=desk.ann.subject.id, here=False)
    assert names(desk.rep, "share") == ([], ["Desk"])
    with pytest.raises(Conflict, match="Ann is not signed in"):
        collaboration.share(desk.rep, session_id=session_id, target=desk.queue(desk.ann))
    with pytest.raises(Conflict, match="Bob has no access"):
        collaboration.share(desk.rep, session_id=session_id, target=desk.queue(desk.bob))
    for target in (desk.queue(desk.eve), f"team:{desk.other}"):
        with pytest.raises(Refused, match="share sessions with other teams"):
            collaboration.share(desk.rep, session_id=session_id, target=target)
        with pytest.raises(Refused, match="transfer sessions to other teams"):
            collaboration.transfer(desk.rep, session_id=session_id, target=target)
    accounts.edit_user(
        SYSTEM,
        user_id=desk.rep.subject.id,
        display_name="Rep",
        permissions=[*SUPPORT, "perm_share_other_team", "perm_transfer_other_team"],
    )
    desk.rep.user.refresh_from_db()
    wide = actor_for(desk.rep.user)
    assert names(wide, "share") == (["Eve"], ["Desk", "Other"])
    presence.note(SYSTEM, user_id=desk.eve.subject.id, here=False)
    assert names(wide, "share") == ([], ["Desk"])
    collaboration.share(wide, session_id=session_id, target=f"team:{desk.other}")
    for wrong in ("", "team:", "user:", "site", "team:" + "0" * 36, "user:" + "0" * 36):
        with pytest.raises((Invalid, Conflict)):
            collaboration.share(wide, session_id=session_id, target=wrong)
    with pytest.raises(Invalid, match="cannot be requested"):
        collaboration.share(wide, session_id=session_id, issue_id="no-such-issue")


#
def test_help_is_requested_by_an_issue(desk: Desk, anonymous: Actor, admin: Actor) -> None:
    wanted = routing.Fields(description="Printer", team=desk.other, help_requests=True)
    issue = routing.create_issue(admin, fields=wanted)
    routing.create_issue(admin, fields=routing.Fields(description="Mouse", team=desk.other))
    session_id = desk.session(anonymous)
    lists = targets.offered(desk.rep.subject, session_id, service.now_ms())
    assert lists["share"]["issues"] == [{"id": issue.id, "name": "Printer"}]
    assert "issues" not in lists["transfer"]
    with proven(snapshot):
        collaboration.share(desk.rep, session_id=session_id, issue_id=issue.id)
    (seen,) = queries.visible_invitations(desk.eve.subject)
    assert (seen["issue"], seen["queue"]) == ("Printer", f"team:{desk.other}")
    collaboration.accept_invitation(desk.eve, session_id=session_id, invitation_id=seen["id"], tab="t")
    routing.edit_issue(admin, issue_id=issue.id, fields=routing.Fields(description="Printer", team=desk.other))
    with pytest.raises(Invalid, match="cannot be requested"):
        collaboration.share(desk.rep, session_id=session_id, issue_id=issue.id)


def test_a_jump_is_given_only_to_who_may_reach_its_computer(
    rep: Actor, anonymous: Actor, make_user: Any, desk: Desk
) -> None:
    actor, session_id, group, _agent = jumped(desk.rep, anonymous)
    accounts.edit_user(
        SYSTEM, user_id=desk.ann.subject.id, display_name="Ann", permissions=[*SUPPORT, "perm_jump_client"]
    )
    for offer in (collaboration.share, collaboration.transfer):
        with pytest.raises(Conflict, match="Ann has no access"):
            offer(actor, session_id=session_id, target=desk.queue(desk.ann))
    roles = {rep.subject.id: "start_sessions", desk.ann.subject.id: "start_sessions"}
    jump.set_members(SYSTEM, group_id=group, roles=roles)
    collaboration.share(actor, session_id=session_id, target=desk.queue(desk.ann))
    desk.ann.user.refresh_from_db()
    collaboration.accept_invitation(
        actor_for(desk.ann.user), session_id=session_id, invitation_id=desk.invited(session_id), tab="t"
    )
    jump.set_members(SYSTEM, group_id=group, roles={rep.subject.id: "start_sessions"})
    assert row(session_id).members == [rep.subject.id], "a role that is taken reaches a guest as well"
    collaboration.transfer(actor, session_id=session_id, target=f"team:{desk.team}")
    with pytest.raises(Refused):
        collaboration.accept_invitation(
            desk.ann, session_id=session_id, invitation_id=desk.invited(session_id), tab="t"
        )


def test_a_permission_that_is_taken_reaches_guests_at_once(desk: Desk, anonymous: Actor, relay_bus: Bus) -> None:
    session_id = desk.joined(anonymous, desk.ann, desk.bob)
    relay_bus.sent.clear()
    with proven(everything):
        accounts.edit_user(
            SYSTEM, user_id=desk.ann.subject.id, display_name="Ann", permissions=["perm_support_allowed"]
        )
    assert row(session_id).members == [desk.rep.subject.id, desk.bob.subject.id]
    states = [m.session for m in relay_bus.sent if isinstance(m, SessionPut)]
    assert [leg.name for leg in states[-1].legs] == ["customer", "Rep", "Bob"]
    # The owner's is taken: the longest guest goes on, as owner.
    with proven(everything):
        accounts.disable_user(SYSTEM, user_id=desk.rep.subject.id, disabled=True)
    session = row(session_id)
    assert (session.state, session.owner_id, session.guests) == ("active", desk.bob.subject.id, [])


def test_the_longest_guest_takes_over_from_an_owner_who_is_lost(desk: Desk, anonymous: Actor, clock: FakeClock) -> None:
    session_id = desk.joined(anonymous, desk.ann, desk.bob)

    def is_there(leg: int, there: bool) -> None:
        worker_services.note_leg(SYSTEM, session_id=session_id, leg=leg, connected=there)

    for leg in (2, 3, 4):
        is_there(leg, True)
    is_there(2, False)
    is_there(3, False)
    clock.advance(CONSOLE_GRACE_MS / 1000 + 1)
    with proven(snapshot):
        assert worker_services.return_lost(SYSTEM, session_id=session_id)
    session = row(session_id)
    assert (session.owner_id, session.members) == (
        desk.bob.subject.id, [desk.ann.subject.id, desk.bob.subject.id],
    )  # fmt: skip
    assert session.consoles_gone_ms is None
    is_there(4, False)
    clock.advance(CONSOLE_GRACE_MS / 1000 + 1)
    with proven(snapshot):
        assert worker_services.return_lost(SYSTEM, session_id=session_id)
    assert (row(session_id).state, row(session_id).queue) == ("waiting", desk.queue(desk.bob))


def test_every_change_is_on_record(desk: Desk, anonymous: Actor) -> None:
    session_id = desk.joined(anonymous, desk.ann)
    collaboration.transfer(desk.rep, session_id=session_id, target=desk.queue(desk.ann))
    actions = set(AuditRow.objects.filter(object=f"session:{session_id}").values_list("action", flat=True))
    assert {"support.session.share", "support.invitation.accept", "support.session.transfer"} <= actions
    assert AuditRow.objects.get(action="support.session.transfer").fields == {"target": desk.queue(desk.ann)}
