"""What the customer client does: ask, start, serve the session, end it, remove itself."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from farhand import __version__
from farhand.agent.core.deployment import ClientDeployment
from farhand.agent.core.errors import ClientError, RefusedError
from farhand.agent.core.https import SiteClient
from farhand.agent.core.identity import default_state
from farhand.agent.core.link import judge_failure
from farhand.agent.core.package import CustomerConfig, Package
from farhand.agent.core.reconnect import ReconnectPolicy
from farhand.agent.core.session import Session, SessionSettings
from farhand.agent.core.site import SiteGuard
from farhand.agent.core.tools import NotRecordedError
from farhand.agent.customer.returning import Back, CustomerReturn, place_name
from farhand.agent.customer.ui import Actions, ConsentUi, HelpOffer, Line, printable
from farhand.agent.platforms import Platform
from farhand.agent.texts import _
from farhand.kit.log import get_log
from farhand.kit.net import silence_libraries
from farhand.kit.signing import new_key, public_of, sign_bytes
from farhand.protocol.channels import Party
from farhand.protocol.messages import Count, Entry, Facts, Hex32, Id, Message, Name, Signature, Token

NO_PACKAGE = Package(None, None)
RENEW_S = 12 * 3600.0
"""A ticket holds for a day: half-way a fresh one is fetched."""
RENEW_AGAIN_S = 600.0
"""After a fetch that failed."""


class Join(Message, frozen=True, kw_only=True):
    """Body of `POST /api/customer/info`."""

    join: Token


class Info(Message, frozen=True, kw_only=True):
    """Its answer."""

    representative: Name
    site: Name = ""
    expires_ms: Count = 0


class Start(Message, frozen=True, kw_only=True):
    """Body of `POST /api/customer/start`. `proof` is over the join token, kind `join`."""

    join: Token
    key: Hex32
    proof: Signature
    facts: Facts
    version: Name


class Started(Message, frozen=True, kw_only=True):
    """Its answer: the session exists and waits in the representative's queue."""

    session_id: Id
    ticket: Token
    representative: Name = ""


@dataclass
class Outcome:
    """How it ended."""

    text: str = ""
    failed: bool = False
    remove: bool = False
    """The client removes itself."""


def describe(entry: Entry) -> str:
    """Return what the customer reads for a system entry, "" when there is nothing to read (`protocol.entries`)."""
    off = entry.data.get("how") == "shutdown"
    texts = {
        "leg-joined": _("{name} has joined.") if entry.party == Party.CONSOLE else "",
        "leg-left": _("{name} has left.") if entry.party == Party.CONSOLE else "",
        "waiting-message": "{said}",
        "client-requested": _("{by} has asked you to run this client."),
        "client-started": _("This client has taken over from the chat page."),
        "recording-started": _("This session is being recorded."),
        "recording-gap": _("The recording was interrupted."),
        "screen-started": _("{by} now sees your screen."),
        "screen-refused": _("Screen Sharing was not allowed."),
        "screen-stopped": _("{by} no longer sees your screen."),
        "control-granted": _("{by} now has mouse and keyboard."),
        "control-refused": _("Mouse and keyboard were not given."),
        "control-released": _("{by} has given back mouse and keyboard."),
        "block-started": _("{by} has disabled your mouse and keyboard. Ctrl-Alt-Del gives them back to you."),
        "block-refused": _("Your mouse and keyboard were not disabled."),
        "block-stopped": _("Your mouse and keyboard work again."),
        "secret-typed": _("{by} has typed a secret, for instance a password."),
        "shell-opened": _("{by} has opened a Command Shell ({count} open)."),
        "shell-refused": _("The Command Shell was not allowed."),
        "shell-closed": _("A Command Shell was closed ({count} open)."),
        "action-run": _("{by} has used a special action: {text}."),
        "action-refused": _("A special action was not allowed."),
        "action-failed": _("A special action did not work."),
        "script-started": _("{by} runs the script {text}."),
        "script-refused": _("A script was not run."),
        "script-ended": _("The script {script} has ended."),
        "power-started": _("{by} switches this computer off.") if off else _("{by} restarts this computer."),
        "power-refused": _("Restarting or switching off was not allowed."),
        "power-failed": _("Restarting or switching off did not work."),
        "power-returned": _("This computer is back."),
        "files-started": _("{by} now has access to your files."),
        "files-refused": _("File Transfer was not allowed."),
        "files-stopped": _("{by} no longer has access to your files."),
        "file-uploaded": _("{by} sent {path} to this computer."),
        "file-upload-failed": _("{by} could not send {path} to this computer."),
        "file-downloaded": _("{by} fetched {path} from this computer."),
        "file-download-failed": _("{by} could not fetch {path} from this computer."),
        "file-moved": _("{by} renamed {path} to {to}."),
        "file-deleted": _("{by} deleted {path}."),
        "file-refused": _("{by} may not reach {path}."),
        "folder-created": _("{by} made the folder {path}."),
        "clipboard-started": _("{by} now shares your clipboard."),
        "clipboard-refused": _("Clipboard Sharing was not allowed."),
        "clipboard-stopped": _("{by} no longer shares your clipboard."),
        "clipboard-given": _("{by} has put something into your clipboard."),
        "clipboard-taken": _("{by} has taken over what you copied."),
        "deploy-refused": _("Nothing was installed or removed."),
        "deploy-failed": _("Installing or removing did not work."),
        "pinned": _("This computer can be reached from now on, also when nobody is there: {by} made it a Jump Client."),
        "unpinned": _("The Jump Client is removed: this computer cannot be reached any more when nobody is there."),
        "customer-ended": _("You have ended the session."),
        "entries-dropped": _("Lines were lost while the connection was away ({dropped})."),
    }
    return texts.get(entry.kind, "").format(**_values(entry))


