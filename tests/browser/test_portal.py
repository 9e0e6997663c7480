"""The public portal: help without a session key, in the customer's language, and the queue that it leads to."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect
from tests.browser import steps
from tests.browser.conftest import Enter
from tests.harness.appliance import Appliance, wait_for
from tests.harness.browser import Words, axe_findings, problems_of, shot, sign_in
from tests.harness.claimed import claim
from tests.harness.claimed import sign_in as sign_in_visitor
from tests.harness.client import Customer, Machine, download_client
from tests.harness.console import Console
from tests.harness.people import add_issue, add_team, add_user, id_of

HELPER = {"username": "hanna", "password": "eleven quiet mountains"}
PERMISSIONS = (
    "perm_support_allowed",
    "perm_generate_session_key",
    "perm_accept_team_sessions",
    "perm_next_session_button",
    "perm_show_on_public_list",
    "perm_session_chat.allow",
)


def sound(page: Page, name: str) -> None:
    """Nothing for axe to find, nothing wider than the page; a screenshot."""
    assert axe_findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    shot(page, name)


#
def test_an_issue_in_the_customers_language(fresh: Appliance, enter: Enter, words: Words, tmp_path: Path) -> None:
    claim(fresh)
    admin = Console(sign_in_visitor(fresh, "admin", "correct horse battery staple"))
    add_user(fresh, HELPER["username"], HELPER["password"], *PERMISSIONS)
    hanna = Console(sign_in_visitor(fresh, **HELPER))
    add_issue(admin.visitor, "Drucker", add_team(admin.visitor, "Druckerei", {id_of(hanna): "member"}), priority="1")
    rep = enter(fresh, words)
    console = sign_in(rep, words, "/console", HELPER)
    wait_for(lambda: "Hanna" in fresh.visitor().get("/").text, what="the representative on the portal's page")

    browser = enter(fresh, Words("de"), viewport={"width": 360, "height": 740})
    portal = browser.new_page()
    portal.goto("/")
    expect(portal.locator("html")).to_have_attribute("lang", "de")  # the browser's language at first
    de, fr = Words("de"), Words("fr")
    portal.get_by_role("button", name="Hanna", exact=True).wait_for()
    sound(portal, "portal-360-de")
    selector = portal.get_by_role("combobox", name=de.page("Language"), exact=True)
    assert selector.locator("option").all_inner_texts() == ["English", "Deutsch", "Français", "Nederlands"]
    selector.select_option(label="Français")
    portal.get_by_role("button", name=de.page("Change"), exact=True).click()
    expect(portal.locator("html")).to_have_attribute("lang", "fr")
    portal.goto("/")
    expect(portal.locator("html")).to_have_attribute("lang", "fr")  # remembered
    sound(portal, "portal-360-fr")

    submit = portal.get_by_role("button", name=fr.page("Submit"), exact=True)
    portal.get_by_label(fr.page("Issue"), exact=True).select_option(label="Drucker")
    portal.get_by_label(fr.page("Your Name"), exact=True).fill("Carla <b>")
    portal.get_by_label(fr.page("Describe Your Issue")).fill("Il y a le feu.")
    submit.focus()
    portal.keyboard.press("Enter")
    expect(portal).to_have_url(re.compile(r"/help$"))
    expect(portal.get_by_role("heading", level=1)).to_contain_text("Druckerei")
    sound(portal, "portal-help-fr")

    visitor = fresh.visitor()
    visitor.cookies |= {str(one["name"]): str(one["value"]) for one in browser.cookies()}
    customer = Customer(Machine(tmp_path / "machine"), download_client(visitor, tmp_path))
    try:
        customer.wait_shown("`accept` or `decline`")
        customer.type("accept")
        look_at_queue(console, words)
        steps.button(console, words, "Get Next Session").click()
        expect(console.get_by_role("region", name="Carla <b>", exact=True)).to_be_visible()
        expect(portal.get_by_role("status")).to_contain_text("Hanna")
    finally:
        customer.stop()
    assert problems_of(rep) == []
    assert problems_of(browser) == []


def look_at_queue(console: Page, words: Words) -> None:
    """The team's queue, its list with a clock that runs by itself, and the details of the request."""
    queue = console.get_by_role("navigation", name="Queues").get_by_role("button", name="Druckerei", exact=True)
    expect(queue).to_have_accessible_description("A new session is waiting.")
    queue.click()
    headers = console.get_by_role("columnheader").all_inner_texts()
    assert headers[:4] == ["Type", "Name", "Queue type", "Status"]
    assert {"Priority", "Waiting time", "Assignee", "Total time"} <= set(headers)
    row = console.get_by_role("row").filter(has_text="Carla <b>")
    expect(row).to_contain_text("Team")
    expect(row).to_contain_text("High")
    waited = row.get_by_role("cell").nth(headers.index("Waiting time"))
    before = waited.inner_text()
    expect(waited).not_to_have_text(before)  # it counts by itself
    row.get_by_role("button").click()
    details = console.get_by_role("region", name="Details", exact=True)
    for text in ("Drucker", "Il y a le feu.", "French"):
        expect(details).to_contain_text(text)
    assert axe_findings(console) == []
    shot(console, "queue-team")
    steps.button(console, words, "Start New Session").click()
    dialog = console.get_by_role("dialog", name="Session Key", exact=True)
    portals = dialog.get_by_role("combobox", name="Public portal", exact=True)
    expect(portals.locator("option:checked")).to_have_text(re.compile(r"^localhost:\d+$"))
    steps.button(dialog, words, "Close").click()
