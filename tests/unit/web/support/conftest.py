"""What tests of support share: commits, the clock of the services, and a team at work."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.unit.web.support.helpers import Desk

from farhand.kit.clock import FakeClock
from farhand.web.project import service
from farhand.web.project.service import Actor


@pytest.fixture
def commits() -> Iterator[None]:
    """Run what is due after a commit: the test's own transaction never commits."""
    from django.db import transaction

    original = transaction.on_commit
    transaction.on_commit = lambda function, using=None, robust=False: function()  # type: ignore[assignment]
    yield
    transaction.on_commit = original


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    """The services' time, moved by the test."""
    fake = FakeClock()
    service.set_clock(fake)
    yield fake
    service.set_clock(service.SystemClock())


@pytest.fixture
def desk(rep: Actor, make_user: Callable[..., Any]) -> Desk:
    """The people of these tests."""
    return Desk(rep, make_user)
