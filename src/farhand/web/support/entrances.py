"""The ways into a support session: what all of them share is a session that is joining, and the token into it.

A session key is one way (`key_services`), a choice on the public portal another (`farhand.web.routing`). Called by
services only, inside their transaction.
"""

import secrets
from typing import Final

import msgspec
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext

from farhand.rules import keys as rules
from farhand.rules import sessions
from farhand.web.events.services import next_history
from farhand.web.project.service import Change
from farhand.web.support import lives
from farhand.web.support.models import Session

JOIN_BYTES: Final = 24


def hash_of(purpose: str, text: str) -> str:
    """Return what is stored of a secret text: HMAC-SHA-256 under the site's secret, per purpose."""
    return salted_hmac(f"farhand.support.{purpose}", text, algorithm="sha256").hexdigest()


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a customer told before the session: shown to representatives, as text and nothing else."""

    name: str = ""
    company: str = ""
    email: str = ""
    issue: str = ""
    """Description of the chosen issue, as it was then."""
    details: str = ""
    language: str = ""


class Entrance(msgspec.Struct, frozen=True, kw_only=True):
    """Where a new session comes from and where it waits."""

    queue: str
    creator_id: str | None = None
    """Who made the session key."""
    portal: str = ""
    """Name of the public portal."""
    priority: int = 2
    issue_id: str = ""
    request: Request = Request()


def begin(change: Change, entrance: Entrance) -> tuple[Session, str]:
    """Begin a session as joining; returns it and the join token, which exists nowhere else."""
    join = secrets.token_hex(JOIN_BYTES)
    origin, sequence = next_history()
    life = sessions.new_support()
    session = Session.objects.create(
        recorded=lives.recorded_now(),
        origin=origin,
        sequence=sequence,
        kind=life.kind,
        state=life.state,
        creator_id=entrance.creator_id,
        entry_queue=entrance.queue,
        portal=entrance.portal[:128],
        priority=entrance.priority,
        issue_id=entrance.issue_id,
        request=msgspec.to_builtins(entrance.request),
        name=entrance.request.name[:128] or gettext("Customer"),
        public_ip=change.actor.source_ip[:64],
        join_hash=hash_of("join", join),
        join_expires_ms=change.now_ms + rules.JOIN_LIFETIME_S * 1000,
        created_ms=change.now_ms,
    )
    return session, join
