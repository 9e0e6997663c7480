"""The agent's end of the keeper (see `keeper`): one for all shells of a session, started with the first of them."""

import asyncio
import json
import pkgutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Protocol


class Kept(Protocol):
    """Who is told how a shell fares."""

    def started(self, pid: int) -> None:
        """It runs."""
        ...

    def failed(self, error: int) -> None:
        """It could not be started; `error` is an errno."""
        ...

    def exited(self, status: int | None) -> None:
        """It has ended: exit status, negative for a signal, None when nobody knows."""
        ...


class Keeping:
    """Starts shells through a keeper. Everything is called in the event loop, and calls back there."""

    def __init__(self, lost: Callable[[], None]) -> None:
        """`lost` is called when the keeper has gone by itself; the shells that it had have been told by then."""
        self._loop = asyncio.get_running_loop()
        self._lost = lost
        self._kept: dict[int, Kept] = {}
        self._socket: socket.socket | None = None

    def start(self, number: int, argv: list[str], env: dict[str, str], tty: str, kept: Kept) -> None:
        """Start a shell in the terminal of this name. Raises OSError when there is no keeper to be had."""
        if self._socket is None:
            self._open()
        message = {"start": number, "argv": argv, "env": env, "tty": tty}
        try:
            self._say(message)
        except OSError:  # this keeper is gone, and its shells with it: another one starts the new shell
            self._gone()
            self._open()
            self._say(message)
        self._kept[number] = kept

    def end(self, number: int) -> None:
        """Hang a shell up, with everything that was started in it; kill after 2 s what is left."""
        if number in self._kept:
            self._send({"end": number})

    def close(self) -> None:
        """Everything ends as in `end`, also what left its shell long ago; nobody is told any more."""
        self._kept.clear()
        if self._socket is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _open(self) -> None:
        source = pkgutil.get_data("farhand.agent.tools.shell", "keeper.py")
        assert source is not None
        mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", source.decode(), str(its.fileno())],
                pass_fds=[its.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,
            )
        except OSError:
            mine.close()
            raise
        finally:
            its.close()
        threading.Thread(target=process.wait, name="shell-keeper", daemon=True).start()
        mine.setblocking(False)
        self._socket = mine
        self._loop.add_reader(mine.fileno(), self._read)

    def _send(self, message: dict[str, object]) -> None:
        if self._socket is None:
            return
        try:
            self._say(message)
        except OSError:
            self._gone()

    def _say(self, message: dict[str, object]) -> None:
        assert self._socket is not None
        self._socket.send(json.dumps(message).encode())

    def _read(self) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._gone()
            return
        message = json.loads(data)
        if "started" in message:
            self._kept[message["started"]].started(message["pid"])
        elif "failed" in message:
            self._kept.pop(message["failed"]).failed(message["errno"])
        else:
            self._kept.pop(message["exited"]).exited(message["status"])

    def _gone(self) -> None:
        kept = list(self._kept.values())
        self.close()
        for one in kept:
            one.exited(None)
        self._lost()
