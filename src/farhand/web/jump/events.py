"""What consoles are told about Jump Items: the one shape of an item, in the topic of its Jump Group."""

from typing import Any

from farhand.web.jump.models import JumpClient
from farhand.web.project.service import Change

COLLECTION = "jump_items"


def group_topic(group_id: str) -> str:
    """Topic of a Jump Group's items."""
    return f"group:{group_id}"


def status_of(client: JumpClient, in_use: bool) -> str:
    """Status as shown: `in_use` and `active` only while the client is linked."""
    if not client.online:
        return "offline"
    return "in_use" if in_use else "active"


def item_value(client: JumpClient, in_use: bool) -> dict[str, Any]:
    """The console's shape of a Jump Client (R-098, R-106)."""
    return {
        "id": client.id,
        "topic": group_topic(client.group_id),
        "name": client.name,
        "method": "jump_client",
        "group_id": client.group_id,
        "group_name": client.group.name,
        "status": status_of(client, in_use),
        "status_since_ms": client.since_ms,
        "last_accessed_ms": client.last_accessed_ms,
        "hostname": client.hostname,
        "os_name": client.os_name,
        "platform": client.platform,
        "comments": client.comments,
        "tag": client.tag,
        "password": bool(client.password_hash),
        "public_ip": client.public_ip,
        "private_ip": client.private_ip,
        "version": client.version,
        "display": client.display,
        "desktop": client.desktop,
    }


def tell(change: Change, client: JumpClient, old_group: str = "") -> None:
    """Tell the consoles of the item as it is now; `old_group` is where it was before."""
    from farhand.web.support.queries import busy_clients

    if old_group and old_group != client.group_id:
        change.remove(group_topic(old_group), COLLECTION, client.id)
    if client.revoked_ms is not None:
        change.remove(group_topic(client.group_id), COLLECTION, client.id)
    else:
        change.put(
            group_topic(client.group_id), COLLECTION, client.id, item_value(client, bool(busy_clients([client.id])))
        )


def tell_client(change: Change, client_id: str) -> None:
    """Tell of an item by its id (its session began or ended)."""
    client = JumpClient.objects.select_related("group").filter(id=client_id, revoked_ms=None).first()
    if client is not None:
        tell(change, client)
