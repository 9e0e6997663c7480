"""Rules for waiting sessions, and the way of a session whose representative is lost."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.unit.web.conftest import Bus, actor_for
from tests.unit.web.snapshots import proven
from tests.unit.web.support.helpers import Endpoint, jumped, snapshot, start, waiting

from farhand.kit.clock import FakeClock
from farhand.protocol.bus import SessionEnd, SessionNote
from farhand.rules.routing import GRACE_MS, Fallback
from farhand.web.accounts import presence, services, teams
from farhand.web.events.models import AuditRow
from farhand.web.portals.queries import DEFAULT_ID
from farhand.web.project import service
from farhand.web.project.service import SYSTEM, Actor, Conflict, Invalid, NotThere, Refused
from farhand.web.reports.sentences import sentence
from farhand.web.routing import queries, requests, rule_services, work
from farhand.web.routing import services as routing
from farhand.web.routing.models import WaitingRule
from farhand.web.routing.rule_services import Fields
from farhand.web.support import collaboration, worker_services
from farhand.web.support import queries as support
from farhand.web.support import services as sessions
from farhand.web.support.entrances import Request, hash_of
from farhand.web.support.models import Session

pytestmark = pytest.mark.django_db
LIST = "/login/configuration/waiting-session-rules"
OPTIONS = "/login/configuration/options"
LONG_AGO = 1


@pytest.fixture
def watch() -> Iterator[FakeClock]:
    """The clock of all services."""
    before, clock = service._clock, FakeClock()
    service.set_clock(clock)
    yield clock
    service.set_clock(before)


@pytest.fixture(autouse=True)
def commits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run what is due after a commit: the test's own transaction never commits."""
    from django.db import transaction

    monkeypatch.setattr(transaction, "on_commit", lambda function, using=None, robust=False: function())


@pytest.fixture
def desk(rep: Actor) -> str:
    """The queue of a team with one representative."""
    team = teams.create_team(SYSTEM, name="Desk")
    teams.set_members(SYSTEM, team_id=team.id, members={rep.subject.id: "member"})
    return f"team:{team.id}"


@pytest.fixture
def second() -> str:
    """The queue of another team, in which nobody is."""
    return f"team:{teams.create_team(SYSTEM, name='Second Line').id}"


@pytest.fixture
def come(desk: str, anonymous: Actor) -> Callable[[], str]:
    """A function that lets a customer wait in the desk's queue; gives the session's id."""

    def make() -> str:
        fields = routing.Fields(description=f"Issue {Session.objects.count()}", team=desk.removeprefix("team:"))
        issue = routing.create_issue(SYSTEM, fields=fields)
        request = Request(name="Ada")
        used = requests.ask_for_help(anonymous, portal_id=DEFAULT_ID, issue_id=issue.id, request=request)
        start(anonymous, used.join, Endpoint())
        return used.session_id

    return make


def queue_of(session_id: str) -> str:
    return Session.objects.get(id=session_id).queue


#
def test_a_session_is_moved_on_after_a_time_and_comes_never_back(
    admin: Actor, desk: str, second: str, come: Any, rep: Actor, watch: FakeClock
) -> None:
    rule_services.create_rule(admin, fields=Fields(source=desk, when="waited", minutes=10, target=second))
    back = rule_services.create_rule(
        admin, fields=Fields(source=second, when="waited", minutes=1, target=desk, position=9)
    )
    presence.replace(SYSTEM, user_ids=[rep.subject.id])
    session_id = come()
    watch.advance(599)
    work.follow_rules()
    assert queue_of(session_id) == desk
    watch.advance(1)
    with proven(snapshot):
        work.follow_rules()
    assert queue_of(session_id) == second
    (event,) = support.history(session_id).filter(kind="routed")
    assert support.event_name(event) == "Session Transferred To Queue"
    assert sentence(event) == (
        "A rule for waiting sessions moved the session from the queue Desk to the queue Second Line."
    )
    assert AuditRow.objects.get(action="routing.session.follow").fields["target"] == second
    watch.advance(3600)
    work.follow_rules()
    assert queue_of(session_id) == second, "the rule back leads into a queue that it has left"
    assert not rule_services.follow_rule(SYSTEM, session_id=session_id)
    # Once somebody has accepted it, it counts anew.
    member = make_member(rep, second)
    sessions.accept(member, session_id=session_id, tab="t")
    assert Session.objects.get().routed == {}
    Session.objects.update(consoles_gone_ms=LONG_AGO)
    worker_services.return_lost(SYSTEM, session_id=session_id)
    assert queue_of(session_id) == second
    watch.advance(60)
    work.follow_rules()
    assert queue_of(session_id) == desk
    assert back.position == 2


