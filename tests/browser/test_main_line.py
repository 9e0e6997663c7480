"""The main line as a person works it: claim, sign in, console, Jump, screen, shell, chat, end, report, logout.

Rules: everything is done through pages, by role and name, in every language that is listed; what reached the machine is
read from the machine (its display, its files), not from the page.
"""

import re
from pathlib import Path

import av
import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect
from tests.browser import steps
from tests.browser.conftest import Enter
from tests.harness.appliance import ADMIN, BOX_ADMIN, Appliance, wait_for
from tests.harness.browser import Words, alike, canvas_pixels, colours, picture, problems_of, shot, sign_in, wait_like
from tests.harness.xdisplay import display_below, screen_pixels

TEXT = "Grüße ñ € 日本語"
HOSTILE = "<b onclick=x>text</b> &amp; nothing else"


@pytest.mark.parametrize("language", ["en", pytest.param("de", marks=pytest.mark.long)])
def test_from_the_claim_to_the_report(language: str, fresh: Appliance, enter: Enter, tmp_path: Path) -> None:
    words = Words(language)
    context = enter(fresh, words, viewport={"width": 1280, "height": 800})
    claim(context, words, fresh)
    page = launch_console(sign_in(context, words), words)
    session = reach_demo(page, words)
    see_and_control(page, session, words, fresh, tmp_path)
    use_shells(page, session, words)
    talk(page, session, words)
    end(page, session, words)
    read_report(context, words)
    logout(page, words)
    assert problems_of(context) == []


