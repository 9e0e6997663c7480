"""What the relay must know to judge by itself, built from the database and the keys."""

from urllib.parse import urlsplit

from django.conf import settings

from farhand.protocol.bus import Policy, Sessions
from farhand.web.appliance import keys
from farhand.web.appliance.queries import is_claimed
from farhand.web.jump.queries import revoked_ids
from farhand.web.portals.queries import all_hosts
from farhand.web.support import queries, tickets

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def allowed_hosts() -> list[str]:
    """Host names that browsers may use: that of the public address, those of public portals, and the loopback's.

    An appliance whose public address was never set (localhost) answers under any name that equals the Host header:
    cookies and tickets are bound to the name anyway.
    """
    host = (urlsplit(settings.FARHAND_PUBLIC_URL).hostname or "localhost").lower()
    return ["*"] if host in LOOPBACK else [host, *all_hosts(), *LOOPBACK]


def build_policy(now_ms: int) -> Policy:
    """Return the policy as of now; before the claim it holds no keys."""
    if not is_claimed():
        return Policy(claimed=False, issuer_keys=[], site_keys=[], statement="", hosts=allowed_hosts())
    return Policy(
        claimed=True,
        issuer_keys=[keys.issuer_public()],
        site_keys=[keys.site_public()],
        statement=keys.statement(now_ms),
        hosts=allowed_hosts(),
        revoked_agents=revoked_ids(),
    )


def build_sessions(now_ms: int) -> Sessions:
    """Return all sessions that are alive, with fresh tickets; `now_ms` is taken before this reads them.

    Recording keys are never sent twice: a relay without them asks.
    """
    return Sessions(sessions=[tickets.session_state(session, now_ms) for session in queries.alive()], read_ms=now_ms)
