"""File transfer through a real appliance and a real client: 200 MB each way; what is cut is whole in the end."""

import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.harness.appliance import Appliance, wait_for
from tests.harness.client import JumpClient, item_named
from tests.harness.console import Console, LiveSession
from tests.harness.files import DoneError, FilesClient, LostError

from farhand.protocol.channels import Kind, channel

NAME = "files"
SIZE = 200_000_000
CUT_SIZE = 60_000_000
"""Of files whose transfer is cut: far more than is ever on its way."""
FILES = channel(Kind.FILES)
KEY = "f" * 32


class Person:
    """A representative with a session, who begins again whenever the connection is lost."""

    def __init__(self, live: LiveSession) -> None:
        self.live = live
        self.client = FilesClient(lambda kind, payload: self.live.socket.send(kind, FILES, payload, self.live.leg))
        self._listen()
        self.client.start()

    def _listen(self) -> None:
        socket, before = self.live.socket, self.live.socket.on_frame

        def frame(one: Any) -> None:
            if one.channel == FILES:
                self.client.take(one.type, one.payload)
                socket.frames[:] = [kept for kept in socket.frames if kept.channel != FILES]
            elif before is not None:
                before(one)

        socket.on_frame = frame

    def rejoin(self) -> None:
        """Come back as soon as the appliance lets us."""
        deadline = time.monotonic() + 90
        while True:
            try:
                self.live.rejoin()
                self._listen()
                self.client.start()
                return
            except (AssertionError, OSError, LostError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def until_done(self, work: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], int]:
        """Do it, again after every lost connection; return its result and how often it was lost."""
        lost = 0
        while True:
            try:
                return work(), lost
            except LostError:
                lost += 1
                self.rejoin()


@pytest.fixture
def person(client: JumpClient, console: Console) -> Iterator[Person]:
    one = Person(console.jump(item_named(console, NAME)["id"]))
    yield one
    one.live.end()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return random_file(tmp_path_factory, SIZE)


@pytest.fixture(scope="module")
def smaller(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return random_file(tmp_path_factory, CUT_SIZE)


def random_file(tmp_path_factory: pytest.TempPathFactory, size: int) -> tuple[Path, str]:
    """A file of random bytes and its SHA-256."""
    path = tmp_path_factory.mktemp("source") / "random"
    data = os.urandom(size)
    path.write_bytes(data)
    return path, hashlib.sha256(data).hexdigest()


# R-188 R-190
def test_200_mb_go_up_and_down_and_the_log_has_their_hash(
    person: Person, source: tuple[Path, str], tmp_path: Path
) -> None:
    path, sha256 = source
    there = tmp_path / "up"
    assert person.client.put(path, os.fsencode(there))["sha256"] == sha256
    assert person.client.get(os.fsencode(there), tmp_path / "down")["sha256"] == sha256
    for name in ("up", "down"):
        with (tmp_path / name).open("rb") as data:
            assert hashlib.file_digest(data, "sha256").hexdigest() == sha256
    for kind in ("file-uploaded", "file-downloaded"):
        entry = person.live.entry(lambda e, kind=kind: e["kind"] == kind)
        assert (entry["data"]["size"], entry["data"]["sha256"], entry["data"]["path"]) == (SIZE, sha256, str(there))


def kill_relay(appliance: Appliance, person: Person) -> None:
    os.kill(appliance.pid_of("relay"), signal.SIGKILL)
    wait_for(lambda: person.live.socket.closed, what="the end of the leg")
    person.client.lost()


def cut_console(appliance: Appliance, person: Person) -> None:
    person.live.socket.close()
    wait_for(lambda: person.live.socket.closed, what="the end of the leg")
    person.client.lost()


def restart_appliance(appliance: Appliance, person: Person) -> None:
    appliance.stop()
    wait_for(lambda: person.live.socket.closed, what="the end of the leg")
    person.client.lost()
    appliance.start()


@pytest.mark.parametrize("cut", [kill_relay, cut_console, restart_appliance])
@pytest.mark.parametrize("way", ["up", "down"])
def test_what_is_cut_goes_on_where_it_stopped(
    appliance: Appliance,
    person: Person,
    smaller: tuple[Path, str],
    tmp_path: Path,
    cut: Callable[[Appliance, Person], None],
    way: str,
) -> None:
    path, sha256 = smaller
    there, target = tmp_path / "there", tmp_path / "target"
    there.mkdir()
    remote = os.fsencode(there / "file" if way == "up" else path)

    def work(stop_at: int | None = None) -> dict[str, Any]:
        if way == "up":
            return person.client.put(path, remote, key=KEY, stop_at=stop_at)
        return person.client.get(remote, target, stop_at=stop_at)

    with pytest.raises(LostError):
        work(CUT_SIZE // 2)
    assert not (there / "file").exists()
    cut(appliance, person)
    person.rejoin()
    result, _lost = person.until_done(work)
    assert result["began"] >= CUT_SIZE // 4
    assert result["sha256"] == sha256
    whole = there / "file" if way == "up" else target
    with whole.open("rb") as data:
        assert hashlib.file_digest(data, "sha256").hexdigest() == sha256
    assert set(os.listdir(there)) <= {"file"}


def test_a_full_disk_is_said_and_leaves_nothing(person: Person, smaller: tuple[Path, str], tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place], capture_output=True, text=True)
    assert mounted.returncode == 0, f"this test mounts a small disk and needs the right to do so: {mounted.stderr}"
    try:
        with pytest.raises(DoneError, match="no-space"):
            person.client.put(smaller[0], os.fsencode(place / "file"))
        assert os.listdir(place) == []
    finally:
        subprocess.run(["umount", "-l", place], check=True)
