"""Mouse and keyboard of whoever sits there, taken away while a representative works, in one session.

Why it exists: a person locked out of their own machine is the worst that can come of it. So it lasts only as long as
somebody holds it: it needs control and its own grant, the customer (where there is one) agreed, the record says so
before it begins, and it ends with the first of them that goes.

Rules: who holds it is asked again and again, and answers; no answer ends it. A lost socket ends it, and a question that
comes up before the customer, who must be able to answer. Who took mouse and keyboard back by Ctrl-Alt-Del is asked
again, and has peace for a while. Runs in the event loop's thread.
"""

import asyncio
from collections.abc import Callable
from typing import Literal

import msgspec

from farhand.agent.core.consent import Consent
from farhand.agent.core.desktop import DesktopError, InputBlock, Sign
from farhand.agent.core.tools import NotRecordedError, ToolPort
from farhand.agent.texts import _
from farhand.protocol.channels import Grant, Input, Kind, channel
from farhand.protocol.frames import EVERY_LEG
from farhand.protocol.input import DISABLE, GIVE_BACK, STILL
from farhand.protocol.messages import InputBlocked

_CHANNEL = channel(Kind.INPUT)
ASK_S = 2.0
"""How often who holds it is asked whether it is still wanted."""
ANSWER_S = 10.0
"""How long an answer may take."""
PEACE_S = 30.0
"""How long it is not begun again after the person ended it."""
_RECORD_S = 20.0
_ASKED = _("The customer is being asked something. Try again when it is answered.")
End = Literal["released", "person", "control", "lost", "question", "failed"]


