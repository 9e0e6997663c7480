"""A customer with a session key: the dialog, the portal, consent on the customer's side, the session, its end."""

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser import steps
from tests.browser.conftest import Enter
from tests.harness.appliance import ADMIN, Appliance, wait_for
from tests.harness.browser import Words, problems_of, shot, sign_in, wait_like
from tests.harness.client import Customer, Machine, download_client, use_key
from tests.harness.xdisplay import screen_pixels

from farhand.cli.display import VirtualDisplay
from farhand.kit.process import leash

NAME = ADMIN["display_name"]


@pytest.fixture
def desktop() -> Iterator[str]:
    """The customer's display, with a terminal on it."""
    with VirtualDisplay("900x720x24") as display:
        display.open("xterm", "-geometry", "40x8+480+20", "-bg", "#203040", "-fg", "#ffffff")
        yield display.name


def test_customer_with_a_key(appliance: Appliance, enter: Enter, words: Words, desktop: str, tmp_path: Path) -> None:
    rep = enter(appliance, words)
    console = sign_in(rep, words, "/console")
    key_url = read_key_dialog(console, words)

    browser_of_customer = enter(appliance, words)
    portal = browser_of_customer.new_page()
    portal.goto(key_url)
    expect(portal.get_by_role("heading", level=1)).to_have_text(f"{NAME} will help you")
    expect(portal).to_have_url(re.compile(r"/help$"))
    shot(portal, "portal-help")
    with portal.expect_download() as downloaded:
        portal.get_by_role("button", name="Download the client for Linux", exact=True).click()
    file = tmp_path / downloaded.value.suggested_filename
    downloaded.value.save_as(file)
    customer = Customer(Machine(tmp_path / "machine"), file, display=desktop)
    try:
        customer.wait_shown(f"{NAME} of Farhand (https://localhost:{appliance.port})")
        customer.wait_shown("`accept` or `decline`")
        customer.type("accept")
        session = accept_waiting(console, words)
        expect(portal.get_by_role("status")).to_have_text(f"{NAME} is helping you.")
        help_customer(console, session, words, customer, desktop)
        steps.end_session(console, session, words)
        assert customer.wait_ended() == 0
        assert not file.exists(), "the customer client must remove itself"
        expect(portal.get_by_role("status")).to_have_text("This session has ended.")
    finally:
        customer.stop()
    assert problems_of(rep) == []
    assert problems_of(browser_of_customer) == []


def read_key_dialog(page: Page, words: Words) -> str:
    """R-084 to R-091, R-094; gives the URL of the last key."""
    steps.button(page, words, "Start New Session").click()
    dialog = page.get_by_role("dialog", name="Session Key", exact=True)
    key = dialog.get_by_role("button", name=re.compile(r"^Session key \d{4}-\d{4}-\d{4}$"))
    first = key.inner_text()
    lifetime = dialog.get_by_role("combobox", name="Lifetime", exact=True)
    expect(lifetime.locator("option:checked")).to_have_text("10 minutes")
    expect(dialog.get_by_role("combobox", name="Public portal", exact=True)).to_be_visible()
    expect(dialog.get_by_role("definition")).to_have_text(re.compile(r"\d{4}.*\d:\d\d"))
    shot(page, "key-dialog")
    expires = dialog.get_by_role("definition").inner_text()
    lifetime.select_option(label="1 hour")
    expect(key).not_to_have_text(first)
    expect(dialog.get_by_role("definition")).not_to_have_text(expires)
    key.click()
    expect(dialog.get_by_role("status")).to_have_text("The key was copied.")
    assert page.evaluate("navigator.clipboard.readText()") == key.inner_text()
    url = dialog.get_by_role("button", name=re.compile(r"^URL https:"))
    url.click()
    expect(dialog.get_by_role("status")).to_have_text("The URL was copied.")
    copied = str(page.evaluate("navigator.clipboard.readText()"))
    assert copied == url.inner_text().strip()
    steps.button(dialog, words, "Close").click()
    expect(dialog).to_be_hidden()
    return copied


def accept_waiting(page: Page, words: Words) -> Locator:
    """The queue's count lights up; the entry, its details, `Accept`."""
    announced = page.get_by_role("status").filter(has=page.get_by_role("button", name="View", exact=True))
    expect(announced.get_by_text("A session is waiting in Personal queue.", exact=True)).to_be_visible()
    queue = page.get_by_role("navigation", name="Queues").get_by_role("button", name="Personal queue", exact=True)
    expect(queue).to_have_accessible_description("A new session is waiting.")
    lit, plain = (
        queue.locator(".count").evaluate("one => getComputedStyle(one).backgroundColor"),
        page.get_by_role("navigation", name="Queues").evaluate("one => getComputedStyle(one).backgroundColor"),
    )
    assert lit != plain
    shot(page, "queue-lit")
    queue.click()
    row = page.get_by_role("row").filter(has_text="Waiting")
    name = row.get_by_role("button").inner_text()
    row.get_by_role("button").click()
    details = page.get_by_role("region", name="Details", exact=True)
    expect(details).to_contain_text("Operating system")
    shot(page, "queue-details")
    steps.button(details, words, "Accept").click()
    session = page.get_by_role("region", name=name, exact=True)
    expect(steps.button(session, words, "Start Screen Sharing")).to_be_enabled()
    return session


