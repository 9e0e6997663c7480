"""What the worker does for sessions: legs that come and go, keys that are asked for, and what is over by time.

Each step finds the ids that are due and calls a service for each, which looks again.
"""

from farhand.protocol.bus import LegDown, LegUp, Links, NeedKeys
from farhand.rules.sessions import CONSOLE_GRACE_MS
from farhand.web.appliance.queries import reconnect_timeout_ms
from farhand.web.project.service import SYSTEM, now_ms
from farhand.web.project.work import register_message, register_step
from farhand.web.support import key_services, queries, worker_services


def register() -> None:
    """Tell the worker."""
    register_message(Links, lambda message: worker_services.forget_legs(SYSTEM, relay_id=message.relay_id))
    register_message(LegUp, lambda message: _note_leg(message, connected=True))
    register_message(LegDown, lambda message: _note_leg(message, connected=False))
    register_message(NeedKeys, _renew_keys)
    register_step("lost", return_lost, settled=True)
    register_step("abandoned", end_abandoned, settled=True)
    register_step("joins", expire_joins, every_s=30)
    register_step("keys", lambda: key_services.remove_dead_keys(SYSTEM), every_s=600)


def return_lost() -> None:
    """Sessions whose owner has no console for too long get another owner, or go back to the queue."""
    for session_id in queries.without_consoles(now_ms() - CONSOLE_GRACE_MS):
        worker_services.return_lost(SYSTEM, session_id=session_id)


def end_abandoned() -> None:
    """Support sessions without their customer for too long end."""
    for session_id in queries.without_customer(now_ms() - reconnect_timeout_ms()):
        worker_services.end_abandoned(SYSTEM, session_id=session_id)


def expire_joins() -> None:
    """Sessions whose customer never ran the client end."""
    for session_id in queries.never_joined(now_ms()):
        worker_services.expire_join(SYSTEM, session_id=session_id)


def _note_leg(message: LegUp | LegDown, *, connected: bool) -> None:
    worker_services.note_leg(SYSTEM, session_id=message.session_id, leg=message.leg, connected=connected)


def _renew_keys(message: NeedKeys) -> None:
    worker_services.renew_keys(SYSTEM, session_id=message.session_id, relay_id=message.relay_id)
