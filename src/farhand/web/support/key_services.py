"""Session keys: making them, and their one use. Guessing is slowed down before a key is looked at.

A key and its URL token are stored as HMACs under the site's own secret, so that a copy of the database gives no keys.
A wrong key is counted in a transaction of its own, first: many guesses at once cannot get past the count, and a right
key gives its count back.
"""

import secrets
from typing import Final

import msgspec
from django.db import transaction
from django.db.models import Count, F, Max
from django.utils.translation import gettext

from farhand.kit.log import get_log
from farhand.rules import keys as rules
from farhand.rules import queues
from farhand.rules.access import Object
from farhand.web.project.service import Actor, Change, Conflict, Invalid, NotThere, ServiceError, now_ms, service
from farhand.web.support import entrances, lives
from farhand.web.support.entrances import hash_of
from farhand.web.support.models import KeyThrottle, SessionKey

log = get_log("support")
SETTINGS: Final = rules.KeySettings()
"""What this site allows; checked at import, so that an unsafe release does not start."""
rules.check_settings(SETTINGS)
EVERYBODY: Final = "all"
"""Bucket of the wrong keys of all addresses together."""
TOKEN_BYTES: Final = 16
"""Bytes of a URL token (written as 32 hexadecimal digits)."""
KEEP_MS: Final = 24 * 3_600_000
"""Dead keys are kept for a day, so that their page can say what happened."""


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was just made; its texts exist nowhere else."""

    key: str
    shown: str
    token: str
    expires_ms: int
    portal: str


class UsedKey(msgspec.Struct, frozen=True, kw_only=True):
    """What the customer gets for a key: the session that is being joined, and the token that is the way into it."""

    session_id: str
    join: str
    representative: str
    expires_ms: int


class Throttled(ServiceError):
    """Too many wrong keys; `wait_s` says when to try again."""

    code = "throttled"
    status = 429

    def __init__(self, wait_s: int) -> None:
        super().__init__(
            gettext("Too many wrong session keys. Wait %(seconds)d seconds, then try again.") % {"seconds": wait_s}
        )
        self.wait_s = wait_s


class UnknownKey(NotThere):
    """No such key, or none that may be used here."""

    code = "unknown-key"

    def __init__(self) -> None:
        super().__init__(gettext("This session key is not known. Check it, or ask your representative for a new one."))


class UsedUp(NotThere):
    """The key was used before."""

    code = "used"


class Expired(NotThere):
    """The key's time was over before it was used."""

    code = "expired"


@service("support.session_key.create", events="a key shows nowhere before its customer comes")
def create_session_key(change: Change, *, lifetime_s: int = rules.DEFAULT_LIFETIME_S, portal: str = "") -> NewKey:
    """Make a key for a customer of the calling representative. Raises Refused, Invalid, Conflict."""
    change.allow(Object(kind="session_key", owner=change.actor.subject.id), lives.context(change))
    if not rules.lifetime_allowed(lifetime_s, SETTINGS):
        raise Invalid("lifetime_s", gettext("Choose one of the offered lifetimes."))
    live = SessionKey.objects.filter(used_at_ms=None, expires_ms__gt=change.now_ms).count()
    if live >= SETTINGS.max_live:
        raise Conflict(gettext("Too many session keys are waiting to be used. Try again when some have expired."))
    key = f"{secrets.randbelow(10**SETTINGS.digits):0{SETTINGS.digits}d}"
    token = secrets.token_hex(TOKEN_BYTES)
    row = SessionKey.objects.create(
        key_hash=hash_of("key", key),
        token_hash=hash_of("token", token),
        creator=change.actor.user,
        portal=portal[:128],
        lifetime_s=lifetime_s,
        created_ms=change.now_ms,
        expires_ms=change.now_ms + lifetime_s * 1000,
    )
    change.about("session_key", row.id)
    change.audit(lifetime_s=lifetime_s, portal=portal[:128])
    return NewKey(key=key, shown=rules.shown_key(key), token=token, expires_ms=row.expires_ms, portal=row.portal)


def use_session_key(actor: Actor, *, key: str = "", token: str = "", portal: str = "") -> UsedKey:
    """Use a key as typed, or the token of its URL. Raises Throttled, UnknownKey, UsedUp, Expired, Invalid."""
    if token:
        wanted = {"token_hash": hash_of("token", token[:128])}
    else:
        plain = rules.normalise_key(key, SETTINGS.digits)
        if plain is None:
            raise Invalid(
                "key", gettext("A session key has twelve digits, like 1234-5678-9012. Check it and try again.")
            )
        wanted = {"key_hash": hash_of("key", plain)}
    bucket = rules.address_bucket(actor.source_ip)
    chances = _count_failure(bucket, overall=not token)
    try:
        used = consume(actor, wanted=wanted, portal=portal)
    except (UsedUp, Expired):
        # Who holds a dead key is a late customer, not somebody who guesses.
        _give_back(bucket, chances)
        raise
    except UnknownKey:
        log.warning("session_key_unknown", source=actor.source_ip)
        raise
    _give_back(bucket, chances)
    return used


