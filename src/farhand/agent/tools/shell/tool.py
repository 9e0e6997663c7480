"""The shell tool of one session: speaks the shell channel, owns its terminals.

System entries say who asked for a shell, that it opened or closed, and how many are open then. A shell that has ended
stays until everybody who is attached has its last output, or holds it up for too long.
"""

import asyncio
import time
from typing import NamedTuple

import msgspec

from farhand.agent.core.consent import Consent
from farhand.agent.core.tools import Sent, Tool, ToolPort
from farhand.agent.texts import _
from farhand.agent.tools.shell.flow import MAX_UNSENT, PATIENCE_S, Chunk, Flow, Gap
from farhand.agent.tools.shell.keeping import Keeping
from farhand.agent.tools.shell.ring import Ring
from farhand.agent.tools.shell.terminal import Terminal
from farhand.protocol.channels import CREDIT, SHELL_WINDOW, Kind, Shell, channel
from farhand.protocol.frames import EVERY_LEG
from farhand.protocol.shell import (
    CREDIT_BYTES,
    OFFSET,
    ShellAttach,
    ShellClosed,
    ShellDropped,
    ShellGap,
    ShellOpen,
    ShellOpened,
    ShellResize,
)

MAX_OPEN = 16
"""Shells that may be open at the same time in one session."""
LAST_NUMBER = 255
"""Numbers are not used twice in a session: a late frame can never reach another shell."""
ALL_WINDOWS = 2 * SHELL_WINDOW
"""Bytes that may be on their way to one viewer in all shells together: its other channels wait behind them."""
MAX_BACKLOG = 256 * 1024
"""Bytes that may wait in the leg's socket before no more output is put there."""
LOOK_S = 0.01
"""How soon a full socket is looked at again."""


class _Wish(NamedTuple):
    """What was asked for: by which leg, in whose name, of which size (columns, rows)."""

    leg: int
    by: str
    size: tuple[int, int]


class _OpenShell:
    """One shell, from the moment it is started until its last output has been sent. Hears its terminal."""

    def __init__(self, tool: "ShellTool", keeping: Keeping, number: int, wish: _Wish) -> None:
        """Raises OSError when no shell can be started."""
        self.number = number
        self.channel = channel(Kind.SHELL, number)
        self.wish = wish
        self.size = wish.size
        self.opened_ms = int(time.time() * 1000)
        self.ring = Ring()
        self.flow = Flow(self.ring)
        self.running = False
        self.ended = False
        self.status: int | None = None
        self.patience: asyncio.TimerHandle | None = None
        self._tool = tool
        self.terminal = Terminal(keeping, number, wish.size, self)

    def opened(self) -> ShellOpened:
        """What viewers are told."""
        cols, rows = self.size
        return ShellOpened(
            shell=self.number,
            cols=cols,
            rows=rows,
            by=self.wish.by[:128],
            command=self.terminal.command[:128],
            opened_ms=self.opened_ms,
        )

    def closed(self) -> ShellClosed:
        """What viewers are told at the end."""
        text = _("The shell was lost.") if self.status is None else ""
        return ShellClosed(shell=self.number, status=self.status, text=text, end=self.ring.end)

    def on_started(self) -> None:
        self.running = True
        self._tool.started(self)

    def on_failed(self, reason: str) -> None:
        self._tool.failed(self, reason)

    def on_output(self, data: bytes) -> None:
        self.ring.append(data)
        self._tool.pump(self)

    def on_exit(self, status: int | None) -> None:
        self.ended, self.status = True, status
        self._tool.exited(self)


