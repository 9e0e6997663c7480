"""How the remote screen is looked at: one monitor or all, its size, full screen, fingers, and what it costs."""

import subprocess
from collections.abc import Iterator

import pytest
import xcffib
from playwright.sync_api import Locator, Page, expect
from tests.browser import steps
from tests.browser.conftest import Enter
from tests.harness.appliance import Appliance, wait_for
from tests.harness.browser import Words, axe_findings, problems_of, shot, sign_in, wait_like
from tests.harness.xdisplay import display_below, screen_pixels


def xrandr(display: str, *words: str) -> None:
    subprocess.run(["xrandr", "--display", display, *words], check=True, timeout=60, capture_output=True)


@pytest.fixture
def display(appliance: Appliance) -> Iterator[str]:
    """The demonstration endpoint's display, which is left as it was found."""
    wait_for(lambda: display_below(appliance.pid), what="the demonstration endpoint's desktop")
    name = display_below(appliance.pid)
    yield name
    for monitor in ("left", "right"):
        subprocess.run(["xrandr", "--display", name, "--delmonitor", monitor], check=False, timeout=60)


def seen_part(canvas: Locator) -> list[int]:
    """Which part of the remote screen is seen: left, top, width, height in its pixels."""
    return canvas.evaluate(
        """canvas => {
          const [whole, view] = [canvas.getBoundingClientRect(), canvas.parentElement.getBoundingClientRect()];
          const scale = canvas.width / whole.width;
          const parts = [view.left - whole.left, view.top - whole.top, view.width, view.height];
          return parts.map((part) => Math.round(part * scale));
        }"""
    )


def pointer_of(display: str) -> tuple[int, int, int]:
    connection = xcffib.connect(display=display)
    try:
        reply = connection.core.QueryPointer(connection.get_setup().roots[0].root).reply()
        return reply.root_x, reply.root_y, reply.mask & 0x1F00
    finally:
        connection.disconnect()


def start(page: Page, words: Words) -> tuple[Locator, Locator]:
    session = steps.jump(page, words)
    return session, steps.start_screen(session, words)