def help_customer(page: Page, session: Locator, words: Words, customer: Customer, desktop: str) -> None:
    """Chat both ways without any permission; each tool only after the customer has allowed it."""
    steps.say(session, words, "Good morning: may I look?")
    customer.wait_shown("Good morning: may I look?")
    customer.type("Of course, здравствуйте")
    log = steps.messages(session, words)
    expect(log.get_by_text("Of course, здравствуйте", exact=True)).to_be_visible()

    start = steps.button(session, words, "Start Screen Sharing")
    start.click()
    customer.wait_shown("asks for Screen Sharing")
    customer.type("deny")
    expect(log.get_by_text("Screen sharing was refused.")).to_be_visible()
    expect(start).to_be_enabled()
    asked = len(customer.lines)
    start.click()
    customer.wait_shown("asks for Screen Sharing", asked)
    customer.type("allow")
    canvas = session.locator("canvas")
    expect(canvas).to_be_visible()
    wait_like(canvas, lambda: screen_pixels(desktop))

    steps.button(session, words, "Request Control").click()
    customer.wait_shown("asks to use your mouse and your keyboard")
    customer.type("allow")
    expect(steps.button(session, words, "Stop Control")).to_be_visible()
    expect(steps.button(session, words, "Virtual Keyboard")).to_be_enabled()
    steps.choose_tool(page, words, "Command Shell")
    steps.button(session, words, "Open a new shell").click()
    expect(session.get_by_text("The customer is being asked to allow it.")).to_be_visible()
    customer.wait_shown("asks for a Command Shell")
    customer.type("allow")
    terminal = session.get_by_role("group", name="Terminal of shell 1", exact=True)
    expect(terminal.locator(".xterm-rows")).to_contain_text(steps.PROMPT)
    shot(page, "attended")


def test_window_of_the_customer(appliance: Appliance, enter: Enter, words: Words, desktop: str, tmp_path: Path) -> None:
    """The client's own window: `Accept` lets the session begin, `End Session` ends it at any time."""
    console = sign_in(enter(appliance, words), words, "/console")
    steps.button(console, words, "Start New Session").click()
    key = console.get_by_role("dialog").get_by_role("button", name=re.compile(r"^Session key \d"))
    digits = key.inner_text()
    console.keyboard.press("Escape")
    steps.open_jump_items(console, words)
    visitor = appliance.visitor()
    assert use_key(visitor, digits).status == 200
    file = download_client(visitor, tmp_path)
    machine = Machine(tmp_path / "machine")
    client = subprocess.Popen(
        [machine.python, str(file)],
        env=machine.environment | {"DISPLAY": desktop},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=leash(),
    )
    try:
        window = Window(desktop)
        window.click_until(
            right=70, bottom=46, done=lambda: console.get_by_role("button", name="View", exact=True).count()
        )
        tab = console.get_by_role("tab", name="Sessions", exact=True)
        expect(tab).to_have_accessible_description("A new session is waiting.")
        console.get_by_role("button", name="View", exact=True).click()
        details = console.get_by_role("region", name="Details", exact=True)
        steps.button(details, words, "Accept").click()
        start = steps.button(console, words, "Start Screen Sharing").first
        expect(start).to_be_enabled()
        over = console.get_by_text("The session is over.", exact=True)
        window.click_until(right=80, top=34, done=over.count)
        expect(over).to_be_visible()
    finally:
        client.kill()
        client.wait(60)


class Window:
    """The customer client's window, worked by a mouse."""

    def __init__(self, display: str) -> None:
        self.display = display
        self.id = wait_for(
            lambda: self._do("search", "--onlyvisible", "--name", "Farhand: remote help"), 30, "the window"
        )

    def click_until(self, done: object, right: int, top: int = 0, bottom: int = 0, within: float = 60.0) -> None:
        """Click a place given from the window's edges until `done()` says that it was understood."""
        assert callable(done)
        deadline = time.monotonic() + within
        while not done():
            assert time.monotonic() < deadline, "the window did not answer"
            shape = dict(line.split("=") for line in self._do("getwindowgeometry", "--shell", self.id).splitlines())
            x = int(shape["WIDTH"]) - right
            y = top or int(shape["HEIGHT"]) - bottom
            self._do("mousemove", "--window", self.id, str(x), str(y), "click", "1")
            until = time.monotonic() + 2
            while not done() and time.monotonic() < until:
                time.sleep(0.1)

    def _do(self, *words: str) -> str:
        done = subprocess.run(
            ["xdotool", *words], env={"DISPLAY": self.display}, capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout.strip()
