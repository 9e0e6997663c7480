"""The pages of /login that this area brings."""

from farhand.rules.text import gettext_noop as _
from farhand.web.design.menu import Page

PAGES = (
    Page(
        section="Public Portals",
        label=_("Public Sites"),
        path="/login/public-portals/public-sites",
        action="portals.portals.view",
    ),
    Page(
        section="Public Portals",
        label=_("Customer Client"),
        path="/login/public-portals/customer-client",
        action="portals.portals.view",
    ),
)
