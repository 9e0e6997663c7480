"""The way from `web` to the relay: one lazy client per process, replaceable in tests.

Rules: publishing never raises because the relay is away, it answers False; whoever must not lose a message keeps it
(events have their outbox, sessions are sent again by the worker).
"""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.conf import settings

from farhand.protocol.bus import FromRelay, ToRelay

if TYPE_CHECKING:
    from farhand.kit.bus import BusClient

Publisher = Callable[[ToRelay], bool]

_lock = threading.Lock()
_publisher: Publisher | None = None
_client: "BusClient | None" = None


def publish(message: ToRelay) -> bool:
    """Send `message` to the relay; False when it cannot be reached now."""
    return (_publisher or client().publish)(message)


def use(publisher: Publisher | None) -> None:
    """Replace the way out (tests, programs without a relay); None returns to the socket."""
    global _publisher  # noqa: PLW0603 - one way out per process
    _publisher = publisher


def client() -> "BusClient":
    """The process's client of the relay's bus socket, made at the first use."""
    global _client  # noqa: PLW0603 - one client per process
    from farhand.kit.bus import BusClient

    with _lock:
        if _client is None:
            _client = BusClient(settings.FARHAND_DATA / "run" / "bus.sock", FromRelay)
        return _client
