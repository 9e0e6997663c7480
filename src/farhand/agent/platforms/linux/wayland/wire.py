"""A Wayland client: objects, requests, events and descriptors over the compositor's socket.

Why it exists: the wire is small and never changes (wayland.freedesktop.org, chapter 4: native byte order; object,
then size and number in one word, then arguments in words), and a library would bring native code and a code generator
along.

Rules: a connection belongs to one thread. Requests are kept until `flush`, which everything that waits does first.
Nothing waits longer than `PATIENCE` without saying so. Whatever the compositor sends is bounded and checked; failures
are DesktopError. An object that was destroyed here stays known until the compositor says that it forgot it: events that
were under way, and their descriptors, are dropped.
"""

import array
import contextlib
import os
import select
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from farhand.agent.core.desktop import DesktopError
from farhand.agent.platforms.linux.wayland.interfaces import INTERFACES, Message
from farhand.agent.texts import _

PATIENCE = 10.0
"""A compositor that does not answer in so many seconds hangs."""
_HEAD = struct.Struct("=IHH")
_MOST_FDS = 28
_MOST_QUEUED = 1 << 20
_SERVER_IDS = 0xFF000000
"""Objects from here on are made by the compositor."""


class Thing:
    """A protocol object. `on` maps names of events to what is called with their arguments."""

    def __init__(self, connection: "Connection", interface: str, number: int, version: int) -> None:
        self.connection = connection
        self.interface = interface
        self.number = number
        self.version = version
        self.on: dict[str, Callable[..., None]] = {}
        self.dead = False

    def send(self, name: str, *values: Any) -> None:
        """Make a request."""
        self.connection.request(self, name, values)

    def make(self, name: str, *values: Any) -> "Thing":
        """Make a request that makes an object; `values` leaves that one out."""
        made = self.connection.request(self, name, values)
        assert made is not None
        return made

    def destroy(self) -> None:
        """Be rid of it, there and here."""
        if not self.dead:
            self.send("destroy")
            self.dead = True


