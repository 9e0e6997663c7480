"""A real Chromium with a fresh profile, driven by role and accessible name in the language of the person.

Why it exists: browser tests say what a person does; how Chromium is started, how a label is called in German and how a
canvas is read stands here, once.

Rules: labels come from the source texts through the catalogs of `locale/`, so a test never repeats a translation. One
waits for a state of the page or the machine, never for a time.
"""

import base64
import contextlib
import functools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from babel.messages.pofile import read_po
from django.utils import translation
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright
from tests.harness.appliance import ADMIN, wait_for

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ROOT = Path(__file__).parents[2]
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
SHOTS = os.environ.get("FARHAND_SHOTS", "")
"""Folder for screenshots; empty = none are taken."""

PATIENCE_MS = 60_000
"""How long a page may take to become what is expected: a busy machine is slow, and that is no fault."""

PICTURES = ROOT / "docs" / "images"
"""Screenshots that documents show; they are made anew when FARHAND_PICTURES is set."""
PICTURE_BYTES = 250_000

LOCALES = {"en": "en-US", "de": "de-DE", "fr": "fr-FR", "nl": "nl-NL"}
NARROW = 360
"""Pixels of the narrowest window in which every page works."""
TOO_WIDE = """() => {
  const inside = one => {
    for (let box = one; box; box = box.parentElement)
      if (/auto|scroll|hidden/.test(getComputedStyle(box).overflowX)) return true;
    return false;
  };
  const out = [...document.querySelectorAll("body *")].filter(one =>
    one.getClientRects().length && !one.closest(".xterm") &&
    one.getBoundingClientRect().right > innerWidth + 1 && !inside(one));
  const page = document.scrollingElement.scrollWidth;
  if (page <= innerWidth && !out.length) return "";
  const said = out.slice(-3).map(one => `${one.localName} "${one.textContent.trim().slice(0, 30)}"`);
  return `${page} pixels: ${said.join(", ")}`;
}"""
"""What is wider than the window and lies in nothing that scrolls."""
Pixels = np.ndarray[Any, np.dtype[np.uint8]]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@functools.cache
def _catalog(language: str, domain: str) -> dict[str, str]:
    """Singular source texts and their translations; empty for English and for a language without this catalog."""
    path = ROOT / "locale" / language / "LC_MESSAGES" / f"{domain}.po"
    if language == "en" or not path.exists():
        return {}
    with path.open("rb") as file:
        catalog = read_po(file, locale=language, domain=domain)
    return {
        message.id if isinstance(message.id, str) else message.id[0]: (
            message.string if isinstance(message.string, str) else message.string[0]
        )
        for message in catalog
        if message.id and not message.context
    }


class Words:
    """What texts are called in one language."""

    def __init__(self, language: str) -> None:
        self.language = language

    @property
    def translated(self) -> bool:
        """Whether this language has catalogs."""
        return bool(_catalog(self.language, "console") and _catalog(self.language, "django"))

    def page(self, text: str, **values: object) -> str:
        """A text of the server's pages; values fill `%(name)s`."""
        found = _catalog(self.language, "django").get(text)
        if not found:
            # Django's own words, for a text that the project's catalog leaves to it.
            with translation.override(self.language):
                found = translation.gettext(text)
        return found % values if values else found

    def console(self, text: str, **values: object) -> str:
        """A text of the console; values fill `{name}`."""
        return (_catalog(self.language, "console").get(text) or text).format(**values)

    def starts(self, text: str) -> re.Pattern[str]:
        """A console text with `{names}`, as a pattern that any values fit."""
        parts = re.split(r"\{\w+\}", _catalog(self.language, "console").get(text) or text)
        return re.compile(".*".join(re.escape(part) for part in parts))


