"""Which tools of a session somebody may use, and where: the one table, asked through `access.decide` like everything.

Each grant bit has a row in `TOOLS`: the permission and its least level that give it, the site switch without which
nobody has it, and the kinds of session in which it exists. A permission of a tool is allowed (at a level), denied or
not defined; the first place that defines it wins: `Context.policies` (Jump Item, portal), the account,
`Context.default_policy` (the site's). Rules: what nobody defines is no access; a leg's grants are decided here and
nowhere else; an administrator has every level that the own account does not deny. An endpoint's leg serves whatever
some account could be allowed, so only switches and policies take something from it.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import reduce
from operator import or_
from typing import Final

import msgspec

from farhand.protocol.channels import Grant
from farhand.protocol.messages import Limits
from farhand.rules.access import Context, Object, Subject, decide
from farhand.rules.permissions import (
    ADMIN,
    DENY,
    SESSION_ACTIONS,
    SESSION_CHAT,
    SESSION_CLIPBOARD,
    SESSION_FILES,
    SESSION_PIN,
    SESSION_PRIVACY,
    SESSION_REBOOT,
    SESSION_SCREEN,
    SESSION_SCRIPTS,
    SESSION_SHELL,
    levels_of,
)
from farhand.rules.sessions import Kind

BOTH: Final[frozenset[Kind]] = frozenset(("jump", "support"))

CLIPBOARD: Final = "clipboard"
"""Site switch: clipboards may be shared at all."""
SHELL_RECORDING: Final = "shell_recording"
"""Site switch: Command Shells are recorded."""

DEFAULT_POLICY: Final[Mapping[str, str]] = {
    SESSION_CHAT: "allow",
    SESSION_SCREEN: "control",
    SESSION_SHELL: "allow",
}
"""The site's policy until an administrator sets another one."""


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """What one grant bit needs."""

    grant: Grant
    action: str
    """Asked of `decide` as `support.tool.ACTION`."""
    permission: str = ""
    """Empty: whoever is in the session has it."""
    level: str = "allow"
    """Least level of the permission."""
    switch: str = ""
    """Site switch (`Context.switches`)."""
    kinds: frozenset[Kind] = BOTH
    in_chat: bool = False
    """It exists while the customer only chats in the browser (click-to-chat)."""

    @property
    def name(self) -> str:
        """The action's whole name."""
        return f"support.tool.{self.action}"


TOOLS: Final = (
    Tool(grant=Grant.SYSTEM, action="follow", in_chat=True),
    Tool(grant=Grant.CHAT, action="chat", permission=SESSION_CHAT, in_chat=True),
    Tool(grant=Grant.SCREEN_VIEW, action="view_screen", permission=SESSION_SCREEN, level="view"),
    Tool(grant=Grant.SCREEN_CONTROL, action="control_screen", permission=SESSION_SCREEN, level="control"),
    Tool(grant=Grant.PRIVACY, action="privacy", permission=SESSION_PRIVACY),
    Tool(grant=Grant.FILES_WRITE, action="upload_files", permission=SESSION_FILES, level="upload"),
    Tool(grant=Grant.FILES_READ, action="download_files", permission=SESSION_FILES, level="download"),
    Tool(grant=Grant.FILES_DELETE, action="delete_files", permission=SESSION_FILES, level="manage"),
    Tool(grant=Grant.SHELL, action="shell", permission=SESSION_SHELL),
    Tool(grant=Grant.SCRIPTS, action="scripts", permission=SESSION_SCRIPTS),
    Tool(grant=Grant.ACTIONS, action="actions", permission=SESSION_ACTIONS),
    Tool(grant=Grant.PIN, action="pin", permission=SESSION_PIN),
    Tool(grant=Grant.REBOOT, action="reboot", permission=SESSION_REBOOT),
    Tool(grant=Grant.CLIPBOARD_WRITE, action="send_clipboard", permission=SESSION_CLIPBOARD, level="send",
         switch=CLIPBOARD),
    Tool(grant=Grant.CLIPBOARD_READ, action="take_clipboard", permission=SESSION_CLIPBOARD, level="both",
         switch=CLIPBOARD),
)  # fmt: skip


RECORDED: Final[dict[Grant, str]] = {Grant.SCREEN_VIEW: "", Grant.SHELL: SHELL_RECORDING}
"""What the recorder may see, and the site switch that lets it ("": always)."""


def recorder_grants(switches: Collection[str]) -> Grant:
    """Return what the recorder of a session may see while these site switches are on (R-184)."""
    return reduce(or_, (grant for grant, switch in RECORDED.items() if not switch or switch in switches), Grant.NONE)


def grants_of(kind: Kind, subject: Subject, context: Context, *, click_to_chat: bool = False) -> Grant:
    """Return what a leg of `subject` may do in a session of this kind: every tool to which `decide` says yes.

    `click_to_chat`: its customer chats in the browser, and no client runs.
    """
    session = Object(kind="session", facts={"session_kind": kind, "click_to_chat": click_to_chat})
    found = Grant.NONE
    for tool in TOOLS:
        if decide(subject, tool.name, session, context).allowed:
            found |= tool.grant
    return found


def limits_of(subject: Subject, actions_off: Collection[str] = ()) -> Limits:
    """Return how far the grants of a leg of `subject` go (R-191). `actions_off`: special actions that the site does not
    offer to anybody (R-309).
    """
    return Limits(
        files_read=list(subject.files_read),
        files_write=list(subject.files_write),
        actions_off=sorted(actions_off) if subject.kind == "user" else [],
    )


def level_of(permission: str, subject: Subject, context: Context) -> str:
    """Return the level of a tool's permission from the first place that defines it; empty when none does.

    An endpoint is asked for the places before the account only.
    """
    for policy in context.policies:
        if permission in policy:
            return policy[permission]
    if subject.kind != "user":
        return ""
    return defined(permission, subject.permissions) or context.default_policy.get(permission, "")


def defined(permission: str, held: Iterable[str]) -> str:
    """Return what an account with these names says of a tool's permission: `deny`, its highest level, or empty."""
    names = frozenset(held)
    if f"{permission}.{DENY}" in names:
        return DENY
    levels = levels_of(permission)
    if ADMIN in names:
        return levels[-1]
    return next((level for level in reversed(levels) if f"{permission}.{level}" in names), "")


def reaches(permission: str, level: str, least: str) -> bool:
    """Say whether a level gives at least `least`."""
    levels = levels_of(permission)
    return level != DENY and level in levels and levels.index(level) >= levels.index(least)
