"""A D-Bus with a portal, and a GNOME session with one, for the tests beside this file."""

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.harness.mutter import Mutter
from tests.harness.portal import FakePortal

from farhand.agent.platforms.linux.portal import find
from farhand.kit.process import leash


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """No portal has said anything yet."""
    monkeypatch.setattr(find, "_said", {})


_BUS = """<busconfig>
  <type>session</type>
  <listen>unix:dir={folder}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default"><allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>
"""
"""Without services that it could start: the portal of this machine is none of them."""


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a D-Bus of its own, which is the session's."""
    with tempfile.TemporaryDirectory(prefix="bus-") as folder:
        config = Path(folder) / "bus.conf"
        config.write_text(_BUS.format(folder=folder))
        command = ["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile", "--print-address"]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=leash())
        assert running.stdout
        address = running.stdout.readline().strip()
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        yield address
        running.terminate()
        running.wait(60)
        running.stdout.close()


@pytest.fixture
def portals(bus: str) -> Iterator[Callable[[int], FakePortal]]:
    """Make a portal of a version on that D-Bus."""
    made: list[FakePortal] = []

    def make(version: int) -> FakePortal:
        made.append(FakePortal(bus, version=version))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def portal(portals: Callable[[int], FakePortal]) -> FakePortal:
    """A portal that remembers."""
    return portals(2)


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mutter]:
    """A session of GNOME's compositor, in whose environment the test is."""
    with tempfile.TemporaryDirectory(prefix="portal-", ignore_cleanup_errors=True) as folder:
        _without(Path(folder), "org.freedesktop.portal.Documents", "org.freedesktop.impl.portal.desktop.gtk")
        running = Mutter(Path(folder))
        for name in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"):
            monkeypatch.setenv(name, running.environment[name])
        yield running
        running.stop()


def _without(home: Path, *names: str) -> None:
    """A real portal starts these, which nobody needs here: one of them mounts a file system."""
    services = home / ".local/share/dbus-1/services"
    services.mkdir(parents=True)
    for name in names:
        (services / f"{name}.service").write_text(f"[D-BUS Service]\nName={name}\nExec=/bin/false\n")
