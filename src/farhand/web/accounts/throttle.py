"""Slowing down guesses: per account and per source, with a wait that rises and always ends.

An attempt is counted before it is judged, so that many at once cannot slip past; a success takes it back. The table is
shared by all threads and processes. Rules: no permanent lock-out; the longest wait is `LONGEST_S`; what is old is
forgotten.
"""

import ipaddress

from django.db import transaction
from django.utils.translation import ngettext

from farhand.kit.log import get_log
from farhand.web.accounts.models import Throttle
from farhand.web.project.errors import Refused

log = get_log("throttle")

FREE_ACCOUNT = 5
"""Attempts on one account before waits begin."""
FREE_SOURCE = 20
"""Attempts from one address (IPv6: one /64) before waits begin."""
LONGEST_S = 300
FORGET_MS = 3_600_000


def source_key(address: str) -> str:
    """The key of an address: IPv4 whole, IPv6 by its /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "source:unknown"
    if parsed.version == 6:
        mapped = parsed.ipv4_mapped
        if mapped is None:
            return f"source:{ipaddress.ip_network((parsed, 64), strict=False).network_address}"
        parsed = mapped
    return f"source:{parsed}"


def wait_s(failures: int, free: int) -> int:
    """Seconds to wait after `failures` attempts: 0 while free, then 1, 2, 4 ... up to `LONGEST_S`."""
    return 0 if failures < free else min(LONGEST_S, 2 ** min(failures - free, 20))


def begin(account_key: str, address: str, now_ms: int) -> None:
    """Count an attempt; raise Refused with the remaining wait when it comes too soon."""
    keys = {account_key[:128]: FREE_ACCOUNT, source_key(address): FREE_SOURCE}
    with transaction.atomic():
        Throttle.objects.bulk_create([Throttle(key=key) for key in keys], ignore_conflicts=True)
        rows = list(Throttle.objects.select_for_update().filter(key__in=keys).order_by("key"))
        left = max((row.until_ms - now_ms for row in rows), default=0)
        if left > 0:
            seconds = -(-left // 1000)
            log.warning("attempt_throttled", key=account_key, source=address, wait_s=seconds)
            raise Refused(
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
            row.until_ms = now_ms + 1000 * wait_s(row.failures, keys[row.key])
            row.save()


def succeeded(account_key: str, address: str) -> None:
    """The attempt was right: forget the account's count, take this one attempt back from the source's."""
    with transaction.atomic():
        Throttle.objects.filter(key=account_key[:128]).delete()
        for row in Throttle.objects.select_for_update().filter(key=source_key(address)):
            row.failures = max(0, row.failures - 1)
            row.until_ms = 0
            row.save()


def forget_old(now_ms: int) -> int:
    """Remove counts that no longer matter; returns how many."""
    return Throttle.objects.filter(last_ms__lt=now_ms - FORGET_MS).delete()[0]
