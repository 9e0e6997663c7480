"""The tools of one session: made when they are needed, told who is there, closed when nobody may use them any more.

Why it exists: every frame is judged here once more, with the agent's own copy of roster and grants, before a tool sees
it; and one broken tool must not take the session and the other tools with it.
"""

from collections.abc import Callable
from typing import Any

from farhand.agent.core.desktop import UnsupportedError
from farhand.agent.core.roster import Roster
from farhand.agent.core.tools import Tool, ToolPort, load_factory
from farhand.agent.texts import _
from farhand.protocol.channels import Grant, Kind, Way, grants_to_use, kind_of, rule_of
from farhand.protocol.frames import Frame
from farhand.protocol.messages import NOT_UNDERSTOOD, LegInfo, Limits, Unsupported

NO_LIMITS = Limits()
_MOST_WARNINGS = 100


class Toolbox:
    """Tools, and who may use them.

    `asked` says whether a question stands open before the customer; `refuse` answers a frame that nothing serves.
    """

    def __init__(
        self, port: ToolPort, log: Any, asked: Callable[[], bool], refuse: Callable[[Frame, Unsupported], None]
    ) -> None:
        self._port = port
        self._log = log
        self._asked = asked
        self._refuse = refuse
        self._tools: dict[Kind, Tool] = {}
        self._limits: dict[int, Limits] = {}
        self._warned: set[tuple[str, int, int]] = set()
        self.roster = Roster()
        self.grants = Grant.NONE
        """The endpoint's own."""

    def on_frame(self, frame: Frame) -> None:
        """Hand a viewer's frame to its tool, if it may send it and may send it now."""
        kind = kind_of(frame.channel)
        rule = rule_of((Way.TO_ENDPOINT,), frame.channel, frame.type)
        if kind is None or rule is None:
            # A newer console: what it may do there, the relay has judged. Here nothing is done.
            self._unsupported(frame, "unknown", _("This client is too old for that: it has to be updated."))
        elif not rule.any_of & self.grants or not self.roster.may_send(frame.leg, frame.channel, frame.type):
            self._warn_once("frame_without_grant", frame)
        elif (tool := self._tool(kind)) is None:
            self._unsupported(frame, "no-tool", _("This client was made without that."))
        else:
            self._hand_over(kind, tool, frame)

    def _hand_over(self, kind: Kind, tool: Tool, frame: Frame) -> None:
        payload = memoryview(frame.payload)
        try:
            if not self._asked() or tool.runs_while_asked(frame.type, payload):
                tool.on_frame(frame.leg, frame.type, frame.channel, payload)
        except UnsupportedError as error:
            self._unsupported(frame, "not-possible", str(error))
        except (ValueError, *NOT_UNDERSTOOD) as error:
            self._log.warning("bad_frame", kind=kind.name, type=frame.type, leg=frame.leg, reason=str(error))
        except Exception:  # noqa: BLE001  one broken tool must not take the session and the other tools with it
            self._log.exception("tool_failed", kind=kind.name, type=frame.type, leg=frame.leg)
            del self._tools[kind]
            tool.close()

    def set_roster(self, legs: list[LegInfo]) -> None:
        """Other parties are here now, or may do something else: tell each tool what concerns it."""
        old, self.roster = self.roster, self.roster.replace(legs)
        for kind, tool in list(self._tools.items()):
            before, now = old.viewers(kind), self.roster.viewers(kind)
            for leg in before.keys() - now.keys():
                tool.viewer_left(leg)
            for leg in now.keys() - before.keys():
                tool.viewer_joined(leg)
            for leg in now.keys() & before.keys():
                if now[leg] != before[leg]:
                    tool.viewer_changed(leg, now[leg])

    def set_limits(self, leg: int, limits: Limits) -> None:
        """How far the grants of a leg go now."""
        if limits != self.limits_of(leg):
            self._limits[leg] = limits
            for tool in list(self._tools.values()):
                tool.limits_changed(leg, limits)

    def forget_limits(self) -> None:
        """The server says them anew, before any frame: what it does not name is not limited any more."""
        for leg in list(self._limits):
            self.set_limits(leg, NO_LIMITS)
        self._limits.clear()

    def limits_of(self, leg: int) -> Limits:
        """Return how far the grants of a leg go."""
        return self._limits.get(leg, NO_LIMITS)

    def set_grants(self, grants: Grant) -> None:
        """The endpoint's own grants are these now: tools that it may not serve any more are closed."""
        self.grants = grants
        for kind in [kind for kind in self._tools if not grants_to_use(kind) & grants]:
            self._tools.pop(kind).close()

    def question_opened(self) -> None:
        """A question comes up before the customer."""
        for tool in list(self._tools.values()):
            tool.question_opened()

    def lost(self) -> None:
        """The socket is gone."""
        for tool in list(self._tools.values()):
            tool.lost()

    def resumed(self) -> None:
        """The socket is back."""
        for tool in list(self._tools.values()):
            tool.resumed()

    def close(self) -> None:
        """Close all tools."""
        tools, self._tools = self._tools, {}
        for tool in tools.values():
            tool.close()

    def _tool(self, kind: Kind) -> Tool | None:
        tool = self._tools.get(kind)
        if tool is None:
            factory = load_factory(kind)
            if factory is None:
                return None
            tool = self._tools[kind] = factory(self._port)
        return tool

    def _unsupported(self, frame: Frame, reason: str, text: str) -> None:
        if self.roster.is_console(frame.leg):
            known = reason != "no-tool" and kind_of(frame.channel) is not None
            self._refuse(frame, Unsupported(type=frame.type if known else 0, reason=reason, text=text[:512]))
        self._warn_once("frame_unsupported", frame)

    def _warn_once(self, event: str, frame: Frame) -> None:
        about = (event, frame.leg, frame.channel)
        if about not in self._warned and len(self._warned) < _MOST_WARNINGS:
            self._warned.add(about)
            self._log.warning(event, leg=frame.leg, channel=frame.channel, type=frame.type)
