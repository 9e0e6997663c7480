"""Two representatives in one session: invited, transferred, removed, paused, left; each in a browser of their own."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser import steps
from tests.browser.conftest import Enter
from tests.harness.appliance import ADMIN, Appliance
from tests.harness.browser import Words, axe_findings, problems_of, shot, sign_in
from tests.harness.claimed import claim
from tests.harness.claimed import sign_in as enter_console
from tests.harness.client import Customer, Machine, download_client, use_key
from tests.harness.console import Console
from tests.harness.people import add_team, add_user, id_of

ANN = {"username": "ann", "password": "a second long password"}
SUPPORT = ("perm_support_allowed", "perm_collaborate", "perm_accept_team_sessions")
ADMIN_NAME = ADMIN["display_name"]
WIDER = """() => document.documentElement.scrollWidth <= document.documentElement.clientWidth ? [] :
  [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > innerWidth)
    .map((one) => `${one.tagName} ${one.className} ${one.textContent.slice(0, 40)}`)"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """An appliance with a team of two."""
    with Appliance(tmp_path_factory.mktemp("desk")) as running:
        claim(running)
        add_user(running, ANN["username"], ANN["password"], *SUPPORT)
        visitor = enter_console(running, ADMIN["username"], ADMIN["password"])
        ann = Console(enter_console(running, ANN["username"], ANN["password"], "/console"))
        add_team(visitor, "Service Desk", {id_of(Console(visitor)): "lead", id_of(ann): "member"})
        yield running


@pytest.fixture
def customer(desk: Appliance, tmp_path: Path) -> Iterator[Customer]:
    """A customer of the administrator who waits."""
    admin = Console(enter_console(desk, ADMIN["username"], ADMIN["password"]))
    visitor = desk.visitor()
    use_key(visitor, admin.post("session-keys", {"lifetime_s": 600})["shown"])
    running = Customer(Machine(tmp_path / "machine"), download_client(visitor, tmp_path))
    running.wait_shown("`accept` or `decline`")
    running.type("accept")
    yield running
    running.stop()


#
@pytest.mark.parametrize(("language", "width"), [pytest.param("de", 1280, marks=pytest.mark.long), ("fr", 360)])
def test_two_share_and_pass_on_a_session(
    desk: Appliance, enter: Enter, customer: Customer, language: str, width: int
) -> None:
    words = Words(language)
    contexts = [enter(desk, words, viewport={"width": width, "height": 800}) for _ in range(2)]
    admin, ann = sign_in(contexts[0], words, "/console"), sign_in(contexts[1], words, "/console", ANN)
    take(admin, words, words.console("Waiting"))
    mine = the_session(admin)
    invite(admin, mine, words)
    look(admin, f"shared-{language}-{width}")

    view_announced(ann, words)
    look(ann, f"invitation-{language}-{width}")
    steps.button(details(ann, words), words, "Accept").click()
    hers = the_session(ann)
    members(hers, words, f"{ADMIN_NAME}", "Ann")
    for name in ("Transfer", "Share", "Remove Member"):
        expect(steps.button(mine, words, name)).to_be_enabled()
        expect(steps.button(hers, words, name)).to_be_disabled()

    among_representatives(admin, mine, hers, words)
    look(ann, f"chat-{language}-{width}")

    transfer(admin, mine, words, language, width)
    view_announced(ann, words)
    steps.button(details(ann, words), words, "Accept").click()
    for name in ("Transfer", "Share", "Remove Member"):
        expect(steps.button(hers, words, name)).to_be_enabled()
        expect(steps.button(mine, words, name)).to_be_disabled()

    remove(ann, hers, words, language, width)
    expect(mine).to_contain_text(words.console("You are not in this session any more."))
    steps.button(mine, words, "Back to the list").click()

    share(ann, hers, words, "Service Desk", words.console("Any Representative"))
    queue = admin.get_by_role("navigation", name=words.console("Queues")).get_by_role(
        "button", name="Service Desk", exact=True
    )
    expect(queue).to_have_accessible_description(words.console("A new session is waiting."))
    queue.click()
    take(admin, words, words.console("Invitation"))
    members(mine, words, "Ann", ADMIN_NAME)

    close(admin, mine, words, "Leave Session", f"leave-{language}-{width}")
    members(hers, words, "Ann")
    close(ann, hers, words, "Pause Session", f"close-{language}-{width}")
    take(ann, words, words.console("Waiting"))
    close(ann, hers, words, "End Session", "")
    assert customer.wait_ended() == 0
    for context in contexts:
        assert problems_of(context) == []


def test_a_team_talks_and_is_marked(desk: Appliance, enter: Enter) -> None:
    words = Words("en")
    contexts = [enter(desk, words) for _ in range(2)]
    admin, ann = sign_in(contexts[0], words, "/console"), sign_in(contexts[1], words, "/console", ANN)
    news = admin.get_by_role("button", name="New messages in the team chat of Service Desk", exact=True)
    star = admin.get_by_role("button", name="Favourite Service Desk", exact=True)
    star.click()
    expect(star).to_have_attribute("aria-pressed", "true")

    ann.get_by_role("navigation", name="Queues").get_by_role("button", name="Service Desk", exact=True).click()
    chat = ann.get_by_role("region", name="Team chat of Service Desk", exact=True)
    chat.get_by_role("textbox", name="Message to the team").fill("Lunch at noon?")
    steps.button(chat, words, "Send").click()
    expect(chat.get_by_role("log")).to_contain_text("Lunch at noon?")
    expect(news).to_be_visible()
    expect(star).to_be_hidden()
    expect(admin).to_have_title(re.compile(r"^\(1\) "))
    look(ann, "team-chat")

    admin.reload()  # what was not seen is not forgotten
    news.click()
    expect(admin.get_by_role("log", name="Team messages")).to_contain_text("Lunch at noon?")
    expect(news).to_be_hidden()
    expect(star).to_have_attribute("aria-pressed", "true")
    expect(admin).not_to_have_title(re.compile(r"^\("))
    look(admin, "team-chat-read")
    assert [found for context in contexts for found in problems_of(context)] == []


def the_session(page: Page) -> Locator:
    """The session that is open in a page."""
    return page.locator("section.session").and_(page.get_by_role("region"))


def details(page: Page, words: Words) -> Locator:
    return page.get_by_role("region", name=words.console("Details"), exact=True)


def look(page: Page, name: str) -> None:
    """A picture for people; and nothing that axe finds, nothing that is wider than the page."""
    if not name:
        return
    shot(page, name)
    assert axe_findings(page) == []
    assert page.evaluate(WIDER) == []


def take(page: Page, words: Words, status: str) -> None:
    """Choose the entry of this status in the queue that is shown and accept it."""
    page.get_by_role("row").filter(has_text=status).get_by_role("button").click()
    steps.button(details(page, words), words, "Accept").click()
    the_session(page).wait_for()


def view_announced(page: Page, words: Words) -> None:
    announced = page.get_by_role("status").filter(has=steps.button(page, words, "View"))
    expect(announced).to_contain_text(
        words.console("An invitation is waiting in {queue}.", queue=words.console("Personal queue"))
    )
    steps.button(announced, words, "View").click()


def members(session: Locator, words: Words, *names: str) -> None:
    listed = session.get_by_role("list", name=words.console("Members"), exact=True).get_by_role("listitem")
    expect(listed).to_have_text([re.compile(re.escape(name)) for name in names])


def invite(page: Page, session: Locator, words: Words) -> None:
    """Invite Ann, withdraw it, invite again."""
    share(page, session, words, "Service Desk", "Ann", close=False)
    dialog = page.get_by_role("dialog")
    withdrawn = dialog.get_by_role("button", name=words.console("Cancel invitation: {name}", name="Ann"), exact=True)
    withdrawn.click()
    expect(withdrawn).to_be_hidden()
    steps.button(dialog, words, "Close").last.click()  # the X may have the same name
    share(page, session, words, words.console("Representatives"), "Ann", close=False)
    expect(withdrawn).to_be_visible()
    look(page, f"share-{words.language}-{page.viewport_size['width'] if page.viewport_size else 0}")
    steps.button(dialog, words, "Close").last.click()  # the X may have the same name


def share(page: Page, session: Locator, words: Words, source: str, who: str, *, close: bool = True) -> None:
    steps.button(session, words, "Share").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("radio", name=source, exact=True).check()
    dialog.get_by_role("radio", name=who, exact=True).check()
    steps.button(dialog, words, "Invite").click()
    expect(dialog.get_by_role("status")).to_have_text(words.console("Invited: {name}.", name=who))
    if close:
        steps.button(dialog, words, "Close").last.click()  # the X may have the same name


def among_representatives(page: Page, mine: Locator, hers: Locator, words: Words) -> None:
    """R-236, R-248: what only representatives see, and what everybody does."""
    only = words.console("Only to representatives: the customer does not see it")
    mine.get_by_role("checkbox", name=only, exact=True).check()
    steps.say(mine, words, "The old printer again")
    mine.get_by_role("checkbox", name=only, exact=True).uncheck()
    steps.say(mine, words, "I call a colleague")
    for session in (mine, hers):
        told = steps.messages(session, words).locator(".message").filter(has_text="The old printer again")
        expect(told).to_contain_text(words.console("Representatives only"))
        plain = steps.messages(session, words).locator(".message").filter(has_text="I call a colleague")
        expect(plain).not_to_contain_text(words.console("Representatives only"))


def transfer(page: Page, session: Locator, words: Words, language: str, width: int) -> None:
    steps.button(session, words, "Transfer").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("radio", name="Service Desk", exact=True)).to_be_visible()
    dialog.get_by_role("tab", name=words.console("Representatives"), exact=True).click()
    dialog.get_by_role("radio", name="Ann", exact=True).check()
    look(page, f"transfer-{language}-{width}")
    steps.button(dialog, words, "Transfer").click()
    expect(dialog).to_be_hidden()


def remove(page: Page, session: Locator, words: Words, language: str, width: int) -> None:
    steps.button(session, words, "Remove Member").click()
    dialog = page.get_by_role("dialog", name=words.console("Remove Member"), exact=True)
    dialog.get_by_role("radio", name=ADMIN_NAME, exact=True).check()
    look(page, f"remove-{language}-{width}")
    steps.button(dialog, words, "Remove").click()
    expect(dialog).to_be_hidden()


def close(page: Page, session: Locator, words: Words, how: str, name: str) -> None:
    steps.button(session, words, "Close Session").click()
    dialog = page.get_by_role("dialog", name=words.console("Close this session?"), exact=True)
    look(page, name)
    steps.button(dialog, words, how).click()
    expect(dialog).to_be_hidden()
    expect(session).to_be_hidden()
