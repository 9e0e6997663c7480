"""The customer client's face on a terminal: questions are answered by a word, other lines are chat, `/end` ends."""

import io
import os
import queue
import select
import sys
import time
from collections.abc import Callable
from typing import TextIO

from farhand.agent.core.tools import Question
from farhand.agent.customer.ui import (
    Actions,
    Answer,
    HelpOffer,
    Line,
    allowed_first,
    at_once,
    printable,
    promise,
    question_text,
    when_allowed,
)
from farhand.agent.texts import _


def _said(text: str) -> bool | None:
    """Return the answer that these words give, in English or the person's language; None when they give none."""
    word = text.casefold()
    yes = ("a", "accept", "allow", "y", "yes", _("Accept"), _("Allow"), _("yes"))
    no = ("d", "decline", "deny", "n", "no", _("Decline"), _("Deny"), _("no"))
    if word in {one.casefold() for one in yes}:
        return True
    return False if word in {one.casefold() for one in no} else None


class TerminalUi:
    """A face on standard input and output (see `ConsentUi`)."""

    def __init__(self, source: TextIO | None = None, target: TextIO | None = None) -> None:
        self._source = source if source is not None else sys.stdin
        self._target = target if target is not None else sys.stdout
        if isinstance(self._target, io.TextIOWrapper):
            self._target.reconfigure(errors="replace")  # a name or a line that the terminal cannot show ends nothing
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wake_read, self._wake_write = os.pipe()
        self._questions: list[tuple[Answer, str]] = []
        self._actions: Actions | None = None
        self._state = ""
        self._done = False
        self._buffer = b""

    # --- called by the program ---

    def bind(self, actions: Actions) -> None:
        """A session is about to start."""
        self._call(lambda: self._bound(actions))

    async def ask_start(self, offer: HelpOffer) -> bool:
        """Ask whether the session may start."""
        name, site = printable(offer.representative, 60), printable(offer.site, 60)
        lines = [
            "",
            _("{name} of {site} ({server}) would like to help you on this computer. {name} will be able to:").format(
                name=name, site=site, server=printable(offer.server, 120)
            ),
            *(f"  - {access.text}" for access in at_once()),
            allowed_first(),
            *(f"  - {access.text}" for access in when_allowed()),
            promise(offer),
        ]
        return await self._ask("\n".join(lines), _("Type `accept` or `decline`:"))

    async def ask_tool(self, question: Question) -> bool:
        """Ask for one tool."""
        return await self._ask(question_text(question), _("Type `allow` or `deny`:"))

    def show_state(self, text: str) -> None:
        """Show where the session is."""
        self._call(lambda: self._show_state(text))

    def show_line(self, line: Line) -> None:
        """Add a line."""
        at = time.strftime("%H:%M", time.localtime(line.time_ms / 1000))
        who = f"{line.name}: " if line.name else "* "
        self._call(lambda: self._print(f"[{at}] {who}{line.text}"))

    def show_ended(self, text: str) -> None:
        """Say why it ended; there is nothing to wait for on a terminal."""
        self._call(lambda: self._print(text))
        self.close()

    def close(self) -> None:
        """End `main`."""
        self._call(self._stop)

    # --- in the main thread ---

    def main(self) -> None:
        """Read lines and run what the program asks for, until closed. Ctrl-C means no, and the end of the session."""
        while not self._done:
            try:
                self._loop()
            except KeyboardInterrupt:
                self._hung_up()

    def _loop(self) -> None:
        sources = [self._wake_read, self._source.fileno()]
        while not self._done:
            ready, _w, _x = select.select(sources, [], [])
            if self._wake_read in ready:
                os.read(self._wake_read, 4096)
            while not self._calls.empty():
                self._calls.get()()
            if self._source.fileno() in ready and not self._done:
                data = os.read(self._source.fileno(), 4096)
                if not data:
                    sources = [self._wake_read]
                    self._hung_up()
                self._buffer = (self._buffer + data)[-65_536:]
                *lines, self._buffer = self._buffer.split(b"\n")
                for raw in lines:
                    self._typed(raw.decode(self._source.encoding or "utf-8", errors="replace").strip())

    async def _ask(self, text: str, hint: str) -> bool:
        answer = Answer()
        self._call(lambda: self._put(answer, text, hint))
        try:
            return await answer.wait()
        finally:
            self._call(lambda: self._take_back(answer))

    def _call(self, function: Callable[[], None]) -> None:
        self._calls.put(function)
        os.write(self._wake_write, b"x")

    def _print(self, text: str) -> None:
        self._target.write(text + "\n")
        self._target.flush()

    def _bound(self, actions: Actions) -> None:
        self._actions = actions
        self._print(_("Type a line to chat. Type `/end` to end the session (End Session)."))

    def _show_state(self, text: str) -> None:
        if text != self._state:
            self._state = text
            self._print(f"* {text}")

    def _put(self, answer: Answer, text: str, hint: str) -> None:
        self._questions.append((answer, hint))
        self._print(text)
        self._print(hint)

    def _take_back(self, answer: Answer) -> None:
        self._questions = [item for item in self._questions if item[0] is not answer]

    def _typed(self, text: str) -> None:
        if text == "/end" and self._actions is not None:
            self._actions.end()
        elif self._questions:
            answer, hint = self._questions[0]
            said = _said(text)
            if said is not None:
                self._questions.pop(0)
                answer.give(said)
            else:
                self._print(hint)
        elif text and self._actions is not None:
            self._actions.chat(text[:4096])

    def _hung_up(self) -> None:
        """The terminal is gone: nobody can answer or watch any more."""
        for answer, _hint in self._questions:
            answer.give(False)
        if self._actions is not None:
            self._actions.end()

    def _stop(self) -> None:
        self._done = True
