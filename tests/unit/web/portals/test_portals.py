"""Public portals: which one answers, what it shows, who edits them."""

from typing import Any

import pytest
from django.test import Client
from tests.unit.web.conftest import actor_for
from tests.unit.web.snapshots import Snapshot, proven

from farhand.web.events.models import AuditRow
from farhand.web.portals import queries, services
from farhand.web.portals.models import Portal
from farhand.web.portals.services import Fields
from farhand.web.project.service import SYSTEM, Actor, Conflict, Invalid, NotThere, Refused

pytestmark = pytest.mark.django_db
LIST = "/login/public-portals/public-sites"


def snapshot() -> Snapshot:
    return {"portals": {portal["id"]: portal for portal in queries.portal_values()}}


def fields(name: str = "Shop", hosts: tuple[str, ...] = ("shop.example",), **more: Any) -> Fields:
    return Fields(**{"name": name, "hosts": hosts, "languages": ["en", "de"]} | more)


#
def test_the_default_portal_is_always_there_and_named_after_the_primary_host(admin: Actor, settings: Any) -> None:
    settings.FARHAND_PUBLIC_URL = "https://Help.example"
    portal = queries.default()
    assert (portal.id, queries.name_of(portal)) == (queries.DEFAULT_ID, "help.example")
    assert [code for code, _name in queries.languages_of(portal)] == ["en", "de", "fr", "nl"]
    assert not Portal.objects.exists()
    with proven(snapshot):
        services.edit_portal(admin, portal_id=portal.id, fields=fields("Other", (), issue_form=False))
    stored = queries.default()
    assert (stored.id, queries.name_of(stored), stored.issue_form) == (queries.DEFAULT_ID, "help.example", False)
    with pytest.raises(Conflict):
        services.remove_portal(admin, portal_id=portal.id)
    services.edit_portal(admin, portal_id=portal.id, fields=fields("", ()))
    assert Portal.objects.count() == 1


#
def test_every_change_is_told_and_written_down(admin: Actor) -> None:
    with proven(snapshot):
        portal = services.create_portal(admin, fields=fields())
    with proven(snapshot):
        services.edit_portal(admin, portal_id=portal.id, fields=fields("Store", ("STORE.example.", "2001:DB8::1")))
    changed = queries.portal_by_id(portal.id)
    assert changed
    assert changed.hosts == ["store.example", "2001:db8::1"]
    row = AuditRow.objects.get(action="portals.portal.edit")
    assert (row.fields["old"]["name"], row.fields["name"]) == ("Shop", "Store")
    with proven(snapshot):
        services.remove_portal(admin, portal_id=portal.id)
    with pytest.raises(NotThere):
        services.remove_portal(admin, portal_id=portal.id)


