"""Canned scripts: who writes them, whose they are in a session, and what an order says."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.web.conftest import actor_for
from tests.unit.web.support.helpers import waiting

from farhand.kit import signing
from farhand.protocol import scripts as wire
from farhand.web.accounts import teams
from farhand.web.appliance import keys
from farhand.web.events.models import AuditRow, Event
from farhand.web.project.service import SYSTEM, Actor, Conflict, Invalid, NotThere, Refused
from farhand.web.scripts import queries, services
from farhand.web.scripts.models import CannedScript, ScriptTeam
from farhand.web.scripts.services import Fields
from farhand.web.support import services as support
from farhand.web.support.models import Session

pytestmark = pytest.mark.django_db
TEXT = "#!/bin/sh\r\necho $PARAM_HOST\r"
CLEAN = "#!/bin/sh\necho $PARAM_HOST\n"
REP = ("perm_support_allowed", "perm_generate_session_key", "perm_accept_team_sessions")
NOBODY = "0" * 36
Make = Callable[..., CannedScript]


def fields(name: str = "Ping", **more: Any) -> Fields:
    """A script for everybody."""
    return Fields(**{"name": name, "text": TEXT, "parameters": "HOST: Host = here", "everybody": True} | more)


@pytest.fixture
def make(admin: Actor) -> Make:
    """A function that has the administrator write a script."""
    return lambda name="Ping", **more: services.create_script(admin, fields=fields(name, **more))


@pytest.fixture
def helper(make_user: Any) -> Actor:
    """A representative who may use canned scripts."""
    return actor_for(make_user("helper", *REP, "perm_session_scripts.allow"))


@pytest.fixture
def session(helper: Actor, anonymous: Actor) -> str:
    """A session of theirs with a Linux computer."""
    ident, _endpoint = waiting(helper, anonymous)
    support.accept(helper, session_id=ident, tab="tab")
    return ident


def order(actor: Actor, session: str, script: CannedScript, **more: Any) -> services.Ordered:
    wish: dict[str, Any] = {"tab": "tab", "context": "user", "parameters": {}}
    return services.order_script(actor, session_id=session, script_id=script.id, **wish | more)


def opened(ordered: services.Ordered) -> wire.ScriptOrder:
    """Read an order as an endpoint does, which pins the site key alone."""
    site = bytes.fromhex(keys.site_public())
    issuer = signing.open_token(site, wire.STATEMENT_KIND, ordered.issuer, wire.IssuerStatement)
    return signing.open_token(bytes.fromhex(issuer.key), wire.ORDER_KIND, ordered.order, wire.ScriptOrder)


#
def test_an_administrator_writes_changes_and_removes_one(admin: Actor, make: Make) -> None:
    script = make()
    assert (script.text, script.parameters[0]["name"], script.platforms) == (CLEAN, "HOST", ["linux"])
    row = AuditRow.objects.get(action="scripts.script.create")
    assert (row.object, row.outcome) == (f"canned_script:{script.id}", "done")
    assert row.fields["sha256"] == hashlib.sha256(CLEAN.encode()).hexdigest()
    services.edit_script(admin, script_id=script.id, fields=fields("Pong", contexts=("system", "user")))
    row = AuditRow.objects.get(action="scripts.script.edit")
    assert (row.fields["old"]["name"], row.fields["name"]) == ("Ping", "Pong")
    assert row.fields["contexts"] == ["user", "system"]
    services.remove_script(admin, script_id=script.id)
    assert AuditRow.objects.get(action="scripts.script.remove").fields["name"] == "Pong"
    assert not CannedScript.objects.exists()
    for late in (
        lambda: services.edit_script(admin, script_id=script.id, fields=fields()),
        lambda: services.remove_script(admin, script_id=script.id),
    ):
        with pytest.raises(NotThere):
            late()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"name": "a\x1b[m"}, "name"),
        ({"name": "TAKEN"}, "name"),
        ({"text": "\r\n "}, "text"),
        ({"text": "a\0b"}, "text"),
        ({"text": "ä" * 32_769}, "text"),
        ({"parameters": "host: Host"}, "parameters"),
        ({"platforms": ("amiga",)}, "platforms"),
        ({"contexts": ()}, "contexts"),
        ({"time_limit_s": 0}, "time_limit_s"),
        ({"time_limit_s": 3601}, "time_limit_s"),
        ({"everybody": False}, "teams"),
        ({"everybody": False, "teams": (NOBODY,)}, "teams"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(make: Make, wrong: dict[str, Any], field: str) -> None:
    make("Taken")
    with pytest.raises(Invalid) as error:
        make(**wrong)
    assert error.value.field == field
    assert CannedScript.objects.count() == 1


def test_the_longest_script_is_taken(make: Make) -> None:
    assert len(make(text="x" * wire.MAX_TEXT).text) == wire.MAX_TEXT


def test_who_may_write_them(make: Make, helper: Actor, make_user: Any) -> None:
    script = make()
    for wish in (
        lambda actor: services.create_script(actor, fields=fields("Mine")),
        lambda actor: services.edit_script(actor, script_id=script.id, fields=fields("Mine")),
        lambda actor: services.remove_script(actor, script_id=script.id),
    ):
        with pytest.raises(Refused):
            wish(helper)
    assert AuditRow.objects.filter(outcome="refused", action__startswith="scripts.script.").count() == 3
    editor = actor_for(make_user("editor", "perm_edit_canned_scripts"))
    assert services.create_script(editor, fields=fields("Mine")).name == "Mine"


#
def test_an_order_is_signed_for_one_leg_text_and_minute(make: Make, helper: Actor, session: str) -> None:
    script = make(time_limit_s=7)
    assert [one["name"] for one in queries.usable(helper.subject, session)] == ["Ping"]
    assert "text" not in queries.usable(helper.subject, session)[0]
    ordered = order(helper, session, script, parameters={"HOST": "$(reboot)"})
    found = opened(ordered)
    leg = Session.objects.get().legs.get(user_id=helper.subject.id)
    assert (found.jti, found.session_id, found.leg, found.script_id) == (ordered.run, session, leg.number, script.id)
    assert (found.parameters, found.context, found.time_limit_s) == ({"HOST": "$(reboot)"}, "user", 7)
    assert found.sha256 == hashlib.sha256(ordered.text.encode()).hexdigest()
    assert ordered.text == CLEAN
    assert found.expires_ms - found.issued_ms == wire.ORDER_MS
    row = AuditRow.objects.get(action="scripts.script.order")
    assert (row.fields["script"], row.fields["run"], row.subject) == (script.id, ordered.run, helper.subject.name)
    assert opened(order(helper, session, script)).parameters == {"HOST": "here"}
    assert ordered.run != order(helper, session, script).run


def test_each_wish_that_does_not_hold_is_refused(make: Make, helper: Actor, rep: Actor, session: str) -> None:
    script = make(parameters="HOST: Host")
    with pytest.raises(Invalid) as error:
        order(helper, session, script)
    assert error.value.field == "parameters"
    given = {"parameters": {"HOST": "x"}}
    with pytest.raises(Invalid):
        order(helper, session, script, parameters={"HOST": "x", "PATH": "/tmp"})
    with pytest.raises(Refused, match="context"):
        order(helper, session, script, context="system", **given)
    with pytest.raises(Conflict, match="not in this session"):
        order(helper, session, script, tab="another", **given)
    with pytest.raises(Refused):
        order(rep, session, script, **given)
    assert queries.usable(rep.subject, session) == []
    assert queries.usable(helper.subject, NOBODY) == []
    for wrong in ({"session_id": NOBODY, "script_id": script.id}, {"session_id": session, "script_id": NOBODY}):
        with pytest.raises(NotThere):
            services.order_script(helper, tab="tab", context="user", **wrong, **given)  # type: ignore[arg-type]
    assert order(helper, session, script, **given)
    support.end_session(helper, session_id=session)
    assert queries.usable(helper.subject, session) == []
    with pytest.raises((Refused, Conflict)):
        order(helper, session, script, **given)


def test_who_may_not_use_canned_scripts_gets_none(make: Make, rep: Actor, anonymous: Actor) -> None:
    script = make()
    session, _endpoint = waiting(rep, anonymous)
    support.accept(rep, session_id=session, tab="tab")
    assert queries.usable(rep.subject, session) == []
    with pytest.raises(Refused):
        order(rep, session, script)


def test_a_script_of_other_teams_or_systems_is_not_there(make: Make, helper: Actor, session: str) -> None:
    team = teams.create_team(SYSTEM, name="Databases")
    script = make("Vacuum", everybody=False, teams=(team.id,))
    windows = make("Restart spooler", platforms=("windows",))
    assert queries.usable(helper.subject, session) == []
    for one in (script, windows):
        with pytest.raises(Refused):
            order(helper, session, one)
    teams.set_members(SYSTEM, team_id=team.id, members={helper.subject.id: "member"})
    member = actor_for(helper.user)
    assert [one["name"] for one in queries.usable(member.subject, session)] == ["Vacuum"]
    assert order(member, session, script)
    # A team that is removed leaves its scripts to nobody, not to everybody.
    teams.remove_team(SYSTEM, team_id=team.id)
    assert not ScriptTeam.objects.exists()
    assert queries.usable(actor_for(helper.user).subject, session) == []
    with pytest.raises(Refused):
        order(actor_for(helper.user), session, script)


def test_teams_are_left_out_when_it_is_for_everybody(admin: Actor, make: Make) -> None:
    team = teams.create_team(SYSTEM, name="Databases")
    script = make(teams=(team.id,))
    assert queries.team_ids(script) == ()
    services.edit_script(admin, script_id=script.id, fields=fields(everybody=False, teams=(team.id,)))
    found = queries.script_by_id(script.id)
    assert found
    assert queries.team_ids(found) == (team.id,)


def test_long_values_make_no_order_that_is_too_long(make: Make, helper: Actor, session: str) -> None:
    lines = "\n".join(f"P{number}: Value" for number in range(wire.MAX_PARAMETERS))
    script = make(parameters=lines)
    short = {f"P{n}": "x" for n in range(wire.MAX_PARAMETERS)}
    with pytest.raises(Invalid, match="too long together"):
        order(helper, session, script, parameters=short | {f"P{n}": "\N{ROCKET}" * 512 for n in range(7)})
    with pytest.raises(Invalid, match="longer than 4096 characters"):
        order(helper, session, script, parameters=short | {f"P{n}": "x" * 512 for n in range(8)})


def test_no_event_tells_of_a_script(make: Make, helper: Actor, session: str) -> None:
    """Its text is nobody's but the administrators'; consoles ask for names when a menu opens."""
    script = make()
    order(helper, session, script)
    assert not any("PARAM_HOST" in str(event.value) for event in Event.objects.all())
    assert not any("PARAM_HOST" in str(row.fields) for row in AuditRow.objects.all())
