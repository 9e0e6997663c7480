"""Every page: opens without an error or a violation of its CSP, axe finds nothing, works by keyboard, is translated."""

import re

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect
from tests.browser import steps
from tests.browser.conftest import Enter
from tests.harness.appliance import BOX_ADMIN, Appliance, wait_for
from tests.harness.browser import NARROW, Words, axe_findings, problems_of, shot, sign_in, wider_than

LANGUAGES = pytest.mark.parametrize("language", ["en", pytest.param("de", marks=pytest.mark.long)])
MORE = (
    "/login/my-account/password",
    "/login/my-account/second-factor",
    "/login/configuration/support-teams/new",
    "/login/users-security/users/new",
    "/login/jump/groups/new",
    "/login/jump/clients/enrol",
    "/login/console-settings/canned-scripts/new",
    "/login/configuration/issues/new",
    "/login/configuration/waiting-session-rules/new",
    "/login/public-portals/public-sites/new",
)
"""Pages below /login that no menu entry leads to."""
FIRST_ROWS = (
    "/login/users-security/users",
    "/login/jump/groups",
    "/login/jump/clients",
    "/login/reports/support",
    "/login/public-portals/public-sites",
    "/login/public-portals/customer-client",
)
"""Lists whose first entry has a page of its own."""


def name_of(address: str, words: Words) -> str:
    """The name of a page's screenshot."""
    return "page-" + re.sub(r"\W+", "-", address).strip("-") + "-" + words.language


def look_at(page: Page, words: Words, found: dict[str, object]) -> None:
    """Add what is wrong with the page that is open to `found`."""
    address = re.sub(r"^https://[^/]+", "", page.url)
    page.wait_for_load_state("load")
    if page.locator("html").get_attribute("lang") != words.language:
        found[f"{address} lang"] = page.locator("html").get_attribute("lang")
    if findings := axe_findings(page):
        found[f"{address} axe"] = findings
    shot(page, name_of(address, words))
    if wide := wider_than(page, NARROW):
        found[f"{address} width"] = wide


@LANGUAGES
def test_every_page_is_sound(language: str, appliance: Appliance, enter: Enter) -> None:
    words = Words(language)
    found: dict[str, object] = {}
    context = enter(appliance, words)
    outside = context.new_page()
    for address in ("/", "/login/sign-in", "/appliance/sign-in", "/console", "/login/signed-out"):
        outside.goto(address)
        look_at(outside, words, found)
    end_one_session(context, words)
    page = sign_in(enter_again(context), words, "/login")
    menu = page.get_by_role("navigation", name=words.page("Sections"))
    addresses = [str(link.get_attribute("href")) for link in menu.get_by_role("link").all()]
    assert len(addresses) >= 8
    for address in (*addresses, *MORE):
        answer = page.goto(address)
        assert answer
        assert answer.ok, f"{address}: {answer.status}"
        look_at(page, words, found)
        if address in FIRST_ROWS:
            page.get_by_role("main").get_by_role("table").first.get_by_role("link").first.click()
            look_at(page, words, found)
    box = sign_in(context, words, "/appliance", BOX_ADMIN)
    look_at(box, words, found)
    found |= {"problems": problems_of(context)} if problems_of(context) else {}
    assert found == {}


def enter_again(context: BrowserContext) -> BrowserContext:
    """The same browser, signed out."""
    context.clear_cookies()
    return context


def end_one_session(context: BrowserContext, words: Words) -> None:
    """Leave one report behind, so that its page can be looked at."""
    page = sign_in(context, words, "/console")
    session = steps.jump(page, words)
    steps.say(session, words, "one line")
    steps.end_session(page, session, words)
    page.close()


@LANGUAGES
def test_the_console_is_sound(language: str, appliance: Appliance, enter: Enter) -> None:
    words = Words(language)
    found: dict[str, list[str]] = {}
    context = enter(appliance, words, viewport={"width": 1024, "height": 700}, color_scheme="dark")
    page = sign_in(context, words, "/console")

    def look(state: str) -> None:
        still = "document.getAnimations().every(one => one.playState !== 'running')"
        wait_for(lambda: page.evaluate(still), what="the end of the page's transitions")
        if findings := axe_findings(page):
            found[state] = findings
        shot(page, f"console-{state}-{language}-dark")
        if wide := wider_than(page, NARROW):
            found[f"{state} width"] = [wide]

    expect(page.get_by_role("navigation", name=words.console("Queues"))).to_be_visible()
    look("sessions")
    expect(steps.open_jump_items(page, words)).to_be_visible()
    look("items")
    steps.button(page, words, "Start New Session").click()
    expect(page.get_by_role("dialog").get_by_role("definition")).to_contain_text(re.compile(r"\d"))
    look("key")
    page.keyboard.press("Escape")
    session = steps.jump(page, words)
    look("screen-off")
    steps.start_screen(session, words)
    look("screen")
    steps.choose_tool(page, words, "Command Shell")
    look("shell-none")
    steps.open_shell(session, words, 1)
    look("shell")
    steps.button(session, words, "Close Session").click()
    look("close")
    steps.button(page.get_by_role("dialog"), words, "End Session").click()
    assert page.locator("html").get_attribute("lang") == language
    assert found == {}
    assert problems_of(context) == []


