"""File transfer as a person does it in the console: look around, upload, download, rename, delete, cancel."""

import hashlib
import os
from pathlib import Path

from playwright.sync_api import Locator, Page, expect
from tests.browser import steps
from tests.browser.conftest import Enter
from tests.harness.appliance import Appliance, wait_for
from tests.harness.browser import Words, axe_findings, problems_of, sign_in


def begin(page: Page, session: Locator, words: Words, folder: Path) -> None:
    """Start File Transfer and walk to a folder by its name, link by link."""
    steps.choose_tool(page, words, "File Transfer")
    steps.button(session, words, "Start File Transfer").click()
    volumes = session.get_by_role("navigation", name=words.console("Volumes"), exact=True)
    volumes.get_by_role("button", name=words.console("File system")).click()
    crumbs = session.get_by_role("navigation", name=words.console("Current location"), exact=True)
    expect(crumbs.get_by_role("button")).to_have_count(1)
    for depth, part in enumerate(folder.parts[1:], 2):
        item(session, part).press("Enter")
        expect(crumbs.get_by_role("button")).to_have_count(depth)


def item(session: Locator, name: str) -> Locator:
    """The button of an entry."""
    return session.get_by_role("row").get_by_role("button", name=name, exact=True)


def row(session: Locator, name: str) -> Locator:
    """The row of an entry."""
    return session.get_by_role("row").filter(has=session.page.get_by_role("button", name=name, exact=True))


def transfers(session: Locator, words: Words) -> Locator:
    """The list of transfers."""
    return session.get_by_role("region", name=words.console("Transfers"), exact=True)


def option(session: Locator, words: Words, name: str, choice: str) -> None:
    """Choose one of an entry's More Options."""
    row(session, name).hover()
    row(session, name).get_by_role("button", name=words.console("More Options"), exact=True).click()
    session.get_by_role("menuitem", name=words.console(choice), exact=True).click()


# R-149 R-188 R-189 R-193 R-194 R-195 R-196 R-197 R-198
def test_files_of_the_remote_computer(appliance: Appliance, enter: Enter, words: Words, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    sizes = {"one.bin": 3_000_000, "two.txt": 10, "empty": 0}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(os.urandom(size))
    context = enter(appliance, words)
    page = sign_in(context, words, "/console")
    session = steps.jump(page, words)
    begin(page, session, words, there)
    expect(session.get_by_text(words.console("This directory is empty."))).to_be_visible()
    assert axe_findings(page) == []

    session.get_by_label(words.console("Files to upload"), exact=True).set_input_files([tmp_path / n for n in sizes])
    for name in sizes:
        expect(item(session, name)).to_be_visible()
        assert (there / name).read_bytes() == (tmp_path / name).read_bytes()
    expect(transfers(session, words).get_by_text("Done,")).to_have_count(3)

    with page.expect_download() as download:
        option(session, words, "one.bin", "Download")
    assert download.value.suggested_filename == "one.bin"
    got = Path(download.value.path()).read_bytes()
    assert hashlib.sha256(got).digest() == hashlib.sha256((there / "one.bin").read_bytes()).digest()

    option(session, words, "two.txt", "Rename")
    dialog = page.get_by_role("dialog", name=words.console("Rename"), exact=True)
    dialog.get_by_role("textbox", name=words.console("Name"), exact=True).fill("drei ☃.txt")
    assert axe_findings(page) == []
    dialog.get_by_role("button", name=words.console("Rename"), exact=True).click()
    expect(item(session, "drei ☃.txt")).to_be_visible()
    assert (there / "drei ☃.txt").exists()

    steps.button(session, words, "New Directory").click()
    dialog = page.get_by_role("dialog", name=words.console("New Directory"), exact=True)
    dialog.get_by_role("textbox", name=words.console("Name"), exact=True).fill("sub")
    page.keyboard.press("Enter")
    item(session, "sub").dblclick()
    expect(session.get_by_text(words.console("This directory is empty."))).to_be_visible()
    steps.button(session, words, "Up One Directory").click()
    (there / "sub" / "inside").write_text("deep")
    (there / "later").touch()
    steps.button(session, words, "Refresh").click()
    expect(item(session, "later")).to_be_visible()

    with page.expect_download() as download:
        option(session, words, "sub", "Download")
    assert download.value.suggested_filename == "sub.zip"

    for name in ("sub", "empty"):
        row(session, name).get_by_role("checkbox").check()
    steps.button(session, words, "Delete").click()
    dialog = page.get_by_role("dialog", name=words.console("Delete?"), exact=True)
    expect(dialog).to_contain_text("This cannot be undone")
    dialog.get_by_role("button", name=words.console("Delete"), exact=True).click()
    expect(item(session, "empty")).to_have_count(0)
    expect(item(session, "sub")).to_have_count(0)
    assert sorted(os.listdir(there)) == ["drei ☃.txt", "later", "one.bin"]
    log = steps.messages(session, words)
    expect(log.get_by_text("uploaded").first).to_be_visible()
    expect(log.get_by_text("deleted").first).to_be_visible()
    assert axe_findings(page) == []

    with (tmp_path / "huge").open("wb") as out:
        out.truncate(4 << 30)
    session.get_by_label(words.console("Files to upload"), exact=True).set_input_files(tmp_path / "huge")
    transfers(session, words).get_by_role("button", name=words.console("Cancel"), exact=True).click()
    expect(transfers(session, words).get_by_text(words.console("Cancelled"), exact=True)).to_be_visible()
    wait_for(lambda: sorted(os.listdir(there)) == ["drei ☃.txt", "later", "one.bin"], what="nothing of it left")

    steps.button(session, words, "Stop File Transfer").click()
    expect(steps.button(session, words, "Start File Transfer")).to_be_visible()
    steps.end_session(page, session, words)
    assert problems_of(context) == []
