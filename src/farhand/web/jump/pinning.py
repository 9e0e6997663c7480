"""Pinning: a session's client becomes a Jump Client and goes again; and the password before a Jump.

What travels: docs/protocol/deploy.md. A representative orders (`order_pin`, `order_unpin`); the session's endpoint asks
what was ordered (`order_info`) and redeems it (`pin`, `unpin`) with the proof of the session's key. Rules: an order is
for one leg of one living session, for minutes, and serves once (one conditional UPDATE); who has left the session has
nothing installed any more. Passwords are hashed and compared before a transaction begins: that takes a while, and
nobody else shall wait for it. Guesses are slowed down per Jump Client and per source.
"""

from typing import Final

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.utils.translation import gettext

from farhand.protocol.deploy import ENROL_KIND, ORDER_MS, PROOF_KIND, UNPIN_KIND, OrderInfo
from farhand.protocol.messages import AgentCredential, Facts
from farhand.rules.access import Object
from farhand.web.accounts import throttle
from farhand.web.accounts.passwords import MAXIMUM, check_new, clean
from farhand.web.appliance import keys
from farhand.web.jump import events, services
from farhand.web.jump.models import JumpClient, PinOrder
from farhand.web.project.service import Actor, Change, Conflict, NotThere, now_ms, service
from farhand.web.support import lives
from farhand.web.support import services as support

_NO_EVENT: Final = "an order shows nowhere before it is redeemed"


# --- orders of representatives ---


def order_pin(
    actor: Actor,
    *,
    session_id: str,
    tab: str,
    group_id: str,
    name: str = "",
    comments: str = "",
    tag: str = "",
    password: str = "",
) -> str:
    """Order that the session's client is installed as a Jump Client of a group (R-208, R-210); return the order's id.

    `password`: what everybody must give before a Jump (R-211); empty: nothing. Raises Refused, Invalid, NotThere,
    Conflict.
    """
    return _order_pin(
        actor,
        session_id=session_id,
        tab=tab,
        group_id=group_id,
        texts=(name, comments, tag),
        password_hash=_hashed(password),
    )


@service("jump.pin.order", events=_NO_EVENT)
def _order_pin(
    change: Change, *, session_id: str, tab: str, group_id: str, texts: tuple[str, str, str], password_hash: str
) -> str:
    leg = _own_leg(change, session_id, tab)
    session = lives.locked(session_id)
    change.allow(Object(kind="jump_client", group=group_id))
    group = services.group_there(group_id)
    name, comments, tag = services.checked_texts(*texts)
    order = PinOrder.objects.create(
        what="pin",
        session_id=session.id,
        leg=leg,
        group=group,
        name=name or session.hostname or session.name,
        comments=comments,
        tag=tag,
        password_hash=password_hash,
        created_ms=change.now_ms,
        expires_ms=change.now_ms + ORDER_MS,
    )
    change.about("pin_order", order.id)
    change.audit(session=session.id, leg=leg, group=group.id, name=order.name, password=bool(password_hash))
    return order.id


@service("jump.unpin.order", events=_NO_EVENT)
def order_unpin(change: Change, *, session_id: str, tab: str, client_id: str) -> str:
    """Order that the computer's Jump Client is uninstalled (R-212); return the order's id. Raises Refused, NotThere,
    Conflict.

    The computer said which one that is (`client_id`): it redeems the order with that one's own key.
    """
    leg = _own_leg(change, session_id, tab)
    client = services.client_there(client_id)
    change.allow(Object(kind="jump_client", id=client.id, group=client.group_id))
    order = PinOrder.objects.create(
        what="unpin",
        session_id=session_id,
        leg=leg,
        group=client.group,
        client_id=client.id,
        name=client.name,
        created_ms=change.now_ms,
        expires_ms=change.now_ms + ORDER_MS,
    )
    change.audit(session=session_id, leg=leg, order=order.id, name=client.name)
    return order.id


def _own_leg(change: Change, session_id: str, tab: str) -> int:
    """The number of the caller's leg in the session, which is locked; the rules of the tool are asked."""
    session = lives.locked(session_id)
    change.allow(lives.as_object(session), lives.context(change), action="support.session.ticket")
    change.allow(lives.as_object(session), lives.context(change), action="support.tool.pin")
    leg = session.legs.filter(user_id=change.actor.subject.id, tab=tab, left_ms=None).first()
    if leg is None or session.state != "active":
        raise Conflict(gettext("You are not in this session any more. Open it again."))
    PinOrder.objects.filter(expires_ms__lte=change.now_ms).delete()
    return int(leg.number)


# --- what the session's endpoint does with them ---


def order_info(*, order_id: str, proof: str) -> OrderInfo:
    """What was ordered, for the endpoint of the order's session. Raises NotThere, Invalid, Conflict.

    `proof`: hex signature of kind `deploy` by the key of the endpoint's leg over the order's id.
    """
    with transaction.atomic():
        order = _open_order(order_id, proof, now_ms())
        return OrderInfo(
            order=order.id,
            what="unpin" if order.what == "unpin" else "pin",
            leg=order.leg,
            name=order.name,
            group=order.group.name,
            client_id=order.client_id,
            password=bool(order.password_hash),
        )


