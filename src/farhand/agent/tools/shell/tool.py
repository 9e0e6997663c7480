"""The shell tool of one session: speaks the shell channel, owns its terminals.

System entries say who asked for a shell, that it opened or closed, and how many are open then.
"""

import asyncio
import time
from dataclasses import dataclass, field

import msgspec

from farhand.agent.core.consent import Consent
from farhand.agent.core.tools import Sent, Tool, ToolPort
from farhand.agent.texts import _
from farhand.agent.tools.shell.flow import MAX_UNSENT, PATIENCE_S, Flow
from farhand.agent.tools.shell.ring import Ring
from farhand.agent.tools.shell.terminal import Terminal
from farhand.protocol.channels import CREDIT, Kind, Shell, channel
from farhand.protocol.frames import EVERY_LEG
from farhand.protocol.messages import ShellAttach, ShellClosed, ShellOpen, ShellOpened, ShellResize
from farhand.protocol.shell import CREDIT_BYTES, OFFSET

MAX_OPEN = 16
"""Shells that may be open at the same time in one session."""
LAST_NUMBER = 255
"""Numbers are not used twice in a session: a late frame can never reach another shell."""


@dataclass
class _OpenShell:
    number: int
    leg: int
    """The representative who opened it, and the name then."""
    by: str
    cols: int
    rows: int
    opened_ms: int = field(default_factory=lambda: int(time.time() * 1000))
    ring: Ring = field(default_factory=Ring)
    terminal: Terminal | None = None
    flow: Flow = field(init=False)
    timer: asyncio.TimerHandle | None = None

    def __post_init__(self) -> None:
        self.flow = Flow(self.ring)


