"""Appliances and endpoints for scenario tests: shared by a module, fresh ones where a test breaks them.

A module that uses `client` or `session` names its endpoint `NAME`; when that has a desktop, the module has a fixture
`display`.
"""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from tests.harness.appliance import ADMIN, Appliance
from tests.harness.claimed import claimed_data, sign_in
from tests.harness.client import JumpClient, build_client, item_named, joined, new_jump_client
from tests.harness.console import Console, LiveSession
from tests.harness.order import long_ones_first

from farhand.cli.display import VirtualDisplay

LONGEST = (
    "retention",
    "coming_back",
    "help_requests",
    "orphans",
    "bad_input",
    "unattended",
    "first_start",
    "files",
    "kills",
    "attended",
    "live",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """After the shuffling: the files that take longest first."""
    long_ones_first(items, Path(__file__).parent, LONGEST)


@pytest.fixture(scope="session", autouse=True)
def client_file() -> Path:
    """The client file, built from the sources of now."""
    return build_client()


@pytest.fixture(scope="module")
def appliance(tmp_path_factory: pytest.TempPathFactory, claimed_pattern: Path) -> Iterator[Appliance]:
    """A claimed appliance without demonstration endpoint."""
    with Appliance(claimed_data(claimed_pattern, tmp_path_factory.mktemp("appliance"))) as running:
        yield running


@pytest.fixture(scope="module")
def console(appliance: Appliance) -> Console:
    """The administrator, signed in at the console."""
    return Console(sign_in(appliance, ADMIN["username"], ADMIN["password"]))


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the endpoints of a module."""
    return tmp_path_factory.mktemp("machines")


@pytest.fixture(scope="module")
def display() -> VirtualDisplay | None:
    """The desktop of the module's endpoint: none, unless the module has a fixture of its own."""
    return None


@pytest.fixture(scope="module")
def client(
    request: pytest.FixtureRequest,
    appliance: Appliance,
    console: Console,
    machines: Path,
    display: VirtualDisplay | None,
) -> Iterator[JumpClient]:
    """The Jump Client of the module, linked."""
    name = request.module.NAME
    running = new_jump_client(appliance, console.visitor, machines, name, display.name if display else "")
    item_named(console, name)
    yield running
    running.stop()


@pytest.fixture
def session(request: pytest.FixtureRequest, client: JumpClient, console: Console) -> Iterator[LiveSession]:
    """A session with it, joined by the endpoint; ended afterwards."""
    with joined(console, request.module.NAME) as live:
        yield live


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
