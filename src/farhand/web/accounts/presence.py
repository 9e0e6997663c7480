"""Who has a console open: what the relay said last, stored by the worker.

Rules: the relay's list of everybody wins over single messages. A user who is gone keeps the time since when: whoever
only reloads a page is back within seconds, and is not taken for somebody who left (`queries.absent`).
"""

from collections.abc import Collection
from typing import Final

from farhand.rules.access import Object
from farhand.web.accounts.models import Presence, User
from farhand.web.project.service import Change, service

GRACE_MS: Final = 30_000
"""A console that is away for no longer counts as one that comes back."""
_NO_AUDIT: Final = "signing in and out has its own rows"
_NO_EVENTS: Final = "no console shows who else is signed in"


@service("accounts.presence.note", audit=_NO_AUDIT, events=_NO_EVENTS)
def note(change: Change, *, user_id: str, here: bool) -> None:
    """A user's first console came, or the last one went. Users who do not exist any more are passed over."""
    change.allow(Object(kind="user", id=user_id))
    if here:
        _here(change, {user_id})
    else:
        Presence.objects.filter(user_id=user_id, gone_ms=None).update(gone_ms=change.now_ms)


@service("accounts.presence.replace", audit=_NO_AUDIT, events=_NO_EVENTS)
def replace(change: Change, *, user_ids: Collection[str]) -> None:
    """Exactly these users have a console open: the relay said so after it connected."""
    change.allow(Object(kind="user"))
    Presence.objects.filter(gone_ms=None).exclude(user_id__in=list(user_ids)).update(gone_ms=change.now_ms)
    _here(change, user_ids)


def _here(change: Change, user_ids: Collection[str]) -> None:
    known = set(User.objects.filter(id__in=list(user_ids)).values_list("id", flat=True))
    there = set(Presence.objects.filter(user_id__in=known).values_list("user_id", flat=True))
    Presence.objects.filter(user_id__in=known).exclude(gone_ms=None).update(gone_ms=None, since_ms=change.now_ms)
    Presence.objects.bulk_create(
        [Presence(user_id=user_id, since_ms=change.now_ms) for user_id in sorted(known - there)], ignore_conflicts=True
    )