class ShellTool(Tool):
    """Serves the shell channel (see `Tool`)."""

    kind = Kind.SHELL

    def __init__(self, port: ToolPort) -> None:
        self._port = port
        self._loop = port.loop
        self._shells: dict[int, _OpenShell] = {}
        self._next = 1
        self._consent = Consent(port, self.kind, "shell", self._answered)
        self._wishes: dict[int, list[ShellOpen]] = {}
        """Shells that wait for the customer's answer, per representative."""
        self._online = True
        self._late: list[tuple[_OpenShell, ShellClosed]] = []
        """Shells that ended while the socket was away: their last output and CLOSED are still to be sent."""

    # --- frames ---

    def on_frame(self, leg: int, frame_type: int, channel: int, payload: memoryview) -> None:
        """Take one frame of a viewer."""
        number = channel & 0xFF
        if frame_type == Shell.OPEN:
            self._request(leg, msgspec.json.decode(payload, type=ShellOpen))
            return
        shell = self._shells.get(number)
        if shell is None or shell.terminal is None:
            self._no_such_shell(leg, number, frame_type)
            return
        if frame_type == Shell.INPUT:
            if not shell.terminal.write(bytes(payload)):
                self._port.log("shell_input_dropped", shell=number, size=len(payload))
        elif frame_type == CREDIT:
            if len(payload) != CREDIT_BYTES.size:
                raise ValueError(f"CREDIT has {CREDIT_BYTES.size} bytes, {len(payload)} came")
            shell.flow.credit(leg, CREDIT_BYTES.unpack(payload)[0])
            self._pump(shell)
        elif frame_type == Shell.RESIZE:
            self._resize(shell, msgspec.json.decode(payload, type=ShellResize))
        elif frame_type == Shell.ATTACH:
            shell.flow.attach(leg, msgspec.json.decode(payload, type=ShellAttach).offset)
            self._pump(shell)
        elif frame_type == Shell.CLOSE:
            shell.terminal.hang_up()

    def _no_such_shell(self, leg: int, number: int, frame_type: int) -> None:
        """Whoever believes in a shell that is not there is told; frames that were on their way need no answer."""
        if number and frame_type in {Shell.ATTACH, Shell.INPUT}:
            closed = ShellClosed(shell=number, text=_("This shell is not there any more."))
            self._send(Shell.CLOSED, channel(Kind.SHELL, number), closed, leg)

    def viewer_joined(self, leg: int) -> None:
        """Tell a new viewer which shells are open."""
        for shell in self._shells.values():
            self._tell_opened(shell, leg)

    def viewer_left(self, leg: int) -> None:
        """Wait for this viewer no longer."""
        self._consent.cancel(leg)
        self._wishes.pop(leg, None)
        for shell in list(self._shells.values()):
            shell.flow.detach(leg)
            self._pump(shell)

    def resumed(self) -> None:
        """The socket is back: say which shells are open, and send again what may have been lost with the old one."""
        self._online = True
        for shell in list(self._shells.values()):
            self._tell_opened(shell, EVERY_LEG)
            shell.flow.rewind()
            self._pump(shell)
        late, self._late = self._late, []
        for shell, closed in late:
            shell.flow.rewind()
            self._finish(shell, closed)

    def close(self) -> None:
        """End all shells."""
        self._consent.close()
        shells, self._shells = self._shells, {}
        for shell in shells.values():
            if shell.timer is not None:
                shell.timer.cancel()
            if shell.terminal is not None:
                shell.terminal.kill()

    # --- opening and closing ---

    def _request(self, leg: int, wish: ShellOpen) -> None:
        by = self._port.name_of(leg)
        self._port.post("shell-requested", by=by, leg=leg, open=len(self._shells))
        if self._consent.given(leg):
            self._open(leg, by, wish)
            return
        wishes = self._wishes.setdefault(leg, [])
        if len(wishes) >= MAX_OPEN:
            self._refuse(leg, by, _("Too many shells are open: close one first."))
            return
        wishes.append(wish)
        self._consent.ask(leg)

    def _answered(self, leg: int, allowed: bool) -> None:
        by = self._port.name_of(leg)
        for wish in self._wishes.pop(leg, []):
            if allowed:
                self._open(leg, by, wish)
            else:
                self._refuse(leg, by, _("The customer did not allow the Command Shell."))

    def _open(self, leg: int, by: str, wish: ShellOpen) -> None:
        if len(self._shells) >= MAX_OPEN or self._next > LAST_NUMBER:
            self._refuse(leg, by, _("Too many shells are open: close one first."))
            return
        shell = _OpenShell(self._next, leg, by, wish.cols, wish.rows)
        self._next += 1
        try:
            shell.terminal = Terminal(
                wish.cols,
                wish.rows,
                lambda data: self._on_output(shell, data),
                lambda status: self._on_exit(shell, status),
            )
        except OSError as error:
            self._port.log("shell_failed", reason=str(error))
            reason = error.strerror or type(error).__name__
            self._refuse(leg, by, _("No shell could be started: {reason}.").format(reason=reason))
            return
        self._shells[shell.number] = shell
        shell.flow.attach(leg, 0)
        self._tell_opened(shell, EVERY_LEG)
        self._port.post("shell-opened", by=by, leg=leg, shell=shell.number, open=len(self._shells))

    def _refuse(self, leg: int, by: str, text: str) -> None:
        self._port.post("shell-refused", by=by, leg=leg, open=len(self._shells))
        self._send(Shell.CLOSED, channel(Kind.SHELL), ShellClosed(shell=0, text=text), leg)

    def _tell_opened(self, shell: _OpenShell, leg: int) -> None:
        command = shell.terminal.command if shell.terminal is not None else ""
        opened = ShellOpened(
            shell=shell.number,
            cols=shell.cols,
            rows=shell.rows,
            by=shell.by[:128],
            command=command[:128],
            opened_ms=shell.opened_ms,
        )
        self._send(Shell.OPENED, channel(Kind.SHELL, shell.number), opened, leg)

    def _on_exit(self, shell: _OpenShell, status: int) -> None:
        if self._shells.get(shell.number) is not shell:
            return
        del self._shells[shell.number]
        if shell.timer is not None:
            shell.timer.cancel()
        self._finish(shell, ShellClosed(shell=shell.number, status=status))
        self._port.post(
            "shell-closed", by=shell.by, leg=shell.leg, shell=shell.number, open=len(self._shells), status=status
        )

    def _finish(self, shell: _OpenShell, closed: ShellClosed) -> None:
        """Send the last output and CLOSED; a viewer without the credit for all of it is waited for no longer."""
        shell.flow.drop_lagging()
        self._send_output(shell)
        number = channel(Kind.SHELL, shell.number)
        if not self._online or self._send(Shell.CLOSED, number, closed, EVERY_LEG) is Sent.AWAY:
            self._late.append((shell, closed))

    def _resize(self, shell: _OpenShell, wish: ShellResize) -> None:
        if shell.terminal is None or (wish.cols, wish.rows) == (shell.cols, shell.rows):
            return
        shell.cols, shell.rows = wish.cols, wish.rows
        shell.terminal.resize(wish.cols, wish.rows)
        self._send(Shell.RESIZED, channel(Kind.SHELL, shell.number), wish, EVERY_LEG)

    # --- output ---

    def _on_output(self, shell: _OpenShell, data: bytes) -> None:
        shell.ring.append(data)
        self._pump(shell)

    def _send_output(self, shell: _OpenShell) -> None:
        number = channel(Kind.SHELL, shell.number)
        while self._online:
            chunk = shell.flow.next(self._loop.time())
            if chunk is None:
                return
            payload = OFFSET.pack(chunk.offset) + chunk.data
            if self._port.send(Shell.DATA, number, payload, chunk.leg) is Sent.AWAY:
                shell.flow.undo(chunk)
                self._online = False

    def _pump(self, shell: _OpenShell) -> None:
        """Send what may be sent now; slow the program down while too much waits."""
        self._send_output(shell)
        if shell.terminal is None:
            return
        if shell.flow.unsent > MAX_UNSENT:
            shell.terminal.pause_reading()
        else:
            shell.terminal.resume_reading()
        if shell.flow.blocked and shell.timer is None:
            shell.timer = self._loop.call_later(PATIENCE_S + 0.01, self._judge_blocked, shell)

    def _judge_blocked(self, shell: _OpenShell) -> None:
        shell.timer = None
        for leg in shell.flow.drop_blocked(self._loop.time()):
            self._port.log("shell_viewer_detached", shell=shell.number, leg=leg)
        self._pump(shell)

    def _send(self, frame_type: Shell, number: int, message: msgspec.Struct, leg: int) -> Sent:
        return self._port.send(frame_type, number, msgspec.json.encode(message), leg)
