"""Reading canned scripts."""

from typing import Any

import msgspec
from django.db.models import QuerySet

from farhand.rules.access import Object, Subject, decide
from farhand.rules.scripts import Parameter
from farhand.web.project.service import now_ms
from farhand.web.scripts.models import CannedScript
from farhand.web.support import lives
from farhand.web.support.queries import session_by_id


def scripts() -> QuerySet[CannedScript]:
    """All canned scripts by name, with their teams."""
    return CannedScript.objects.prefetch_related("teams__team").order_by("name")


def script_by_id(ident: str) -> CannedScript | None:
    """Return a canned script."""
    return scripts().filter(id=ident).first()


def parameters_of(script: CannedScript) -> list[Parameter]:
    """Return a script's parameters."""
    return msgspec.convert(script.parameters, list[Parameter])


def team_ids(script: CannedScript) -> tuple[str, ...]:
    """Ids of the teams whose script it is."""
    return tuple(sorted(row.team_id for row in script.teams.all()))


def as_object(script: CannedScript, platform: str, **more: object) -> Object:
    """The script as the rules see it, wanted on a platform."""
    facts: dict[str, object] = {
        "everybody": script.everybody,
        "teams": team_ids(script),
        "platforms": tuple(script.platforms),
        "contexts": tuple(script.contexts),
        "platform": platform,
    }
    return Object(kind="canned_script", id=script.id, facts=facts | more)


def usable(subject: Subject, session_id: str) -> list[dict[str, Any]]:
    """The scripts that the subject may have run in a session, by name, as consoles see them: without their text."""
    session = session_by_id(session_id)
    if session is None:
        return []
    where, context = lives.as_object(session), lives.circumstances(now_ms())
    if not all(
        decide(subject, action, where, context) for action in ("support.session.ticket", "support.tool.scripts")
    ):
        return []
    return [
        {
            "id": script.id,
            "name": script.name,
            "description": script.description,
            "contexts": script.contexts,
            "parameters": script.parameters,
            "time_limit_s": script.time_limit_s,
        }
        for script in scripts()
        if decide(subject, "scripts.script.order", as_object(script, session.platform))
    ]
