"""Reading public portals: which one answers under a name, what it shows, where a link to it leads."""

from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext

from farhand.web.accounts.queries import Person, listed_representatives
from farhand.web.portals.models import Portal
from farhand.web.project.errors import NotThere

DEFAULT_ID: Final = "00000000-0000-7000-8000-000000000001"
"""Id of the default portal, stored or not."""
COLLECTION: Final = "portals"


def primary_host() -> str:
    """Host name of the appliance's public address, with its port when it is not 443."""
    return urlsplit(settings.FARHAND_PUBLIC_URL).netloc.lower()


def default() -> Portal:
    """Return the default portal; until it is changed it shows everything and is not stored."""
    return Portal.objects.filter(is_default=True).first() or Portal(id=DEFAULT_ID, is_default=True)


def portals() -> list[Portal]:
    """All public portals: the default one, then by name."""
    return [default(), *Portal.objects.filter(is_default=False).order_by("name")]


def portal_by_id(ident: str) -> Portal | None:
    """Return a public portal."""
    return default() if ident == DEFAULT_ID else Portal.objects.filter(id=ident, is_default=False).first()


def portal_or_raise(ident: str) -> Portal:
    """Return a public portal. Raises NotThere."""
    portal = portal_by_id(ident)
    if portal is None:
        raise NotThere(gettext("There is no such public portal any more."))
    return portal


def plain_host(host: str) -> str:
    """Return a Host header without its port, in small letters and without brackets."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def portal_for(host: str) -> Portal:
    """Return the portal that answers to this Host header: the one whose name it is, else the default one."""
    wanted = plain_host(host)
    found = (portal for portal in Portal.objects.filter(is_default=False) if wanted in portal.hosts)
    return next(found, None) or default()


def name_of(portal: Portal) -> str:
    """Name of a portal; the default one's is that of the primary host."""
    return primary_host() if portal.is_default else portal.name


def offers_chat(name: str) -> bool:
    """Say whether the portal of this name lets customers chat in its page."""
    return any(name_of(portal) == name and portal.click_to_chat for portal in portals())


def host_for(portal: Portal, here: str) -> str:
    """Return the host (with port) under which a link leads to this portal, for somebody who sees the host `here`."""
    if portal.is_default or not portal.hosts:
        return here if portal_for(here).is_default else primary_host()
    first = str(portal.hosts[0])
    port = urlsplit(f"//{here}").port
    return (f"[{first}]" if ":" in first else first) + (f":{port}" if port else "")


def all_hosts() -> list[str]:
    """Host names and addresses of all portals beside the primary host."""
    return sorted({host for portal in Portal.objects.all() for host in portal.hosts})


def languages_of(portal: Portal) -> list[tuple[str, str]]:
    """Languages that the portal offers: code and own name, in the site's order."""
    return [(code, name) for code, name in settings.LANGUAGES if not portal.languages or code in portal.languages]


def representatives_of(portal: Portal) -> list[Person]:
    """Who a customer of this portal can choose now."""
    if not portal.representative_list:
        return []
    return listed_representatives(None if portal.all_representatives else portal.representatives)


def portal_value(portal: Portal) -> dict[str, Any]:
    """The console's shape of a portal: topic `site`, collection `portals`."""
    return {"id": portal.id, "topic": "site", "name": name_of(portal), "default": portal.is_default}


def portal_values() -> list[dict[str, Any]]:
    """All portals as consoles see them."""
    return [portal_value(portal) for portal in portals()]
