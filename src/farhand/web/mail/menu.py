"""The page of /login that this area brings."""

from farhand.rules.text import gettext_noop as _
from farhand.web.design.menu import Page

PAGES = (
    Page(
        section="Management",
        label=_("Email Configuration"),
        path="/login/management/email-configuration",
        action="mail.settings.view",
    ),
)
