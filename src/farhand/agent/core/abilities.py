"""Why something cannot be done here, or what is to be known of it, in the one table's words (`protocol.abilities`)."""

from farhand.agent.texts import _
from farhand.protocol.abilities import REASONS
from farhand.protocol.messages import Ability


def why(code: str) -> str:
    """Return a reason's sentence in this machine's language. KeyError for a code that is not in the table."""
    return _(REASONS[code])


def cannot(code: str) -> Ability:
    """Return the ability that is not there, with its reason."""
    return Ability(code=code, reason=why(code))


def noted(code: str) -> Ability:
    """Return the ability that is there, with something that is to be known of it."""
    return Ability(can=True, code=code, reason=why(code))
