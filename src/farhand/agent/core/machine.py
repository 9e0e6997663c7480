"""What a tool may ask of the machine beside its desktop: special actions, restart and shutdown, scripts.

Why it exists: tools and platforms meet here, as they meet in `desktop` for screens. A platform says what its machine
can do, and why not what it cannot.

Rules: everything here may block for a moment and is called in a thread of the tool's own. Every failure is a
MachineError with a sentence for people. Nothing waits for what it started: a program that was opened is the person's.
"""

import os
from dataclasses import dataclass, field
from typing import Protocol

from farhand.agent.texts import _
from farhand.protocol.actions import Action, Context, How
from farhand.protocol.messages import Ability


class MachineError(Exception):
    """The machine did not do it; the message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What the machine can do now."""

    platform: str = ""
    actions: list[Action] = field(default_factory=list)
    reboot: Ability = field(default_factory=Ability)
    shutdown: Ability = field(default_factory=Ability)


class RunningScript(Protocol):
    """A script that was started, with everything that it started in its turn. Usable from any thread."""

    def read(self, size: int) -> bytes:
        """Return what it has written, waiting for some; empty when it has ended."""
        ...

    def end(self) -> None:
        """Ask it to end, and end it soon afterwards in any case."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...

    def close(self) -> int | None:
        """After the last `read`: end what is left of it and remove its file; return its exit status."""
        ...


class Machine(Protocol):
    """The machine that the client runs on."""

    def offer(self) -> Offer:
        """Say what can be done now."""
        ...

    def run(self, action: str, context: Context) -> None:
        """Do a special action of the offer. Raises MachineError."""
        ...

    def start_script(self, text: str, context: Context, environment: dict[str, str]) -> RunningScript:
        """Run a script as the person who is signed in, or as the client's own account. Raises MachineError."""
        ...

    def inbox(self) -> bytes:
        """Return the folder in which the person at the desktop keeps what came from elsewhere: a real path."""
        ...

    def power(self, how: How) -> None:
        """Restart or switch off; returns once the system has begun with it. Raises MachineError."""
        ...


class NoMachine:
    """One of which nothing is known."""

    def offer(self) -> Offer:
        """Nothing can be done."""
        reason = _("This client cannot do that.")
        return Offer(reboot=Ability(reason=reason), shutdown=Ability(reason=reason))

    def run(self, action: str, context: Context) -> None:
        """Raises MachineError."""
        raise MachineError(_("This client cannot do that."))

    def inbox(self) -> bytes:
        """The home folder of the client's own account."""
        return os.path.realpath(os.path.expanduser(b"~"))

    def power(self, how: How) -> None:
        """Raises MachineError."""
        raise MachineError(_("This client cannot do that."))

    def start_script(self, text: str, context: Context, environment: dict[str, str]) -> RunningScript:
        """Raises MachineError."""
        raise MachineError(_("This client cannot do that."))