def make_member(rep: Actor, queue: str) -> Actor:
    teams.set_members(SYSTEM, team_id=queue.removeprefix("team:"), members={rep.subject.id: "member"})
    return actor_for(rep.user)


#
def test_where_nobody_is_signed_in(
    admin: Actor, desk: str, come: Any, rep: Actor, make_user: Any, watch: FakeClock
) -> None:
    boss = make_user("boss", "perm_support_allowed")
    rule_services.create_rule(admin, fields=Fields(source=desk, when="nobody", target=f"user:{boss.id}"))
    presence.replace(SYSTEM, user_ids=[rep.subject.id])
    session_id = come()
    watch.advance(3600)
    work.follow_rules()
    assert queue_of(session_id) == desk
    presence.note(SYSTEM, user_id=rep.subject.id, here=False)
    work.follow_rules()
    assert queue_of(session_id) == desk, "a page that is reloaded is back within the grace"
    watch.advance(GRACE_MS / 1000)
    teams.edit_team(SYSTEM, team_id=desk.removeprefix("team:"), name="Desk", persistent_queue=True)
    work.follow_rules()
    assert queue_of(session_id) == desk, "a persistent queue keeps its sessions"
    teams.edit_team(SYSTEM, team_id=desk.removeprefix("team:"), name="Desk")
    services.disable_user(SYSTEM, user_id=boss.id, disabled=True)
    work.follow_rules()
    assert queue_of(session_id) == desk, "nobody looks into the queue of a disabled account"
    services.disable_user(SYSTEM, user_id=boss.id, disabled=False)
    with proven(snapshot):
        work.follow_rules()
    assert queue_of(session_id) == f"user:{boss.id}"


#
def test_a_customer_is_told_once(admin: Actor, rep: Actor, anonymous: Actor, watch: FakeClock, relay_bus: Bus) -> None:
    text = "All are busy.  Please be patient."
    rule_services.create_rule(admin, fields=Fields(source="personal", when="waited", minutes=2, text=text))
    session_id, _endpoint = waiting(rep, anonymous)
    watch.advance(120)
    for _ in range(3):
        work.follow_rules()
    notes = [message for message in relay_bus.sent if isinstance(message, SessionNote)]
    said = "All are busy. Please be patient."
    assert notes == [SessionNote(session_id=session_id, kind="waiting-message", data={"text": said})]
    assert queue_of(session_id) == f"user:{rep.subject.id}"
    session = Session.objects.get()
    join = "x" * 40
    Session.objects.update(join_hash=hash_of("join", join))
    info = support.join_info(join, watch.now_ms())
    assert info
    assert info.said == said
    assert session.routed["said"] == said


def test_jumps_are_left_alone(admin: Actor, rep: Actor, anonymous: Actor, second: str, watch: FakeClock) -> None:
    rule_services.create_rule(admin, fields=Fields(source="personal", when="waited", minutes=1, target=second))
    actor, session_id, _group, _agent = jumped(rep, anonymous)
    sessions.leave(actor, session_id=session_id)
    watch.advance(3600)
    work.follow_rules()
    assert queue_of(session_id) == f"user:{rep.subject.id}"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"source": "user:x"}, "source"),
        ({"source": "team:x"}, "source"),
        ({"when": "always"}, "when"),
        ({"minutes": 0}, "minutes"),
        ({"minutes": 1441}, "minutes"),
        ({"target": "team:x"}, "target"),
        ({"target": "user:x"}, "target"),
        ({"target": "SOURCE"}, "target"),
        ({"target": "", "text": " "}, "text"),
        ({"target": "", "text": "x" * 501}, "text"),
        ({"target": "", "text": "a\x1b[m"}, "text"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    admin: Actor, desk: str, second: str, wrong: dict[str, Any], field: str
) -> None:
    given = {"source": desk, "when": "waited", "minutes": 5, "target": second} | wrong
    if given["target"] == "SOURCE":
        given["target"] = desk
    with pytest.raises(Invalid) as error:
        rule_services.create_rule(admin, fields=Fields(**given))
    assert error.value.field == field
    assert not WaitingRule.objects.exists()


