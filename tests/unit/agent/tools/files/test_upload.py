"""Small files that come with their last word at once, as thousands of them do: one go of a thread, and no less safe."""

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.harness.files import DoneError
from tests.unit.agent.tools.files.conftest import FILES, Side

from farhand.protocol.channels import Files, Grant
from farhand.protocol.files import FilesFinish, FilesPut, FilesRequest, chunk


def at_once(side: Side, path: Path, content: bytes, *more: tuple[int, bytes], sha256: str = "", **wish: Any) -> int:
    """All frames of an upload, before anything of it is done; return its number."""
    number = side.viewer.number()
    put = FilesPut(id=number, path=os.fsencode(path), key=f"{number:032x}", size=len(content), fresh=True, **wish)
    finish = FilesFinish(id=number, size=len(content), sha256=sha256 or hashlib.sha256(content).hexdigest())
    frames: list[tuple[int, bytes]] = [(Files.PUT, msgspec.json.encode(put))]
    frames += [(Files.DATA, chunk(number, at, content[at : at + 5])) for at in range(0, len(content), 5)]
    frames += [(Files.FINISH, msgspec.json.encode(finish)), *more]
    for frame_type, payload in frames:
        side.tool.on_frame(2, frame_type, FILES, memoryview(payload))
    return number


async def done(side: Side, number: int) -> None:
    """Raises DoneError."""
    while (await side.do(side.viewer.next, number, Files.DONE))[0] != Files.DONE:
        pass


async def test_a_small_file_is_one_go_and_on_the_disk_before_it_is_said_to_be_done(
    side: Side, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await side.do(side.viewer.start)
    target, there, gone = tmp_path / "new folder" / "small", [], 0
    plain, submit = os.fsync, side.tool.pool.submit

    def synced(fd: int) -> None:
        there.append(target.exists())
        plain(fd)

    def counted(*work: Any) -> Any:
        nonlocal gone
        gone += 1
        return submit(*work)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(side.tool.pool, "submit", counted)
    await done(side, at_once(side, target, b"hello, world", parents=True))
    assert (target.read_bytes(), gone, there) == (b"hello, world", 1, [False, True])
    assert os.listdir(target.parent) == ["small"]
    assert [data["path"] for data in side.port.noted("folder-created")] == [str(target.parent)]
    [noted] = side.port.noted("file-uploaded")
    assert (noted["size"], noted["sha256"]) == (12, hashlib.sha256(b"hello, world").hexdigest())
    await done(side, at_once(side, tmp_path / "empty", b""))
    assert (tmp_path / "empty").read_bytes() == b""


async def test_what_goes_wrong_with_it_leaves_nothing(side: Side, tmp_path: Path, notes: Path) -> None:
    await side.do(side.viewer.start)
    (tmp_path / "there").write_bytes(b"before")
    for code, path, named in (
        ("hash", tmp_path / "wrong", "0" * 64),
        ("exists", tmp_path / "there", ""),
        ("not-found", tmp_path / "no" / "folder", ""),
    ):
        with pytest.raises(DoneError, match=code):
            await done(side, at_once(side, path, b"content", sha256=named))
    number = at_once(side, tmp_path / "late", b"content")
    side.tool.on_frame(2, Files.CANCEL, FILES, memoryview(msgspec.json.encode(FilesRequest(id=number))))
    with pytest.raises(DoneError, match="cancelled"):
        await done(side, number)
    assert os.listdir(tmp_path) == ["there"]
    assert (tmp_path / "there").read_bytes() == b"before"
    assert not os.listdir(notes)


async def test_hundreds_go_side_by_side(side: Side, tmp_path: Path, notes: Path) -> None:
    await side.do(side.viewer.start)
    files = {tmp_path / f"folder {number % 3}" / f"file {number}": b"%d" % number for number in range(300)}
    sent = await side.do(side.viewer.put_many, ((os.fsencode(path), content) for path, content in files.items()))
    assert sent == len(files)
    assert {path: path.read_bytes() for path in files} == files
    assert not [name for _folder, _below, names in os.walk(tmp_path) for name in names if name.startswith(".")]
    assert not os.listdir(notes)
    side.tool.ledger.flush()
    assert sum(int(str(data["count"])) for data in side.port.noted("file-uploaded")) == len(files)
    assert len(side.port.noted("file-uploaded")) < 100


async def test_a_grant_that_goes_stops_what_has_not_begun(side: Side, tmp_path: Path) -> None:
    await side.do(side.viewer.start)
    number = at_once(side, tmp_path / "late", b"content")
    side.port.grants = Grant.FILES_READ
    side.tool.viewer_changed(2, side.port.grants)
    with pytest.raises(DoneError, match="no-grant"):
        await done(side, number)
    await asyncio.sleep(0)
    assert not os.listdir(tmp_path)
