"""Appliances for scenario tests: one claimed and shared per module, fresh ones where a test breaks them."""

from collections.abc import Iterator

import pytest
from tests.harness.appliance import ADMIN, Appliance
from tests.harness.claimed import claim, sign_in
from tests.harness.console import Console


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