#
def test_the_host_name_decides(admin: Actor, settings: Any) -> None:
    settings.FARHAND_PUBLIC_URL = "https://help.example:8443"
    shop = services.create_portal(admin, fields=fields(hosts=("shop.example", "192.0.2.9", "2001:db8::9")))
    for host in ("shop.example", "SHOP.example:8443", "192.0.2.9", "[2001:db8::9]:443"):
        assert queries.portal_for(host).id == shop.id, host
    for host in ("help.example:8443", "other.example", "", "shop.example.evil", "[broken"):
        assert queries.portal_for(host).is_default, host
    assert queries.host_for(shop, "help.example:8443") == "shop.example:8443"
    assert queries.host_for(shop, "help.example") == "shop.example"
    assert queries.host_for(queries.default(), "localhost:8443") == "localhost:8443"
    assert queries.host_for(queries.default(), "shop.example:8443") == "help.example:8443"
    services.edit_portal(admin, portal_id=shop.id, fields=fields(hosts=("2001:db8::9",)))
    assert queries.host_for(queries.portals()[1], "help.example:8443") == "[2001:db8::9]:8443"
    assert queries.all_hosts() == ["2001:db8::9"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"name": "TAKEN"}, "name"),
        ({"name": "localhost:8443"}, "name"),
        ({"hosts": ()}, "hosts"),
        ({"hosts": ("https://shop.example",)}, "hosts"),
        ({"hosts": ("shop.example:443",)}, "hosts"),
        ({"hosts": ("shop example",)}, "hosts"),
        ({"hosts": ("*",)}, "hosts"),
        ({"hosts": ("-shop.example",)}, "hosts"),
        ({"hosts": ("x" * 64 + ".example",)}, "hosts"),
        ({"hosts": ("taken.example",)}, "hosts"),
        ({"hosts": ("localhost",)}, "hosts"),
        ({"hosts": tuple(f"h{n}.example" for n in range(21))}, "hosts"),
        ({"languages": ()}, "languages"),
        ({"languages": ("tlh",)}, "languages"),
        ({"session_keys": False, "representative_list": False, "issue_form": False}, "session_keys"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(admin: Actor, wrong: dict[str, Any], field: str) -> None:
    services.create_portal(admin, fields=fields("Taken", ("taken.example",)))
    with pytest.raises(Invalid) as error:
        services.create_portal(admin, fields=fields(**wrong))
    assert error.value.field == field
    assert Portal.objects.count() == 1


def test_who_may(rep: Actor, make_user: Any, sign_in: Any, browser: Client) -> None:
    portal = services.create_portal(SYSTEM, fields=fields())
    for wish in (
        lambda actor: services.create_portal(actor, fields=fields("Mine", ("mine.example",))),
        lambda actor: services.edit_portal(actor, portal_id=portal.id, fields=fields()),
        lambda actor: services.remove_portal(actor, portal_id=portal.id),
    ):
        with pytest.raises(Refused):
            wish(rep)
    for path in (LIST, f"{LIST}/new", f"{LIST}/{portal.id}", f"{LIST}/{portal.id}/remove"):
        assert sign_in(rep.user).get(path).status_code == 403
        assert sign_in(rep.user).post(path, {}).status_code == 403
        assert browser.get(path).headers["Location"].startswith("/login/sign-in?next=")
    editor = actor_for(make_user("editor", "perm_edit_public_template"))
    services.edit_portal(editor, portal_id=portal.id, fields=fields())


def test_the_pages(admin: Actor, make_user: Any, sign_in: Any) -> None:
    page = sign_in(admin.user)
    person = make_user("shown", "perm_support_allowed", "perm_show_on_public_list")
    assert "localhost:8443" in page.get(LIST).content.decode()
    assert "Shown (shown)" in page.get(f"{LIST}/new").content.decode()
    given = {
        "name": "Shop <b>", "hosts": "shop.example\r\n\r\nwww.shop.example", "languages": ["de", "nl"],
        "representative_list": "on", "representatives": [person.id],
    }  # fmt: skip
    assert page.post(f"{LIST}/new", given).headers["Location"] == LIST
    (portal,) = Portal.objects.all()
    assert (portal.hosts, portal.languages) == (["shop.example", "www.shop.example"], ["de", "nl"])
    assert (portal.session_keys, portal.issue_form, portal.representatives) == (False, False, [person.id])
    listed = page.get(LIST).content.decode()
    assert "Shop &lt;b&gt;" in listed
    assert "Deutsch, Nederlands" in listed
    address = f"{LIST}/{portal.id}"
    assert "shop.example\nwww.shop.example" in page.get(address).content.decode()
    wrong = page.post(address, given | {"hosts": "https://x"})
    assert (wrong.status_code, "is no host name" in wrong.content.decode()) == (400, True)
    default = f"{LIST}/{queries.DEFAULT_ID}"
    assert "named after the primary host" in page.get(default).content.decode()
    assert page.post(default, {"languages": ["en"], "session_keys": "on"}).status_code == 302
    assert page.post(f"{default}/remove").status_code == 409
    assert "Remove the public portal" in page.get(f"{address}/remove").content.decode()
    page.post(f"{address}/remove")
    assert page.get(address).status_code == 404
