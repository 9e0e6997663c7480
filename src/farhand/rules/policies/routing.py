"""Who may edit issues, rules for waiting sessions and the way of lost ones; who may ask for help at the portal."""

from farhand.rules.access import Policy, needs, only
from farhand.rules.permissions import ADMIN, EDIT_ISSUES, EDIT_TEAMS

POLICIES: dict[str, Policy] = {
    "routing.issues.view": needs(EDIT_ISSUES),
    "routing.issue.create": needs(EDIT_ISSUES),
    "routing.issue.edit": needs(EDIT_ISSUES),
    "routing.issue.remove": needs(EDIT_ISSUES),
    "routing.rules.view": needs(EDIT_TEAMS),
    "routing.rule.create": needs(EDIT_TEAMS),
    "routing.rule.edit": needs(EDIT_TEAMS),
    "routing.rule.remove": needs(EDIT_TEAMS),
    "routing.session.follow": only("system"),
    "routing.fallback.view": needs(ADMIN),
    "routing.fallback.edit": needs(ADMIN),
    "routing.help.ask": only("anonymous", "user"),
    "routing.help.forget": only("system"),
}
