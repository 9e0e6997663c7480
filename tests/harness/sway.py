"""A headless sway of a test's own: outputs without a graphics card, and programs on it. It dies with the test.

Sway refuses to run as root: then it, and what is started on it, runs as `nobody`; the test stays what it is.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from farhand.kit.process import leash


class Sway:
    """A running sway; `display` is the path of its socket."""

    def __init__(self, folder: Path, size: str = "800x600", *lines: str) -> None:
        """`lines` stand in its configuration; `output HEADLESS-1` is there from the beginning."""
        for program in ("sway", "foot"):
            if shutil.which(program) is None:
                pytest.fail(f"{program} is not installed; run `tools/bootstrap.sh test`.")
        self.folder = folder
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        folder.chmod(0o755)
        config = folder / "config"
        written = [f"output HEADLESS-1 mode {size} position 0 0", "default_border none", *lines]
        config.write_text("\n".join(written) + "\n")
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "WLR_BACKENDS": "headless",
            "WLR_RENDERER": "pixman",
            "WLR_LIBINPUT_NO_DEVICES": "1",
            "LANG": "C.UTF-8",
        }
        self._other = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}
        if self._other:
            shutil.chown(folder, "nobody", "nogroup")
        self._started: list[subprocess.Popen[bytes]] = []
        self.process = self.run("sway", "-c", str(config))
        self.display = str(self._wait())

    def _wait(self) -> Path:
        deadline = time.monotonic() + 30
        while True:
            found = [path for path in self.folder.glob("wayland-*") if not path.name.endswith(".lock")]
            if found:
                self.environment["WAYLAND_DISPLAY"] = found[0].name
                if self.command("-t", "get_outputs").returncode == 0:
                    return found[0]
            assert self.process.poll() is None, "sway ended before it had a display"
            assert time.monotonic() < deadline, "sway did not start"
            time.sleep(0.05)

    def run(self, *command: str) -> "subprocess.Popen[bytes]":
        """Start a program on it."""
        started: subprocess.Popen[bytes] = subprocess.Popen(
            command,
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=leash(),
            **self._other,  # type: ignore[arg-type]
        )
        self._started.append(started)
        return started

    def terminal(self, color: str, *command: str) -> "subprocess.Popen[bytes]":
        """Start a terminal of one colour (hex) with a program in it."""
        plain = f"colors.background={color}", f"colors.foreground={color}", f"cursor.color={color} {color}", "pad=0x0"
        return self.run("foot", *[word for option in plain for word in ("-o", option)], *command)

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Tell sway something, as its `swaymsg` does."""
        socket = next(iter(self.folder.glob("sway-ipc.*")), self.folder / "none")
        return subprocess.run(
            ["swaymsg", "-s", str(socket), *words], env=self.environment, capture_output=True, text=True, timeout=60
        )

    def stop(self) -> None:
        """End it and all that was started on it."""
        for process in reversed(self._started):
            process.terminate()
        for process in reversed(self._started):
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(60)
