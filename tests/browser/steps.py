"""What a representative does again and again in the console, by role and name.

Rules: a step waits until the page says that it is done; it does not assert what the tests prove.
"""

import re

from playwright.sync_api import Locator, Page, expect
from tests.harness.browser import Words

DEMO = "Demo desktop"
"""The name of the demonstration endpoint."""

PROMPT = re.compile(r"[$#]")


def open_jump_items(page: Page, words: Words) -> Locator:
    """Go to the tab Jump Items; gives the row of the demonstration endpoint, which may not be there yet."""
    page.get_by_role("tab", name=words.console("Jump Items"), exact=True).click()
    return page.get_by_role("row").filter(has_text=DEMO)


def jump(page: Page, words: Words, name: str = DEMO) -> Locator:
    """Jump to a computer and wait until it is connected; gives the session's region."""
    open_jump_items(page, words)
    row = page.get_by_role("row").filter(has_text=name)
    row.get_by_role("button", name=words.console("Jump"), exact=True).click()
    session = page.get_by_role("region", name=name, exact=True)
    button(session, words, "Start Screen Sharing").or_(button(session, words, "Open a new shell")).wait_for()
    return session


def button(place: Page | Locator, words: Words, text: str) -> Locator:
    """A button of the console by its text."""
    return place.get_by_role("button", name=words.console(text), exact=True)


def choose_tool(page: Page, words: Words, tool: str) -> None:
    """Choose a tool in the drop-down at top left of the session."""
    page.get_by_role("button", name=words.starts("Tool: {name}")).click()
    page.get_by_role("menuitemradio", name=words.console(tool), exact=True).click()


def start_screen(session: Locator, words: Words) -> Locator:
    """Start Screen Sharing and wait for the picture; gives the canvas."""
    button(session, words, "Start Screen Sharing").click()
    canvas = session.locator("canvas")
    canvas.wait_for(state="visible")
    return canvas


def open_shell(session: Locator, words: Words, number: int) -> Locator:
    """Open one more shell and wait for its terminal; gives the terminal."""
    button(session, words, "Open a new shell").click()
    terminal = session.get_by_role("group", name=words.console("Terminal of shell {number}", number=number), exact=True)
    terminal.wait_for()
    expect(terminal.locator(".xterm-rows")).to_contain_text(PROMPT)
    return terminal


def messages(session: Locator, words: Words) -> Locator:
    """The chat pane's log."""
    return session.get_by_role("log", name=words.console("Messages"), exact=True)


def say(session: Locator, words: Words, text: str) -> None:
    """Write a chat line and send it."""
    session.get_by_role("textbox", name=words.console("Message"), exact=True).fill(text)
    button(session, words, "Send").click()
    messages(session, words).get_by_text(text, exact=True).wait_for()


def end_session(page: Page, session: Locator, words: Words) -> None:
    """Press the X, confirm by End Session."""
    button(session, words, "Close Session").click()
    dialog = page.get_by_role("dialog", name=words.console("Close this session?"), exact=True)
    button(dialog, words, "End Session").click()
    dialog.wait_for(state="hidden")
