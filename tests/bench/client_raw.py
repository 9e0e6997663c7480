"""Plain TLS clients for the yardstick: one writes chunks as fast as it may, one accepts and counts."""

import os
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from farhand.kit.net import endpoint_context

Following = Callable[[], Awaitable[dict[str, Any]]]
Say = Callable[..., None]


async def source(spec: dict[str, Any], following: Following, say: Say) -> None:
    """Connect to `port` and write chunks of `size` bytes from the first command on, until killed."""
    raw = socket.create_connection(("127.0.0.1", spec["port"]))
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    tls = endpoint_context().wrap_socket(raw)
    chunk = os.urandom(spec["size"])

    def write() -> None:
        while True:
            tls.sendall(chunk)

    say(ready=True)
    await following()
    threading.Thread(target=write, daemon=True).start()
    say(done=True)
    await following()


async def sink(spec: dict[str, Any], following: Following, say: Say) -> None:
    """Accept one TLS connection and count; each command is answered with the bytes so far."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(spec["cert"], spec["key"])
    listener = socket.create_server(("127.0.0.1", 0))
    total = 0

    def read() -> None:
        nonlocal total
        tls = context.wrap_socket(listener.accept()[0], server_side=True)
        buffer = bytearray(1 << 18)
        while size := tls.recv_into(buffer):
            total += size

    threading.Thread(target=read, daemon=True).start()
    say(ready=True, port=listener.getsockname()[1])
    while True:
        await following()
        say(bytes=total, at=time.perf_counter())
