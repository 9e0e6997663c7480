"""Names of the permissions that an account can have, their levels and what implies what.

Source of the names: the field's own (`perm_...`), so that configurations can be moved. All are off by default. A
permission with levels is written `name.level` (`perm_view_support_reports.team_sessions`); a set of permissions holds
plain text. Each can be denied as well (`name.deny`): that answers a group policy's default
(`farhand.rules.group_policies`). Permissions of a session's tools (`perm_session_...`, names of our own: the field
publishes none) are held denied, too, and not defined means that the site's policy decides (`farhand.rules.grants`).
Rules: a name that is not listed here is refused, never ignored; `perm_admin` implies everything that is listed, but no
denial.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from farhand.rules.text import gettext_noop as _


class Permission(msgspec.Struct, frozen=True):
    """One permission: its name, the heading under which forms show it, its label, and its levels if it has some."""

    name: str
    heading: str
    label: str
    levels: tuple[tuple[str, str], ...] = ()
    offered: bool = False
    """Something in this release asks for it, so forms show it."""
    undefined: str = _("Not allowed")
    """What forms call it when no level is chosen."""

    @property
    def names(self) -> frozenset[str]:
        """The texts that may stand for it in a set of permissions."""
        given = [f"{self.name}.{level}" for level, _label in self.levels] or [self.name]
        return frozenset((*given, f"{self.name}.{DENY}"))


GENERAL: Final = _("General")
REPORTING: Final = _("Reporting")
REPRESENTATIVE: Final = _("Representative")
JUMP: Final = _("Jump")
SESSION: Final = _("Session Tools")
DENY: Final = "deny"
ALLOWED: Final = "allow"
"""The value of a permission without levels that is held."""

ADMIN: Final = "perm_admin"
SET_PASSWORDS: Final = "perm_set_passwords"
EDIT_JUMP_GROUPS: Final = "perm_edit_jump_groups"
EDIT_CANNED_SCRIPTS: Final = "perm_edit_canned_scripts"
EDIT_TEAMS: Final = "perm_edit_sd_teams"
EDIT_ISSUES: Final = "perm_edit_issues"
EDIT_PUBLIC_SITES: Final = "perm_edit_public_template"
CHANGE_DISPLAY_NAME: Final = "perm_change_display_name"
SHOW_ON_PUBLIC_LIST: Final = "perm_show_on_public_list"
VIEW_REPORTS: Final = "perm_view_support_reports"
VIEW_RECORDINGS: Final = "perm_view_sd_recordings"
SUPPORT_ALLOWED: Final = "perm_support_allowed"
ACCESS_ALLOWED: Final = "perm_access_allowed"
GENERATE_SESSION_KEY: Final = "perm_generate_session_key"
ACCEPT_TEAM_SESSIONS: Final = "perm_accept_team_sessions"
NEXT_SESSION: Final = "perm_next_session_button"
TRANSFER_OTHER_TEAM: Final = "perm_transfer_other_team"
SHARE_OTHER_TEAM: Final = "perm_share_other_team"
COLLABORATE: Final = "perm_collaborate"
EXTENDED_AVAILABILITY: Final = "perm_extended_availability_mode_allowed"
JUMP_CLIENT: Final = "perm_jump_client"

SESSION_CHAT: Final = "perm_session_chat"
SESSION_SCREEN: Final = "perm_session_screen"
SESSION_PRIVACY: Final = "perm_session_privacy"
SESSION_FILES: Final = "perm_session_files"
SESSION_SHELL: Final = "perm_session_shell"
SESSION_SCRIPTS: Final = "perm_session_scripts"
SESSION_ACTIONS: Final = "perm_session_actions"
SESSION_REBOOT: Final = "perm_session_reboot"
SESSION_PIN: Final = "perm_session_pin"
SESSION_CLIPBOARD: Final = "perm_session_clipboard"

REPORT_LEVELS: Final = (
    ("user_sessions", _("Own sessions only")),
    ("team_sessions", _("Sessions of own teams")),
    ("jump_group_sessions", _("Sessions of own Jump Groups")),
    ("all_sessions", _("All sessions")),
)

_ALLOW: Final = ((ALLOWED, _("Allow")),)


def _tool(name: str, label: str, levels: tuple[tuple[str, str], ...] = _ALLOW) -> Permission:
    """A tool of a session: `levels` rise, each gives what those before it give."""
    denied = (DENY, _("Deny"))
    return Permission(name, SESSION, label, (denied, *levels), offered=True, undefined=_("Not Defined"))


PERMISSIONS: Final[tuple[Permission, ...]] = (
    Permission(ADMIN, GENERAL, _("Administrator"), offered=True),
    Permission(SET_PASSWORDS, GENERAL, _("Allowed to Set Passwords"), offered=True),
    Permission(EDIT_JUMP_GROUPS, GENERAL, _("Allowed to Edit Jump Groups"), offered=True),
    Permission(EDIT_TEAMS, GENERAL, _("Allowed to Edit Support Teams"), offered=True),
    Permission(CHANGE_DISPLAY_NAME, GENERAL, _("Allowed to Change Display Names"), offered=True),
    Permission(SHOW_ON_PUBLIC_LIST, GENERAL, _("Allowed to Show on Public Site"), offered=True),
    Permission("perm_admin_pushagents", GENERAL, _("Allowed to Edit Jumpoints")),
    Permission(EDIT_ISSUES, GENERAL, _("Allowed to Edit Issues"), offered=True),
    Permission("perm_edit_skills", GENERAL, _("Allowed to Edit Skills")),
    Permission(EDIT_PUBLIC_SITES, GENERAL, _("Allowed to Edit Public Site Templates"), offered=True),
    Permission("perm_edit_public_file_store", GENERAL, _("Allowed to Edit File Store")),
    Permission("perm_edit_messages", GENERAL, _("Allowed to Edit Canned Messages")),
    Permission(EDIT_CANNED_SCRIPTS, GENERAL, _("Allowed to Edit Canned Scripts"), offered=True),
    Permission("perm_edit_custom_rep_links", GENERAL, _("Allowed to Edit Custom Links")),
    Permission("perm_edit_ambush", GENERAL, _("Allowed to Edit Customer Notices")),
    Permission("perm_edit_callback_button_profiles", GENERAL, _("Allowed to Edit Support Button Profiles")),
    Permission("perm_change_rep_avatar", GENERAL, _("Allowed to Change Photo")),
    Permission("perm_vault", GENERAL, _("Allowed to Administer Vault")),
    Permission(VIEW_REPORTS, REPORTING, _("Allowed to View Session Reports"), REPORT_LEVELS, offered=True),
    Permission(VIEW_RECORDINGS, REPORTING, _("Allowed to View Session Recordings"), offered=True),
    Permission("perm_view_license_reports", REPORTING, _("Allowed to View License Usage Reports")),
    Permission("perm_view_syslog_reports", REPORTING, _("Allowed to View Syslog Reports")),
    Permission(SUPPORT_ALLOWED, REPRESENTATIVE, _("Allowed to Provide Remote Support"), offered=True),
    Permission(
        GENERATE_SESSION_KEY, REPRESENTATIVE, _("Allowed to Generate Session Keys for Support Sessions"), offered=True
    ),
    Permission(
        ACCEPT_TEAM_SESSIONS, REPRESENTATIVE, _("Allowed to Manually Accept Sessions from a Team Queue"), offered=True
    ),
    Permission(TRANSFER_OTHER_TEAM, REPRESENTATIVE, _("Allowed to Transfer Sessions to Other Teams"), offered=True),
    Permission(SHARE_OTHER_TEAM, REPRESENTATIVE, _("Allowed to Share Sessions with Other Teams"), offered=True),
    Permission("perm_invite_external_rep", REPRESENTATIVE, _("Allowed to Invite External Representatives")),
    Permission(NEXT_SESSION, REPRESENTATIVE, _("Allowed to Use the Get Next Session Feature"), offered=True),
    Permission(EXTENDED_AVAILABILITY, REPRESENTATIVE, _("Allowed to Use Extended Availability Mode"), offered=True),
    Permission(COLLABORATE, REPRESENTATIVE, _("Allowed to Join Shared Sessions"), offered=True),
    Permission(ACCESS_ALLOWED, JUMP, _("Allowed to Access Endpoints"), offered=True),
    Permission(JUMP_CLIENT, JUMP, _("Jump Clients"), offered=True),
    Permission("perm_local_jump", JUMP, _("Local Jump")),
    Permission("perm_remote_jump", JUMP, _("Remote Jump")),
    Permission("perm_remote_rdp", JUMP, _("Remote RDP")),
    Permission("perm_remote_vnc", JUMP, _("Remote VNC")),
    Permission("perm_shell_jump", JUMP, _("Shell Jump")),
    Permission("perm_web_jump", JUMP, _("Web Jump")),
    Permission("perm_protocol_tunnel", JUMP, _("Protocol Tunnel Jump")),
    _tool(SESSION_SCREEN, _("Screen Sharing"), (("view", _("View Only")), ("control", _("View and Control")))),
    _tool(SESSION_PRIVACY, _("Privacy Screen")),
    _tool(
        SESSION_FILES,
        _("File Transfer"),
        (
            ("upload", _("Upload only")),
            ("download", _("Upload and download")),
            ("manage", _("Upload, download, rename and delete")),
        ),
    ),
    _tool(SESSION_SHELL, _("Command Shell")),
    _tool(SESSION_SCRIPTS, _("Canned Scripts")),
    _tool(SESSION_ACTIONS, _("Special Actions")),
    _tool(SESSION_REBOOT, _("Reboot")),
    _tool(
        SESSION_CLIPBOARD,
        _("Clipboard Sharing"),
        (("send", _("To the remote computer")), ("both", _("In both directions"))),
    ),
    _tool(SESSION_PIN, _("Jump Client Pinning")),
    _tool(SESSION_CHAT, _("Chat")),
)

NAMES: Final[frozenset[str]] = frozenset(name for permission in PERMISSIONS for name in permission.names)
"""Every text that may stand in a set of permissions."""

TOOLS: Final[dict[str, tuple[str, ...]]] = {
    permission.name: tuple(level for level, _label in permission.levels if level != DENY)
    for permission in PERMISSIONS
    if permission.heading == SESSION
}
"""Permissions of tools and the levels at which they are allowed, rising."""
DENIALS: Final[frozenset[str]] = frozenset(f"{permission.name}.{DENY}" for permission in PERMISSIONS)
TOOL_DENIALS: Final[frozenset[str]] = frozenset(f"{name}.{DENY}" for name in TOOLS)
"""The denials that are held themselves: they keep the site's policy from giving the tool."""
BY_NAME: Final[dict[str, Permission]] = {permission.name: permission for permission in PERMISSIONS}

