"""A customer without a download: the key comes by mail, the chat is in the browser, and goes on in the full client.

Rules: the mail server is a real one on loopback; the customer's page is as wide as a telephone.
"""

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser import steps
from tests.browser.conftest import Enter
from tests.harness.appliance import ADMIN, Appliance
from tests.harness.browser import Words, axe_findings, problems_of, shot, sign_in
from tests.harness.client import Customer, Machine
from tests.harness.mailserver import Mailbox, mail_server

from farhand.cli.display import VirtualDisplay

NAME = ADMIN["display_name"]
CUSTOMER = "carla@example.com"


@pytest.fixture
def box() -> Iterator[Mailbox]:
    """The site's mail server."""
    with mail_server() as box:
        yield box


@pytest.fixture
def desktop() -> Iterator[str]:
    """The customer's display."""
    with VirtualDisplay("640x480x24") as display:
        yield display.name


def sound(page: Page, name: str) -> None:
    """Nothing for axe to find, nothing wider than the page; a screenshot."""
    assert axe_findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    shot(page, name)


#
def test_from_a_mail_to_a_chat_to_the_full_client(
    appliance: Appliance, enter: Enter, words: Words, box: Mailbox, desktop: str, tmp_path: Path
) -> None:
    rep = enter(appliance, words)
    set_up_mail(sign_in(rep, words), box)
    console = rep.new_page()
    console.goto("/console")
    url = key_by_mail(console, words, box)

    context = enter(appliance, words, viewport={"width": 360, "height": 740})
    portal = context.new_page()
    portal.goto(url)
    portal.get_by_role("button", name="Start Chat", exact=True).click()
    expect(portal).to_have_url(re.compile(r"/help/chat$"))
    expect(state_of(portal)).to_have_text(f"Waiting for {NAME}.")
    say(portal, "My <b>printer</b> is on fire")
    sound(portal, "chat-360")

    session = accept(console, words)
    chat_only(console, session, words)
    expect(state_of(portal)).to_have_text(f"You are chatting with {NAME}.")
    steps.say(session, words, "Is it a big one?")
    expect(log_of(portal)).to_contain_text("Is it a big one?")
    portal.reload()
    expect(log_of(portal)).to_contain_text("My <b>printer</b> is on fire")
    say(portal, "Rather")
    expect(steps.messages(session, words)).to_contain_text("Rather")

    file = elevate(portal, session, words, tmp_path)
    customer = Customer(Machine(tmp_path / "machine"), file, display=desktop)
    try:
        customer.wait_shown("`accept` or `decline`")
        customer.type("accept")
        expect(state_of(portal)).to_contain_text("The client has taken over this session.")
        expect(portal.get_by_role("button", name="Send", exact=True)).to_be_hidden()
        customer.wait_shown("My <b>printer</b> is on fire")  # the chat's history goes with it
        expect(steps.button(session, words, "Start Screen Sharing")).to_be_enabled()
        expect(steps.messages(session, words)).to_contain_text("has taken over from the chat page")
        steps.say(session, words, "There you are")
        customer.wait_shown("There you are")
        steps.end_session(console, session, words)
        customer.wait_ended()
    finally:
        customer.stop()
    finish(portal)
    assert problems_of(rep) == []
    assert problems_of(context) == []


#
@pytest.mark.long
def test_a_chat_goes_on_after_the_relay_was_killed(appliance: Appliance, enter: Enter, words: Words) -> None:
    rep = enter(appliance, words)
    console = sign_in(rep, words, "/console")
    steps.button(console, words, "Start New Session").click()
    dialog = console.get_by_role("dialog", name="Session Key", exact=True)
    link = dialog.get_by_role("button", name=re.compile(r"^URL https:"))
    url = link.inner_text().strip()
    steps.button(dialog, words, "Close").click()
    portal = enter(appliance, words).new_page()
    portal.goto(url)
    portal.get_by_role("button", name="Start Chat", exact=True).click()
    say(portal, "before")
    session = accept(console, words)
    expect(steps.messages(session, words)).to_contain_text("before")
    appliance.kill("relay")
    expect(state_of(portal)).to_have_attribute("data-state", re.compile("waiting|connecting|open"))
    portal.get_by_role("textbox", name="Message", exact=True).fill("meanwhile")
    portal.keyboard.press("Enter")
    for text in ("before", "meanwhile"):
        expect(steps.messages(session, words).get_by_text(text, exact=True)).to_have_count(1)
        expect(log_of(portal).locator(":scope > .said").get_by_text(text, exact=True)).to_have_count(1)
    expect(state_of(portal)).to_have_text(f"You are chatting with {NAME}.")
    portal.get_by_role("button", name="End Session", exact=True).click()
    portal.get_by_role("dialog").get_by_role("button", name="End Session", exact=True).click()
    expect(portal.get_by_role("status")).to_have_text("This session has ended.")  # the customer ends it
    expect(session.get_by_text("The session is over.")).to_be_visible()


