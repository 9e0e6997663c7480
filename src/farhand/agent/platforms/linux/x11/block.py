"""The agent's end of the blocker (see `blocker`): one program for each block.

Everything is called in the event loop, and calls back there.
"""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading

from farhand.agent.core.desktop import BlockEnded, DesktopError
from farhand.agent.core.desktop import Sign as Words
from farhand.agent.texts import _
from farhand.kit.log import get_log

MODULE = "farhand.agent.platforms.linux.x11.blocker"
ALIVE_S = 0.5
"""How often the blocker is told that the agent is there."""
WITHIN_S = 30.0
"""How long it may take until the devices are taken, in seconds."""


def last_words(packets: socket.socket) -> bytes:
    """The next packet; nothing when the other end is gone. Raises BlockingIOError when there is none yet.

    A program that ends while a packet of ours lies unread makes the system report a reset first, once, and only then
    hand out what that program said before (unix(7) does not say so; Linux, `unix_release_sock`).
    """
    for _attempt in range(2):
        try:
            return packets.recv(65536)
        except BlockingIOError:
            raise
        except OSError:
            continue
    return b""


class X11Block:
    """Mouse and keyboard are blocked until `close`, or until `ended` is called (see `InputBlock`)."""

    def __init__(self, display: str, words: Words, ended: BlockEnded) -> None:
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._taken: asyncio.Future[None] = self._loop.create_future()
        self._beat: asyncio.TimerHandle | None = None
        self._socket: socket.socket | None = None
        mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", MODULE, display, str(its.fileno())],
                pass_fds=[its.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            mine.close()
            raise DesktopError("error", _("The program that disables them could not be started.")) from error
        finally:
            its.close()
        threading.Thread(target=process.wait, name="input-blocker", daemon=True).start()
        mine.setblocking(False)
        self._socket = mine
        self._loop.add_reader(mine.fileno(), self._read)
        self._say({"title": words.title, "text": words.text})
        self._alive()

    async def taken(self) -> None:
        """Return when mouse and keyboard are blocked. Raises DesktopError; it is closed then, as when cancelled."""
        try:
            async with asyncio.timeout(WITHIN_S):
                await self._taken
        except TimeoutError:
            self.close()
            raise DesktopError("error", _("Mouse and keyboard could not be disabled in time.")) from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give them back; `ended` is not called any more."""
        if self._beat is not None:
            self._beat.cancel()
        if self._socket is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _alive(self) -> None:
        self._say({})
        self._beat = self._loop.call_later(ALIVE_S, self._alive)

    def _say(self, message: dict[str, str]) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it is gone: `_read` sees to it; or it does not read: it will end
                self._socket.send(json.dumps(message).encode())

    def _read(self) -> None:
        assert self._socket is not None
        try:
            data = last_words(self._socket)
        except BlockingIOError:
            return
        message = json.loads(data) if data else {"failed": ""}
        if "blocked" in message:
            if not self._taken.done():
                self._taken.set_result(None)
            return
        self.close()
        if "person" in message and self._taken.done():
            self._ended("person", "")
            return
        get_log("agent.x11").info("input_block_ended", reason=message.get("failed", ""))
        text = _("They could not be disabled, or not any longer.")
        if message.get("failed") == "busy":
            text = _("Another program there holds a mouse or keyboard, or there is none.")
        if self._taken.done():
            self._ended("failed", text)
        else:
            self._taken.set_exception(DesktopError("error", text))
