"""What a customer's client keeps for its way back: enough for one return, and nothing after it."""

import os
import time
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from farhand.agent.core.errors import ClientError
from farhand.agent.core.machine import MachineError
from farhand.agent.core.package import CustomerConfig, Package
from farhand.agent.customer import returning as module
from farhand.agent.customer.returning import RETURN_S, Back, CustomerReturn, Way, read_back
from farhand.kit.signing import new_key, public_of
from farhand.protocol.messages import Ability

CONFIG = CustomerConfig(server="https://desk.example", site_key="ab" * 32, join="join-token")


class Place:
    """A place that remembers what it is to start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.command: list[str] = []
        self.forgotten = False

    def ability(self) -> Ability:
        return Ability(can=True)

    def set(self, command: list[str]) -> None:
        self.command = command

    def unset(self) -> None:
        self.command = []

    def forget(self) -> None:
        self.forgotten = True


def read(file: Path, place: Place) -> Back:
    def named(name: str) -> Place:
        assert name == file.parent.name
        return place

    return read_back(file, named)


def test_a_copy_comes_back_with_the_sessions_key_once(tmp_path: Path) -> None:
    file, key, place = tmp_path / "download.pyz", new_key(), Place(tmp_path / "return-1")
    file.write_bytes(b"the client")
    returning = CustomerReturn(place, Package(file, None), CONFIG, key)
    assert returning.ability().can
    returning.prepare()
    _python, client, command, _option, state = place.command
    assert (Path(client).read_bytes(), command) == (b"the client", "return")
    assert place.folder.stat().st_mode & 0o077 == Path(state).stat().st_mode & 0o077 == 0
    # Until the server has taken it back, the next sign-in finds all of it again.
    for _ in range(2):
        back = read(Path(state), place)
        assert (back.way.config, back.way.came_from) == (CONFIG, str(file))
        assert public_of(back.way.key) == public_of(key)
        assert RETURN_S - 60 < back.rest_s <= RETURN_S
        assert place.command
    back.taken()
    assert (Path(state).exists(), place.command) == (False, [])
    with pytest.raises(ClientError, match="no session to come back to"):
        read(Path(state), place)
    assert place.forgotten


def test_after_a_day_nothing_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, place = tmp_path / "download.pyz", Place(tmp_path / "return-1")
    file.write_bytes(b"the client")
    now = time.time()
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: now))
    CustomerReturn(place, Package(file, None), CONFIG, new_key()).prepare()
    state = place.folder / "return.json"
    now -= 90 * 86_400
    assert read(state, place).rest_s == RETURN_S, "a clock that stands wrong gives no more time"
    now += 90 * 86_400 + RETURN_S + 1
    with pytest.raises(ClientError, match="no session to come back to"):
        read(state, place)
    assert place.forgotten


def test_what_an_older_client_kept_lasts_a_day_too(tmp_path: Path) -> None:
    place = Place(tmp_path / "return-1")
    place.folder.mkdir()
    state = place.folder / "return.json"
    way = msgspec.to_builtins(Way(config=CONFIG, seed="cd" * 32))
    del way["until_ms"]
    state.write_bytes(msgspec.json.encode(way))
    written = time.time() - RETURN_S + 600
    os.utime(state, (written, written))
    for _ in range(2):
        assert read(state, place).rest_s < 600.001, "reading it gives no more time than its milliseconds are rounded by"
    os.utime(state, (written - 601, written - 601))
    with pytest.raises(ClientError, match="no session to come back to"):
        read(state, place)
    assert place.forgotten


def test_a_second_restart_is_prepared_by_the_copy_itself(tmp_path: Path) -> None:
    place = Place(tmp_path / "return-1")
    place.folder.mkdir()
    copy = place.folder / "farhand-client.pyz"
    copy.write_bytes(b"the client")
    CustomerReturn(place, Package(copy, None), CONFIG, new_key(), came_from="/download.pyz").prepare()
    assert read(place.folder / "return.json", place).way.came_from == "/download.pyz"
    assert copy.read_bytes() == b"the client"
    assert place.command[1] == str(copy)


def test_without_a_file_there_is_no_way_back(tmp_path: Path) -> None:
    returning = CustomerReturn(Place(tmp_path), Package(None, None), CONFIG, new_key())
    assert not returning.ability().can
    with pytest.raises(MachineError):
        returning.prepare()


def test_what_cannot_be_kept_is_said_and_forgotten(tmp_path: Path) -> None:
    place = Place(tmp_path / "return-1")
    with pytest.raises(MachineError, match="cannot prepare"):
        CustomerReturn(place, Package(tmp_path / "gone.pyz", None), CONFIG, new_key()).prepare()
    assert place.forgotten


def test_nothing_is_prepared_after_the_session(tmp_path: Path) -> None:
    file, place = tmp_path / "download.pyz", Place(tmp_path / "return-1")
    file.write_bytes(b"the client")
    returning = CustomerReturn(place, Package(file, None), CONFIG, new_key())
    returning.close()  # while a thread of the session's last restart is on its way
    with pytest.raises(MachineError, match="ended"):
        returning.prepare()
    assert not place.folder.exists()
    assert not place.command
    assert place.forgotten


@pytest.mark.parametrize("content", [b"", b"{", b'{"seed": 1}', b"[" * 100_000])
def test_a_damaged_file_leads_nowhere(tmp_path: Path, content: bytes) -> None:
    place = Place(tmp_path / "return-1")
    place.folder.mkdir()
    (place.folder / "return.json").write_bytes(content)
    with pytest.raises(ClientError):
        read(place.folder / "return.json", place)
    assert place.forgotten


def test_only_what_was_kept_here_is_removed(tmp_path: Path) -> None:
    (tmp_path / "return.json").write_bytes(b"{")
    with pytest.raises(ClientError):
        read_back(tmp_path / "return.json", Place)
    assert (tmp_path / "return.json").exists()
