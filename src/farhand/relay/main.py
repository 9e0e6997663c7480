"""The relay program: wires the edge, the live side and the bus, and drains at SIGTERM."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec

from farhand.kit import net
from farhand.kit.bus import BusServer
from farhand.kit.log import configure_log, get_log
from farhand.kit.process import keep_freed_memory, raise_descriptor_limit
from farhand.protocol.bus import ToRelay
from farhand.relay.door.edge import Edge
from farhand.relay.live.plane import Live

log = get_log("relay")


MAX_STRANGERS = 8192
"""Connections that have not signed in, of all addresses; at most half of the descriptors, the rest is for links."""


class RelaySettings(msgspec.Struct, kw_only=True, frozen=True):
    """What the relay needs to know. `listen_fd` is a listening TCP socket that it inherits."""

    data: Path
    listen_fd: int
    sockets_per_address: int = 1024
    """Connections of one address that have not signed in."""


class Relay:
    """One running relay. `start()`, then `stop()`; both in the event loop."""

    def __init__(self, settings: RelaySettings) -> None:
        self._settings = settings
        self._server: net.Acceptor | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.live: Live
        self.edge: Edge
        self.bus: BusServer

    async def start(self) -> None:
        """Accept connections; afterwards `run/bus.sock` exists. Raises CertificateError or OSError."""
        data = self._settings.data
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_one_line)
        certificate = net.ServerCertificate(data / "tls" / "cert.pem", data / "tls" / "key.pem")
        self.live = Live(data / "relay", certificate, self._tell)
        self.edge = Edge(
            data / "run" / "web.sock",
            self.live.take,
            tls=True,
            sockets_per_address=self._settings.sockets_per_address,
            sockets=min(MAX_STRANGERS, raise_descriptor_limit() // 2),
            hosts=self.live.hosts,
        )
        self.live.edge = self.edge
        self.bus = BusServer(data / "run" / "bus.sock", ToRelay, self.live.on_bus, self.live.greet)
        await self.bus.start()
        sock = net.listening_socket(self._settings.listen_fd)
        self._server = await net.serve(self.edge.accept, sock, certificate.context)
        for work in (self.edge.sweep(), self.live.wheel.turn(), self.live.tick()):
            self._tasks.append(loop.create_task(work))
        log.info("relay_ready", relay=self.live.relay_id)

    async def stop(self) -> None:
        """Accept no more, let answers finish, tell live connections to come back, write what waits."""
        if self._server is not None:
            self._server.close()
        self.edge.draining = True
        await self.live.close()
        await self.edge.drain()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.bus.close()
        log.info("relay_stopped")

    def _tell(self, message: Any) -> None:
        self.bus.broadcast(message)


def run(settings: RelaySettings) -> None:
    """Run until SIGTERM or SIGINT. SIGHUP loads the certificate anew."""
    configure_log("relay")
    net.silence_libraries()
    keep_freed_memory()
    try:
        with asyncio.Runner(loop_factory=net.new_event_loop) as runner:
            runner.run(_main(settings))
    except (net.CertificateError, OSError) as error:
        log.error("relay_not_started", reason=str(error))
        sys.exit(1)


async def _main(settings: RelaySettings) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    relay = Relay(settings)
    await relay.start()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, relay.live.reload_certificate)
    await stop.wait()
    await relay.stop()


def _one_line(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Errors that nobody caught: connections that end abruptly are normal on the net, the rest is a fault of ours."""
    error = context.get("exception")
    if isinstance(error, OSError):
        return
    log.error("loop_error", reason=str(context.get("message", ""))[:300], error=repr(error)[:300])
