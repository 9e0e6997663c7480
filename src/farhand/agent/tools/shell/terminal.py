"""A pseudo-terminal with the user's login shell in it.

The keeper starts the shell (see `keeper`); here is the other side of the terminal: what is typed, what is printed, its
size. What is typed is passed on and kept nowhere; whether it is echoed is up to the program in the terminal.
"""

import asyncio
import contextlib
import os
import pwd
import termios
from pathlib import Path
from typing import Protocol

from farhand.agent.tools.shell.keeping import Keeping

READ_SIZE = 16 * 1024
MAX_WAITING_INPUT = 1 << 20
"""Input that the program does not read is kept up to this many bytes; more is dropped."""
_FALLBACK_SHELL = "/bin/sh"
_TRAMPOLINE = 'cd "$HOME" 2>/dev/null || cd /; exec "$0" -l'
_PASSED_ON = ("LC_ALL", "LC_CTYPE", "LANGUAGE", "TZ", "DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR")
_REFUSED = (OSError, termios.error)
"""What the system says no by: a terminal may be hung up, or taken away, between any two calls. It ends by itself then;
the other shells of the session must not hear of it."""
_SIGNAL_KEYS = (termios.VINTR, termios.VQUIT, termios.VSUSP)


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
    """Return the environment of a login: the user's, not the agent's. As with terminal programs, a home folder that
    the environment names is the user's."""
    try:
        user = pwd.getpwuid(os.geteuid())
        name, home = user.pw_name, user.pw_dir
    except KeyError:
        name, home = str(os.geteuid()), "/"
    named = os.environ.get("HOME", "")
    system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    language = os.environ.get("LANG", "")
    environment = {
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "HOME": named if named.startswith("/") and os.path.isdir(named) else home,
        "USER": name,
        "LOGNAME": name,
        "SHELL": shell,
        "PATH": os.environ.get("PATH", system),
        "LANG": language if language not in {"", "C", "POSIX"} else "C.UTF-8",
    }
    environment.update({key: os.environ[key] for key in _PASSED_ON if key in os.environ})
    return environment


class Listener(Protocol):
    """Who is told what happens in a terminal, in the event loop's thread."""

    def on_started(self) -> None:
        """The shell runs."""
        ...

    def on_failed(self, reason: str) -> None:
        """No shell could be started; nothing more comes."""
        ...

    def on_output(self, data: bytes) -> None:
        """The shell, or what runs in it, has printed something."""
        ...

    def on_exit(self, status: int | None) -> None:
        """The shell has ended and all it printed has been told: exit status, negative for a signal, None if nobody
        knows."""
        ...


class Terminal:
    """One running shell."""

    def __init__(self, keeping: Keeping, number: int, size: tuple[int, int], listener: Listener) -> None:
        """Make a terminal of `size` (columns, rows) and start the shell in it. Raises OSError when there is none to be
        had."""
        self._loop = asyncio.get_running_loop()
        self._keeping = keeping
        self._number = number
        self._listener = listener
        self.command = login_shell()
        self.pid = 0
        """Process id of the shell; 0 before it runs."""
        self._input = bytearray()
        self._reading = False
        self._ended = False
        self._status: int | None = None
        self._told = False
        self._master, found = os.openpty()
        self._slave: int | None = found
        """Open until the shell has it: without anybody, reading would say that the terminal is closed."""
        self._open = True
        try:
            os.set_blocking(self._master, False)
            self._name = os.ttyname(found)
            self.resize(*size)
            argv = ["/bin/sh", "-c", _TRAMPOLINE, self.command]
            keeping.start(number, argv, shell_environment(self.command), self._name, self)
        except OSError:
            self._close_master()
            raise
        self.resume_reading()

    # --- the keeper's news ---

    def started(self, pid: int) -> None:
        """It runs."""
        self.pid = pid
        self._close_slave()
        self._listener.on_started()

    def failed(self, error: int) -> None:
        """It could not be started."""
        self._told = True
        self._close_master()
        self._listener.on_failed(os.strerror(error))

    def exited(self, status: int | None) -> None:
        """It has ended; last words may still be in the terminal."""
        self._ended, self._status = True, status
        self._close_slave()
        if self._open:
            # A background program may hold the terminal open for ever: what is there now is all.
            for _turn in range(64):
                if not self._read():
                    break
            self._close_master()
        self._report()

    # --- for the tool ---

    def write(self, data: bytes) -> bool:
        """Type `data` into the terminal; False when the program takes no input and too much waits already."""
        if not self._open:
            return True
        if self._input and self._is_signal(data):
            # The program is to be interrupted, so it will not read what waits: it would never come to this key.
            self._input.clear()
            self._loop.remove_writer(self._master)
            self._forget_typed()
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
            with contextlib.suppress(*_REFUSED):
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
        """End the shell and what runs in it: the kernel hangs the terminal up, the keeper does the rest. `on_exit`
        comes."""
        self._close_master()
        self._keeping.end(self._number)

    def let_go(self) -> None:
        """Close the terminal; the keeper ends what is in it. Nothing is told any more."""
        self._told = True
        self._close_master()

    # --- inside ---

    def _is_signal(self, data: bytes) -> bool:
        """Say whether this is a key that the terminal turns into a signal now."""
        if len(data) != 1:
            return False
        try:
            _, _, _, local, _, _, characters = termios.tcgetattr(self._master)
        except _REFUSED:
            return False
        return bool(local & termios.ISIG) and data in [characters[key] for key in _SIGNAL_KEYS]

    def _forget_typed(self) -> None:
        """Drop what was typed and not read yet, on both sides of the terminal, as far as the system lets it be dropped:
        without that the key still goes, behind what waits."""
        with contextlib.suppress(*_REFUSED):
            termios.tcflush(self._master, termios.TCOFLUSH)
            slave = os.open(self._name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                termios.tcflush(slave, termios.TCIFLUSH)
            finally:
                os.close(slave)

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
            self._listener.on_output(b"".join(parts))
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

    def _close_slave(self) -> None:
        if self._slave is not None:
            os.close(self._slave)
            self._slave = None

    def _close_master(self) -> None:
        if self._open:
            self._open = False
            self._loop.remove_writer(self._master)
            self.pause_reading()
            os.close(self._master)
            self._close_slave()

    def _report(self) -> None:
        if self._ended and not self._open and not self._told:
            self._told = True
            self._listener.on_exit(self._status)
