"""What the database says of a session and what the relay was told of it do not part."""

from collections.abc import Callable

import pytest
from tests.unit.web.conftest import Bus
from tests.unit.web.support.helpers import Desk, Endpoint, start, use_key

from farhand.protocol.bus import SessionPut
from farhand.web.project.service import SYSTEM, Actor
from farhand.web.routing import rule_services
from farhand.web.support import collaboration, services
from farhand.web.support.models import Session

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("commits")]


def test_no_ticket_is_newer_than_what_the_relay_was_told(
    desk: Desk, anonymous: Actor, admin: Actor, relay_bus: Bus
) -> None:
    """The customer's client may start again after any of these: the relay refuses an epoch that it does not know."""
    customer, used = Endpoint(), use_key(desk.rep, anonymous)
    session_id = start(anonymous, used.join, customer).session_id
    rep, ann, bob = desk.rep, desk.ann, desk.bob
    team = f"team:{desk.team}"

    def invited() -> str:
        return desk.invited(session_id)

    def follow() -> None:
        rule = rule_services.Fields(source=team, when="nobody", target=desk.queue(rep))
        rule_services.create_rule(admin, fields=rule)
        Session.objects.filter(id=session_id).update(queued_ms=1)
        desk.nobody_here()
        assert rule_services.follow_rule(SYSTEM, session_id=session_id)

    steps: dict[str, Callable[[], object]] = {
        "move": lambda: collaboration.transfer(rep, session_id=session_id, target=team),
        "rule": follow,
        "accept": lambda: services.accept(rep, session_id=session_id, tab="rep"),
        "back": desk.everybody_here,
        "share": lambda: collaboration.share(rep, session_id=session_id, target=desk.queue(ann)),
        "cancel": lambda: collaboration.cancel_invitation(rep, session_id=session_id, invitation_id=invited()),
        "share again": lambda: collaboration.share(rep, session_id=session_id, target=desk.queue(ann)),
        "decline": lambda: collaboration.decline_invitation(ann, session_id=session_id, invitation_id=invited()),
        "share with bob": lambda: collaboration.share(rep, session_id=session_id, target=desk.queue(bob)),
        "join": lambda: collaboration.accept_invitation(bob, session_id=session_id, invitation_id=invited(), tab="bob"),
        "tab": lambda: services.console_ticket(bob, session_id=session_id, tab="two"),
        "remove": lambda: collaboration.remove_member(rep, session_id=session_id, user_id=bob.subject.id),
        "transfer": lambda: collaboration.transfer(rep, session_id=session_id, target=desk.queue(ann)),
        "pass on": lambda: collaboration.accept_invitation(
            ann, session_id=session_id, invitation_id=invited(), tab="ann"
        ),
        "leave": lambda: services.leave(rep, session_id=session_id),
        "pause": lambda: services.pause(ann, session_id=session_id),
    }
    for name, step in steps.items():
        step()
        start(anonymous, used.join, customer)
        told = [one.session.epoch for one in relay_bus.sent if isinstance(one, SessionPut)]
        assert told[-1] == Session.objects.get(id=session_id).epoch == max(told), name
