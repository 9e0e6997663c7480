"""What a tool of a session is, and what it may ask of the session that it runs in.

A tool serves one channel kind on one leg: screen, input, shell. It is made at the first frame of its kind, by the
factory `make(port)` of its package under `farhand.agent.tools`; so an idle agent has loaded none of them and none of
their libraries. Everything here runs in the event loop's thread. A tool with threads of its own comes back through
`port.loop.call_soon_threadsafe`.

Rules: a tool never sees a socket, a ticket or a key. The session has already checked the sender's grant (the agent's
own copy, from WELCOME, ROSTER and GRANTS) before `on_frame` is called; a sender that loses the grant reaches the tool
as `viewer_left`.
"""

import asyncio
import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from farhand.protocol.channels import Grant, Kind
from farhand.protocol.frames import EVERY_LEG

ToolName = Literal["screen", "control", "shell"]


@dataclass(frozen=True, slots=True)
class Question:
    """Something that the customer must allow (see `consent`)."""

    tool: ToolName
    by: str
    """Name of the representative who asks. Hostile text: shown as text."""
    leg: int = field(default=0, compare=False)
    """The representative's leg."""


class ToolPort(Protocol):
    """What a tool may ask of its session."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that everything runs in."""
        ...

    @property
    def attended(self) -> bool:
        """A customer sits there and is asked (`ask`); without one every answer is yes at once."""
        ...

    @property
    def display(self) -> str | None:
        """X display to share, for instance `:0`; None when this machine has none now."""
        ...

    @property
    def backlog(self) -> int:
        """Bytes that wait in this leg's socket. A tool whose frames are droppable waits while it is high."""
        ...

    def send(
        self, frame_type: int, channel: int, payload: bytes | bytearray | memoryview = b"", leg: int = EVERY_LEG
    ) -> bool:
        """Send one frame to every viewer (leg 0) or to one.

        Returns False when the leg's socket is away just now: the frame is dropped. The tool hears `resumed()` later and
        brings its viewers up to date then.
        """
        ...

    def post(self, kind: str, text: str = "", **data: str | int | bool) -> None:
        """Add a system entry (see `protocol.entries`) to the session's journal; repeated until it is acknowledged."""
        ...

    async def ask(self, question: Question) -> bool:
        """Ask the customer. No answer in 60 s means no. Cancelling takes the question back. Tools ask by `Consent`."""
        ...

    def name_of(self, leg: int) -> str:
        """Name of the party on this leg, as the roster has it; `Representative` while the roster does not know it."""
        ...

    def grants_of(self, leg: int) -> Grant:
        """Grants of this leg as the agent knows them."""
        ...

    def log(self, event: str, **fields: object) -> None:
        """Write one log line; the session's id is in it already."""
        ...


class Tool(Protocol):
    """One tool of one session."""

    @property
    def kind(self) -> Kind:
        """The channel kind that it serves."""
        ...

    def on_frame(self, leg: int, frame_type: int, channel: int, payload: memoryview) -> None:
        """Take one frame of a viewer (or of the recorder, leg 0xFFFF).

        `payload` is a view into a buffer that the next read overwrites: copy what is kept. Raising ValueError
        (msgspec's errors are ValueErrors) drops the frame and writes one log line.
        """
        ...

    def viewer_joined(self, leg: int) -> None:
        """A leg came into the roster, or got the grant for this tool: tell it what already runs, if anything."""
        ...

    def viewer_left(self, leg: int) -> None:
        """The leg is gone from the roster or has lost the grant for this tool: serve it no longer."""
        ...

    def resumed(self) -> None:
        """The leg's socket was lost and is back: frames sent meanwhile are lost."""
        ...

    def close(self) -> None:
        """The session is over: stop at once, release everything, leave no process behind."""
        ...


TOOL_PACKAGES: dict[Kind, str] = {
    Kind.SCREEN: "farhand.agent.tools.screen",
    Kind.INPUT: "farhand.agent.tools.input",
    Kind.SHELL: "farhand.agent.tools.shell",
}
"""Where the tool of a channel kind lives; each package has `make(port: ToolPort) -> Tool`."""

ToolFactory = Callable[[ToolPort], Tool]


def load_factory(kind: Kind) -> ToolFactory | None:
    """Import the package of this kind's tool and return its factory, or None when the agent has no such tool."""
    name = TOOL_PACKAGES.get(kind)
    if name is None:
        return None
    factory: ToolFactory = importlib.import_module(name).make
    return factory
