"""A canned script that runs on Linux: its file, its process group, its output.

Rules: the text lies in a folder that only the account it runs as can read, and is removed with the end. It runs by the
program that its first line names (`#!`, read here as the kernel reads it: a program and at most one argument), else by
/bin/sh. It has no standard input, and a process group of its own: what is in it when the script ends is ended too. A
guard beside it ends that group and removes the folder when the client itself is gone, by `kill -9` as well.

The script's own process is reaped last of all: until then nobody else can get the number by which its group is ended.
"""

import contextlib
import fcntl
import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

from farhand.agent.core.machine import MachineError
from farhand.agent.platforms.linux.people import Person
from farhand.agent.texts import _

KILL_AFTER_S = 2.0
"""Between SIGTERM and SIGKILL."""
_LOOK_MS = 100
"""How often a script that writes nothing is looked at: something it left in the background may hold its output open."""
_GUARD = (
    'trap \'\' TERM INT HUP; read -r group; read -r _; [ -n "$group" ] && kill -s KILL -- "-$group"; rm -rf -- "$1"'
)
"""Waits for the end of its standard input, which the client alone holds open, and for nothing else: who stops the
client's service sends SIGTERM to the guard too."""


def interpreter(text: str) -> list[str]:
    """Return the words before the file's name that run a script."""
    first = text.partition("\n")[0].rstrip()
    words = first[2:].split(None, 1) if first.startswith("#!") else []
    return words or ["/bin/sh"]


class LinuxScript:
    """See `RunningScript`."""

    def __init__(self, text: str, whom: Person, environment: dict[str, str]) -> None:
        """Start it as `whom`. Raises MachineError."""
        self._lock = threading.Lock()
        self._reaped = False
        self._over = threading.Event()
        self._rest: int | None = None
        """Bytes of output that are still read; None while it runs."""
        self._folder = ""
        self._guard: subprocess.Popen[bytes] | None = None
        process: subprocess.Popen[bytes] | None = None
        try:
            self._folder = tempfile.mkdtemp(prefix="farhand-script-")
            self._guard = _guard(self._folder)
            process = _start(text, Path(self._folder), whom, environment)
            assert self._guard.stdin is not None
            self._guard.stdin.write(f"{process.pid}\n".encode())
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            if process is not None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            self._clean()
            raise MachineError(_("The script could not be started: {reason}.").format(reason=error)) from error
        assert process.stdout is not None
        self._process = process
        self._output = process.stdout
        self._ready = select.poll()
        self._ready.register(self._output, select.POLLIN)

    def read(self, size: int) -> bytes:
        """Return what it has written; empty when it has ended."""
        while self._rest is None:
            if self._has_ended():
                # What it wrote itself fits into the pipe. More comes from what has left its group, without an end.
                self._signal(signal.SIGKILL)
                self._rest = fcntl.fcntl(self._output, fcntl.F_GETPIPE_SZ)
            elif self._ready.poll(_LOOK_MS):
                return os.read(self._output.fileno(), size)
        if self._rest <= 0 or not self._ready.poll(0):
            return b""
        data = os.read(self._output.fileno(), min(size, self._rest))
        self._rest -= len(data)
        return data

    def end(self) -> None:
        """SIGTERM now, SIGKILL later."""
        self._signal(signal.SIGTERM)
        threading.Thread(target=self._kill_later, name="script-end", daemon=True).start()

    def kill(self) -> None:
        """SIGKILL now."""
        self._signal(signal.SIGKILL)

    def close(self) -> int | None:
        """Wait for its end, end what is left and remove the file; return the exit status, negative for a signal."""
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        self._signal(signal.SIGKILL)
        self._clean()
        with self._lock:
            self._reaped = True
            status = self._process.wait()
        self._over.set()
        self._output.close()
        return status

    def _has_ended(self) -> bool:
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None

    def _kill_later(self) -> None:
        if not self._over.wait(KILL_AFTER_S):
            self.kill()

    def _signal(self, which: signal.Signals) -> None:
        with self._lock:
            if not self._reaped:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, which)

    def _clean(self) -> None:
        """Remove the folder, then send the guard away."""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
        if self._guard is not None:
            self._guard.kill()
            self._guard.wait()
            assert self._guard.stdin is not None
            self._guard.stdin.close()


def _guard(folder: str) -> subprocess.Popen[bytes]:
    """Start the guard. Raises OSError."""
    return subprocess.Popen(
        ["/bin/sh", "-c", _GUARD, "sh", folder],
        env={"PATH": "/usr/bin:/bin"},
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        start_new_session=True,
    )


def _start(text: str, folder: Path, whom: Person, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Write the text and run it as `whom`. Raises OSError, ValueError, SubprocessError."""
    mine = whom.uid == os.geteuid()
    file = folder / "script"
    file.write_bytes(text.encode())
    file.chmod(0o500)
    if not mine:
        for path in (file, folder):
            os.chown(path, whom.uid, whom.gid)
    return subprocess.Popen(
        [*interpreter(text), str(file)],
        env=whom.environment | environment,
        cwd=whom.home if os.path.isdir(whom.home) else "/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
        start_new_session=True,
        user=None if mine else whom.uid,
        group=None if mine else whom.gid,
        extra_groups=None if mine else whom.groups,
    )
