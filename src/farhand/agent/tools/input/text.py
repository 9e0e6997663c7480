"""Types a text, character by character, into the window that has the keyboard.

Why it exists: a secret must not go anywhere else: where the keyboard is is looked up before each character, and typing
ends when another window has it. Runs in the input worker's thread.
"""

from collections.abc import Callable

from farhand.agent.core.desktop import InputSink
from farhand.agent.core.masking import Windows
from farhand.agent.texts import _
from farhand.protocol.input import keysym_of


class NotTypedError(Exception):
    """It was not typed, or not all of it; the sentence is for people."""


def type_text(
    sink: InputSink, text: str, touched: Callable[[Windows | None], None], why_not: Callable[[], str]
) -> None:
    """Type it. `touched` is told which windows had the keyboard; `why_not` is asked before each character whether to
    stop, and says why. Raises NotTypedError.
    """
    sink.release()
    before = sink.focus()
    touched(before)
    if before == ():
        raise NotTypedError(_("No window takes what is typed. Click into the field first, then try again."))
    for place, character in enumerate(text):
        now = sink.focus() if place else before
        if now != before:
            touched(now)
            raise NotTypedError(_("Another window took the keyboard: only a part was typed. Check it and try again."))
        if reason := why_not():
            raise NotTypedError(reason)
        keysym = keysym_of(character)
        sink.key(keysym, True)
        sink.key(keysym, False)
    touched(sink.focus())
