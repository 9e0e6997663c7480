"""The public port. The first bytes of each connection decide: `GET /live/` is handed to the WebSocket side, everything
else is HTTP for `web`.

It is the front door, and its rule is that nobody outside can hold a thread of `web` for longer than its work takes:
a request reaches `web` when it is whole (see `backend`), one at a time for each connection, few at a time for each
address. Connections are counted when they are accepted; heads, bodies, waits and answers have limits in size and time,
memory is bounded, and every no is a page with one sentence. One sweeper serves all time limits.
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from farhand.kit.address import address_block, plain_address
from farhand.kit.log import get_log
from farhand.relay.door.backend import Back, Orphans
from farhand.relay.door.front import Front
from farhand.relay.door.shares import Place, Shares, Turns
from farhand.relay.timing import DRAIN_S

log = get_log("edge")

RUNNING_PER_BLOCK = 8
RUNNING = 56
"""Requests that `web` works on at once; it has 64 threads."""
TRANSFERS_PER_BLOCK = 6
TRANSFERS = 24
"""Answers of more than `backend.SMALL` bytes at once: their threads wait for the reader."""
REQUEST_BYTES_PER_BLOCK = 8 << 20
REQUEST_BYTES = 64 << 20
"""Bytes of requests in memory."""
FULL_PER_BLOCK = 32
FULL = 256
"""Connections whose small answer waits for a slow reader in memory."""
IDLE_BACKS = 256
"""Connections to `web` that are kept for the next request."""


def anybody() -> Sequence[str]:
    """Every host name is served."""
    return ("*",)


class Edge:
    """What all connections of the port share."""

    def __init__(
        self,
        web_socket: Path,
        to_live: Callable[[Any, bytes, str, Place], None],
        *,
        tls: bool,
        sockets_per_address: int,
        sockets: int = 8192,
        hosts: Callable[[], Sequence[str]] = anybody,
    ) -> None:
        self.web_socket = str(web_socket)
        self.to_live = to_live
        """Called with (transport, first bytes, address, place) for `GET /live/`; owns the connection from then on. It
        gives the place back once the peer has signed in; the end of the connection gives it back in any case."""
        self.scheme = b"https" if tls else b"http"
        self.hosts = hosts
        """The host names that are served now; `*` is any."""
        self.doors = Shares(sockets_per_address, sockets)
        """Connections that have not signed in: TLS handshakes, all of HTTP, live sockets until their WELCOME."""
        self.turns = Turns(RUNNING_PER_BLOCK, RUNNING)
        self.transfers = Shares(TRANSFERS_PER_BLOCK, TRANSFERS)
        self.request_bytes = Shares(REQUEST_BYTES_PER_BLOCK, REQUEST_BYTES)
        self.full = Shares(FULL_PER_BLOCK, FULL)
        self.fronts: set[Front] = set()
        self.backs: set[Back] = set()
        self.orphans = Orphans()
        self.idle_backs = IDLE_BACKS
        self.draining = False
        self._complained = -math.inf

    def accept(self, peer: str) -> tuple[Front, Callable[[], None]] | None:
        """Take a connection in before its handshake (see `farhand.kit.net.Accept`); None when there are too many."""
        address = plain_address(peer)
        place = self.doors.take(address_block(address))
        if place is None:
            self.complain("connection_refused", address=address, reason="too many connections")
            return None
        return Front(self, address, place), place.give_back

    async def sweep(self) -> None:
        """Close what is late, once a second, for ever."""
        while True:
            await asyncio.sleep(1)
            self.look()

    def look(self) -> None:
        """Close what is late."""
        now = time.monotonic()
        for front in tuple(self.fronts):
            front.look(now)
        self.orphans.look(now)

    async def drain(self) -> None:
        """Let requests that are being answered finish, at most DRAIN_S seconds; idle connections close now."""
        self.draining = True
        until = time.monotonic() + DRAIN_S
        while any(not front.finished for front in self.fronts) and time.monotonic() < until:
            for front in tuple(self.fronts):
                front.close_if_idle()
            await asyncio.sleep(0.05)
        for front in tuple(self.fronts):
            front.abort()
        self.orphans.end()

    def complain(self, event: str, **fields: object) -> None:
        """Log at most one line a second of what anybody on the net can cause at will."""
        now = time.monotonic()
        if now - self._complained >= 1:
            self._complained = now
            log.warning(event, **fields)
