"""Command Shell: real terminals of this machine, as the user that the agent runs as.

`ring` keeps output by offset, `flow` decides who gets what next (pure), `terminal` is the pseudo-terminal and its
process, `tool` speaks the channel. The channel is described in `docs/protocol/shell.md`.
"""

from farhand.agent.core.tools import ToolPort
from farhand.agent.tools.shell.tool import ShellTool


def make(port: ToolPort) -> ShellTool:
    """Return the shell tool of one session."""
    return ShellTool(port)
