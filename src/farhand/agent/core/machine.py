"""What a tool may ask of the machine beside its desktop: special actions, restart and shutdown.

Why it exists: tools and platforms meet here, as they meet in `desktop` for screens. A platform says what its machine
can do, and why not what it cannot.

Rules: everything here may block for a moment and is called in a thread of the tool's own. Every failure is a
MachineError with a sentence for people. Nothing waits for what it started: a program that was opened is the person's.
"""

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


class Machine(Protocol):
    """The machine that the client runs on."""

    def offer(self) -> Offer:
        """Say what can be done now."""
        ...

    def run(self, action: str, context: Context) -> None:
        """Do a special action of the offer. Raises MachineError."""
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

    def power(self, how: How) -> None:
        """Raises MachineError."""
        raise MachineError(_("This client cannot do that."))