@service("jump.client.pin")
def pin(
    change: Change, *, order_id: str, proof: str, key: str, key_proof: str, facts: Facts, version: str = ""
) -> services.Enrolled:
    """The session's client becomes a Jump Client with the key that it made. Raises NotThere, Invalid, Conflict.

    `proof`: as for `order_info`; `key_proof`: hex signature of kind `enrol` by `key` (hex) over the order's id.
    """
    change.allow(Object(kind="jump_client"))
    order = _open_order(order_id, proof, change.now_ms, what="pin")
    support.check_proof(key, ENROL_KIND, order.id, key_proof)
    _use(order, change.now_ms)
    client = JumpClient(
        group=order.group,
        name=order.name,
        comments=order.comments,
        tag=order.tag,
        password_hash=order.password_hash,
        key=key,
        public_ip=change.actor.source_ip[: services.MAX_NAME],
        created_ms=change.now_ms,
        since_ms=change.now_ms,
    )
    services.fill_facts(client, facts, version)
    services.save_new(client)
    events.tell(change, client)
    if client.password_hash:
        lives.note(change, lives.locked(order.session_id), "pin-password", name=client.name)
    change.about("jump_client", client.id)
    change.audit(
        session=order.session_id,
        order=order.id,
        group=client.group_id,
        name=client.name,
        password=bool(client.password_hash),
    )
    credential = keys.issue("agent", AgentCredential(agent_id=client.id, key=key, issued_ms=change.now_ms))
    return services.Enrolled(agent_id=client.id, credential=credential, name=client.name, group=client.group.name)


@service("jump.client.unpin")
def unpin(change: Change, *, order_id: str, proof: str, key_proof: str) -> None:
    """The endpoint uninstalls its Jump Client: its key is never accepted again. Raises NotThere, Invalid, Conflict.

    `proof`: as for `order_info`; `key_proof`: hex signature of kind `unpin` by the Jump Client's key over the order's
    id.
    """
    change.allow(Object(kind="jump_client"))
    order = _open_order(order_id, proof, change.now_ms, what="unpin")
    client = services.client_there(order.client_id)
    support.check_proof(client.key, UNPIN_KIND, order.id, key_proof)
    _use(order, change.now_ms)
    services.revoke(change, client, gettext("The Jump Client was uninstalled."))
    change.about("jump_client", client.id)
    change.audit(session=order.session_id, order=order.id, group=client.group_id, name=client.name)


def _open_order(order_id: str, proof: str, now: int, what: str = "") -> PinOrder:
    order = PinOrder.objects.select_related("group").filter(id=order_id).first()
    if order is None or (what and order.what != what):
        raise NotThere(gettext("Nothing of that kind was ordered in this session."))
    session = lives.locked(order.session_id)
    support.check_proof(session.endpoint_key, PROOF_KIND, order.id, proof)
    if session.state == "ended" or not session.legs.filter(number=order.leg, left_ms=None).exists():
        raise Conflict(gettext("Who ordered this is not in the session any more."))
    if order.used_ms is not None or order.expires_ms <= now:
        raise Conflict(gettext("This order has been carried out, or is too old. Order it again."))
    return order


def _use(order: PinOrder, now: int) -> None:
    if not PinOrder.objects.filter(id=order.id, used_ms=None).update(used_ms=now, password_hash=""):
        raise Conflict(gettext("This order has been carried out, or is too old. Order it again."))


# --- the password before a Jump ---


def set_password(actor: Actor, *, client_id: str, password: str) -> JumpClient:
    """Set what everybody must give before a Jump with this client; empty: nothing any more. Raises Refused, Invalid,
    NotThere.
    """
    return _set_password(actor, client_id=client_id, password_hash=_hashed(password))


@service("jump.client.set_password")
def _set_password(change: Change, *, client_id: str, password_hash: str) -> JumpClient:
    client = services.client_there(client_id)
    change.allow(Object(kind="jump_client", id=client.id, group=client.group_id))
    if not password_hash and not client.password_hash:
        change.nothing()
        return client
    before, client.password_hash = bool(client.password_hash), password_hash
    client.save(update_fields=["password_hash"])
    events.tell(change, client)
    change.audit(old={"password": before}, name=client.name, password=bool(password_hash))
    return client


def unlocked(actor: Actor, client: JumpClient, password: str) -> str:
    """Compare what somebody gave; return the hash that it fits, empty when it fits none. Raises Refused when it comes
    too soon after wrong ones, Busy.
    """
    if not client.password_hash or not password:
        return ""
    account, now = f"jump-client:{client.id}", now_ms()
    throttle.begin(account, actor.source_ip, now)
    if len(password) > MAXIMUM or not check_password(clean(password), client.password_hash):
        return ""
    throttle.succeeded(account, actor.source_ip)
    return client.password_hash


def _hashed(password: str) -> str:
    return make_password(check_new(password)) if password else ""
