"""Signing in and out: the one verifier behind every way in (/login, /console, /appliance).

Password, then the second factor if there is one; both are throttled before they are judged. An unknown name, a disabled
account and a wrong password give the same answer in the same time. Rules: nothing in a session says who somebody is
before every factor held; the session's key changes when it does.
"""

from typing import Literal

from django.contrib.auth import login as django_login
from django.contrib.auth import logout as django_logout
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext

from farhand.kit.log import get_log
from farhand.rules.access import Object, Subject
from farhand.web.accounts import passwords, queries, second_factor, throttle
from farhand.web.accounts.models import ApplianceUser, User
from farhand.web.project.middleware import SIGNED_IN_MS
from farhand.web.project.service import Actor, Change, Refused, now_ms, service, write_refusal

log = get_log("signin")

PENDING = "signin_pending"
PENDING_MS = 5 * 60_000
REAUTHENTICATED_MS = "reauthenticated_ms"
RECENT_MS = 5 * 60_000
"""A password given this long ago still serves for the administration of users and keys."""
BACKEND = "django.contrib.auth.backends.ModelBackend"
USER_SIGN_IN = "accounts.user.sign_in"
APPLIANCE_SIGN_IN = "accounts.appliance_user.sign_in"


def start(request: HttpRequest, username: str, password: str) -> Literal["signed-in", "code-needed"]:
    """Check user name and password; signs in unless a second factor is due. Refused carries the sentence."""
    user = check_password(username, password, _address(request))
    if second_factor.is_on(user):
        request.session[PENDING] = {"user": user.id, "since_ms": now_ms(), "hash": user.get_session_auth_hash()}
        return "code-needed"
    enter(request, user, factors=1)
    return "signed-in"


def is_pending(request: HttpRequest) -> bool:
    """Say whether this browser has given a password and a code is due."""
    return _pending_user(request) is not None


def finish(request: HttpRequest, code: str) -> None:
    """Check the code of the second factor and sign in."""
    user = _pending_user(request)
    if user is None:
        raise Refused(gettext("Too much time went by. Enter your user name and password again."))
    key = f"code:{user.id}"
    # Only who has the password comes here, so nobody else can keep its owner out: six digits need the long wait.
    _begin(USER_SIGN_IN, key, _address(request), account_longest_s=throttle.LONGEST_S)
    if not second_factor.check_code(user, code):
        log.warning("signin_code_wrong", user=user.id, source=_address(request))
        _note_failure(USER_SIGN_IN, "second-factor", _address(request), Object(kind="user", id=user.id))
        raise Refused(gettext("This code is not right or has been used. Take the newest one."))
    throttle.succeeded(key, _address(request))
    enter(request, user, factors=2)


def check_password(username: str, password: str, address: str) -> User:
    """Return the user whose password this is, or raise Refused."""
    key = f"account:{username.strip().casefold()}"
    _begin(USER_SIGN_IN, key, address)
    user = queries.user_by_name(username.strip())
    if user is None or not password:
        passwords.dummy_hash(password)
        right = False
    else:
        right = user.check_password(passwords.clean(password[: passwords.MAXIMUM])) and user.is_active
    if user is None or not right:
        log.warning("signin_refused", source=address)
        # The name is not noted unless it is one of ours: people type passwords there.
        _note_failure(USER_SIGN_IN, "password", address, Object(kind="user", id=user.id if user else ""))
        raise Refused(gettext("The user name or the password is not right."))
    throttle.succeeded(key, address)
    return user


def enter(request: HttpRequest, user: User, *, factors: int) -> None:
    """Make this browser's session the user's; for who has proved to be that user just now."""
    request.session.pop(PENDING, None)
    django_login(request, user, backend=BACKEND)
    request.session[SIGNED_IN_MS] = now_ms()
    request.session[REAUTHENTICATED_MS] = now_ms()
    subject = queries.subject_of(user)
    actor = Actor(subject=subject, name=user.display_name, user=user, source_ip=_address(request))
    request.actor = actor  # type: ignore[attr-defined]
    sign_in(actor, factors=factors)


