"""The endpoint's clipboard, shared with the representatives who switched that on.

`worker` is the thread that works on the platform's `Clipboard`, `tool` the session's side: who shares it, what goes
which way, and what the record says of it.
"""

from farhand.agent.core.tools import Tool, ToolPort
from farhand.agent.tools.clipboard.tool import ClipboardTool


def make(port: ToolPort) -> Tool:
    """Make the clipboard tool of one session."""
    return ClipboardTool(port)
