"""Keys from a real Chromium into real programs: what is meant arrives, with dead keys and input methods too, special
keys and combinations from the virtual keyboard, and nothing stays pressed when the page loses the keyboard."""

from pathlib import Path

import xcffib
from playwright.sync_api import Locator, Page, expect
from tests.browser import steps
from tests.browser.conftest import Enter
from tests.harness.appliance import Appliance, wait_for
from tests.harness.browser import Words, axe_findings, problems_of, shot, sign_in
from tests.harness.copying import text_field
from tests.harness.xdisplay import display_below

TEXT = "Grüße ñ € 日本語"


class Keys:
    """What is pressed at a display, as its server sees it."""

    def __init__(self, display: str) -> None:
        self._connection = xcffib.connect(display=display)

    def count(self) -> int:
        return sum(byte.bit_count() for byte in self._connection.core.QueryKeymap().reply().keys)


def take_control(page: Page, session: Locator, words: Words) -> Locator:
    """Start Screen Sharing and take control; gives the canvas."""
    canvas = steps.start_screen(session, words)
    steps.button(session, words, "Request Control").click()
    expect(steps.button(session, words, "Virtual Keyboard")).to_be_enabled()
    canvas.focus()
    return canvas


def as_an_input_method(page: Page) -> None:
    """A dead key with its letter, and a word that is composed: as the browser hears of them from its system."""
    debugger = page.context.new_cdp_session(page)
    dead = {"key": "Dead", "code": "Quote", "windowsVirtualKeyCode": 222}
    debugger.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **dead})
    debugger.send("Input.dispatchKeyEvent", {"type": "keyUp", **dead})
    debugger.send("Input.insertText", {"text": "é"})
    debugger.send("Input.imeSetComposition", {"text": "にほ", "selectionStart": 2, "selectionEnd": 2})
    debugger.send("Input.insertText", {"text": "日本"})
    debugger.detach()


#
def test_what_is_typed_arrives_in_real_programs(
    appliance: Appliance, enter: Enter, words: Words, tmp_path: Path
) -> None:
    context = enter(appliance, words)
    page = sign_in(context, words, "/console")
    session = steps.jump(page, words)
    take_control(page, session, words)
    display = display_below(appliance.pid)
    typed = tmp_path / "typed"
    field = text_field(display, str(typed))
    content = lambda: typed.read_text(encoding="utf-8") if typed.exists() else ""  # noqa: E731
    page.keyboard.type(TEXT)
    wait_for(lambda: content() == TEXT, what="the text in the field")
    as_an_input_method(page)
    wait_for(lambda: content() == TEXT + "é日本", what="the composed text in the field")

    keys = Keys(display)
    steps.button(session, words, "Virtual Keyboard").click()
    panel = session.get_by_role("group", name=words.console("Virtual Keyboard"), exact=True)
    panel.get_by_role("button", name=words.console("Backspace"), exact=True).click()
    wait_for(lambda: content() == TEXT + "é日", what="one letter less")
    shift = panel.get_by_role("button", name="Shift", exact=True)
    shift.click()
    expect(shift).to_have_attribute("aria-pressed", "true")
    wait_for(lambda: keys.count() == 1, what="Shift to be down")
    shot(page, f"keys-{words.language}")
    assert axe_findings(page) == []
    page.keyboard.press("Home")
    expect(shift).to_have_attribute("aria-pressed", "false")
    page.keyboard.type("x")
    wait_for(lambda: content() == "x", what="the selected line to be replaced")
    panel.get_by_role("button", name=words.console("Send Ctrl-Alt-Del"), exact=True).click()

    page.keyboard.down("Control")
    panel.get_by_role("button", name="Alt", exact=True).click()
    wait_for(lambda: keys.count() == 2, what="Control and Alt to be down")
    page.evaluate("() => { document.activeElement.blur(); window.dispatchEvent(new Event('blur')); }")
    wait_for(lambda: keys.count() == 0, what="all keys to be up")
    field.kill()
    field.wait(60)
    steps.end_session(page, session, words)
    assert problems_of(context) == []


def test_what_is_typed_arrives_in_a_terminal(appliance: Appliance, enter: Enter, words: Words, tmp_path: Path) -> None:
    context = enter(appliance, words)
    page = sign_in(context, words, "/console")
    session = steps.jump(page, words)
    canvas = take_control(page, session, words)
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.4)
    target = tmp_path / "typed"
    page.keyboard.type(f"cat > {target}.part && mv {target}.part {target}\n")
    page.keyboard.type(TEXT + "\n")
    page.keyboard.press("Control+d")
    wait_for(target.exists, what="the file that the terminal writes")
    assert target.read_text(encoding="utf-8") == TEXT + "\n"
    steps.end_session(page, session, words)
    assert problems_of(context) == []
