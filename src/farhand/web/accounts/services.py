"""Changes of users and their passwords. Teams stand in `teams.py`, the claim in `claim.py`, signing in in `signin.py`.

Rules: an account never gets more than its creator has; the last administrator who can sign in stays one; a changed
password or a disabled account ends the browser sessions of that account at their next request.
"""

import re
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext

from farhand.rules.access import Object
from farhand.rules.permissions import ADMIN, DENIALS, unknown
from farhand.web.accounts import passwords, queries
from farhand.web.accounts.limits import EVERYWHERE, FileLimits
from farhand.web.accounts.models import NAME_MAX, ApplianceUser, User
from farhand.web.accounts.reach import keep_an_administrator, lessened
from farhand.web.project import revocation
from farhand.web.project.service import Change, Conflict, Invalid, NotThere, service

USERNAME = re.compile(r"[^\s\x00-\x1f\x7f/\\:*?\"<>|]+")


@service("accounts.user.create")
def create_user(
    change: Change,
    *,
    username: str,
    display_name: str,
    password: str,
    permissions: Iterable[str] = (),
    email: str = "",
    limits: FileLimits = EVERYWHERE,
) -> User:
    """Create a user. Invalid names the field; Refused when `permissions` go beyond the caller's."""
    wanted = _permissions(permissions)
    change.allow(Object(kind="user", facts={"permissions": wanted}))
    return add_user(change, username, display_name, password, wanted, email, limits)


def add_user(
    change: Change,
    username: str,
    display_name: str,
    password: str,
    permissions: frozenset[str],
    email: str = "",
    limits: FileLimits = EVERYWHERE,
) -> User:
    """Create a user inside a service that has asked the rules."""
    username = clean_username(username)
    display_name = clean_display_name(display_name or username)
    if queries.user_by_name(username) is not None:
        raise Invalid("username", gettext("There is a user of this name already. Choose another name."))
    user = User(
        username=username,
        display_name=display_name,
        email=clean_email(email),
        permissions=sorted(permissions),
        limits=limits.row(),
        created_ms=change.now_ms,
    )
    user.set_password(passwords.check_new(password, username, display_name))
    user.save(force_insert=True)
    change.about("user", user.id)
    change.audit(username=username, display_name=display_name, permissions=user.permissions, limits=user.limits)
    tell(change, user)
    return user


@service("accounts.user.edit")
def edit_user(
    change: Change,
    *,
    user_id: str,
    display_name: str,
    permissions: Iterable[str],
    email: str = "",
    limits: FileLimits | None = None,
) -> User:
    """Change name, mail address, permissions and limits (None: as they are) of a user who is not stronger than the
    caller. What runs is judged anew.
    """
    user = _user(user_id)
    wanted = _permissions(permissions)
    touched = user.held() | user.resolved(wanted).permissions | wanted - DENIALS
    change.allow(Object(kind="user", id=user.id, facts={"permissions": touched}))
    change.audit(
        display_name={"from": user.display_name, "to": display_name},
        permissions={"from": user.permissions, "to": sorted(wanted)},
        limits={"from": user.limits, "to": user.limits if limits is None else limits.row()},
    )
    before = queries.subject_of(user)
    user.display_name = clean_display_name(display_name)
    user.email = clean_email(email)
    user.permissions = sorted(wanted)
    user.limits = user.limits if limits is None else limits.row()
    user.save(update_fields=["display_name", "email", "permissions", "limits"])
    after = queries.subject_of(user)
    if before.has(ADMIN) and not after.has(ADMIN):
        keep_an_administrator()
    tell(change, user)
    if before != after:
        revocation.access_changed(change, [user.id], reduced=lessened(before, after))
    return user


@service("accounts.user.disable")
def disable_user(change: Change, *, user_id: str, disabled: bool) -> User:
    """Disable a user, or enable again."""
    user = _user(user_id)
    change.allow(Object(kind="user", id=user.id, facts={"permissions": user.held()}))
    if disabled and user.id == change.actor.subject.id:
        raise Conflict(gettext("You cannot disable your own account. Ask another administrator."))
    user.is_active = not disabled
    user.save(update_fields=["is_active"])
    if disabled and user.may(ADMIN):
        keep_an_administrator()
    change.audit(disabled=disabled)
    tell(change, user)
    revocation.access_changed(change, [user.id], reduced=disabled)
    return user


