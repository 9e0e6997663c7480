"""Who may edit issues and rules for waiting sessions, and ask for help at the public portal."""

from farhand.rules.access import Policy, needs, only
from farhand.rules.permissions import EDIT_ISSUES

POLICIES: dict[str, Policy] = {
    "routing.issues.view": needs(EDIT_ISSUES),
    "routing.issue.create": needs(EDIT_ISSUES),
    "routing.issue.edit": needs(EDIT_ISSUES),
    "routing.issue.remove": needs(EDIT_ISSUES),
    "routing.help.ask": only("anonymous", "user"),
    "routing.help.forget": only("system"),
}