IMPLIED: Final[dict[str, frozenset[str]]] = {
    ADMIN: NAMES - DENIALS,
    f"{VIEW_REPORTS}.team_sessions": frozenset({f"{VIEW_REPORTS}.user_sessions"}),
    f"{VIEW_REPORTS}.jump_group_sessions": frozenset({f"{VIEW_REPORTS}.user_sessions"}),
    f"{VIEW_REPORTS}.all_sessions": frozenset({f"{VIEW_REPORTS}.{level}" for level, _label in REPORT_LEVELS}),
} | {
    f"{name}.{level}": frozenset(f"{name}.{lower}" for lower in levels[:number])
    for name, levels in TOOLS.items()
    for number, level in enumerate(levels)
}


def levels_of(tool: str) -> tuple[str, ...]:
    """Return the levels at which a tool's permission can be allowed, rising. KeyError for other permissions."""
    return TOOLS[tool]


def unknown(permissions: Iterable[str]) -> frozenset[str]:
    """Return the texts that are no permission."""
    return frozenset(permissions) - NAMES


def expand(permissions: Iterable[str]) -> frozenset[str]:
    """Return `permissions` and all that they imply. Unknown names are dropped: they must never decide anything."""
    known = frozenset(permissions) & NAMES
    return known.union(*(IMPLIED.get(name, frozenset()) for name in known))


def exceeds(wanted: Iterable[str], held: Iterable[str]) -> frozenset[str]:
    """Return what `wanted` would give beyond what `held` gives: a minted account must leave this empty.

    A denial gives nothing. To leave out a denial that `held` has may give that tool by the site's policy.
    """
    wanted, held = frozenset(wanted), frozenset(held)
    more = expand(wanted) - expand(held) - DENIALS
    if ADMIN in held:
        return more
    freed = {name.rpartition(".")[0] for name in (held & TOOL_DENIALS) - wanted}
    return more | {f"{name}.{level}" for name in freed for level in TOOLS[name]}
