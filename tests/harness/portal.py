"""A desktop's portal of a test's own, on a real D-Bus: org.freedesktop.portal.RemoteDesktop, versions 1 and 2, with
ScreenCast and restore tokens. What it hands out is a real session of Mutter's, where the D-Bus has one.

Why it exists: no machine of the tests has a portal that remembers its answers, nor one of another desktop than GNOME's.

Rules: it answers requests by a signal of an object of its own, as the interfaces say; it refuses what a real one does
(a token that is no UUID, options of a newer version, strokes of who has no session), and ends what belongs to a
connection with it. A test says what the person there does (`person`), and reads what was shown to them (`dialogs`).
"""

import contextlib
import socket
import threading
import uuid
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from jeepney import DBusAddress, Message, MessageFlag, message_bus, new_error, new_method_call, new_method_return
from jeepney.io.blocking import Proxy, open_dbus_connection
from jeepney.low_level import HeaderFields, MessageType
from jeepney.wrappers import new_signal

PORTAL, PATH = "org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop"
DESK, CAST = "org.freedesktop.portal.RemoteDesktop", "org.freedesktop.portal.ScreenCast"
REQUEST, SESSION = "org.freedesktop.portal.Request", "org.freedesktop.portal.Session"
_MUTTER_DESK, _MUTTER_CAST = "org.gnome.Mutter.RemoteDesktop", "org.gnome.Mutter.ScreenCast"
_AGREED, _SAID_NO, _FAILED = 0, 1, 2
_BOTH = 3

Person = Literal["agrees", "only shows", "says no", "is away", "breaks it"]
"""What whoever sits there does with a dialog; breaking it makes the portal give up."""


@dataclass
class _Session:
    owner: str
    path: str
    control: bool
    """By RemoteDesktop."""
    lasts: int = 0
    token: str = ""
    sources: dict[str, Any] = field(default_factory=dict)
    desk: str = ""
    """Mutter's."""
    streams: dict[int, str] = field(default_factory=dict)
    """Mutter's stream of each node."""
    started: bool = False


