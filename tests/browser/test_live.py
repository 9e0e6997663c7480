"""What changes is seen without a reload, and what breaks mends itself: two browsers, a reload, a killed relay."""

import os
import signal

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser import steps
from tests.browser.conftest import Enter
from tests.harness.appliance import Appliance, wait_for
from tests.harness.browser import Words, axe_findings, problems_of, shot, sign_in, wait_like
from tests.harness.xdisplay import display_below, screen_pixels

from farhand.protocol.abilities import ABILITIES, REASONS


def test_two_browsers_see_the_same(appliance: Appliance, enter: Enter, words: Words) -> None:
    one, other = (enter(appliance, words) for _ in range(2))
    acting, watching = sign_in(one, words, "/console"), sign_in(other, words, "/console")
    entries = watching.get_by_role("tabpanel", name="Sessions", exact=True).get_by_role("row")
    expect(entries).to_have_count(0)
    session = steps.jump(acting, words)
    expect(entries).to_have_count(2)  # the head and the session
    expect(entries.last).to_contain_text(steps.DEMO)
    expect(entries.last).to_contain_text("Active")
    row = steps.open_jump_items(watching, words)
    expect(row).to_contain_text("In use")
    steps.end_session(acting, session, words)
    expect(row).to_contain_text("Active")
    watching.get_by_role("tab", name="Sessions", exact=True).click()
    expect(entries).to_have_count(0)
    assert problems_of(one) == problems_of(other) == []


def test_a_reload_takes_the_session_up_again(appliance: Appliance, enter: Enter, words: Words) -> None:
    context = enter(appliance, words)
    page = sign_in(context, words, "/console")
    session = steps.jump(page, words)
    steps.say(session, words, "said before the reload")
    remember(page, session, words)
    page.reload()
    page.get_by_role("button", name="Sessions", exact=True).click()
    page.get_by_role("menuitemradio", name=steps.DEMO, exact=True).click()
    session = page.get_by_role("region", name=steps.DEMO, exact=True)
    expect(steps.messages(session, words).get_by_text("said before the reload", exact=True)).to_have_count(1)
    start, more = (steps.button(session, words, text) for text in ("Start Screen Sharing", "Open a new shell"))
    expect(start.or_(more)).to_be_enabled()
    steps.choose_tool(page, words, "Command Shell")
    recall(page, session)
    steps.end_session(page, session, words)
    assert problems_of(context) == []


def test_the_session_survives_a_killed_relay(appliance: Appliance, enter: Enter, words: Words) -> None:
    page = sign_in(enter(appliance, words), words, "/console")
    session = steps.jump(page, words)
    canvas = steps.start_screen(session, words)
    display = display_below(appliance.pid)
    wait_like(canvas, lambda: screen_pixels(display))
    remember(page, session, words)
    relay = appliance.pid_of("relay")
    os.kill(relay, signal.SIGKILL)
    wait_for(lambda: appliance.pid_of("relay") != relay, 60, "a new relay")
    steps.say(session, words, "said after the kill")
    expect(session.get_by_text("Sending …", exact=True)).to_have_count(0)
    recall(page, session)
    steps.choose_tool(page, words, "Screen Sharing")
    expect(canvas).to_be_visible()
    wait_like(canvas, lambda: screen_pixels(display))
    steps.end_session(page, session, words)


def remember(page: Page, session: Locator, words: Words) -> None:
    """Open a shell that remembers something."""
    steps.choose_tool(page, words, "Command Shell")
    terminal = steps.open_shell(session, words, 1)
    page.keyboard.type("kept=forty-two; echo begin\n")
    expect(terminal.locator(".xterm-rows")).to_contain_text("begin")


def recall(page: Page, session: Locator) -> None:
    """The same shell still knows it, and shows what it showed before."""
    terminal = session.get_by_role("group", name="Terminal of shell 1", exact=True)
    rows = terminal.locator(".xterm-rows")
    expect(rows).to_contain_text("begin")
    terminal.click()
    page.keyboard.type("echo again $kept\n")
    expect(rows).to_contain_text("again forty-two")


#
@pytest.mark.parametrize("language", ["en", pytest.param("de", marks=pytest.mark.long)])
def test_the_details_say_what_can_be_done_before_the_jump(appliance: Appliance, enter: Enter, language: str) -> None:
    words = Words(language)
    context = enter(appliance, words, viewport={"width": 1280, "height": 800})
    page = sign_in(context, words, "/console")
    row = steps.open_jump_items(page, words).first
    expect(row).to_be_visible()
    details = row.get_by_role("button", name=words.console("Details"), exact=True)
    expect(details).to_have_attribute("aria-expanded", "false")
    details.click()
    expect(details).to_have_attribute("aria-expanded", "true")
    abilities = page.get_by_role("region", name=words.console("What can be done there"), exact=True)
    lines = abilities.get_by_role("listitem")
    expect(lines).to_have_count(len(ABILITIES))
    for label, reason in ((ABILITIES["see"], ""), (ABILITIES["login_screen"], REASONS["own-desktop-only"])):
        line = lines.filter(has_text=words.page(label))
        expect(line).to_contain_text(words.console("Not possible:" if reason else "Possible:"))
        expect(line).to_contain_text(words.page(reason) if reason else "")
    shot(page, f"jump-details-{language}")
    assert axe_findings(page) == []
    details.press("Enter")
    expect(abilities).to_have_count(0)
    page.goto("/login/jump/clients")
    page.get_by_role("link", name=steps.DEMO, exact=True).click()
    abilities = page.get_by_role("region", name=words.page("What can be done there"), exact=True)
    expect(abilities).to_contain_text(words.page(REASONS["own-desktop-only"]))
    shot(page, f"jump-client-{language}")
    assert axe_findings(page) == []
    assert problems_of(context) == []
