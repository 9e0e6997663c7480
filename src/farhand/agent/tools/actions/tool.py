"""The actions tool of one session: says what the machine can do, and does it for a representative.

Why it exists: one click changes what the person at the machine sees, or takes it away from under them. So each wish is
asked of the customer (where there is one), put on record, and only then done.

Rules: a yes to special actions holds for the session; a restart or shutdown is asked for every time. What the record
does not take is not done, nor what the representative may not do any more when it is about to happen. The machine is
used in threads: nothing here waits for a program. A representative has few wishes at a time, and what was asked twice
before it was answered is answered once: nobody fills the record or the machine by asking.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import msgspec

from farhand.agent.core.abilities import cannot, why
from farhand.agent.core.consent import Consent
from farhand.agent.core.desktop import Desktop, DesktopError
from farhand.agent.core.machine import MachineError
from farhand.agent.core.tools import NotRecordedError, Tool, ToolPort
from farhand.agent.texts import _
from farhand.protocol.actions import Action, Done, How, Offered, Power, Run
from farhand.protocol.channels import Actions, Grant, Kind, channel
from farhand.protocol.messages import Abilities, Ability

_CHANNEL = channel(Kind.ACTIONS)
RECORD_S = 20.0
"""How long a wish waits to be put on record."""
MAX_WISHES = 8
"""Special actions of one representative that wait for the customer's answer or are being done."""
MAX_TASKS = 64
"""Wishes of all representatives that are being done."""
CTRL_ALT_DEL = "ctrl-alt-del"
_KEYS = (0xFFE3, 0xFFE9, 0xFFFF)
"""Control_L, Alt_L, Delete (X keysyms)."""


