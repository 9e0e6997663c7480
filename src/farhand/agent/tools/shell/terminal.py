"""A pseudo-terminal with the user's login shell in it.

The shell is started by `posix_spawn`: a new session first (setsid), then the terminal's name is opened as standard
input, which makes it the controlling terminal of that session (Linux: first terminal that a session leader opens). So
no Python code runs between fork and exec, and no descriptor of the agent is inherited.
"""

import asyncio
import os
import pwd
import signal
import termios
import threading
from collections.abc import Callable
from pathlib import Path

READ_SIZE = 16 * 1024
MAX_WAITING_INPUT = 1 << 20
"""Input that the program does not read is kept up to this many bytes; more is dropped."""
KILL_AFTER_S = 2.0
_FALLBACK_SHELL = "/bin/sh"
_TRAMPOLINE = 'cd "$HOME" 2>/dev/null || cd /; exec "$0" -l'
_PASSED_ON = ("LC_ALL", "LC_CTYPE", "LANGUAGE", "TZ", "DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR")
_RESET_SIGNALS = (signal.SIGPIPE, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)


def login_shell() -> str:
    """Return the shell to start: `SHELL` of the environment if it is one of /etc/shells, else the user's login shell.

    That is the order of terminal programs, so whoever starts the client can choose another shell for it.
    """
    wanted = os.environ.get("SHELL", "")
    if wanted in _allowed_shells() and os.access(wanted, os.X_OK):
        return wanted
    try:
        shell = pwd.getpwuid(os.geteuid()).pw_shell
    except KeyError:
        shell = ""
    return shell if shell and os.access(shell, os.X_OK) else _FALLBACK_SHELL


def _allowed_shells() -> set[str]:
    """The shells that this machine's administrator allows, as in shells(5)."""
    try:
        lines = Path("/etc/shells").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    return {line.strip() for line in lines if line.startswith("/")}


def shell_environment(shell: str) -> dict[str, str]:
    """Return the environment of a login: the user's, not the agent's."""
    try:
        user = pwd.getpwuid(os.geteuid())
        name, home = user.pw_name, user.pw_dir
    except KeyError:
        name, home = str(os.geteuid()), "/"
    system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    language = os.environ.get("LANG", "")
    environment = {
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "HOME": home,
        "USER": name,
        "LOGNAME": name,
        "SHELL": shell,
        "PATH": os.environ.get("PATH", system),
        "LANG": language if language not in {"", "C", "POSIX"} else "C.UTF-8",
    }
    environment.update({key: os.environ[key] for key in _PASSED_ON if key in os.environ})
    return environment


