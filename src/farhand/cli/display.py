"""A virtual X display of this machine with a few windows open: what the demonstration endpoint shows."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import xcffib
import xcffib.xproto

from farhand.kit.process import leash

NEEDED = ("Xvfb", "xterm")
SIZE = "1280x800x24"
MANAGER_WITHIN = 10.0


class NoDisplay(Exception):
    """The display could not be started; the message says what to do."""


class VirtualDisplay:
    """An own Xvfb: the server chooses the number itself (`-displayfd`), so it is never somebody else's display."""

    def __init__(self, size: str = SIZE) -> None:
        self._size = size
        self._server: subprocess.Popen[bytes] | None = None
        self._clients: list[subprocess.Popen[bytes]] = []
        self.name = ""

    def start(self) -> str:
        """Start the server and return its name, as in DISPLAY. Raises NoDisplay."""
        missing = [program for program in NEEDED if shutil.which(program) is None]
        if missing:
            raise NoDisplay(
                f"the demonstration endpoint needs {' and '.join(missing)}; install the packages xvfb and xterm"
            )
        reader, writer = os.pipe()
        self._server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writer), "-screen", "0", self._size, "-nolisten", "tcp", "-noreset"],
            pass_fds=(writer,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=leash(),  # noqa: PLW1509  nothing that could take a lock
        )
        os.close(writer)
        with os.fdopen(reader) as answer:
            number = answer.readline().strip()
        if not number:
            raise NoDisplay("Xvfb ended before it had a display; try `Xvfb -displayfd 1` by hand to see why")
        self.name = f":{number}"
        return self.name

    def open(self, *arguments: str) -> subprocess.Popen[bytes] | None:
        """Start a program on the display; None when it is not installed."""
        if shutil.which(arguments[0]) is None:
            return None
        child = subprocess.Popen(
            arguments,
            cwd=Path.home(),
            env={**os.environ, "DISPLAY": self.name},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=leash(),  # noqa: PLW1509  see above
        )
        self._clients.append(child)
        return child

    def furnish(self) -> None:
        """Open a few windows, so that there is something to see and to type into."""
        self.open("xsetroot", "-solid", "#2f4858")
        if self.open("openbox") is not None:
            self._wait_for_manager()
        terminal = ("-fa", "DejaVu Sans Mono", "-fs", "11", "-bg", "#101418", "-fg", "#e6e6e6")
        self.open("xterm", "-title", "Terminal", "-geometry", "84x24+40+60", *terminal)
        self.open("xclock", "-geometry", "170x170+1070+50", "-update", "60", "-title", "Clock")
        self.open("xcalc", "-geometry", "250x340+820+330", "-title", "Calculator")

    def _wait_for_manager(self) -> None:
        """Wait until the window manager says that it is there (EWMH, `_NET_SUPPORTING_WM_CHECK`), for a few seconds.

        A window that asks to be shown while a manager takes over may never be shown.
        """
        connection: Any = xcffib.connect(self.name)  # type: ignore[no-untyped-call]
        try:
            root = connection.get_setup().roots[0].root
            word = b"_NET_SUPPORTING_WM_CHECK"
            atom = connection.core.InternAtom(False, len(word), word).reply().atom
            deadline = time.monotonic() + MANAGER_WITHIN
            while time.monotonic() < deadline:
                wanted = connection.core.GetProperty(False, root, atom, xcffib.xproto.Atom.WINDOW, 0, 1)
                if wanted.reply().value_len:
                    return
                time.sleep(0.05)
        finally:
            connection.disconnect()

    def stop(self) -> None:
        """End the programs and the server that this object started."""
        for child in [*self._clients, *([self._server] if self._server else [])]:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
        for child in [*self._clients, *([self._server] if self._server else [])]:
            try:
                child.wait(3)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._clients.clear()
        self._server = None

    def __enter__(self) -> "VirtualDisplay":
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()
