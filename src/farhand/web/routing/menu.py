"""The pages of /login that this area brings."""

from farhand.rules.text import gettext_noop as _
from farhand.web.design.menu import Page

PAGES = (
    Page(section="Configuration", label=_("Issues"), path="/login/configuration/issues", action="routing.issues.view"),
    Page(
        section="Configuration",
        label=_("Waiting Session Rules"),
        path="/login/configuration/waiting-session-rules",
        action="routing.rules.view",
    ),
    Page(
        section="Configuration", label=_("Options"), path="/login/configuration/options", action="routing.fallback.view"
    ),
)