class Terminal:
    """One running shell. Callbacks come in the event loop's thread."""

    def __init__(
        self,
        cols: int,
        rows: int,
        on_output: Callable[[bytes], None],
        on_exit: Callable[[int], None],
        shell: str | None = None,
    ) -> None:
        """Start the shell. Raises OSError when there is no terminal or no process to be had."""
        self._loop = asyncio.get_running_loop()
        self._on_output = on_output
        self._on_exit = on_exit
        self.command = shell if shell is not None else login_shell()
        self._input = bytearray()
        self._reading = False
        self._status: int | None = None
        self._exited = False
        self._kill_timer: asyncio.TimerHandle | None = None
        self._master, slave = os.openpty()
        try:
            os.set_blocking(self._master, False)
            termios.tcsetwinsize(slave, (rows, cols))
            self._pid = self._spawn(os.ttyname(slave))
        except OSError:
            os.close(self._master)
            raise
        finally:
            os.close(slave)
        self._open = True
        self.resume_reading()
        threading.Thread(target=self._wait, name="shell-exit", daemon=True).start()

    def _spawn(self, name: str) -> int:
        return os.posix_spawn(
            "/bin/sh",
            ["/bin/sh", "-c", _TRAMPOLINE, self.command],
            shell_environment(self.command),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, name, os.O_RDWR, 0),
                (os.POSIX_SPAWN_DUP2, 0, 1),
                (os.POSIX_SPAWN_DUP2, 0, 2),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=_RESET_SIGNALS,
        )

    @property
    def pid(self) -> int:
        """Process id of the shell."""
        return self._pid

    def write(self, data: bytes) -> bool:
        """Type `data` into the terminal; False when the program takes no input and too much waits already."""
        if not self._open:
            return True
        if len(self._input) + len(data) > MAX_WAITING_INPUT:
            return False
        waiting = bool(self._input)
        self._input += data
        if not waiting:
            self._flush_input()
        return True

    def resize(self, cols: int, rows: int) -> None:
        """Set the terminal's size in characters; programs in it are told by SIGWINCH."""
        if self._open:
            termios.tcsetwinsize(self._master, (rows, cols))

    def pause_reading(self) -> None:
        """Read no more for now: the program in the terminal is slowed down by it."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._master)

    def resume_reading(self) -> None:
        """Read again."""
        if self._open and not self._reading:
            self._reading = True
            self._loop.add_reader(self._master, self._read)

    def hang_up(self) -> None:
        """End the shell: close the terminal (the kernel hangs it up), kill after 2 s what is left. `on_exit` comes."""
        self._close_master()
        if not self._exited and self._kill_timer is None:
            self._signal(signal.SIGHUP)
            self._kill_timer = self._loop.call_later(KILL_AFTER_S, self._signal, signal.SIGKILL)

    def kill(self) -> None:
        """End the shell at once: the agent goes, nothing may stay behind. `on_exit` may not be called any more."""
        self._close_master()
        if self._kill_timer is not None:
            self._kill_timer.cancel()
        self._signal(signal.SIGHUP)
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        """Signal the shell's own process group, unless it has been waited for: its number may be another's by then."""
        if self._status is None:
            try:
                os.killpg(self._pid, number)
            except (ProcessLookupError, PermissionError):
                return

    def _read(self) -> bool:
        """Read what is there now, up to one frame, and pass it on; say whether there may be more."""
        parts: list[bytes] = []
        size = 0
        ended = False
        # A terminal gives at most 4 KiB a read: gather, and wait for nothing.
        while size < READ_SIZE:
            try:
                data = os.read(self._master, READ_SIZE - size)
            except BlockingIOError:
                break
            except OSError:  # EIO: nobody has the terminal open any more
                data = b""
            if not data:
                ended = True
                break
            parts.append(data)
            size += len(data)
        if parts:
            self._on_output(b"".join(parts))
        if ended:
            self._close_master()
            self._report()
        return bool(parts) and not ended

    def _flush_input(self) -> None:
        try:
            while self._input:
                count = os.write(self._master, self._input[:4096])
                del self._input[:count]
        except BlockingIOError:
            self._loop.add_writer(self._master, self._go_on_writing)
        except OSError:
            self._input.clear()

    def _go_on_writing(self) -> None:
        self._loop.remove_writer(self._master)
        self._flush_input()

    def _close_master(self) -> None:
        if self._open:
            self._open = False
            self._loop.remove_writer(self._master)
            self.pause_reading()
            os.close(self._master)

    def _wait(self) -> None:
        """In a thread of its own (it works on every kernel): wait for the shell and tell the loop."""
        # The process is only reaped in the loop's thread, so that `_signal` can never meet a recycled number.
        os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOWAIT)
        try:
            self._loop.call_soon_threadsafe(self._reap)
        except RuntimeError:  # the loop is closed: the agent is ending
            return

    def _reap(self) -> None:
        _pid, status = os.waitpid(self._pid, 0)
        self._status = os.waitstatus_to_exitcode(status)
        if self._kill_timer is not None:
            self._kill_timer.cancel()
        if self._open:
            # Last words may still be in the terminal; a background program may hold it open for ever.
            for _turn in range(64):
                if not self._read():
                    break
            self._close_master()
        self._report()

    def _report(self) -> None:
        if self._status is not None and not self._open and not self._exited:
            self._exited = True
            self._on_exit(self._status)
