"""Appliances and a Chromium for browser tests.

Rules: an appliance with demonstration endpoint takes seconds, so one is shared by all modules that leave it as it was;
a test that needs an unclaimed or otherwise special one makes its own. A test has its own browser contexts.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext
from tests.harness.appliance import Appliance
from tests.harness.browser import Words, chromium, person
from tests.harness.claimed import claim
from tests.harness.order import long_ones_first

os.environ["SHELL"] = "/bin/bash"  # the tests recall a line of its history
Enter = Callable[..., BrowserContext]
LONGEST = ("pages", "shell", "main_line", "attended", "colours", "live", "scripts")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """After the shuffling: the files that take longest first."""
    long_ones_first(items, Path(__file__).parent, LONGEST)


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> Iterator[Browser]:
    """One Chromium for the whole run."""
    with chromium(chromium_path) as running:
        yield running


@pytest.fixture(scope="session")
def appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """A claimed appliance with the demonstration endpoint."""
    with Appliance(tmp_path_factory.mktemp("appliance"), demo=True) as running:
        claim(running)
        yield running


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Appliance]:
    """An unclaimed appliance of this test alone; its demonstration endpoint waits for the claim."""
    with Appliance(tmp_path / "appliance", demo=True) as running:
        yield running


@pytest.fixture
def enter(browser: Browser) -> Iterator[Enter]:
    """Open browser contexts that are closed with the test: `enter(appliance, words, **options)`."""
    opened: list[BrowserContext] = []

    def make(appliance: Appliance, words: Words, **options: Any) -> BrowserContext:
        context = person(browser, appliance.url, language=words.language, **options)
        opened.append(context)
        return context

    yield make
    for context in opened:
        context.close()


@pytest.fixture
def words() -> Words:
    """English."""
    return Words("en")
