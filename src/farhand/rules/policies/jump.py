"""Who may edit Jump Groups, enrol and edit Jump Clients, and start a Jump.

The role in a Jump Group decides (`no_access` < `start_sessions` < `administrator`); no role is no access. An
administrator of the site may edit every group's items, and needs a role, like everybody, to Jump.
"""

from farhand.rules.access import ALLOW, Context, Decision, Object, Policy, Subject, needs, only, refuse
from farhand.rules.permissions import ADMIN, EDIT_JUMP_GROUPS, JUMP_CLIENT
from farhand.rules.policies.support import console_open
from farhand.rules.roles import ADMINISTRATOR, STARTING
from farhand.rules.text import gettext_noop as _

PASSWORD_NEEDED = _("This Jump Client asks for a password before every Jump.")
WRONG_PASSWORD = _("This is not the password of this Jump Client.")


def edit_items(subject: Subject, obj: Object, _context: Context) -> Decision:
    """Administrators of the object's Jump Group who may use Jump Clients, and administrators of the site."""
    if subject.kind == "system" or (subject.kind == "user" and subject.has(ADMIN)):
        return ALLOW
    if subject.kind != "user" or not subject.has(JUMP_CLIENT):
        return refuse(_("Your account is not allowed to use Jump Clients."))
    groups = [obj.group, *([obj.facts["new_group"]] if "new_group" in obj.facts else [])]
    if all(isinstance(group, str) and subject.groups.get(group) == ADMINISTRATOR for group in groups):
        return ALLOW
    return refuse(_("You need the Administrator role in this Jump Group."))


def start(subject: Subject, obj: Object, context: Context) -> Decision:
    """R-096: those with a role that starts sessions in the item's Jump Group, and its password where it has one.

    `facts["password"]`: `right` (also when there is none), `wrong` or `missing`.
    """
    first = console_open(subject, obj, context)
    if not first.allowed:
        return first
    if not subject.has(JUMP_CLIENT):
        return refuse(_("Your account is not allowed to use Jump Clients."))
    if obj.group is None or subject.groups.get(obj.group) not in STARTING:
        return refuse(_("You have no access to this Jump Item."))
    if obj.facts.get("password") != "right":
        return refuse(WRONG_PASSWORD if obj.facts.get("password") == "wrong" else PASSWORD_NEEDED)
    return ALLOW


def sees(subject: Subject, group: str) -> bool:
    """Say whether the subject sees the items of a Jump Group."""
    return subject.kind == "user" and subject.has(JUMP_CLIENT) and subject.groups.get(group) in STARTING


def view_clients(subject: Subject, _object: Object, _context: Context) -> Decision:
    """Administrators of the site, and of any Jump Group."""
    if subject.kind == "user" and (
        subject.has(ADMIN) or (subject.has(JUMP_CLIENT) and ADMINISTRATOR in subject.groups.values())
    ):
        return ALLOW
    return refuse(_("You need the Administrator role in a Jump Group."))


POLICIES: dict[str, Policy] = {
    "jump.clients.view": view_clients,
    "jump.groups.view": needs(EDIT_JUMP_GROUPS),
    "jump.group.create": needs(EDIT_JUMP_GROUPS),
    "jump.group.edit": needs(EDIT_JUMP_GROUPS),
    "jump.group.remove": needs(EDIT_JUMP_GROUPS),
    "jump.group.set_members": needs(EDIT_JUMP_GROUPS),
    "jump.enrolment.create": edit_items,
    "jump.enrolment.revoke": edit_items,
    "jump.client.enrol": only("anonymous"),
    "jump.client.edit": edit_items,
    "jump.client.remove": edit_items,
    "jump.client.set_password": edit_items,
    "jump.client.start": start,
    "jump.pin.order": edit_items,
    "jump.unpin.order": edit_items,
    "jump.client.pin": only("anonymous"),
    "jump.client.unpin": only("anonymous"),
    "jump.links.apply": only("system"),
}