class Connection:
    """Connected to the compositor that listens at `path`. Raises DesktopError."""

    def __init__(self, path: str, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._in = bytearray()
        self._in_fds: deque[int] = deque()
        self._out = bytearray()
        self._objects: dict[int, Thing] = {}
        self._free: list[int] = []
        self._next = 2
        self.globals: dict[int, tuple[str, int]] = {}
        """What the compositor offers: number: interface and version."""
        self.on_globals: Callable[[], None] = lambda: None
        """Called when something is offered or taken back after the beginning."""
        try:
            self._socket.settimeout(patience)
            self._socket.connect(path)
            self._socket.setblocking(False)
            self._display = self._objects[1] = Thing(self, "wl_display", 1, 1)
            self._display.on = {"error": self._refused, "delete_id": self._deleted}
            self._registry = self._display.make("get_registry")
            self._registry.on = {"global": self._offered, "global_remove": self._withdrawn}
            self.roundtrip()
        except OSError as error:
            self.close()
            raise gone() from error
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int:
        """Descriptor that becomes readable when events come."""
        return self._socket.fileno()

    def offers(self, interface: str) -> list[int]:
        """Numbers under which an interface is offered, in order."""
        return sorted(number for number, (name, _version) in self.globals.items() if name == interface)

    def bind(self, interface: str, version: int, number: int | None = None) -> Thing:
        """Take what is offered, in at most this version. Raises UnsupportedError when it is not there."""
        offered = self.offers(interface) if number is None else [number]
        if not offered:
            raise DesktopError("unsupported", _("This desktop's compositor lacks {name}.").format(name=interface))
        version = min(version, self.globals[offered[0]][1])
        made = self._new(interface, version)
        self.request(self._registry, "bind", (offered[0], made))
        return made

    def request(self, target: Thing, name: str, values: tuple[Any, ...]) -> Thing | None:
        """Put a request in the queue and return the object that it makes. `bind` is handed its object."""
        requests = INTERFACES[target.interface].requests
        number = next(at for at, message in enumerate(requests) if message.name == name)
        body, fds, rest, made = bytearray(), [], deque(values), None
        for kind, interface in requests[number].arguments:
            if kind == "n" and interface:
                made = self._new(interface, target.version)
                body += struct.pack("=I", made.number)
            elif kind == "n":
                made = rest.popleft()
                body += _string(made.interface) + struct.pack("=II", made.version, made.number)
            elif kind == "h":
                fds.append(rest.popleft())
            elif kind == "o":
                thing = rest.popleft()
                body += struct.pack("=I", 0 if thing is None else thing.number)
            elif kind == "s":
                body += _string(rest.popleft())
            else:
                value = rest.popleft()
                body += struct.pack("=I" if kind == "u" else "=i", round(value * 256) if kind == "f" else value)
        assert not rest
        self._out += _HEAD.pack(target.number, number, _HEAD.size + len(body)) + body
        if fds or len(self._out) > _MOST_QUEUED:
            self.flush(fds)  # now: the caller may close its descriptor
        return made

    def flush(self, fds: list[int] | None = None) -> None:
        """Send what waits. Raises DesktopError."""
        fds, deadline = fds or [], time.monotonic() + self._patience
        while self._out:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
            try:
                sent = self._socket.sendmsg([self._out], rights, socket.MSG_NOSIGNAL)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise _hangs() from None
                select.select([], [self._socket], [], 0.5)
            except OSError as error:
                self._last_words()
                raise gone() from error
            else:
                fds = []
                del self._out[:sent]

    def pump(self, wait: float = 0.0) -> None:
        """Flush, wait so many seconds for events, and handle those that are there. Raises DesktopError."""
        self.flush()
        if wait > 0:
            select.select([self._socket], [], [], wait)
        while True:
            try:
                data, fds, _flags, _address = socket.recv_fds(self._socket, 1 << 16, _MOST_FDS, socket.MSG_CMSG_CLOEXEC)
            except BlockingIOError:
                break
            except OSError as error:
                raise gone() from error
            self._in_fds += fds
            if not data:
                raise gone()
            self._in += data
            self._dispatch()
        self.flush()  # what the handlers said

    def until(self, done: Callable[[], bool], patience: float | None = None) -> bool:
        """Handle events until `done()`; False when `patience` seconds were not enough. Raises DesktopError."""
        deadline = time.monotonic() + (self._patience if patience is None else patience)
        self.pump()
        while not done():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.pump(left)
        return True

    def roundtrip(self) -> None:
        """Wait until the compositor has dealt with all requests so far. Raises DesktopError."""
        done: list[int] = []
        self._display.make("sync").on["done"] = done.append
        if not self.until(lambda: bool(done)):
            raise _hangs()

    def close(self) -> None:
        """Disconnect; the compositor lets go of everything that was ours."""
        self._socket.close()
        for fd in self._in_fds:
            os.close(fd)
        self._in_fds.clear()

    # --- what comes ---

    def _dispatch(self) -> None:
        at = 0
        while len(self._in) - at >= _HEAD.size:
            number, opcode, size = _HEAD.unpack_from(self._in, at)
            if size < _HEAD.size or size % 4:
                raise _strange()
            if len(self._in) - at < size:
                break
            body = bytes(self._in[at + _HEAD.size : at + size])
            at += size
            self._event(number, opcode, body)
        del self._in[:at]

    def _event(self, number: int, opcode: int, body: bytes) -> None:
        target = self._objects.get(number)
        if target is None:
            raise _strange()
        events = INTERFACES[target.interface].events
        if opcode >= len(events):
            raise _strange()
        try:
            values = self._values(events[opcode], body, target)
        except (struct.error, UnicodeDecodeError, IndexError) as error:
            raise _strange() from error
        handler = None if target.dead else target.on.get(events[opcode].name)
        if handler is not None:
            handler(*values)
        else:
            for (kind, _interface), value in zip(events[opcode].arguments, values, strict=True):
                if kind == "h":
                    os.close(value)

    def _values(self, event: Message, body: bytes, target: Thing) -> list[Any]:
        values: list[Any] = []
        at = 0
        for kind, interface in event.arguments:
            if kind == "h":
                values.append(self._in_fds.popleft())
                continue
            (word,) = struct.unpack_from("=i" if kind in "if" else "=I", body, at)
            at += 4
            if kind in "sa":
                data = body[at : at + word]
                if len(data) != word:
                    raise IndexError
                at += word + -word % 4
                values.append(data.removesuffix(b"\0").decode(errors="replace") if kind == "s" else data)
            elif kind == "n":
                if word < _SERVER_IDS:
                    raise IndexError
                self._objects[word] = Thing(self, interface, word, target.version)
                values.append(self._objects[word])
            elif kind == "o":
                values.append(self._objects.get(word))
            else:
                values.append(word / 256 if kind == "f" else word)
        return values

    def _new(self, interface: str, version: int) -> Thing:
        if self._free:
            number = self._free.pop()
        else:
            number, self._next = self._next, self._next + 1
        made = self._objects[number] = Thing(self, interface, number, version)
        return made

    def _offered(self, number: int, interface: str, version: int) -> None:
        self.globals[number] = (interface[:128], version)
        self.on_globals()

    def _withdrawn(self, number: int) -> None:
        if self.globals.pop(number, None) is not None:
            self.on_globals()

    def _deleted(self, number: int) -> None:
        if 1 < number < self._next and self._objects.pop(number, None) is not None:
            self._free.append(number)

    def _refused(self, thing: Thing | None, code: int, text: str) -> None:
        about = "?" if thing is None else thing.interface
        raise DesktopError(
            "error", _("The desktop's compositor refused: {text}").format(text=f"{about} {code} {text[:200]}")
        )

    def _last_words(self) -> None:
        """A compositor says why it hangs up: read it before the broken connection is reported."""
        with contextlib.suppress(OSError):
            self._in += self._socket.recv(1 << 16)
            self._dispatch()


def _string(text: str) -> bytes:
    data = text.encode() + b"\0"
    return struct.pack("=I", len(data)) + data + b"\0" * (-len(data) % 4)


def gone() -> DesktopError:
    """The compositor is not there, or not there any more."""
    return DesktopError("no-display", _("The desktop's compositor has stopped."))


def _hangs() -> DesktopError:
    return DesktopError("error", _("The desktop's compositor does not answer."))


def _strange() -> DesktopError:
    return DesktopError("error", _("The desktop's compositor sent something that is no Wayland."))
