"""Pin as Jump Client out of a session, the password before a Jump, Unpin Jump Client: by keyboard, on a narrow page."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.browser import steps
from tests.browser.conftest import Enter
from tests.harness.appliance import ADMIN, Appliance
from tests.harness.browser import Words, axe_findings, problems_of, shot, sign_in, wider_than
from tests.harness.claimed import sign_in as enter_console
from tests.harness.client import Customer, Machine, alive, download_client, use_key
from tests.harness.console import Console

PASSWORD = "blue donkeys sleep"
NAME = "Desk 4"


@pytest.fixture
def customer(appliance: Appliance, tmp_path: Path) -> Iterator[Customer]:
    """A customer of the administrator who waits; what is installed there goes with the test."""
    console = Console(enter_console(appliance, ADMIN["username"], ADMIN["password"]))
    visitor = appliance.visitor()
    use_key(visitor, console.post("session-keys", {"lifetime_s": 600})["shown"])
    machine = Machine(tmp_path / "machine")
    state = machine.folder / "pinned"
    machine.environment |= {"FARHAND_CLIENT_STATE": str(state), "XDG_CURRENT_DESKTOP": "test"}
    running = Customer(machine, download_client(visitor, tmp_path))
    running.wait_shown("`accept` or `decline`")
    running.type("accept")
    yield running
    running.stop()
    file = state / "client.pid"
    if file.exists() and alive(pid := int(file.read_text().split()[0])):
        os.kill(pid, signal.SIGKILL)


#
def test_a_computer_is_pinned_reached_by_its_password_and_unpinned(
    appliance: Appliance, enter: Enter, customer: Customer
) -> None:
    words = Words("fr")
    context = enter(appliance, words, viewport={"width": 360, "height": 800})
    page = sign_in(context, words, "/console")
    page.get_by_role("row").filter(has_text=words.console("Waiting")).get_by_role("button").click()
    details = page.get_by_role("region", name=words.console("Details"), exact=True)
    steps.button(details, words, "Accept").click()
    session = page.locator("section.session").and_(page.get_by_role("region"))
    pin(page, words)
    customer.wait_shown("by everybody of General who knows its password")
    customer.type("allow")
    expect(session).to_contain_text(words.console("The Jump Client is installed. It stays when the session ends."))
    steps.button(session, words, "OK").click()
    look(page, "pinned")
    steps.end_session(page, session, words)
    assert customer.wait_ended() == 0
    unlock(page, words)
    unpin(page, words)
    refused = [one for one in problems_of(context) if "403" not in one]
    assert not refused


def pin(page: Page, words: Words) -> None:
    """Fill in the dialog with the keyboard alone."""
    button = steps.button(page, words, "Pin as Jump Client")
    expect(button).to_be_enabled()  # the computer has said that it can
    button.press("Enter")
    dialog = page.get_by_role("dialog", name=words.console("Pin as Jump Client"), exact=True)
    dialog.get_by_label(words.console("Jump Group"), exact=True).select_option(label="General")
    dialog.get_by_label(words.console("Name"), exact=True).fill(NAME)
    dialog.get_by_label(words.console("Password (optional)"), exact=True).fill(PASSWORD)
    dialog.get_by_label(words.console("Password again"), exact=True).fill("another one")
    look(page, "pin")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_have_text(words.console("The two passwords are not the same."))
    dialog.get_by_label(words.console("Password again"), exact=True).fill(PASSWORD)
    steps.button(dialog, words, "Pin Session").press("Enter")
    dialog.wait_for(state="hidden")


def unlock(page: Page, words: Words) -> None:
    """Jump: a wrong password says so, the right one opens the session."""
    steps.open_jump_items(page, words)
    row = page.get_by_role("row").filter(has_text=NAME)
    jump = row.get_by_role("button", name=words.console("Jump"), exact=True)
    expect(jump).to_be_enabled()
    jump.press("Enter")
    dialog = page.get_by_role("dialog", name=words.console("Jump to {name}", name=NAME), exact=True)
    password = dialog.get_by_label(words.console("Password of this Jump Client"), exact=True)
    password.fill("wrong wrong wrong")
    password.press("Enter")
    expect(dialog.get_by_role("alert")).to_be_visible()
    look(page, "unlock")
    password.fill(PASSWORD)
    password.press("Enter")
    dialog.wait_for(state="hidden")


def unpin(page: Page, words: Words) -> None:
    """Yes at the prompt uninstalls the client, and takes its own session along."""
    session = page.get_by_role("region", name=NAME, exact=True)
    button = steps.button(session, words, "Unpin Jump Client")
    expect(button).to_be_enabled()
    button.press("Enter")
    dialog = page.get_by_role("dialog", name=words.console("Unpin Jump Client"), exact=True)
    look(page, "unpin")
    steps.button(dialog, words, "Yes").press("Enter")
    steps.button(session, words, "Back to the list").click()
    steps.open_jump_items(page, words)
    expect(page.get_by_role("row").filter(has_text=NAME)).to_have_count(0)


def look(page: Page, name: str) -> None:
    """Nothing wider than the page, nothing that axe finds."""
    shot(page, f"pinning-{name}")
    assert axe_findings(page) == []
    assert wider_than(page, 360) == ""