def test_the_console_works_by_keyboard_alone(appliance: Appliance, enter: Enter, words: Words) -> None:
    page = sign_in(enter(appliance, words), words, "/console")
    expect(page.get_by_role("tab", name="Sessions", exact=True)).to_be_visible()
    row = page.get_by_role("row").filter(has_text=steps.DEMO)
    tab_to(page, page.get_by_role("tab", name="Sessions", exact=True))
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Jump Items", exact=True)).to_be_focused()
    expect(row.get_by_role("button", name="Jump", exact=True)).to_be_enabled()
    press(page, row.get_by_role("button", name="Jump", exact=True))
    session = page.get_by_role("region", name=steps.DEMO, exact=True)
    expect(steps.button(session, words, "Start Screen Sharing")).to_be_enabled()
    press(page, steps.button(session, words, "Start Screen Sharing"))
    canvas = session.locator("canvas")
    expect(canvas).to_be_focused()
    press(page, page.get_by_role("button", name="Tool: Screen Sharing", exact=True), back=True)
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitemradio", name="Command Shell", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    press(page, steps.button(session, words, "Open a new shell"))
    rows = session.get_by_role("group", name="Terminal of shell 1", exact=True).locator(".xterm-rows")
    expect(rows).to_contain_text(steps.PROMPT)
    page.keyboard.type("echo by-$((1 + 1))-hands\n")
    expect(rows).to_contain_text("by-2-hands")
    page.keyboard.press("Control+F6")  # the terminal itself takes Tab
    expect(page.get_by_role("button", name="Tool: Command Shell", exact=True)).to_be_focused()
    press(page, steps.button(session, words, "Close Session"))
    dialog = page.get_by_role("dialog", name="Close this session?", exact=True)
    press(page, steps.button(dialog, words, "End Session"))
    expect(dialog).to_be_hidden()
    expect(session).to_be_hidden()


def tab_to(page: Page, wanted: Locator, back: bool = False) -> None:
    """Press Tab (or Shift+Tab) until the element has the focus; a person can, so at most 40 times."""
    for _ in range(40):
        if wanted.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press("Shift+Tab" if back else "Tab")
    focused = page.evaluate("document.activeElement.outerHTML")
    raise AssertionError(f"Tab does not reach {wanted}; the focus is on {focused}")


def press(page: Page, wanted: Locator, back: bool = False) -> None:
    """Go to a button by Tab and press it."""
    tab_to(page, wanted, back)
    page.keyboard.press("Enter")


def test_a_wrong_form_says_so_beside_the_field(appliance: Appliance, enter: Enter, words: Words) -> None:
    page = sign_in(enter(appliance, words), words, "/login")
    page.goto("/login/users-security/users/new")
    page.get_by_label("User name", exact=True).fill("x y/z" * 3)
    page.get_by_label("Display name", exact=True).fill("Operator")
    page.get_by_role("main").get_by_role("button", name=re.compile("Create|Save")).click()
    wrong = page.locator(".field.wrong")
    expect(wrong.first).to_be_visible()
    for field in wrong.all():
        expect(field.get_by_role("alert")).not_to_be_empty()
        expect(field.locator("input, select, textarea").first).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Display name", exact=True)).to_have_value("Operator")
    shot(page, "page-user-wrong")
    assert axe_findings(page) == []


def test_the_language_is_chosen_on_the_page(appliance: Appliance, enter: Enter, words: Words) -> None:
    page = enter(appliance, words).new_page()
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_label("Language", exact=True).select_option(label="Deutsch")
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.get_by_role("button", name=Words("de").page("Start Session"), exact=True)).to_be_visible()
    page.goto("/login")
    expect(page.locator("html")).to_have_attribute("lang", "de")
