"""What a tool of a session is, and what it may ask of the session that it runs in.

A tool serves one channel kind on one leg: screen, input, shell. It is made at the first frame of its kind, by the
factory `make(port)` of its package under `farhand.agent.tools`; so an idle agent has loaded none of them and none of
their libraries. Everything here runs in the event loop's thread. A tool with threads of its own comes back through
`port.loop.call_soon_threadsafe`.

Rules: a tool never sees a socket, a ticket or a key, and no display system: it asks for a `Desktop`. The session has
already checked the sender's grant (the agent's own copy, from WELCOME, ROSTER and GRANTS) before `on_frame` is called;
a sender that loses the grant reaches the tool as `viewer_left`, one whose grants within the kind change as
`viewer_changed`.
"""

import asyncio
import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, Protocol

from farhand.agent.core.deployment import Deployment
from farhand.agent.core.desktop import Desktop
from farhand.agent.core.machine import Machine
from farhand.agent.core.masking import Masking
from farhand.protocol.channels import Grant, Kind
from farhand.protocol.frames import EVERY_LEG
from farhand.protocol.messages import Abilities, Ability, Limits
from farhand.protocol.scripts import RunScript, ScriptOrder

ToolName = Literal[
    "screen", "control", "block", "shell", "actions", "reboot", "shutdown", "files", "clipboard", "scripts",
    "pin", "pin-password", "unpin",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """Something that the customer must allow (see `consent`)."""

    tool: ToolName
    by: str
    """Name of the representative who asks. Hostile text: shown as text."""
    leg: int = field(default=0, compare=False)
    """The representative's leg."""
    about: str = ""
    """What the site says of it: the Jump Group of a Jump Client."""


class Sent(Enum):
    """What became of a frame. True only when it was sent."""

    YES = "yes"
    AWAY = "away"
    """The leg's socket is away just now and the frame is dropped. `resumed()` comes when it is back."""
    NOT_GRANTED = "not-granted"
    """The endpoint itself has lost the grant for this frame: it will never go. Nothing comes later."""

    def __bool__(self) -> bool:
        return self is Sent.YES


class NotRecordedError(Exception):
    """An entry was not put on record, and never will be: do not act. `str(error)` is a sentence for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        """Why: the relay's word (`too-many`), `full` (too many wait here), `ended` (the session is over)."""


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

    def abilities(self) -> Abilities | None:
        """What can be done on the desktop that `desktop` would open; None when there is none now. Quick."""
        ...

    async def desktop(self) -> Desktop | None:
        """The session's desktop, opened for the first tool that asks; None when there is none now.

        May wait for a person's answer on the machine itself: cancel it when nobody wants it any more. Tools with a
        thread wait in it by `Opening`. Raises DesktopError.
        """
        ...

    @property
    def machine(self) -> Machine:
        """The machine itself, beside its desktop."""
        ...

    def take_order(self, leg: int, message: RunScript) -> ScriptOrder:
        """Judge a leg's order for a script (see `orders`) and take it, once. Raises OrderError."""
        ...

    def returning(self) -> Ability:
        """Say whether the client comes back into this session by itself after a reboot."""
        ...

    def will_return(self, returns: bool) -> None:
        """The machine is about to reboot: see to it that the client comes back. False: it does not reboot after all.
        Raises MachineError."""
        ...

    @property
    def deployment(self) -> Deployment:
        """What can be installed here to stay. Its methods block."""
        ...

    @property
    def masking(self) -> Masking:
        """What of the screen must not be recorded."""
        ...

    def backlog(self, kind: Kind) -> int:
        """Bytes that go out before a new frame of this kind would. A tool whose frames are droppable, or that has much
        to send, waits while it is high; frames of higher classes overtake what waits (`Traffic`).
        """
        ...

    def send(
        self, frame_type: int, channel: int, payload: bytes | bytearray | memoryview = b"", leg: int = EVERY_LEG
    ) -> Sent:
        """Send one frame to every viewer (leg 0) or to one; say what became of it."""
        ...

    def post(self, kind: str, text: str = "", **data: str | int | bool) -> None:
        """Note something in the session's journal: a kind of `protocol.entries`, repeated until it is acknowledged.

        For what has happened already. Never raises: when too many notes wait (the connection is away) it is dropped,
        and the journal is told how many were. What is about a representative carries `by` (name) and `leg`.
        """
        ...

    async def posted(self, kind: str, text: str = "", **data: str | int | bool) -> int:
        """Put something on record before it is done: return the entry's number once it is on the appliance's disk.

        Raises NotRecordedError when it will not be. Waits as long as the connection is away: set a limit by
        `asyncio.timeout`. Cancelled, it is not sent again, but may have been recorded already.
        """
        ...

    async def ask(self, question: Question) -> bool:
        """Ask the customer. No answer in 60 s means no. Cancelling takes the question back. Tools ask by `Consent`."""
        ...

    def name_of(self, leg: int) -> str:
        """Name of the party on this leg, as the roster has it; `Representative` while the roster does not know it."""
        ...

    def asking(self) -> bool:
        """A question stands open before the customer: nothing may be pressed there from afar. For any thread."""
        ...

    def grants_of(self, leg: int) -> Grant:
        """Grants of this leg as the agent knows them."""
        ...

    def limits_of(self, leg: int) -> Limits:
        """How far the grants of this leg go, where only the endpoint can judge it: folders of files."""
        ...

    def log(self, event: str, **fields: object) -> None:
        """Write one log line; the session's id is in it already."""
        ...


class Tool:
    """One tool of one session. `kind`, `on_frame`, `viewer_left` and `close` are each tool's own."""

    kind: Kind
    """The channel kind that it serves."""

    def on_frame(self, leg: int, frame_type: int, channel: int, payload: memoryview) -> None:
        """Take one frame of a viewer (or of the recorder, leg 0xFFFF).

        `payload` is a view into a buffer that the next read overwrites: copy what is kept. Raising ValueError
        (msgspec's errors are ValueErrors) drops the frame and writes one log line. UnsupportedError is answered to the
        sender.
        """
        raise NotImplementedError

    def close(self) -> None:
        """The session or the grant for this kind is over: stop at once, release everything, leave no process behind."""
        raise NotImplementedError

    def viewer_left(self, leg: int) -> None:
        """The leg is gone from the roster or has lost every grant for this tool: serve it no longer."""
        raise NotImplementedError

    def runs_while_asked(self, frame_type: int, payload: memoryview) -> bool:
        """Say whether this frame may be taken while a question stands open before the customer. What could answer the
        question in the customer's place must not."""
        return True

    def viewer_joined(self, leg: int) -> None:
        """A leg came into the roster, or got the grant for this tool: tell it what already runs, if anything."""

    def viewer_changed(self, leg: int, grants: Grant) -> None:
        """The leg stays, but its grants for this tool are these now: stop what it may do no longer."""

    def limits_changed(self, leg: int, limits: Limits) -> None:
        """How far the leg's grants go is this now (`ToolPort.limits_of`): stop what goes further."""

    def question_opened(self) -> None:
        """A question comes up before the customer, who must be able to answer it."""

    def lost(self) -> None:
        """The leg's socket is gone: nobody can say any more that something is to end."""

    def resumed(self) -> None:
        """The leg's socket was lost and is back: frames sent meanwhile are lost."""


TOOL_PACKAGES: dict[Kind, str] = {
    Kind.SCREEN: "farhand.agent.tools.screen",
    Kind.INPUT: "farhand.agent.tools.input",
    Kind.SHELL: "farhand.agent.tools.shell",
    Kind.ACTIONS: "farhand.agent.tools.actions",
    Kind.FILES: "farhand.agent.tools.files",
    Kind.CLIPBOARD: "farhand.agent.tools.clipboard",
    Kind.SCRIPTS: "farhand.agent.tools.scripts",
    Kind.DEPLOY: "farhand.agent.tools.deploy",
}
"""Where the tool of a channel kind lives; each package has `make(port: ToolPort) -> Tool`."""

ToolFactory = Callable[[ToolPort], Tool]


def tool_names() -> list[str]:
    """Return the channel kinds that this agent serves, as `Facts.tools` names them."""
    return [kind.name.lower() for kind in TOOL_PACKAGES]


def load_factory(kind: Kind) -> ToolFactory | None:
    """Import the package of this kind's tool and return its factory, or None when the agent has no such tool."""
    name = TOOL_PACKAGES.get(kind)
    if name is None:
        return None
    factory: ToolFactory = importlib.import_module(name).make
    return factory
