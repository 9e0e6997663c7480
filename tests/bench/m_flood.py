"""Console: a program in a shell prints 100 MB without a pause. How long the page is held up at a time, how fast the
output is drawn, and how soon a key is echoed in another shell meanwhile. A real agent, relay and Chromium.

A task's time by the clock holds what other programs did meanwhile; its own CPU, which Chromium traces, does not.
"""

from typing import Any

from playwright.sync_api import Page
from tests.bench import rig
from tests.bench.stage import Stage
from tests.bench.table import Row, percentile
from tests.bench.tasks import task_cpu

from farhand.cli.display import VirtualDisplay

LINE = "a line of output as a build prints it, number 0123456789"
MEGABYTES = 100
KEYS = 60
KEY_GAP_MS = 120
WATCH = """() => {
  const seen = window.fhFlood = {tasks: [], frames: [], trips: [], pressed: 0};
  new PerformanceObserver(list => seen.tasks.push(...list.getEntries().map(one => one.duration)))
    .observe({type: "longtask"});
  let last = performance.now();
  const frame = now => { seen.frames.push(now - last); last = now; requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
  addEventListener("keydown", event => { seen.pressed = event.timeStamp; }, true);
}"""
WATCH_ROWS = """rows => new MutationObserver(() => {
  const seen = window.fhFlood;
  if (!seen.pressed) return;
  seen.trips.push(performance.now() - seen.pressed);
  seen.pressed = 0;
}).observe(rows, {subtree: true, childList: true, characterData: true})"""


def open_shell(page: Page, number: int) -> Any:
    """Open one more shell; gives its terminal."""
    page.get_by_role("button", name="Open a new shell", exact=True).click()
    terminal = page.get_by_role("group", name=f"Terminal of shell {number}", exact=True)
    terminal.locator(".xterm-rows").wait_for()
    page.wait_for_timeout(1500)
    page.keyboard.type("PS1='$ '; unset HISTFILE PROMPT_COMMAND; clear\n")
    return terminal


def flood(page: Page, terminal: Any, word: str) -> None:
    """Begin to print; `word` comes at the end."""
    terminal.locator("textarea").focus()
    # The shell's own text must not hold the word that is waited for.
    page.keyboard.type(f"yes '{LINE}' | head -c {MEGABYTES}000000; echo {word}-$((1+1))\n")


def measure() -> list[Row]:
    """One flood that is looked at, one beside which keys are pressed in another shell."""
    with Stage() as stage, VirtualDisplay("640x400x24") as display:
        running = rig.appliance(stage)
        rig.jump_client(stage, running, display.name)
        engine = rig.browser(stage)
        page = rig.representative(engine, running).new_page()
        page.goto("/console")
        page.get_by_role("tab", name="Jump Items").click()
        page.get_by_role("button", name="Jump", exact=True).first.click()
        page.get_by_role("button", name="Tool: ").click()
        page.get_by_role("menuitemradio", name="Command Shell", exact=True).click()
        first = open_shell(page, 1)
        page.evaluate(WATCH)
        engine.start_tracing(page=page, categories=["toplevel"])
        begin = page.evaluate("performance.now()")
        flood(page, first, "watched")
        first.locator(".xterm-rows").get_by_text("watched-2").first.wait_for(timeout=400_000)
        seconds = (page.evaluate("performance.now()") - begin) / 1000
        alone, traced = page.evaluate("fhFlood"), task_cpu(engine.stop_tracing())
        second = open_shell(page, 2)
        page.get_by_role("tab", name="Shell 1").click()
        flood(page, first, "beside")
        page.get_by_role("tab", name="Shell 2").click()
        second.locator("textarea").focus()
        second.locator(".xterm-rows").evaluate(WATCH_ROWS)
        page.evaluate("fhFlood.tasks = []; fhFlood.frames = []; fhFlood.pressed = 0")
        for _ in range(KEYS):
            page.keyboard.press("a")
            page.wait_for_timeout(KEY_GAP_MS)
        beside = page.evaluate("fhFlood")
    note = f"{MEGABYTES} MB in {seconds:.0f} s; {len(alone['tasks'])} tasks of 50 ms and more."
    return [
        Row(
            "flood.task",
            "flood of output, longest task of the page",
            [max(alone["tasks"], default=0.0)],
            "ms",
            "",
            note,
        ),
        Row("flood.task_cpu", "same, CPU of the page's task that used most", [traced], "ms"),
        Row("flood.frame_p99", "flood of output, time between frames, p99", [percentile(alone["frames"], 0.99)], "ms"),
        Row("flood.rate", "flood of output, as drawn", [MEGABYTES / seconds], "MB/s"),
        Row("flood.key_p50", "key to echo in a shell beside the flood, p50", [percentile(beside["trips"], 0.5)], "ms"),
        Row("flood.key_p95", "key to echo in a shell beside the flood, p95", [percentile(beside["trips"], 0.95)], "ms"),
    ]
