"""Disable Mouse and Keyboard in the console: the button, what it says, and who can end it."""

from playwright.sync_api import expect
from tests.browser import steps
from tests.browser.conftest import Enter
from tests.harness.appliance import Appliance, wait_for
from tests.harness.browser import Words, axe_findings, problems_of, shot, sign_in
from tests.harness.xdisplay import display_below
from tests.harness.xorg import ACTED, Person


#
def test_mouse_and_keyboard_there_are_disabled_and_taken_back(appliance: Appliance, enter: Enter, words: Words) -> None:
    context = enter(appliance, words)
    page = sign_in(context, words, "/console")
    session = steps.jump(page, words)
    steps.start_screen(session, words)
    person = Person(display_below(appliance.pid))
    wait_for(lambda: person.acts() == ACTED, what="the person's keys and clicks")
    disable = steps.button(session, words, "Disable Mouse and Keyboard")
    expect(disable).to_be_disabled()  # without control
    steps.button(session, words, "Request Control").click()
    disable.click()
    expect(disable).to_have_attribute("aria-pressed", "true")
    status = session.get_by_role("status")
    on = words.console("Mouse and keyboard there are disabled.")
    expect(status.filter(has_text=on)).to_be_visible()
    assert person.acts() == []
    shot(page, f"block-{words.language}")
    assert axe_findings(page) == []

    disable.click()
    expect(disable).to_have_attribute("aria-pressed", "false")
    wait_for(lambda: person.acts() == ACTED, what="the person's keys and clicks again")

    disable.click()
    expect(disable).to_have_attribute("aria-pressed", "true")
    person.ctrl_alt_del()
    ended = words.console("The person there pressed Ctrl-Alt-Del: mouse and keyboard there work again.")
    expect(disable).to_have_attribute("aria-pressed", "false")
    expect(status.filter(has_text=ended)).to_be_visible()
    expect(steps.messages(session, words)).to_contain_text(ended)
    wait_for(lambda: person.acts() == ACTED, what="the person's keys and clicks again")
    person.close()
    steps.end_session(page, session, words)
    assert problems_of(context) == []