def _values(entry: Entry) -> dict[str, str | int]:
    """What the sentences of `describe` are filled with; whatever comes from elsewhere is made harmless."""
    return {
        "by": printable(str(entry.data.get("by", "") or entry.name), 60),
        "count": entry.data.get("open", 0),
        "dropped": entry.data.get("count", 0),
        "name": printable(entry.name, 60),
        "text": printable(entry.text, 120),
        "script": printable(str(entry.data.get("name", "")), 60),
        "said": printable(str(entry.data.get("text", "")), 500),
        **{name: printable(str(entry.data.get(name, "")), 200) for name in ("path", "to")},
    }


class _Shown:
    """Shows a session on a face (see `Watcher`)."""

    def __init__(self, ui: ConsentUi, representative: str) -> None:
        self._ui = ui
        self._representative = printable(representative, 60)

    def entry(self, entry: Entry) -> None:
        """Show a journaled fact."""
        if entry.kind == "chat":
            mine = entry.party in (Party.ENDPOINT, Party.PORTAL)  # what was said in the page before was said here too
            self._ui.show_line(Line(entry.time_ms, printable(entry.name, 60), printable(entry.text), mine))
        else:
            text = describe(entry)
            if text:
                self._ui.show_line(Line(entry.time_ms, "", text))

    def connected(self, connected: bool, representatives: list[str]) -> None:
        """Show where the session is."""
        if not connected:
            self._ui.show_state(_("The connection is lost. Trying again…"))
        elif representatives:
            names = ", ".join(printable(name, 60) for name in representatives[:5])
            text = _("{names} is with you.") if len(representatives) == 1 else _("{names} are with you.")
            self._ui.show_state(text.format(names=names))
        else:
            self._ui.show_state(_("Waiting for {name}…").format(name=self._representative))


async def attend(
    config: CustomerConfig,
    ui: ConsentUi,
    platform: Platform,
    display: str | None,
    package: Package = NO_PACKAGE,
    back: Back | None = None,
) -> Outcome:
    """Ask the customer and serve the session. With `back`, come back into one that the customer agreed to before a
    reboot. Raises ClientError."""
    guard = SiteGuard(config.site_key)
    ui.show_state(_("Connecting to {server}…").format(server=config.server))
    key = new_key() if back is None else back.way.key
    if back is not None:
        try:
            info, start, started = await _come_back(config, guard, ui, back, lambda: platform.facts(display))
        except ClientError as error:
            back.over()
            return Outcome(text=str(error), failed=True, remove=True)
        back.taken()
    else:
        info = await asyncio.to_thread(_fetch_info, config, guard)
        if not await ui.ask_start(HelpOffer(info.representative, info.site, config.server)):
            return Outcome(text=_("You have declined. Nothing was started."))
        start = _start_with(config, key, platform.facts(display))
        started = await asyncio.to_thread(_post_start, config, guard, start)
    place = platform.next_sign_in(place_name(started.session_id))
    returning = CustomerReturn(place, package, config, key, back.way.came_from if back is not None else "")
    session = Session(
        SessionSettings(
            server=config.server,
            site_key=config.site_key,
            key=key,
            session_id=started.session_id,
            ticket=started.ticket,
            attended=True,
            abilities=lambda: platform.abilities(display),
            desktop=lambda: platform.desktop(display),
            machine=platform.machine(display),
            returning=returning,
            deployment=_deployment(config, key, package, platform, display),
            consent=ui.ask_tool,
            watcher=_Shown(ui, info.representative),
        )
    )
    _bind(ui, session)
    renewing = asyncio.ensure_future(_renew(config, guard, start, session))
    try:
        end = await session.run()
    finally:
        renewing.cancel()
    returning.close()
    return Outcome(text=end.text or _("The session has ended."), remove=end.uninstall)


