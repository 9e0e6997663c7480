"""The claim: how an appliance gets its owner without any password of the factory.

The link carries 128 random bits, holds for one hour, serves once (one conditional UPDATE); only its hash is stored. The
claim makes the administrator of /login, the separate account of /appliance and the site's keys, in one transaction.
"""

import hashlib
import secrets
from collections.abc import Callable

from django.conf import settings
from django.utils.translation import gettext

from farhand.rules.access import Context, Object
from farhand.rules.permissions import ADMIN
from farhand.web.accounts import passwords
from farhand.web.accounts.models import ApplianceUser, ClaimToken, User
from farhand.web.accounts.services import add_user, clean_username
from farhand.web.appliance import keys
from farhand.web.appliance import queries as appliance
from farhand.web.appliance.services import mark_claimed, put_setting
from farhand.web.project.service import Change, Invalid, Refused, service

LIFETIME_MS = 3_600_000

ClaimHook = Callable[[Change, User], None]
_hooks: list[ClaimHook] = []


def on_claim(hook: ClaimHook) -> None:
    """Register what an area does inside the claim's transaction (its first rows); `change.after_commit` is there for
    the rest.
    """
    if hook not in _hooks:
        _hooks.append(hook)


@service("accounts.claim_link.create", events="nobody can be signed in before the claim")
def new_claim_link(change: Change) -> str:
    """Make a new claim link and end older ones. Returns its full address. Refused once the appliance is claimed."""
    change.allow(Object(kind="appliance"), Context(now_ms=change.now_ms, claimed=appliance.is_claimed()))
    token = secrets.token_urlsafe(16)
    ClaimToken.objects.all().delete()
    ClaimToken.objects.create(token_hash=_hash(token), expires_ms=change.now_ms + LIFETIME_MS)
    return f"{settings.FARHAND_PUBLIC_URL}/claim/{token}"


def link_holds(token: str, now_ms: int) -> bool:
    """Say whether a claim link could be used now."""
    return (
        not appliance.is_claimed()
        and ClaimToken.objects.filter(token_hash=_hash(token), used=False, expires_ms__gt=now_ms).exists()
    )


@service("accounts.appliance.claim")
def claim(
    change: Change,
    *,
    token: str,
    username: str,
    display_name: str,
    password: str,
    web_console: bool,
    appliance_username: str,
    appliance_password: str,
) -> User:
    """Use the claim link: administrator, appliance account, keys, the web console switch. Returns the administrator."""
    change.allow(Object(kind="appliance"), Context(now_ms=change.now_ms, claimed=appliance.is_claimed()))
    used = ClaimToken.objects.filter(token_hash=_hash(token), used=False, expires_ms__gt=change.now_ms).update(
        used=True
    )
    if used != 1:
        raise Refused(gettext("This claim link has been used or is too old. Run “farhand claim-link” for a new one."))
    if not mark_claimed(change.now_ms):
        raise Refused(gettext("This appliance has been claimed already."))
    keys.make_site_keys()
    put_setting(appliance.WEB_CONSOLE, web_console)
    user = add_user(change, username, display_name, password, frozenset({ADMIN}))
    box_name = clean_username(appliance_username, "appliance_username")
    if passwords.clean(appliance_password) == passwords.clean(password):
        raise Invalid("appliance_password", gettext("Give the appliance account a password of its own."))
    box = ApplianceUser(username=box_name)
    box.set_password(passwords.check_new(appliance_password, box_name, field="appliance_password"))
    box.save(force_insert=True)
    change.audit(username=user.username, appliance_username=box.username, web_console=web_console)
    change.put("site", "settings", "site", appliance.console_settings())
    for hook in _hooks:
        hook(change, user)
    return user


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
