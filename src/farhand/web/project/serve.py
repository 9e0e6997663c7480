"""The web program: granian with Django on the unix socket that the relay hands requests to.

One worker process: `web` scales by nodes, not by processes, and SQLite has one writer anyway. 64 threads wait for the
database or for slow readers. SIGTERM lets running requests finish, for `STOP_SECONDS`. When this program is killed, the
worker process ends at once and by SIGKILL, which nothing in it can put off: a worker left behind would keep running
requests of an appliance that has a new `web` already.
"""

import logging
import os
import signal
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from farhand.kit.log import configure_log, get_log
from farhand.kit.process import die_with
from farhand.web.project.logs import bridge_standard_logging
from farhand.web.project.prepare import set_up

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

THREADS = 64
STOP_SECONDS = 6
"""Less than the supervisor waits (`STOP_WITHIN`), so that `web` itself ends a worker whose requests do not finish."""


def run_web(data: Path) -> None:
    """Serve until SIGTERM or SIGINT. `prepare` has been run for this folder."""
    _configure_logs()
    log = get_log("web")
    set_up(data)
    from granian.constants import HTTPModes, Interfaces
    from granian.server import Server

    path = data / "run" / "web.sock"
    path.unlink(missing_ok=True)  # a killed predecessor leaves its socket behind
    os.umask(0o077)
    server = Server(
        target="farhand.web.project.serve:make_application",
        uds=path,
        uds_permissions=0o600,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=THREADS,
        http=HTTPModes.http1,
        websockets=False,
        log_enabled=False,
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
    )
    log.info("web_starts", socket=str(path))
    try:
        server.serve(target_loader=partial(make_application, os.getpid()), wrap_loader=False)
    finally:
        path.unlink(missing_ok=True)
    log.info("web_stopped")


def make_application(parent: int) -> Application:
    """The application, made inside granian's worker process, which ends with the process `parent` that forked it."""
    die_with(parent, signal.SIGKILL)
    _configure_logs()
    from farhand.web.project.wsgi import application

    return application


def _configure_logs() -> None:
    configure_log("web")
    bridge_standard_logging(logging.INFO)