class ShellTool(Tool):
    """Serves the shell channel (see `Tool`)."""

    kind = Kind.SHELL

    def __init__(self, port: ToolPort) -> None:
        self._port = port
        self._loop = port.loop
        self._keeping = Keeping(lambda: port.log("shell_keeper_lost"))
        self._shells: dict[int, _OpenShell] = {}
        """By number, also those that have ended and are not told yet."""
        self._next = 1
        self._consent = Consent(port, self.kind, "shell", self._answered)
        self._wishes: dict[int, list[_Wish]] = {}
        """Shells that wait for the customer's answer, per representative."""
        self._online = True
        self._look: asyncio.TimerHandle | None = None

    # --- frames ---

    def on_frame(self, leg: int, frame_type: int, channel: int, payload: memoryview) -> None:
        """Take one frame of a viewer."""
        if frame_type == Shell.OPEN:
            size = msgspec.json.decode(payload, type=ShellOpen)
            self._request(_Wish(leg, self._port.name_of(leg), (size.cols, size.rows)))
            return
        shell = self._shells.get(channel & 0xFF)
        if shell is None or not shell.running:
            self._no_such_shell(leg, channel, frame_type)
        elif frame_type == CREDIT:
            if len(payload) != CREDIT_BYTES.size:
                raise ValueError(f"CREDIT has {CREDIT_BYTES.size} bytes, {len(payload)} came")
            shell.flow.credit(leg, CREDIT_BYTES.unpack(payload)[0], self._loop.time())
            self.pump(shell)
        elif frame_type == Shell.ATTACH:
            shell.flow.attach(leg, msgspec.json.decode(payload, type=ShellAttach).offset, self._loop.time())
            self.pump(shell)
        elif shell.ended:
            return
        elif frame_type == Shell.INPUT:
            self._type(leg, shell, bytes(payload))
        elif frame_type == Shell.RESIZE:
            self._resize(shell, msgspec.json.decode(payload, type=ShellResize))
        elif frame_type == Shell.CLOSE:
            shell.terminal.hang_up()

    def viewer_joined(self, leg: int) -> None:
        """Tell a new viewer which shells are open."""
        for shell in self._shells.values():
            if shell.running and not shell.ended:
                self._send(Shell.OPENED, shell.channel, shell.opened(), leg)

    def viewer_left(self, leg: int) -> None:
        """Wait for this viewer no longer."""
        self._consent.cancel(leg)
        self._wishes.pop(leg, None)
        for shell in list(self._shells.values()):
            shell.flow.leave(leg, self._loop.time())
            self.pump(shell)

    def resumed(self) -> None:
        """The socket is back: say which shells are open, and send again what may have been lost with the old one."""
        self._online = True
        for shell in list(self._shells.values()):
            if shell.running:
                self._send(Shell.OPENED, shell.channel, shell.opened(), EVERY_LEG)
                shell.flow.rewind(self._loop.time())
                self.pump(shell)

    def close(self) -> None:
        """End all shells: the session is over, or nobody may use them any more (a switch, the endpoint's own grant)."""
        self._consent.close()
        while self._shells:
            number, shell = self._shells.popitem()
            if shell.patience is not None:
                shell.patience.cancel()
            shell.terminal.let_go()
            if shell.running and not shell.ended:
                self._post("shell-closed", shell.wish, shell=number)
        if self._look is not None:
            self._look.cancel()
        self._keeping.close()

    # --- opening and closing ---

    @property
    def _open(self) -> int:
        """How many shells are open."""
        return sum(shell.running and not shell.ended for shell in self._shells.values())

    def _request(self, wish: _Wish) -> None:
        self._post("shell-requested", wish)
        if self._consent.given(wish.leg):
            self._start(wish)
            return
        wishes = self._wishes.setdefault(wish.leg, [])
        if len(wishes) >= MAX_OPEN:
            self._refuse(wish, self._too_many())
            return
        wishes.append(wish)
        self._consent.ask(wish.leg)

    def _answered(self, leg: int, allowed: bool) -> None:
        for wish in self._wishes.pop(leg, []):
            if allowed:
                self._start(wish)
            else:
                self._refuse(wish, _("The customer did not allow the Command Shell."))

    def _start(self, wish: _Wish) -> None:
        if sum(not shell.ended for shell in self._shells.values()) >= MAX_OPEN:
            self._refuse(wish, self._too_many())
        elif self._next > LAST_NUMBER:
            self._refuse(wish, _("This session has had as many shells as it may have: start a new session."))
        else:
            number, self._next = self._next, self._next + 1
            try:
                self._shells[number] = _OpenShell(self, self._keeping, number, wish)
            except OSError as error:
                self._not_started(wish, error.strerror or type(error).__name__)

    def started(self, shell: _OpenShell) -> None:
        """A shell runs. Whoever asked for it may have lost the right meanwhile: it ends again."""
        may = self._consent.may(shell.wish.leg, shell.wish.by)
        if may:
            shell.flow.attach(shell.wish.leg, 0, self._loop.time())
        self._share_windows()
        self._send(Shell.OPENED, shell.channel, shell.opened(), EVERY_LEG)
        self._post("shell-opened", shell.wish, shell=shell.number)
        if not may:
            shell.terminal.hang_up()
        self.pump(shell)

    def failed(self, shell: _OpenShell, reason: str) -> None:
        """A shell could not be started."""
        del self._shells[shell.number]
        self._not_started(shell.wish, reason)

    def exited(self, shell: _OpenShell) -> None:
        """A shell has ended: its last output and CLOSED are still to be sent."""
        if self._shells.get(shell.number) is not shell:
            return
        if not shell.running:
            self.failed(shell, _("it ended at once"))
            return
        self._share_windows()
        status = {} if shell.status is None else {"status": shell.status}
        self._post("shell-closed", shell.wish, shell=shell.number, **status)
        self.pump(shell)

    def _share_windows(self) -> None:
        for shell in self._shells.values():
            shell.flow.most = min(SHELL_WINDOW, ALL_WINDOWS // max(self._open, 1))

    @staticmethod
    def _too_many() -> str:
        return _("No more than {count} shells can be open: close one first.").format(count=MAX_OPEN)

    def _not_started(self, wish: _Wish, reason: str) -> None:
        self._port.log("shell_failed", reason=reason)
        self._refuse(wish, _("No shell could be started: {reason}.").format(reason=reason))

    def _refuse(self, wish: _Wish, text: str) -> None:
        self._post("shell-refused", wish)
        self._send(Shell.CLOSED, channel(Kind.SHELL), ShellClosed(shell=0, text=text), wish.leg)

    def _post(self, kind: str, wish: _Wish, **data: int) -> None:
        self._port.post(kind, "", by=wish.by, leg=wish.leg, open=self._open, **data)

    def _no_such_shell(self, leg: int, number: int, frame_type: int) -> None:
        """Whoever believes in a shell that is not there is told; frames that were on their way need no answer."""
        if frame_type in {Shell.ATTACH, Shell.INPUT} and number & 0xFF:
            closed = ShellClosed(shell=number & 0xFF, text=_("This shell is not there any more."))
            self._send(Shell.CLOSED, number, closed, leg)

    # --- input ---

    def _type(self, leg: int, shell: _OpenShell, data: bytes) -> None:
        if not shell.terminal.write(data):
            self._port.log("shell_input_dropped", shell=shell.number, size=len(data))
            self._send(Shell.DROPPED, shell.channel, ShellDropped(bytes=len(data)), leg)

    def _resize(self, shell: _OpenShell, wish: ShellResize) -> None:
        if (wish.cols, wish.rows) == shell.size:
            return
        shell.size = wish.cols, wish.rows
        shell.terminal.resize(wish.cols, wish.rows)
        self._send(Shell.RESIZED, shell.channel, wish, EVERY_LEG)

    # --- output ---

    def pump(self, shell: _OpenShell) -> None:
        """Send what may be sent now; slow the program down while too much waits."""
        if shell.running:
            self._send_output(shell)
        if shell.ended:
            if self._online and shell.flow.level:
                self._finish(shell)
                return
        elif shell.flow.unsent > MAX_UNSENT:
            shell.terminal.pause_reading()
        else:
            shell.terminal.resume_reading()
        if shell.flow.blocked and shell.patience is None:
            shell.patience = self._loop.call_later(PATIENCE_S + 0.01, self._judge_blocked, shell)

    def _finish(self, shell: _OpenShell) -> None:
        if self._send(Shell.CLOSED, shell.channel, shell.closed(), EVERY_LEG) is not Sent.AWAY:
            del self._shells[shell.number]
            if shell.patience is not None:
                shell.patience.cancel()

    def _send_output(self, shell: _OpenShell) -> None:
        while self._online:
            if self._port.backlog(Kind.SHELL) > MAX_BACKLOG:
                if self._look is None:
                    self._look = self._loop.call_later(LOOK_S, self._look_again)
                return
            frame = shell.flow.next(self._loop.time())
            if frame is None:
                return
            self._send_frame(shell, frame)

    def _send_frame(self, shell: _OpenShell, frame: Chunk | Gap) -> None:
        if isinstance(frame, Chunk):
            payload = OFFSET.pack(frame.offset) + frame.data
            self._online = self._port.send(Shell.DATA, shell.channel, payload, frame.leg) is not Sent.AWAY
        else:
            self._send(Shell.GAP, shell.channel, ShellGap(offset=frame.offset, modes=frame.modes), frame.leg)

    def _look_again(self) -> None:
        self._look = None
        for shell in list(self._shells.values()):
            self.pump(shell)

    def _judge_blocked(self, shell: _OpenShell) -> None:
        shell.patience = None
        for leg in shell.flow.drop_blocked(self._loop.time()):
            self._port.log("shell_viewer_detached", shell=shell.number, leg=leg)
        self.pump(shell)

    def _send(self, frame_type: Shell, number: int, message: msgspec.Struct, leg: int) -> Sent:
        sent = self._port.send(frame_type, number, msgspec.json.encode(message), leg)
        self._online = self._online and sent is not Sent.AWAY
        return sent
