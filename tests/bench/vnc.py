"""The peer of the screen: TigerVNC's X server with noVNC behind websockify, from Debian's packages.

Why it exists: the yardstick in the same run, driver and browser, with the same programs on a display of the same size.
"""

import os
import shutil
import socket
import subprocess
import time

from playwright.sync_api import Browser
from tests.bench import desktop, procs
from tests.bench.marks import SPY
from tests.bench.stage import Stage
from tests.bench.viewing import Viewing

NEEDS = ("Xtigervnc", "websockify")
PAGES = "/usr/share/novnc"


def missing() -> str:
    """What is not installed, for people; empty = all is there."""
    names = [name for name in NEEDS if shutil.which(name) is None]
    if not os.path.exists(f"{PAGES}/vnc_lite.html"):
        names.append("novnc")
    return ", ".join(names)


class Vnc:
    """A display of its own, shown by noVNC."""

    name = "peer.localhost"

    def __init__(self, stage: Stage) -> None:
        read, write = os.pipe()
        rfb, self.port = _free_port(), _free_port()
        self.server = procs.start(
            [
                "Xtigervnc", "-displayfd", str(write), "-geometry", f"{desktop.WIDTH}x{desktop.HEIGHT}", "-depth", "24",
                "-rfbport", str(rfb), "-localhost", "-SecurityTypes", "None", "-nolisten", "tcp", "-ac",
            ],
            pass_fds=(write,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        stage.later(lambda: procs.stop(self.server))
        os.close(write)
        self.screen = desktop.number_from(read, "Xtigervnc")
        self.bridge = procs.start(
            ["websockify", "--web", PAGES, f"127.0.0.1:{self.port}", f"127.0.0.1:{rfb}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        stage.later(lambda: procs.stop(self.bridge))
        time.sleep(1)

    def open(self, engine: Browser) -> Viewing:
        """Show it in a page."""
        context = engine.new_context(viewport={"width": 1440, "height": 900}, ignore_https_errors=True)
        context.set_default_timeout(60_000)
        context.add_init_script(SPY)
        page = context.new_page()
        page.goto(f"http://{self.name}:{self.port}/vnc_lite.html?scale=true")
        canvas = "#screen canvas"
        page.locator(canvas).wait_for()
        page.wait_for_function("fhBench.drawn > 0")
        page.wait_for_timeout(2000)
        page.locator(canvas).click()
        viewing = Viewing(page, canvas, self.screen, self.server.pid, self.bridge.pid)
        viewing.point()
        return viewing


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port
