"""The command shell as a person works in it: programs of every kind, several shells, pasting, finding, floods, reloads.

Rules: programs are real (bash, vim, less, cat); what they get is read from the machine or asked of the program itself.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser import steps
from tests.browser.conftest import Enter
from tests.harness.appliance import Appliance, wait_for
from tests.harness.browser import PATIENCE_MS, Words, axe_findings, problems_of, shot, sign_in

PLAIN = "PS1='$ '; unset HISTFILE PROMPT_COMMAND; clear\n"


class Shell:
    """One shell in the console."""

    def __init__(self, page: Page, session: Locator, words: Words, number: int) -> None:
        self.page, self.session, self.words, self.number = page, session, words, number
        self.terminal = steps.open_shell(session, words, number)
        self.rows = self.terminal.locator(".xterm-rows")
        self.panel = session.get_by_role("tabpanel", name=re.compile(rf"^Shell {number}\b"))
        self.type(PLAIN)

    def type(self, text: str) -> None:
        """Type into it, wherever the focus is."""
        self.terminal.locator("textarea").focus()
        self.page.keyboard.type(text)

    def shows(self, text: str | re.Pattern[str], within_ms: int = PATIENCE_MS) -> None:
        """Wait until it shows this."""
        expect(self.rows).to_contain_text(text, timeout=within_ms)

    def run(self, command: str, shows: str | re.Pattern[str], within_ms: int = PATIENCE_MS) -> None:
        """Run a command and wait for what it prints."""
        self.type(command + "\n")
        self.shows(shows, within_ms)

    def hears_the_mouse(self) -> None:
        """Wait until what runs in it has asked for clicks."""
        expect(self.terminal.locator(".enable-mouse-events")).to_have_count(1)

    def tool(self, name: str) -> Locator:
        """A button of its tools."""
        return steps.button(self.session, self.words, name)


@pytest.fixture
def page(appliance: Appliance, enter: Enter, words: Words) -> Iterator[Page]:
    """A representative who has jumped to the demonstration endpoint and chosen Command Shell."""
    context = enter(appliance, words)
    page = sign_in(context, words, "/console")
    session = steps.jump(page, words)
    steps.choose_tool(page, words, "Command Shell")
    yield page
    steps.end_session(page, session, words)
    assert problems_of(context) == []


@pytest.fixture
def session(page: Page) -> Locator:
    """The session's region."""
    return page.get_by_role("region", name=steps.DEMO, exact=True)


@pytest.fixture
def shell(page: Page, session: Locator, words: Words) -> Shell:
    """Its first shell."""
    return Shell(page, session, words, 1)


def style(shell: Shell, text: str, name: str) -> str:
    """A computed style of the last piece of text in the terminal that begins so."""
    found = shell.rows.locator("span", has_text=re.compile(f"^{text}")).last
    return str(found.evaluate("(one, name) => getComputedStyle(one)[name]", name))