@service("accounts.user.set_password", events="a password is no part of any snapshot")
def set_password(change: Change, *, user_id: str, password: str) -> User:
    """Give a user a new password."""
    user = _user(user_id)
    change.allow(Object(kind="user", id=user.id, facts={"permissions": user.held()}))
    user.set_password(passwords.check_new(password, user.username, user.display_name))
    user.save(update_fields=["password"])
    revocation.end_listening(change, [user.id])
    return user


@service("accounts.appliance_user.set_password", events="consoles know nothing of appliance accounts")
def set_appliance_password(change: Change, *, username: str, password: str) -> ApplianceUser:
    """Give an account of /appliance a new password; for the command line of the machine's owner."""
    account = ApplianceUser.objects.select_for_update().filter(username__iexact=username.strip()).first()
    change.allow(Object(kind="appliance-user", id=account.id if account else ""))
    if account is None:
        raise NotThere(gettext("There is no such appliance account."))
    account.set_password(passwords.check_new(password, account.username))
    account.save(update_fields=["password"])
    return account


@service("accounts.user.change_own_password", events="a password is no part of any snapshot")
def change_own_password(change: Change, *, old: str, new: str) -> User:
    """Change one's own password; the old one proves that it is oneself."""
    user = _user(change.actor.subject.id)
    change.allow(Object(kind="user", id=user.id, owner=user.id))
    if not user.check_password(passwords.clean(old)):
        raise Invalid("old", gettext("The current password is not right."))
    user.set_password(passwords.check_new(new, user.username, user.display_name, field="new"))
    user.save(update_fields=["password"])
    revocation.end_listening(change, [user.id])
    return user


@service("accounts.user.change_profile")
def change_profile(change: Change, *, display_name: str) -> User:
    """Change one's own display name."""
    user = _user(change.actor.subject.id)
    change.allow(Object(kind="user", id=user.id, owner=user.id))
    change.audit(display_name={"from": user.display_name, "to": display_name})
    user.display_name = clean_display_name(display_name)
    user.save(update_fields=["display_name"])
    tell(change, user)
    return user


@service("accounts.user.set_available", events="consoles ask for it with the list of those who can be invited")
def set_available(change: Change, *, on: bool) -> None:
    """Turn one's own extended availability on or off. Raises Refused, Invalid (field `extended_availability`)."""
    user = _user(change.actor.subject.id)
    change.allow(Object(kind="user", id=user.id, owner=user.id, facts={"on": on}))
    if on and not user.email:
        raise Invalid(
            "extended_availability",
            gettext("Your account has no mail address. An administrator can add one under Users & Security > Users."),
        )
    if user.extended_availability == on:
        change.nothing()
        return
    change.audit(extended_availability=on)
    user.extended_availability = on
    user.save(update_fields=["extended_availability"])


def tell(change: Change, user: User) -> None:
    """Tell the user's consoles how the user and the personal queue look now."""
    topic = f"user:{user.id}"
    change.put(topic, "me", user.id, queries.me(user))
    change.put(topic, "queues", topic, queries.personal_queue(user))


def clean_username(text: str, field: str = "username") -> str:
    """Return a user name without outer blanks, or raise Invalid."""
    name = text.strip()
    if not USERNAME.fullmatch(name) or not name.isprintable() or len(name) > NAME_MAX:
        raise Invalid(
            field, gettext('A user name has 1 to 64 characters, without blanks and without / \\ : * ? " < > |.')
        )
    return name


def clean_display_name(text: str, field: str = "display_name") -> str:
    """Return a name for people without outer blanks, or raise Invalid."""
    name = " ".join(text.split())
    if not name or len(name) > NAME_MAX or not name.isprintable():
        raise Invalid(field, gettext("A name has 1 to 64 characters that can be printed."))
    return name


def clean_email(text: str) -> str:
    """Return a mail address or an empty text, or raise Invalid."""
    address = text.strip()
    if address:
        try:
            validate_email(address)
        except ValidationError as error:
            raise Invalid("email", gettext("This is not a mail address.")) from error
    return address


def _permissions(names: Iterable[str]) -> frozenset[str]:
    wanted = frozenset(names)
    strange = unknown(wanted)
    if strange:
        raise Invalid("permissions", gettext("There is no permission %(name)s.") % {"name": sorted(strange)[0][:64]})
    return wanted


def _user(ident: str) -> User:
    user = User.objects.select_for_update().filter(id=ident).first()
    if user is None:
        raise NotThere(gettext("There is no such user any more."))
    return user
