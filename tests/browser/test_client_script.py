"""A link of another program starts a session after one click: in the console that is open, else in its own tab."""

import re

from playwright.sync_api import expect
from tests.browser import steps
from tests.browser.conftest import Enter
from tests.harness.appliance import Appliance
from tests.harness.browser import Words, axe_findings, problems_of, shot, sign_in

LINK = "/api/client_script?type=web_console&operation=execute&action=start_jump_item_session&search_string="


#
def test_a_link_starts_a_session_after_one_click(appliance: Appliance, enter: Enter, words: Words) -> None:
    context = enter(appliance, words)
    page = context.new_page()
    page.goto(f"{LINK}nothing-is-called-so")
    page.get_by_label("User name", exact=True).wait_for()  # not signed in: by way of /login
    page.close()
    page = sign_in(context, words, "/console")
    page.goto(f"{LINK}nothing-is-called-so")
    dialog = page.get_by_role("dialog", name="Client Scripting", exact=True)
    expect(dialog.get_by_role("alert")).to_have_text("No Jump Item that you may use matches this command.")
    dialog.get_by_role("button", name="Cancel", exact=True).click()
    expect(steps.open_jump_items(page, words)).to_contain_text("Active")
    host = page.evaluate(
        "async () => (await (await fetch('/api/console/snapshot')).json()).collections.jump_items[0].hostname"
    )
    other = context.new_page()
    other.goto(f"{LINK}{host}")
    told = other.get_by_role("dialog", name="Client Scripting", exact=True)
    expect(told).to_contain_text("already open in this browser")
    expect(other).to_have_url(page.url)  # a reload brings no command again
    # Another test's computer may have the same host name: then it is asked which one is meant.
    asking = page.get_by_role("dialog", name=re.compile(r"^(Start this session|Which computer is meant)\?$"))
    demo = asking.get_by_role("listitem").filter(has_text=steps.DEMO)
    expect(demo).to_be_visible()
    shot(page, "client-script-en")
    assert axe_findings(page) == []
    demo.get_by_role("button", name="Start Session", exact=True).click()
    session = page.get_by_role("region", name=steps.DEMO, exact=True)
    steps.end_session(page, session, words)
    assert problems_of(context) == []
