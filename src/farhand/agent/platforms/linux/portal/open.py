"""Asking the desktop's portal for a session.

Rules: it blocks, for as long as a dialog stands open, and so runs in a thread of its own; whoever does not want it any
more takes the dialog back. A token that the portal does not take is forgotten, and the person asked.
"""

import asyncio
import concurrent.futures
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from farhand.agent.core.abilities import why
from farhand.agent.core.desktop import DesktopError, UnsupportedError
from farhand.agent.platforms.linux.dbus.bus import Bus, RefusedCallError
from farhand.agent.platforms.linux.portal.dialogue import CAST, DESK, Agreed, Ask, Offer, Results, agree
from farhand.agent.platforms.linux.portal.find import Said, remember
from farhand.agent.platforms.linux.portal.session import PATH, PORTAL, SESSION, PortalSession
from farhand.agent.platforms.linux.portal.token import TokenStore
from farhand.agent.texts import _
from farhand.kit.log import get_log

_REQUEST = "org.freedesktop.portal.Request"
_STARTS_S = 60.0
"""The D-Bus starts the portal with the first call, which may take long on a machine that has just started."""
_AGREED, _SAID_NO = 0, 1
_ABSENT = tuple(f"org.freedesktop.DBus.Error.{name}" for name in ("ServiceUnknown", "NameHasNoOwner", "Spawn."))
"""Errors of a D-Bus that knows no portal, or cannot start it."""


class _FailedError(DesktopError):
    """The portal gave up by itself, or did not take a request."""


async def open_session(store: TokenStore) -> PortalSession:
    """Ask for a session, which may show a dialog to whoever sits there; being cancelled takes it back. Raises
    DesktopError."""
    loop = asyncio.get_running_loop()
    given_up = threading.Event()
    asking = _in_thread(lambda: _open(store, given_up, loop))
    try:
        return await asyncio.shield(asking)
    except asyncio.CancelledError:
        given_up.set()
        asking.add_done_callback(_drop)
        raise


def _in_thread(call: Callable[[], PortalSession]) -> "asyncio.Future[PortalSession]":
    """The program's end does not wait for it: a portal may take long to answer."""
    result: concurrent.futures.Future[PortalSession] = concurrent.futures.Future()

    def run() -> None:
        try:
            result.set_result(call())
        except Exception as error:  # noqa: BLE001  whoever waits must hear of it, whatever it was
            result.set_exception(error)

    threading.Thread(target=run, name="portal", daemon=True).start()
    return asyncio.wrap_future(result)


def _drop(asking: "asyncio.Future[PortalSession]") -> None:
    if not asking.cancelled() and asking.exception() is None:
        asking.result().close()


def _open(store: TokenStore, given_up: threading.Event, loop: asyncio.AbstractEventLoop) -> PortalSession:
    bus = Bus(files=True, patience=_STARTS_S)
    try:
        offer = _offer(bus)
        asking = _Asking(bus, given_up)
        token = store.get() if offer.lasts else ""
        try:
            agreed = asking.run(offer, token, keep=store.keeps)
        except _FailedError as error:
            if not token:
                raise
            get_log("agent.portal").info("token_refused", reason=str(error))
            store.put("")
            asking.take_back()
            agreed = asking.run(offer, "", keep=store.keeps)
        # What was given once is not good any more: at once, before anything else can fail.
        store.put(agreed.token)
        return PortalSession(bus, asking.over, agreed, loop)
    except BaseException:
        bus.close()
        raise


def _offer(bus: Bus) -> Offer:
    """Return what the portal says that it can do. Raises UnsupportedError where it can show no screen."""

    def number(interface: str, name: str) -> int:
        try:
            found = bus.get(PORTAL, PATH, interface, name)
        except RefusedCallError as error:
            if error.name.startswith(_ABSENT):
                remember(None)
                raise UnsupportedError(why("no-portal")) from error
            return 0  # it has no such interface, or an older one
        return found if isinstance(found, int) else 0

    if not number(CAST, "version"):
        remember(None)
        raise UnsupportedError(why("no-portal"))
    offer = Offer(number(DESK, "version"), number(DESK, "AvailableDeviceTypes"), number(CAST, "AvailableCursorModes"))
    remember(Said(offer.controls, offer.lasts))
    return offer


class _Asking:
    """Asks what a dialogue wants asked, over one connection."""

    def __init__(self, bus: Bus, given_up: threading.Event) -> None:
        self.over: deque[Any] = deque()
        """Gets what the portal tells of the end of the session that was made last."""
        self._bus = bus
        self._given_up = given_up
        self._session = ""
        """Path of that session."""

    def run(self, offer: Offer, token: str, *, keep: bool) -> Agreed:
        """Return what was agreed to. Raises DesktopError."""
        dialogue = agree(offer, token, keep=keep)
        ask = next(dialogue)
        while True:
            try:
                ask = dialogue.send(self._ask(ask))
            except StopIteration as done:
                agreed: Agreed = done.value
                return agreed

    def take_back(self) -> None:
        """The session that was made last is not wanted any more."""
        self._bus.tell(PORTAL, self._session, SESSION, "Close")

    def _ask(self, ask: Ask) -> Results:
        bus, name = self._bus, f"farhand_{secrets.token_hex(8)}"
        sender = bus.name.removeprefix(":").replace(".", "_")
        request = f"{PATH}/request/{sender}/{name}"
        answers = bus.listen(request, _REQUEST, "Response")
        options: dict[str, tuple[str, Any]] = {**ask.options, "handle_token": ("s", name)}
        if ask.member == "CreateSession":
            options["session_handle_token"] = ("s", name)
            self._session = f"{PATH}/session/{sender}/{name}"
            self.over = bus.listen(self._session, SESSION, "Closed")
        try:
            bus.call(PORTAL, PATH, ask.interface, ask.member, f"{ask.signature}a{{sv}}", *ask.arguments, options)
        except RefusedCallError as error:
            raise _FailedError("error", str(error)) from error
        deadline = time.monotonic() + ask.patience
        while not answers:
            if self._given_up.is_set():
                bus.tell(PORTAL, request, _REQUEST, "Close")
                raise DesktopError("error", _("The desktop is no longer wanted."))
            if time.monotonic() > deadline:
                bus.tell(PORTAL, request, _REQUEST, "Close")
                raise DesktopError("refused", _("Nobody there has answered the question of the desktop. Try it again."))
            bus.pump(0.1)
        return _results(answers[0].body)


def _results(body: Any) -> Results:
    match body:
        case (int(code), dict(results)) if code == _AGREED:
            return results
        case (int(code), _rest) if code == _SAID_NO:
            raise DesktopError("refused", _("Whoever sits there said no to the question of the desktop."))
    raise _FailedError("error", _("The desktop's portal gave up. Try it again."))
