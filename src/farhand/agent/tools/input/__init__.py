"""Keyboard and pointer of an endpoint, moved by one viewer at a time.

`keys` plans strokes (no input or output), `sink` is what a platform gives and the thread that feeds it, `tool` the
session's side: who has control.
"""

from farhand.agent.core.tools import Tool, ToolPort
from farhand.agent.tools.input.sink import InputSink
from farhand.agent.tools.input.tool import InputTool


def make(port: ToolPort) -> Tool:
    """Make the input tool of one session."""
    return InputTool(port, _open)


def _open(display: str) -> InputSink:
    from farhand.agent.platforms.linux.x11_input import X11Input

    return X11Input(display)
