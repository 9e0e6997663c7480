"""No path leads out of where its names say, whoever swaps folders for links meanwhile."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farhand.agent.tools.files import beneath, disk, sources
from farhand.agent.tools.files.beneath import parts_of, path_of, roots_of, within
from farhand.agent.tools.files.errors import FilesError, explain
from farhand.agent.tools.files.partial import Partial

TRIES = 400


@contextlib.contextmanager
def swapping(place: Path, outside: Path) -> Iterator[None]:
    """An attacker who owns `place`: again and again it is a folder, then a link to `outside`."""
    inside, over = place.with_name("kept"), threading.Event()
    steps = (
        lambda: os.rename(place, inside),
        lambda: os.symlink(outside, place),
        lambda: os.unlink(place),
        lambda: os.rename(inside, place),
    )

    def swap() -> None:
        while not over.is_set():
            for step in steps:
                with contextlib.suppress(OSError):  # the agent made or took away something meanwhile
                    step()

    attacker = threading.Thread(target=swap)
    attacker.start()
    try:
        yield
    finally:
        over.set()
        attacker.join()


def upload(parts: beneath.Parts) -> None:
    partial = Partial(parts, "0" * 32, 3, replace=True, fresh=True)
    try:
        partial.write([b"new"])
        sha256 = partial.hash_so_far()
        partial.finish(3, sha256, 0)
    finally:
        partial.close()


def download(parts: beneath.Parts) -> None:
    source = sources.open_source(parts)
    try:
        assert source.read(100) != b"secret"
    finally:
        source.close()


def remove(parts: beneath.Parts) -> None:
    removal = disk.Removal(parts[:-1])
    while removal.step():
        pass
    os.makedirs(path_of(parts[:-1]), exist_ok=True)


def listing(parts: beneath.Parts) -> None:
    for page in disk.pages(parts[:-1]):
        assert b"only-outside" not in {entry.name for entry in page}


WORKS: list[Callable[[beneath.Parts], None]] = [
    upload,
    download,
    listing,
    lambda parts: disk.make((*parts[:-1], b"made")),
    lambda parts: disk.rename(parts, (*parts[:-1], b"other")),
    lambda parts: beneath.make_folders((*parts[:-1], b"a", b"b")) and None,
]


#
@pytest.mark.parametrize("work", WORKS)
def test_who_swaps_a_folder_for_a_link_gains_nothing(work: Callable[[beneath.Parts], None], tmp_path: Path) -> None:
    place, outside = tmp_path / "mine" / "place", tmp_path / "outside"
    place.mkdir(parents=True)
    outside.mkdir()
    for name in ("file", "only-outside"):
        (outside / name).write_bytes(b"secret")
    (place / "file").write_bytes(b"mine")
    done = 0
    with swapping(place, outside):
        for _ in range(TRIES):
            with contextlib.suppress(OSError, FilesError):
                work(parts_of(os.fsencode(place / "file")))
                done += 1
    assert sorted(os.listdir(outside)) == ["file", "only-outside"]
    assert {(outside / name).read_bytes() for name in ("file", "only-outside")} == {b"secret"}


def test_deleting_never_leaves_the_folder(tmp_path: Path) -> None:
    outside, top = tmp_path / "outside", tmp_path / "mine"
    outside.mkdir()
    (outside / "file").write_bytes(b"secret")
    for _ in range(40):
        place = top / "place"
        place.mkdir(parents=True)
        for number in range(20):
            (place / f"{number}").touch()
        with swapping(place, outside), contextlib.suppress(OSError, FilesError):
            removal = disk.Removal(parts_of(os.fsencode(place)))
            while removal.step():
                pass
        assert (outside / "file").read_bytes() == b"secret"
        with contextlib.suppress(OSError, FilesError):
            removal = disk.Removal(parts_of(os.fsencode(top)))
            while removal.step():
                pass


def test_a_planted_part_is_not_taken_up(tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"secret")
    part = tmp_path / f".farhand-{'0' * 32}.part"
    for plant in (lambda: part.symlink_to(tmp_path / "outside"), lambda: os.link(tmp_path / "outside", part)):
        plant()
        partial = Partial(parts_of(os.fsencode(tmp_path / "a")), "0" * 32, 3, replace=False, fresh=False)
        assert partial.have == 0
        partial.write([b"new"])
        partial.discard()
        partial.close()
        assert (tmp_path / "outside").read_bytes() == b"secret"


@given(st.binary(max_size=40))
def test_paths_are_plain_or_refused(path: bytes) -> None:
    try:
        parts = parts_of(path)
    except FilesError:
        return
    assert path_of(parts) == path
    assert not {b"", b".", b".."} & set(parts)


@given(st.lists(st.sampled_from([b"a", b"b", b"ab"]), max_size=4), st.lists(st.sampled_from("ab"), max_size=3))
def test_limits_are_compared_by_whole_names(parts: list[bytes], root: list[str]) -> None:
    path = tuple(parts)
    top = "/" + "/".join(root)
    assert within(path, roots_of([top])) is ((path_of(path) + b"/").startswith(os.fsencode(top.rstrip("/") + "/")))
    assert within(path, roots_of([]))
    assert not within(path, roots_of(["C:\\"]))


def test_what_the_user_may_not_do_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    (tmp_path / "mine").mkdir(mode=0o700)
    place = parts_of(os.fsencode(tmp_path / "mine"))
    tries = (lambda: upload((*place, b"a")), lambda: disk.make((*place, b"b")), lambda: next(disk.pages(place)))
    child = os.fork()
    if child == 0:
        if os.geteuid() == 0:  # root may do everything
            os.setuid(65534)
        else:
            os.chmod(tmp_path / "mine", 0)
        codes = set()
        for one in tries:
            try:
                one()
            except OSError as error:
                codes.add(explain(error).code)
        os._exit(0 if codes == {"no-permission"} else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
