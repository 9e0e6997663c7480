"""File Transfer: folders and files of this machine, as the user that the agent runs as.

`beneath` walks paths without ever following a link, `errors` says what went wrong, `disk` lists and changes folders,
`sources` reads what is downloaded, `partial` keeps what is uploaded until it is whole; all of them run in threads.
`jobs` are the requests of a viewer in the event loop, `ledger` puts them on record, `tool` speaks the channel, which is
described in `docs/protocol/files.md`.
"""

from farhand.agent.core.tools import ToolPort
from farhand.agent.tools.files.tool import FilesTool


def make(port: ToolPort) -> FilesTool:
    """Return the files tool of one session."""
    return FilesTool(port)