@service("support.session_key.use", events="R-021: a used key alone produces no queue entry")
def consume(change: Change, *, wanted: dict[str, str], portal: str = "") -> UsedKey:
    """Use the key by one conditional UPDATE, and begin its session as joining."""
    change.allow(Object(kind="session_key"))
    found = SessionKey.objects.filter(**wanted)
    # No condition on another table here: it would turn the UPDATE into one over a subquery, which PostgreSQL does not
    # judge again after waiting for a rival.
    taken = found.filter(used_at_ms=None, expires_ms__gt=change.now_ms).update(
        used_at_ms=change.now_ms, used_from=change.actor.source_ip[:64]
    )
    row = found.select_related("creator").first()
    if row is None:
        raise UnknownKey
    if not taken and row.used_at_ms is not None:
        raise UsedUp(gettext("This session key has been used already. Ask your representative for a new one."))
    if not taken or not row.creator.is_active:
        raise Expired(gettext("This session key has expired. Ask your representative for a new one."))
    entrance = entrances.Entrance(
        queue=queues.personal(row.creator_id), creator_id=row.creator_id, portal=portal or row.portal
    )
    session, join = entrances.begin(change, entrance)
    lives.note(change, session, "key-used")
    change.about("session", session.id)
    change.audit(session_key=row.id)
    return UsedKey(
        session_id=session.id,
        join=join,
        representative=row.creator.display_name,
        expires_ms=session.join_expires_ms,
    )


@service("support.session_key.expire", events="dead keys show nowhere")
def remove_dead_keys(change: Change) -> int:
    """Remove keys that have been dead for a day, and forgotten throttles; returns how many keys."""
    change.allow(Object(kind="session_key"))
    KeyThrottle.objects.filter(last_ms__lt=change.now_ms - KEEP_MS).delete()
    removed = SessionKey.objects.filter(expires_ms__lt=change.now_ms - KEEP_MS).delete()[0]
    change.audit(removed=removed)
    if not removed:
        change.nothing()
    return removed


def _count_failure(bucket: str, *, overall: bool) -> rules.Throttle:
    """Count a key as wrong before it is looked at; returns what was counted for everybody: how many chances, in which
    window. Raises Throttled.
    """
    now = now_ms()
    everybody, after = rules.Throttle(), rules.Throttle()
    with transaction.atomic():
        mine = _throttle(bucket)
        wait = mine.wait_ms(now)
        if overall:
            everybody, alive = _throttle(EVERYBODY), _alive(now)
            wait = max(wait, rules.overall_wait_ms(everybody, now, alive, SETTINGS))
            after = rules.after_overall_failure(everybody, now, alive)
        if not wait:
            _keep(bucket, rules.after_address_failure(mine, now))
            if overall:
                _keep(EVERYBODY, after)
    if wait:
        log.warning("session_key_throttled", bucket=bucket, wait_ms=wait)
        raise Throttled(-(-wait // 1000))
    same_window = after.last_ms == everybody.last_ms
    return rules.Throttle(failures=after.failures - (everybody.failures if same_window else 0), last_ms=after.last_ms)


def _give_back(bucket: str, chances: rules.Throttle) -> None:
    KeyThrottle.objects.filter(bucket=bucket, failures__gt=0).update(failures=F("failures") - 1, until_ms=0)
    if chances.failures:
        KeyThrottle.objects.filter(bucket=EVERYBODY, last_ms=chances.last_ms, failures__gte=chances.failures).update(
            failures=F("failures") - chances.failures
        )


def _alive(now: int) -> rules.Alive:
    live = SessionKey.objects.filter(used_at_ms=None, expires_ms__gt=now)
    found = live.aggregate(count=Count("id"), longest=Max("lifetime_s"))
    return rules.Alive(count=found["count"], longest_life_s=found["longest"] or 0)


def _throttle(bucket: str) -> rules.Throttle:
    row = KeyThrottle.objects.select_for_update().filter(bucket=bucket).first()
    if row is None:
        return rules.Throttle()
    return rules.Throttle(failures=row.failures, last_ms=row.last_ms, until_ms=row.until_ms)


def _keep(bucket: str, state: rules.Throttle) -> None:
    KeyThrottle.objects.update_or_create(
        bucket=bucket,
        defaults={"failures": state.failures, "last_ms": state.last_ms, "until_ms": state.until_ms},
    )