def test_programs_draw_as_in_any_terminal(shell: Shell, page: Page, tmp_path: Path) -> None:
    shell.run(r"printf '\033[38;5;208mindexed\033[0m \033[38;2;1;200;30mtrue\033[0m \033[1;4mbold\033[0m|\n'", "bold|")
    assert style(shell, "indexed", "color") == "rgb(255, 135, 0)"
    assert style(shell, "true", "color") == "rgb(1, 200, 30)"
    assert "underline" in style(shell, "bold", "textDecorationLine")

    # Widths as the machine's own C library has them: the terminal says where its cursor is.
    ask = r"printf '%s\033[6n' '{text}'; IFS='[;' read -rsdR _ _ at; echo; echo {name} at $at"
    for name, text, column in (("cjk", "日本語", 7), ("new", "🥲", 3), ("marked", "éa", 3), ("plain", "ab", 3)):
        shell.run(ask.format(text=text, name=name), f"{name} at {column}")
    shell.run(r"printf '\303'; sleep 0.3; printf '\244 \342\202'; sleep 0.3; printf '\254 split\n'", "ä € split")

    shell.type("stty -icanon -echo; printf '\\033[?1000h\\033[?1006h'; cat -v\n")
    shell.hears_the_mouse()
    shell.terminal.click(position={"x": 60, "y": 60})
    shell.shows(re.compile(r"\^\[\[<0;\d+;\d+M\^\[\[<0;\d+;\d+m"))
    page.keyboard.press("Control+c")
    shell.run("stty sane; printf '\\033[?1000l'; clear", "$")

    file = tmp_path / "edited.txt"
    file.write_text("first\nsecond\n" + "line\n" * 100)
    shell.type(f"vim -u NONE -N -c 'set mouse=a ttymouse=sgr' {file}\n")
    shell.shows(re.compile(r"second"))
    shell.hears_the_mouse()
    box = shell.terminal.locator(".xterm-screen").bounding_box()
    assert box
    lines = shell.rows.locator("> div").count()
    row = box["height"] / lines
    shell.terminal.locator(".xterm-screen").click(position={"x": 30, "y": row * 1.5})
    page.set_viewport_size({"width": 1100, "height": 640})
    expect(shell.rows.locator("> div")).not_to_have_count(lines)
    page.keyboard.type("oGrüße 日本")
    page.keyboard.press("Escape")
    page.keyboard.type(":wq\n")
    wait_for(lambda: file.read_text().startswith("first\nsecond\nGrüße 日本\nline\n"), what="vim's file")
    shell.run("echo back $((40+2))", "back 42")
    expect(shell.rows).not_to_contain_text("second")


def copy_to_clipboard(page: Page, text: str) -> None:
    page.evaluate("text => navigator.clipboard.writeText(text)", text)


def test_lines_are_pasted_after_a_question_only(shell: Shell, page: Page, words: Words) -> None:
    dialog = page.get_by_role("dialog", name=re.compile("^Paste"))
    # bash asked to be told what is pasted: nothing runs before Enter.
    copy_to_clipboard(page, "echo one-$((1+0))\necho two-$((1+1))\n")
    shell.terminal.locator("textarea").focus()
    page.keyboard.press("Control+Shift+v")
    shell.shows("echo two-$((1+1))")
    expect(dialog).to_be_hidden()
    expect(shell.rows).not_to_contain_text("one-1")
    page.keyboard.press("Enter")
    shell.shows("two-2")

    shell.run("clear; cat -v; echo end-$((1+1))", "")
    copy_to_clipboard(page, "alpha\nbe\x1b[31mta\n")
    shell.tool("Paste").click()
    expect(dialog).to_contain_text("alpha")
    expect(page.get_by_role("heading", name="Paste 2 lines?", exact=True)).to_be_visible()
    assert axe_findings(page) == []
    steps.button(dialog, words, "Cancel").click()
    shell.tool("Paste").click()
    steps.button(dialog, words, "Paste").click()
    shell.shows("be[31mta")
    wait_for(
        lambda: shell.rows.inner_text().count("be[31mta") == 2, what="the echo of the last line, and what cat printed"
    )
    assert shell.rows.inner_text().count("alpha") == 2, "the first time nothing was pasted"

    copy_to_clipboard(page, "z" * 600_000)
    shell.tool("Paste").click()
    too_much = page.get_by_role("dialog", name="This is too much to paste", exact=True)
    steps.button(too_much, words, "Dismiss").last.click()
    copy_to_clipboard(page, "w" * 60)
    shell.tool("Paste").click()
    shell.shows("w" * 60)  # the page reads the clipboard in its own time: a key pressed at once would come first
    page.keyboard.press("Enter")
    wait_for(lambda: shell.rows.inner_text().count("w" * 60) == 2, what="the line that cat printed")
    expect(shell.rows).not_to_contain_text("zzz")
    page.keyboard.press("Control+d")
    shell.shows("end-2")


