"""The files tool: what a viewer can do, what goes wrong and what is said then, what is kept, what is put on record."""

import asyncio
import hashlib
import os
import zipfile
from pathlib import Path

import pytest
from tests.harness.files import DoneError, LostError
from tests.unit.agent.tools.files.conftest import Side

from farhand.protocol.channels import Files, Grant
from farhand.protocol.files import FilesFinish, FilesPut, FilesRequest, chunk
from farhand.protocol.messages import Limits

KEY = "0123456789abcdef" * 2
BIG = 5 * 1024 * 1024 + 17


def b(path: Path) -> bytes:
    return os.fsencode(path)


def made(path: Path, size: int) -> str:
    data = os.urandom(size)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


async def refused(side: Side, code: str, work, *arguments, **named) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DoneError) as told:
        await side.do(work, *arguments, **named)
    assert told.value.code == code
    assert len(str(told.value)) > len(code) + 4


def parts_in(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith(".farhand-")]


#
async def test_files_go_up_and_down_and_everything_is_on_record(side: Side, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    sha256 = made(here / "a", BIG)
    await side.do(side.viewer.start)
    await side.do(side.viewer.put, here / "a", b(there / "b"))
    assert (there / "b").read_bytes() == (here / "a").read_bytes()
    got = await side.do(side.viewer.get, b(there / "b"), here / "c")
    assert (got["sha256"], (here / "c").read_bytes()) == (sha256, (here / "a").read_bytes())
    await side.do(side.viewer.change, Files.MAKE, b(there / "sub"))
    await side.do(side.viewer.change, Files.RENAME, b(there / "b"), b(there / "sub" / "d"))
    assert set(await side.do(side.viewer.list, b(there / "sub"))) == {b"d"}
    await side.do(side.viewer.change, Files.DELETE, b(there / "sub"))
    assert not list(there.iterdir())
    told = dict(side.port.posts)
    both = {"by": "rep2", "leg": 2}
    assert told == {
        "files-requested": both,
        "files-started": both,
        "file-uploaded": {**both, "path": str(there / "b"), "count": 1, "size": BIG, "sha256": sha256},
        "file-downloaded": {**both, "path": str(there / "b"), "count": 1, "size": BIG, "sha256": sha256},
        "folder-created": {**both, "path": str(there / "sub")},
        "file-moved": {**both, "path": str(there / "b"), "to": str(there / "sub" / "d")},
        "file-deleted": {**both, "path": str(there / "sub"), "count": 2, "size": BIG},
    }


@pytest.mark.parametrize(
    "name", [b"new\nline", b"\xff\xfe not text", b"a" * 255, "größe ☃".encode(), b"-rf *", b"back\\slash"]
)
async def test_names_are_taken_as_they_are(side: Side, tmp_path: Path, name: bytes) -> None:
    made(tmp_path / "source", 100)
    path = b(tmp_path) + b"/" + name
    await side.do(side.viewer.start)
    await side.do(side.viewer.put, tmp_path / "source", path)
    assert name in await side.do(side.viewer.list, b(tmp_path))
    await side.do(side.viewer.get, path, tmp_path / "again")
    await side.do(side.viewer.change, Files.RENAME, path, path[:-1])
    await side.do(side.viewer.change, Files.DELETE, path[:-1])
    assert sorted(os.listdir(tmp_path)) == ["again", "source"]
    assert all(str(data["path"]).isprintable() for kind, data in side.port.posts if "path" in data)


@pytest.mark.parametrize("name", [b"a" * 256, b"..", b".", b""])
async def test_a_name_that_is_none_is_refused(side: Side, tmp_path: Path, name: bytes) -> None:
    made(tmp_path / "source", 10)
    await side.do(side.viewer.start)
    await refused(side, "name", side.viewer.put, tmp_path / "source", b(tmp_path) + b"/" + name)
    assert os.listdir(tmp_path) == ["source"]


async def test_empty_and_sparse_files(side: Side, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with (tmp_path / "sparse").open("wb") as out:
        out.seek(40 << 20)
        out.write(b"end")
    await side.do(side.viewer.start)
    for name in ("empty", "sparse"):
        await side.do(side.viewer.put, tmp_path / name, b(tmp_path / f"{name}-up"))
        await side.do(side.viewer.get, b(tmp_path / f"{name}-up"), tmp_path / f"{name}-down")
        assert (tmp_path / f"{name}-down").read_bytes() == (tmp_path / name).read_bytes()
    assert (tmp_path / "sparse-up").stat().st_blocks < 20_000, "zeros take no space"


async def test_an_upload_goes_on_where_it_stopped(side: Side, tmp_path: Path) -> None:
    sha256 = made(tmp_path / "a", BIG)
    target = tmp_path / "there"
    target.mkdir()
    await side.do(side.viewer.start)
    with pytest.raises(LostError):
        await side.do(side.viewer.put, tmp_path / "a", b(target / "a"), key=KEY, stop_at=1 << 20)
    side.tool.viewer_left(2)
    await side.port.until(lambda: side.port.noted("file-upload-failed"))
    assert len(parts_in(target)) == 1
    assert not (target / "a").exists()
    assert not await side.do(_listed, side, target), "it is not shown"
    result = await side.do(side.viewer.put, tmp_path / "a", b(target / "a"), key=KEY)
    assert result["began"] >= 1 << 20
    assert hashlib.sha256((target / "a").read_bytes()).hexdigest() == sha256
    assert parts_in(target) == []
    assert len(side.port.noted("files-started")) == 1, "who comes back begins nothing new"


def _listed(side: Side, folder: Path) -> dict[bytes, object]:
    side.viewer.start()
    return side.viewer.list(b(folder))


async def test_a_download_goes_on_where_it_stopped_unless_the_file_is_another(side: Side, tmp_path: Path) -> None:
    made(tmp_path / "a", BIG)
    for changed in (False, True):
        await side.do(side.viewer.start)
        with pytest.raises(LostError):
            await side.do(side.viewer.get, b(tmp_path / "a"), tmp_path / "down", stop_at=1 << 20)
        if changed:
            made(tmp_path / "a", BIG)
        await side.do(side.viewer.start)
        result = await side.do(side.viewer.get, b(tmp_path / "a"), tmp_path / "down")
        assert (result["began"] == 0) is changed
        assert (tmp_path / "down").read_bytes() == (tmp_path / "a").read_bytes()
        (tmp_path / "down").unlink()


async def test_a_folder_comes_as_an_archive(side: Side, tmp_path: Path) -> None:
    top = tmp_path / "top"
    (top / "deep" / "er").mkdir(parents=True)
    (top / "none").mkdir()
    for number in range(300):
        (top / "deep" / "er" / f"{number}").write_bytes(b"%d" % number)
    (top / "link").symlink_to("/etc/passwd")
    await side.do(side.viewer.start)
    with pytest.raises(LostError):
        await side.do(side.viewer.get, b(top), tmp_path / "top.zip", stop_at=10_000)
    await side.do(side.viewer.start)
    result = await side.do(side.viewer.get, b(top), tmp_path / "top.zip")
    assert result["began"] >= 10_000
    with zipfile.ZipFile(tmp_path / "top.zip") as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {"deep/", "deep/er/", "none/", *(f"deep/er/{n}" for n in range(300))}
        assert archive.read("deep/er/7") == b"7"


async def test_folders_are_made_for_files_of_a_folder(side: Side, tmp_path: Path) -> None:
    made(tmp_path / "a", 10)
    await side.do(side.viewer.start)
    for number in range(90):
        path = tmp_path / "x" / "y" / f"{number}"
        await side.do(side.viewer.put, tmp_path / "a", b(path), parents=True, fresh=True)
    side.tool.ledger.flush()
    noted = side.port.noted("file-uploaded")
    assert sum(int(str(one["count"])) for one in noted) == 90
    assert len(noted) < 60
    assert {str(one["path"]) for one in side.port.noted("folder-created")} == {f"{tmp_path}/x", f"{tmp_path}/x/y"}


async def test_what_is_there_is_replaced_only_when_that_is_wanted(side: Side, tmp_path: Path) -> None:
    made(tmp_path / "a", 100)
    (tmp_path / "b").write_bytes(b"old")
    (tmp_path / "b").chmod(0o640)
    await side.do(side.viewer.start)
    await refused(side, "exists", side.viewer.put, tmp_path / "a", b(tmp_path / "b"))
    await refused(side, "exists", side.viewer.change, Files.MAKE, b(tmp_path / "b"))
    await refused(side, "exists", side.viewer.change, Files.RENAME, b(tmp_path / "a"), b(tmp_path / "b"))
    assert (tmp_path / "b").read_bytes() == b"old"
    await side.do(side.viewer.put, tmp_path / "a", b(tmp_path / "b"), replace=True)
    assert (tmp_path / "b").read_bytes() == (tmp_path / "a").read_bytes()
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o640


async def test_a_file_that_changes_while_it_is_read(side: Side, tmp_path: Path) -> None:
    made(tmp_path / "a", 30 << 20)
    await side.do(side.viewer.start)
    read = side.viewer.next

    def meddling(number: int, *types: int):  # type: ignore[no-untyped-def]
        found = read(number, *types)
        if found[0] == Files.ACCEPTED:
            with (tmp_path / "a").open("r+b") as out:
                out.seek(29 << 20)
                out.write(b"other")
        return found

    side.viewer.next = meddling  # type: ignore[method-assign]
    await refused(side, "changed", side.viewer.get, b(tmp_path / "a"), tmp_path / "down")
    assert side.port.noted("file-download-failed")[0]["code"] == "changed"


async def test_what_is_no_file_is_not_opened(side: Side, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    await side.do(side.viewer.start)
    await refused(side, "not-regular", side.viewer.get, b(tmp_path / "pipe"), tmp_path / "down")
    await refused(side, "not-found", side.viewer.get, b(tmp_path / "none"), tmp_path / "down")
    await refused(side, "not-found", side.viewer.list, b(tmp_path / "none"))
    await refused(side, "no-permission", side.viewer.change, Files.DELETE, b"/")


async def test_a_wrong_hash_leaves_nothing(side: Side, tmp_path: Path) -> None:
    await side.do(side.viewer.start)
    number = side.viewer.number()
    path = b(tmp_path / "a")
    side.viewer.say(Files.PUT, FilesPut(id=number, path=path, key=KEY, size=0, fresh=True))
    side.viewer.say(Files.FINISH, FilesFinish(id=number, size=0, sha256="0" * 64))
    with pytest.raises(DoneError, match="hash"):
        await side.do(_until_done, side, number)
    assert os.listdir(tmp_path) == []


def _until_done(side: Side, number: int) -> None:
    while side.viewer.next(number)[0] != Files.DONE:
        pass


async def test_a_cancelled_upload_leaves_nothing(side: Side, tmp_path: Path) -> None:
    await side.do(side.viewer.start)
    number = side.viewer.number()
    side.viewer.say(Files.PUT, FilesPut(id=number, path=b(tmp_path / "a"), key=KEY, size=1 << 40, fresh=True))
    with pytest.raises(DoneError, match="no-space"):
        await side.do(_until_done, side, number)
    number = side.viewer.number()
    side.viewer.say(Files.PUT, FilesPut(id=number, path=b(tmp_path / "a"), key=KEY, size=1000))
    await side.do(side.viewer.next, number, Files.ACCEPTED)
    assert len(parts_in(tmp_path)) == 1
    side.viewer.say(Files.CANCEL, FilesRequest(id=number))
    with pytest.raises(DoneError, match="cancelled"):
        await side.do(_until_done, side, number)
    assert os.listdir(tmp_path) == []


async def test_empty_pieces_of_an_upload_are_nothing(side: Side, tmp_path: Path) -> None:
    await side.do(side.viewer.start)
    number = side.viewer.number()
    side.viewer.say(Files.PUT, FilesPut(id=number, path=b(tmp_path / "a"), key=KEY, size=3, fresh=True))
    for offset, data in ((0, b""), (0, b"abc"), (3, b"")):
        side.viewer._send(Files.DATA, chunk(number, offset, data))
    side.viewer.say(Files.FINISH, FilesFinish(id=number, size=3, sha256=hashlib.sha256(b"abc").hexdigest()))
    await side.do(_until_done, side, number)
    assert (tmp_path / "a").read_bytes() == b"abc"
    assert parts_in(tmp_path) == []


#
@pytest.mark.parametrize(
    ("grants", "may"),
    [(Grant.FILES_WRITE, {"put", "make"}), (Grant.FILES_READ, {"get"}), (Grant.FILES_DELETE, {"rename", "delete"})],
)
async def test_each_permission_gives_what_it_names(side: Side, tmp_path: Path, grants: Grant, may: set[str]) -> None:
    side.port.grants = grants
    made(tmp_path / "a", 10)
    made(tmp_path / "b", 10)
    viewer = side.viewer
    await side.do(viewer.start)
    await side.do(viewer.list, b(tmp_path))
    tries = {
        "put": (viewer.put, tmp_path / "a", b(tmp_path / "c")),
        "make": (viewer.change, Files.MAKE, b(tmp_path / "d")),
        "get": (viewer.get, b(tmp_path / "a"), tmp_path / "e"),
        "rename": (viewer.change, Files.RENAME, b(tmp_path / "a"), b(tmp_path / "f")),
        "delete": (viewer.change, Files.DELETE, b(tmp_path / "b")),
    }
    for name, work in tries.items():
        if name in may:
            await side.do(*work)
        else:
            await refused(side, "no-grant", *work)
    assert all(one["code"] == "no-grant" for one in side.port.noted("file-refused"))


#
async def test_limits_hold_for_each_side_and_change_at_once(side: Side, tmp_path: Path) -> None:
    read, write, other = (tmp_path / name for name in ("read", "write", "other"))
    for folder in (read, write, other):
        folder.mkdir()
        made(folder / "a", 10)
    (read / "out").symlink_to(other)
    (write / "out").symlink_to(other)
    side.port.limits = Limits(files_read=[str(read)], files_write=[str(write)])
    viewer = side.viewer
    await side.do(viewer.start)
    assert {volume["kind"] for volume in viewer.volumes} == {"folder"}
    await side.do(viewer.list, b(read))
    await side.do(viewer.list, b(write))
    for path in (other, tmp_path, read / "out", Path("/")):
        await refused(side, "outside", viewer.list, b(path))
    await side.do(viewer.get, b(read / "a"), tmp_path / "down")
    for path in (write / "a", other / "a", read / "out" / "a"):
        await refused(side, "outside", viewer.get, b(path), tmp_path / "down2")
    await side.do(viewer.put, tmp_path / "down", b(write / "b"))
    for path in (read / "b", other / "b"):
        await refused(side, "outside", viewer.put, tmp_path / "down", b(path))
    await refused(side, "not-regular", viewer.put, tmp_path / "down", b(write / "out" / "b"))
    await refused(side, "outside", viewer.change, Files.RENAME, b(write / "a"), b(other / "c"))
    await refused(side, "no-permission", viewer.change, Files.DELETE, b(write))
    side.port.limits = Limits(files_write=["C:\\Data"])
    side.tool.limits_changed(2, side.port.limits)
    await refused(side, "outside", viewer.put, tmp_path / "down", b(write / "c"))
    await side.do(viewer.get, b(other / "a"), tmp_path / "down3")
    assert os.listdir(other) == ["a"]


async def test_where_to_put_what_is_meant_for_no_folder(side: Side, tmp_path: Path) -> None:
    await side.do(side.viewer.start)
    assert side.viewer.inbox == side.viewer.home
    side.port.limits = Limits(files_read=[str(tmp_path / "read")], files_write=[str(tmp_path / "write")])
    side.tool.limits_changed(2, side.port.limits)
    await side.do(side.viewer.start)
    assert side.viewer.inbox == b(tmp_path / "write")
    side.port.grants = Grant.FILES_READ
    side.tool.viewer_changed(2, Grant.FILES_READ)
    await side.do(side.viewer.start)
    assert side.viewer.inbox == b""


async def test_nobody_is_served_before_the_customer_said_yes(side: Side, tmp_path: Path) -> None:
    side.port.attended, side.port.allow = True, False
    await refused(side, "not-started", side.viewer.list, b"/")
    await refused(side, "refused", side.viewer.start)
    assert [question.tool for question in side.port.questions] == ["files"]
    side.port.allow = True
    await side.do(side.viewer.start)
    await side.do(side.viewer.list, b(tmp_path))
    side.viewer._send(Files.STOP, b"{}")
    await side.port.until(lambda: side.port.noted("files-stopped"))
    await refused(side, "not-started", side.viewer.list, b"/")


async def test_after_a_lost_socket_everything_begins_again(side: Side, tmp_path: Path) -> None:
    made(tmp_path / "a", BIG)
    await side.do(side.viewer.start)
    number = side.viewer.number()
    side.viewer.say(Files.PUT, FilesPut(id=number, path=b(tmp_path / "b"), key=KEY, size=1000))
    await side.do(side.viewer.next, number, Files.ACCEPTED)
    side.tool.resumed()
    with pytest.raises(LostError):
        await side.do(side.viewer.next, number)
    await asyncio.sleep(0)
    await side.do(side.viewer.put, tmp_path / "a", b(tmp_path / "c"))


async def test_many_entries_come_page_by_page(side: Side, tmp_path: Path) -> None:
    for number in range(1234):
        (tmp_path / f"{number}").touch()
    (tmp_path / "zz").mkdir()
    await side.do(side.viewer.start)
    found = await side.do(side.viewer.list, b(tmp_path))
    assert len(found) == 1235
    assert next(iter(found)) == b"zz", "folders come first"


async def test_an_upload_whose_end_was_not_heard_is_there_already(side: Side, tmp_path: Path) -> None:
    made(tmp_path / "a", 100)
    target = b(tmp_path / "b")
    await side.do(side.viewer.start)
    await side.do(side.viewer.put, tmp_path / "a", target, key=KEY)
    again = await side.do(side.viewer.put, tmp_path / "a", target, key=KEY)
    assert again["began"] == 100
    assert len(side.port.noted("file-uploaded")) == 1
    (tmp_path / "b").write_bytes(b"another")
    await refused(side, "exists", side.viewer.put, tmp_path / "a", target, key=KEY)
    (tmp_path / "b").unlink()
    await side.do(side.viewer.put, tmp_path / "a", target, key=KEY)
    assert (tmp_path / "b").read_bytes() == (tmp_path / "a").read_bytes()
