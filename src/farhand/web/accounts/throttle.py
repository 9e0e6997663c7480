"""Slowing down guesses: per account, per source, and per account from one source; a wait rises and always ends.

Steep is the wait of one account from one source. The account by itself, tried from anywhere, only waits moments: else
anybody could keep its owner out. An attempt is counted before it is judged, so that many at once cannot slip past; a
success takes it back. The table is shared by all threads and processes. Rules: no permanent lock-out; the longest wait
is `LONGEST_S`; what is old is forgotten.
"""

import hashlib

from django.db import transaction
from django.utils.translation import ngettext

from farhand.kit.address import address_block
from farhand.kit.log import get_log
from farhand.web.accounts.models import Throttle
from farhand.web.project.errors import Refused

log = get_log("throttle")

FREE_ACCOUNT = 5
"""Attempts on one account before waits begin; from one source, and from all."""
ACCOUNT_LONGEST_S = 10
"""Longest wait of an account because of attempts from elsewhere."""
FREE_SOURCE = 20
"""Attempts from one address (IPv6: one /64) before waits begin."""
LONGEST_S = 300
FORGET_MS = 3_600_000
NOTED_MS = 60_000
"""Of the attempts that one source makes too soon, one in this time is noted in the audit."""


class TooSoon(Refused):
    """An attempt that came before its wait was over; it was not judged."""


def source_key(address: str) -> str:
    """The key of an address: IPv4 whole, IPv6 by its /64."""
    return f"source:{address_block(address)}"


def pair_key(account_key: str, address: str) -> str:
    """The key of one account from one source."""
    return "pair:" + hashlib.sha256(f"{account_key}\0{address_block(address)}".encode()).hexdigest()


def wait_s(failures: int, free: int, longest_s: int = LONGEST_S) -> int:
    """Seconds to wait after `failures` attempts: 0 while free, then 1, 2, 4 ... up to `longest_s`."""
    return 0 if failures < free else min(longest_s, 2 ** min(failures - free, 20))


def begin(account_key: str, address: str, now_ms: int, *, account_longest_s: int = ACCOUNT_LONGEST_S) -> None:
    """Count an attempt; raise Refused with the remaining wait when it comes too soon."""
    keys = {
        account_key[:128]: (FREE_ACCOUNT, account_longest_s),
        pair_key(account_key, address): (FREE_ACCOUNT, LONGEST_S),
        source_key(address): (FREE_SOURCE, LONGEST_S),
    }
    with transaction.atomic():
        Throttle.objects.bulk_create([Throttle(key=key) for key in keys], ignore_conflicts=True)
        rows = list(Throttle.objects.select_for_update().filter(key__in=keys).order_by("key"))
        left = max((row.until_ms - now_ms for row in rows), default=0)
        if left > 0:
            seconds = -(-left // 1000)
            log.warning("attempt_throttled", key=account_key, source=address, wait_s=seconds)
            raise TooSoon(
                ngettext(
                    "Too many attempts. Wait %(seconds)d second, then try again.",
                    "Too many attempts. Wait %(seconds)d seconds, then try again.",
                    seconds,
                )
                % {"seconds": seconds}
            )
        for row in rows:
            if now_ms - row.last_ms > FORGET_MS:
                row.failures = 0
            row.failures += 1
            row.last_ms = now_ms
            row.until_ms = now_ms + 1000 * wait_s(row.failures, *keys[row.key])
            row.save()


def first_in_a_while(address: str, now_ms: int) -> bool:
    """Say whether a throttled attempt of this source is the first one noted in a minute. Call inside a transaction: the
    row of the source is locked until its end.
    """
    key = source_key(address)
    Throttle.objects.bulk_create([Throttle(key=key)], ignore_conflicts=True)  # a source that never got past `begin`
    row = Throttle.objects.select_for_update().get(key=key)
    if 0 <= now_ms - row.noted_ms < NOTED_MS:
        return False
    row.noted_ms = now_ms
    row.save(update_fields=["noted_ms"])
    return True


def succeeded(account_key: str, address: str) -> None:
    """The attempt was right: forget the account's counts, take this one attempt back from the source's."""
    with transaction.atomic():
        Throttle.objects.filter(key__in=[account_key[:128], pair_key(account_key, address)]).delete()
        for row in Throttle.objects.select_for_update().filter(key=source_key(address)):
            row.failures = max(0, row.failures - 1)
            row.until_ms = 0
            row.save()


def forget_old(now_ms: int) -> int:
    """Remove counts that no longer matter; returns how many."""
    old = now_ms - FORGET_MS
    return Throttle.objects.filter(last_ms__lt=old, noted_ms__lt=old).delete()[0]
