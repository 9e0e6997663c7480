"""What this face brings to the menu of /login."""

from farhand.rules.text import gettext_noop as _
from farhand.web.design.menu import Page

PAGES = (Page(section="Reports", label=_("Support"), path="/login/reports/support", action="reports.session.list"),)