def claim(context: BrowserContext, words: Words, appliance: Appliance) -> None:
    page = context.new_page()
    page.goto(appliance.claim_path)
    assert page.locator("html").get_attribute("lang") == words.language
    expect(page.get_by_role("heading", level=1)).to_have_text(words.page("Claim this appliance"))
    shot(page, f"claim-{words.language}")
    fill = {
        "username": ADMIN["username"],
        "display_name": ADMIN["display_name"],
        "password": ADMIN["password"],
        "password_again": ADMIN["password"],
        "appliance_username": BOX_ADMIN["username"],
        "appliance_password": BOX_ADMIN["password"],
        "appliance_password_again": BOX_ADMIN["password"],
    }
    for name, value in fill.items():
        page.locator(f"[name={name}]").fill(value)
    expect(page.locator("[name=web_console]")).to_be_checked()  # offered, not forced
    page.get_by_role("button", name=words.page("Claim"), exact=True).click()
    # The claim signs the administrator in and offers a second factor; here another day begins.
    page.wait_for_url("**/login/my-account/second-factor**")
    shot(page, f"second-factor-{words.language}")
    page.get_by_role("button", name=words.page("Logout"), exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(words.page("You are signed out"))
    page.close()


def launch_console(page: Page, words: Words) -> Page:
    """R-032, R-033: /login > My Account > Launch Web Rep Console opens a new tab, which signs in by itself."""
    menu = page.get_by_role("navigation", name=words.page("Sections"))
    menu.get_by_role("link", name=words.page("Profile"), exact=True).click()
    with page.expect_popup() as opened:
        page.get_by_role("link", name=words.page("Launch Web Rep Console"), exact=True).click()
    console = opened.value
    assert console.locator("html").get_attribute("lang") == words.language
    #
    expect(console.get_by_role("tab", name=words.console("Sessions"), exact=True)).to_be_visible()
    expect(console.get_by_role("tab", name=words.console("Jump Items"), exact=True)).to_be_visible()
    return console


def reach_demo(page: Page, words: Words) -> Locator:
    # The demonstration endpoint enrols itself after the claim: it appears without a reload.
    expect(steps.open_jump_items(page, words)).to_be_visible()
    return steps.jump(page, words)


def see_and_control(page: Page, session: Locator, words: Words, appliance: Appliance, folder: Path) -> None:
    display = wait_for(lambda: display_below(appliance.pid), what="the demonstration display")
    wait_for(lambda: colours(screen_pixels(display)) > 20, what="the windows on the display")  # so that all is recorded
    canvas = steps.start_screen(session, words)
    wait_like(canvas, lambda: screen_pixels(display))

    before = folder / "before.txt"
    type_into_terminal(page, canvas, f"touch {before}\n")
    steps.button(session, words, "Request Control").click()
    stop_control = steps.button(session, words, "Stop Control")
    expect(stop_control).to_be_visible()
    expect(steps.button(session, words, "Virtual Keyboard")).to_be_enabled()  # asking is over: keys are heard
    typed, twice, running, after = (folder / f"{name}.txt" for name in ("typed", "twice", "running", "after"))
    type_into_terminal(page, canvas, f"printf '%s' '{TEXT}' > {typed}\n")
    wait_for(lambda: typed.exists() and typed.read_bytes() == TEXT.encode(), what="the text that was typed")
    assert not before.exists(), "keys reached the computer before control was given"

    page.keyboard.type(f"echo A_b >> {twice}\n")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    wait_for(lambda: twice.exists() and twice.read_text() == "A_b\nA_b\n", what="the command that ArrowUp recalled")
    page.keyboard.type(f"touch {running}; sleep 300\n")
    wait_for(running.exists, what="a program that can be interrupted")
    page.keyboard.press("Control+c")
    page.keyboard.type(f"echo $? > {after}\n")
    wait_for(lambda: after.exists() and after.read_text() == "130\n", what="the interrupt by Ctrl-C")

    page.keyboard.type("PS1='demo:~$ '; clear; head -4 /etc/os-release; ls --color -F /usr; uptime -p\n")
    wait_like(canvas, lambda: screen_pixels(display))
    stop_control.click()
    expect(steps.button(session, words, "Request Control")).to_be_enabled()
    wait_like(canvas, lambda: screen_pixels(display))


def type_into_terminal(page: Page, canvas: Locator, text: str) -> None:
    box = canvas.bounding_box()
    assert box
    canvas.click(position={"x": box["width"] * 0.2, "y": box["height"] * 0.3})
    page.keyboard.type(text)


def use_shells(page: Page, session: Locator, words: Words) -> None:
    steps.choose_tool(page, words, "Command Shell")
    first = steps.open_shell(session, words, 1)
    rows = first.locator(".xterm-rows")
    page.keyboard.type("printf '\\033[31mred\\033[0m %s\\n' Grüße\n")
    expect(rows).to_contain_text("red Grüße")
    plain, red = (
        rows.locator("span", has_text=re.compile(f"^{text}")).last.evaluate("one => getComputedStyle(one).color")
        for text in (" Grüße", "red")
    )
    assert plain != red
    page.keyboard.type("echo size $(stty size)\n")
    expect(rows).to_contain_text(re.compile(r"size \d+ \d+"))
    page.set_viewport_size({"width": 1020, "height": 700})
    sizes = sorted(set(re.findall(r"size (\d+) (\d+)", rows.inner_text())))
    assert len(sizes) == 1

    # The size goes its way by the page's next frames: the shell is asked until it knows.
    def asked() -> list[tuple[int, int]]:
        page.keyboard.type("echo size $(stty size)\n")
        page.wait_for_timeout(300)
        found = {(int(a), int(b)) for a, b in re.findall(r"size (\d+) (\d+)", rows.inner_text())}
        return sorted(found) if len(found) > 1 else []

    new = wait_for(asked, what="another size")
    assert (int(sizes[0][0]), int(sizes[0][1])) == new[-1]
    assert new[0][0] < new[-1][0]
    assert new[0][1] < new[-1][1]
    page.set_viewport_size({"width": 1280, "height": 800})

    second = steps.open_shell(session, words, 2)
    page.keyboard.type("echo only $((40 + 2))\n")
    expect(second.locator(".xterm-rows")).to_contain_text("only 42")
    tabs = session.get_by_role("tablist", name=words.console("Command Shell"), exact=True).get_by_role("tab")
    expect(tabs).to_have_count(2)
    tabs.first.click()
    expect(rows).to_contain_text("red Grüße")
    expect(second).to_be_hidden()
    shot(page, f"shell-{words.language}")


def talk(page: Page, session: Locator, words: Words) -> None:
    steps.choose_tool(page, words, "Screen Sharing")
    steps.say(session, words, "I can see your desktop now. Let us look at the updates together.")
    shot(page, f"session-{words.language}")
    if words.language == "en":
        picture(page, "session")
    steps.say(session, words, HOSTILE)
    log, name = steps.messages(session, words), ADMIN["display_name"]
    # what was done, with its time
    for text in (
        words.console("Screen sharing started for {name}.", name=name),
        words.console("{name} controls mouse and keyboard.", name=name),
        words.console(
            "{name} opened another instance, command shell {number} (open now: {open}).", name=name, number=2, open=2
        ),
    ):
        line = log.locator("p").filter(has=page.get_by_text(text, exact=True))
        expect(line).to_have_count(1)
        expect(line.locator("time")).to_have_text(re.compile(r"\d+:\d\d:\d\d"))


def end(page: Page, session: Locator, words: Words) -> None:
    steps.button(session, words, "Close Session").click()
    dialog = page.get_by_role("dialog", name=words.console("Close this session?"), exact=True)
    steps.button(dialog, words, "Cancel").click()
    expect(session.locator("canvas")).to_be_visible()
    steps.end_session(page, session, words)
    # the Jump Client is still there.
    row = steps.open_jump_items(page, words)
    expect(row.get_by_role("button", name=words.console("Jump"), exact=True)).to_be_enabled()


def read_report(context: BrowserContext, words: Words) -> None:
    page = context.new_page()
    page.goto("/login/reports/support")
    page.get_by_role("table").get_by_role("link").first.click()
    done = page.get_by_role("region", name=words.page("What was done"), exact=True)
    assert done.get_by_role("row").count() > 8
    expect(page.get_by_role("region", name=words.page("Chat"), exact=True)).to_contain_text(HOSTILE)

    play = page.get_by_role("button", name=words.page("Play Command Shell %(number)s", number=1), exact=True)
    play.click()
    shell = page.get_by_role("article", name=words.page("Command Shell %(number)s", number=1), exact=True)
    seek = shell.get_by_role("slider", name=words.console("Seek"), exact=True)
    expect(shell.locator(".controls .time")).to_have_text(re.compile(r"\d:\d\d / \d:\d\d"))
    seek.evaluate("one => { one.value = one.max; one.dispatchEvent(new Event('input', {bubbles: true})); }")
    expect(shell).to_contain_text("red Grüße")

    export_video(page, words)
    page.reload()
    page.get_by_role("button", name=words.console("Open the screen recording"), exact=True).click()
    region = page.get_by_role("region", name=words.page("Recordings"), exact=True)
    screen = region.locator(".replay-player")
    canvas = screen.get_by_role("img", name=words.console("Recorded screen"), exact=True)
    wait_for(lambda: canvas.count() and colours(canvas_pixels(canvas)) > 1, what="the first picture of the recording")
    begin = canvas_pixels(canvas)
    screen.get_by_role("button", name=words.console("Play"), exact=True).click()
    expect(screen.get_by_role("button", name=words.console("Pause"), exact=True)).to_be_visible()
    screen.get_by_role("button", name=words.console("Pause"), exact=True).click()
    slider = screen.get_by_role("slider", name=words.console("Seek"), exact=True)
    small = screen.get_by_role("list", name=words.console("Thumbnails"), exact=True).get_by_role("button")
    expect(small.first).to_be_visible(timeout=60_000)  # a job makes them
    small.first.click()
    slider.fill(str(int(float(slider.get_attribute("max") or 0)) // 100 * 100 - 300))
    wait_for(lambda: alike(canvas_pixels(canvas), begin) < 1, what="another picture")
    wait_for(lambda: colours(canvas_pixels(canvas)) > 20, what="the sought picture")

    events = screen.get_by_role("list", name=words.console("Chat and events"), exact=True)
    expect(events.get_by_text(HOSTILE)).to_be_visible()
    every = events.get_by_role("listitem").count()
    for name in ("Screen Sharing", "Mouse and keyboard", "Command Shell", "Files", "Session"):
        screen.get_by_role("checkbox", name=words.console(name), exact=True).uncheck()
    wait_for(lambda: 0 < events.get_by_role("listitem").count() < every, what="chat alone")
    before = float(slider.input_value())
    steps.button(screen, words, "Previous event").click()
    wait_for(lambda: float(slider.input_value()) < before, what="the moment of the chat line")
    shot(page, f"report-{words.language}")


def export_video(page: Page, words: Words) -> None:
    region = page.get_by_role("region", name=words.page("Recordings"), exact=True)
    again = region.get_by_role("button", name=words.page("Verify again"), exact=True)
    wait_for(again.is_enabled, within=60, what="the end of the verification")
    page.get_by_role("button", name=words.page("Export as video"), exact=True).click()
    export = page.get_by_role("list", name=words.page("Exports"), exact=True).get_by_role("listitem").first
    done = export.get_by_role("link", name=words.page("Download video"), exact=True)
    expect(done).to_be_visible(timeout=180_000)
    with page.expect_download() as download:
        done.click()
    with av.open(str(download.value.path())) as video:
        assert video.streams.video[0].codec_context.name == "vp9"
        shown = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert len(shown) > 1
    assert max(len(np.unique(one.reshape(-1, 3)[::97], axis=0)) for one in shown) > 20


def logout(page: Page, words: Words) -> None:
    steps.button(page, words, "Logout").click()
    expect(page.get_by_text(words.page("You have signed out."), exact=True)).to_be_visible()
    page.goto("/login")
    expect(page.get_by_role("button", name=words.page("Login"), exact=True)).to_be_visible()
