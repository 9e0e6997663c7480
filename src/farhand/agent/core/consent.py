"""The customer's consent to one tool, representative by representative.

Why it exists: every tool asks in the same way. Rules: a yes is for the representative who was named in the question,
and holds for the session; a no holds for this time. Who leaves, or loses the grant, takes the question along, and an
answer that comes too late opens nothing. A yes is worth no more than the grant at the moment of the act.
"""

import asyncio
from collections.abc import Callable

from farhand.agent.core.tools import Question, ToolName, ToolPort
from farhand.protocol.channels import Grant, Kind, grants_to_use


class Consent:
    """What the customer allowed. `answered(leg, allowed)` is called for each leg that is still there then.

    `needed`: the grants of which a representative must still have one then; without it, those of the whole channel.
    """

    def __init__(
        self,
        port: ToolPort,
        kind: Kind,
        tool: ToolName,
        answered: Callable[[int, bool], None],
        needed: Grant | None = None,
    ) -> None:
        self._port = port
        self._needed = grants_to_use(kind) if needed is None else needed
        self._tool: ToolName = tool
        self._answered = answered
        self._yes: set[tuple[int, str]] = set()
        """Leg and name: names may be the same, and a leg may be somebody else's one day."""
        self._asking: dict[int, asyncio.Task[None]] = {}

    def given(self, leg: int) -> bool:
        """Say whether this representative may use the tool without another question."""
        return not self._port.attended or (leg, self._port.name_of(leg)) in self._yes

    def forget(self, leg: int) -> None:
        """Ask this representative's question again the next time."""
        self._yes = {one for one in self._yes if one[0] != leg}

    def may(self, leg: int, by: str) -> bool:
        """Say whether `by`, on this leg, still has the grant. A tool that waited for anything after the yes asks it
        again, right before it does what was allowed."""
        return bool(self._port.grants_of(leg) & self._needed) and self._port.name_of(leg) == by

    def asking(self, leg: int) -> bool:
        """Say whether a question stands open for this representative."""
        return leg in self._asking

    def ask(self, leg: int) -> None:
        """Ask the customer for this representative, unless that question is open already."""
        if leg not in self._asking:
            self._asking[leg] = self._port.loop.create_task(self._ask(leg, self._port.name_of(leg)))

    def cancel(self, leg: int) -> None:
        """Take back the question for this representative."""
        task = self._asking.pop(leg, None)
        if task is not None:
            task.cancel()

    def close(self) -> None:
        """Take back all questions."""
        for leg in list(self._asking):
            self.cancel(leg)

    async def _ask(self, leg: int, by: str) -> None:
        allowed = await self._port.ask(Question(self._tool, by, leg))
        del self._asking[leg]
        if not self.may(leg, by):
            self._port.log("answer_too_late", tool=self._tool, leg=leg)
            return
        if allowed:
            self._yes.add((leg, by))
        self._answered(leg, allowed)
