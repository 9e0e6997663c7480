"""Messages of the deploy channel: what a client installs on its computer beyond the session, or removes again.

Pinning makes the computer reachable with nobody there, so no console's word is enough for it. A console asks the site
for an ORDER, and hands only its id to the endpoint. The endpoint fetches what was ordered from the site itself, over
its own proven connection and with the proof of its leg's key; the customer is asked with the site's words; and only
then does the endpoint redeem the order, once. So no secret that installs anything passes through a console or a relay.
"""

from typing import Final, Literal

from farhand.protocol.messages import Ability, Id, Line, Message, Name, Word

What = Literal["pin", "unpin"]
"""What an order is for: install this client as a Jump Client, or uninstall the Jump Client of this computer."""

ORDER_MS: Final = 300_000
"""How long an order holds: the customer's minute to answer, and a slow connection."""
PROOF_KIND: Final = "deploy"
"""Signature by the key of the endpoint's leg, over the order's id."""
ENROL_KIND: Final = "enrol"
"""Signature by the new Jump Client's key, over the order's id."""
UNPIN_KIND: Final = "unpin"
"""Signature by the key of the Jump Client that goes, over the order's id."""


class Pinned(Message, frozen=True, kw_only=True):
    """The Jump Client that is installed for this person, or on this machine."""

    client_id: Id
    name: Word = ""
    group: Word = ""


class Deployable(Message, frozen=True, kw_only=True):
    """OFFERED: what can be installed here now, and what is installed."""

    pin: Ability = Ability()
    pinned: Pinned | None = None


class CarryOut(Message, frozen=True, kw_only=True):
    """DO: do what was ordered of the site."""

    order: Id


class Deployed(Message, frozen=True, kw_only=True):
    """DONE, to the leg that asked: whether it was done."""

    order: Id
    done: bool = False
    text: Line = ""
    """For people: why not; or what happens now."""


class OrderInfo(Message, frozen=True, kw_only=True):
    """The site's answer to an endpoint that asks what was ordered."""

    order: Id
    what: What
    leg: int
    """Who ordered it: the order counts from this leg only."""
    name: Name = ""
    """Of the Jump Client."""
    group: Name = ""
    client_id: str = ""
    """Of the Jump Client that is to go."""
    password: bool = False
    """Everybody will be asked for a password before a Jump."""
