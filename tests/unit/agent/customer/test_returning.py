"""What a customer's client keeps for its way back: enough for one return, and nothing after it."""

from pathlib import Path

import pytest

from farhand.agent.core.errors import ClientError
from farhand.agent.core.machine import MachineError
from farhand.agent.core.package import CustomerConfig, Package
from farhand.agent.customer.returning import CustomerReturn, read_way
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


def test_a_copy_comes_back_with_the_sessions_key_once(tmp_path: Path) -> None:
    file, key, place = tmp_path / "download.pyz", new_key(), Place(tmp_path / "kept")
    file.write_bytes(b"the client")
    returning = CustomerReturn(place, Package(file, None), CONFIG, key)
    assert returning.ability().can
    returning.prepare()
    _python, client, command, _option, state = place.command
    assert (Path(client).read_bytes(), command) == (b"the client", "return")
    assert place.folder.stat().st_mode & 0o077 == Path(state).stat().st_mode & 0o077 == 0
    way = read_way(Path(state))
    assert (way.config, way.came_from) == (CONFIG, str(file))
    assert public_of(way.key) == public_of(key)
    with pytest.raises(ClientError, match="no session to come back to"):
        read_way(Path(state))


def test_a_second_restart_is_prepared_by_the_copy_itself(tmp_path: Path) -> None:
    place = Place(tmp_path / "kept")
    place.folder.mkdir()
    copy = place.folder / "farhand-client.pyz"
    copy.write_bytes(b"the client")
    CustomerReturn(place, Package(copy, None), CONFIG, new_key(), came_from="/download.pyz").prepare()
    assert read_way(place.folder / "return.json").came_from == "/download.pyz"
    assert copy.read_bytes() == b"the client"
    assert place.command[1] == str(copy)


def test_without_a_file_there_is_no_way_back(tmp_path: Path) -> None:
    returning = CustomerReturn(Place(tmp_path), Package(None, None), CONFIG, new_key())
    assert not returning.ability().can
    with pytest.raises(MachineError):
        returning.prepare()


def test_what_cannot_be_kept_is_said_and_forgotten(tmp_path: Path) -> None:
    place = Place(tmp_path / "kept")
    with pytest.raises(MachineError, match="cannot prepare"):
        CustomerReturn(place, Package(tmp_path / "gone.pyz", None), CONFIG, new_key()).prepare()
    assert place.forgotten


@pytest.mark.parametrize("content", [b"", b"{", b'{"seed": 1}', b"[" * 100_000])
def test_a_damaged_file_leads_nowhere(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "return.json").write_bytes(content)
    with pytest.raises(ClientError):
        read_way(tmp_path / "return.json")