class FakePortal:
    """Owns the portal's name at `address` until `stop`. With `runtime`, the folder of a Mutter's PipeWire, it hands out
    Mutter's monitors; without it, names of nodes that are not there."""

    def __init__(self, address: str, runtime: Path | None = None, version: int = 2) -> None:
        self.version = version
        """Of RemoteDesktop; 0: it has none."""
        self.person: Person = "agrees"
        self.dialogs: list[str] = []
        """One of each dialog that was shown."""
        self.tokens: set[str] = set()
        """Those that bring a session back."""
        self.strokes: list[tuple[Any, ...]] = []
        self.sessions: dict[str, _Session] = {}
        self._requests: dict[str, str] = {}
        """Dialogs that stand open, and whose."""
        self._runtime = runtime
        self._address = address
        self._bus = open_dbus_connection(address, enable_fds=True)
        self._mutter = open_dbus_connection(address)
        got = Proxy(message_bus, self._bus).RequestName(PORTAL, 4)[0]
        assert got == 1, "somebody else is this D-Bus' portal"
        self._bus.send(_match("type='signal',member='NameOwnerChanged'"))
        self._stopping = False
        self._others: deque[str] = deque()
        """Sessions that a test ends."""
        self._thread = threading.Thread(target=self._run, name="portal", daemon=True)
        self._thread.start()

    def end_sessions(self) -> None:
        """The person there presses the desktop's button that ends all sharing."""
        self._others.extend(self.sessions)

    def revoke(self) -> None:
        """The person there takes back what was to last."""
        self.tokens.clear()

    @property
    def open_dialogs(self) -> int:
        """How many dialogs stand open."""
        return len(self._requests)

    def stop(self) -> None:
        """It is there no more."""
        self._stopping = True
        self._thread.join(60)
        assert not self._thread.is_alive()
        self._bus.close()
        self._mutter.close()

    # --- its thread ---

    def _run(self) -> None:
        while not self._stopping:
            while self._others:
                self._end(self._others.popleft(), tell=True)
            try:
                message = self._bus.receive(timeout=0.02)
            except TimeoutError:
                continue
            kind, fields = message.header.message_type, message.header.fields
            if kind is MessageType.signal and fields.get(HeaderFields.member) == "NameOwnerChanged":
                self._left(*message.body)
            elif kind is MessageType.method_call:
                try:
                    answer = self._called(message)
                except _RefusedError as error:
                    answer = new_error(message, f"org.freedesktop.portal.Error.{error.args[0]}", "s", (error.args[1],))
                if answer is not None and not message.header.flags & MessageFlag.no_reply_expected:
                    self._bus.send(answer)

    def _left(self, name: str, _before: str, now: str) -> None:
        if not now:
            for path in [one.path for one in self.sessions.values() if one.owner == name]:
                self._end(path, tell=False)
            for path in [path for path, owner in self._requests.items() if owner == name]:
                del self._requests[path]

    def _called(self, message: Message) -> Message | None:
        fields = message.header.fields
        path, interface = fields.get(HeaderFields.path), fields.get(HeaderFields.interface)
        member, sender = str(fields.get(HeaderFields.member)), str(fields.get(HeaderFields.sender))
        if interface == "org.freedesktop.DBus.Properties":
            return new_method_return(message, "v", (self._property(*message.body),))
        if interface == REQUEST:
            self._requests.pop(str(path), None)
            return new_method_return(message)
        if interface == SESSION:
            self._mine(str(path), sender)
            self._end(str(path), tell=False)
            return new_method_return(message)
        if interface == DESK and not self.version:
            raise _RefusedError("NotFound", "there is no such interface")
        if member == "OpenPipeWireRemote":
            self._mine(message.body[0], sender)
            return self._remote(message)
        if member.startswith("Notify"):
            self._stroke(member, sender, *message.body)
            return new_method_return(message)
        return self._request(message, member, sender, str(interface))

    def _property(self, interface: str, name: str) -> tuple[str, Any]:
        if interface == DESK and not self.version:
            raise _RefusedError("NotFound", "there is no such interface")
        known = {
            (DESK, "version"): self.version,
            (DESK, "AvailableDeviceTypes"): _BOTH,
            (CAST, "version"): 4,
            (CAST, "AvailableCursorModes"): 7,
            (CAST, "AvailableSourceTypes"): 3,
        }
        return "u", known[interface, name]

    def _request(self, message: Message, member: str, sender: str, interface: str) -> Message | None:
        """Answer with the path of a request; its response comes when the person has answered, or at once."""
        options: dict[str, tuple[str, Any]] = message.body[-1]
        name = sender.removeprefix(":").replace(".", "_")
        request = f"{PATH}/request/{name}/{options['handle_token'][1]}"
        code, results = _AGREED, dict[str, Any]()
        if member == "CreateSession":
            session = _Session(sender, f"{PATH}/session/{name}/{options['session_handle_token'][1]}", interface == DESK)
            self.sessions[session.path] = session
            results = {"session_handle": ("s", session.path)}
        else:
            session = self._mine(message.body[0], sender)
            if member == "SelectDevices":
                self._select_devices(session, options)
            elif member == "SelectSources":
                if "persist_mode" in options and session.control:
                    raise _RefusedError("InvalidArgument", "Remote desktop sessions cannot persist")
                session.sources = options
            elif member == "Start":
                self._requests[request] = sender
                self._bus.send(new_method_return(message, "o", (request,)))
                self._start(session, request)
                return None
        self._bus.send(new_method_return(message, "o", (request,)))
        self._respond(request, sender, code, results)
        return None

    def _select_devices(self, session: _Session, options: dict[str, tuple[str, Any]]) -> None:
        if self.version < 2:
            return  # what it does not know it does not look at
        session.lasts = options.get("persist_mode", ("u", 0))[1]
        token = options.get("restore_token", ("s", ""))[1]
        if token:
            try:
                uuid.UUID(token)
            except ValueError:
                raise _RefusedError("InvalidArgument", "Restore token is not a valid UUID string") from None
        session.token = token

    def _start(self, session: _Session, request: str) -> None:
        brought_back = session.token in self.tokens
        self.tokens.discard(session.token)
        person = self.person
        if not brought_back:
            self.dialogs.append("control" if session.control else "see")
            if person == "is away":
                return
        self._requests.pop(request)
        if not brought_back and person in ("says no", "breaks it"):
            self._respond(request, session.owner, _SAID_NO if person == "says no" else _FAILED, {})
            return
        results: dict[str, Any] = {"streams": ("a(ua{sv})", self._streams(session))}
        if session.control:
            results["devices"] = "u", 0 if person == "only shows" else _BOTH
        if session.lasts:
            token = str(uuid.uuid4())
            self.tokens.add(token)
            results["restore_token"] = "s", token
        session.started = True
        self._respond(request, session.owner, _AGREED, results)

    def _respond(self, request: str, owner: str, code: int, results: dict[str, Any]) -> None:
        signal = new_signal(DBusAddress(request, interface=REQUEST), "Response", "ua{sv}", (code, results))
        signal.header.fields[HeaderFields.destination] = owner
        self._bus.send(signal)

    def _mine(self, path: str, sender: str) -> _Session:
        session = self.sessions.get(path)
        if session is None or session.owner != sender:
            raise _RefusedError("NotFound", "Invalid session")
        return session

    def _end(self, path: str, *, tell: bool) -> None:
        session = self.sessions.pop(path, None)
        if session is None:
            return
        if session.desk:
            with contextlib.suppress(OSError):
                self._call(_MUTTER_DESK if session.control else _MUTTER_CAST, session.desk, "Session", "Stop")
        if tell:
            signal = new_signal(DBusAddress(path, interface=SESSION), "Closed", "a{sv}", ({},))
            signal.header.fields[HeaderFields.destination] = session.owner
            self._bus.send(signal)

    # --- Mutter ---

    def _streams(self, session: _Session) -> list[tuple[int, dict[str, Any]]]:
        if self._runtime is None:
            return [(7, {"position": ("(ii)", (0, 0)), "size": ("(ii)", (800, 600))})]
        about = {}
        if session.control:
            session.desk = self._call(_MUTTER_DESK, "", "", "CreateSession")
            number = self._get(_MUTTER_DESK, session.desk, "SessionId")
            about["remote-desktop-session-id"] = "s", number
        cast = self._call(_MUTTER_CAST, "", "", "CreateSession", "a{sv}", about)
        session.desk = session.desk or cast
        how = {"cursor-mode": ("u", {1: 0, 2: 1, 4: 2}[session.sources.get("cursor_mode", ("u", 1))[1]])}
        found: list[tuple[int, dict[str, Any]]] = []
        told: deque[Message] = deque()
        self._mutter.send_and_get_reply(_match("type='signal',member='PipeWireStreamAdded'"))
        monitors = self._monitors()
        paths = [
            self._call(_MUTTER_CAST, cast, "Session", "RecordMonitor", "sa{sv}", name, how) for name, *_ in monitors
        ]
        self._call(_MUTTER_DESK if session.control else _MUTTER_CAST, session.desk, "Session", "Start", told=told)
        nodes: dict[str, int] = {}
        while len(nodes) < len(paths):
            message = told.popleft() if told else self._mutter.receive(timeout=60)
            if message.header.fields.get(HeaderFields.member) == "PipeWireStreamAdded":
                nodes[message.header.fields[HeaderFields.path]] = message.body[0]
        for path, (_name, position, size) in zip(paths, monitors, strict=True):
            session.streams[nodes[path]] = path
            found.append((nodes[path], {"position": ("(ii)", position), "size": ("(ii)", size)}))
        return found

    def _monitors(self) -> list[tuple[str, tuple[int, int], tuple[int, int]]]:
        service = "org.gnome.Mutter.DisplayConfig"
        _serial, monitors, logicals, _more = self._call(service, "", "", "GetCurrentState")
        sizes = {
            about[0]: (mode[1], mode[2]) for about, modes, _ in monitors for mode in modes if "is-current" in mode[6]
        }
        found = []
        for x, y, scale, _transform, _primary, connected, _about in logicals:
            width, height = sizes[connected[0][0]]
            found.append((connected[0][0], (x, y), (round(width / scale), round(height / scale))))
        return found

    def _stroke(self, member: str, sender: str, path: str, _options: Any, *body: Any) -> None:
        session = self._mine(path, sender)
        if not session.started or not session.control:
            raise _RefusedError("NotAllowed", "Session is not allowed to call Notify methods")
        self.strokes.append((member, *body))
        if not session.desk:
            return
        signature = {"NotifyKeyboardKeysym": "ub", "NotifyPointerButton": "ib", "NotifyPointerAxisDiscrete": "ui"}
        if member == "NotifyPointerMotionAbsolute":
            node, x, y = body
            self._call(_MUTTER_DESK, session.desk, "Session", member, "sdd", session.streams[node], x, y)
        elif member == "NotifyPointerMotion":
            self._call(_MUTTER_DESK, session.desk, "Session", "NotifyPointerMotionRelative", "dd", *body)
        else:
            told = (body[0], bool(body[1])) if signature[member][1] == "b" else body
            self._call(_MUTTER_DESK, session.desk, "Session", member, signature[member], *told)

    def _call(
        self,
        service: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        *body: Any,
        told: "deque[Message] | None" = None,
    ) -> Any:
        where = DBusAddress(path or f"/{service.replace('.', '/')}", service, f"{service}.{interface}".rstrip("."))
        message = new_method_call(where, member, signature or None, body)
        serial = next(self._mutter.outgoing_serial)
        self._mutter.send(message, serial)
        while True:
            reply = self._mutter.receive(timeout=60)
            if reply.header.fields.get(HeaderFields.reply_serial) == serial:
                break
            if told is not None:
                told.append(reply)
        assert reply.header.message_type is not MessageType.error, f"{member}: {reply.body}"
        return reply.body[0] if len(reply.body) == 1 else reply.body

    def _get(self, service: str, path: str, name: str) -> Any:
        where = DBusAddress(path, service, "org.freedesktop.DBus.Properties")
        message = new_method_call(where, "Get", "ss", (f"{service}.Session", name))
        return self._mutter.send_and_get_reply(message, timeout=60).body[0][1]

    def _remote(self, message: Message) -> Message | None:
        if self._runtime is None:
            raise _RefusedError("Failed", "PipeWire does not run")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as remote:
            remote.connect(str(self._runtime / "pipewire-0"))
            self._bus.send(new_method_return(message, "h", (remote,)))
        return None


class _RefusedError(Exception):
    """Its arguments: an error's name, and its text."""


def _match(rule: str) -> Message:
    where = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
    return new_method_call(where, "AddMatch", "s", (rule,))
