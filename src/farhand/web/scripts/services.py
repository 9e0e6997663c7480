"""All changes of canned scripts, and the orders to run them.

Rules: a script's text is the administrator's alone; a representative's wish names a script, and values for its
parameters. An order is signed for one leg, one text and one minute (`farhand.protocol.scripts`), after the rules have
said yes to the session, to canned scripts in it, and to this one.
"""

import hashlib
from collections.abc import Collection, Mapping
from typing import Final, Literal

import msgspec
from django.utils.translation import gettext

from farhand.kit import signing
from farhand.kit.ids import new_id
from farhand.protocol import scripts as wire
from farhand.rules import scripts as rules
from farhand.rules.access import Object
from farhand.web.accounts.queries import teams as all_teams
from farhand.web.appliance import keys
from farhand.web.project.service import Change, Conflict, Invalid, NotThere, service
from farhand.web.scripts import queries
from farhand.web.scripts.models import CannedScript, ScriptTeam
from farhand.web.support import lives

MAX_NAME: Final = 64
MAX_DESCRIPTION: Final = 1024
PLATFORMS: Final = ("linux", "windows", "macos")
CONTEXTS: Final = ("user", "system")
ScriptContext = Literal["user", "system"]
_NO_EVENT: Final = "a console asks for the scripts of a session when its menu opens"


class Fields(msgspec.Struct, frozen=True, kw_only=True):
    """A canned script as an administrator writes it."""

    name: str
    text: str
    description: str = ""
    parameters: str = ""
    """Lines of `farhand.rules.scripts`."""
    platforms: Collection[str] = ("linux",)
    contexts: Collection[str] = ("user",)
    everybody: bool = False
    teams: Collection[str] = ()
    """Ids; not looked at when it is for everybody."""
    time_limit_s: int = 60


class Ordered(msgspec.Struct, frozen=True, kw_only=True):
    """What a console hands to the endpoint (`protocol.scripts.RunScript`), and the id of the run."""

    run: str
    order: str
    issuer: str
    text: str


@service("scripts.script.create", events=_NO_EVENT)
def create_script(change: Change, *, fields: Fields) -> CannedScript:
    """Create a canned script. Raises Refused, Invalid."""
    change.allow(Object(kind="canned_script"))
    script = CannedScript(created_ms=change.now_ms)
    _fill(script, fields)
    script.save(force_insert=True)
    _set_teams(script, fields)
    change.about("canned_script", script.id)
    change.audit(**_told(script))
    return script


@service("scripts.script.edit", events=_NO_EVENT)
def edit_script(change: Change, *, script_id: str, fields: Fields) -> CannedScript:
    """Change a canned script; orders that were signed before stay what they are. Raises Refused, Invalid, NotThere."""
    change.allow(Object(kind="canned_script", id=script_id))
    script = _script(script_id)
    before = _told(script)
    _fill(script, fields)
    script.save()
    _set_teams(script, fields)
    change.audit(old=before, **_told(_script(script_id)))
    return script


@service("scripts.script.remove", events=_NO_EVENT)
def remove_script(change: Change, *, script_id: str) -> None:
    """Remove a canned script; reports name it for ever. Raises Refused, NotThere."""
    change.allow(Object(kind="canned_script", id=script_id))
    script = _script(script_id)
    change.audit(name=script.name)
    script.delete()


