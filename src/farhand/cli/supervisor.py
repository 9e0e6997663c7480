"""`farhand serve`: starts the programs of an appliance, keeps them running, and stops them in order.

The supervisor owns the listening socket. A program that ends is started again (after 0.2 s, doubling to 5 s while it
keeps failing); because the socket stays open, connections of that moment wait instead of being refused. Programs are
children in their own process groups, so that Ctrl-C reaches the supervisor alone; they die with it. The relay is there
from the first moment, as soon as it has a certificate: what comes while the data is brought up to this release is
answered by it, and endpoints are back the sooner.
"""

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from farhand.kit.log import get_log
from farhand.kit.process import leash
from farhand.relay.timing import STOPS_WITHIN_S

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
STEADY_AFTER = 10.0
STOP_WITHIN = STOPS_WITHIN_S + 1.0
"""Longer than the slowest of them, the relay, needs."""
READY_WITHIN = 60.0

log = get_log("supervisor")


@dataclass
class Program:
    """One supervised program: its name, its arguments after `farhand`, and descriptors that it inherits."""

    name: str
    arguments: list[str]
    pass_fds: tuple[int, ...] = ()
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)


def listen(port: int, host: str = "::") -> socket.socket:
    """Open the public socket, IPv6 and IPv4. Raises OSError (EADDRINUSE, EACCES) for the caller to explain."""
    try:
        server = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        address = host
    except OSError:  # a kernel without IPv6
        server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        address = "0.0.0.0" if host == "::" else host  # noqa: S104  the appliance serves its network
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # inherited by accepted sockets
    server.bind((address, port))
    server.listen(4096)
    server.set_inheritable(True)
    return server


class Supervisor:
    """Runs programs until told to stop."""

    def __init__(self, programs: list[Program], data: Path, environment: dict[str, str]) -> None:
        self._programs = programs
        self._data = data
        self._environment = environment
        self._stopping = asyncio.Event()

    async def run(self, prepare: Callable[[], Awaitable[None]], ready: Callable[[], None]) -> None:
        """Prepare, start everything, call `ready` once pages are served, return after SIGINT or SIGTERM and an orderly
        stop. What `prepare` raises is raised after that."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, self._stopping.set)
        certified = all((self._data / "tls" / name).exists() for name in ("cert.pem", "key.pem"))
        early = [program for program in self._programs if program.name == "relay" and certified]
        tasks = [asyncio.create_task(self._keep(program)) for program in early]
        try:
            await self._unless_stopped(prepare())
            if not self._stopping.is_set():
                late = [program for program in self._programs if program not in early]
                tasks += [asyncio.create_task(self._keep(program)) for program in late]
                tasks.append(asyncio.create_task(self._announce(ready)))
                await self._stopping.wait()
        finally:
            self._stopping.set()
            await self._stop_all()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _unless_stopped(self, work: Awaitable[None]) -> None:
        """Wait for it, or give it up when everything is to stop."""
        doing = asyncio.ensure_future(work)
        stopped = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({doing, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not doing.done():
            doing.cancel()
            await asyncio.wait({doing})
        elif (error := doing.exception()) is not None:
            raise error

    async def _keep(self, program: Program) -> None:
        pause = FIRST_PAUSE
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            started = loop.time()
            program.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "farhand.cli",
                *program.arguments,
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=program.pass_fds,
                start_new_session=True,
                preexec_fn=leash(),
                env=self._environment,
            )
            self._tell_pid(program.name, program.process.pid)
            status = await program.process.wait()
            if self._stopping.is_set():
                return
            if status == 0 and program.name == "demo":
                return  # it has said why it is not needed
            pause = FIRST_PAUSE if loop.time() - started > STEADY_AFTER else min(pause * 2, LONGEST_PAUSE)
            log.warning("program_ended", name=program.name, status=status, again_in_s=round(pause, 1))
            await asyncio.sleep(pause)

    def _tell_pid(self, name: str, pid: int) -> None:
        """Write `run/NAME.pid`, whole or not at all: whoever reads it must not meet an empty file."""
        aside = self._data / "run" / f".{name}.pid"
        try:
            aside.write_text(f"{pid}\n")
            aside.replace(self._data / "run" / f"{name}.pid")
        except OSError as error:  # a full disk must not stop the programs
            log.warning("pid_not_written", name=name, reason=error.strerror)

    async def _announce(self, ready: Callable[[], None]) -> None:
        port = int(self._environment["FARHAND_PORT"])
        deadline = asyncio.get_running_loop().time() + READY_WITHIN
        while not await _serves_pages(port):
            if asyncio.get_running_loop().time() > deadline:
                log.error("not_ready", port=port, hint="the lines above say which program fails")
                return
            await asyncio.sleep(0.1)
        ready()

    async def _stop_all(self) -> None:
        """The relay first (it drains), then the others; whoever does not end in time is killed."""
        for program in self._programs:
            process = program.process
            if process is None or process.returncode is not None:
                continue
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        waiting = [p.process for p in self._programs if p.process is not None]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_WITHIN):
                await asyncio.gather(*(process.wait() for process in waiting))
        for process in waiting:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()


async def _serves_pages(port: int) -> bool:
    """Whether a page comes back through the public port: relay and `web` both work. No certificate is judged here."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection("localhost", port, ssl=context)
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost:%d\r\nConnection: close\r\n\r\n" % port)
            line = await reader.readline()
            page = await reader.read(65_536)
            writer.close()
    except (OSError, TimeoutError):
        return False
    # The page that asks for the claim is a 503 of `web`; the relay's own 503 means that `web` is not there yet.
    return line.startswith(b"HTTP/1.1 ") and (b" 503 " not in line or b"claim" in page)


def programs_of(listen_fd: int, *, demo: bool) -> list[Program]:
    """The programs of one appliance, in the order in which they are stopped."""
    programs = [
        Program("relay", ["run-relay", "--listen-fd", str(listen_fd)], pass_fds=(listen_fd,)),
        Program("web", ["run-web"]),
        Program("worker", ["run-worker"]),
        Program("jobs", ["run-jobs"]),
    ]
    if demo:
        programs.append(Program("demo", ["run-demo"]))
    return programs


def child_environment(data: Path, port: int) -> dict[str, str]:
    """Environment of the children: where the data is, which port is public, logs for people."""
    return {
        **os.environ,
        "FARHAND_DATA": str(data),
        "FARHAND_PORT": str(port),
        "FARHAND_LOG": os.environ.get("FARHAND_LOG", "text"),
        "PYTHONUNBUFFERED": "1",
    }