def leave(request: HttpRequest) -> None:
    """Sign this browser out, at once."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    if actor.subject.kind == "user":
        sign_out(actor)
    elif actor.subject.kind == "appliance-user":
        appliance_sign_out(actor)
    django_logout(request)
    request.actor = Actor(subject=Subject(kind="anonymous"), source_ip=_address(request))  # type: ignore[attr-defined]


def is_recent(request: HttpRequest) -> bool:
    """Say whether the password was given in the last five minutes."""
    since = request.session.get(REAUTHENTICATED_MS)
    return isinstance(since, int) and 0 <= now_ms() - since <= RECENT_MS


def confirm(request: HttpRequest, password: str) -> None:
    """Take the signed-in user's password again; raises Refused when it is not right."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    check_password(actor.user.username, password, _address(request))
    request.session[REAUTHENTICATED_MS] = now_ms()


def enter_appliance(request: HttpRequest, username: str, password: str) -> None:
    """Sign in to /appliance; its session is another one than that of /login."""
    address = _address(request)
    key = f"appliance:{username.strip().casefold()}"
    _begin(APPLIANCE_SIGN_IN, key, address)
    account = ApplianceUser.objects.filter(username__iexact=username.strip(), is_active=True).first()
    if account is None or not password:
        passwords.dummy_hash(password)
        right = False
    else:
        right = account.check_password(passwords.clean(password[: passwords.MAXIMUM]))
    if account is None or not right:
        log.warning("appliance_signin_refused", source=address)
        about = Object(kind="appliance-user", id=account.id if account else "")
        _note_failure(APPLIANCE_SIGN_IN, "password", address, about)
        raise Refused(gettext("The user name or the password is not right."))
    throttle.succeeded(key, address)
    request.session.flush()
    request.session[queries.APPLIANCE_USER_KEY] = account.id
    request.session[queries.APPLIANCE_HASH_KEY] = account.get_session_auth_hash()
    request.session[SIGNED_IN_MS] = now_ms()
    subject = Subject(kind="appliance-user", id=account.id)
    appliance_sign_in(Actor(subject=subject, name=account.username, user=account, source_ip=address))


@service(USER_SIGN_IN, events="signing in changes nothing that a console shows")
def sign_in(change: Change, *, factors: int) -> None:
    """Note that a user signed in, with so many factors."""
    change.allow(Object(kind="user", id=change.actor.subject.id))
    change.audit(factors=factors)


@service("accounts.user.sign_out", events="signing out changes nothing that a console shows")
def sign_out(change: Change) -> None:
    """Note that a user signed out."""
    ident = change.actor.subject.id
    change.allow(Object(kind="user", id=ident, owner=ident))


@service(APPLIANCE_SIGN_IN, events="signing in changes nothing that a console shows")
def appliance_sign_in(change: Change) -> None:
    """Note that an appliance account signed in."""
    change.allow(Object(kind="appliance-user", id=change.actor.subject.id))


@service("accounts.appliance_user.sign_out", events="signing out changes nothing that a console shows")
def appliance_sign_out(change: Change) -> None:
    """Note that an appliance account signed out."""
    change.allow(Object(kind="appliance-user", id=change.actor.subject.id))


def _begin(action: str, key: str, address: str, *, account_longest_s: int = throttle.ACCOUNT_LONGEST_S) -> None:
    """Count an attempt; one that comes too soon is refused, and noted once a minute."""
    try:
        throttle.begin(key, address, now_ms(), account_longest_s=account_longest_s)
    except throttle.TooSoon:
        with transaction.atomic():
            if throttle.first_in_a_while(address, now_ms()):
                _write_failure(action, "throttled", address, Object(kind="sign-in"))
        raise


def _note_failure(action: str, why: str, address: str, about: Object) -> None:
    """Write the audit row of a failed sign-in; the throttle bounds how many there can be."""
    with transaction.atomic():
        _write_failure(action, why, address, about)


def _write_failure(action: str, why: str, address: str, about: Object) -> None:
    write_refusal(Actor(subject=Subject(kind="anonymous"), source_ip=address), action, about, reason=why)


def _pending_user(request: HttpRequest) -> User | None:
    pending = request.session.get(PENDING)
    if not isinstance(pending, dict) or now_ms() - pending.get("since_ms", 0) > PENDING_MS:
        return None
    user = queries.user_by_id(str(pending.get("user", "")))
    if user is None or not user.is_active or user.get_session_auth_hash() != pending.get("hash"):
        return None
    return user


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))
