"""Event sockets on real sockets."""

from tests.unit.relay.harness import FAR, Harness, refusal

from farhand.kit import signing
from farhand.kit.ids import new_id
from farhand.protocol.bus import ConsoleDown, ConsoleUp, ListenersEnd, Publish
from farhand.protocol.channels import Control
from farhand.protocol.messages import Event, EventsTicket, Gap, Welcome
from farhand.relay.live.events import KEPT, Topic


def event(topic: str, n: int) -> Event:
    return Event(topic=topic, n=n, collection="sessions", op="put", id=f"{n}", value={"id": f"{n}"})


def publish(relay: Harness, topic: str, *numbers: int) -> None:
    relay.tell(Publish(events=[event(topic, n) for n in numbers]))


async def test_events_reach_listeners_of_their_topic_in_order(relay: Harness) -> None:
    # two consoles see the same change
    one = await relay.listen(["team:1", "site"], {"team:1": 0})
    two = await relay.listen(["team:1"], {})
    other = await relay.listen(["team:2"], {})
    for peer in (one, two, other):
        await peer.message(Control.WELCOME, Welcome)
    publish(relay, "team:1", 1, 2)
    publish(relay, "team:2", 9)
    for peer in (one, two):
        assert [(await peer.message(Control.EVENT, Event)).n for _ in range(2)] == [1, 2]
    assert (await other.message(Control.EVENT, Event)).topic == "team:2"


async def test_what_was_missed_is_sent_again_and_double_is_dropped(relay: Harness) -> None:
    publish(relay, "site", 5, 6, 7)
    publish(relay, "site", 6, 7)
    publish(relay, "site", 8)
    await relay.settle(lambda: "site" in relay.live.events._topics and relay.live.events._topics["site"].last == 8)
    peer = await relay.listen(["site"], {"site": 6})
    assert [(await peer.message(Control.EVENT, Event)).n for _ in range(2)] == [7, 8]
    publish(relay, "site", 9)
    assert (await peer.message(Control.EVENT, Event)).n == 9


async def test_a_gap_is_said(relay: Harness) -> None:
    publish(relay, "site", 5, 6)
    await relay.settle(lambda: "site" in relay.live.events._topics)
    peer = await relay.listen(["site"], {"site": 3})
    assert (await peer.message(Control.GAP, Gap)).topics == ["site"]
    publish(relay, "site", 9)  # 7 and 8 were never here
    await relay.settle(lambda: relay.live.events._topics["site"].last == 9)
    late = await relay.listen(["site"], {"site": 6})
    assert (await late.message(Control.GAP, Gap)).topics == ["site"]


async def test_tickets_serve_once_and_must_be_ours(relay: Harness) -> None:
    ticket = EventsTicket(jti=new_id(), user_id=new_id(), topics=["site"], expires_ms=FAR)
    token = signing.sign_token(relay.issuer, "events", ticket)
    peer = await relay.listen([], {}, token=token)
    await peer.message(Control.WELCOME, Welcome)
    assert (await refusal(await relay.listen([], {}, token=token))).code == "used"
    wrong_kind = signing.sign_token(relay.issuer, "leg", ticket)
    assert (await refusal(await relay.listen([], {}, token=wrong_kind))).code == "bad-ticket"


async def test_reduced_access_ends_the_users_sockets_and_tickets(relay: Harness) -> None:
    user, other = new_id(), new_id()
    one = await relay.listen(["team:1"], {}, user=user, issued_ms=5)
    two = await relay.listen(["site"], {}, user=user, issued_ms=6)
    kept = await relay.listen(["team:1"], {}, user=other, issued_ms=5)
    for peer in (one, two, kept):
        await peer.message(Control.WELCOME, Welcome)
    relay.tell(ListenersEnd(user_id=user, at_ms=10))
    publish(relay, "team:1", 1)
    assert (await kept.message(Control.EVENT, Event)).n == 1
    for peer in (one, two):
        while (got := await peer.next()) is not None:
            assert got[0] != Control.EVENT
    assert (await refusal(await relay.listen(["team:1"], {}, user=user, issued_ms=10))).code == "expired"
    fresh = await relay.listen(["site"], {}, user=user, issued_ms=11)
    await fresh.message(Control.WELCOME, Welcome)
    relay.tell(ListenersEnd(user_id=None, at_ms=20))
    for peer in (kept, fresh):
        await peer.gone()
    assert (await refusal(await relay.listen(["site"], {}, user=other, issued_ms=19))).code == "expired"
    assert not relay.live.events._sockets
    await (await relay.listen(["site"], {}, user=other, issued_ms=21)).message(Control.WELCOME, Welcome)


async def test_the_bus_hears_who_has_a_console_open(relay: Harness) -> None:
    user, other = new_id(), new_id()
    one = await relay.listen(["site"], {}, user=user)
    two = await relay.listen(["site"], {}, user=user)
    three = await relay.listen(["site"], {}, user=other)
    for peer in (one, two, three):
        await peer.message(Control.WELCOME, Welcome)
    assert relay.live.events.users() == sorted([user, other])
    for who in (user, other):
        await relay.heard(ConsoleUp, lambda m, who=who: m.user_id == who)
    one.close()
    three.close()
    await relay.heard(ConsoleDown, lambda m: m.user_id == other)
    assert relay.live.events.users() == [user]
    relay.tell(ListenersEnd(user_id=user, at_ms=FAR))
    await relay.heard(ConsoleDown, lambda m: m.user_id == user)
    await two.gone()
    assert not relay.live.events.users()


async def test_a_console_says_nothing_more(relay: Harness) -> None:
    peer = await relay.listen(["site"], {})
    await peer.message(Control.WELCOME, Welcome)
    peer.send(1, 0x100, b"x")
    assert (await refusal(peer)).code == "bad-message"


def test_the_ring_is_bounded_and_honest() -> None:
    topic = Topic()
    for n in range(1, KEPT + 11):
        assert topic.add(n, b"%d" % n)
    assert topic.since(9) is None
    assert topic.since(10) == [b"%d" % n for n in range(11, KEPT + 11)]
    assert topic.since(KEPT + 10) == []
    assert topic.since(KEPT + 99) == []
