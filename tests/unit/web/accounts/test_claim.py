"""The claim happens once, by one link, and leaves nothing half done."""

import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from tests.unit.web.accounts.snapshot import snapshot
from tests.unit.web.snapshots import proven

from farhand.kit.clock import FakeClock, SystemClock
from farhand.web.accounts import claim as claiming
from farhand.web.accounts.models import ApplianceUser, ClaimToken, User
from farhand.web.appliance import keys, queries
from farhand.web.project import service
from farhand.web.project.service import SYSTEM, Actor, Invalid, Refused

GIVEN: dict[str, Any] = {
    "username": "admin",
    "display_name": "The Administrator",
    "password": "correct horse battery",
    "web_console": True,
    "appliance_username": "box",
    "appliance_password": "staple under the roof",
}


def token_of(link: str) -> str:
    return link.rsplit("/", 1)[1]


@pytest.mark.django_db
def test_the_claim_makes_everything(anonymous: Actor, settings: Any) -> None:
    #
    keys.make_tls("localhost")
    token = token_of(claiming.new_claim_link(SYSTEM))
    assert token not in "".join(ClaimToken.objects.values_list("token_hash", flat=True))
    called: list[str] = []
    claiming.on_claim(hook := lambda _change, user: called.append(user.username))
    try:
        with proven(snapshot):
            user = claiming.claim(anonymous, token=token, **GIVEN)
    finally:
        claiming._hooks.remove(hook)
    assert called == ["admin"]
    assert user.permissions == ["perm_admin"]
    assert ApplianceUser.objects.get().check_password("staple under the roof")
    assert queries.is_claimed()
    assert queries.web_console_allowed()
    folder = Path(settings.FARHAND_DATA) / "keys"
    assert {path.name for path in folder.iterdir()} == {"site.seed", "issuer.seed", "recordings.key"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.iterdir())
    with pytest.raises(Refused):
        claiming.claim(anonymous, token=token, **GIVEN)
    with pytest.raises(Refused):
        claiming.new_claim_link(SYSTEM)


@pytest.mark.django_db
def test_an_unticked_switch_means_no_console(anonymous: Actor) -> None:
    #
    token = token_of(claiming.new_claim_link(SYSTEM))
    claiming.claim(anonymous, token=token, **{**GIVEN, "web_console": False})
    assert not queries.web_console_allowed()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("password", {"password": "short"}),
        ("appliance_password", {"appliance_password": GIVEN["password"]}),
        ("appliance_password", {"appliance_password": "short"}),
        ("appliance_username", {"appliance_username": "a b"}),
    ],
)
def test_bad_input_leaves_the_link_usable(anonymous: Actor, field: str, values: dict[str, Any]) -> None:
    token = token_of(claiming.new_claim_link(SYSTEM))
    with pytest.raises(Invalid) as error:
        claiming.claim(anonymous, token=token, **{**GIVEN, **values})
    assert error.value.field == field
    assert not User.objects.exists()
    assert not queries.is_claimed()
    claiming.claim(anonymous, token=token, **GIVEN)


@pytest.mark.django_db
def test_old_and_replaced_links_do_not_hold(anonymous: Actor) -> None:
    clock = FakeClock()
    service.set_clock(clock)
    try:
        first = token_of(claiming.new_claim_link(SYSTEM))
        second = token_of(claiming.new_claim_link(SYSTEM))
        assert not claiming.link_holds(first, clock.now_ms())
        assert claiming.link_holds(second, clock.now_ms())
        clock.advance(3600)
        assert not claiming.link_holds(second, clock.now_ms())
        with pytest.raises(Refused):
            claiming.claim(anonymous, token=second, **GIVEN)
    finally:
        service.set_clock(SystemClock())


@pytest.mark.django_db(transaction=True)
def test_many_at_once_claim_once(anonymous: Actor) -> None:
    token = token_of(claiming.new_claim_link(SYSTEM))
    done: list[str] = []
    refused: list[Exception] = []

    def run(number: int) -> None:
        try:
            done.append(claiming.claim(anonymous, token=token, **{**GIVEN, "username": f"admin{number}"}).username)
        except Exception as error:
            refused.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(done) == 1, refused
    assert [user.username for user in User.objects.all()] == done
    assert ApplianceUser.objects.count() == 1
