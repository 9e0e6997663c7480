"""Coming back into a session after a reboot: what is prepared before it, and how the client knows that it is back.

Why it exists: the session's journal outlives the machine's memory. A client that joins a session as a new process reads
there that a reboot was begun in it, and says that the machine has returned. So nothing has to be remembered on disk
but the way in.
"""

from typing import Protocol

from farhand.agent.core.abilities import cannot
from farhand.protocol.channels import Party
from farhand.protocol.messages import Ability, Entry


class Return(Protocol):
    """How one client comes back into its session."""

    def ability(self) -> Ability:
        """Say whether it comes back by itself, and why not."""
        ...

    def prepare(self) -> None:
        """The machine is about to reboot. Raises MachineError."""
        ...

    def forget(self) -> None:
        """It does not reboot after all, or the session is over. Never raises."""
        ...


class NoReturn:
    """It does not."""

    def ability(self) -> Ability:
        """Say so."""
        return cannot("no-return")

    def prepare(self) -> None:
        """Nothing to prepare."""

    def forget(self) -> None:
        """Nothing to forget."""


class Returned:
    """Reads the journal of before this process: was a reboot begun, of which nobody said yet that it is over?"""

    def __init__(self) -> None:
        self._until = 0
        self._pending = False

    def joined(self, seq: int) -> None:
        """This process joined for the first time; the journal had so many entries then."""
        self._until = seq

    def entry(self, entry: Entry) -> bool:
        """An entry came, in order; say (once) that the machine has returned from a reboot."""
        if entry.party == Party.ENDPOINT and entry.seq <= self._until:
            if entry.kind == "power-started":
                self._pending = True
            elif entry.kind in {"power-failed", "power-returned"}:
                self._pending = False
        if not self._pending or entry.seq < self._until:
            return False
        self._pending = False
        return True
