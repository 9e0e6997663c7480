"""The page of /login that this area brings."""

from farhand.rules.text import gettext_noop as _
from farhand.web.design.menu import Page

PAGES = (
    Page(
        section="Console Settings",
        label=_("Canned Scripts"),
        path="/login/console-settings/canned-scripts",
        action="scripts.scripts.view",
    ),
)