class ActionsTool(Tool):
    """Serves the actions channel (see `Tool`)."""

    kind = Kind.ACTIONS

    def __init__(self, port: ToolPort) -> None:
        self._port = port
        self._actions = Consent(port, self.kind, "actions", self._actions_answered, Grant.ACTIONS)
        hows: tuple[How, ...] = ("reboot", "shutdown")
        self._powers: dict[How, Consent] = {
            how: Consent(port, self.kind, how, partial(self._power_answered, how), Grant.REBOOT) for how in hows
        }
        self._wishes: dict[int, list[Run]] = {}
        self._tasks: dict[asyncio.Task[None], int] = {}
        """What is being done, and for which leg."""
        self._looking: dict[int, bool] = {}
        """Legs that are about to be told what can be done; True when they asked again meanwhile."""
        self._switching: set[tuple[int, How]] = set()
        """Restarts and shutdowns that are being done, and for which leg."""
        self._switch_turn = asyncio.Lock()
        self._will_return = False
        """A restart has begun for which the client is prepared to come back: nothing takes that away from it."""

    # --- frames ---

    def on_frame(self, leg: int, frame_type: int, channel: int, payload: memoryview) -> None:
        """LIST, RUN, POWER."""
        if frame_type == Actions.LIST:
            self._look(leg)
        elif frame_type == Actions.RUN:
            self._wish(leg, msgspec.json.decode(payload, type=Run))
        elif frame_type == Actions.POWER:
            self._wish_power(leg, msgspec.json.decode(payload, type=Power).how)

    def runs_while_asked(self, frame_type: int, payload: memoryview) -> bool:
        """Only looking: an action could bring something in front of the question, or answer it."""
        return frame_type == Actions.LIST

    def viewer_changed(self, leg: int, grants: Grant) -> None:
        """What it may not do any more, it does not ask for any more. What was begun goes on."""
        if not grants & Grant.ACTIONS:
            self._actions.cancel(leg)
            self._wishes.pop(leg, None)
        if not grants & Grant.REBOOT:
            for consent in self._powers.values():
                consent.cancel(leg)

    def viewer_left(self, leg: int) -> None:
        """It asks for nothing any more."""
        self.viewer_changed(leg, Grant.NONE)

    def close(self) -> None:
        """Take back all questions, and what has not begun."""
        for consent in (self._actions, *self._powers.values()):
            consent.close()
        for task in self._tasks:
            task.cancel()

    # --- special actions ---

    def _wish(self, leg: int, wish: Run) -> None:
        if self._busy(leg):
            self._tell(leg, wish.action, _too_much())
            return
        by = self._port.name_of(leg)
        self._port.post("action-requested", by=by, leg=leg, action=wish.action, context=wish.context)
        if self._actions.given(leg):
            self._start(leg, self._run(leg, by, wish))
            return
        self._wishes.setdefault(leg, []).append(wish)
        self._actions.ask(leg)

    def _busy(self, leg: int) -> bool:
        """Such a wish is not put on record: the record is for what is asked, not for a flood of it."""
        mine = sum(one == leg for one in self._tasks.values()) + len(self._wishes.get(leg, ()))
        return mine >= MAX_WISHES or len(self._tasks) >= MAX_TASKS

    def _actions_answered(self, leg: int, allowed: bool) -> None:
        by = self._port.name_of(leg)
        for wish in self._wishes.pop(leg, []):
            if allowed:
                self._start(leg, self._run(leg, by, wish))
            else:
                self._refuse(leg, by, wish, _("The customer did not allow it."))

    def _refuse(self, leg: int, by: str, wish: Run, text: str) -> None:
        self._port.post("action-refused", text, by=by, leg=leg, action=wish.action, context=wish.context)
        self._tell(leg, wish.action, text)

    async def _run(self, leg: int, by: str, wish: Run) -> None:
        offer = await self._offer(leg)
        action = next((one for one in offer.actions if one.id == wish.action), None)
        if action is None or not action.ability.can or wish.context not in action.contexts:
            reason = action.ability.reason if action is not None else ""
            self._refuse(leg, by, wish, reason or _("This computer has no such action."))
            return
        about: dict[str, str | int] = {"by": by, "leg": leg, "action": wish.action, "context": wish.context}
        may = partial(self._may_act, leg, by, wish.action)
        try:
            may()
        except MachineError as error:
            self._refuse(leg, by, wish, str(error))
            return
        await self._recorded("action", wish.action, leg, action.name, about, lambda: self._act(wish, may))

    async def _act(self, wish: Run, may: Callable[[], None]) -> None:
        may()
        if wish.action == CTRL_ALT_DEL:
            desktop = await self._port.desktop()
            if desktop is None:
                raise MachineError(why("no-desktop"))
            may()  # a person may have been asked for the desktop
            await asyncio.to_thread(_press, desktop)
        else:
            await asyncio.to_thread(self._port.machine.run, wish.action, wish.context)

    # --- restart and shutdown ---

    def _wish_power(self, leg: int, how: How) -> None:
        if self._powers[how].asking(leg) or (leg, how) in self._switching:
            return  # its answer is the answer to this one too
        if self._busy(leg):
            self._tell(leg, how, _too_much())
            return
        by = self._port.name_of(leg)
        self._port.post("power-requested", by=by, leg=leg, how=how)
        if self._port.attended:
            self._powers[how].ask(leg)
        else:
            self._begin_power(leg, by, how)

    def _power_answered(self, how: How, leg: int, allowed: bool) -> None:
        by = self._port.name_of(leg)
        if allowed:
            self._begin_power(leg, by, how)
        else:
            self._refuse_power(leg, by, how, _("The customer did not allow it."))

    def _refuse_power(self, leg: int, by: str, how: How, text: str) -> None:
        self._port.post("power-refused", text, by=by, leg=leg, how=how)
        self._tell(leg, how, text)

    def _begin_power(self, leg: int, by: str, how: How) -> None:
        self._switching.add((leg, how))
        self._start(leg, self._power(leg, by, how))

    async def _power(self, leg: int, by: str, how: How) -> None:
        try:
            await self._judge_power(leg, by, how)
        finally:
            self._switching.discard((leg, how))

    async def _judge_power(self, leg: int, by: str, how: How) -> None:
        offer = await self._offer(leg)
        ability = offer.reboot if how == "reboot" else offer.shutdown
        if not ability.can:
            self._refuse_power(leg, by, how, ability.reason)
            return
        about: dict[str, str | int] = {"by": by, "leg": leg, "how": how}
        may = partial(self._check, self._powers[how], leg, by)
        try:
            may()
        except MachineError as error:
            self._refuse_power(leg, by, how, str(error))
            return
        await self._recorded("power", how, leg, "", about, lambda: self._switch(how, may))

    async def _switch(self, how: How, may: Callable[[], None]) -> None:
        """One after another: what one prepares, the failure of another must not clear away before the machine goes."""
        async with self._switch_turn:
            prepares = how == "reboot" and self._port.returning().can
            if prepares:
                await asyncio.to_thread(self._port.will_return, True)
            try:
                may()
                await asyncio.to_thread(self._port.machine.power, how)
            except MachineError:
                if prepares and not self._will_return:
                    await asyncio.to_thread(self._port.will_return, False)
                raise
            self._will_return = self._will_return or prepares

    # --- common ---

    def _may_act(self, leg: int, by: str, action: str) -> None:
        """Raise MachineError when the representative may not do this special action any more."""
        self._check(self._actions, leg, by)
        if action in self._port.limits_of(leg).actions_off:
            raise MachineError(_("You may not do that any more."))

    @staticmethod
    def _check(consent: Consent, leg: int, by: str) -> None:
        """Raise MachineError when the representative may not do it any more."""
        if not consent.may(leg, by):
            raise MachineError(_("You may not do that any more."))

    async def _recorded(
        self,
        what: str,
        about: str,
        leg: int,
        text: str,
        data: dict[str, str | int],
        act: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        """Put it on record, do it, tell the representative, and the record if it failed after all."""
        done = {"action": "action-run", "power": "power-started"}[what]
        try:
            async with asyncio.timeout(RECORD_S):
                await self._port.posted(done, text, **data)
        except (TimeoutError, NotRecordedError) as error:
            self._tell(leg, about, str(error) or _("It could not be put on record, so it was not done."))
            return
        try:
            await act()
        except (MachineError, DesktopError) as error:
            self._port.post(f"{what}-failed", str(error)[:512], **data)
            self._tell(leg, about, str(error)[:512])
            return
        self._tell(leg, about, "", done=True)

    async def _offer(self, leg: int) -> Offered:
        """What can be done now, by the machine and by its desktop, as far as the leg's limits go."""
        offer = await asyncio.to_thread(self._port.machine.offer)
        off = self._port.limits_of(leg).actions_off
        abilities = self._port.abilities()
        control = abilities.control if abilities is not None else cannot("no-desktop")
        keys = Action(id=CTRL_ALT_DEL, name=_("Send Ctrl-Alt-Del"), contexts=["user"], ability=control)
        return Offered(
            platform=offer.platform,
            actions=[action for action in (keys, *offer.actions) if action.id not in off],
            reboot=offer.reboot,
            shutdown=offer.shutdown,
            returns=self._port.returning(),
            block_input=_of(abilities, "block_input"),
            privacy_screen=_of(abilities, "privacy_screen"),
        )

    def _look(self, leg: int) -> None:
        running, self._looking[leg] = leg in self._looking, True
        if not running:
            self._start(leg, self._tell_offer(leg))

    async def _tell_offer(self, leg: int) -> None:
        try:
            while self._looking[leg]:
                self._looking[leg] = False
                self._port.send(Actions.OFFERED, _CHANNEL, msgspec.json.encode(await self._offer(leg)), leg)
        finally:
            del self._looking[leg]

    def _tell(self, leg: int, about: str, text: str, *, done: bool = False) -> None:
        message = Done(about=about, done=done, text=text[:512])
        self._port.send(Actions.DONE, _CHANNEL, msgspec.json.encode(message), leg)

    def _start(self, leg: int, work: Coroutine[Any, Any, None]) -> None:
        task = self._port.loop.create_task(work)
        self._tasks[task] = leg
        task.add_done_callback(lambda done: self._tasks.pop(done, None))


def _too_much() -> str:
    return _("Too much is going on at once. Wait until something is done.")


def _of(abilities: Abilities | None, name: str) -> Ability:
    if abilities is None:
        return cannot("no-desktop")
    ability: Ability = getattr(abilities, name)
    return ability


def _press(desktop: Desktop) -> None:
    """Press and release Ctrl-Alt-Del on the desktop."""
    sink = desktop.open_input()
    try:
        for key in _KEYS:
            sink.key(key, True)
        for key in reversed(_KEYS):
            sink.key(key, False)
    finally:
        sink.close()