def test_order_audit_and_who_may(admin: Actor, desk: str, second: str, rep: Actor, make_user: Any) -> None:
    def make(text: str, position: int) -> WaitingRule:
        return rule_services.create_rule(
            admin, fields=Fields(source=desk, when="waited", minutes=1, text=text, position=position)
        )

    one, two, three = make("one", 1), make("two", 1), make("three", 99)
    assert [rule.text for rule in queries.rules()] == ["two", "one", "three"]
    rule_services.edit_rule(
        admin, rule_id=three.id, fields=Fields(source=desk, when="nobody", target=second, position=2)
    )
    assert [(rule.position, rule.id) for rule in queries.rules()] == [(1, two.id), (2, three.id), (3, one.id)]
    row = AuditRow.objects.get(action="routing.rule.edit")
    assert (row.fields["old"]["text"], row.fields["queue"]) == ("three", "Second Line")
    for wish in (
        lambda: rule_services.create_rule(rep, fields=Fields(source=desk, when="nobody", text="x")),
        lambda: rule_services.edit_rule(rep, rule_id=one.id, fields=Fields(source=desk, when="nobody", text="x")),
        lambda: rule_services.remove_rule(rep, rule_id=one.id),
        lambda: rule_services.follow_rule(rep, session_id="x"),
        lambda: rule_services.edit_fallback(actor_for(make_user("ed", "perm_edit_sd_teams")), options=Fallback()),
    ):
        with pytest.raises(Refused):
            wish()
    with pytest.raises(Conflict, match="Rules for waiting sessions"):
        teams.remove_team(admin, team_id=second.removeprefix("team:"))
    rule_services.remove_rule(admin, rule_id=three.id)
    with pytest.raises(NotThere):
        rule_services.remove_rule(admin, rule_id=three.id)
    teams.remove_team(admin, team_id=second.removeprefix("team:"))


def lose(actor: Actor, session_id: str) -> bool:
    """The representative accepts a session, and is lost."""
    sessions.accept(actor, session_id=session_id, tab="t")
    Session.objects.filter(id=session_id).update(consoles_gone_ms=LONG_AGO)
    return worker_services.return_lost(SYSTEM, session_id=session_id)


#
def test_a_lost_session_goes_back_to_the_teams_queue(rep: Actor, come: Any, desk: str) -> None:
    session_id = come()
    with proven(snapshot):
        assert lose(actor_for(rep.user), session_id)
    session = Session.objects.get()
    assert (session.state, session.queue) == ("waiting", desk)
    assert session.queued_ms is not None
    (event,) = support.history(session_id).filter(kind="returned")
    assert sentence(event) == "The representative was lost. The session waits in the queue Desk."


