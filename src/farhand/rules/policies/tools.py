"""Who may use which tool of a session: one policy per row of `farhand.rules.grants.TOOLS`, all made by one function.

Whether somebody is in the session at all is another question (`support.session.ticket`).
"""

from farhand.rules.access import ALLOW, Context, Decision, Object, Policy, Subject, needs, refuse
from farhand.rules.grants import TOOLS, Tool, level_of, reaches
from farhand.rules.permissions import DENY, JUMP_CLIENT, SUPPORT_ALLOWED
from farhand.rules.text import gettext_noop as _

OTHER_KIND = _("This tool does not exist in this kind of session.")
CHAT_ONLY = _("The customer only chats in the browser. Ask for the full customer client to use this tool.")
SWITCHED_OFF = _(
    "This tool is switched off for the whole site. An administrator can allow it under Management > Security."
)
DENIED = _("Your account is not allowed to use this tool. Ask an administrator for the permission.")
_HELPS = {
    "jump": needs(JUMP_CLIENT, reason=_("Your account is not allowed to use Jump Clients.")),
    "support": needs(SUPPORT_ALLOWED, reason=_("Your account is not allowed to give remote support.")),
}


def use(tool: Tool) -> Policy:
    """Policy: in this kind of session, with the switch on, allowed by the first place that defines the permission."""

    def policy(subject: Subject, obj: Object, context: Context) -> Decision:
        kind = obj.facts.get("session_kind")
        if not isinstance(kind, str) or kind not in tool.kinds:
            return refuse(OTHER_KIND)
        if obj.facts.get("click_to_chat") and not tool.in_chat:
            return refuse(CHAT_ONLY)
        if tool.switch and tool.switch not in context.switches:
            return refuse(SWITCHED_OFF)
        level = level_of(tool.permission, subject, context) if tool.permission else ""
        if subject.kind in ("agent", "customer"):
            # The endpoint serves; what a representative may use is that leg's grants.
            return (
                refuse(DENIED)
                if level == DENY or (level and not reaches(tool.permission, level, tool.level))
                else ALLOW
            )
        if subject.kind != "user":
            return refuse(DENIED)
        helps = _HELPS[kind](subject, obj, context)
        if not helps.allowed or not tool.permission or reaches(tool.permission, level, tool.level):
            return helps
        return refuse(DENIED)

    return policy


POLICIES: dict[str, Policy] = {tool.name: use(tool) for tool in TOOLS}
