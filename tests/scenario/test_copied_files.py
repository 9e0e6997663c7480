"""Files by the clipboard through a real appliance and client: a console leg here, programs on an X display there."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.harness.appliance import Appliance
from tests.harness.client import JumpClient, item_named, new_jump_client
from tests.harness.console import Console
from tests.harness.copying import copy, paste
from tests.harness.files import FilesClient
from tests.harness.sharing import Shared

from farhand.cli.display import VirtualDisplay
from farhand.protocol.channels import Kind, channel
from farhand.protocol.clipboard import FILES, TEXT, pack_files, read_files

NAME = "pasting"
FILE_CHANNEL = channel(Kind.FILES)
URIS, GNOME = "text/uri-list", "x-special/gnome-copied-files"

pytestmark = [pytest.mark.display, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def display() -> Iterator[VirtualDisplay]:
    with VirtualDisplay("320x240x24") as running:
        yield running


@pytest.fixture(scope="module")
def client(appliance: Appliance, console: Console, machines: Path, display: VirtualDisplay) -> Iterator[JumpClient]:
    running = new_jump_client(appliance, console.visitor, machines, NAME, display.name)
    item_named(console, NAME)
    yield running
    running.stop()


@pytest.fixture
def shared(console: Console, client: JumpClient) -> Iterator[Shared]:
    live = console.jump(item_named(console, NAME)["id"])
    live.entry(lambda e: e["kind"] == "leg-joined" and e["party"] == 1)
    yield Shared(live)
    live.end()


def files_of(shared: Shared) -> FilesClient:
    """File transfer on the same leg."""
    live = shared.live
    files = FilesClient(lambda kind, payload: live.socket.send(kind, FILE_CHANNEL, payload, live.leg))
    before = live.socket.on_frame

    def frame(one: Any) -> None:
        if one.channel == FILE_CHANNEL:
            files.take(one.type, one.payload)
        elif before is not None:
            before(one)

    live.socket.on_frame = frame
    files.start()
    return files


# R-173 R-188
def test_what_was_copied_there_is_had_by_file_transfer(shared: Shared, display: VirtualDisplay, tmp_path: Path) -> None:
    source = tmp_path / "there ü #1"
    source.write_bytes(os.urandom(300_000))
    since = len(shared.live.socket.frames)
    owner = copy(display.name, f"copy\n{source.as_uri()}\nsftp://elsewhere/x", GNOME)
    try:
        shared.wait_offered(FILES, since)
        content, why = shared.take(FILES)
    finally:
        owner.kill()
        owner.wait(60)
    assert why == ""
    copied = read_files(content)
    assert (copied.paths, copied.others) == ([os.fsencode(source)], 1)
    files_of(shared).get(copied.paths[0], tmp_path / "here")
    assert (tmp_path / "here").read_bytes() == source.read_bytes()
    taken = shared.live.entry(lambda e: e["kind"] == "clipboard-taken")
    assert (taken["data"]["format"], taken["data"]["count"]) == ("files", 1)
    shared.live.entry(lambda e: e["kind"] == "file-downloaded" and e["data"]["path"] == str(source))


# R-173 R-188
def test_what_was_uploaded_can_be_pasted_in_a_file_manager(
    shared: Shared, display: VirtualDisplay, client: JumpClient, tmp_path: Path
) -> None:
    (tmp_path / "here").write_bytes(os.urandom(300_000))
    files = files_of(shared)
    assert files.inbox == os.fsencode(client.machine.home)
    there = files.inbox + b"/from here"
    files.put(tmp_path / "here", there)
    assert shared.give(FILES, pack_files([there])) == ""
    uri = Path(os.fsdecode(there)).as_uri()
    assert paste(display.name, GNOME) == f"copy\n{uri}"
    assert paste(display.name, URIS) == f"{uri}\r\n"
    given = shared.live.entry(lambda e: e["kind"] == "clipboard-given")
    assert (given["data"]["format"], given["data"]["count"]) == ("files", 1)
    assert Path(os.fsdecode(there)).read_bytes() == (tmp_path / "here").read_bytes()


def test_what_is_no_file_of_that_computer_is_said(shared: Shared, display: VirtualDisplay) -> None:
    since = len(shared.live.socket.frames)
    owner = copy(display.name, "https://example.org/\r\n", URIS, "UTF8_STRING")
    try:
        shared.wait_offered(FILES, since)
        assert "no file of that computer" in shared.take(FILES)[1]
        assert shared.take(TEXT)[0].strip() == b"https://example.org/"
    finally:
        owner.kill()
        owner.wait(60)


def test_hostile_lists_are_refused(shared: Shared, display: VirtualDisplay) -> None:
    assert shared.give(TEXT, b"as it was") == ""
    for content in (b"{}", b"[]", json.dumps({"paths": ["cmVsYXRpdmU="]}).encode(), b'{"paths":["!"]}', b"\xff"):
        assert "announced" in shared.give(FILES, content)
    assert paste(display.name) == "as it was"
