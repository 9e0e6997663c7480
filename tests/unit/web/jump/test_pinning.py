"""Pinning out of a session: who may order it, that an order serves once, and the password before a Jump."""

from typing import Any

import pytest
from tests.unit.web.conftest import actor_for
from tests.unit.web.snapshots import proven
from tests.unit.web.support.helpers import FACTS, Endpoint, snapshot, waiting

from farhand.kit import signing
from farhand.protocol.bus import AgentRevoked, LinkUp
from farhand.protocol.messages import AgentCredential
from farhand.web.appliance import keys
from farhand.web.events.models import AuditRow
from farhand.web.jump import pinning, queries, services
from farhand.web.jump.models import JumpClient, JumpGroup, PinOrder
from farhand.web.jump.worker_services import apply_links
from farhand.web.project.service import SYSTEM, Actor, Conflict, Invalid, NotThere, Refused
from farhand.web.support import services as support
from farhand.web.support.models import Session, SessionEvent

pytestmark = pytest.mark.django_db
PASSWORD = "blue donkeys sleep"


@pytest.fixture(autouse=True)
def commits() -> Any:
    """Run what is due after a commit: the test's own transaction never commits."""
    from django.db import transaction

    original = transaction.on_commit
    transaction.on_commit = lambda function, using=None, robust=False: function()  # type: ignore[assignment]
    yield
    transaction.on_commit = original


class Scene:
    """A representative with a customer, a Jump Group to pin to, and the customer's machine."""

    def __init__(self, make_user: Any, anonymous: Actor) -> None:
        permissions = (
            "perm_support_allowed",
            "perm_generate_session_key",
            "perm_jump_client",
            "perm_session_pin.allow",
        )
        self.user = make_user("pinner", *permissions)
        self.anonymous = anonymous
        self.group: JumpGroup = services.create_group(SYSTEM, name="Desks")
        self.role("administrator")
        self.session_id, self.endpoint = waiting(self.rep, anonymous)
        support.accept(self.rep, session_id=self.session_id, tab="t")

    @property
    def rep(self) -> Actor:
        return actor_for(self.user)

    def role(self, role: str) -> None:
        services.set_members(SYSTEM, group_id=self.group.id, roles={self.user.id: role})

    def order(self, **how: Any) -> str:
        return pinning.order_pin(
            self.rep, **{"session_id": self.session_id, "tab": "t", "group_id": self.group.id, **how}
        )

    def pin(self, order: str, machine: Endpoint | None = None) -> services.Enrolled:
        machine = machine or Endpoint()
        return pinning.pin(
            self.anonymous, order_id=order, proof=self.endpoint.proof("deploy", order), key=machine.key,
            key_proof=machine.proof("enrol", order), facts=FACTS, version="0.1",
        )  # fmt: skip

    def online(self, client_id: str) -> None:
        link = LinkUp(agent_id=client_id, version="0.1", public_ip="192.0.2.1", since_ms=1, facts=FACTS)
        apply_links(SYSTEM, up=[link])


@pytest.fixture
def scene(make_user: Any, anonymous: Actor) -> Scene:
    return Scene(make_user, anonymous)


#
def test_a_sessions_client_becomes_a_jump_client_of_the_group(scene: Scene) -> None:
    order = scene.order(comments="third floor", tag="desks")
    info = pinning.order_info(order_id=order, proof=scene.endpoint.proof("deploy", order))
    assert (info.what, info.leg, info.name, info.group, info.password) == ("pin", 2, "web-01", "Desks", False)
    machine = Endpoint()
    with proven(snapshot):
        done = scene.pin(order, machine)
    client = JumpClient.objects.get(id=done.agent_id)
    assert (client.group, client.name, client.comments, client.tag) == (scene.group, "web-01", "third floor", "desks")
    credential = signing.open_token(bytes.fromhex(keys.issuer_public()), "agent", done.credential, AgentCredential)
    assert credential.key == machine.key
    (item,) = queries.visible_items(scene.rep.subject)
    assert (item["password"], item["status"]) == (False, "offline")
    row = AuditRow.objects.get(action="jump.client.pin")
    assert (row.fields["session"], row.object) == (scene.session_id, f"jump_client:{done.agent_id}")
    assert AuditRow.objects.get(action="jump.pin.order").subject == f"user:{scene.user.id}"
    with pytest.raises(Conflict, match="carried out"):
        scene.pin(order)
    #
    support.end_session(scene.rep, session_id=scene.session_id)
    assert JumpClient.objects.get(id=done.agent_id).revoked_ms is None


