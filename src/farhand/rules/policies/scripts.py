"""Who may edit canned scripts, and whose they are in a session.

Using them at all is a tool of the session (`support.tool.scripts`); here it is decided which. `facts` of a script:
`everybody`, or `teams` (ids), `platforms`, `contexts`; of the wish: `platform`, and `context` when one is wanted.
"""

from farhand.rules.access import ALLOW, Context, Decision, Object, Policy, Subject, needs, refuse
from farhand.rules.permissions import EDIT_CANNED_SCRIPTS
from farhand.rules.text import gettext_noop as _


def use(subject: Subject, obj: Object, _context: Context) -> Decision:
    """A script for everybody or for a team of one's own, on a system and in a context that it is for."""
    teams, platforms, contexts = (_texts(obj, fact) for fact in ("teams", "platforms", "contexts"))
    if subject.kind != "user" or not (obj.facts.get("everybody") is True or teams & subject.teams):
        return refuse(_("This canned script is for other teams."))
    if obj.facts.get("platform") not in platforms:
        return refuse(_("This canned script is not for this operating system."))
    if "context" in obj.facts and obj.facts["context"] not in contexts:
        return refuse(_("This canned script cannot run in this context."))
    return ALLOW


def _texts(obj: Object, fact: str) -> frozenset[str]:
    found = obj.facts.get(fact, ())
    return frozenset(found) if isinstance(found, frozenset | tuple | list) else frozenset()


POLICIES: dict[str, Policy] = {
    "scripts.scripts.view": needs(EDIT_CANNED_SCRIPTS),
    "scripts.script.create": needs(EDIT_CANNED_SCRIPTS),
    "scripts.script.edit": needs(EDIT_CANNED_SCRIPTS),
    "scripts.script.remove": needs(EDIT_CANNED_SCRIPTS),
    "scripts.script.order": use,
}