def set_up_mail(page: Page, box: Mailbox) -> None:
    """Management > Email Configuration with its test message; Configuration > Options."""
    page.goto("/login/management/email-configuration")
    page.get_by_label("SMTP host").fill("127.0.0.1")
    page.get_by_label("Port", exact=True).fill(str(box.port))
    page.get_by_label("Security", exact=True).select_option(label="None")
    page.get_by_label("From address").fill("help@example.com")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_label("Send a test message to").fill("admin@example.com")
    page.get_by_role("button", name="Send Test Email", exact=True).click()
    expect(page.locator("#mail-test")).to_have_text(
        "The mail server has taken the message to admin@example.com. It said: 250 2.0.0 kept as number 1"
    )
    sound(page, "email-configuration")
    page.goto("/login/configuration/options")
    page.get_by_label("Send Server Email", exact=True).check()
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.get_by_role("status")).to_contain_text("The settings have been saved.")


def key_by_mail(page: Page, words: Words, box: Mailbox) -> str:
    """Make a key and let the appliance send it; gives the URL that the customer reads."""
    steps.button(page, words, "Start New Session").click()
    dialog = page.get_by_role("dialog", name="Session Key", exact=True)
    dialog.get_by_label("Customer's email address", exact=True).fill(CUSTOMER)
    local = dialog.get_by_role("link", name="Send Local Email", exact=True).get_attribute("href") or ""
    assert local.startswith("mailto:carla%40example.com?subject=Invitation%20to%20a%20support%20session&body=")
    dialog.get_by_role("combobox", name="Language", exact=True).select_option(label="German")
    steps.button(dialog, words, "Send Server Email").click()
    expect(dialog.get_by_text(f"The email to {CUSTOMER} was sent.", exact=True)).to_be_visible()
    sound(page, "key-dialog-mail")
    message = message_from_bytes(box.messages[-1].content or b"", policy=policy.default)
    assert (message["To"], message["Subject"]) == (CUSTOMER, "Einladung zu einer Supportsitzung")
    found = re.search(r"https://localhost:\d+/#k=[0-9a-f]{32}", message.get_content())
    assert found
    assert found[0].rpartition("=")[2] in local
    steps.button(dialog, words, "Close").click()
    return found[0]


def accept(page: Page, words: Words) -> Locator:
    """Take the session that waits; gives its region."""
    page.get_by_role("navigation", name="Queues").get_by_role("button", name="Personal queue", exact=True).click()
    row = page.get_by_role("row").filter(has_text="Click-to-Chat")
    row.get_by_role("button").click()
    details = page.get_by_role("region", name="Details", exact=True)
    expect(details).to_contain_text("Click-to-Chat")
    steps.button(details, words, "Accept").click()
    return page.get_by_role("region", name="Customer", exact=True)


def chat_only(page: Page, session: Locator, words: Words) -> None:
    """The representative sees that there is nothing but chat, and why."""
    expect(session.get_by_text("The customer chats in the browser (click-to-chat).")).to_be_visible()
    for tool in ("Screen Sharing", "Command Shell", "File Transfer"):
        expect(steps.button(session, words, tool)).to_be_disabled()
    expect(session.get_by_role("button", name=words.starts("Tool: {name}"))).to_have_count(0)
    expect(steps.messages(session, words)).to_contain_text("My <b>printer</b> is on fire")
    sound(page, "click-to-chat")


def elevate(portal: Page, session: Locator, words: Words, folder: Path) -> Path:
    """Ask for the full client by both buttons; the customer downloads it."""
    offer = portal.get_by_role("region", name="Run the full client", exact=True)
    expect(offer).to_be_hidden()
    steps.button(session, words, "Run Full Customer Client").click()
    expect(offer).to_be_visible()
    expect(session.get_by_text("The customer has been asked to download")).to_be_visible()
    steps.button(session, words, "Elevate").click()
    expect(log_of(portal).get_by_text(f"{NAME} asks you to download and run the full client.")).to_have_count(2)
    sound(portal, "chat-offer-360")
    with portal.expect_download() as downloaded:
        offer.get_by_role("button", name="Download the client for Linux", exact=True).click()
    file = folder / downloaded.value.suggested_filename
    downloaded.value.save_as(file)
    return file


def finish(portal: Page) -> None:
    """After the end the portal knows of no session."""
    portal.goto("/help")
    expect(portal.get_by_role("status")).to_have_text("This session has ended.")


def state_of(portal: Page) -> Locator:
    return portal.locator("#chat-state")


def log_of(portal: Page) -> Locator:
    return portal.get_by_role("log", name="Messages", exact=True)


def say(portal: Page, text: str) -> None:
    """Write a line and wait until it is kept."""
    portal.get_by_role("textbox", name="Message", exact=True).fill(text)
    portal.keyboard.press("Enter")
    expect(log_of(portal).locator(":scope > .said").get_by_text(text, exact=True)).to_be_visible()
