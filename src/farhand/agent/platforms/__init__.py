"""What differs between operating systems, behind one interface each: facts, desktop, machine, service.

`here()` picks the platform of this machine. Nothing outside this package asks for the operating system's name.
"""

import sys
from pathlib import Path
from typing import Protocol

from farhand.agent.core.desktop import Desktop
from farhand.agent.core.errors import ClientError
from farhand.agent.core.machine import Machine
from farhand.agent.core.returning import Return
from farhand.agent.texts import _
from farhand.protocol.messages import Abilities, Ability, Facts


class Service(Protocol):
    """How a Jump Client is kept running on this machine."""

    def start(self, file: Path, state: Path) -> str:
        """Install and start `file run --state STATE`; return a sentence about what will happen. Raises ClientError."""
        ...

    def stop(self, state: Path) -> None:
        """Stop the client and remove what `start` installed. Doing it twice is fine."""
        ...

    def stop_self(self, state: Path) -> None:
        """The same for a client that is this very process: returns, and the process ends soon after."""
        ...


class NextSignIn(Protocol):
    """Something that is started once, when the person signs in to this machine's desktop the next time."""

    folder: Path
    """A place of its own for files; `forget` removes it."""

    def ability(self) -> Ability:
        """Say whether there is such a thing here."""
        ...

    def set(self, command: list[str]) -> None:
        """Run this command then. Raises OSError."""
        ...

    def unset(self) -> None:
        """Do not; the folder stays. Never raises."""
        ...

    def forget(self) -> None:
        """Do not, and remove the folder. Never raises."""
        ...


class Platform(Protocol):
    """One operating system."""

    def facts(self, wanted: str | None = None) -> Facts:
        """Return what this machine tells of itself; `wanted` is the display that was asked for, if any."""
        ...

    def abilities(self, wanted: str | None) -> Abilities | None:
        """Say what could be done on the desktop that `desktop` would open; None when there is none now.

        Asked often: opens nothing, shows nothing, loads no library.
        """
        ...

    async def desktop(self, wanted: str | None) -> Desktop | None:
        """Open a desktop: the one named `wanted`, or the one that the environment names; None when there is none now.

        May wait for a person's answer to a dialog, a minute and longer; cancelling takes the dialog back. Raises
        DesktopError.
        """
        ...

    def machine(self, wanted: str | None) -> Machine:
        """Return the machine itself, whose programs are opened on the display that `desktop` would open."""
        ...

    def service_returns(self) -> Return:
        """Say whether a Jump Client that runs here is started again with the machine."""
        ...

    def next_sign_in(self, name: str) -> NextSignIn:
        """Return the place for one such thing; `name` (letters, digits and `-`) tells it from others."""
        ...

    def give_back_memory(self) -> None:
        """Return memory to the system that only starting up needed."""
        ...

    def service(self) -> Service:
        """Return the way in which programs are kept running here."""
        ...


def here(state: Path | None = None) -> Platform:
    """Return this machine's platform; what is to outlive the program it keeps in the folder `state`, where that is
    given. Raises ClientError where there is none yet."""
    if sys.platform == "linux":
        from farhand.agent.platforms.linux import LinuxPlatform

        return LinuxPlatform(state)
    raise ClientError(_("This client runs on Linux only; clients for other systems are not there yet."))
