"""A real Chromium with a fresh profile, driven by role and accessible name."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
SHOTS = os.environ.get("FARHAND_SHOTS", "")
"""Folder for screenshots; empty = none are taken."""


@contextlib.contextmanager
def chromium(path: str) -> Iterator[Browser]:
    """Run Chromium for as long as the block lasts."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def person(browser: Browser, url: str, *, language: str = "en", **options: object) -> BrowserContext:
    """A new browser context: own cookies, the appliance's own certificate accepted, errors of pages collected."""
    context = browser.new_context(
        base_url=url,
        ignore_https_errors=True,
        locale={"en": "en-US", "de": "de-DE", "fr": "fr-FR", "nl": "nl-NL"}[language],
        viewport={"width": 1440, "height": 900},
        **options,  # type: ignore[arg-type]
    )
    context.set_default_timeout(15_000)
    problems: list[str] = []
    context.on("weberror", lambda error: problems.append(str(error.error)))
    context.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    context.problems = problems  # type: ignore[attr-defined]
    return context


def shot(page: Page, name: str) -> None:
    """Take a screenshot when FARHAND_SHOTS names a folder."""
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


def axe_findings(page: Page) -> list[str]:
    """Run axe on the page; one line per finding of WCAG 2 A and AA.

    The script is added through the debugger's own context, so the page's CSP stays as it is.
    """
    page.evaluate(AXE.read_text())
    result = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})")
    return [f"{v['id']}: {v['help']}: {[n['target'] for n in v['nodes']][:3]}" for v in result["violations"]]
