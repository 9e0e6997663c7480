"""Very large files and very many small ones: whole after a cut in the middle, and nothing of them stays in memory.

What is sparse takes no room on the disk. Each test removes what it made: together they would fill a small disk.
"""

import hashlib
import os
import shutil
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.harness.appliance import Appliance
from tests.harness.client import JumpClient, item_named, new_jump_client
from tests.harness.console import Console
from tests.harness.files import LostError
from tests.scenario.test_files import KEY, Person, kill_relay

NAME = "large files"
GB = 1_000_000_000
SPARSE, RANDOM = 10 * GB, 3 * GB
FOLDERS, FILES_IN_EACH = 100, 1000
FLAT = 64 * 1024
"""kB of memory by which a program may grow while gigabytes go through it: the window of a transfer, a few times."""
BY_THE_NUMBER = 2
"""kB for each entry of an archive: its directory stands at its end, and is kept until then."""

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def client(appliance: Appliance, console: Console, machines: Path) -> Iterator[JumpClient]:
    running = new_jump_client(appliance, console.visitor, machines, NAME)
    item_named(console, NAME)
    yield running
    running.stop()


@pytest.fixture
def person(client: JumpClient, console: Console) -> Iterator[Person]:
    one = Person(console.jump(item_named(console, NAME)["id"]))
    yield one
    one.live.end()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder whose content does not outlive the test."""
    folder = tmp_path / "place"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


class Memory:
    """Watches the resident memory of endpoint and relay: how much the largest was above the first."""

    def __init__(self, appliance: Appliance, client: JumpClient) -> None:
        assert client.process
        self._programs = {"agent": client.process.pid, "relay": appliance.pid_of("relay")}
        self._first = {name: _rss(pid) for name, pid in self._programs.items()}
        self.grown = dict.fromkeys(self._programs, 0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            for name, pid in self._programs.items():
                self.grown[name] = max(self.grown[name], _rss(pid) - self._first[name])

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def _rss(pid: int) -> int:
    """Resident memory in kB; 0 when the program is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)


def sparse(path: Path) -> None:
    """Mostly nothing, with something at the beginning, in the middle and at the end."""
    with path.open("wb") as out:
        for at in (0, SPARSE // 2 - 5, SPARSE - 1000):
            out.seek(at)
            out.write(os.urandom(1000))
    assert path.stat().st_size == SPARSE


def random(path: Path) -> None:
    """Nothing in it can be left out."""
    with path.open("wb") as out:
        for _ in range(RANDOM // 1_000_000):
            out.write(os.urandom(1_000_000))


def sha256_of(path: Path) -> str:
    with path.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


#
@pytest.mark.parametrize("way", ["down", "up"])
@pytest.mark.parametrize("make", [sparse, random])
def test_a_very_large_file_goes_on_in_its_middle(
    appliance: Appliance, client: JumpClient, person: Person, place: Path, make: Any, way: str
) -> None:
    source, target = place / "source", place / "target"
    make(source)
    size = source.stat().st_size

    def work(stop_at: int | None = None) -> dict[str, Any]:
        if way == "up":
            return person.client.put(source, os.fsencode(target), key=KEY, stop_at=stop_at)
        return person.client.get(os.fsencode(source), target, stop_at=stop_at)

    with Memory(appliance, client) as before, pytest.raises(LostError):
        work(size // 2)
    kill_relay(appliance, person)
    person.rejoin()
    with Memory(appliance, client) as after:
        result, _lost = person.until_done(work)
    print(f"{make.__name__} {way}: memory grew by {before.grown} and {after.grown} kB")
    assert result["began"] >= size // 4
    assert result["sha256"] == sha256_of(source) == sha256_of(target)
    for grown in (before.grown, after.grown):
        assert all(more < FLAT for more in grown.values()), grown
    if make is sparse:
        assert target.stat().st_blocks * 512 < SPARSE // 100


#
def test_a_hundred_thousand_small_files_go_as_one(
    appliance: Appliance, client: JumpClient, person: Person, place: Path
) -> None:
    def all_files() -> Iterator[tuple[str, bytes]]:
        for folder in range(FOLDERS):
            for number in range(FILES_IN_EACH):
                yield f"folder {folder}/file {number}", b"%d of %d" % (number, folder)

    there, back = place / "there", place / "back.zip"
    there.mkdir()
    wish = ((os.fsencode(there / name), content) for name, content in all_files())
    with Memory(appliance, client) as up:
        assert person.client.put_many(wish) == FOLDERS * FILES_IN_EACH
    assert not [name for _folder, _below, names in os.walk(there) for name in names if name.startswith(".")]
    with Memory(appliance, client) as down:
        person.client.get(os.fsencode(there), back)
    print(f"small files: memory grew by {up.grown} up, {down.grown} down")
    with zipfile.ZipFile(back) as archive:
        names = {info.filename for info in archive.infolist() if not info.is_dir()}
        assert names == {name for name, _content in all_files()}
        assert all(archive.read(name) == content for name, content in all_files())
    assert all(more < FLAT for more in up.grown.values()), up.grown
    assert down.grown["relay"] < FLAT, down.grown
    assert down.grown["agent"] < FLAT + BY_THE_NUMBER * FOLDERS * FILES_IN_EACH, down.grown
    person.live.entry(lambda e: e["kind"] == "file-downloaded" and e["data"]["path"] == str(there))
    gathered = [e["data"]["count"] for e in person.live.entries() if e["kind"] == "file-uploaded"]
    assert len(gathered) < 2000
