"""The screen of an endpoint, shown live to viewers.

From the display to the bytes: `ScreenSource` (what a platform gives) -> `pipeline` (one frame for all) -> `viewer`
(what each lacks) with `pace` (what its link carries), `tiles` (where things changed) and `codec` (rectangles as bytes);
`worker` is the thread around them, `tool` the session's side. All but `worker` and `tool` are free of input and output.
"""

from farhand.agent.core.tools import Tool, ToolPort
from farhand.agent.tools.screen.tool import ScreenTool


def make(port: ToolPort) -> Tool:
    """Make the screen tool of one session."""
    return ScreenTool(port)
