"""Everything that a console knows when it opens: items of its topics, and the number of each topic's newest event.

Numbers are read before items, in one transaction: an event that is already in the items is applied twice, never missed.
"""

from typing import Any

from django.conf import settings
from django.db import transaction

import farhand
from farhand.web.accounts import queries as accounts
from farhand.web.accounts.favourites import favourites_of
from farhand.web.appliance.queries import site_name
from farhand.web.chat.queries import visible_messages
from farhand.web.events.queries import numbers
from farhand.web.jump import abilities
from farhand.web.jump import queries as jump
from farhand.web.mail.queries import mails_of
from farhand.web.portals.queries import portal_values
from farhand.web.project.service import Actor, now_ms
from farhand.web.support import queries as support
from farhand.web.support import tickets


def topics_of(actor: Actor) -> list[str]:
    """The topics that this user's console follows."""
    return [*accounts.topics_of_accounts(actor.subject.id), *jump.topics(actor.subject)]


def collections_of(actor: Actor) -> dict[str, list[dict[str, Any]]]:
    """The items of all collections that this user sees."""
    return {
        "queues": accounts.queues_of(actor.user),
        "sessions": support.visible_sessions(actor.subject),
        "invitations": support.visible_invitations(actor.subject),
        "favourites": favourites_of(actor.subject.id),
        "team_chat": visible_messages(actor.subject, now_ms()),
        "jump_items": jump.visible_items(actor.subject),
        "portals": portal_values(),
        "mails": mails_of(actor.subject.id),
    }


def snapshot(actor: Actor) -> dict[str, Any]:
    """Build the whole snapshot of a signed-in user."""
    topics = topics_of(actor)
    with transaction.atomic():
        known = numbers(topics)
        collections = collections_of(actor)
    return {
        "me": accounts.me(actor.user) | {"topics": topics},
        "site": {
            "name": site_name(),
            "version": farhand.__version__,
            "product_mode": settings.FARHAND_PRODUCT_MODE,
            "lifetimes_s": support.lifetimes(),
        },
        "words": abilities.words(),
        "topics": known,
        "collections": collections,
        "events_ticket": events_ticket(actor),
    }


def events_ticket(actor: Actor) -> str:
    """A ticket for the console's event socket."""
    return tickets.events_ticket(actor.subject.id, topics_of(actor), now_ms())
