"""What differs between operating systems, behind one interface each: facts, display, service.

`here()` picks the platform of this machine. Nothing outside this package asks for the operating system's name.
"""

import sys
from pathlib import Path
from typing import Protocol

from farhand.agent.core.errors import ClientError
from farhand.agent.texts import _
from farhand.protocol.messages import Facts


class Service(Protocol):
    """How a Jump Client is kept running on this machine."""

    def start(self, file: Path, state: Path) -> str:
        """Install and start `file run --state STATE`; return a sentence about what will happen. Raises ClientError."""
        ...

    def stop(self, state: Path) -> None:
        """Stop the client and remove what `start` installed. Doing it twice is fine."""
        ...


class Platform(Protocol):
    """One operating system."""

    def facts(self, display: str | None) -> Facts:
        """Return what this machine tells of itself; `display` is the one that was found, if any."""
        ...

    def find_display(self, wanted: str | None) -> str | None:
        """Return a display that can be shared now: `wanted`, or the environment's; None when it does not answer."""
        ...

    def give_back_memory(self) -> None:
        """Return memory to the system that only starting up needed."""
        ...

    def service(self) -> Service:
        """Return the way in which programs are kept running here."""
        ...


def here() -> Platform:
    """Return this machine's platform. Raises ClientError where there is none yet."""
    if sys.platform == "linux":
        from farhand.agent.platforms.linux import LinuxPlatform

        return LinuxPlatform()
    raise ClientError(_("This client runs on Linux only; clients for other systems are not there yet."))
