"""What uploads leave behind is removed after some days: the very file that was noted, and nothing else."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from tests.unit.agent.tools.files.conftest import Side

from farhand.agent.tools.files import leftovers
from farhand.agent.tools.files.beneath import parts_of
from farhand.agent.tools.files.errors import FilesError
from farhand.agent.tools.files.partial import Partial

KEY = "0123456789abcdef0123456789abcdef"
OLD = time.time() - leftovers.AGE_S - 60


def upload(target: Path, size: int = 10) -> Partial:
    return Partial(parts_of(os.fsencode(target)), KEY, size, replace=False, fresh=False)


def part_in(folder: Path) -> Path:
    (found,) = folder.glob(".farhand-*.part")
    return found


def age(*paths: Path) -> None:
    for path in paths:
        os.utime(path, (OLD, OLD), follow_symlinks=False)


def crashed(folder: Path, notes: Path) -> Path:
    """An upload whose program was killed days ago."""
    folder.mkdir(exist_ok=True)
    partial = upload(folder / "target")
    partial.write([b"half"])
    partial.close()
    part = part_in(folder)
    age(part, *notes.iterdir())
    return part


async def test_what_a_killed_upload_left_goes_when_files_are_used_again(
    side: Side, notes: Path, tmp_path: Path
) -> None:
    part = crashed(tmp_path / "there", notes)
    other = tmp_path / "there" / ".farhand-somebody-elses.part"
    other.write_bytes(b"x")
    age(other)
    await side.do(side.viewer.start)
    async with asyncio.timeout(60):
        while not side.port.lines:  # noqa: ASYNC110  it looks in a thread
            await asyncio.sleep(0.01)
    assert side.port.lines == [("leftovers_removed", {"files": 1})]
    assert not part.exists()
    assert other.exists(), "only what is known to be ours is removed"
    assert os.listdir(notes) == []


def test_what_may_still_go_on_stays(notes: Path, tmp_path: Path) -> None:
    part = crashed(tmp_path / "there", notes)
    os.utime(part)
    assert leftovers.sweep() == 0
    assert part.exists()
    upload(tmp_path / "there" / "target").close()  # it is taken up again
    age(part)
    assert leftovers.sweep() == 0
    assert part.exists()
    assert len(list(notes.iterdir())) == 1


def test_an_upload_that_ends_leaves_no_note(notes: Path, tmp_path: Path) -> None:
    done = upload(tmp_path / "target", 4)
    assert len(list(notes.iterdir())) == 1
    done.write([b"full"])
    done.finish(4, done.hash_so_far(), 0)
    assert not list(notes.iterdir())
    upload(tmp_path / "other").discard()
    assert not list(notes.iterdir())
    with pytest.raises(FilesError):
        upload(tmp_path / "huge", 1 << 60)
    assert not list(notes.iterdir())


@pytest.mark.parametrize("what", ["link", "folder", "hard link", "gone", "moved"])
def test_what_is_not_the_file_any_more_is_left_alone(notes: Path, tmp_path: Path, what: str) -> None:
    part = crashed(tmp_path / "there", notes)
    target = tmp_path / "precious"
    target.write_bytes(b"keep me")
    if what == "hard link":
        os.link(part, tmp_path / "second name")
    elif what == "moved":
        part.parent.rename(tmp_path / "elsewhere")
        (tmp_path / "there").symlink_to(tmp_path / "elsewhere")
    else:
        part.unlink()
        if what == "link":
            part.symlink_to(target)
        elif what == "folder":
            part.mkdir()
        if what != "gone":
            age(part)
    assert leftovers.sweep() == 0
    assert target.read_bytes() == b"keep me"
    assert what in ("gone", "moved") or part.is_symlink() or part.exists()


@pytest.mark.parametrize("note", ["there/precious", "there/.farhand-0123", "there/0123.part", ""])
def test_a_note_that_was_cut_short_names_nothing_of_ours(notes: Path, tmp_path: Path, note: str) -> None:
    part = crashed(tmp_path / "there", notes)
    (written,) = notes.iterdir()
    written.write_bytes(os.fsencode(tmp_path / note) if note else b"/")
    named = tmp_path / note
    if note:
        named.write_bytes(b"keep me")
        age(named)
    age(written)
    assert leftovers.sweep() == 0
    assert named.exists()
    assert part.exists()
    assert not list(notes.iterdir()), "it says nothing any more"


def test_a_sweep_is_bounded_and_notes_that_say_nothing_hurt_nobody(
    notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashed(tmp_path / "there", notes)
    (notes / "nonsense").write_bytes(b"relative/../path")
    (notes / "long").write_bytes(b"/x" * 100_000)
    (notes / "folder").mkdir()
    age(*notes.iterdir())
    assert leftovers.sweep() == 1
    monkeypatch.setattr(leftovers, "AT_ONCE", 2)
    assert len(leftovers._notes()) == 2
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "there" / "target"))
    assert leftovers.sweep() == 0


def test_a_note_that_cannot_be_written_stops_no_upload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    done = upload(tmp_path / "target", 4)
    done.write([b"full"])
    done.finish(4, done.hash_so_far(), 0)
    assert (tmp_path / "target").read_bytes() == b"full"
