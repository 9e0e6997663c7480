"""Agents' links on real sockets."""

import asyncio

import msgspec
import picows
import pytest
from tests.unit.relay.harness import ALL_GRANTS, Harness, refusal

from farhand.kit import signing
from farhand.kit.ids import new_id
from farhand.protocol import frames
from farhand.protocol.bus import AgentRevoked, LegState, LinkDown, Links, LinkUp
from farhand.protocol.channels import Control, Party
from farhand.protocol.messages import Facts, Offer, SiteStatement, Welcome


async def test_hello_proves_the_site_over_this_connection(relay: Harness) -> None:
    # the statement names the key of the very certificate that the client saw
    peer = await relay.open("/live/link")
    statement = signing.open_token(signing.public_of(relay.site), "site", peer.hello.statement, SiteStatement)
    assert statement.spki == peer.spki
    assert len(peer.hello.nonce) == 64


async def test_an_agent_links_and_the_bus_knows(relay: Harness) -> None:
    agent = await relay.agent()
    up = await relay.heard(LinkUp)
    assert (up.agent_id, up.facts.hostname, up.public_ip) == (agent.agent_id, "machine", "127.0.0.1")
    agent.peer.close()
    down = await relay.heard(LinkDown)
    assert down.agent_id == agent.agent_id


async def test_a_new_bus_client_is_told_who_is_linked(relay: Harness) -> None:
    agent = await relay.agent()
    assert relay.live.links.message("x").links[0].agent_id == agent.agent_id
    first = await relay.heard(Links)
    assert first.links == []


async def test_facts_are_passed_on(relay: Harness) -> None:
    agent = await relay.agent()
    agent.peer.send(Control.FACTS, 0, Facts(hostname="renamed"))
    up = await relay.heard(LinkUp, lambda m: m.facts.hostname == "renamed")
    assert up.agent_id == agent.agent_id


async def test_the_newest_link_replaces_the_older(relay: Harness) -> None:
    first = await relay.agent()
    second = await relay.agent(first.key, first.agent_id)
    await first.peer.gone()
    assert not second.peer.listener.closed.is_set()
    assert not [m for m in relay.bus_inbox if isinstance(m, LinkDown)]


async def test_a_proof_by_another_key_is_refused(relay: Harness) -> None:
    # The credential names one key, the proof is by another.
    agent = await relay.agent(welcome=False)
    await agent.peer.message(Control.WELCOME, Welcome)
    peer = await relay.open("/live/link")
    from farhand.protocol.messages import AgentCredential, Auth, proof_body

    credential = signing.sign_token(
        relay.issuer,
        "agent",
        AgentCredential(agent_id=new_id(), key=signing.public_of(signing.new_key()).hex(), issued_ms=0),
    )
    proof = signing.sign_bytes(agent.key, "proof", proof_body(peer.hello.nonce, peer.spki, credential)).hex()
    peer.send(Control.AUTH, 0, Auth(credential=credential, proof=proof, version="1", facts=Facts()))
    assert (await refusal(peer)).code == "bad-proof"


async def test_a_relayed_proof_is_refused(relay: Harness) -> None:
    # A proof made for another certificate (an impostor in between) does not hold here.
    from farhand.protocol.messages import AgentCredential, Auth, proof_body

    key = signing.new_key()
    credential = signing.sign_token(
        relay.issuer, "agent", AgentCredential(agent_id=new_id(), key=signing.public_of(key).hex(), issued_ms=0)
    )
    peer = await relay.open("/live/link")
    proof = signing.sign_bytes(key, "proof", proof_body(peer.hello.nonce, "00" * 32, credential)).hex()
    peer.send(Control.AUTH, 0, Auth(credential=credential, proof=proof, version="1", facts=Facts()))
    assert (await refusal(peer)).code == "bad-proof"


async def test_a_credential_of_another_site_is_refused(relay: Harness) -> None:
    relay.issuer, real = signing.new_key(), relay.issuer
    agent = await relay.agent(welcome=False)
    relay.issuer = real
    assert (await refusal(agent.peer)).code == "bad-ticket"


async def test_a_revoked_agent_is_closed_and_kept_out(relay: Harness) -> None:
    agent = await relay.agent()
    relay.tell(AgentRevoked(agent_id=agent.agent_id))
    assert (await refusal(agent.peer)).code == "revoked"
    again = await relay.agent(agent.key, agent.agent_id, welcome=False)
    assert (await refusal(again.peer)).code == "revoked"


async def test_garbage_before_sign_in_closes(relay: Harness) -> None:
    for data in (b"", b"x", b"\0" * 12, frames.build(Control.AUTH, 0, 0, b"{"), frames.build(99, 0, 0, b"{}")):
        peer = await relay.open("/live/link")
        peer.raw(data)
        assert (await refusal(peer)).code == "bad-message"


async def test_links_over_the_rate_are_told_when_to_come(relay: Harness) -> None:
    relay.policy(links_per_second=1)
    await relay.settle(lambda: relay.live.links.admission.rate == 1)
    await relay.agent()
    later = [await relay.agent(welcome=False) for _ in range(3)]
    answers = [await refusal(agent.peer) for agent in later]
    waits = [answer.retry_after_s for answer in answers]
    assert [answer.code for answer in answers] == ["busy"] * 3
    assert all(wait is not None and wait >= 1 for wait in waits)
    assert waits == sorted(waits)  # type: ignore[type-var]
    assert waits[0] != waits[-1]


async def test_an_agent_is_offered_its_session(relay: Harness) -> None:
    # whichever comes first, the link or the session
    agent = await relay.agent()
    legs = [LegState(leg=1, party=Party.ENDPOINT, subject=f"agent:{agent.agent_id}", name="m", grants=ALL_GRANTS)]
    state = await relay.session(legs=legs, offer_to=agent.agent_id, offer_ticket="ticket")
    offer = await agent.peer.message(Control.OFFER, Offer)
    assert (offer.session_id, offer.ticket) == (state.session_id, "ticket")
    again = await relay.agent(agent.key, agent.agent_id)
    assert (await again.peer.message(Control.OFFER, Offer)).session_id == state.session_id
    await relay.join(state, 1)
    third = await relay.agent(agent.key, agent.agent_id)
    await asyncio.sleep(0.1)
    assert third.peer.listener.inbox.empty()
    assert msgspec.json.encode(offer)


async def test_a_certificate_that_is_not_certified_yet_is_shown_to_no_endpoint(relay: Harness) -> None:
    # Replaced while nothing ran: until the control plane tells of it, endpoints would take this site for a stranger.
    policy = relay.live.policy
    assert not policy.certifies_another(relay.live.spki())
    other = signing.sign_token(relay.site, "site", SiteStatement(spki="ab" * 32, issued_ms=0, expires_ms=2**50))
    policy.now = msgspec.structs.replace(policy.now, statement=other)
    assert policy.certifies_another(relay.live.spki())
    with pytest.raises(picows.WSError):
        await relay.open("/live/link")
    policy.now = msgspec.structs.replace(policy.now, statement="not a token")
    assert not policy.certifies_another(relay.live.spki()), "what cannot be read is for the endpoint to judge"
