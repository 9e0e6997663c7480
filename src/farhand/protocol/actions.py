"""Messages of the actions channel: what an endpoint offers beside its tools, and a wish for one of it.

Rules: what can be done is the endpoint's to say, when it is asked (OFFERED); a thing that cannot be done is named all
the same, with the reason, so that a viewer can show why. Names that a viewer does not know are shown as the endpoint
says them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

import msgspec

from farhand.protocol.messages import Ability, ActionName, Line, Message, Word

Context = Literal["user", "system"]
"""As whom something runs: the person who is signed in at the endpoint's desktop, or the system's own account."""
How = Literal["reboot", "shutdown"]


def _(text: str) -> str:
    """Mark a text for the catalogs and return it unchanged."""
    return text


ACTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ctrl-alt-del": _("Send Ctrl-Alt-Del"),
        "terminal": _("Terminal"),
        "task-manager": _("Task Manager"),
        "system-settings": _("System Settings"),
        "network-settings": _("Network Settings"),
        "file-manager": _("File Manager"),
        "lock-screen": _("Lock Screen"),
    }
)
"""The special actions that are known here, with their names for people. An endpoint may have others."""


class Action(Message, frozen=True, kw_only=True):
    """One special action of this endpoint."""

    id: ActionName
    name: Word = ""
    """For people, in the endpoint's language: for viewers that do not know the id."""
    contexts: Annotated[list[Word], msgspec.Meta(max_length=4)] = []
    """`Context`s in which it can run; others may come."""
    ability: Ability = Ability()


class Offered(Message, frozen=True, kw_only=True):
    """OFFERED: what can be done here now."""

    platform: Word = ""
    """As in `Facts`."""
    actions: Annotated[list[Action], msgspec.Meta(max_length=64)] = []
    reboot: Ability = Ability()
    shutdown: Ability = Ability()
    returns: Ability = Ability()
    """After a reboot the endpoint comes back into the session by itself."""
    block_input: Ability = Ability()
    """Keep the mouse and keyboard there from being used."""
    privacy_screen: Ability = Ability()
    """Hide the screen there."""


class Run(Message, frozen=True, kw_only=True):
    """RUN: do this special action."""

    action: ActionName
    context: Context = "user"


class Power(Message, frozen=True, kw_only=True):
    """POWER: restart or switch off the machine."""

    how: How = "reboot"


class Done(Message, frozen=True, kw_only=True):
    """DONE, to the leg that asked: whether what it asked for was begun."""

    about: ActionName
    """The action, `reboot` or `shutdown`."""
    done: bool
    text: Line = ""
    """For people: why not."""