#
def test_one_monitor_or_all(appliance: Appliance, enter: Enter, words: Words, display: str) -> None:
    context = enter(appliance, words)
    page = sign_in(context, words, "/console")
    session, canvas = start(page, words)
    wait_like(canvas, lambda: screen_pixels(display))
    menu = session.get_by_role("button", name=words.starts("Monitor: {name}"))
    expect(menu).to_have_count(0)
    height, width = (side * 4 for side in screen_pixels(display).shape[:2])
    half = width // 2
    xrandr(display, "--setmonitor", "left", f"{half}/200x{height}/200+0+0", "screen")
    xrandr(display, "--setmonitor", "*right", f"{width - half}/200x{height}/200+{half}+0", "none")
    menu.click()
    for name in (words.console("All monitors"), words.console("{name} (P)", name="right"), "left"):
        expect(page.get_by_role("menuitemradio", name=name, exact=True)).to_be_visible()
    shot(page, f"monitors-{words.language}")
    page.get_by_role("menuitemradio", name=words.console("{name} (P)", name="right"), exact=True).click()
    wait_for(
        lambda: abs(seen_part(canvas)[0] - half) <= 4 and abs(seen_part(canvas)[2] - (width - half)) <= 8,
        what="one monitor",
    )
    steps.button(session, words, "Request Control").click()
    expect(steps.button(session, words, "Virtual Keyboard")).to_be_enabled()
    box = canvas.locator("..").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    wait_for(lambda: abs(pointer_of(display)[0] - (half + (width - half) / 2)) <= 3, what="the pointer in its middle")
    shot(page, f"monitor-{words.language}")
    menu.click()
    own = words.console("{name} in a window of its own", name=words.console("{name} (P)", name="right"))
    with page.expect_popup() as opened:
        page.get_by_role("menuitemradio", name=own, exact=True).click()
    window = opened.value
    part = window.locator("canvas")
    wait_like(part, lambda: screen_pixels(display)[:, half // 4 :])
    shot(window, f"window-{words.language}")
    assert axe_findings(window) == []
    box = part.bounding_box()
    assert box is not None
    window.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 4)
    wait_for(lambda: abs(pointer_of(display)[0] - (half + (width - half) / 2)) <= 3, what="the pointer in its middle")
    with window.expect_event("close"):
        xrandr(display, "--delmonitor", "right")
    wait_for(lambda: seen_part(canvas)[:1] == [0], what="all monitors")
    expect(menu).to_have_count(0)
    wait_like(canvas, lambda: screen_pixels(display))
    steps.end_session(page, session, words)
    assert problems_of(context) == []


#
def test_sizes_full_screen_and_rates(appliance: Appliance, enter: Enter, words: Words, display: str) -> None:
    context = enter(appliance, words, viewport={"width": 1100, "height": 640})
    page = sign_in(context, words, "/console")
    session, canvas = start(page, words)
    width = canvas.evaluate("canvas => canvas.width")
    wait_for(lambda: canvas.bounding_box()["width"] < width, what="a scaled picture")  # type: ignore[index]
    actual, full, rates = (steps.button(page, words, text) for text in ("Actual Size", "Full Screen", "Show Rates"))
    actual.click()
    wait_for(lambda: canvas.bounding_box()["width"] == width, what="its actual size")  # type: ignore[index]
    shot(page, f"actual-{words.language}")
    actual.click()
    wait_for(lambda: canvas.bounding_box()["width"] < width, what="a scaled picture")  # type: ignore[index]
    rates.click()
    expect(session.get_by_text(words.starts("{n} frames/s"))).to_be_visible()
    assert axe_findings(page) == []
    full.click()
    page.wait_for_function("() => document.fullscreenElement !== null")
    bar = page.get_by_role("toolbar", name=words.console("Full Screen"), exact=True)
    page.mouse.move(550, 300)
    page.mouse.move(550, 3)
    expect(full).to_have_attribute("aria-pressed", "true")
    shot(page, f"full-{words.language}")
    full.click()
    page.wait_for_function("() => document.fullscreenElement === null")
    expect(bar).to_be_hidden()
    steps.end_session(page, session, words)
    assert problems_of(context) == []


def test_fingers(appliance: Appliance, enter: Enter, words: Words, display: str) -> None:
    context = enter(appliance, words, has_touch=True)
    page = sign_in(context, words, "/console")
    session, canvas = start(page, words)
    steps.button(session, words, "Request Control").click()
    expect(steps.button(session, words, "Virtual Keyboard")).to_be_enabled()
    box = canvas.bounding_box()
    assert box is not None
    size = canvas.evaluate("canvas => [canvas.width, canvas.height]")
    page.touchscreen.tap(box["x"] + box["width"] * 0.95, box["y"] + box["height"] * 0.9)
    where = (size[0] * 0.95, size[1] * 0.9)
    wait_for(
        lambda: all(abs(a - b) <= 3 for a, b in zip(pointer_of(display), where, strict=False)), what="the tap there"
    )
    debugger = context.new_cdp_session(page)
    spread = [(0.45, 0.55), (0.35, 0.65), (0.25, 0.75)]
    for number, columns in enumerate(spread):
        points = [{"x": box["x"] + box["width"] * x, "y": box["y"] + box["height"] / 2} for x in columns]
        debugger.send(
            "Input.dispatchTouchEvent", {"type": "touchMove" if number else "touchStart", "touchPoints": points}
        )
    debugger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    wait_for(lambda: canvas.bounding_box()["width"] > box["width"] * 1.5, what="a larger picture")  # type: ignore[index]
    assert pointer_of(display)[2] == 0
    steps.end_session(page, session, words)
    assert problems_of(context) == []
