"""A whole appliance, claimed, with a browser that is signed in: what the measurements of the console start from."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import AbstractContextManager

from playwright.sync_api import Browser, BrowserContext
from tests.bench import procs
from tests.bench.stage import Stage
from tests.harness.appliance import ADMIN, Appliance, wait_for
from tests.harness.browser import chromium, person
from tests.harness.claimed import claim, sign_in
from tests.harness.console import Console

NAME = "bench desktop"
MINT = """
import json, os, sys
from pathlib import Path
from farhand.web.project.prepare import set_up
set_up(Path(os.environ["FARHAND_DATA"]))
from farhand.web.appliance import keys
from farhand.web.jump.queries import groups
from farhand.web.jump.services import create_enrolment
from farhand.web.project.service import SYSTEM
made = create_enrolment(SYSTEM, group_id=groups()[0].id, name=sys.argv[1])
print(json.dumps({"token": made.token, "site_key": keys.site_public()}))
"""
"""Mints an enrolment as the machine's owner, as the demonstration endpoint does."""


def appliance(stage: Stage) -> Appliance:
    """A running, claimed appliance."""
    made = Appliance(stage.folder / "appliance")
    made.start()
    stage.later(made.stop)
    claim(made)
    return made


def engine(*flags: str) -> AbstractContextManager[Browser]:
    """A Chromium for a block."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise RuntimeError("not installed: chromium")
    return chromium(path, *flags)


def browser(stage: Stage) -> Browser:
    """A Chromium for as long as the stage stands."""
    return stage.enter(engine())


def representative(engine: Browser, running: Appliance) -> BrowserContext:
    """A browser context that carries the administrator's cookies and nothing in its cache."""
    visitor = sign_in(running, ADMIN["username"], ADMIN["password"])
    context = person(engine, running.url)
    cookies = [
        {"name": name, "value": value, "url": running.url, "secure": True} for name, value in visitor.cookies.items()
    ]
    context.add_cookies(cookies)  # type: ignore[arg-type]
    return context


def jump_client(stage: Stage, running: Appliance, screen: str) -> subprocess.Popen[bytes]:
    """Enrol this machine over the public port and run its Jump Client on `screen`; wait until the console shows it."""
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "XAUTHORITY")}
    done = subprocess.run(
        [sys.executable, "-c", MINT, NAME],
        env={**environment, "FARHAND_DATA": str(running.data), "FARHAND_PORT": str(running.port)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError("no enrolment: " + done.stderr.strip()[-200:])
    made = json.loads(done.stdout.strip().splitlines()[-1])
    state = stage.folder / "client"
    client = [sys.executable, "-m", "farhand.agent"]
    install = [
        "install",
        "--no-start",
        "--server",
        running.url,
        "--site-key",
        made["site_key"],
        "--token",
        made["token"],
    ]
    done = subprocess.run(
        [*client, *install, "--state", str(state)],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError("the client did not enrol: " + done.stderr.strip()[-200:])
    log = stage.enter((stage.folder / "client.log").open("wb"))
    process = procs.start(
        [*client, "run", "--state", str(state), "--display", screen],
        env={**environment, "SHELL": "/bin/bash"}, stdout=log, stderr=log,
    )  # fmt: skip
    stage.later(lambda: procs.stop(process))
    console = Console(sign_in(running, ADMIN["username"], ADMIN["password"]))
    wait_for(
        lambda: any(item["status"] != "offline" for item in console.snapshot()["collections"]["jump_items"]),
        20, "the client's link",
    )  # fmt: skip
    return process