def test_finding_copying_and_the_size_of_text(shell: Shell, page: Page, words: Words) -> None:
    shell.run("seq -f 'needle %g' 2000; echo all-$((1+1))", "all-2")
    page.keyboard.press("Control+Shift+f")
    find = page.get_by_role("search", name="Find in shell", exact=True)
    box = find.get_by_role("textbox", name="Find", exact=True)
    expect(box).to_be_focused()
    box.fill("needle 1234")
    expect(find.get_by_role("status")).to_have_text("1 of 1")
    shell.shows("needle 1234")
    assert axe_findings(page) == []
    shot(page, "shell-find")
    shell.tool("Copy selection").click()
    wait_for(lambda: page.evaluate("navigator.clipboard.readText()") == "needle 1234", what="the selection")
    box.fill("no such text")
    expect(find.get_by_role("status")).to_have_text("Nothing found")
    box.press("Escape")
    expect(find).to_be_hidden()
    expect(shell.terminal.locator("textarea")).to_be_focused()

    shell.run("clear; echo pick-$((1+1))", "pick-2")
    shell.terminal.click(button="right")
    menu = page.get_by_role("menu", name="Terminal menu", exact=True)
    expect(menu.get_by_role("menuitem")).to_have_count(5)
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    shell.terminal.click(button="right")
    menu.get_by_role("menuitem", name="Select all", exact=True).click()
    shell.terminal.click(button="right")
    menu.get_by_role("menuitem", name="Copy", exact=True).click()
    wait_for(lambda: "pick-2\n$" in page.evaluate("navigator.clipboard.readText()"), what="everything")

    def columns() -> int:
        shell.type("clear; echo cols $(tput cols).\n")
        shell.shows(re.compile(r"cols \d+\."))
        found = wait_for(lambda: re.findall(r"cols (\d+)\.", shell.rows.inner_text()), what="the number of columns")
        return int(found[-1])

    before = columns()
    for _ in range(4):
        shell.tool("Larger text").click()
    wait_for(lambda: columns() < before, what="fewer columns of larger text")
    page.reload()
    # The size is remembered, the session and its shell are taken up again.
    shell.shows("cols")
    wait_for(lambda: columns() < before, what="the size of text after a reload")
    for _ in range(4):
        shell.tool("Smaller text").click()
    wait_for(lambda: columns() == before, what="as many columns as before")


def test_what_the_remote_computer_prints_names_tabs_and_opens_nothing(
    shell: Shell, page: Page, session: Locator, words: Words
) -> None:
    tabs = session.get_by_role("tablist", name="Command Shell", exact=True).get_by_role("tab")
    shell.type("printf '\\033]0;building <b>x</b>\\007'\n")
    expect(tabs.first).to_have_text("Shell 1: building <b>x</b>")
    pages = len(page.context.pages)
    shell.run(
        "clear; printf '\\033]8;;https://elsewhere.example/path\\033\\\\a link\\033]8;;\\033\\\\ https://plain.example/\\n'",
        "a link",
    )
    shell.terminal.locator(".xterm-screen").hover(position={"x": 20, "y": 8})
    expect(shell.terminal.locator(".xterm-cursor-pointer")).to_have_count(1)
    shell.terminal.locator(".xterm-screen").click(position={"x": 20, "y": 8})
    dialog = page.get_by_role("dialog", name="Open this link?", exact=True)
    expect(dialog).to_contain_text("https://elsewhere.example/path")
    link = dialog.get_by_role("link", name="Open Link", exact=True)
    assert link.get_attribute("rel") == "noopener noreferrer"
    steps.button(dialog, words, "Cancel").click()
    assert len(page.context.pages) == pages
    # Neither reading nor writing the clipboard, neither moving nor closing windows is the remote computer's.
    copy_to_clipboard(page, "untouched")
    shell.run("printf '\\033]52;c;aGVsbG8=\\007\\033[8;5;5t\\033[21t'; echo done-$((1+1))", "done-2")
    assert page.evaluate("navigator.clipboard.readText()") == "untouched"

    second = Shell(page, session, words, 2)
    expect(tabs).to_have_count(2)
    second.run("exit 7", "")
    expect(session.get_by_text("This shell ended with status 7.", exact=True)).to_be_visible()
    steps.button(session, words, "Close tab").click()
    expect(tabs).to_have_count(1)
    shell.type("exec sleep 600\n")
    third = Shell(page, session, words, 3)
    third.run("pkill -KILL -f '^sleep 600'; echo", "$")
    tabs.first.click()
    expect(session.get_by_text("This shell was ended by signal 9.", exact=True)).to_be_visible()


