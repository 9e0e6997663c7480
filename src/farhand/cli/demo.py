"""The demonstration endpoint: a real Jump Client on a virtual display of this machine, in the Jump Group `Demo`.

It waits for the claim, enrols the client file once through the same public enrolment as any other client, then runs it.
Exit status 0 means: not wanted or not possible here, and the line says why; the supervisor leaves it at that.
"""

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from cyclopts import App

from farhand.cli.options import DEFAULT_DATA, DEFAULT_PORT, DataFolder, Port, enter_data
from farhand.kit.log import configure_log, get_log
from farhand.kit.process import leash

GROUP = "demo"
NAME = "Demo desktop"
LOOK_EVERY = 1.0

log = get_log("demo")


def register(app: App) -> None:
    """Add the subcommand to the `farhand` command."""
    app.command(run_demo, name="run-demo", show=False)


def run_demo(*, data: DataFolder = DEFAULT_DATA, port: Port = DEFAULT_PORT) -> None:
    """Run the demonstration endpoint until told to stop."""
    from farhand.cli.display import NoDisplay, VirtualDisplay  # it runs ldconfig: not in every program of the appliance

    # SIGTERM unwinds like Ctrl-C, so that the display and the client end with this program.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    folder = enter_data(data, port)
    configure_log("demo")
    server = f"https://localhost:{port}"
    _wait_for_claim(server)
    state = folder / "demo" / "client"
    client = _client_file()
    if client is None:
        log.warning("demo_left_out", hint="the client file is missing; build it with tools/build_client.py")
        return
    try:
        if not (state / "identity.json").exists() and not _enrol(client, server, state):
            return
        with VirtualDisplay() as display:
            display.furnish()
            _run_client(client, state, display.name)
    except NoDisplay as error:
        log.warning("demo_left_out", hint=str(error))


def _wait_for_claim(server: str) -> None:
    while not _site_answers(server):
        time.sleep(LOOK_EVERY)


def _site_answers(server: str) -> bool:
    """Whether the endpoint API answers: 503 until the claim. Only a status is read, so no certificate is judged."""
    context = ssl._create_unverified_context()  # noqa: S323  see above
    try:
        with urllib.request.urlopen(f"{server}/api/agent/site", context=context, timeout=5) as answer:  # noqa: S310
            return bool(json.load(answer).get("site_key"))
    except (OSError, ValueError, urllib.error.URLError):
        return False


def _client_file() -> Path | None:
    from farhand.web.project.prepare import set_up

    set_up(Path(os.environ["FARHAND_DATA"]))
    from farhand.web.jump.queries import client_file

    return client_file()


def _enrol(client: Path, server: str, state: Path) -> bool:
    """Mint one enrolment as the machine's owner and let the client file enrol itself over the public port."""
    from farhand.web.appliance import keys
    from farhand.web.jump.queries import group_by_code_name
    from farhand.web.jump.services import create_enrolment
    from farhand.web.project.service import SYSTEM, ServiceError

    group = group_by_code_name(GROUP)
    if group is None:
        log.info("demo_left_out", hint="this appliance was claimed without the Jump Group Demo, or it was removed")
        return False
    try:
        enrolment = create_enrolment(SYSTEM, group_id=group.id, name=NAME)
    except ServiceError as error:
        log.warning("demo_left_out", hint=error.text)
        return False
    state.parent.mkdir(mode=0o700, exist_ok=True)
    shutil.rmtree(state, ignore_errors=True)
    arguments = ["install", "--no-start", "--server", server, "--site-key", keys.site_public()]
    done = subprocess.run(
        [sys.executable, str(client), *arguments, "--token", enrolment.token, "--state", str(state)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=leash(),
    )
    if done.returncode:
        log.warning("demo_left_out", hint=done.stderr.strip()[-300:])
        return False
    log.info("demo_enrolled", name=NAME)
    return True


def _run_client(client: Path, state: Path, display: str) -> None:
    """Run the Jump Client on `display`; start it again when it ends, as a service manager would."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FARHAND_DATA")}
    pause = 1.0
    while True:
        started = time.monotonic()
        child = subprocess.Popen(
            [sys.executable, str(client), "run", "--state", str(state), "--display", display],
            env={**environment, "DISPLAY": display, "SHELL": os.environ.get("SHELL", "/bin/bash")},
            stdin=subprocess.DEVNULL,
            preexec_fn=leash(),  # noqa: PLW1509  nothing that could take a lock
        )
        try:
            status = child.wait()
        except BaseException:
            child.terminate()
            child.wait(5)
            raise
        pause = 1.0 if time.monotonic() - started > 60 else min(pause * 2, 30.0)
        log.warning("demo_client_ended", status=status, again_in_s=pause)
        time.sleep(pause)