@contextlib.contextmanager
def chromium(path: str, *flags: str) -> Iterator[Browser]:
    """Run Chromium for as long as the block lasts."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=[*FLAGS, *flags])
        try:
            yield browser
        finally:
            browser.close()


def person(browser: Browser, url: str, *, language: str = "en", **options: Any) -> BrowserContext:
    """A new browser context: own cookies, the appliance's own certificate accepted, errors of pages collected.

    `problems` of the context lists what went wrong on its pages: exceptions, console errors, violations of the CSP.
    """
    context = browser.new_context(
        **{
            "base_url": url,
            "ignore_https_errors": True,
            "locale": LOCALES[language],
            "viewport": {"width": 1440, "height": 900},
            "permissions": ["clipboard-read", "clipboard-write"],
            **options,
        }
    )
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    problems: list[str] = []
    context.on("weberror", lambda error: problems.append(str(error.error)))
    context.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    context.problems = problems  # type: ignore[attr-defined]
    return context


def problems_of(context: BrowserContext) -> list[str]:
    """What went wrong on the pages of this context so far."""
    return list(context.problems)  # type: ignore[attr-defined]


def sign_in(context: BrowserContext, words: Words, path: str = "/login", user: dict[str, str] = ADMIN) -> Page:
    """Sign in at /login, /appliance or /console and return the page that comes next."""
    page = context.new_page()
    page.goto(path)
    names = [page.get_by_label(words.page(text), exact=True) for text in ("User name", "Username")]
    names[0].or_(names[1]).fill(user["username"])
    page.get_by_label(words.page("Password"), exact=True).fill(user["password"])
    page.get_by_role("button", name=words.page("Login"), exact=True).click()
    page.wait_for_url(lambda url: "sign-in" not in url)
    return page


def shot(page: Page, name: str) -> None:
    """Take a screenshot when FARHAND_SHOTS names a folder."""
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


def picture(page: Page, name: str) -> None:
    """Make a screenshot of the documents anew when FARHAND_PICTURES is set."""
    if os.environ.get("FARHAND_PICTURES"):
        PICTURES.mkdir(parents=True, exist_ok=True)
        content = page.screenshot(path=str(PICTURES / f"{name}.png"))
        assert len(content) <= PICTURE_BYTES, f"{name}.png has {len(content)} bytes"


def wider_than(page: Page, width: int) -> str:
    """Say what does not fit when the window is `width` pixels wide; empty when all does."""
    before = page.viewport_size
    assert before
    page.set_viewport_size({"width": width, "height": before["height"]})
    said: str = page.evaluate(TOO_WIDE)
    page.set_viewport_size(before)
    return said


def axe_findings(page: Page) -> list[str]:
    """Run axe on the page; one line per finding of WCAG 2 A and AA.

    The script is added through the debugger's own context, so the page's CSP stays as it is.
    """
    page.evaluate(AXE.read_text())
    result = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    return [
        f"{found['id']}: {found['help']}: {[(node['target'], node['html'][:120]) for node in found['nodes']][:3]}"
        for found in result["violations"]
    ]


CANVAS = """(canvas, step) => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height);
  const context = copy.getContext("2d");
  context.drawImage(canvas, 0, 0);
  const all = context.getImageData(0, 0, canvas.width, canvas.height).data;
  const [columns, rows] = [Math.ceil(canvas.width / step), Math.ceil(canvas.height / step)];
  const taken = new Uint8Array(columns * rows * 3);
  let at = 0;
  for (let y = 0; y < canvas.height; y += step)
    for (let x = 0; x < canvas.width; x += step)
      for (let part = 0; part < 3; part++) taken[at++] = all[(y * canvas.width + x) * 4 + part];
  let text = "";
  for (let n = 0; n < taken.length; n += 8192) text += String.fromCharCode(...taken.subarray(n, n + 8192));
  return [columns, rows, btoa(text)];
}"""


def canvas_pixels(canvas: Locator, step: int = 4) -> Pixels:
    """Every `step`-th pixel of a canvas both ways, as rows x columns x (red, green, blue)."""
    columns, rows, content = canvas.evaluate(CANVAS, step)
    return np.frombuffer(base64.b64decode(content), np.uint8).reshape(rows, columns, 3)


def colours(pixels: Pixels) -> int:
    """How many different colours there are: a blank picture has one or two."""
    return len(np.unique(pixels.reshape(-1, 3), axis=0))


def alike(one: Pixels, other: Pixels, within: int = 32) -> float:
    """The share of pixels whose colours differ by at most `within` of 255; 0.0 for different sizes."""
    if one.shape != other.shape:
        return 0.0
    return float((np.abs(one.astype(np.int16) - other).max(axis=2) <= within).mean())


def wait_like(canvas: Locator, wanted: Any, share: float = 0.99, within: float = 60.0) -> None:
    """Wait until a canvas shows what `wanted()` gives."""
    wait_for(lambda: alike(canvas_pixels(canvas), wanted()) >= share, within, "the same picture")
