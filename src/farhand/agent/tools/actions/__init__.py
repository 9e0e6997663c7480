"""Special actions, restart and shutdown of an endpoint, each on record before it is done."""

from farhand.agent.core.tools import Tool, ToolPort
from farhand.agent.tools.actions.tool import ActionsTool


def make(port: ToolPort) -> Tool:
    """Make the actions tool of one session."""
    return ActionsTool(port)
