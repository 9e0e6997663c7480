"""Files by the clipboard as a person does it: what was copied there is downloaded, what is pasted here is there."""

from pathlib import Path

from playwright.sync_api import Download, Locator, Page, expect
from tests.browser import steps
from tests.browser.conftest import Enter
from tests.harness.appliance import Appliance
from tests.harness.browser import Words, axe_findings, problems_of, shot, sign_in
from tests.harness.copying import copy, paste
from tests.harness.xdisplay import display_below

URIS, GNOME = "text/uri-list", "x-special/gnome-copied-files"

_PASTE = """([name, words]) => {
  const data = new DataTransfer();
  data.items.add(new File([words], name));
  const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
  document.activeElement.dispatchEvent(event);
}"""
"""The event by which a browser tells of a pasted file; only a person can fill a clipboard with one."""


def drop(page: Page, onto: Locator, *paths: Path) -> None:
    """The person drags files from another program onto something."""
    box = onto.bounding_box()
    assert box
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    where = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2, "data": data}
    devtools = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        devtools.send("Input.dispatchDragEvent", {"type": kind, **where})
    devtools.detach()


def upload(page: Page, words: Words, folder: Path) -> None:
    """Say in the dialog where the files go."""
    dialog = page.get_by_role("dialog", name=words.console("Upload and paste"), exact=True)
    field = dialog.get_by_role("textbox", name=words.console("Directory on the remote computer"), exact=True)
    expect(field).not_to_have_value("")
    assert axe_findings(page) == []
    field.fill(str(folder))
    dialog.get_by_role("button", name=words.console("Upload"), exact=True).click()
    expect(dialog).to_have_count(0)


# R-173 R-188
def test_files_go_both_ways_by_the_clipboard(appliance: Appliance, enter: Enter, words: Words, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    (there / "copied.txt").write_text("copied there")
    (there / "folder").mkdir()
    (there / "folder" / "inside").write_text("inside")
    (tmp_path / "dropped.txt").write_text("dropped here")
    context = enter(appliance, words)
    page = sign_in(context, words, "/console")
    session = steps.jump(page, words)
    canvas = steps.start_screen(session, words)
    display = display_below(appliance.pid)
    status = session.get_by_role("status")

    drop(page, canvas, tmp_path / "dropped.txt")
    switch_on = words.console("Switch on {switch} to paste files into the remote computer.",
                              switch=words.console("Clipboard Sharing"))  # fmt: skip
    expect(status.get_by_text(switch_on)).to_be_visible()
    switch = steps.button(session, words, "Clipboard Sharing")
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "true")

    uris = "".join(f"{(there / name).as_uri()}\r\n" for name in ("copied.txt", "folder"))
    owner = copy(display, uris, URIS)
    try:
        offer = session.get_by_role("group", name=words.console("Copied files"), exact=True)
        expect(offer).to_contain_text("copied.txt, folder")
        expect(offer).to_contain_text(
            words.console("A browser cannot put files into your clipboard: download them instead.")
        )
        assert axe_findings(page) == []
        shot(page, f"copied-files-{words.language}")
        saved: list[Download] = []
        page.on("download", lambda one: saved.append(one))  # noqa: PLW0108  Playwright marks it
        offer.get_by_role("button", name=words.console("Download"), exact=True).click()
        expect(offer).to_have_count(0)
        steps.choose_tool(page, words, "File Transfer")
        transfers = session.get_by_role("region", name=words.console("Transfers"), exact=True)
        expect(transfers.get_by_text("Done,")).to_have_count(2)
        steps.choose_tool(page, words, "Screen Sharing")
    finally:
        owner.kill()
        owner.wait(60)
    assert {one.suggested_filename for one in saved} == {"copied.txt", "folder.zip"}
    assert next(one.path() for one in saved if one.suggested_filename == "copied.txt").read_text() == "copied there"

    pasted = words.console("The files are in the remote clipboard. Paste them there where they are wanted.")
    drop(page, canvas, tmp_path / "dropped.txt")
    upload(page, words, there)
    expect(status.get_by_text(pasted)).to_be_visible()
    assert (there / "dropped.txt").read_text() == "dropped here"
    assert paste(display, GNOME) == f"copy\n{(there / 'dropped.txt').as_uri()}"

    steps.button(session, words, "Request Control").click()
    expect(steps.button(session, words, "Stop Control")).to_be_visible()
    canvas.focus()
    page.evaluate(_PASTE, ["dropped.txt", "pasted here"])
    upload(page, words, there)
    expect(steps.messages(session, words).get_by_text("into the remote clipboard")).to_have_count(2)
    assert (there / "dropped (2).txt").read_text() == "pasted here"
    assert paste(display, URIS) == f"{(there / 'dropped (2).txt').as_uri()}\r\n"
    assert (there / "dropped.txt").read_text() == "dropped here"
    steps.end_session(page, session, words)
    assert problems_of(context) == []