def test_who_may_order_it(scene: Scene, make_user: Any) -> None:
    scene.role("start_sessions")
    with pytest.raises(Refused, match="Administrator role"):
        scene.order()
    scene.role("administrator")
    other = actor_for(make_user("other", "perm_support_allowed", "perm_session_pin.allow"))
    with pytest.raises(Refused):
        pinning.order_pin(other, session_id=scene.session_id, tab="t", group_id=scene.group.id)
    with pytest.raises(Conflict, match="not in this session"):
        scene.order(tab="another")
    with pytest.raises(NotThere):
        pinning.order_pin(
            actor_for(scene.user), session_id="0190a000-0000-7000-8000-000000000001", tab="t", group_id=scene.group.id
        )
    type(scene.user).objects.filter(id=scene.user.id).update(
        permissions=["perm_support_allowed", "perm_jump_client", "perm_session_pin.deny"]
    )
    scene.user.refresh_from_db()
    with pytest.raises(Refused, match="use this tool"):
        scene.order()
    assert not PinOrder.objects.exists()


def test_an_order_is_for_its_endpoint_and_for_now(scene: Scene) -> None:
    order, stranger = scene.order(), Endpoint()
    with pytest.raises(Invalid, match="prove its key"):
        pinning.order_info(order_id=order, proof=stranger.proof("deploy", order))
    with pytest.raises(Invalid, match="prove its key"):
        pinning.pin(
            scene.anonymous, order_id=order, proof=stranger.proof("deploy", order), key=stranger.key,
            key_proof=stranger.proof("enrol", order), facts=FACTS,
        )  # fmt: skip
    with pytest.raises(NotThere):
        pinning.unpin(
            scene.anonymous, order_id=order, proof=scene.endpoint.proof("deploy", order),
            key_proof=stranger.proof("unpin", order),
        )  # fmt: skip
    PinOrder.objects.filter(id=order).update(expires_ms=1)
    with pytest.raises(Conflict, match="too old"):
        scene.pin(order)
    scene.order()
    assert not PinOrder.objects.filter(id=order).exists()
    late = scene.order()
    support.end_session(scene.rep, session_id=scene.session_id)
    with pytest.raises(Conflict, match="not in the session"):
        scene.pin(late)
    assert not JumpClient.objects.exists()


#
def test_the_jump_client_is_unpinned_with_its_own_key(scene: Scene, relay_bus: Any) -> None:
    machine = Endpoint()
    client_id = scene.pin(scene.order(), machine).agent_id
    scene.role("start_sessions")
    with pytest.raises(Refused):
        pinning.order_unpin(scene.rep, session_id=scene.session_id, tab="t", client_id=client_id)
    scene.role("administrator")
    order = pinning.order_unpin(scene.rep, session_id=scene.session_id, tab="t", client_id=client_id)
    proof = scene.endpoint.proof("deploy", order)
    assert pinning.order_info(order_id=order, proof=proof).client_id == client_id
    with pytest.raises(Invalid, match="prove its key"):
        pinning.unpin(scene.anonymous, order_id=order, proof=proof, key_proof=scene.endpoint.proof("unpin", order))
    with proven(snapshot):
        pinning.unpin(scene.anonymous, order_id=order, proof=proof, key_proof=machine.proof("unpin", order))
    assert JumpClient.objects.get(id=client_id).revoked_ms is not None
    assert AgentRevoked(agent_id=client_id) in relay_bus.sent
    assert Session.objects.get(id=scene.session_id).state == "active"
    assert AuditRow.objects.get(action="jump.client.unpin").fields["session"] == scene.session_id


#
def test_everybody_gives_the_password_before_a_jump(scene: Scene) -> None:
    order = scene.order(password=PASSWORD)
    assert pinning.order_info(order_id=order, proof=scene.endpoint.proof("deploy", order)).password
    client_id = scene.pin(order).agent_id
    assert PinOrder.objects.get(id=order).password_hash == ""
    event = SessionEvent.objects.get(session_id=scene.session_id, kind="pin-password")
    assert event.data == {"name": "web-01"}
    scene.online(client_id)
    assert queries.visible_items(scene.rep.subject)[0]["password"] is True
    with pytest.raises(Refused, match="asks for a password"):
        services.start_jump(scene.rep, client_id=client_id, tab="t")
    for wrong in ("blue donkeys", PASSWORD.upper(), "x" * 5000):
        with pytest.raises(Refused, match="not the password"):
            services.start_jump(scene.rep, client_id=client_id, tab="t", password=wrong)
    assert services.start_jump(scene.rep, client_id=client_id, tab="t", password=PASSWORD).leg == 2
    with pytest.raises(Refused, match="asks for a password"):
        services.start_jump(scene.rep, client_id=client_id, tab="other")  # a running session of one's own, too
    told = str(list(AuditRow.objects.values_list("fields", flat=True))) + str(list(PinOrder.objects.values()))
    assert PASSWORD not in told


