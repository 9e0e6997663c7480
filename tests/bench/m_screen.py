"""Screen, end to end: a real agent on a 1080p display, the relay, and the console's page in Chromium.

Key press: from the browser's time stamp of the key to the first canvas drawing after which a watched pixel has
another colour (a small terminal changes its background at each key). Nothing may ask for animation frames meanwhile:
once a key event has asked for one, Chromium holds the messages of sockets back until that frame is drawn, which
measures its beat of 60 Hz and not the way of the key; the console itself asks for none. Scrolling: a full-screen
terminal prints 40 lines a second; frames are animation frames in which the canvas was drawn, bytes are what the page's
WebSockets received.
"""

import sys
import time
from typing import Any

from playwright.sync_api import Page
from tests.bench import desktop, procs, rig
from tests.bench.stage import Stage
from tests.bench.table import Row, percentile

KEYS = 120
KEY_GAP_MS = 110
RUNS = 3
SCROLL_S = 6.0
PIXEL = (900, 500)
SMALL = "40x10+800+450"
"""Around the watched pixel."""
FULL = "320x83+0+0"
SPY = """
const B = (window.fhBench = { bytes: 0, messages: 0, drawn: 0, dirty: false, pressed: 0, colour: "", trips: [] });
const Socket = window.WebSocket;
window.WebSocket = class extends Socket {
  constructor(...words) {
    super(...words);
    this.addEventListener("message", (event) => { B.bytes += event.data.byteLength || 0; B.messages++; });
  }
};
window.addEventListener("keydown", (event) => { if (event.isTrusted) B.pressed = event.timeStamp; }, true);
const proto = CanvasRenderingContext2D.prototype;
const read = proto.getImageData;
for (const name of ["fillRect", "putImageData", "drawImage"]) {
  const real = proto[name];
  proto[name] = function (...words) {
    const result = real.apply(this, words);
    if (this.canvas.width >= 1000) {
      B.dirty = true;
      if (B.pressed) {
        const now = read.call(this, X, Y, 1, 1).data.join();
        if (now !== B.colour) {
          B.trips.push(performance.now() - B.pressed);
          B.colour = now;
          B.pressed = 0;
        }
      }
    }
    return result;
  };
}
const turn = () => { if (B.dirty) { B.dirty = false; B.drawn++; } if (B.counting) requestAnimationFrame(turn); };
B.count = (on) => { B.counting = on; if (on) requestAnimationFrame(turn); };
""".replace("X, Y", f"{PIXEL[0]}, {PIXEL[1]}")
TOGGLE = """
import os, tty
tty.setraw(0)
colour = 1
while os.read(0, 1):
    colour = 5 - colour
    os.write(1, b"\\x1b[4%dm\\x1b[2J\\x1b[H" % colour)
"""
SCROLL = """
import random, time
words = "error info open close session screen relay agent queue frame channel ticket grant link".split()
random.seed(1)
due = time.monotonic()
while True:
    print(" ".join(random.choice(words) for _ in range(random.randint(8, 30))), flush=True)
    due += 1 / 40
    time.sleep(max(0, due - time.monotonic()))
"""


def _open_screen(page: Page) -> None:
    """From the console's first page to a screen under control."""
    page.goto("/console")
    page.get_by_role("tab", name="Jump Items").click()
    page.get_by_role("button", name="Jump", exact=True).first.click()
    page.get_by_role("button", name="Start Screen Sharing").click()
    page.locator("canvas[aria-label^='Remote screen']").wait_for()
    page.get_by_role("button", name="Request Control").click()
    page.get_by_role("button", name="Stop Control").wait_for()
    page.wait_for_timeout(500)
    page.wait_for_function("fhBench.dirty")
    canvas = page.locator("canvas[aria-label^='Remote screen']")
    canvas.focus()
    # Keys go to the window under the remote pointer: put it where the watched pixel is.
    box = canvas.bounding_box()
    assert box is not None
    scale = box["width"] / desktop.WIDTH
    page.mouse.move(box["x"] + PIXEL[0] * scale - 3, box["y"] + PIXEL[1] * scale)
    page.mouse.move(box["x"] + PIXEL[0] * scale, box["y"] + PIXEL[1] * scale)


def _terminal(stage: Stage, screen: str, geometry: str, script: str) -> Any:
    return desktop.program(
        stage, screen, "xterm", "-geometry", geometry, "-bw", "0", "+sb", "-e", sys.executable, "-c", script
    )


def _keys(page: Page) -> list[float]:
    """Press keys; return the milliseconds until each was seen. A key that shows nothing within the gap is left out."""
    page.evaluate("fhBench.trips = []")
    for _ in range(KEYS):
        page.keyboard.press("a")
        page.wait_for_timeout(KEY_GAP_MS)
    trips: list[float] = page.evaluate("fhBench.trips")
    if len(trips) < KEYS // 2:
        raise RuntimeError(f"only {len(trips)} of {KEYS} keys changed the picture")
    return trips


def _scroll(page: Page) -> tuple[float, float]:
    """Frames and kB a second while the terminal scrolls."""
    state = "({ drawn: fhBench.drawn, bytes: fhBench.bytes, at: performance.now() })"
    page.evaluate("fhBench.count(true)")
    before = page.evaluate(state)
    page.wait_for_timeout(SCROLL_S * 1000)
    after = page.evaluate(state)
    page.evaluate("fhBench.count(false)")
    seconds = (after["at"] - before["at"]) / 1000
    return (after["drawn"] - before["drawn"]) / seconds, (after["bytes"] - before["bytes"]) / 1000 / seconds


def measure() -> list[Row]:
    """Keys first, then scrolling, in one session."""
    with Stage() as stage:
        screen = desktop.display(stage)
        running = rig.appliance(stage)
        agent = rig.jump_client(stage, running, screen)
        small = _terminal(stage, screen, SMALL, TOGGLE)
        time.sleep(1.5)
        context = rig.representative(rig.browser(stage), running)
        context.add_init_script(SPY)
        page = context.new_page()
        _open_screen(page)
        page.wait_for_timeout(3000)
        runs = [_keys(page) for _ in range(RUNS)]
        procs.stop(small)
        _terminal(stage, screen, FULL, SCROLL)
        page.wait_for_timeout(3000)
        cpu = procs.cpu_s(agent.pid)
        scrolls = [_scroll(page) for _ in range(RUNS)]
        busy = (procs.cpu_s(agent.pid) - cpu) / (RUNS * SCROLL_S) * 100
        context.close()
    seen = sum(len(trips) for trips in runs)
    note = (
        f"{seen} of {RUNS * KEYS} keys were seen; agent, relay, web, X server, terminal and Chromium share the cores."
    )
    what = "key press to changed pixel on the console's canvas"
    return [
        Row("screen.key_p50", f"{what}, p50", [percentile(trips, 0.5) for trips in runs], "ms", "", note),
        Row("screen.key_p95", f"{what}, p95", [percentile(trips, 0.95) for trips in runs], "ms"),
        Row("screen.scroll_fps", "scrolling 1080p terminal", [fps for fps, _ in scrolls], "fps"),
        Row("screen.scroll_kbs", "same, to the browser", [kbs for _, kbs in scrolls], "kB/s"),
        Row("screen.scroll_cpu", "same, agent CPU", [busy], "% of a core"),
    ]
