"""What the worker does for routing: rules for waiting sessions are followed, requests that are over forgotten.

Each step finds what is due and calls a service for each, which looks again.
"""

from typing import Final

from farhand.web.project.service import SYSTEM, now_ms
from farhand.web.project.work import register_step
from farhand.web.routing import queries, requests, rule_services
from farhand.web.support.queries import all_waiting

LOOK_S: Final = 2.0


def register() -> None:
    """Tell the worker."""
    register_step("waiting rules", follow_rules, every_s=LOOK_S, settled=True)
    register_step("help requests", lambda: requests.forget_over(SYSTEM), every_s=60)


def follow_rules() -> None:
    """Waiting sessions go where the rules send them."""
    rules, now = queries.pure_rules(), now_ms()
    if not rules:
        return
    for session in all_waiting().exclude(queued_ms=None):
        if queries.step_for(session.queue, session.queued_ms or 0, session.routed, rules, now):
            rule_services.follow_rule(SYSTEM, session_id=session.id)
