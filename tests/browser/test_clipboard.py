"""Clipboard sharing between a real Chromium and a real X display, both ways, and the switches that forbid it."""

import subprocess
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser import steps
from tests.browser.conftest import Enter
from tests.harness.appliance import Appliance, wait_for
from tests.harness.browser import Words, axe_findings, problems_of, shot, sign_in
from tests.harness.copying import copy, paste
from tests.harness.xdisplay import display_below

LONG = "Zeile ü €\n" * 30_000


def come_back(page: Page) -> None:
    """The person comes back to the page from another program."""
    page.evaluate("window.dispatchEvent(new Event('focus'))")


def put(page: Page, text: str) -> None:
    """The person copies something in another program, and comes back."""
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    come_back(page)


def held(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


@pytest.fixture
def keep() -> Callable[[subprocess.Popen[str]], None]:
    """Programs that end with the test."""
    kept: list[subprocess.Popen[str]] = []
    yield kept.append  # type: ignore[misc]
    for process in kept:
        process.kill()
        process.wait(60)


def lines(session: Locator, words: Words, text: str) -> Locator:
    return steps.messages(session, words).get_by_text(words.starts(text))


#
def test_text_goes_both_ways_by_itself(
    appliance: Appliance, enter: Enter, words: Words, keep: Callable[[subprocess.Popen[str]], None]
) -> None:
    context = enter(appliance, words)
    page = sign_in(context, words, "/console")
    session = steps.jump(page, words)
    steps.start_screen(session, words)
    display = display_below(appliance.pid)
    switch = steps.button(session, words, "Clipboard Sharing")
    page.evaluate("navigator.clipboard.writeText('before it was switched on')")
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "true")
    sent = "{name} sent text to the remote clipboard ({size})."
    taken = "{name} took text from the remote clipboard ({size})."
    expect(lines(session, words, sent)).to_have_count(1)
    assert paste(display) == "before it was switched on"
    for count, text in enumerate(("Grüße ñ € 日本語 😀", LONG), 2):
        put(page, text)
        expect(lines(session, words, sent)).to_have_count(count)
        wait_for(lambda text=text: paste(display) == text, what="the text in the remote clipboard")
    for count, text in enumerate(("drüben kopiert: ñ 日本", LONG + "end"), 1):
        keep(copy(display, text))
        expect(lines(session, words, taken)).to_have_count(count)
        wait_for(lambda text=text: held(page) == text, what="the text in the clipboard here")
    shot(page, f"clipboard-{words.language}")
    assert axe_findings(page) == []
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "false")
    put(page, "after it was switched off")
    steps.say(session, words, "nothing more goes")
    expect(lines(session, words, sent)).to_have_count(3)
    assert paste(display) == LONG + "end"
    steps.end_session(page, session, words)
    assert problems_of(context) == []


def test_a_browser_that_asks_first_has_buttons(
    appliance: Appliance, enter: Enter, words: Words, keep: Callable[[subprocess.Popen[str]], None]
) -> None:
    context = enter(appliance, words)
    page = sign_in(context, words, "/console")
    # A browser whose permissions do not speak of clipboards: a click is needed each time.
    page.evaluate("() => { navigator.permissions.query = () => Promise.reject(new TypeError('unknown name')); }")
    session = steps.jump(page, words)
    steps.start_screen(session, words)
    display = display_below(appliance.pid)
    steps.button(session, words, "Clipboard Sharing").click()
    give, take = (steps.button(session, words, text) for text in ("Send Clipboard", "Take Clipboard"))
    expect(take).to_be_disabled()
    put(page, "by a click")
    give.click()
    expect(
        session.get_by_role("status").get_by_text(words.starts("Sent to the remote clipboard ({size})."))
    ).to_be_visible()
    wait_for(lambda: paste(display) == "by a click", what="the text in the remote clipboard")
    keep(copy(display, "copied there"))
    expect(take).to_be_enabled()
    shot(page, f"clipboard-buttons-{words.language}")
    assert held(page) == "by a click"
    take.click()
    wait_for(lambda: held(page) == "copied there", what="the text in the clipboard here")
    expect(take).to_be_disabled()
    steps.end_session(page, session, words)
    assert problems_of(context) == []