#
def test_the_options_decide_where_lost_sessions_go(
    admin: Actor, rep: Actor, come: Any, desk: str, second: str, relay_bus: Bus, anonymous: Actor
) -> None:
    actor = actor_for(rep.user)
    rule_services.edit_fallback(admin, options=Fallback(last=(), entry=(), fallback=("support",), queue=second))
    first = come()
    lose(actor, first)
    assert queue_of(first) == second
    sessions.end_session(SYSTEM, session_id=first)
    rule_services.edit_fallback(admin, options=Fallback(last=(), entry=()))
    relay_bus.sent.clear()
    ended = come()
    with proven(snapshot):
        assert lose(actor, ended)
    assert Session.objects.get(id=ended).end_reason == "representative-lost"
    (end,) = [message for message in relay_bus.sent if isinstance(message, SessionEnd)]
    assert "connection to the representative is lost" in end.text
    teams.edit_team(SYSTEM, team_id=desk.removeprefix("team:"), name="Desk", persistent_queue=True)
    kept = come()
    lose(actor, kept)
    assert queue_of(kept) == desk, "a persistent queue always gets its sessions back"
    jumper, jump, _group, _agent = jumped(rep, anonymous)
    Session.objects.filter(id=jump).update(consoles_gone_ms=LONG_AGO)
    rule_services.edit_fallback(admin, options=Fallback(last=("jump",)))
    worker_services.return_lost(SYSTEM, session_id=jump)
    assert queue_of(jump) == f"user:{jumper.subject.id}"
    for wrong in (Fallback(fallback=("jump",)), Fallback(queue="team:x"), Fallback(last=("chat",))):
        with pytest.raises(Invalid):
            rule_services.edit_fallback(admin, options=wrong)
    row = AuditRow.objects.filter(action="routing.fallback.edit").order_by("-sequence")[0]
    assert row.fields["new"]["last"] == ["jump"]


#
def test_a_session_that_was_transferred_goes_back_to_that_queue(
    rep: Actor, make_user: Any, come: Any, desk: str
) -> None:
    other = make_user("other", "perm_support_allowed", "perm_accept_team_sessions", "perm_collaborate")
    second = teams.create_team(SYSTEM, name="Second Line")
    members = {rep.subject.id: "member", other.id: "member"}
    for ident in (desk.removeprefix("team:"), second.id):
        teams.set_members(SYSTEM, team_id=ident, members=members)
    first, guest = actor_for(rep.user), actor_for(other)
    session_id = come()
    sessions.accept(first, session_id=session_id, tab="t")
    assert Session.objects.get().last_queue == desk
    collaboration.transfer(first, session_id=session_id, target=f"team:{second.id}")
    (invitation,) = Session.objects.get().invitations.all()
    collaboration.accept_invitation(guest, session_id=session_id, invitation_id=invitation.id, tab="g")
    assert (Session.objects.get().owner_id, Session.objects.get().last_queue) == (other.id, f"team:{second.id}")


def test_the_pages(admin: Actor, rep: Actor, desk: str, second: str, sign_in: Any) -> None:
    page = sign_in(admin.user)
    assert "There is no rule yet" in page.get(LIST).content.decode()
    given = {"source": desk, "when": "waited", "minutes": "10", "target": second, "position": "1"}
    assert page.post(f"{LIST}/new", given).headers["Location"] == LIST
    told = {
        "source": "personal",
        "when": "nobody",
        "minutes": "",
        "target": "message",
        "text": "Call <b>us</b>",
        "position": "2",
    }
    assert page.post(f"{LIST}/new", told).headers["Location"] == LIST
    listed = page.get(LIST).content.decode()
    for text in ("it has waited for 10 minutes", "Transfer to Second Line", "Call &lt;b&gt;us&lt;/b&gt;"):
        assert text in listed
    rule = queries.rules()[0]
    assert 'value="10"' in page.get(f"{LIST}/{rule.id}").content.decode()
    assert page.post(f"{LIST}/{rule.id}", given | {"minutes": "0"}).status_code == 400
    assert page.post(f"{LIST}/{rule.id}", given | {"minutes": "1"}).status_code == 302
    assert "Remove rule 1?" in page.get(f"{LIST}/{rule.id}/remove").content.decode()
    page.post(f"{LIST}/{rule.id}/remove")
    assert page.get(f"{LIST}/{rule.id}").status_code == 404
    shown = page.get(OPTIONS).content.decode()
    assert shown.count(" checked") == 4  # three of the fallback, one of mail
    assert page.post(OPTIONS, {"fallback": ["jump"]}).status_code == 400
    assert page.post(OPTIONS, {"last": ["support"], "fallback": ["jump"], "queue": desk}).status_code == 302
    assert queries.fallback() == Fallback(last=("support",), entry=(), fallback=("jump",), queue=desk)
    for path in (LIST, f"{LIST}/new", f"{LIST}/{rule.id}", OPTIONS):
        assert sign_in(rep.user).get(path).status_code == 403
