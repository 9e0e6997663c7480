"""Whom an agent trusts: the matrix of certificates and site keys, over real TLS."""

import asyncio
from pathlib import Path

import pytest
from tests.unit.agent.fake_site import AGENT_ID, FakeSite, TlsPair, statement

from farhand.agent.core.address import split_server
from farhand.agent.core.errors import ClientError, UnreachableError, WrongSiteError
from farhand.agent.core.https import SiteClient
from farhand.agent.core.identity import Identity, IdentityStore
from farhand.agent.core.site import EXPIRED_STATEMENT, OTHER_TLS_KEY, SKEW_MS, WRONG_SITE, SiteGuard
from farhand.agent.core.wire import open_wire
from farhand.kit.clock import FakeClock, SystemClock
from farhand.kit.signing import new_key, seed_of

HOUR = 3_600_000


async def reach(site: FakeSite, site_key: str) -> None:
    """Prove the site both ways: over a live socket and over HTTPS."""
    wire = await open_wire(site.url, "/live/link", SiteGuard(site_key))
    wire.close()

    def ask() -> None:
        with SiteClient(site.url, SiteGuard(site_key)) as client:
            client.prove()

    await asyncio.to_thread(ask)


async def refused(site: FakeSite, site_key: str, text: str) -> None:
    """Both ways are refused with exactly this text, and nothing of the agent's own was sent."""
    with pytest.raises(WrongSiteError) as live:
        await open_wire(site.url, "/live/link", SiteGuard(site_key))

    def post() -> None:
        with SiteClient(site.url, SiteGuard(site_key)) as client:
            client.post("/api/agent/enrol", {"token": "canary"}, dict)

    with pytest.raises(WrongSiteError) as https:
        await asyncio.to_thread(post)
    assert (str(live.value), str(https.value)) == (text, text)
    assert [path for _, path, _ in site.requests] == ["/api/agent/site"]
    assert all(not peer.frames for peer in site.peers)


async def test_the_site_may_have_any_certificate(tmp_path: Path) -> None:
    key = new_key()
    for name in ("first", "second"):
        async with FakeSite(TlsPair.make(tmp_path, name), key) as site:
            await reach(site, site.site_key)


async def test_an_impostor_is_refused(tmp_path: Path) -> None:
    pinned = FakeSite(TlsPair.make(tmp_path, "real")).site_key
    async with FakeSite(TlsPair.make(tmp_path, "impostor")) as site:
        await refused(site, pinned, WRONG_SITE)


async def test_a_genuine_statement_before_another_tls_key_is_refused(tmp_path: Path) -> None:
    real = FakeSite(TlsPair.make(tmp_path, "real"))
    async with FakeSite(TlsPair.make(tmp_path, "middle"), new_key()) as middle:
        middle.statement = real.statement
        await refused(middle, real.site_key, OTHER_TLS_KEY)


async def test_an_expired_statement_is_refused_but_not_for_ten_minutes(tmp_path: Path) -> None:
    async with FakeSite(TlsPair.make(tmp_path, "old")) as site:
        now = SystemClock().now_ms()
        site.statement = statement(site.site, site.pair.spki, now - HOUR, now - HOUR // 2)
        await refused(site, site.site_key, EXPIRED_STATEMENT)
        site.statement = statement(site.site, site.pair.spki, now - HOUR, now - SKEW_MS + 60_000)
        await reach(site, site.site_key)


@pytest.mark.parametrize(("offset", "holds"), [(-SKEW_MS, True), (-SKEW_MS - 1, False), (HOUR + SKEW_MS, True)])
def test_clocks_may_differ_by_ten_minutes(offset: int, holds: bool) -> None:
    key, clock = new_key(), FakeClock()
    guard = SiteGuard(FakeSite(TlsPair(Path(), Path(), "00" * 32), key).site_key, clock)
    text = statement(key, "00" * 32, clock.now_ms() - offset, clock.now_ms() - offset + HOUR)
    if holds:
        guard.check_site(text, "00" * 32)
    else:
        with pytest.raises(WrongSiteError):
            guard.check_site(text, "00" * 32)


async def test_errors_of_the_server_reach_the_person(tmp_path: Path) -> None:
    async with FakeSite(TlsPair.make(tmp_path, "real")) as site:
        site.answers["/api/agent/enrol"] = (400, {"error": {"code": "used", "text": "This token was used already."}})

        def post() -> None:
            with SiteClient(site.url, SiteGuard(site.site_key)) as client:
                client.post("/api/agent/enrol", {}, dict)

        with pytest.raises(ClientError, match=r"^This token was used already\.$"):
            await asyncio.to_thread(post)
    with pytest.raises(
        UnreachableError, match=r"^The server https://127.0.0.1:\d+ cannot be reached: Connection refused"
    ):
        await open_wire(site.url, "/live/link", SiteGuard(site.site_key))


@pytest.mark.parametrize(
    "text", ["http://x", "https://", "https://x/y", "x", "https://u@x", "https://x:99999", "https://" + "x" * 99]
)
def test_a_server_is_an_https_address(text: str) -> None:
    with pytest.raises(ClientError, match="https://HOST"):
        split_server(text)


def test_identity_is_private_and_survives(tmp_path: Path) -> None:
    store = IdentityStore(tmp_path / "state")
    with pytest.raises(ClientError, match="run `install` first"):
        store.load()
    key = store.make_key()
    identity = Identity(server="https://x", site_key="ab" * 32, agent_id=AGENT_ID, credential="c")
    store.save(identity)
    assert store.load() == identity
    assert seed_of(store.make_key()) == seed_of(key)
    assert {file.stat().st_mode & 0o777 for file in store.folder.iterdir()} == {0o600}
    assert store.folder.stat().st_mode & 0o777 == 0o700
    (store.folder / "identity.json").write_bytes(b"{")
    with pytest.raises(ClientError, match="damaged"):
        store.load()
