"""What a face of the customer client does, and a face that follows a script.

The program calls every method from its own thread; a face that lives in another thread carries the call over. Names and
chat lines come from outside: faces show them as text, after `printable`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from farhand.agent.core.tools import Question, ToolName
from farhand.agent.texts import _
from farhand.protocol.channels import Grant


@dataclass(frozen=True, slots=True)
class HelpOffer:
    """Who wants to help."""

    representative: str
    site: str
    server: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the conversation. `name` is empty for what the system says."""

    time_ms: int
    name: str
    text: str
    mine: bool = False


@dataclass(frozen=True, slots=True)
class Actions:
    """What the customer can do during a session. Safe to call from any thread."""

    chat: Callable[[str], None]
    end: Callable[[], None]


class ConsentUi(Protocol):
    """A face."""

    def main(self) -> None:
        """Run the face in the main thread until `close` is called."""
        ...

    def bind(self, actions: Actions) -> None:
        """A session is about to start: these are its actions."""
        ...

    async def ask_start(self, offer: HelpOffer) -> bool:
        """Ask whether the session may start: `Accept` or `Decline`."""
        ...

    async def ask_tool(self, question: Question) -> bool:
        """Ask for one tool: `Allow` or `Deny`. Cancelled when the time is over: the question then disappears."""
        ...

    def show_state(self, text: str) -> None:
        """Show one sentence about where the session is."""
        ...

    def show_line(self, line: Line) -> None:
        """Add a line to the conversation."""
        ...

    def show_ended(self, text: str) -> None:
        """Nothing goes on any more: say why. The person then closes the face (`main` returns)."""
        ...

    def close(self) -> None:
        """End `main` now."""
        ...


def question_text(question: Question) -> str:
    """Return what the customer is asked for one tool."""
    texts: dict[ToolName, str] = {
        "screen": _("{by} asks for Screen Sharing: to see your screen."),
        "control": _("{by} asks to use your mouse and your keyboard."),
        "block": _(
            "{by} asks to keep you from using mouse and keyboard for a while. Ctrl-Alt-Del gives them back to you."
        ),
        "shell": _("{by} asks for a Command Shell: to run commands on this computer, as you."),
        "actions": _("{by} asks for special actions: to open programs and settings on this computer."),
        "scripts": _("{by} asks to run scripts on this computer that the support desk has prepared."),
        "reboot": _("{by} asks to restart this computer. Save your work first."),
        "shutdown": _("{by} asks to switch this computer off. Save your work first."),
        "files": _("{by} asks for File Transfer: to see, fetch, send and change files on this computer, as you."),
        "pin": _(
            "{by} asks to install the Jump Client on this computer, to stay. Then it can be reached at any time, also "
            "when nobody is there, by everybody of {about}."
        ),
        "pin-password": _(
            "{by} asks to install the Jump Client on this computer, to stay. Then it can be reached at any time, also "
            "when nobody is there, by everybody of {about} who knows its password."
        ),
        "unpin": _("{by} asks to remove the Jump Client from this computer."),
        "clipboard": _("{by} asks to share your clipboard: what you copy, and what you paste."),
    }
    return texts[question.tool].format(by=printable(question.by, 60), about=printable(question.about, 60))


@dataclass(frozen=True, slots=True)
class Accesses:
    """What the customer reads, before anything is started, of what the representative may come to do."""

    grants: Grant
    """What the sentence tells of."""
    text: str


def at_once() -> list[Accesses]:
    """Return what begins with the session, one sentence each."""
    return [Accesses(Grant.CHAT | Grant.SYSTEM, _("Chat with you, and see this computer's name and system."))]


def when_allowed() -> list[Accesses]:
    """Return what the customer is asked for first, one sentence each."""
    files = Grant.FILES_READ | Grant.FILES_WRITE | Grant.FILES_DELETE
    clipboard = Grant.CLIPBOARD_READ | Grant.CLIPBOARD_WRITE
    return [
        Accesses(
            Grant.SCREEN_VIEW | Grant.SCREEN_CONTROL | Grant.PRIVACY,
            _("See your screen, use your mouse and keyboard, and keep you from using them meanwhile."),
        ),
        Accesses(Grant.SHELL | Grant.SCRIPTS, _("Run commands, and scripts that the support desk has prepared.")),
        Accesses(files | clipboard, _("See, fetch, send and change files, and share your clipboard.")),
        Accesses(
            Grant.PIN, _("Install this client to stay, so that this computer can be reached when nobody is there.")
        ),
        Accesses(
            Grant.ACTIONS | Grant.REBOOT, _("Open programs and settings, restart this computer or switch it off.")
        ),
    ]


def allowed_first() -> str:
    """Return the heading of `when_allowed`."""
    return _("Only after you allow each of them:")


def promise(offer: HelpOffer) -> str:
    """Return what holds for the whole session."""
    by = printable(offer.representative, 60)
    return _("The session is recorded. You can end it at any time; then {by} has no access any more.").format(by=by)


def printable(text: str, limit: int = 4096) -> str:
    """Return text from outside without control and direction characters, cut to `limit`. Lines stay lines."""
    kept = "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


class Answer:
    """A question's answer, given in the face's thread and awaited in the program's."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[bool] = self._loop.create_future()

    def give(self, value: bool) -> None:
        """Answer, from any thread. Only the first answer counts."""
        try:
            self._loop.call_soon_threadsafe(self._set, value)
        except RuntimeError:  # the program has ended meanwhile
            return

    async def wait(self) -> bool:
        """Return the answer."""
        return await self._future

    def _set(self, value: bool) -> None:
        if not self._future.done():
            self._future.set_result(value)


@dataclass
class ScriptedUi:
    """A face for tests: answers as told, remembers what it was shown."""

    accept: bool = True
    allow: dict[str, bool | None] = field(default_factory=dict)
    """Answer per tool; None never answers; a tool that is not named is allowed."""
    offers: list[HelpOffer] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    actions: Actions | None = None

    def main(self) -> None:
        """There is nothing to run."""

    def bind(self, actions: Actions) -> None:
        """Remember the actions: the test plays the customer with them."""
        self.actions = actions

    async def ask_start(self, offer: HelpOffer) -> bool:
        """Answer as told."""
        self.offers.append(offer)
        return self.accept

    async def ask_tool(self, question: Question) -> bool:
        """Answer as told."""
        self.questions.append(question)
        answer = self.allow.get(question.tool, True)
        if answer is None:
            await asyncio.Event().wait()
        return bool(answer)

    def show_state(self, text: str) -> None:
        """Remember it."""
        self.states.append(text)

    def show_line(self, line: Line) -> None:
        """Remember it."""
        self.lines.append(line)

    def show_ended(self, text: str) -> None:
        """Remember it."""
        self.ended.append(text)

    def close(self) -> None:
        """There is nothing to end."""
