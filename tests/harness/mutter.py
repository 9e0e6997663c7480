"""A headless GNOME session of a test's own: Mutter with a virtual monitor, PipeWire, a D-Bus. It dies with the test."""

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import IO

import pytest
from jeepney import message_bus
from jeepney.io.blocking import Proxy, open_dbus_connection

from farhand.kit.process import leash


class Mutter:
    """A running session; `display` is the path of its socket, `environment` what programs of it are given."""

    def __init__(self, folder: Path, size: str = "800x600") -> None:
        for program in ("mutter", "pipewire", "wireplumber", "dbus-daemon", "foot"):
            if shutil.which(program) is None:
                pytest.fail(f"{program} is not installed; run `tools/bootstrap.sh test`.")
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "XDG_SESSION_TYPE": "wayland",
            "LANG": "C.UTF-8",
            # No settings daemon: what programs of this session set stays in memory.
            "GSETTINGS_BACKEND": "memory",
        }
        self._started: list[subprocess.Popen[str]] = []
        self.log = (folder / "log").open("w")
        try:
            bus = self.run(
                "dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address", out=subprocess.PIPE
            )
            assert bus.stdout
            self.environment["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().strip()
            self.run("pipewire")
            self._wait("pipewire-0")
            self.run("wireplumber")
            self.run("mutter", "--headless", "--wayland", "--no-x11", "--virtual-monitor", size)
            self.display = str(self._wait("wayland-0"))
            self._wait_served()
            self.environment["WAYLAND_DISPLAY"] = "wayland-0"
        except BaseException:
            self.stop()
            raise

    def _wait(self, name: str) -> Path:
        deadline = time.monotonic() + 60
        while not (self.folder / name).exists():
            ended = [process.args for process in self._started if process.poll() is not None]
            assert not ended, f"{ended} ended: {(self.folder / 'log').read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"{name} did not come"
            time.sleep(0.05)
        return self.folder / name

    def _wait_served(self) -> None:
        bus = open_dbus_connection(self.environment["DBUS_SESSION_BUS_ADDRESS"])
        deadline = time.monotonic() + 60
        try:
            for name in ("DisplayConfig", "ScreenCast", "RemoteDesktop"):
                while not Proxy(message_bus, bus).NameHasOwner(f"org.gnome.Mutter.{name}")[0]:
                    assert time.monotonic() < deadline, f"{name} did not come"
                    time.sleep(0.05)
        finally:
            bus.close()

    def run(self, *command: str, out: "int | IO[str] | None" = None) -> "subprocess.Popen[str]":
        """Start a program in it."""
        started = subprocess.Popen(
            command,
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=self.log if out is None else out,
            stderr=self.log,
            text=True,
            preexec_fn=leash(),
        )
        self._started.append(started)
        return started

    def terminal(self, color: str, *command: str) -> "subprocess.Popen[str]":
        """Start a terminal that fills the monitor with one colour (hex), with a program in it."""
        plain = f"colors.background={color}", f"colors.foreground={color}", f"cursor.color={color} {color}", "pad=0x0"
        options = [word for option in plain for word in ("-o", option)]
        return self.run("foot", "--fullscreen", *options, *command)

    def stop(self) -> None:
        """End it and all that was started in it."""
        for process in reversed(self._started):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
            if process.stdout:
                process.stdout.close()
        self.log.close()
