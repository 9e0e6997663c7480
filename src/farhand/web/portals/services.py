"""All changes of public portals.

Rules: each host name belongs to exactly one portal, and the primary host to the default one, which is always there. The
relay answers under the new names within a second (it is told with the policy); certificates are another matter.
"""

import ipaddress
from collections.abc import Collection
from typing import Any, Final

import msgspec
from django.conf import settings
from django.utils.translation import gettext

from farhand.kit.address import HOST_NAME
from farhand.rules.access import Object
from farhand.web.accounts.queries import users
from farhand.web.portals import queries
from farhand.web.portals.models import Portal
from farhand.web.project.service import Change, Conflict, Invalid, service

MAX_NAME: Final = 64
MAX_HOSTS: Final = 20
MAX_PORTALS: Final = 100


class Fields(msgspec.Struct, frozen=True, kw_only=True):
    """A public portal as an administrator writes it."""

    name: str = ""
    """Not looked at for the default portal."""
    hosts: Collection[str] = ()
    languages: Collection[str] = ()
    """At least one."""
    session_keys: bool = True
    representative_list: bool = True
    all_representatives: bool = True
    representatives: Collection[str] = ()
    issue_form: bool = True
    click_to_chat: bool = True


@service("portals.portal.create")
def create_portal(change: Change, *, fields: Fields) -> Portal:
    """Create a public portal. Raises Refused, Invalid, Conflict."""
    change.allow(Object(kind="portal"))
    if Portal.objects.count() >= MAX_PORTALS:
        raise Conflict(gettext("There are as many public portals as there can be. Remove one first."))
    portal = Portal(created_ms=change.now_ms)
    _fill(portal, fields)
    portal.save(force_insert=True)
    change.about("portal", portal.id)
    change.audit(**_told(portal))
    change.put("site", queries.COLLECTION, portal.id, queries.portal_value(portal))
    return portal


@service("portals.portal.edit")
def edit_portal(change: Change, *, portal_id: str, fields: Fields) -> Portal:
    """Change a public portal, the default one too. Raises Refused, Invalid, NotThere."""
    change.allow(Object(kind="portal", id=portal_id))
    portal = queries.portal_or_raise(portal_id)
    before = _told(portal)
    _fill(portal, fields)
    portal.save()
    change.audit(old=before, **_told(portal))
    change.put("site", queries.COLLECTION, portal.id, queries.portal_value(portal))
    return portal


@service("portals.portal.remove")
def remove_portal(change: Change, *, portal_id: str) -> None:
    """Remove a public portal; its names lead to the default one. Raises Refused, NotThere, Conflict."""
    change.allow(Object(kind="portal", id=portal_id))
    portal = queries.portal_or_raise(portal_id)
    if portal.is_default:
        raise Conflict(gettext("The default public portal cannot be removed."))
    change.audit(name=portal.name)
    change.remove("site", queries.COLLECTION, portal.id)
    portal.delete()


def _fill(portal: Portal, fields: Fields) -> None:
    if not portal.is_default:
        portal.name = " ".join(fields.name.split())
        if not 1 <= len(portal.name) <= MAX_NAME or not portal.name.isprintable():
            raise Invalid("name", gettext("A name of 1 to 64 characters is needed."))
        others = Portal.objects.exclude(id=portal.id)
        if others.filter(name__iexact=portal.name).exists() or portal.name.lower() == queries.primary_host():
            raise Invalid("name", gettext("There is a public portal of this name already. Choose another name."))
    portal.hosts = _hosts(portal, fields.hosts)
    portal.languages = [code for code, _name in settings.LANGUAGES if code in fields.languages]
    if not portal.languages:
        raise Invalid("languages", gettext("Choose at least one language."))
    portal.session_keys = fields.session_keys
    portal.representative_list = fields.representative_list
    portal.all_representatives = fields.all_representatives
    known = set(users().values_list("id", flat=True))
    portal.representatives = [] if fields.all_representatives else sorted(set(fields.representatives) & known)
    portal.issue_form = fields.issue_form
    portal.click_to_chat = fields.click_to_chat
    if not (portal.session_keys or portal.representative_list or portal.issue_form):
        raise Invalid("session_keys", gettext("A public portal needs at least one way to get help."))


def _hosts(portal: Portal, given: Collection[str]) -> list[str]:
    hosts = list(dict.fromkeys(_host(one) for one in given))
    if len(hosts) > MAX_HOSTS:
        raise Invalid("hosts", gettext("A public portal has at most 20 host names."))
    if not hosts and not portal.is_default:
        raise Invalid("hosts", gettext("Enter at least one host name: under it customers reach this portal."))
    taken = {host: queries.name_of(other) for other in Portal.objects.exclude(id=portal.id) for host in other.hosts}
    if not portal.is_default:
        taken[queries.plain_host(queries.primary_host())] = queries.primary_host()
    for host in hosts:
        if host in taken:
            text = gettext("%(host)s belongs to the public portal %(name)s. Each host name belongs to one portal.")
            raise Invalid("hosts", text % {"host": host, "name": taken[host]})
    return hosts


def _host(text: str) -> str:
    host = text.strip().strip("[]").lower().rstrip(".")
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    if not HOST_NAME.fullmatch(host):
        wrong = gettext("%(host)s is no host name. Write names like help.example.com, without https:// and port.")
        raise Invalid("hosts", wrong % {"host": text.strip()[:64]})
    return host


def _told(portal: Portal) -> dict[str, Any]:
    """What audit rows say of a portal."""
    names = ("hosts", "languages", "session_keys", "representative_list", "all_representatives", "representatives")
    told = {name: getattr(portal, name) for name in (*names, "issue_form", "click_to_chat")}
    return {"name": queries.name_of(portal)} | told
