"""The pages of /login that this area brings."""

from farhand.rules.text import gettext_noop as _
from farhand.web.design.menu import Page

PAGES = (
    Page(section="Jump", label=_("Jump Clients"), path="/login/jump/clients", action="jump.clients.view"),
    Page(section="Jump", label=_("Jump Groups"), path="/login/jump/groups", action="jump.groups.view"),
)