def test_more_shells_than_the_cap(shell: Shell, page: Page, session: Locator, words: Words) -> None:
    tabs = session.get_by_role("tablist", name="Command Shell", exact=True).get_by_role("tab")
    for number in range(2, 17):
        steps.button(session, words, "Open a new shell").click()
        expect(tabs).to_have_count(number)
    steps.button(session, words, "Open a new shell").click()
    alert = session.get_by_role("alert")
    expect(alert).to_contain_text("No more than 16 shells can be open: close one first.")
    steps.button(alert, words, "Dismiss").click()
    expect(alert).to_be_hidden()


WATCH_TASKS = """() => {
  window.tasks = [];
  new PerformanceObserver(list => window.tasks.push(...list.getEntries().map(one => one.duration)))
    .observe({type: "longtask"});
}"""


@pytest.mark.long
def test_a_flood_is_interrupted_and_leaves_the_page_alive(
    shell: Shell, page: Page, session: Locator, words: Words
) -> None:
    page.evaluate(WATCH_TASKS)
    shell.type("yes floods; echo status $?\n")
    shell.shows("floods\n")
    page.wait_for_timeout(2_000)
    second = Shell(page, session, words, 2)
    second.run("echo beside-$((1+1))", "beside-2")  # keys elsewhere are not held up
    session.get_by_role("tab").first.click()
    shell.type("")
    page.keyboard.press("Control+c")
    shell.run("echo stopped-$((1+1))", "stopped-2")
    sent = "seq 1 2000000 | tee >(cksum >&2); sleep 1; echo whole-$((1+1))"
    shell.run(sent, re.compile(r"2000000"), 2 * PATIENCE_MS)
    shell.shows("whole-2", 2 * PATIENCE_MS)
    tasks: list[float] = page.evaluate("window.tasks")
    print(f"long tasks: {len(tasks)}, longest {max(tasks, default=0):.0f} ms")


def test_a_reload_comes_back_to_the_same_shells(shell: Shell, page: Page, session: Locator, words: Words) -> None:
    second = Shell(page, session, words, 2)
    second.run("kept=forty-two; seq -f 'row %g' 300; echo begin-$((1+1))", "begin-2")
    tabs = session.get_by_role("tablist", name="Command Shell", exact=True).get_by_role("tab")
    tabs.first.click()
    shell.run("seq 400000; echo long-$((1+1))", "long-2")
    tabs.last.click()
    second.type("vim -u NONE -N +'normal ihello from vim'\n")
    second.shows("hello from vim")
    page.reload()
    expect(tabs).to_have_count(2)
    tabs.first.click()
    shell.shows("long-2")
    # Questions of what is drawn again are not answered again.
    shell.run("echo clean-$((1+1))", "clean-2")
    expect(shell.rows).not_to_contain_text("2c")
    tabs.last.click()
    second.shows("hello from vim")
    second.type("")
    page.keyboard.press("Escape")
    page.keyboard.type(":q!\n")
    second.shows("begin-2")  # what is typed before the editor has gone is the editor's
    second.run("echo still $kept", "still forty-two")
