"""Canned scripts: what the site ordered is run once, on record, with a time limit; its output goes to who asked."""

from farhand.agent.core.tools import Tool, ToolPort
from farhand.agent.tools.scripts.tool import ScriptsTool


def make(port: ToolPort) -> Tool:
    """Make the scripts tool of one session."""
    return ScriptsTool(port)
