"""Who may change accounts, teams and their own profile."""

from farhand.rules.access import ALLOW, Context, Decision, Object, Policy, Subject, any_of, needs, only, refuse
from farhand.rules.permissions import (
    ADMIN,
    CHANGE_DISPLAY_NAME,
    EDIT_TEAMS,
    EXTENDED_AVAILABILITY,
    SET_PASSWORDS,
    exceeds,
)
from farhand.rules.text import gettext_noop as _

NOT_MORE = _("You cannot give an account more than your own account has.")


def own(subject: Subject, obj: Object, _context: Context) -> Decision:
    """The object belongs to the user who asks."""
    if subject.kind == "user" and subject.id and obj.owner == subject.id:
        return ALLOW
    return refuse(_("You can change your own account only."))


def not_more(subject: Subject, obj: Object, _context: Context) -> Decision:
    """The permissions in `facts["permissions"]` do not go beyond the subject's own."""
    wanted = obj.facts.get("permissions", ())
    if subject.kind == "system" or (
        isinstance(wanted, frozenset | tuple | list) and not exceeds(wanted, subject.permissions)
    ):
        return ALLOW
    return refuse(NOT_MORE)


def edit_users(subject: Subject, obj: Object, context: Context) -> Decision:
    """An administrator, within what that administrator has; a policy gives what an account would."""
    first = needs(ADMIN)(subject, obj, context)
    return not_more(subject, obj, context) if first.allowed else first


def set_password(subject: Subject, obj: Object, context: Context) -> Decision:
    """Administrators, or holders of the permission for accounts that are no stronger than their own."""
    first = needs(SET_PASSWORDS)(subject, obj, context)
    return not_more(subject, obj, context) if first.allowed else first


def change_own_name(subject: Subject, obj: Object, context: Context) -> Decision:
    """One's own display name, with the permission for it."""
    mine = own(subject, obj, context)
    return needs(CHANGE_DISPLAY_NAME)(subject, obj, context) if mine.allowed else mine


def be_available(subject: Subject, obj: Object, context: Context) -> Decision:
    """One's own extended availability: on with the permission, off always."""
    mine = own(subject, obj, context)
    if not mine.allowed or obj.facts.get("on") is False:
        return mine
    return needs(EXTENDED_AVAILABILITY)(subject, obj, context)


def claim(_subject: Subject, _object: Object, context: Context) -> Decision:
    """Only before the claim; the token is consumed by the service itself."""
    return refuse(_("This appliance has been claimed already.")) if context.claimed else ALLOW


POLICIES: dict[str, Policy] = {
    "accounts.appliance.claim": claim,
    "accounts.claim_link.create": claim,
    "accounts.user.create": edit_users,
    "accounts.user.edit": edit_users,
    "accounts.user.disable": edit_users,
    "accounts.user.set_password": set_password,
    "accounts.user.change_own_password": own,
    "accounts.user.change_profile": change_own_name,
    "accounts.user.set_available": be_available,
    "accounts.user.enable_second_factor": own,
    "accounts.user.disable_second_factor": any_of(own, needs(ADMIN)),
    "accounts.user.sign_in": only("anonymous", "user"),
    "accounts.user.sign_out": own,
    "accounts.group_policies.view": needs(ADMIN),
    "accounts.group_policy.create": edit_users,
    "accounts.group_policy.edit": edit_users,
    "accounts.group_policy.remove": edit_users,
    "accounts.users.view": any_of(needs(ADMIN), needs(SET_PASSWORDS)),
    "accounts.teams.view": needs(EDIT_TEAMS),
    "accounts.self.view": only("user"),
    "accounts.team.create": needs(EDIT_TEAMS),
    "accounts.team.edit": needs(EDIT_TEAMS),
    "accounts.team.remove": needs(EDIT_TEAMS),
    "accounts.team.set_members": needs(EDIT_TEAMS),
    "accounts.presence.note": only("system"),
    "accounts.presence.replace": only("system"),
    "accounts.appliance_user.sign_in": only("anonymous", "appliance-user"),
    "accounts.appliance_user.set_password": only("system"),
    "accounts.appliance_user.sign_out": only("appliance-user"),
}
