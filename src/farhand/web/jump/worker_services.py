"""Changes of Jump Clients that the worker brings from the relay: who is linked, with which facts."""

from collections.abc import Sequence

from django.db import DatabaseError, transaction

from farhand.kit.log import get_log
from farhand.protocol.bus import LinkUp
from farhand.rules.access import Object
from farhand.web.jump import events
from farhand.web.jump.models import JumpClient
from farhand.web.jump.services import fill_facts
from farhand.web.project.service import Change, service

log = get_log("jump")
LINKS = Object(kind="links")


@service("jump.links.apply", audit="comings and goings of machines are their status, not anybody's deed")
def apply_links(
    change: Change, *, up: Sequence[LinkUp] = (), down: Sequence[tuple[str, int]] = (), complete: bool = False
) -> int:
    """Apply links that came (`up`) and went (`down`: agent id, time). Returns how many Jump Clients changed.

    `complete`: `up` is all there are, so every other client is offline. Ids that nobody knows are passed over: the
    relay is told the revoked ones with its policy.
    """
    change.allow(LINKS)
    changed = 0
    linked = {link.agent_id: link for link in up}
    gone = dict(down)
    rows = JumpClient.objects.select_for_update(of=("self",)).select_related("group").filter(revoked_ms=None)
    wanted = rows if complete else rows.filter(id__in=[*linked, *gone])
    for client in wanted:
        try:
            with transaction.atomic():
                changed += _apply_one(change, client, linked.get(client.id), gone.get(client.id, change.now_ms))
        except (DatabaseError, ValueError) as error:  # one agent's words must not keep all others from the database
            log.error("link_not_applied", agent=client.id, error=f"{type(error).__name__}: {error}")
    if not changed:
        change.nothing()
    return changed


def _apply_one(change: Change, client: JumpClient, link: LinkUp | None, gone_ms: int) -> bool:
    if link is not None:
        return _up(change, client, link)
    if not client.online:
        return False
    client.online, client.since_ms = False, gone_ms
    client.save(update_fields=["online", "since_ms"])
    events.tell(change, client)
    return True


def _up(change: Change, client: JumpClient, link: LinkUp) -> bool:
    before = _facts(client)
    if not client.online:
        client.online, client.since_ms = True, link.since_ms or change.now_ms
    client.public_ip = link.public_ip
    fill_facts(client, link.facts, link.version)
    if _facts(client) == before:
        return False
    client.save()
    events.tell(change, client)
    return True


def _facts(client: JumpClient) -> tuple[object, ...]:
    return (
        client.online, client.public_ip, client.version, client.hostname, client.platform, client.os_name,
        client.console_user, client.private_ip, client.display, client.desktop,
    )  # fmt: skip
