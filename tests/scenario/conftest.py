"""Appliances for scenario tests: one claimed and shared per module, fresh ones where a test breaks them."""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from tests.harness.appliance import ADMIN, Appliance
from tests.harness.claimed import claim, sign_in
from tests.harness.client import build_client
from tests.harness.console import Console


@pytest.fixture(scope="session", autouse=True)
def client_file() -> Path:
    """The client file, built from the sources of now."""
    return build_client()


@pytest.fixture(scope="module")
def appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """A claimed appliance without demonstration endpoint."""
    with Appliance(tmp_path_factory.mktemp("appliance")) as running:
        claim(running)
        yield running


@pytest.fixture(scope="module")
def console(appliance: Appliance) -> Console:
    """The administrator, signed in at the console."""
    return Console(sign_in(appliance, ADMIN["username"], ADMIN["password"]))


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the endpoints of a module."""
    return tmp_path_factory.mktemp("machines")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the programs said when a test fails."""
    report = yield
    if report.failed and call.when == "call":
        for name, value in getattr(item, "funcargs", {}).items():
            lines = getattr(value, "lines", None)
            if isinstance(lines, list):
                said = [line for line in lines if '"service_done"' not in line]
                report.sections.append((f"what {name} said", "\n".join(said[-60:])))
    return report