def _deployment(
    config: CustomerConfig, key: Ed25519PrivateKey, package: Package, platform: Platform, display: str | None
) -> ClientDeployment:
    """What the customer's client installs is this person's Jump Client."""
    return ClientDeployment(
        server=config.server,
        site_key=config.site_key,
        key=key,
        package=package,
        keeper=platform.service(),
        state=default_state(),
        facts=lambda: platform.facts(display),
    )


async def _come_back(
    config: CustomerConfig, guard: SiteGuard, ui: ConsentUi, back: Back, facts: Callable[[], Facts]
) -> tuple[Info, Start, Started]:
    """Start again with the key of before, as often as it takes: at sign-in the network may not be there yet. Raises
    ClientError when the server refuses, when the time for it is over, or when the customer wants it no longer."""
    policy, given_up = ReconnectPolicy(), asyncio.Event()
    until = asyncio.get_running_loop().time() + back.rest_s
    told = False
    while True:
        try:
            info = await asyncio.to_thread(_fetch_info, config, guard)
            start = _start_with(config, back.way.key, facts())
            return info, start, await asyncio.to_thread(_post_start, config, guard, start)
        except ClientError as error:
            pause = policy.failed(*judge_failure(error))
            refused = isinstance(error, RefusedError) and not error.passing
            if refused or asyncio.get_running_loop().time() + pause >= until:
                raise
            get_log("agent.customer").info("return_delayed", reason=str(error), pause_s=round(pause, 1))
        if not told:
            told = True
            ui.bind(Actions(chat=lambda _text: None, end=_from_a_face(given_up.set)))
            ui.show_state(_("The connection is lost. Trying again…"))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(given_up.wait(), pause)
            raise ClientError(_("You have ended the session."))


def _start_with(config: CustomerConfig, key: Ed25519PrivateKey, facts: Facts) -> Start:
    return Start(
        join=config.join,
        key=public_of(key).hex(),
        proof=sign_bytes(key, "join", config.join.encode()).hex(),
        facts=facts,
        version=__version__,
    )


def _from_a_face(function: Callable[..., object]) -> Callable[..., None]:
    """Make a function of this event loop one that a face may call from its own thread, also when all is over."""
    loop = asyncio.get_running_loop()

    def call(*values: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(function, *values)

    return call


async def _renew(config: CustomerConfig, guard: SiteGuard, start: Start, session: Session) -> None:
    """Fetch a fresh ticket now and then: the same start with the same key is answered with one."""
    pause = RENEW_S
    while True:
        await asyncio.sleep(pause)
        try:
            session.renew((await asyncio.to_thread(_post_start, config, guard, start)).ticket)
            pause = RENEW_S
        except ClientError as error:
            get_log("agent.customer").warning("ticket_not_renewed", reason=str(error))
            pause = RENEW_AGAIN_S


def _bind(ui: ConsentUi, session: Session) -> None:
    loop = asyncio.get_running_loop()
    leaving: set[asyncio.Task[None]] = set()

    def chat(text: str) -> None:
        try:
            session.chat(text)
        except (ValueError, NotRecordedError) as error:
            ui.show_state(str(error))

    def end() -> None:
        if not leaving:
            leaving.add(loop.create_task(session.leave()))

    ui.bind(Actions(chat=_from_a_face(chat), end=_from_a_face(end)))


def _fetch_info(config: CustomerConfig, guard: SiteGuard) -> Info:
    with SiteClient(config.server, guard) as site:
        return site.post("/api/customer/info", Join(join=config.join), Info)


def _post_start(config: CustomerConfig, guard: SiteGuard, start: Start) -> Started:
    with SiteClient(config.server, guard) as site:
        return site.post("/api/customer/start", start, Started)


def help_customer(
    config: CustomerConfig,
    ui: ConsentUi,
    platform: Platform,
    display: str | None,
    package: Package,
    back: Back | None = None,
) -> int:
    """Run the customer client: the face in this thread, the program in another. Returns the exit code."""
    silence_libraries()
    outcome = Outcome(failed=True, text=_("The client was closed."))

    def program() -> None:
        nonlocal outcome
        try:
            outcome = asyncio.run(attend(config, ui, platform, display, package, back))
        except ClientError as error:
            outcome = Outcome(text=str(error), failed=True)
        except Exception:  # noqa: BLE001  the person must be told, whatever it was
            get_log("agent.customer").exception("customer_client_failed")
            outcome = Outcome(text=_("The client has failed and was stopped."), failed=True)
        ui.show_ended(outcome.text)

    thread = threading.Thread(target=program, name="session", daemon=True)
    thread.start()
    ui.main()
    thread.join(timeout=10)
    if outcome.remove:
        package.remove()
        if back is not None and back.way.came_from:
            Package(Path(back.way.came_from), None).remove()
    return 1 if outcome.failed else 0
