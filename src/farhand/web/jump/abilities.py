"""What an endpoint can do before anybody jumps to it, in the words of the one table (`protocol.abilities`).

Rules: a reason that has no code here, because the endpoint is newer, is said in the endpoint's own words.
"""

from typing import Any

import msgspec
from django.utils.translation import gettext

from farhand.protocol.abilities import ABILITIES, REASONS
from farhand.web.jump.models import JumpClient


class Line(msgspec.Struct, frozen=True):
    """One ability as it is shown."""

    label: str
    can: bool
    reason: str
    """Why not, or what is to be known where it can; "" when there is nothing to say."""


def words() -> dict[str, dict[str, str]]:
    """The table in the language of the request, for consoles: names of abilities, sentences of reasons."""
    return {
        "abilities": {name: gettext(label) for name, label in ABILITIES.items()},
        "reasons": {code: gettext(sentence) for code, sentence in REASONS.items()},
    }


def lines_of(client: JumpClient) -> list[Line]:
    """What a Jump Client's desktop lets be done, as it said last, in the language of the request."""
    return [Line(gettext(label), *_judged(client, name)) for name, label in ABILITIES.items()]


def _judged(client: JumpClient, name: str) -> tuple[bool, str]:
    if client.desktop is None:
        if client.display:  # an older client says only that there is a screen
            return name == "see", "" if name == "see" else _sentence("not-told")
        return False, _sentence("no-desktop")
    told: dict[str, Any] = client.desktop.get(name) or {}
    return told.get("can") is True, _sentence(told.get("code", "")) or told.get("reason", "")


def _sentence(code: str) -> str:
    known = REASONS.get(code)
    return gettext(known) if known else ""