@service("scripts.script.order", events="the endpoint's entries tell of the run")
def order_script(
    change: Change, *, session_id: str, tab: str, script_id: str, context: ScriptContext, parameters: Mapping[str, str]
) -> Ordered:
    """Sign the order for one run by the leg of the caller's tab. Raises Refused, Invalid, NotThere, Conflict."""
    session = lives.locked(session_id)
    change.allow(lives.as_object(session), lives.context(change), action="support.session.ticket")
    change.allow(lives.as_object(session), lives.context(change), action="support.tool.scripts")
    script = _script(script_id)
    change.allow(queries.as_object(script, session.platform, context=context))
    leg = session.legs.filter(user_id=change.actor.subject.id, tab=tab, left_ms=None).first()
    if leg is None or session.state != "active":
        raise Conflict(gettext("You are not in this session any more. Open it again."))
    try:
        values = rules.values(queries.parameters_of(script), parameters)
    except rules.ParameterError as error:
        raise Invalid("parameters", gettext(error.text) % {"about": error.about}) from error
    order = wire.ScriptOrder(
        jti=new_id(),
        session_id=session.id,
        leg=leg.number,
        script_id=script.id,
        name=script.name,
        context=context,
        time_limit_s=script.time_limit_s,
        sha256=_sha256(script.text),
        parameters=values,
        issued_ms=change.now_ms,
        expires_ms=change.now_ms + wire.ORDER_MS,
    )
    token = keys.issue(wire.ORDER_KIND, order)
    if len(token) > signing.MAX_TOKEN:
        raise Invalid("parameters", gettext("The values are too long together."))
    change.audit(
        script=script.id, name=script.name, run=order.jti, context=context, leg=leg.number, sha256=order.sha256
    )
    return Ordered(run=order.jti, order=token, issuer=keys.issuer_statement(change.now_ms), text=script.text)


def _script(ident: str) -> CannedScript:
    script = queries.script_by_id(ident)
    if script is None:
        raise NotThere(gettext("This canned script does not exist any more."))
    return script


def _fill(script: CannedScript, fields: Fields) -> None:
    script.name = fields.name.strip()
    if not 1 <= len(script.name) <= MAX_NAME or not script.name.isprintable():
        raise Invalid("name", gettext("A name of 1 to 64 characters is needed."))
    if CannedScript.objects.filter(name__iexact=script.name).exclude(id=script.id).exists():
        raise Invalid("name", gettext("There is a canned script of this name already. Choose another name."))
    script.description = fields.description.strip()[:MAX_DESCRIPTION]
    script.text = fields.text.replace("\r\n", "\n").replace("\r", "\n")
    if not script.text.strip() or "\0" in script.text or len(script.text.encode()) > wire.MAX_TEXT:
        raise Invalid("text", gettext("A script has 1 to 65536 bytes of text."))
    try:
        script.parameters = msgspec.to_builtins(rules.parse(fields.parameters))
    except rules.ParameterError as error:
        raise Invalid("parameters", gettext(error.text) % {"about": error.about}) from error
    script.everybody = fields.everybody
    if not fields.everybody and not fields.teams:
        raise Invalid("teams", gettext("Choose at least one team, or let everybody use it."))
    script.platforms = [one for one in PLATFORMS if one in fields.platforms]
    script.contexts = [one for one in CONTEXTS if one in fields.contexts]
    if not script.platforms:
        raise Invalid("platforms", gettext("Choose at least one operating system."))
    if not script.contexts:
        raise Invalid("contexts", gettext("Choose at least one context."))
    script.time_limit_s = fields.time_limit_s
    if not 1 <= fields.time_limit_s <= wire.MAX_TIME_LIMIT_S:
        raise Invalid("time_limit_s", gettext("A time limit is 1 to 3600 seconds."))


def _set_teams(script: CannedScript, fields: Fields) -> None:
    teams = set() if fields.everybody else set(fields.teams)
    known = set(all_teams().values_list("id", flat=True))
    if not teams <= known:
        raise Invalid("teams", gettext("One of these teams does not exist any more. Reload the page."))
    script.teams.all().delete()
    ScriptTeam.objects.bulk_create([ScriptTeam(script=script, team_id=team) for team in sorted(teams)])


def _told(script: CannedScript) -> dict[str, object]:
    """What audit rows say of a script: of its text, which one it was."""
    return {
        "name": script.name,
        "sha256": _sha256(script.text),
        "parameters": [one["name"] for one in script.parameters],
        "platforms": script.platforms,
        "contexts": script.contexts,
        "everybody": script.everybody,
        "teams": list(queries.team_ids(script)),
        "time_limit_s": script.time_limit_s,
    }


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
