"""Reading Jump Groups, Jump Clients and enrolments."""

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from farhand.rules.access import Subject
from farhand.rules.permissions import ADMIN
from farhand.rules.policies.jump import sees
from farhand.rules.roles import ADMINISTRATOR
from farhand.web.jump.events import group_topic, item_value
from farhand.web.jump.models import Enrolment, JumpClient, JumpGroup, JumpGroupMember
from farhand.web.support.queries import busy_clients

MOST: Final = 50
"""So many Jump Items are shown at once (R-109)."""
CLIENT_NAME: Final = "farhand-client-linux.pyz"


def roles_of(user_id: str) -> Mapping[str, str]:
    """Return a user's own role in each Jump Group; `accounts.queries.group_roles` knows those of group policies too."""
    return dict(JumpGroupMember.objects.filter(user_id=user_id).values_list("group_id", "role"))


def group_ids() -> list[str]:
    """Ids of all Jump Groups."""
    return list(JumpGroup.objects.values_list("id", flat=True))


def groups() -> QuerySet[JumpGroup]:
    """All Jump Groups by name, with the number of their clients (`client_count`) and members (`member_count`)."""
    return JumpGroup.objects.annotate(
        client_count=Count("clients", filter=Q(clients__revoked_ms=None), distinct=True),
        member_count=Count("members", distinct=True),
    ).order_by("name")


def group_by_id(ident: str) -> JumpGroup | None:
    """Return a Jump Group."""
    return JumpGroup.objects.filter(id=ident).first()


def group_by_code_name(code_name: str) -> JumpGroup | None:
    """Return a Jump Group by its code name."""
    return JumpGroup.objects.filter(code_name=code_name).first()


def members_of(group_id: str) -> QuerySet[JumpGroupMember]:
    """Members of a group with their users, by name."""
    return JumpGroupMember.objects.filter(group_id=group_id).select_related("user").order_by("user__username")


def editable_groups(subject: Subject) -> list[JumpGroup]:
    """The groups whose items the subject may enrol and edit."""
    rows = JumpGroup.objects.order_by("name")
    if subject.kind == "system" or subject.has(ADMIN):
        return list(rows)
    return [group for group in rows if subject.groups.get(group.id) == ADMINISTRATOR]


def visible_groups(subject: Subject) -> list[str]:
    """Ids of the groups whose items the subject sees in the console."""
    return sorted(group for group in subject.groups if sees(subject, group))


def topics(subject: Subject) -> list[str]:
    """Topics of the visible groups."""
    return [group_topic(group) for group in visible_groups(subject)]


def visible_items(subject: Subject) -> list[dict[str, Any]]:
    """The Jump Items that the subject sees, by name. Collection `jump_items`."""
    rows = clients().filter(group_id__in=visible_groups(subject))
    busy = busy_clients()
    return [item_value(client, client.id in busy) for client in rows]


def matching(subject: Subject, criteria: Mapping[str, str]) -> list[dict[str, Any]]:
    """The Jump Items that the subject sees and that all criteria of client scripting name, by name; at most `MOST`.

    `search_string` is part of host name, comments, public or private IP (R-045); `client.FIELD` is part of that field;
    case does not matter. `jump.method` other than `pinned` names kinds of items that do not exist here.
    """
    if criteria.get("jump.method", "pinned") != "pinned":
        return []
    rows = clients().filter(group_id__in=visible_groups(subject))
    search = criteria.get("search_string", "")
    if search:
        rows = rows.filter(
            Q(hostname__icontains=search)
            | Q(comments__icontains=search)
            | Q(public_ip__icontains=search)
            | Q(private_ip__icontains=search)
        )
    for field in ("hostname", "comments", "tag", "public_ip", "private_ip"):
        if wanted := criteria.get(f"client.{field}"):
            rows = rows.filter(**{f"{field}__icontains": wanted})
    found = list(rows[:MOST])
    busy = busy_clients([client.id for client in found])
    return [item_value(client, client.id in busy) for client in found]


def clients() -> QuerySet[JumpClient]:
    """All Jump Clients that are not removed, by name."""
    return JumpClient.objects.select_related("group").filter(revoked_ms=None).order_by("name", "id")


def client_by_id(ident: str) -> JumpClient | None:
    """Return a Jump Client that is not removed."""
    return clients().filter(id=ident).first()


def clients_for(subject: Subject) -> list[JumpClient]:
    """The clients on the page of /login: those of groups that the subject may edit."""
    return list(clients().filter(group__in=editable_groups(subject)))


def revoked_ids() -> list[str]:
    """Ids of removed clients, for the relay's policy."""
    return list(JumpClient.objects.exclude(revoked_ms=None).values_list("id", flat=True))


def open_enrolments(subject: Subject, now_ms: int) -> list[Enrolment]:
    """Enrolments that can still be used, of groups that the subject may edit, newest first."""
    rows = Enrolment.objects.select_related("group", "creator").filter(
        used_ms=None, revoked_ms=None, expires_ms__gt=now_ms, group__in=editable_groups(subject)
    )
    return list(rows.order_by("-created_ms"))


def client_file() -> Path | None:
    """The Linux client that this appliance gives out, or None when it was not built."""
    found = Path(settings.WEB) / "downloads" / CLIENT_NAME
    return found if found.is_file() else None


def client_sha256(path: Path) -> str:
    """SHA-256 of a client file, hex; kept until the file changes."""
    stat = path.stat()
    return _sha256(path, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=4)
def _sha256(path: Path, _changed: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
