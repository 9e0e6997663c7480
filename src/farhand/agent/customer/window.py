"""The customer client's window (Tk): consent first, then chat, state, questions, and `End Session` always in reach.

Tk lives in the main thread. The program's calls wait in a queue; a pipe wakes Tk, so that nothing polls.
"""

import os
import queue
import time
import tkinter as tk
from collections.abc import Callable
from tkinter import font as tkfont

from farhand.agent.core.errors import ClientError
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

INK, QUIET, PAPER, PANEL, EDGE = "#16202c", "#5a6675", "#ffffff", "#f2f5f8", "#d4dbe3"
ACCENT, ACCENT_DARK, STOP, STOP_DARK, ASK = "#0b6bcb", "#09559f", "#b3261e", "#8c1d17", "#fff6dd"
WIDTH, HEIGHT = 540, 560
LINE, IN_PANEL = 480, 440
"""Width of a line of text, and of one inside a panel."""
MAX_LINES = 2000


def open_window(display: str | None) -> "Window":
    """Open the window. Raises ClientError when there is no display to open it on."""
    try:
        return Window(tk.Tk(screenName=display, className="Farhand"))
    except tk.TclError as error:
        raise ClientError(str(error)) from error


class Window:
    """A face in a window (see `ConsentUi`)."""

    def __init__(self, root: tk.Tk) -> None:
        self._root = root
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        self._actions: Actions | None = None
        self._start: Answer | None = None
        self._closed = False
        self._over = False
        self._questions: dict[int, tk.Frame] = {}
        root.title(_("Farhand: remote help"))
        root.configure(background=PAPER)
        root.geometry(f"{WIDTH}x{HEIGHT}")
        root.minsize(380, 420)
        family = tkfont.nametofont("TkDefaultFont").actual("family")
        self._plain = tkfont.Font(root, family=family, size=11)
        self._bold = tkfont.Font(root, family=family, size=11, weight="bold")
        self._large = tkfont.Font(root, family=family, size=17, weight="bold")
        self._page = tk.Frame(root, background=PAPER)
        self._page.pack(fill="both", expand=True)
        self._state: tk.Label | None = None
        self._chat: tk.Text | None = None
        self._entry: tk.Entry | None = None
        self._asked: tk.Frame | None = None
        self._stop_button: tk.Button | None = None
        self._show_message(_("Connecting…"))
        root.protocol("WM_DELETE_WINDOW", self._on_close)
        root.tk.createfilehandler(self._wake_read, tk.READABLE, self._on_wake)

    # --- called by the program ---

    def bind(self, actions: Actions) -> None:
        """A session is about to start."""
        self._call(lambda: self._show_session(actions))

    async def ask_start(self, offer: HelpOffer) -> bool:
        """Ask whether the session may start."""
        answer = Answer()
        self._call(lambda: self._show_offer(answer, offer))
        return await answer.wait()

    async def ask_tool(self, question: Question) -> bool:
        """Ask for one tool."""
        answer = Answer()
        self._call(lambda: self._show_question(answer, question))
        try:
            return await answer.wait()
        finally:
            self._call(lambda: self._remove_question(id(answer)))

    def show_state(self, text: str) -> None:
        """Show where the session is."""
        self._call(lambda: self._set_state(text))

    def show_line(self, line: Line) -> None:
        """Add a line to the conversation."""
        self._call(lambda: self._add_line(line))

    def show_ended(self, text: str) -> None:
        """Say why it ended; the person closes the window."""
        self._call(lambda: self._show_end(text))

    def close(self) -> None:
        """End `main`."""
        self._call(self._destroy)

    # --- in the main thread ---

    def main(self) -> None:
        """Run Tk until the window is closed."""
        self._root.mainloop()

    def _call(self, function: Callable[[], None]) -> None:
        self._calls.put(function)
        os.write(self._wake_write, b"x")

    def _on_wake(self, _file: object, _mask: int) -> None:
        try:
            os.read(self._wake_read, 4096)
        except BlockingIOError:
            pass
        while not self._calls.empty():
            self._calls.get()()

    def _on_close(self) -> None:
        """The window's own close button: no before the session, `End Session` during it."""
        if self._start is not None:
            self._start.give(False)
        if self._over:
            self._destroy()
        elif self._actions is not None:
            self._actions.end()
        else:
            self._closed = True
            self._root.withdraw()

    def _destroy(self) -> None:
        self._root.tk.deletefilehandler(self._wake_read)
        self._root.destroy()

    def _clear(self) -> tk.Frame:
        for child in self._page.winfo_children():
            child.destroy()
        self._state = self._chat = self._entry = self._asked = self._stop_button = None
        self._questions.clear()
        return self._page

    def _label(self, parent: tk.Misc, text: str, font: tkfont.Font, colour: str = INK, ground: str = PAPER) -> tk.Label:
        return tk.Label(
            parent,
            text=text,
            font=font,
            foreground=colour,
            background=ground,
            justify="left",
            anchor="w",
            wraplength=LINE,
        )

    def _button(self, parent: tk.Misc, text: str, command: Callable[[], None], look: str = "quiet") -> tk.Button:
        ground, active, ink = {
            "main": (ACCENT, ACCENT_DARK, "#ffffff"),
            "stop": (STOP, STOP_DARK, "#ffffff"),
            "quiet": (PANEL, EDGE, INK),
        }[look]
        button = tk.Button(
            parent, text=text, command=command, font=self._bold, background=ground, activebackground=active,
            foreground=ink, activeforeground=ink, relief="flat", borderwidth=0, padx=18, pady=9, cursor="hand2",
            highlightthickness=2, highlightbackground=ground, highlightcolor=INK, takefocus=True,
        )  # fmt: skip
        button.bind("<Return>", lambda _event: button.invoke())
        return button

    def _show_message(self, text: str) -> None:
        page = self._clear()
        self._state = self._label(page, text, self._plain, QUIET)
        self._state.pack(fill="x", padx=28, pady=28)

    def _show_offer(self, answer: Answer, offer: HelpOffer) -> None:
        if self._closed:
            answer.give(False)
            return
        self._start = answer
        page = self._clear()
        # Packed first: on a low screen the sentences are cut, never the answers.
        row = tk.Frame(page, background=PAPER)
        row.pack(side="bottom", fill="x", padx=28, pady=24)
        accept = self._button(row, _("Accept"), lambda: self._started(True), "main")
        accept.pack(side="right")
        self._button(row, _("Decline"), lambda: self._started(False)).pack(side="right", padx=12)
        name, site = printable(offer.representative, 60), printable(offer.site, 60)
        self._label(page, _("Let {name} help you?").format(name=name), self._large).pack(
            fill="x", padx=28, pady=(28, 6)
        )
        who = f"{name} · {site}" if site else name
        self._label(page, f"{who}\n{printable(offer.server, 120)}", self._plain, QUIET).pack(fill="x", padx=28)
        box = tk.Frame(page, background=PANEL)
        box.pack(fill="x", padx=28, pady=22)
        heading = _("{name} will be able to:").format(name=name)
        for title, accesses in ((heading, at_once()), (allowed_first(), when_allowed())):
            head = self._label(box, title, self._bold, ground=PANEL)
            head.configure(wraplength=IN_PANEL)
            head.pack(fill="x", padx=16, pady=(12, 2))
            for access in accesses:
                label = self._label(box, f"•  {access.text}", self._plain, ground=PANEL)
                label.configure(wraplength=IN_PANEL)
                label.pack(fill="x", padx=16, pady=2)
        tk.Frame(box, height=10, background=PANEL).pack()
        self._label(page, promise(offer), self._plain).pack(fill="x", padx=28)
        self._root.update_idletasks()
        height = min(max(HEIGHT, page.winfo_reqheight()), self._root.winfo_screenheight())
        self._root.geometry(f"{WIDTH}x{height}")
        self._raise()

    def _started(self, accepted: bool) -> None:
        if self._start is not None:
            self._start.give(accepted)
        self._start = None
        self._show_message(_("Starting…") if accepted else _("Declining…"))

    def _show_session(self, actions: Actions) -> None:
        self._actions = actions
        page = self._clear()
        head = tk.Frame(page, background=PANEL)
        head.pack(fill="x")
        self._stop_button = self._button(head, _("End Session"), actions.end, "stop")
        self._stop_button.pack(side="right", padx=14, pady=12)
        self._state = self._label(head, _("Starting…"), self._bold, ground=PANEL)
        self._state.configure(wraplength=260)
        self._state.pack(side="left", fill="x", padx=16)
        self._asked = tk.Frame(page, background=PAPER)
        self._asked.pack(fill="x")
        row = tk.Frame(page, background=PAPER)
        row.pack(side="bottom", fill="x", padx=14, pady=14)
        self._entry = tk.Entry(
            row, font=self._plain, relief="flat", background=PANEL, foreground=INK, insertbackground=INK,
            highlightthickness=2, highlightbackground=EDGE, highlightcolor=ACCENT,
        )  # fmt: skip
        self._entry.pack(side="left", fill="x", expand=True, ipady=6)
        self._entry.bind("<Return>", lambda _event: self._say())
        self._button(row, _("Send"), self._say, "main").pack(side="right", padx=(10, 0))
        self._chat = tk.Text(
            page, font=self._plain, relief="flat", background=PAPER, foreground=INK, wrap="word", state="disabled",
            padx=16, pady=12, borderwidth=0, highlightthickness=0, spacing3=5,
        )  # fmt: skip
        self._chat.tag_configure("name", font=self._bold)
        self._chat.tag_configure("mine", font=self._bold, foreground=ACCENT)
        self._chat.tag_configure("quiet", foreground=QUIET)
        self._chat.pack(fill="both", expand=True)
        self._entry.focus_set()

    def _say(self) -> None:
        if self._entry is None or self._actions is None:
            return
        text = self._entry.get().strip()[:4096]
        if text:
            self._actions.chat(text)
            self._entry.delete(0, "end")

    def _set_state(self, text: str) -> None:
        if self._state is not None and not self._over:
            self._state.configure(text=text)

    def _add_line(self, line: Line) -> None:
        if self._chat is None:
            return
        self._chat.configure(state="normal")
        self._chat.insert("end", time.strftime("%H:%M  ", time.localtime(line.time_ms / 1000)), "quiet")
        if line.name:
            self._chat.insert("end", _("You") if line.mine else line.name, "mine" if line.mine else "name")
            self._chat.insert("end", f"  {line.text}\n")
        else:
            self._chat.insert("end", f"{line.text}\n", "quiet")
        if int(self._chat.index("end").split(".")[0]) > MAX_LINES:
            self._chat.delete("1.0", "100.0")
        self._chat.configure(state="disabled")
        self._chat.see("end")

    def _show_question(self, answer: Answer, question: Question) -> None:
        if self._asked is None:
            answer.give(False)
            return
        box = tk.Frame(self._asked, background=ASK)
        box.pack(fill="x")
        label = self._label(box, question_text(question), self._bold, ground=ASK)
        label.pack(fill="x", padx=16, pady=(12, 6))
        row = tk.Frame(box, background=ASK)
        row.pack(fill="x", padx=16, pady=(0, 12))
        allow = self._button(row, _("Allow"), lambda: answer.give(True), "main")
        allow.pack(side="left")
        self._button(row, _("Deny"), lambda: answer.give(False)).pack(side="left", padx=12)
        self._questions[id(answer)] = box
        self._raise()

    def _remove_question(self, number: int) -> None:
        box = self._questions.pop(number, None)
        if box is not None:
            box.destroy()
        if self._asked is not None and not self._questions:
            self._asked.configure(height=1)

    def _show_end(self, text: str) -> None:
        self._over = True
        self._actions = None
        if self._closed:
            self._destroy()
            return
        if self._chat is None:
            self._show_message(text)
            self._button(self._page, _("Close"), self._destroy, "main").pack(pady=12)
            return
        if self._entry is not None:
            self._entry.configure(state="disabled")
        if self._state is not None:
            self._state.configure(text=text)
        if self._stop_button is not None:
            self._stop_button.configure(text=_("Close"), command=self._destroy, background=PANEL, foreground=INK)
        for number in list(self._questions):
            self._remove_question(number)

    def _raise(self) -> None:
        """Bring the window to the front: a question must not hide behind other windows."""
        self._root.deiconify()
        self._root.lift()
        self._root.bell()
