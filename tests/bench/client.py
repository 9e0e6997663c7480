"""The program of every load process: `python -m tests.bench.client ROLE`, one JSON object a line on stdin and stdout.

Roles: `endpoint` and `console` take a leg of a session at the relay; `links` holds many idle agent links;
`raw_source` and `raw_sink` speak plain TLS for the yardstick; `viewer` is a console for real agents. The first line
on stdin is the role's specification; then commands.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from farhand.kit.net import new_event_loop, silence_libraries


def say(**message: Any) -> None:
    """Tell the bench."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


async def commands() -> Callable[[], Awaitable[dict[str, Any]]]:
    """Return a function that waits for the next command; it ends the process when the bench has gone."""
    reader = asyncio.StreamReader(limit=1 << 24)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

    async def following() -> dict[str, Any]:
        line = await reader.readline()
        if not line:
            raise SystemExit(0)
        command: dict[str, Any] = json.loads(line)
        return command

    return following


async def main(role: str) -> None:
    """Run one role until stdin ends."""
    from tests.bench import client_legs, client_links, client_raw, client_viewer

    roles: dict[str, Callable[..., Awaitable[None]]] = {
        "endpoint": client_legs.endpoint,
        "console": client_legs.console,
        "links": client_links.links,
        "viewer": client_viewer.viewer,
        "raw_source": client_raw.source,
        "raw_sink": client_raw.sink,
    }
    following = await commands()
    try:
        await roles[role](await following(), following, say)
    except Exception as error:
        say(error=f"{type(error).__name__}: {error}")
        raise


if __name__ == "__main__":
    silence_libraries()
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main(sys.argv[1]))