def test_guesses_are_slowed_down(scene: Scene) -> None:
    client_id = scene.pin(scene.order(password=PASSWORD)).agent_id
    scene.online(client_id)
    for _ in range(5):
        with pytest.raises(Refused):
            services.start_jump(scene.rep, client_id=client_id, tab="t", password="wrong wrong wrong")
    with pytest.raises(Refused, match="Too many attempts"):
        services.start_jump(scene.rep, client_id=client_id, tab="t", password=PASSWORD)


def test_the_password_is_set_and_removed_later(scene: Scene) -> None:
    client_id = scene.pin(scene.order()).agent_id
    scene.online(client_id)
    with pytest.raises(Invalid, match="12 characters"):
        pinning.set_password(scene.rep, client_id=client_id, password="short")
    with proven(snapshot):
        pinning.set_password(scene.rep, client_id=client_id, password=PASSWORD)
    with pytest.raises(Refused, match="asks for a password"):
        services.start_jump(scene.rep, client_id=client_id, tab="t")
    with proven(snapshot):
        pinning.set_password(scene.rep, client_id=client_id, password="")
    pinning.set_password(scene.rep, client_id=client_id, password="")
    assert services.start_jump(scene.rep, client_id=client_id, tab="t").leg == 2
    assert [row.fields["password"] for row in AuditRow.objects.filter(action="jump.client.set_password")] == [
        True,
        False,
    ]
    scene.role("start_sessions")
    with pytest.raises(Refused, match="Administrator role"):
        pinning.set_password(scene.rep, client_id=client_id, password=PASSWORD)


def test_the_console_orders_and_the_endpoint_redeems_over_http(scene: Scene, sign_in: Any, browser: Any) -> None:
    person = sign_in(scene.user)
    base = f"/api/console/sessions/{scene.session_id}"
    assert person.get(f"{base}/pin").json() == {"groups": [{"id": scene.group.id, "name": "Desks"}]}
    body = {"tab": "t", "group_id": scene.group.id, "name": "Desk 4"}
    order = person.post(f"{base}/pin", body, content_type="application/json").json()["order"]
    proof, machine = scene.endpoint.proof("deploy", order), Endpoint()
    asked = browser.post("/api/endpoint/order", {"order": order, "proof": proof}, content_type="application/json")
    assert (asked.json()["name"], asked.json()["group"]) == ("Desk 4", "Desks")
    redeemed = browser.post(
        "/api/endpoint/pin",
        {"order": order, "proof": proof, "key": machine.key, "key_proof": machine.proof("enrol", order), "facts": {}},
        content_type="application/json",
    )
    client_id = redeemed.json()["agent_id"]
    wish = {"tab": "t", "client_id": client_id}
    undo = person.post(f"{base}/unpin", wish, content_type="application/json").json()["order"]
    gone = browser.post(
        "/api/endpoint/unpin",
        {"order": undo, "proof": scene.endpoint.proof("deploy", undo), "key_proof": machine.proof("unpin", undo)},
        content_type="application/json",
    )
    assert (gone.status_code, gone.json()) == (200, {})
    again = browser.post("/api/endpoint/order", {"order": order, "proof": proof}, content_type="application/json")
    assert again.status_code == 409


def test_the_page_sets_the_password(scene: Scene, sign_in: Any) -> None:
    client_id = scene.pin(scene.order()).agent_id
    page = f"/login/jump/clients/{client_id}/password"
    person = sign_in(scene.user)
    assert "The two passwords" in person.post(page, {"password": PASSWORD, "again": "other"}).content.decode()
    person.post(page, {"password": PASSWORD, "again": PASSWORD})
    assert JumpClient.objects.get(id=client_id).password_hash
    assert "Asked before every Jump" in person.get(f"/login/jump/clients/{client_id}").content.decode()
