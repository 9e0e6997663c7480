"""Deployment: what the site ordered is installed on this computer to stay, or removed, with the customer's consent."""

from farhand.agent.core.tools import Tool, ToolPort
from farhand.agent.tools.deploy.tool import DeployTool


def make(port: ToolPort) -> Tool:
    """Make the deploy tool of one session."""
    return DeployTool(port)
