"""A session's client installs itself as a Jump Client, and removes it again: key, identity, file, and what fails."""

import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from farhand.agent.core import deployment
from farhand.agent.core.deployment import ClientDeployment
from farhand.agent.core.errors import ClientError, RefusedError
from farhand.agent.core.identity import IdentityStore
from farhand.agent.core.package import Package
from farhand.kit.signing import check_bytes, new_key, public_of
from farhand.protocol.deploy import OrderInfo, Pinned
from farhand.protocol.messages import Facts

ORDER = "0190a000-0000-7000-8000-0000000000bb"
CLIENT = "0190a000-0000-7000-8000-0000000000cc"
SITE = "ab" * 32
PIN = OrderInfo(order=ORDER, what="pin", leg=2, name="desk", group="Desks")
UNPIN = OrderInfo(order=ORDER, what="unpin", leg=2, name="desk", group="Desks", client_id=CLIENT)


@dataclass
class Site:
    """What the site was asked, and its answers."""

    asked: list[tuple[str, Any]] = field(default_factory=list)
    refuses: str = ""

    def __enter__(self) -> "Site":
        return self

    def __exit__(self, *_exception: object) -> None:
        return

    def prove(self) -> None:
        return

    def post(self, path: str, body: Any, as_type: type) -> Any:
        self.asked.append((path, body))
        if path == self.refuses:
            raise RefusedError("conflict", "This order has been carried out, or is too old.")
        known = {"agent_id": CLIENT, "credential": "c", "name": "desk", "group": "Desks"}
        return as_type(**known) if path.endswith("/pin") else as_type()


@dataclass
class Keeper:
    """Remembers what it keeps running."""

    did: list[str] = field(default_factory=list)
    fails: bool = False

    def start(self, file: Path, state: Path) -> str:
        if self.fails:
            raise ClientError("systemctl refused.")
        assert file.parent == state
        self.did.append("start")
        return "It runs."

    def stop(self, state: Path) -> None:
        self.did.append("stop")

    def stop_self(self, state: Path) -> None:
        self.did.append("stop_self")


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    found = Site()
    monkeypatch.setattr(deployment, "SiteClient", lambda _server, _guard: found)
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A customer's client file: with a way into a session as its comment."""
    place = tmp_path / "download.pyz"
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("__main__.py", "print('here')")
        archive.comment = b'{"join": "secret"}'
    return place


KEY = new_key()


def client_of(file: Path | None, state: Path, keeper: Keeper, **more: Any) -> ClientDeployment:
    return ClientDeployment(
        server="https://support.example", site_key=SITE, key=KEY, package=Package(file, None), keeper=keeper,
        state=state, facts=lambda: Facts(hostname="desk"), **more,
    )  # fmt: skip


#
def test_it_installs_itself_with_a_key_of_its_own_and_without_the_way_into_the_session(
    site: Site, file: Path, tmp_path: Path
) -> None:
    state, keeper = tmp_path / "state", Keeper()
    client = client_of(file, state, keeper)
    assert client.ability().can
    assert client.pinned() is None
    assert client.pin(PIN) == Pinned(client_id=CLIENT, name="desk", group="Desks")
    ((path, body),) = site.asked
    assert path == "/api/endpoint/pin"
    check_bytes(public_of(KEY), "deploy", ORDER.encode(), bytes.fromhex(body.proof))
    check_bytes(bytes.fromhex(body.key), "enrol", ORDER.encode(), bytes.fromhex(body.key_proof))
    store = IdentityStore(state)
    assert public_of(store.key()).hex() == body.key != public_of(KEY).hex()
    assert store.load().agent_id == CLIENT
    copied = state / "farhand-client.pyz"
    with zipfile.ZipFile(copied) as archive:
        assert archive.comment == b""
        assert archive.read("__main__.py") == b"print('here')"
    assert b"secret" not in copied.read_bytes()
    assert (keeper.did, client.ability().code) == (["start"], "pinned-already")
    assert client.pinned() == Pinned(client_id=CLIENT, name="desk", group="Desks")


@pytest.mark.parametrize("fails", ["site", "keeper"])
def test_what_could_not_be_installed_leaves_nothing(site: Site, file: Path, tmp_path: Path, fails: str) -> None:
    state, keeper = tmp_path / "state", Keeper(fails=fails == "keeper")
    site.refuses = "/api/endpoint/pin" if fails == "site" else ""
    client = client_of(file, state, keeper)
    with pytest.raises(ClientError):
        client.pin(PIN)
    assert not state.exists()
    assert client.pinned() is None
    assert client.ability().can


def test_a_client_without_a_file_says_why_not(site: Site, tmp_path: Path) -> None:
    client = client_of(None, tmp_path / "state", Keeper())
    assert client.ability().code == "no-client-file"
    with pytest.raises(ClientError):
        client.pin(PIN)
    assert not site.asked


#
@pytest.mark.parametrize("is_self", [False, True])
def test_it_removes_the_jump_client_with_that_ones_own_key(
    site: Site, file: Path, tmp_path: Path, is_self: bool
) -> None:
    state, keeper = tmp_path / "state", Keeper()
    client_of(file, state, keeper).pin(PIN)
    key = IdentityStore(state).key()
    client = client_of(file, state, keeper, is_self=is_self)
    client.unpin(UNPIN)
    path, body = site.asked[-1]
    assert path == "/api/endpoint/unpin"
    check_bytes(public_of(key), "unpin", ORDER.encode(), bytes.fromhex(body.key_proof))
    assert keeper.did == ["start", "stop_self" if is_self else "stop"]
    assert not state.exists()


def test_an_order_for_another_jump_client_removes_nothing(site: Site, file: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    client = client_of(file, state, Keeper())
    client.pin(PIN)
    other = OrderInfo(order=ORDER, what="unpin", leg=2, client_id="0190a000-0000-7000-8000-0000000000dd")
    with pytest.raises(ClientError, match="not the Jump Client"):
        client.unpin(other)
    assert len(site.asked) == 1
    site.refuses = "/api/endpoint/unpin"
    with pytest.raises(RefusedError):
        client.unpin(UNPIN)
    assert client.pinned() is not None
