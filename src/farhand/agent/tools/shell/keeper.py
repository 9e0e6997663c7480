"""The keeper: a small program beside the agent that starts shells and sees to it that nothing of them stays behind.

Why a program of its own: when the agent is killed, somebody must still end what runs in its shells. The keeper holds
one end of a socket; when the other end is gone, for whatever reason, it hangs everything up, and kills 2 s later what
is left. It is a subreaper (Linux): whatever a shell started, in whatever session or however far detached, stays its
descendant and is found.

It is run from its source text (`python -I -S -c`), so it imports the standard library only, and nothing of Farhand.
Messages are JSON, one per packet. To it: `{"start": n, "argv": [...], "env": {...}, "tty": "/dev/pts/7"}`,
`{"end": n}`. From it: `{"started": n, "pid": p}`, `{"failed": n, "errno": e}`, `{"exited": n, "status": s}`.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import sys
import time

KILL_AFTER_S = 2.0
"""Between SIGHUP and SIGKILL."""
GIVE_UP_S = 5.0
"""Between SIGHUP and the end of all trying: programs of another user cannot be killed."""
LOOK_S = 0.05
MAX_MESSAGE = 65536
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h

_RESET = (signal.SIGPIPE, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)


def processes() -> dict[int, tuple[int, int]]:
    """Parent and session of every process that is not a zombie, from /proc (proc(5))."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
                if fields[0] != b"Z":
                    found[int(name)] = int(fields[1]), int(fields[3])
    return found


def below(root: int, known: dict[int, tuple[int, int]]) -> set[int]:
    """All descendants of a process."""
    found: set[int] = set()
    level = {root}
    while level:
        level = {pid for pid, (parent, _) in known.items() if parent in level} - found
        found |= level
    return found


class Keeper:
    """Starts shells, reports their ends, ends what is left of them."""

    def __init__(self, agent: socket.socket) -> None:
        self._agent = agent
        self._shells: dict[int, int] = {}
        """Number and process id (which is its session's number too) of each shell. One that exited stays: a terminal
        that is closed hangs its shell up before the word of it comes here, and what was started in it must end too."""
        self._running: dict[int, int] = {}
        """Process id of each shell that was not waited for, and its number."""
        self._ending: dict[int, float] = {}
        """Shells that were hung up, and when. 0 stands for everything."""
        self._stopped = False

    def run(self) -> None:
        """Serve until the agent is gone and everything has ended."""
        wake, signalled = socket.socketpair()
        for end in (wake, signalled):
            end.setblocking(False)
        signal.set_wakeup_fd(signalled.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._stop)
        waiting: list[socket.socket] = [wake, self._agent]
        while True:
            ready = select.select(waiting, [], [], LOOK_S if self._ending else None)[0]
            if wake in ready:
                with contextlib.suppress(BlockingIOError):
                    wake.recv(4096)
            if self._agent in ready and not self._take():
                waiting.remove(self._agent)
                self._stopped = True
            if self._stopped and 0 not in self._ending:
                self._hang_up(0)
            self._reap()
            self._go_on_ending()
            if 0 in self._ending and self._over(0):
                return

    def _take(self) -> bool:
        """Take one message; False when the agent is gone."""
        try:
            data = self._agent.recv(MAX_MESSAGE)
        except OSError:
            data = b""
        if not data:
            return False
        message = json.loads(data)
        if "start" in message:
            self._start(message["start"], message["argv"], message["env"], message["tty"])
        elif message["end"] in self._shells:
            self._hang_up(message["end"])
        return True

    def _start(self, number: int, argv: list[str], env: dict[str, str], tty: str) -> None:
        try:
            # A new session first, then the terminal's name is opened as standard input, which makes it the controlling
            # terminal of that session (Linux: first terminal that a session leader opens).
            pid = os.posix_spawn(
                argv[0],
                argv,
                env,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, tty, os.O_RDWR, 0),
                    (os.POSIX_SPAWN_DUP2, 0, 1),
                    (os.POSIX_SPAWN_DUP2, 0, 2),
                ],
                setsid=True,
                setsigmask=(),
                setsigdef=_RESET,
            )
        except OSError as error:
            self._tell({"failed": number, "errno": error.errno})
            return
        self._shells[number] = pid
        self._running[pid] = number
        self._tell({"started": number, "pid": pid})

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            number = self._running.pop(pid, None)
            if number is not None:
                self._tell({"exited": number, "status": os.waitstatus_to_exitcode(status)})

    def _tell(self, message: dict[str, object]) -> None:
        # When the agent is gone or deaf, the next turn of the loop sees to it.
        with contextlib.suppress(OSError):
            self._agent.send(json.dumps(message).encode())

    # --- ending ---

    def _stop(self, *_: object) -> None:
        self._stopped = True

    def _hang_up(self, number: int) -> None:
        self._ending.setdefault(number, time.monotonic())
        # A stopped program hears the hang-up only when it is continued.
        self._signal(number, signal.SIGHUP)
        self._signal(number, signal.SIGCONT)

    def _go_on_ending(self) -> None:
        now = time.monotonic()
        for number, since in list(self._ending.items()):
            if now - since >= KILL_AFTER_S:
                self._signal(number, signal.SIGKILL)
            if number and self._over(number):
                del self._ending[number], self._shells[number]

    def _over(self, number: int) -> bool:
        return not self._members(number) or time.monotonic() - self._ending[number] >= GIVE_UP_S

    def _members(self, number: int) -> set[int]:
        """The processes of a shell: its descendants and those in its session; of 0: all descendants of the keeper."""
        known = processes()
        mine = below(os.getpid(), known)
        shell = self._shells.get(number)
        if not number or shell is None:
            return mine if not number else set()
        session = {pid for pid in mine if known[pid][1] == shell}
        return session | {pid for root in session | {shell} for pid in below(root, known) & mine}

    def _signal(self, number: int, which: signal.Signals) -> None:
        for pid in self._members(number):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, which)


def main() -> None:
    """Serve the agent at the other end of the socket whose descriptor is the first argument."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    agent = int(sys.argv[1])
    os.set_inheritable(agent, False)
    Keeper(socket.socket(fileno=agent)).run()


if __name__ == "__main__":
    main()
