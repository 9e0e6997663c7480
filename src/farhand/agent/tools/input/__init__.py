"""Keyboard and pointer of an endpoint, moved by one viewer at a time.

`worker` is the thread that feeds the platform's `InputSink`, `tool` the session's side: who has control.
"""

from farhand.agent.core.tools import Tool, ToolPort
from farhand.agent.tools.input.tool import InputTool


def make(port: ToolPort) -> Tool:
    """Make the input tool of one session."""
    return InputTool(port)
