"""A session of GNOME's for the tests beside this file."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.harness.mutter import Mutter


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mutter]:
    """A session, in whose environment the test is."""
    with tempfile.TemporaryDirectory(prefix="gnome-", ignore_cleanup_errors=True) as folder:
        running = Mutter(Path(folder))
        for name in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"):
            monkeypatch.setenv(name, running.environment[name])
        yield running
        running.stop()