class Block:
    """Who has it, or wants it. `holder` says which leg has control now."""

    def __init__(self, port: ToolPort, holder: Callable[[], int]) -> None:
        self._port = port
        self._holder = holder
        self._consent = Consent(port, Kind.INPUT, "block", self._answered, Grant.PRIVACY)
        self._leg = 0
        """Who wants it or has it; 0: nobody."""
        self._name = ""
        self._begun = False
        """It is on record as begun, or may be."""
        self._held: InputBlock | None = None
        self._beginning: asyncio.Task[None] | None = None
        self._heard = 0.0
        self._clock: asyncio.TimerHandle | None = None
        self._peace = 0.0

    def wish(self, leg: int, wanted: int) -> None:
        """A BLOCK came. Raises ValueError when it means nothing."""
        if wanted not in (GIVE_BACK, DISABLE, STILL):
            raise ValueError(f"{wanted} is not known in a BLOCK")
        if wanted == STILL or leg == self._leg:
            if leg == self._leg:
                self._heard = self._port.loop.time()
                if wanted == GIVE_BACK:
                    self.end("released")
        elif wanted == GIVE_BACK:
            return
        elif self._leg:
            self._tell(leg, "refused", _("{by} has done that already.").format(by=self._name))
        elif reason := self._why_not(leg):
            self._tell(leg, "refused", reason)
        else:
            self._ask(leg)

    def end(self, reason: End, text: str = "") -> None:
        """Give mouse and keyboard back at once, or take back the wish for it."""
        leg, self._leg = self._leg, 0
        if not leg:
            return
        self._consent.cancel(leg)
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
        beginning, self._beginning = self._beginning, None
        if beginning is not None and beginning is not asyncio.current_task():
            beginning.cancel()
        held, self._held = self._held, None
        if held is not None:
            held.close()
        begun, self._begun = self._begun, False
        if begun:
            self._port.post("block-stopped", text, by=self._name, leg=leg, reason=reason)
        self._tell(EVERY_LEG)
        self._tell(leg, reason, text)

    def question_opened(self) -> None:
        """A question comes up before the customer; its own does nothing to it."""
        if self._leg and not self._consent.asking(self._leg):
            self.end("question")

    def left(self, leg: int) -> None:
        """This leg is gone, has lost the grant or its control."""
        if leg == self._leg:
            self.end("control")

    def tell_one(self, leg: int) -> None:
        """Tell who has it, if anybody has."""
        if self._leg:
            self._tell(leg)

    # --- inside ---

    def _why_not(self, leg: int) -> str:
        if leg != self._holder():
            return _("You do not have control of mouse and keyboard. Request it first.")
        abilities = self._port.abilities()
        if abilities is None or not abilities.block_input.can:
            return abilities.block_input.reason if abilities is not None else _("There is no desktop now.")
        if self._port.asking():
            return _ASKED
        if self._port.loop.time() < self._peace:
            return _("The person there has just taken mouse and keyboard back. Try again in half a minute.")
        return ""

    def _ask(self, leg: int) -> None:
        self._leg, self._name = leg, self._port.name_of(leg)
        self._port.post("block-requested", by=self._name, leg=leg)
        if self._consent.given(leg):
            self._begin()
        else:
            self._consent.ask(leg)
        self._tell(EVERY_LEG)

    def _answered(self, leg: int, allowed: bool) -> None:
        if leg != self._leg:
            return
        if allowed:
            self._begin()
        else:
            self._leg = 0
            self._port.post("block-refused", by=self._name, leg=leg)
            self._tell(EVERY_LEG)
            self._tell(leg, "refused", _("The customer did not allow it."))

    def _begin(self) -> None:
        self._beginning = self._port.loop.create_task(self._take(self._leg, self._name))

    async def _take(self, leg: int, by: str) -> None:
        """Put it on record, then do it."""
        failed = ""
        held: InputBlock | None = None
        try:
            self._begun = True  # from here on: what is not acknowledged may be on record all the same
            async with asyncio.timeout(_RECORD_S):
                await self._port.posted("block-started", by=by, leg=leg)
            desktop = await self._port.desktop()
            if desktop is None:
                raise DesktopError("no-display", _("There is no desktop now."))
            if self._port.asking():
                raise DesktopError("error", _ASKED)
            if not self._consent.may(leg, by) or leg != self._holder():
                raise DesktopError("error", _("You may not do that any more."))
            sign = Sign(
                _("{by} has disabled mouse and keyboard.").format(by=by), _("Press Ctrl-Alt-Del to use them again.")
            )
            held = await desktop.block_input(sign, self._ended)
        except (DesktopError, NotRecordedError) as error:
            failed = str(error)
        except TimeoutError:
            failed = _("It could not be put on record, so it was not done.")
        except Exception as error:  # noqa: BLE001  whatever it is, who waits for it must hear
            self._port.log("block_failed", error=repr(error))
            failed = _("Mouse and keyboard could not be disabled.")
        if leg != self._leg or self._beginning is not asyncio.current_task():
            if held is not None:
                held.close()
            return
        self._beginning = None
        if held is None:
            self.end("failed", failed)
            return
        self._held = held
        self._heard = self._port.loop.time()
        self._tell(EVERY_LEG)
        self._look()

    def _look(self) -> None:
        """Whoever has it must still want it."""
        loop = self._port.loop
        if loop.time() - self._heard > ANSWER_S:
            self.end("lost")
            return
        self._tell(self._leg)
        self._clock = loop.call_later(ASK_S, self._look)

    def _ended(self, reason: Literal["person", "failed"], text: str) -> None:
        if reason == "person":
            self._consent.forget(self._leg)
            self._peace = self._port.loop.time() + PEACE_S
        self.end(reason, text)

    def _tell(self, leg: int, reason: str = "", text: str = "") -> None:
        """To a leg what concerns it (`reason`), or to whoever sees the screen what is."""
        has, wants = (self._leg, 0) if self._held is not None else (0, self._leg)
        said = InputBlocked(leg=has, pending=wants, reason=reason, text=text[:512])
        self._port.send(Input.BLOCKED, _CHANNEL, msgspec.json.encode(said), leg)
