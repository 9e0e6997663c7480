"""Subcommands that run the appliance or one of its programs."""

import asyncio
import errno
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from farhand.cli.options import DEFAULT_DATA, DEFAULT_PORT, DataFolder, Port, enter_data, fail
from farhand.kit.log import configure_log
from farhand.kit.process import AlreadyLocked, hold_lock, leash


def register(app: App) -> None:
    """Add the subcommands to the `farhand` command."""
    app.command(serve)
    app.command(run_relay, name="run-relay", show=False)
    app.command(run_web, name="run-web", show=False)
    app.command(run_worker, name="run-worker", show=False)
    app.command(run_jobs, name="run-jobs", show=False)
    app.command(prepare, name="prepare", show=False)


def serve(
    *,
    data: DataFolder = DEFAULT_DATA,
    port: Port = DEFAULT_PORT,
    demo: Annotated[
        bool, Parameter(env_var="FARHAND_DEMO", help="Also run a demonstration endpoint on a virtual display.")
    ] = False,
) -> None:
    """Run the appliance until Ctrl-C: every program, on one port.

    On a fresh data folder it prints a one-time claim link that creates the administrator.
    """
    from farhand.cli import supervisor

    os.umask(0o077)
    folder = enter_data(data, port)
    os.environ["FARHAND_PORT"] = str(port)
    _make_folders(folder)
    configure_log("serve", json_lines=os.environ.get("FARHAND_LOG", "text") != "text")
    try:
        hold_lock(folder / "run" / "serve.lock")
    except AlreadyLocked:
        fail(f"an appliance already runs on the data folder {data}; stop it, or give another one with --data")
    _remove_old_sockets(folder)  # only now: until the lock is held they may be those of a running appliance
    try:
        server = supervisor.listen(port)
    except OSError as error:
        fail(_explain_listen(error, port))
    environment = supervisor.child_environment(folder, port)
    environment["FARHAND_DEMO"] = "1" if demo else "0"
    link = ""

    async def prepare_first() -> None:
        nonlocal link
        link = await _prepare_in_child(environment)

    def ready() -> None:
        print(f"Farhand is ready: https://localhost:{port}", flush=True)
        if link:
            print(f"Claim this appliance: {link}", flush=True)
            print("Open the link within one hour; it works once. `farhand claim-link` prints a new one.", flush=True)

    programs = supervisor.programs_of(server.fileno(), demo=demo)
    try:
        asyncio.run(supervisor.Supervisor(programs, folder, environment).run(prepare_first, ready))
    except _UnpreparedError:
        fail("the appliance could not be prepared; the lines above say why")
    print("Farhand has stopped.", flush=True)


def _make_folders(folder: Path) -> None:
    try:
        for part in ("", "run", "tls", "keys", "relay"):
            (folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        fail(f"the data folder {folder} cannot be made: {error.strerror}; choose another one with --data")
    free = shutil.disk_usage(folder).free
    if free < 64 * 1024 * 1024:
        fail(
            f"the disk of the data folder {folder} has only {free >> 20} MiB left; free at least 64 MiB and start again"
        )


def _remove_old_sockets(folder: Path) -> None:
    """Sockets of programs that were killed: they would look ready."""
    for name in ("web.sock", "bus.sock"):
        (folder / "run" / name).unlink(missing_ok=True)


def _explain_listen(error: OSError, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use by another program; stop it, or choose another one with --port or FARHAND_PORT"
    if error.errno == errno.EACCES:
        return f"port {port} may only be opened by root; choose one above 1023 with --port or FARHAND_PORT"
    return f"port {port} cannot be opened: {error.strerror}"


class _UnpreparedError(Exception):
    """The data folder could not be brought up to this release."""


async def _prepare_in_child(environment: dict[str, str]) -> str:
    """Migrate and make keys in a process of its own: the supervisor stays small. Returns the claim link or ''. Raises
    _UnpreparedError; cancelled, it ends the process."""
    # The program and its arguments are our own.
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "farhand.cli",
        "prepare",
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        # As with the programs: Ctrl-C reaches the supervisor alone.
        start_new_session=True,
        # Left behind, it would go on migrating beside that of the next start.
        preexec_fn=leash(),
    )
    try:
        output, _errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise _UnpreparedError
    return output.decode().strip()


def prepare(*, data: DataFolder = DEFAULT_DATA, port: Port = DEFAULT_PORT) -> None:
    """Bring the data folder up to this release; print the claim link while the appliance is unclaimed."""
    folder = enter_data(data, port)
    configure_log("prepare")
    from farhand.web.project.prepare import prepare as prepare_web

    link = prepare_web(folder, f"https://localhost:{port}")
    if link:
        print(link)


def run_relay(
    *,
    data: DataFolder = DEFAULT_DATA,
    listen_fd: Annotated[int, Parameter(name=["--listen-fd"])],
    port: Port = DEFAULT_PORT,
) -> None:
    """Run the relay on an inherited listening socket."""
    folder = enter_data(data, port)
    configure_log("relay")
    from farhand.relay.main import RelaySettings, run

    run(RelaySettings(data=folder, listen_fd=listen_fd))


def run_web(*, data: DataFolder = DEFAULT_DATA, port: Port = DEFAULT_PORT) -> None:
    """Run the pages and the API on their local socket."""
    folder = enter_data(data, port)
    configure_log("web")
    from farhand.web.project.serve import run_web as run

    run(folder)


def run_worker(*, data: DataFolder = DEFAULT_DATA, port: Port = DEFAULT_PORT) -> None:
    """Bring back what the relay saw, and sweep up."""
    folder = enter_data(data, port)
    configure_log("worker")
    from farhand.web.worker.main import run

    run(folder)


def run_jobs(*, data: DataFolder = DEFAULT_DATA, port: Port = DEFAULT_PORT) -> None:
    """Run long work, with low priority."""
    folder = enter_data(data, port)
    configure_log("jobs")
    from farhand.web.jobs.runner import run

    run(folder)
