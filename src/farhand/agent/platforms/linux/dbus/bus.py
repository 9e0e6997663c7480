"""The session's D-Bus, and others: calls, and signals of one connection.

Rules: a connection belongs to one thread at a time, and what a service made for it goes with it. Every failure is
DesktopError. A message that is longer than MOST_BYTES ends the connection before it is read.
"""

import contextlib
from collections import deque
from collections.abc import Iterator
from typing import Any

from jeepney import DBusAddress, MatchRule, Message, MessageFlag, message_bus, new_method_call
from jeepney.fds import FileDescriptor
from jeepney.io.blocking import DBusConnection, Proxy, open_dbus_connection
from jeepney.low_level import MessageType, Parser
from jeepney.wrappers import DBusErrorResponse

from farhand.agent.core.desktop import DesktopError
from farhand.agent.platforms.linux.dbus.find import session_bus
from farhand.agent.texts import _

PATIENCE = 10.0
MOST_BYTES = 4 << 20
_PROPERTIES = "org.freedesktop.DBus.Properties"


class _Bounded(Parser):  # type: ignore[misc]
    """Takes over what the other one has read, and reads no message that is too long."""

    def __init__(self, before: Parser) -> None:
        super().__init__()
        self.buf, self.fds, self.next_msg_size = before.buf, before.fds, before.next_msg_size

    def get_next_message(self) -> Message | None:
        message: Message | None = super().get_next_message()
        if self.next_msg_size is not None and self.next_msg_size > MOST_BYTES:
            raise ValueError(f"a message of {self.next_msg_size} bytes")
        return message


class RefusedCallError(DesktopError):
    """A call was answered with an error, whose name on the D-Bus is `name`."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__("error", text)
        self.name = name


class Bus:
    """A connection of our own, to the session's bus or the one at `address`; with `files`, descriptors may be handed
    over. An answer is waited for `patience` seconds. Raises DesktopError."""

    def __init__(self, address: str | None = None, *, files: bool = False, patience: float = PATIENCE) -> None:
        where = address or session_bus()
        if where is None:
            raise DesktopError("no-display", _("The desktop's session has ended."))
        self._patience = patience
        self._connection: DBusConnection
        with _guarded():
            self._connection = open_dbus_connection(where, enable_fds=files, auth_timeout=PATIENCE)
            self._connection.parser = _Bounded(self._connection.parser)

    @property
    def name(self) -> str:
        """This connection's own name, `:1.7`."""
        return str(self._connection.unique_name)

    def fileno(self) -> int:
        """Descriptor that becomes readable when messages come."""
        return int(self._connection.sock.fileno())

    def call(self, service: str, path: str, interface: str, member: str, signature: str = "", *body: Any) -> Any:
        """Call a method and return its answer: nothing, its only value, or all of them. Raises DesktopError, and
        RefusedCallError where the answer is an error."""
        reply = self._reply(service, path, interface, member, signature, *body)
        if reply.header.message_type is MessageType.error:
            said = DBusErrorResponse(reply)
            detail = str(said.data[0]) if said.data else said.name
            text = _("The desktop refused: {text}").format(text=f"{member}: {detail[:200]}")
            raise RefusedCallError(said.name or "", text)
        return _answer(reply)

    def ask(self, service: str, path: str, interface: str, member: str, signature: str = "", *body: Any) -> Any:
        """Call a method as `call` does; None when it is refused, or there is nobody to ask."""
        reply = self._reply(service, path, interface, member, signature, *body)
        return None if reply.header.message_type is MessageType.error else _answer(reply)

    def _reply(self, service: str, path: str, interface: str, member: str, signature: str, *body: Any) -> Message:
        with _guarded():
            message = new_method_call(DBusAddress(path, service, interface), member, signature or None, body)
            return self._connection.send_and_get_reply(message, timeout=self._patience)

    def call_for_file(
        self, service: str, path: str, interface: str, member: str, signature: str = "", *body: Any
    ) -> int:
        """Call a method whose answer is a descriptor, which is the caller's from then on. Raises DesktopError."""
        answer = self.call(service, path, interface, member, signature, *body)
        if not isinstance(answer, FileDescriptor):
            raise DesktopError("error", _("The desktop refused: {text}").format(text=member))
        return int(answer.to_raw_fd())

    def tell(self, service: str, path: str, interface: str, member: str, signature: str = "", *body: Any) -> None:
        """Call a method whose answer does not matter: nothing is waited for. Never raises."""
        message = new_method_call(DBusAddress(path, service, interface), member, signature or None, body)
        message.header.flags = MessageFlag.no_reply_expected
        with contextlib.suppress(OSError):
            self._connection.send(message)

    def get(self, service: str, path: str, interface: str, name: str) -> Any:
        """Return a property's value. Raises DesktopError."""
        return self.call(service, path, _PROPERTIES, "Get", "ss", interface, name)[1]

    def listen(self, path: str | None, interface: str, member: str, first: str = "") -> "deque[Message]":
        """Have a signal come, of one path or all, with this first argument or any; what came is in what is returned."""
        rule = MatchRule(type="signal", path=path, interface=interface, member=member)
        if first:
            rule.add_arg_condition(0, first)
        with _guarded():
            Proxy(message_bus, self._connection, timeout=PATIENCE).AddMatch(rule)
        queue: deque[Message] = deque(maxlen=64)
        self._connection.filter(rule, queue=queue)
        return queue

    def pump(self, wait: float = 0.0) -> None:
        """Read what came, waiting so many seconds for the first. Raises DesktopError."""
        with _guarded(), contextlib.suppress(TimeoutError):
            while True:
                self._connection.recv_messages(timeout=wait)
                wait = 0.0

    def close(self) -> None:
        """Disconnect."""
        with contextlib.suppress(OSError):
            self._connection.close()


def _answer(reply: Message) -> Any:
    return reply.body[0] if len(reply.body) == 1 else reply.body or None


@contextlib.contextmanager
def _guarded() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise DesktopError("error", _("The desktop does not answer.")) from error
    except (OSError, EOFError, ValueError, RuntimeError, DBusErrorResponse) as error:
        raise DesktopError("no-display", _("The desktop's session has ended.")) from error
