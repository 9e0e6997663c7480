"""What holds for every test.

Why it exists: a test must not see the person's own environment (display, proxy, running appliance), and property tests
must fail for a wrong result only, never for a slow machine.

Rules: fixtures for one kind of test live beside those tests; here stands only what all of them share.
"""

import gc
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

for _name in (
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "LANGUAGE",
    "LC_ALL",
    "FARHAND_DATA",
    "FARHAND_PORT",
    "FARHAND_DEMO",
):
    os.environ.pop(_name, None)
for _name in list(os.environ):
    if _name.lower().endswith("_proxy"):
        os.environ.pop(_name)
os.environ["LANG"] = "C.UTF-8"
os.environ["no_proxy"] = "*"
# Shells of sessions start without anybody's start-up files; the browser tests, which need a history, choose another.
os.environ["SHELL"] = "/bin/sh"

settings.register_profile("short", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", parent=settings.get_profile("short"), max_examples=20_000)
settings.load_profile(os.environ.get("FARHAND_HYPOTHESIS", "short"))


def pytest_collection_finish() -> None:
    """What is loaded by now stays: no collection of garbage looks through it again, which took a third of a second."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def claimed_pattern(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Where all workers of this run have the pattern of a claimed data folder: see `claimed_data`."""
    own = tmp_path_factory.getbasetemp()
    return (own if worker_id == "master" else own.parent) / "claimed"


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The path of the system's Chromium; `make test` installs it."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path is not None:
            return path
    pytest.fail("Chromium is not installed; run `tools/bootstrap.sh test`.")
