"""Special Actions in the console: the menu, a reason where something cannot be done, and a restart that comes back."""

import os
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser import steps
from tests.browser.conftest import Enter
from tests.harness.appliance import ADMIN, Appliance, wait_for
from tests.harness.browser import Words, axe_findings, problems_of, shot, sign_in
from tests.harness.claimed import sign_in as visit
from tests.harness.client import JumpClient, build_client, new_jump_client
from tests.harness.outside import programs_of
from tests.harness.xdisplay import virtual_display

NAME = "Workstation"


@pytest.fixture(scope="module")
def client(appliance: Appliance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JumpClient]:
    """A Jump Client on a display of its own, on a machine that says what it was told to do."""
    build_client()
    tmp_path = tmp_path_factory.mktemp("machines")
    programs_of(tmp_path / NAME)
    admin = visit(appliance, ADMIN["username"], ADMIN["password"])
    with virtual_display() as display:
        running = new_jump_client(appliance, admin, tmp_path, NAME, display)
        yield running
        running.stop()


def open_actions(session: Locator, words: Words) -> Locator:
    """Open the menu and wait for the endpoint's answer; gives the menu."""
    steps.button(session, words, "Special Actions").click()
    menu = session.get_by_role("menu", name=words.console("Special Actions"), exact=True)
    menu.wait_for()
    return menu


def entry(menu: Locator, words: Words, text: str) -> Locator:
    """One entry of the menu."""
    return menu.get_by_role("menuitem", name=words.console(text), exact=True)


#
#
def test_special_actions_and_a_restart(appliance: Appliance, enter: Enter, words: Words, client: JumpClient) -> None:
    context = enter(appliance, words)
    page = sign_in(context, words, "/console")
    session = steps.jump(page, words, NAME)
    menu = open_actions(session, words)
    expect(menu.get_by_role("menuitem").first).to_be_focused()
    shot(page, "special-actions")
    assert axe_findings(page) == []
    # What this system cannot do is there, with the reason.
    blocked = entry(menu, words, "Privacy Screen")
    expect(blocked).to_have_attribute("aria-disabled", "true")
    expect(blocked).to_have_accessible_description(client_says(blocked))
    blocked.click(force=True)
    expect(menu).to_be_visible()
    menu.get_by_role("menuitem").filter(has_text="Terminal").first.click()
    wait_for(lambda: any("x-terminal-emulator" in line for line in client.machine.did()), what="the program")
    log = steps.messages(session, words)
    expect(log).to_contain_text("used the special action Terminal.")
    restart(page, session, words, client)
    steps.say(session, words, "and on it goes")
    steps.end_session(page, session, words)
    assert problems_of(context) == []


def client_says(blocked: Locator) -> str:
    """The reason that stands below the entry."""
    reason = blocked.locator(".reason").inner_text()
    assert reason
    return reason


#
def restart(page: Page, session: Locator, words: Words, client: JumpClient) -> None:
    """Reboot, with the question before it; the console waits, and says that the computer is back."""
    entry(open_actions(session, words), words, "Reboot").click()
    dialog = page.get_by_role("dialog", name=words.console("Restart the remote computer?"), exact=True)
    shot(page, "restart-question")
    steps.button(dialog, words, "Cancel").click()
    assert "told to reboot" not in client.machine.did()
    entry(open_actions(session, words), words, "Reboot").click()
    steps.button(dialog, words, "Reboot").click()
    wait_for(lambda: "told to reboot" in client.machine.did(), what="the restart")
    client.stop()
    state = session.get_by_role("status").filter(has_text=words.starts("The remote computer restarts: {time} …"))
    expect(state).to_be_visible()
    shot(page, "restarting")
    client.start()
    expect(steps.messages(session, words)).to_contain_text(
        words.console("The remote computer is back."), timeout=60_000
    )
    expect(state).to_be_hidden()


def test_a_menu_that_was_opened_too_early_fills_when_the_computer_is_there(
    appliance: Appliance, enter: Enter, words: Words, client: JumpClient
) -> None:
    assert client.process
    page = sign_in(enter(appliance, words), words, "/console")
    steps.open_jump_items(page, words)
    expect(steps.button(page.get_by_role("row").filter(has_text=NAME), words, "Jump")).to_be_enabled()
    os.kill(client.process.pid, signal.SIGSTOP)
    try:
        session = steps.jump(page, words, NAME)
        steps.button(session, words, "Special Actions").click()
        expect(session.get_by_text(words.console("The remote computer is not connected."), exact=True)).to_be_visible()
    finally:
        os.kill(client.process.pid, signal.SIGCONT)
    menu = session.get_by_role("menu", name=words.console("Special Actions"), exact=True)
    expect(entry(menu, words, "Send Ctrl-Alt-Del")).to_be_visible()
    steps.end_session(page, session, words)


@pytest.mark.parametrize("language", ["de", *(pytest.param(one, marks=pytest.mark.long) for one in ("fr", "nl"))])
def test_the_menu_in_other_languages(appliance: Appliance, enter: Enter, client: JumpClient, language: str) -> None:
    words = Words(language)
    page = sign_in(enter(appliance, words), words, "/console")
    session = steps.jump(page, words, NAME)
    menu = open_actions(session, words)
    expect(entry(menu, words, "Reboot")).to_be_visible()
    shot(page, f"special-actions-{language}")
    page.keyboard.press("Escape")
    steps.end_session(page, session, words)
