"""The pages of /login that this face brings."""

from farhand.rules.text import gettext_noop as _
from farhand.web.design.menu import Page

PAGES = (
    Page(section="Status", label=_("Information"), path="/login/status/information", action="appliance.status.view"),
    Page(section="My Account", label=_("Profile"), path="/login/my-account/profile", action="accounts.self.view"),
    Page(section="My Account", label=_("Security"), path="/login/my-account/security", action="accounts.self.view"),
    Page(
        section="Configuration",
        label=_("Support Teams"),
        path="/login/configuration/support-teams",
        action="accounts.teams.view",
    ),
    Page(
        section="Console Settings",
        label=_("Special Actions"),
        path="/login/console-settings/special-actions",
        action="appliance.actions.view",
    ),
    Page(
        section="Users & Security", label=_("Users"), path="/login/users-security/users", action="accounts.users.view"
    ),
    Page(
        section="Users & Security",
        label=_("Group Policies"),
        path="/login/users-security/group-policies",
        action="accounts.group_policies.view",
    ),
    Page(
        section="Management", label=_("Software"), path="/login/management/software", action="appliance.software.view"
    ),
    Page(
        section="Management", label=_("Security"), path="/login/management/security", action="appliance.security.view"
    ),
)
